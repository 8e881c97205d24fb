"""Property 5: the mean of low-rank changes by QR and SVD, against dense matrices; and rounds."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from test_rounds import NEAR, fleet
from tolerance import rounding
from torch import Tensor

from fedxr.federation import (
    Block,
    Blocks,
    Factors,
    Round,
    RoundReport,
    ServerOptimizer,
    StragglerDeadline,
    Topology,
    Updates,
    run_round,
    to_bytes,
)
from fedxr.federation.aggregation import average
from fedxr.federation.low_rank import stacked

IN, OUT, MOST, HEAD = 40, 30, 16, 5
LEVELS = (4, 8, 16)
RANKS = torch.tensor([4, 8, 16, 4, 8, 16, 4])
H = len(RANKS)


def blocks(most: int = MOST, levels: tuple[int, ...] = LEVELS) -> Blocks:
    """A then B, each a block a range of ranks, and a head."""
    found, at, ranges = list[Block](), 0, list(zip((0, *levels), levels, strict=False))
    for kind, width in (("lora_A", IN), ("lora_B", OUT)):
        for low, high in ranges:
            size = (high - low) * width
            found.append(Block(f"{kind}[{low}:{high}]", at, at + size, kind))
            at += size
    found.append(Block("head", at, at + HEAD, "head"))
    a = torch.arange(most * IN).view(most, IN)
    b = most * IN + torch.arange(most * OUT).view(most, OUT)
    return Blocks(tuple(found), (Factors(a, b),))


BLOCKS = blocks()


def people(seed: int = 0, ranks: Tensor = RANKS) -> Updates:
    """Headsets of several ranks; what is beyond a headset's rank is not a number."""
    draws = torch.Generator().manual_seed(seed)
    x = torch.randn(len(ranks), BLOCKS.length, dtype=torch.float64, generator=draws)
    low = torch.tensor([*(0, 4, 8) * 2, 0])
    owns = ranks[:, None] > low
    x[~owns.repeat_interleave(BLOCKS.sizes, 1)] = torch.nan
    samples = torch.arange(1, len(ranks) + 1).double()[:, None]
    return Updates(BLOCKS, x, samples * owns, owns)


def change(row: Tensor, rank: int = MOST, wide: int = MOST) -> Tensor:
    """Bᵀ A (OUT, IN) of one row, the dumb way."""
    a, b = row[: wide * IN].view(wide, IN)[:rank], row[wide * IN :][: wide * OUT].view(wide, OUT)
    return b[:rank].T @ a


def dense_mean(updates: Updates, ranks: Tensor = RANKS) -> Tensor:
    weight = updates.weights[:, 0]
    each = [
        w * change(row, int(r))
        for row, r, w in zip(updates.values, ranks, weight, strict=True)
        if w > 0
    ]
    return torch.stack(each).sum(0) / weight.sum()


def within(size: Tensor) -> float:
    """Of a norm: products of stacked factors, two orthogonal decompositions and their product."""
    return rounding(torch.float64, H * MOST, layers=4) * float(size.norm()) * MOST


def test_it_is_the_best_of_its_rank_of_the_dense_mean() -> None:
    updates = people()
    found, dense = stacked(updates), dense_mean(updates)
    left, size, right = torch.linalg.svd(dense, full_matrices=False)
    best = (left[:, :MOST] * size[:MOST]) @ right[:MOST]
    assert float((change(found.values[0]) - best).norm()) <= within(dense)
    # Its error is the tail of the singular values.
    error = float((change(found.values[0]) - dense).norm())
    assert error == pytest.approx(float(size[MOST:].square().sum().sqrt()), abs=within(dense))
    # Who has a lower rank takes the first rows, which are the best of that rank.
    for rank in LEVELS[:2]:
        lower = (left[:, :rank] * size[:rank]) @ right[:rank]
        assert float((change(found.values[0], rank) - lower).norm()) <= within(dense)
    # Everything else is the mean of its owners.
    assert torch.equal(found.values[:, -HEAD:], average(updates).values[:, -HEAD:])
    assert torch.equal(found.weights, average(updates).weights)


def test_of_ranks_that_nobody_has_none_travels() -> None:
    ranks = torch.tensor([4, 8, 4])
    updates = people(1, ranks)
    dense = dense_mean(updates, ranks)
    # Nobody has ranks from 8 on, so that they do not travel: the mean has 16, of which 8 are kept.
    found = stacked(updates)
    assert found.weights[0, [2, 5]].tolist() == [0, 0]
    _, size, _ = torch.linalg.svd(dense)
    error = float((change(found.values[0], 8) - dense).norm())
    assert error == pytest.approx(float(size[8:].square().sum().sqrt()), abs=within(dense))


def test_it_depends_neither_on_the_order_nor_on_how_the_factors_are_scaled() -> None:
    updates = people(2)
    found, dense = change(stacked(updates).values[0]), dense_mean(updates)
    order = torch.tensor([3, 6, 0, 5, 1, 4, 2])
    again = change(stacked(updates.rows(order)).values[0])
    assert float((again - found).norm()) <= 2 * within(dense)
    scaled = replace(updates, values=updates.values.clone())
    for row, factor in enumerate((0.25, 4, 2, 0.5, 8, 1, 0.125)):  # exact in binary
        scaled.values[row, : MOST * IN] *= factor
        scaled.values[row, MOST * IN : -HEAD] /= factor
    assert float((change(stacked(scaled).values[0]) - found).norm()) <= 2 * within(dense)


def test_the_exact_rules_beat_naive() -> None:
    updates = people(3)
    dense = dense_mean(updates)
    blank = replace(updates, values=updates.values.nan_to_num(0.0))
    naive = float((change(average(blank).values[0]) - dense).norm() / dense.norm())
    exact = float((change(stacked(updates).values[0]) - dense).norm() / dense.norm())
    assert exact < naive / 2


def go(how: Round, updates: Updates) -> tuple[Tensor, RoundReport]:
    start, pace = torch.zeros_like(updates.values), StragglerDeadline()
    return run_round(how, fleet(), start, lambda awake, _: updates.rows(awake), 1, pace)


@pytest.mark.parametrize("broadcast", ["all", "representatives"])
def test_clusters_find_what_the_server_alone_finds_where_their_rank_is_enough(
    broadcast: str,
) -> None:
    """Ranks of one, stacked in clusters of at most three, are of rank three."""
    ranks = torch.full((H,), 4)
    updates = people(4, ranks)
    x = updates.values.clone()
    x[:, IN : MOST * IN], x[:, MOST * IN + OUT : -HEAD] = 0.0, 0.0  # rank one each
    updates = replace(updates, values=x)
    how = Round(exchange="stacked", topology=Topology(cluster_size=3), broadcast=broadcast)  # type: ignore[arg-type]
    mixed, report = go(how, updates)
    alone, _ = go(replace(how, coordination="centralized", broadcast="all"), updates)
    dense = dense_mean(updates, ranks)
    _, size, _ = torch.linalg.svd(dense)
    reached = {name for one in report.clusters for name in one.answered}
    assert reached
    for row in range(H):
        if f"h{row}" not in reached:
            assert torch.equal(mixed[row, : 4 * IN], x[row, : 4 * IN]), "its own"
            continue
        for found in (mixed[row], alone[row]):
            error = float((change(found, 4) - dense).norm())
            assert error == pytest.approx(float(size[4:].square().sum().sqrt()), abs=within(dense))


def test_whoever_has_a_lower_rank_takes_the_first_rows_and_no_more() -> None:
    updates = people(5)
    mixed, _ = go(Round(exchange="stacked", coordination="centralized"), updates)
    whole = stacked(updates).values[0]
    for row, rank in enumerate(RANKS.tolist()):
        a, b = mixed[row, : MOST * IN].view(MOST, IN), mixed[row, MOST * IN :][: MOST * OUT]
        assert torch.equal(a[:rank], whole[: rank * IN].view(rank, IN))
        assert torch.equal(b[: rank * OUT], whole[MOST * IN :][: rank * OUT])
        assert not a[rank:].any()
        assert not b[rank * OUT :].any()


def test_factors_are_relayed_to_the_representative_and_not_mixed() -> None:
    updates = people(6)
    how = Round(exchange="stacked", topology=Topology(cluster_size=3, graph="ring"))
    _, report = go(how, updates)
    row_of = {f"h{i}": i for i in range(H)}
    home = torch.tensor([block.kind != "head" for block in BLOCKS])
    for one in report.clusters:
        if len(one.members) == 1:
            continue
        assert one.representative is not None
        near = [r for r in report.rows if r.link == "d2d" and r.sender in one.members]
        # The head is mixed, a packet a neighbour and exchange; the rest goes once to who speaks.
        factors = [len(to_bytes(updates.only(home), row_of[m])) for m in one.members]
        head = len(to_bytes(updates.only(~home), 0))
        links = len({(r.sender, r.receiver) for r in near})
        sent = sum(f for f, m in zip(factors, one.members, strict=True) if m != one.representative)
        assert sum(r.bytes for r in near) == sent + links * one.rounds * head
    assert len({len(c.members) for c in report.clusters} - {1}) > 0


def test_what_cannot_be_is_refused_with_what_can() -> None:
    for wrong, why in (
        ({"coordination": "decentralized"}, "semi-decentralized or centralized"),
        ({"server": ServerOptimizer("adam")}, "'adam' moves factors one by one"),
    ):
        with pytest.raises(ValueError, match=why):
            Round(exchange="stacked", **wrong)  # type: ignore[arg-type]
    plain = Updates(Blocks(BLOCKS.all), people().values, people().weights)
    with pytest.raises(ValueError, match=r"factors=\(Factors"):
        go(Round(exchange="stacked"), plain)
    assert len(NEAR) == H
