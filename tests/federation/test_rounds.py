"""Whole rounds: properties 2, 3, 6 and 7, what happens to the lost, late and broken."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from tolerance import rounding
from torch import Tensor

from fedxr.federation import (
    COORDINATIONS,
    Adapt,
    Block,
    Blocks,
    Consensus,
    Effort,
    Headset,
    Round,
    RoundReport,
    StragglerDeadline,
    Topology,
    Updates,
    run_round,
)
from fedxr.federation.election import ranking
from fedxr.federation.network import who_is_awake

P = 30
BLOCKS = Blocks((Block("b", 0, 12, "lora_B"), Block("h1", 12, 20, "head"), Block("h2", 20, P)))
EXACT = Consensus(relative_error=1e-14, weight_error=1e-14, max_rounds=2000)
NEAR = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (50.0, 0.0), (51.0, 0.0), (99.0, 50.0), (99.0, 51.0)]
H = len(NEAR)


def fleet(**every: Any) -> list[Headset]:
    return [Headset(f"h{i}", position=place, **every) for i, place in enumerate(NEAR)]


def learned(seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(H, P, generator=torch.Generator().manual_seed(seed), dtype=dtype)


ROUNDING = rounding(torch.float64, H + 2, learned(), layers=EXACT.max_rounds)
"""Of a whole round: at most so many exchanges, each a mean over a cluster, a product with weights
and a quotient; the server's mean is one more of them."""


def counts(seed: int = 1) -> Tensor:
    """(H, 3): unequal samples; h1 belongs to headsets 0..4, h2 to nobody."""
    weights = torch.randint(1, 40, (H, 3), generator=torch.Generator().manual_seed(seed)).double()
    weights[5:, 1] = 0
    weights[:, 2] = 0
    return weights


def adapting(x: Tensor, weights: Tensor, effort: Effort | None = None) -> Adapt:
    def adapt(awake: Tensor, union: bool) -> Updates:
        return Updates(
            BLOCKS, x[awake], weights[awake], effort=None if effort is None else effort.rows(awake)
        )

    return adapt


def go(
    config: Round, headsets: list[Headset], x: Tensor, weights: Tensor, number: int = 0
) -> tuple[Tensor, RoundReport]:
    old = torch.full_like(x, -7.0)  # what everyone had before: shows where nothing was replaced
    return run_round(config, headsets, old, adapting(x, weights), number, StragglerDeadline())


def fedavg(x: Tensor, weights: Tensor, rows: list[int] | None = None) -> Tensor:
    """The dumb way: what everyone in ``rows`` ends with; own value where one does not own."""
    rows = list(range(H)) if rows is None else rows
    want = torch.full_like(x, -7.0)
    for k, block in enumerate(BLOCKS):
        owners = [i for i in rows if weights[i, k] > 0]
        if owners:
            total = sum(float(weights[i, k]) for i in owners)
            mean = sum(weights[i, k] / total * x[i, block.columns] for i in owners)
            for i in owners:
                want[i, block.columns] = mean
    return want


@pytest.mark.parametrize("graph", ["complete", "ring", "k-regular", "geometric"])
def test_many_exchanges_equal_hierarchical_fedavg(graph: str) -> None:
    topology = Topology(cluster_size=3, graph=graph, radius_m=1.1)  # type: ignore[arg-type]
    got, report = go(Round(topology=topology, consensus=EXACT), fleet(), learned(), counts())
    assert sorted(len(c.members) for c in report.clusters) == [2, 2, 3]
    assert (got - fedavg(learned(), counts())).abs().max() < ROUNDING


def test_one_complete_cluster_equals_centralised_fedavg() -> None:
    one = Round(topology=Topology(cluster_size=H), consensus=EXACT)
    got, report = go(one, fleet(), learned(), counts())
    assert len(report.clusters) == 1
    central, _ = go(replace(one, coordination="centralized"), fleet(), learned(), counts())
    assert (got - central).abs().max() < ROUNDING
    assert (got - fedavg(learned(), counts())).abs().max() < ROUNDING


def test_clusters_of_one_equal_plain_fedavg() -> None:
    alone = Round(topology=Topology(cluster_size=1))
    got, report = go(alone, fleet(), learned(), counts())
    assert [len(c.members) for c in report.clusters] == [1] * H
    assert all(row.link != "d2d" for row in report.rows)
    assert (got - fedavg(learned(), counts())).abs().max() < ROUNDING


def test_each_coordination_is_the_matrix_that_the_docs_state() -> None:
    # equal weights, one block, clusters {0,1,2} {3,4} {5,6} as rings with a loose target
    x, weights = learned(), torch.ones(H, 3, dtype=torch.float64)
    loose = Round(topology=Topology(cluster_size=3, graph="ring"), consensus=Consensus(0.02))

    def v(members: list[int], total: int = H) -> Tensor:
        # Metropolis on a ring: a third to each neighbour; for two of them a half each
        m = torch.eye(total, dtype=torch.float64)
        n = len(members)
        for a in members:
            m[a, a] = 1 / 3 if n > 2 else 1 / 2
        for a, b in zip(members, members[1:] + members[:1], strict=True):
            m[a, b] = m[b, a] = 1 / 3 if n > 2 else 1 / 2
        return m

    eye = torch.eye(H, dtype=torch.float64)
    for word in ("local", "pooled"):
        config = replace(loose, coordination=word)
        effort = Effort(torch.ones(H), torch.ones(H), torch.ones(H))
        got, report = run_round(
            config, fleet(), x, adapting(x, weights, effort), 0, StragglerDeadline()
        )
        assert torch.equal(got, eye @ x)
        assert {c.rounds for c in report.clusters} == {0}
    got, _ = go(replace(loose, coordination="centralized"), fleet(), x, weights)
    assert (got - torch.full((H, H), 1 / H, dtype=torch.float64) @ x).abs().max() < ROUNDING
    got, report = go(replace(loose, coordination="decentralized"), fleet(), x, weights)
    gamma = report.clusters[0].rounds
    assert gamma > 1
    assert (got - torch.matrix_power(v(list(range(H))), gamma) @ x).abs().max() < ROUNDING
    got, report = go(loose, fleet(), x, weights)
    d, answer = eye, torch.zeros(H, dtype=torch.float64)
    for cluster in report.clusters:
        members = [int(name[1:]) for name in cluster.members]
        d = torch.matrix_power(v(members), cluster.rounds) @ d
        answer[int(str(cluster.representative)[1:])] = len(members) / H  # rho_c
    assert (got - (answer[None] @ d).expand(H, H) @ x).abs().max() < ROUNDING


def test_links_in_the_ledger_are_those_of_the_coordination() -> None:
    for word, plan in COORDINATIONS.items():
        effort = Effort(torch.ones(H), torch.ones(H), torch.ones(H))
        config = Round(coordination=word, topology=Topology(cluster_size=3))
        adapt = adapting(learned(), counts(), effort)
        _, report = run_round(config, fleet(), learned(), adapt, 0, StragglerDeadline())
        assert {row.link for row in report.rows} == {"compute", *plan.links}


def test_adapt_is_handed_the_union_only_when_pooled() -> None:
    asked = []

    def adapt(awake: Tensor, union: bool) -> Updates:
        asked.append(union)
        effort = Effort(torch.ones(H), torch.ones(H), torch.ones(H))
        return Updates(BLOCKS, learned(), counts(), effort=effort)

    for word in COORDINATIONS:
        run_round(Round(coordination=word), fleet(), learned(), adapt, 0, StragglerDeadline())
    assert asked == [word == "pooled" for word in COORDINATIONS]
    with pytest.raises(ValueError, match="raw_bytes"):
        go(Round(coordination="pooled"), fleet(), learned(), counts())


def test_content_of_a_block_that_is_not_owned_never_matters() -> None:
    for config in (
        Round(),
        Round(coordination="decentralized"),
        Round(broadcast="representatives"),
    ):
        poisoned = learned()
        poisoned[5:, 12:20] = math.nan
        poisoned[:, 20:] = math.inf
        got, report = go(config, fleet(), poisoned, counts())
        want, _ = go(config, fleet(), learned(), counts())
        assert torch.equal(got, want)
        assert report.drops == ()
        assert (got[5:, 12:20] == -7).all()  # as it was
        assert (got[:, 20:] == -7).all()  # a block that nobody owns


def test_an_owner_without_samples_listens_and_says_nothing() -> None:
    weights, owns = counts(), counts() > 0
    weights[0] = 0

    def adapt(awake: Tensor, union: bool) -> Updates:
        return Updates(BLOCKS, learned(), weights, owns)

    got, _ = run_round(Round(consensus=EXACT), fleet(), learned(9), adapt, 0, StragglerDeadline())
    want = fedavg(learned(), weights)
    assert (got[0, :20] - want[1, :20]).abs().max() < ROUNDING


def test_random_representatives_are_drawn_equally_often() -> None:
    drawn = torch.zeros(H)
    draws = 4000
    for number in range(draws):
        drawn[ranking(fleet(), "random", 0, number)[0]] += 1
    # chi-squared with 6 degrees of freedom: 22.5 is exceeded once in 1,000 times
    expected = draws / H
    assert float(((drawn - expected) ** 2 / expected).sum()) < 22.5
    config = Round(election="random", topology=Topology(cluster_size=H), consensus=Consensus(1e9))
    for number in range(5):
        _, report = go(config, fleet(), learned(), counts(), number)
        representative = f"h{ranking(fleet(), 'random', 0, number)[0]}"
        assert report.clusters[0].representative == representative


def test_the_mean_over_all_representatives_is_the_mean_of_the_clusters() -> None:
    # hence, drawn equally often, they are unbiased, however badly the clusters agree
    topology = Topology(cluster_size=3, graph="geometric", radius_m=1.1)  # h1 - h0 - h2
    config = Round(topology=topology, consensus=Consensus(0.6))
    weights, answers = torch.ones(H, 3, dtype=torch.float64), []
    for representatives in itertools.product((0, 1, 2), (3, 4), (5, 6)):
        headsets = [
            replace(h, battery=1.0 if i in representatives else 0.5) for i, h in enumerate(fleet())
        ]
        got, report = go(config, headsets, learned(), weights)
        assert {c.representative for c in report.clusters} == {f"h{i}" for i in representatives}
        answers.append(got)
    assert (answers[0] - answers[-1]).abs().max() > 0.1  # they had not agreed
    mean = torch.stack(answers).mean(0)
    assert (mean - learned().mean(0)).abs().max() < ROUNDING


def test_same_seed_same_result_other_seed_other_result() -> None:
    config = Round(topology=Topology(cluster_size=3, graph="ring"), election="random")
    shaky = fleet(wake=0.7, d2d_link=0.8, server_link=0.8)
    runs = [go(replace(config, seed=seed), shaky, learned(), counts(), 5) for seed in (3, 3, 4)]
    assert torch.equal(runs[0][0], runs[1][0])
    assert runs[0][1] == runs[1][1]
    assert runs[0][1] != runs[2][1]


def test_reordered_headsets_reorder_the_result_and_nothing_else() -> None:
    order = torch.tensor([4, 0, 6, 2, 5, 1, 3])
    x, weights = learned(), counts()
    for graph in ("ring", "complete", "geometric"):
        for word in ("semi-decentralized", "decentralized", "centralized"):
            config = Round(
                coordination=word,
                topology=Topology(cluster_size=3, graph=graph),
                election="random",
            )
            shaky = fleet(wake=0.8, d2d_link=0.7, server_link=0.7)
            for number in range(5):
                want, first = go(config, shaky, x, weights, number)
                shuffled = [shaky[i] for i in order]
                got, second = go(config, shuffled, x[order], weights[order], number)
                assert (got - want[order]).abs().max() < ROUNDING
                assert set(first.awake) == set(second.awake)
                assert {c.representative for c in first.clusters} == {
                    c.representative for c in second.clusters
                }


def test_adapting_in_chunks_changes_nothing() -> None:
    def chunked(size: int) -> Adapt:
        def adapt(awake: Tensor, union: bool) -> Updates:
            parts = [learned(0, torch.float32)[rows] for rows in torch.split(awake, size)]
            return Updates(BLOCKS, torch.cat(parts), counts()[awake])

        return adapt

    shaky, old = fleet(wake=0.8), torch.zeros(H, P)
    runs = [run_round(Round(), shaky, old, chunked(n), 2, StragglerDeadline()) for n in (1, 3, H)]
    for got, report in runs[1:]:
        assert torch.equal(got, runs[0][0])  # the same numbers, put together from parts
        assert report == runs[0][1]


def test_nobody_awake_changes_nothing_and_costs_nothing() -> None:
    def never(awake: Tensor, union: bool) -> Updates:
        raise RuntimeError("nobody is awake to adapt")

    for asleep in (fleet(wake=0.0), fleet(battery=0.0)):
        got, report = run_round(Round(), asleep, learned(), never, 3, StragglerDeadline())
        assert torch.equal(got, learned())
        assert (report.number, report.awake, report.rows, report.seconds) == (3, (), (), 0.0)


def test_the_sleeping_keep_what_they_had_and_are_not_averaged() -> None:
    headsets = [replace(h, wake=float(i != 2)) for i, h in enumerate(fleet())]
    got, report = go(Round(consensus=EXACT), headsets, learned(), counts())
    assert "h2" not in report.awake
    assert (got - fedavg(learned(), counts(), [0, 1, 3, 4, 5, 6])).abs().max() < ROUNDING


def test_a_part_cut_off_mixes_by_itself_and_elects_its_own_representative() -> None:
    # h2's links to its neighbours are down: clusters {0,1}, {2}, {3,4}, {5,6}
    headsets = [replace(h, d2d_link=float(i != 2)) for i, h in enumerate(fleet())]
    config = Round(topology=Topology(cluster_size=3), consensus=EXACT)
    got, report = go(config, headsets, learned(), counts())
    assert {c.members for c in report.clusters} == {
        ("h0", "h1"), ("h2",), ("h3", "h4"), ("h5", "h6")
    }  # fmt: skip
    assert all(c.representative in c.members for c in report.clusters)
    assert (got - fedavg(learned(), counts())).abs().max() < ROUNDING


def test_a_lost_representative_is_replaced_and_a_cluster_without_any_keeps_its_consensus() -> None:
    config = Round(topology=Topology(cluster_size=3), consensus=EXACT)
    # the score would choose h0 (1.0), but its link fails: the next in rank takes over
    number = next(n for n in range(100) if go_lost(config, n) == ["h0"])
    _, report = go(config, dying(), learned(), counts(), number)
    cluster = next(c for c in report.clusters if "h0" in c.members)
    assert cluster.representative == "h1"
    assert report.drops[0].step == 5
    assert "h1 takes over" in report.drops[0].cause
    # nobody of {3, 4} reaches the server: they keep their own mean, the others theirs
    cut = [replace(h, server_link=float(i not in (3, 4))) for i, h in enumerate(fleet())]
    got, report = go(config, cut, learned(), counts())
    assert {d.headset for d in report.drops} == {"h3", "h4"}
    apart = fedavg(learned(), counts(), [3, 4])[[3, 4]]
    assert (got[[3, 4]] - apart).abs().max() < ROUNDING
    rest = [0, 1, 2, 5, 6]
    assert (got[rest] - fedavg(learned(), counts(), rest)[rest]).abs().max() < ROUNDING


def dying() -> list[Headset]:
    """h0 ranks first by a full battery although its link to the server is up half of the time."""
    ranks = [0.4, 0.15, 0.1, 1.0, 0.9, 1.0, 0.9]
    return [
        replace(h, battery=1.0 if i == 0 else ranks[i], server_link=0.5 if i == 0 else 1.0)
        for i, h in enumerate(fleet())
    ]


def go_lost(config: Round, number: int) -> list[str]:
    _, report = go(config, dying(), learned(), counts(), number)
    return [drop.headset for drop in report.drops]


def test_the_late_are_dropped_by_a_deadline_that_follows_what_was_seen() -> None:
    pace = StragglerDeadline(quantile=0.5, multiple=2.0, least=7)
    x, weights, config = learned(), counts(), Round(consensus=EXACT)

    def effort(*seconds: float) -> Effort:
        return Effort(torch.tensor(seconds), torch.zeros(H))

    slow = effort(1, 1, 1, 1, 1, 1, 9)
    _, first = run_round(config, fleet(), x, adapting(x, weights, slow), 0, pace)
    assert first.deadline_s == math.inf  # nothing was known yet
    assert first.drops == ()
    got, second = run_round(config, fleet(), x, adapting(x, weights, slow), 1, pace)
    # a transfer takes 0.25 s, so the durations were 1.25 (six times) and 9.25; twice the median
    assert second.deadline_s == pytest.approx(2 * 1.25)
    assert [d.headset for d in second.drops] == ["h6"]
    assert second.drops[0].cause == "late: 9.25 s, the deadline was 2.5 s"
    assert torch.equal(got[6], x[6])  # keeps what it learned
    assert (got[:6, :12] - fedavg(x, weights, list(range(6)))[:6, :12]).abs().max() < ROUNDING
    # when all become slow, the deadline follows instead of locking everyone out
    crawl = adapting(x, weights, effort(*[8.0] * H))
    dropped = [len(run_round(config, fleet(), x, crawl, n, pace)[1].drops) for n in range(2, 8)]
    assert dropped[0] == H - 1  # h6 was late before
    assert dropped[-1] == 0


def test_a_slow_device_brings_what_it_has_every_second_round() -> None:
    """It is never on time, and yet what it learns is in everybody's mean."""
    pace = StragglerDeadline(quantile=0.5, multiple=2.0, least=7)
    x, weights, late = learned(), counts(), list[tuple[str, ...]]()
    effort = Effort(torch.tensor([1.0] * (H - 1) + [9.0]), torch.zeros(H))
    config = Round("centralized")
    for number in range(7):
        got, report = run_round(config, fleet(), x, adapting(x, weights, effort), number, pace)
        late.append(tuple(d.headset for d in report.drops))
        everyone = list(range(H - len(late[-1])))
        assert (got[:5, :12] - fedavg(x, weights, everyone)[:5, :12]).abs().max() < ROUNDING
    assert late == [(), ("h6",), (), ("h6",), (), ("h6",), ()]


def test_a_round_without_lessons_teaches_the_pace_nothing() -> None:
    """It once made the next round's deadline 0.0007 s, which nobody who learned could meet."""
    pace, x, weights = StragglerDeadline(quantile=0.5, multiple=2.0, least=7), learned(), counts()

    def effort(seconds: float) -> Effort:
        return Effort(torch.full((H,), seconds), torch.zeros(H))

    idle = adapting(x, torch.zeros_like(weights), effort(0.0))
    for number in range(3):
        _, report = run_round(Round(), fleet(), x, idle, number, pace)
        assert report.deadline_s == math.inf
    busy = adapting(x, weights, effort(1.0))
    _, first = run_round(Round(), fleet(), x, busy, 3, pace)
    assert first.deadline_s == math.inf
    assert first.drops == ()
    _, second = run_round(Round(), fleet(), x, busy, 4, pace)
    assert second.deadline_s == pytest.approx(2 * 1.25)  # a transfer takes 0.25 s
    # Half of them without lessons change nothing either: only the others are counted.
    some = weights.clone()
    some[3:] = 0
    before = len(pace.seconds)
    run_round(Round(), fleet(), x, adapting(x, some, effort(1.0)), 5, pace)
    assert len(pace.seconds) == before + 3


@pytest.mark.parametrize(("part", "count"), [(1.0, 7), (0.5, 4), (0.01, 1)])
def test_a_part_of_the_awake_takes_part_whatever_their_order(part: float, count: int) -> None:
    """Of 7 a half, rounded up, is 4; over many rounds each has its turn as often."""
    headsets, turns = fleet(), dict.fromkeys((f"h{i}" for i in range(H)), 0)
    for number in range(400):
        chosen = {headsets[i].name for i in who_is_awake(headsets, 3, number, part)}
        other = [headsets[H - 1 - i] for i in range(H)]
        assert chosen == {other[i].name for i in who_is_awake(other, 3, number, part)}
        assert len(chosen) == count
        for name in chosen:
            turns[name] += 1
    wanted = 400 * count / H  # binomial: within five deviations
    spread = (400 * count / H * (1 - count / H)) ** 0.5
    assert all(abs(n - wanted) <= 5 * spread for n in turns.values())
    _, report = go(Round(participation=part, consensus=EXACT), headsets, learned(), counts())
    assert len(report.awake) == count


def test_a_part_that_is_none_is_refused() -> None:
    for part in (0.0, 1.5):
        with pytest.raises(ValueError, match=r"participation .*; take a part above 0, up to 1"):
            Round(participation=part)


def test_a_broken_update_is_dropped_with_its_cause_and_not_kept() -> None:
    x = learned()
    x[3, 5] = math.nan
    got, report = go(Round(consensus=EXACT), fleet(), x, counts())
    assert [(d.headset, d.step) for d in report.drops] == [("h3", 2)]
    assert (got[3] == -7).all()
    assert torch.isfinite(got).all()


def test_broadcast_to_representatives_reaches_their_neighbours_only() -> None:
    line = [Headset(f"h{i}", position=(10.0 * i, 0.0)) for i in range(4)]
    headsets = [replace(h, battery=1.0 if i == 0 else 0.5) for i, h in enumerate(line)]
    config = Round(
        topology=Topology(cluster_size=4, graph="geometric", radius_m=11),
        consensus=Consensus(relative_error=1e9),
        broadcast="representatives",
    )
    x = learned()[:4]
    got, report = go(config, headsets, x, torch.ones(4, 3))
    # no exchange before; h0 speaks, hears its own values back and tells h1
    assert torch.equal(got, torch.stack([x[0], x[0], x[2], x[3]]))
    hops = {(r.link, r.sender, r.receiver) for r in report.rows}
    assert hops == {
        ("uplink", "h0", "server"), ("downlink", "server", "h0"), ("d2d", "h0", "h1")
    }  # fmt: skip


def test_bf16_messages_change_little() -> None:
    exact, _ = go(Round(), fleet(), learned(0, torch.float32), counts())
    coarse, _ = go(Round(codec="bf16"), fleet(), learned(0, torch.float32), counts())
    assert 0 < (coarse - exact).abs().max() < 0.05


def test_errors_tell_how_well_a_cluster_agreed() -> None:
    config = Round(topology=Topology(cluster_size=H, graph="ring"), consensus=Consensus(0.05))
    _, report = go(config, fleet(), learned(), torch.ones(H, 3))
    x, cluster = learned(), report.clusters[0]
    moved = float((x + 7).square().mean().sqrt())  # all held -7 before
    assert cluster.error_before == pytest.approx(float((x - x.mean(0)).square().mean().sqrt()))
    assert cluster.error_after <= 0.05 * moved
    assert cluster.met
    short = replace(config, consensus=Consensus(1e-6, max_rounds=2))
    _, report = go(short, fleet(), learned(), torch.ones(H, 3))
    assert (report.clusters[0].rounds, report.clusters[0].met) == (2, False)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: Round(coordination="peer"), "unknown coordination 'peer'; known are local"),
        (lambda: Round(exchange="all"), "exchange 'all'"),  # type: ignore[arg-type]
        (lambda: Round(election="king"), "unknown election 'king'"),  # type: ignore[arg-type]
        (lambda: Round(codec="int4"), "unknown number format 'int4'"),  # type: ignore[arg-type]
        (lambda: Round(broadcast="none"), "broadcast 'none'"),  # type: ignore[arg-type]
        (lambda: go(Round(), [Headset("a")] * H, learned(), counts()), "more than once: a"),
        (lambda: go(Round(), fleet()[:3], learned(), counts()), "for 3 headsets"),
        (lambda: Headset("a", wake=1.2), "wake is 1.2"),
        (lambda: Headset("a", d2d_bytes_per_s=0), "rate of 0"),
        (lambda: StragglerDeadline(quantile=0), "quantile 0"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(call: Callable[[], Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        call()
