"""A headset whose update cannot be is left out of the round, and nobody holds its values."""

from __future__ import annotations

import pytest
import torch

from fedxr.federation import (
    Block,
    Blocks,
    Effort,
    Headset,
    Round,
    StragglerDeadline,
    Updates,
    run_round,
)

BLOCKS = Blocks((Block("shared", 0, 8, "lora_B"), Block("head", 8, 16, "head", most=1e3)))
HEADSETS = [Headset(f"h{i}", (float(i), 0.0, 0.0)) for i in range(8)]
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("coordination", ["centralized", "decentralized", "semi-decentralized"])
@pytest.mark.parametrize(
    ("value", "samples"),
    [
        (NAN, 20.0), (INF, 20.0), (-INF, 20.0), (1e30, 20.0), (-3e38, 20.0), (1e7, 20.0),
        (0.1, 1e9), (0.1, -5.0), (0.1, NAN), (0.1, INF),
    ],
)  # fmt: skip
def test_who_lies_beyond_what_can_be_is_left_out_and_named(
    coordination: str, value: float, samples: float
) -> None:
    values = torch.randn(8, 16, generator=torch.Generator().manual_seed(0))

    def adapt(awake: torch.Tensor, _union: bool) -> Updates:
        brought, weights = values[awake].clone(), torch.full((len(awake), 2), 20.0)
        brought[0], weights[0] = value, samples
        return Updates(BLOCKS, brought, weights, None, Effort(torch.ones(8), torch.ones(8)))

    mixed, report = run_round(
        Round(coordination=coordination), HEADSETS, values, adapt, 1, StragglerDeadline()
    )
    assert [(d.headset, d.step) for d in report.drops] == [("h0", 2)]
    # A mean of the honest is within what they brought.
    assert bool((mixed[1:] <= values[1:].amax(0) + 1e-5).all())
    assert bool((mixed[1:] >= values[1:].amin(0) - 1e-5).all())
    assert torch.equal(mixed[0], values[0]), "it keeps what it had"
    assert all("h0" not in report.behind(f"h{i}") for i in range(1, 8))


def test_a_block_says_how_large_its_values_can_be() -> None:
    """2,000 is fine for one and beyond the other, whose most is 1,000."""
    for column, broken in ((0, False), (15, True)):
        values = torch.zeros(2, 16)
        values[1, column] = 2000.0
        found = Updates(BLOCKS, values, torch.ones(2, 2)).broken()
        assert found.tolist() == [False, broken]


def test_what_has_no_weight_is_not_looked_at() -> None:
    values = torch.full((1, 16), NAN)
    assert not bool(Updates(BLOCKS, values, torch.zeros(1, 2)).broken())
