"""The server's optimisers: against the paper's algorithm written down in numpy, in whole rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tolerance import rounding

from fedxr.federation import (
    Block,
    Blocks,
    Headset,
    Round,
    ServerOptimizer,
    ServerState,
    StragglerDeadline,
    Updates,
    run_round,
)

BLOCKS = Blocks((Block("b", 0, 6, "lora_B"), Block("h", 6, 10, "head")))
HEADSETS = [Headset(f"h{i}", position=(8.0 * i, 0.0)) for i in range(5)]
WEIGHTS = torch.tensor([3.0, 1.0, 4.0, 1.0, 5.0], dtype=torch.float64)
ROUNDS = 6
Vector = NDArray[np.float64]


def learned(number: int) -> torch.Tensor:
    """By what each headset changes what it holds."""
    return torch.randn(5, 10, generator=torch.Generator().manual_seed(number), dtype=torch.float64)


def rounds(how: ServerOptimizer | None, **more: Any) -> Iterator[torch.Tensor]:
    """What all hold after each of ``ROUNDS`` rounds that begin at the same values."""
    values = torch.ones(5, 10, dtype=torch.float64)
    pace, server = StragglerDeadline(), ServerState()
    config = Round("centralized", **more, **({} if how is None else {"server": how}))
    for number in range(ROUNDS):
        mine = values + learned(number)

        def adapt(awake: torch.Tensor, union: bool, mine: torch.Tensor = mine) -> Updates:
            return Updates(BLOCKS, mine[awake], WEIGHTS[awake, None].expand(-1, 2))

        values, _ = run_round(config, HEADSETS, values, adapt, number, pace, server)
        assert bool((values == values[:1]).all())
        yield values[0]


def momentum(x: Vector, m: Vector, v: Vector, d: Vector, o: ServerOptimizer) -> Vector:
    m[:] = o.beta1 * m + d
    return x + o.rate * m


def adam(x: Vector, m: Vector, v: Vector, d: Vector, o: ServerOptimizer) -> Vector:
    m[:] = o.beta1 * m + (1 - o.beta1) * d
    v[:] = o.beta2 * v + (1 - o.beta2) * d**2
    return x + o.rate * m / (np.sqrt(v) + o.tau)


def yogi(x: Vector, m: Vector, v: Vector, d: Vector, o: ServerOptimizer) -> Vector:
    m[:] = o.beta1 * m + (1 - o.beta1) * d
    v[:] = v - (1 - o.beta2) * d**2 * np.sign(v - d**2)
    return x + o.rate * m / (np.sqrt(v) + o.tau)


@pytest.mark.parametrize("rule", [momentum, adam, yogi])
def test_a_round_is_the_papers(rule: Callable[..., Vector]) -> None:
    """All start a round from what the server sent, so the mean's change is that of their steps."""
    more = {} if rule is momentum else {"beta2": 0.9, "tau": 0.05}
    how = ServerOptimizer(rule.__name__, rate=0.3, beta1=0.8, **more)  # type: ignore[arg-type]
    x, m, v = np.ones(10), np.zeros(10), np.full(10, how.tau**2)
    share = (WEIGHTS / WEIGHTS.sum()).numpy()
    for number, got in enumerate(rounds(how)):
        x = rule(x, m, v, share @ learned(number).numpy(), how)
        np.testing.assert_allclose(got.numpy(), x, rtol=0, atol=1e-12)  # of 1 to 10


def test_the_mean_is_untouched() -> None:
    for plain, said in zip(rounds(None), rounds(ServerOptimizer("mean")), strict=True):
        assert torch.equal(plain, said)


def test_momentum_of_a_full_step_without_memory_is_the_mean() -> None:
    how = ServerOptimizer("momentum", rate=1.0, beta1=0.0)
    for plain, stepped in zip(rounds(None), rounds(how), strict=True):
        close = rounding(torch.float64, 8, plain, layers=ROUNDS)
        torch.testing.assert_close(stepped, plain, rtol=0, atol=close)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="has no server; take centralized or semi-decentralized"):
        Round("decentralized", server=ServerOptimizer("adam"))
    with pytest.raises(ValueError, match="'sgd'; allowed are mean, momentum, adam, yogi"):
        ServerOptimizer("sgd")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"'mean' has no use for rate 0\.5"):
        ServerOptimizer(rate=0.5)
    with pytest.raises(ValueError, match=r"'momentum' has no use for tau 0\.5"):
        ServerOptimizer("momentum", tau=0.5)
    with pytest.raises(ValueError, match="rate 0"):
        ServerOptimizer("adam", rate=0)
    with pytest.raises(ValueError, match="beta2 1"):
        ServerOptimizer("adam", beta2=1.0)
