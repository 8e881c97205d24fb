"""What a demo has to say: its result, and the tables that it prints at the end."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from rich.console import Console

from fedxr.cli.compared import REPLAYED, comparisons, outcomes, rows
from fedxr.dashboard.state import CurvePoint
from fedxr.evaluation import compared as tables
from fedxr.evaluation import result as results
from fedxr.evaluation.narrow import print_fitting
from fedxr.evaluation.tables import latency_table
from fedxr.experiments.choices import told_of
from fedxr.experiments.latency import latencies, latency_rows
from fedxr.experiments.run_info import empty_result
from fedxr.federation import RoundReport
from fedxr.federation.ledger import total
from fedxr.live.lockstep import Lockstep
from fedxr.live.serving import Serving
from fedxr.virtual.streaming import Played, VirtualHeadset

PROTOCOL = (
    "Each headset starts from the checkpoint and learns online from its user's delayed feedback, "
    "which may err. Every question that is asked is counted, whether feedback follows or not, "
    "against the truth, as it was answered at that moment. " + tables.HOW
)


@dataclass(frozen=True)
class Lived:
    """A demo's live run by its ``settings``, of which so many ``seconds`` were lived, and its
    learning curves as they were then."""

    settings: Mapping[str, object]
    seed: int
    live: Serving
    cast: Sequence[VirtualHeadset]
    played: Sequence[Played]
    seconds: float
    curves: Mapping[str, Sequence[CurvePoint]]


def result_of(lived: Lived, others: Mapping[str, Lockstep]) -> results.Result:
    """The live run, beside the replays ``others`` by coordination."""
    board, labels = lived.live.metrics, lived.live.metrics.labels
    arms = outcomes(board.judged, {name: one.judged for name, one in others.items()})
    ledger = board.ledger()
    return msgspec.structs.replace(
        empty_result(lived.settings, [lived.seed], PROTOCOL),
        rows=rows(arms),
        headline="live",
        compared=comparisons(arms, lived.seconds),
        latency=latency_rows([latencies(lived.played)]),
        labels=results.label_delay(labels.seconds(), labels.lost),
        labels_in_rounds=results.label_delay(labels.seconds(in_rounds=True)),
        traffic=results.Traffic(
            up=ledger["up_bytes"], down=ledger["down_bytes"], d2d=ledger["d2d_bytes"]
        ),
        joules=ledger["joules"],
        energy_source="sending: 10 mW device to device, 251 mW to the server (arXiv:2007.09511)",
        rounds=[_round(report, len(lived.cast)) for report in board.rounds],
        curves={
            task: [results.CurvePoint(*point) for point in points]
            for task, points in lived.curves.items()
        },
        notes=_notes(lived, others),
        interrupted=lived.live.interrupted,
    )


def _round(report: RoundReport, headsets: int) -> results.Round:
    return results.Round(
        number=report.number,
        seconds=report.seconds,
        joules=sum(x.joules for x in report.rows if x.link != "compute"),
        absent=headsets - len(report.awake),
        clusters=[
            results.Cluster(
                members=list(c.members),
                representative=c.representative,
                gamma=c.rounds,
                lambda2=c.norm,
            )
            for c in report.clusters
        ],
    )


LATE = 0.2
"""The part of questions without an answer from which a machine is called too slow."""


def _notes(lived: Lived, others: Mapping[str, Lockstep]) -> list[str]:
    live, marks, judged = lived.live, lived.live.metrics.marks, lived.live.metrics.judged
    notes = told_of(str(lived.settings["aggregation"]))
    if marks.heard:
        notes.append(f"feedback was wrong in {marks.errors} of {marks.heard} pieces")
    late = sum(j.given is None for j in judged)
    if late:
        notes.append(
            f"{late} of {len(judged)} questions had no answer within 0.2 s, and count as wrong"
        )
    if late > LATE * len(judged):
        notes.append(
            f"this machine was too slow, or too busy, for {len(lived.played)} headsets at once, so "
            "live figures say little; try fewer: --headsets"
        )
    if missing := [name for name in REPLAYED if name not in others]:
        every = " ".join(REPLAYED)
        notes.append(f"not replayed: {', '.join(missing)}; --compare {every} replays all")
    notes += [f"{name} in lockstep: {_cost_of(one)}" for name, one in others.items()]
    ms = 1000 * np.array(live.live.model_seconds)
    if len(ms):
        p50, p99 = np.percentile(ms, (50, 99))
        notes.append(
            f"encoders and model, all headsets of a pass: p50 {p50:.1f} ms, p99 {p99:.1f} ms "
            f"({len(ms)} passes), while all learned"
        )
    for one in lived.played:
        if one.ended and not live.interrupted:
            notes.append(f"{one.name}: {one.ended}")
        if said := gathered(one.notices):
            notes.append(f"{one.name}: {'; '.join(said)}")
    return notes


def gathered(notices: Sequence[str]) -> list[str]:
    """The first of those that differ in numbers alone, and how many more there were."""
    kinds: dict[str, list[str]] = {}
    for text in notices:
        kinds.setdefault(re.sub(r"\d+", "#", text), []).append(text)
    return [
        first if not more else f"{first} (and {len(more)} more like it)"
        for first, *more in kinds.values()
    ]


def print_demo(found: results.Result, out: Console) -> None:
    """Quality, then latency and cost."""
    if found.rows:
        print_fitting(tables.table(found), out)
        print_fitting(tables.by_task(found), out)
    if found.latency:
        out.print()
        print_fitting(latency_table(found), out)
    out.print(tables.delay(found.labels, found.labels_in_rounds), highlight=False)
    t = found.traffic
    out.print(f"live: {_cost(t.up, t.down, t.d2d, found.joules or 0.0)}", highlight=False)
    for line in found.notes:
        out.print(line, highlight=False, markup=False)


def _cost_of(one: Lockstep) -> str:
    rows = [row for report in one.rounds for row in report.rows if row.link != "compute"]
    up, down, d2d = (total(rows, link).bytes for link in ("uplink", "downlink", "d2d"))
    return _cost(up, down, d2d, total(rows).joules)


def _cost(up: int, down: int, d2d: int, joules: float) -> str:
    mega = (f"{n / 1e6:.1f}" for n in (up, down, d2d))
    return "{} MB up, {} MB down, {} MB device to device".format(*mega) + f", {joules:.2f} J"
