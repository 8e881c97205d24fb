"""Properties 1, 2 and 7 of consensus, in float64 where exactness is claimed."""

from __future__ import annotations

import math

import pytest
import torch
from tolerance import rounding
from torch import Tensor

from fedxr.federation import Block, Blocks, Consensus, Updates
from fedxr.federation.aggregation import average
from fedxr.federation.codec import NUMBER_FORMATS, NumberFormat, rounded
from fedxr.federation.consensus import mix, rounds_for, rounds_needed, spread
from fedxr.federation.topology import (
    complete,
    geometric,
    k_regular,
    metropolis,
    ring,
    spectral_norm,
)

P = 40
BLOCKS = Blocks((Block("a", 0, 10, "lora_B"), Block("b", 10, 37, "head"), Block("c", 37, P)))


def draws(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def updates(x: Tensor, weights: Tensor | None = None) -> Updates:
    return Updates(BLOCKS, x, torch.ones(len(x), 3) if weights is None else weights)


def mixing(x: Tensor, rounds: int) -> float:
    """Rounding of ``rounds`` exchanges of x: a mean over all, after each a product with weights and
    a quotient."""
    return rounding(x.dtype, len(x) + 2, x, layers=max(rounds, 1))


def graph(kind: int, n: int, seed: int) -> Tensor:
    if kind == 0:
        return ring(n)
    if kind == 1:
        return complete(n)
    if kind == 2:
        return k_regular(n, 4, seed)
    return geometric(torch.rand(n, 2, generator=draws(seed)), 0.4)


def off_mean(x: Tensor) -> float:
    return float((x - x.mean(0)).norm())


@pytest.mark.parametrize("kind", range(4))
def test_mixing_keeps_the_mean_and_contracts_by_the_norm(kind: int) -> None:
    for seed in range(10):
        v = metropolis(graph(kind, 9, seed))
        norm = spectral_norm(v)
        x = torch.randn(9, P, dtype=torch.float64, generator=draws(seed))
        mixed = mix(v, updates(x), 1).values
        assert (mixed.mean(0) - x.mean(0)).abs().max() < mixing(x, 1)
        assert off_mean(mixed) <= norm * off_mean(x) + mixing(x, 1) * x.numel() ** 0.5


def test_contraction_is_exact_on_the_second_eigenvector() -> None:
    v = metropolis(ring(8))
    eigenvalues, vectors = torch.linalg.eigh(v - 1 / 8)
    worst = vectors[:, eigenvalues.abs().argmax()]
    x = worst[:, None].expand(8, P).clone()
    assert off_mean(mix(v, updates(x), 1).values) == pytest.approx(
        spectral_norm(v) * off_mean(x), rel=rounding(torch.float64, 8 * 8)
    )


def test_many_exchanges_reach_the_weighted_mean_of_owners() -> None:
    x = torch.randn(7, P, dtype=torch.float64, generator=draws(0))
    weights = torch.randint(1, 50, (7, 3), generator=draws(1)).double()
    weights[2:5, 0] = 0  # on a ring: 2, 3 and 4 only pass block a on
    mixed = mix(metropolis(ring(7)), updates(x, weights), 400)
    for k, block in enumerate(BLOCKS):
        # the dumb way: a loop over owners
        total, weighted = 0.0, torch.zeros(block.size, dtype=torch.float64)
        for i in range(7):
            if weights[i, k] > 0:
                weighted += weights[i, k] * x[i, block.columns]
                total += float(weights[i, k])
        assert (mixed.values[:, block.columns] - weighted / total).abs().max() < mixing(x, 400)
        assert (mixed.weights[:, k] - total / 7).abs().max() < mixing(weights, 400)


def test_one_complete_exchange_is_the_mean() -> None:
    x = torch.randn(6, P, dtype=torch.float64, generator=draws(0))
    weights = torch.rand(6, 3, dtype=torch.float64, generator=draws(1)) + 0.1
    mixed, mean = mix(metropolis(complete(6)), updates(x, weights), 1), average(updates(x, weights))
    assert (mixed.values - mean.values).abs().max() < mixing(x, 1)


def test_content_of_a_block_without_weight_is_never_read() -> None:
    v = metropolis(ring(6))
    x = torch.randn(6, P, generator=draws(0))
    weights = torch.ones(6, 3)
    weights[1, 1] = weights[4, 1] = 0
    weights[:, 2] = 0  # nobody's
    poisoned = x.clone()
    poisoned[1, 10:37] = torch.nan
    poisoned[4, 10:37] = 1e30
    poisoned[:, 37:] = torch.inf
    for codec in NUMBER_FORMATS:
        clean = mix(v, updates(x, weights), 3, codec)
        dirty = mix(v, updates(poisoned, weights), 3, codec)
        assert torch.equal(clean.values, dirty.values)
        assert torch.equal(clean.weights, dirty.weights)
        assert (dirty.weights[:, 2] == 0).all()
    assert torch.equal(
        average(updates(x, weights)).values, average(updates(poisoned, weights)).values
    )


def test_a_weight_travels_one_hop_per_exchange() -> None:
    weights = torch.zeros(8, 3)
    weights[0] = 1
    x = torch.randn(8, P, dtype=torch.float64, generator=draws(0))
    for rounds, reached in ((1, {7, 0, 1}), (2, {6, 7, 0, 1, 2}), (4, set(range(8)))):
        mixed = mix(metropolis(ring(8)), updates(x, weights), rounds)
        assert set((mixed.weights[:, 0] > 0).nonzero().flatten().tolist()) == reached
        # the only owner's value is what everyone within reach holds
        rows = sorted(reached)
        assert (mixed.values[rows] - x[0]).abs().max() < mixing(x[:1], rounds)


@pytest.mark.parametrize("codec", ["bf16", "int8"])
def test_rounded_messages_keep_the_mean_and_stay_within_their_precision(
    codec: NumberFormat,
) -> None:
    v = metropolis(ring(6))
    x = torch.randn(6, P, dtype=torch.float64, generator=draws(0))
    weights = torch.randint(1, 9, (6, 3), generator=draws(1)).double()
    exact, coarse = mix(v, updates(x, weights), 30), mix(v, updates(x, weights), 30, codec)
    columns = weights.repeat_interleave(BLOCKS.sizes, 1)
    moved = coarse.weights.repeat_interleave(BLOCKS.sizes, 1) * coarse.values
    assert (moved.sum(0) - (columns * x).sum(0)).abs().max() < mixing(columns * x, 30) * len(x)
    # What is sent is off by this at most: half of 2⁻⁷ of a number, or half a step of its chunk.
    most = float(x.abs().max()) * (2**-8 if codec == "bf16" else 1 / 254)
    assert 0 < (coarse.values - exact.values).abs().max() < 4 * most


def test_rounded_messages_of_wide_blocks_are_those_of_one_exchange_after_another() -> None:
    """Tile by tile through all exchanges, or the whole row exchange by exchange: the same."""
    x = torch.randn(5, 9000, generator=draws(0))
    one = Updates(Blocks((Block("wide", 0, 9000),)), x, torch.tensor([[3.0], [1], [0], [2], [1]]))
    v = metropolis(ring(5))
    for codec in ("bf16", "int8"):
        z, w = x.double().masked_fill(one.weights == 0, 0.0), one.weights.clone()
        for _ in range(3):
            sent = w * rounded(z.float(), codec).double()
            w, after = v @ w, w * z + (v - torch.eye(5)) @ sent
            z = after / w.where(w > 0, 1.0)
        # A number next to the middle of two may be rounded to either: then it is off by a step.
        off = (mix(v, one, 3, codec).values - z).abs()
        step = float(x.abs().max()) * (2**-7 if codec == "bf16" else 1 / 127)
        assert float(off.max()) <= 4 * step
        assert float(off.median()) <= mixing(x, 3)


def test_rounds_agree_with_the_published_example() -> None:
    # ring of 5, one per cent of the spread: ceil(log(0.01 / sqrt(2)) / log(0.539)) = 9
    norm = spectral_norm(metropolis(ring(5)))
    assert rounds_needed(norm, 1.0, 0.01, torch.ones(5)) == 9
    # and in general, with equal weights, with MH-FL's own formula
    for s, upsilon, epsilon in ((3, 2.0, 0.1), (5, 0.3, 0.02), (12, 7.0, 1e-4)):
        norm = spectral_norm(metropolis(ring(s)))
        theirs = math.log(epsilon / (math.sqrt((s - 1) / 2) * upsilon)) / math.log(max(norm, 1e-9))
        if norm > 1e-9:
            assert rounds_needed(norm, upsilon, epsilon, torch.ones(s)) == math.ceil(theirs)
    assert rounds_needed(0.5, 1e-3, 1.0, torch.ones(4)) == 0  # already close enough
    assert rounds_needed(0.0, 5.0, 1e-9, torch.ones(4)) == 1  # complete: one exchange is exact


def test_the_promise_of_rounds_is_never_broken_in_1000_draws() -> None:
    for seed in range(1000):
        chance = draws(seed)
        n = int(torch.randint(2, 13, (), generator=chance))
        v = metropolis(graph(seed % 4, n, seed))
        x = torch.randn(n, P, dtype=torch.float64, generator=chance) * 10 ** float(
            torch.randn((), generator=chance)
        )
        weights = torch.ones(n, 3, dtype=torch.float64)
        if seed % 3:  # unequal, and in every third draw with headsets that own nothing
            weights = torch.rand(n, 1, dtype=torch.float64, generator=chance).expand(n, 3) + 0.01
        if seed % 3 == 2:
            weights = weights * (torch.arange(n)[:, None] % 2 == 0)
        epsilon = 10 ** float(torch.empty(()).uniform_(-6, 0, generator=chance))
        owners = weights[:, 0] > 0
        rounds = rounds_needed(spectral_norm(v), spread(x[owners]), epsilon, weights[:, 0])
        mixed = mix(v, updates(x, weights), rounds)
        target = (weights[:, :1] * x).sum(0) / weights[:, 0].sum()
        if rounds == 0:  # nothing was mixed: the claim is about what the owners hold
            mixed = updates(x, weights).rows(owners.nonzero().flatten())
        assert (mixed.weights > 0).all()
        rest = mixing(x, rounds) * x.numel() ** 0.5
        assert float((mixed.values - target).norm()) <= epsilon + rest


def test_rounds_shrink_with_the_spread_and_grow_as_the_step_shrinks() -> None:
    norm = spectral_norm(metropolis(ring(8)))
    x = torch.randn(8, P, dtype=torch.float64, generator=draws(0))
    rule = Consensus(relative_error=1e-2)
    by_step = [rounds_for(updates(x), steps(step), norm, rule) for step in (1.0, 0.1, 0.01)]
    assert by_step == sorted(by_step)
    assert by_step[0] < by_step[2]
    assert rounds_for(updates(x * 1e-4), steps(1.0), norm, rule) == 0
    assert rounds_for(updates(x[:1]), steps(1.0)[:1], 0.0, rule) == 0
    apart = float((x - x.mean(0)).square().mean().sqrt())  # what nobody has moved
    assert rounds_for(updates(x), steps(0.0), norm, rule) in {
        rounds_for(updates(x), steps(apart * near), norm, rule) for near in (0.9, 1.1)
    }
    assert rounds_for(updates(x[:1].expand(8, -1)), steps(0.0), norm, rule) == 0


def steps(size: float) -> torch.Tensor:
    """(8, 3): all blocks have moved by so much, root mean square."""
    return torch.full((8, 3), size, dtype=torch.float64)


@pytest.mark.parametrize("scale", [1e-3, 1e4])
def test_units_do_not_matter_to_rounds(scale: float) -> None:
    """Adapters of hundredths and sums of thousands are agreed on alike."""
    norm, rule = spectral_norm(metropolis(ring(8))), Consensus()
    x = torch.randn(8, P, dtype=torch.float64, generator=draws(0))
    wanted = rounds_for(updates(x), steps(1.0), norm, rule)
    assert wanted > 1
    assert rounds_for(updates(x * scale), steps(scale), norm, rule) == wanted


def test_each_kind_of_block_is_held_to_its_own_steps() -> None:
    """A block of large steps does not excuse one of another kind beside it."""
    norm, rule = spectral_norm(metropolis(ring(8))), Consensus()
    x = torch.randn(8, P, dtype=torch.float64, generator=draws(0))
    moved = steps(1.0)
    (small, *_), large = range(len(BLOCKS)), [k for k in range(len(BLOCKS)) if k]
    kinds = [block.kind for block in BLOCKS]
    assert kinds[small] not in {kinds[k] for k in large}
    moved[:, large] = 1e6
    assert rounds_for(updates(x), moved, norm, rule) >= rounds_for(
        updates(x), steps(1.0), norm, rule
    )
    assert rounds_for(updates(x), moved, norm, rule) > rounds_for(
        updates(x), steps(1e6), norm, rule
    )


def test_a_number_of_rounds_may_be_set() -> None:
    assert [Consensus().of(n) for n in (0, 3, 99)] == [0, 3, 64]
    assert [Consensus(rounds=2).of(n) for n in (0, 3, 99)] == [2, 2, 2]
    with pytest.raises(ValueError, match="rounds -1; take 0 or more"):
        Consensus(rounds=-1)


def test_the_chunks_of_columns_change_nothing() -> None:
    from fedxr.federation import aggregation

    v = metropolis(ring(6))
    x = torch.randn(6, P, generator=draws(0))
    whole = mix(v, updates(x), 2).values
    usual = aggregation.COLUMNS
    try:
        aggregation.COLUMNS = 7
        in_parts = mix(v, updates(x), 2).values
        torch.testing.assert_close(in_parts, whole, rtol=0, atol=mixing(x, 2))
    finally:
        aggregation.COLUMNS = usual


def test_spread_is_the_largest_distance_of_a_pair() -> None:
    x = torch.randn(9, P, dtype=torch.float64, generator=draws(0))
    pairs = [float((x[i] - x[j]).norm()) for i in range(9) for j in range(i)]
    # from squares and a difference of them: the norm of a sum is twice its size
    assert spread(x) == pytest.approx(max(pairs), rel=rounding(torch.float64, P, 4))


def test_consensus_refuses_targets_that_cannot_be_met() -> None:
    for wrong in (
        {"relative_error": 0.0},
        {"weight_error": -1.0},
        {"max_rounds": 0},
    ):
        with pytest.raises(ValueError, match="above 0"):
            Consensus(**wrong)
    with pytest.raises(ValueError, match="for 3 headsets"):
        mix(metropolis(ring(4)), updates(torch.zeros(3, P)), 1)
