"""Aggregation rules: which blocks they touch, where they act, and the reasons where they do not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from fedxr.federation import (
    AGGREGATIONS,
    COORDINATIONS,
    AggregationRule,
    Block,
    Blocks,
    Consensus,
    Coordination,
    Headset,
    Round,
    StragglerDeadline,
    Topology,
    Updates,
    run_round,
)
from fedxr.federation.aggregation import average
from fedxr.federation.rules import aggregate

H, P = 8, 12
BLOCKS = Blocks(
    (Block("b", 0, 5, "lora_B"), Block("h", 5, 8, "head"), Block("other", 8, P, "other"))
)
HEADSETS = [Headset(f"h{i}", position=(2.0 * i, 0.0)) for i in range(H)]


def median(values: Tensor, weights: Tensor) -> Tensor:
    """Of R rows the middle one of each column; of an even number the mean of the two."""
    return values.quantile(0.5, dim=0)


@pytest.fixture(autouse=True)
def rule() -> Iterator[AggregationRule]:
    before = AGGREGATIONS.snapshot()
    yield AGGREGATIONS.add(
        AggregationRule("median", "the median", frozenset({"lora_B", "head"}), median)
    )
    AGGREGATIONS.restore(before)


def updates(values: Tensor) -> Updates:
    """The head is known to the first five alone; every headset has samples of its own number."""
    weights = torch.arange(1.0, H + 1)[:, None].repeat(1, 3).double()
    weights[5:, 1] = 0
    return Updates(BLOCKS, values, weights)


def values(seed: int = 0) -> Tensor:
    return torch.randn(H, P, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def go(config: Round, x: Tensor) -> Tensor:
    some = updates(x)
    return run_round(
        config, HEADSETS, x, lambda awake, union: some.rows(awake), 0, StragglerDeadline()
    )[0]


def test_the_mean_is_the_average_bit_for_bit() -> None:
    some = updates(values().float())
    got, want = aggregate("mean", some), average(some)
    assert torch.equal(got.values, want.values)
    assert torch.equal(got.weights, want.weights)


def test_a_rule_touches_its_kinds_over_owners_and_nothing_else() -> None:
    x = values()
    got, mean = aggregate("median", updates(x)), average(updates(x))
    for column in range(P):
        rows = x[:5] if 5 <= column < 8 else x  # the head has five owners
        middle = sorted(rows[:, column].tolist())
        n = len(middle)
        want = (middle[(n - 1) // 2] + middle[n // 2]) / 2
        if column < 8:
            assert float(got.values[0, column]) == pytest.approx(want, abs=1e-12)
        else:  # of no kind that it may touch
            assert got.values[0, column] == mean.values[0, column]
    assert torch.equal(got.weights, mean.weights)


@pytest.mark.parametrize("coordination", ["centralized", "semi-decentralized"])
def test_one_poisoned_headset_of_eight_moves_the_mean_and_not_the_median(coordination: str) -> None:
    topology = Topology(cluster_size=2)  # four clusters, of which one is poisoned
    honest = values()
    poisoned = honest.clone()
    poisoned[0, :8] = 1e5  # below the largest that a block may hold, so nobody is left out
    moved = {}
    for name in ("mean", "median"):
        config = Round(coordination, aggregation=name, topology=topology)
        change = go(config, poisoned)[1:, :5] - go(config, honest)[1:, :5]
        moved[name] = float(change.abs().max())
    # the mean moves by its share, 1 of 36 samples; the median stays among honest values
    assert moved["mean"] > 1e5 / 36 * 0.9
    assert moved["median"] < float(honest.max() - honest.min())


def test_other_kinds_are_the_same_under_every_rule() -> None:
    for coordination in ("centralized", "semi-decentralized"):
        one, two = (go(Round(coordination, aggregation=n), values()) for n in ("mean", "median"))
        assert torch.equal(one[:, 8:], two[:, 8:])
        assert not torch.equal(one[:, :5], two[:, :5])


@pytest.mark.parametrize(
    ("coordination", "why"),
    [
        ("decentralized", "neighbours agree by mixing.* Take centralized or semi-decentralized"),
        ("local", "nothing is aggregated there"),
        ("pooled", "nothing is aggregated there"),
    ],
)
def test_it_is_refused_where_it_cannot_act(coordination: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"'median' cannot act with .*'{coordination}': {why}"):
        Round(coordination, aggregation="median")
    Round(coordination, aggregation="mean")


def test_it_is_refused_where_nothing_that_it_may_touch_travels() -> None:
    AGGREGATIONS.add(AggregationRule("of_a", "", frozenset({"lora_A"}), median))
    with pytest.raises(ValueError, match="exchange 'ffa' sends none of them"):
        Round(aggregation="of_a")
    config = Round(aggregation="of_a", exchange="naive")
    with pytest.raises(ValueError, match=r"'of_a' may touch blocks of kind lora_A only.*'head'"):
        go(config, values())


def test_none_is_without_kinds() -> None:
    with pytest.raises(ValueError, match="names no kinds of block"):
        AggregationRule("bad", "", combine=median)
    with pytest.raises(ValueError, match="unknown aggregation rule 'mode'; known are mean, median"):
        Round(aggregation="mode")


def test_what_a_rule_returns_is_checked() -> None:
    for name, result in (("short", torch.zeros(2)), ("nan", torch.full((5,), torch.nan))):
        AGGREGATIONS.add(AggregationRule(name, "", frozenset({"lora_B"}), lambda v, w, r=result: r))
        with pytest.raises(ValueError, match=r"must return \(5,\), one finite number a column"):
            aggregate(name, updates(values()))


def test_a_coordination_that_is_added_is_followed() -> None:
    """Clusters of four that agree among themselves, and no server: links device to device."""
    before = COORDINATIONS.snapshot()
    try:
        COORDINATIONS.add(Coordination("rooms", "near", False, False, ("d2d",)))
        some, x = updates(values()), values()
        config = Round("rooms", consensus=Consensus(1e-12, 1e-12, 500))
        got, report = run_round(
            config, HEADSETS, x, lambda awake, union: some.rows(awake), 0, StragglerDeadline()
        )
        assert [len(c.members) for c in report.clusters] == [4, 4]
        assert {row.link for row in report.rows if row.bytes} == {"d2d"}
        for cluster in report.clusters:
            rows = [int(name[1:]) for name in cluster.members]
            share = torch.tensor([row + 1.0 for row in rows]).double()  # samples
            want = (share[:, None] * x[rows, :5]).sum(0) / share.sum()
            assert (got[rows, :5] - want).abs().max() < 1e-9
        with pytest.raises(ValueError, match="neighbours agree by mixing"):
            Round("rooms", aggregation="median")
    finally:
        COORDINATIONS.restore(before)


def test_what_is_no_tensor_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of whoever forgets that torch's median returns values and indices."""

    def pair(values: Tensor, weights: Tensor) -> Tensor:
        return values.median(0)  # type: ignore[return-value]

    one = AggregationRule("pair", "a slip", frozenset({"lora_B"}), pair)
    monkeypatch.setitem(AGGREGATIONS, "pair", one)
    updates = Updates(BLOCKS, torch.zeros(H, P), torch.ones(H, 3))
    with pytest.raises(ValueError, match=r"'pair' made median of block 'b'.*return \(5,\)"):
        aggregate("pair", updates)
