"""The five coordinations, round by round, over graphs and links that fail: the recorded sets as one
federation.

    python -m benchmarks.they_differ --data DIR [--headsets 12] [--links 1 0.5 0.2] [--shuffled]

A cold start: nobody of a set was pretrained on. The members of all sets are one federation; in each
of five rounds everybody tells one more label a class, and is asked questions of the test half.
Figures are accuracies of the mixture of experts (as in ``fedxr federate``), the mean over sets of
the mean over users, and the change to ``centralized`` paired by user with one standard error. Bytes
and joules are of all headsets and rounds; links fail between neighbours, not to the server. People
of one set are neighbours, as people are who do the same; with ``--shuffled`` anybody is.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from rich.console import Console
from rich.table import Column, Table

from fedxr.agent.checkpoints.pretrain import fit_standards
from fedxr.agent.encoders import encoder_for
from fedxr.agent.inputs.tokens import TokenizedEpisode
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.model.m3t import M3T, Plan
from fedxr.agent.model.ridge_head import RidgeHead
from fedxr.experiments.answering import answered, evenly, metric_of
from fedxr.experiments.cold import ColdProtocol, Draw, all_known, drawn, expected, split, suits
from fedxr.experiments.cold_checkpoint import SMALLEST, fitted_together, told_by
from fedxr.experiments.cold_run import everybody
from fedxr.experiments.run_config import RunConfig
from fedxr.experiments.splits import TokenizedUser
from fedxr.experiments.teaching import example, profile_of
from fedxr.federation import Consensus, RoundReport, Topology
from fedxr.federation.ledger import total
from fedxr.learning.learner import Learner
from fedxr.learning.profile import Links
from fedxr.learning.random_stream import stream
from fedxr.scenarios.recorded import data_folder

LABELS = 5
"""A class, one more each round."""
QUESTIONS = 24
"""Of a user, after each round, spread over the test half."""
GRAPHS = ("ring", "geometric", "complete")


@dataclass(frozen=True)
class Member:
    """One headset: its set, and what it tells in each round."""

    set: str
    person: TokenizedUser
    told: tuple[tuple[TokenizedEpisode, ...], ...]

    @property
    def task(self) -> str:
        return self.person.user.tasks[0]


@dataclass(frozen=True)
class Outcome:
    """What one way of working together gave: each member's figure after each round, the rounds."""

    figures: list[dict[str, float]]
    reports: list[RoundReport]


def federation(data: Path, headsets: int, seed: int, sets: tuple[str, ...]) -> Iterator[Draw]:
    """The draw of each recorded set that has people enough, no task twice."""
    config = RunConfig(
        protocol="cold", source="recorded", data=data, headsets=headsets, seed=seed, sets=sets
    )
    seen = set[str]()
    for name, users in everybody(config, data, print, []):
        (task, *_) = sorted({t for u in users for t in u.tasks})
        people = all_known(users, task)
        if task in seen or suits(people):
            print(f"{name} is left out: {suits(people) or f'another set asks {task}'}")
            continue
        seen.add(task)
        groups = split(name, people, seed, 0, headsets)
        how = ColdProtocol(seed=seed)
        yield Draw(name, task, groups, how, people[0].user.ordered)


def members_of(draw: Draw) -> list[Member]:
    out = []
    for person in draw.groups[0]:
        told = [drawn(person, k, draw.protocol.seed, draw.ordered).adapt for k in range(LABELS + 1)]
        new = [
            tuple(t for t in more if not any(t is known for known in few))
            for few, more in pairwise(told)
        ]
        asked = replace(person, adapt=told[-1], test=evenly(person.test, QUESTIONS))
        out.append(Member(draw.name, asked, tuple(new)))
    return out


def one_checkpoint(draws: Sequence[Draw], members: Mapping[str, Sequence[Member]]) -> Checkpoint:
    """Of all sets at once: each task's kernel as its own members have it, and its fit by leaving
    them out in turn; no trunk and no prior."""
    channels = {c.layout: c for d in draws for g in d.groups for p in g for c in p.user.channels}
    layouts = {name: encoder_for(c).shape(c) for name, c in channels.items()}
    plan = replace(Plan.of("tiny", layouts, tuple(d.task for d in draws)), size=SMALLEST)
    model = M3T(plan).requires_grad_(False).eval()
    for head in model.heads.values():
        head.zero_()
    fit_standards(model, [t for d in draws for p in d.groups[0] for t in p.adapt])
    ridges: dict[str, RidgeHead] = {}
    for draw in draws:
        said = [told_by(draw.checkpoint, draw.task, m.person) for m in members[draw.name]]
        how = draw.protocol.cold.fit
        ridges |= fitted_together(draw.checkpoint, draw.task, said, how).ridges
    return Checkpoint(model, ridges, {})


def told_run(
    checkpoint: Checkpoint,
    members: Sequence[Member],
    seed: int,
    coordination: str,
    graph: str,
    d2d: float,
) -> Outcome:
    """Five rounds by the product's learner."""
    protocol = ColdProtocol(rounds=LABELS, seed=seed)
    rule = protocol.rule().with_round(consensus=Consensus(), coordination=coordination)
    if graph:
        rule = rule.with_round(topology=Topology(graph=graph))  # type: ignore[arg-type]
    learner = Learner(checkpoint, protocol.adapters(), rule)
    links = Links(d2d=d2d)
    print(coordination, graph, d2d if graph else "", flush=True)
    for row, one in enumerate(members):
        learner.join(row, profile_of(one.person, row, links))
    out = Outcome([], [])
    for number in range(LABELS):
        told = [(row, t) for row, one in enumerate(members) for t in one.told[number]]
        learner.learn([example(row, 100 * number + i, t) for i, (row, t) in enumerate(told)]).all()
        report = learner.round(range(len(members)))
        assert report is not None  # noqa: S101 - there are at least two
        out.reports.append(report)
        out.figures.append({one.person.identity.name: scored(learner, row, one)
                            for row, one in enumerate(members)})  # fmt: skip
    return out


def scored(learner: Learner, row: int, one: Member) -> float:
    truth = [t.queries[-1].label for t in one.person.test]
    return expected(truth, answered(learner, row, one.person.test), metric_of(one.task))


def mean_over_sets(members: Sequence[Member], figures: Mapping[str, float]) -> float:
    by_set: dict[str, list[float]] = {}
    for one in members:
        by_set.setdefault(one.set, []).append(figures[one.person.identity.name])
    return fmean(fmean(some) for some in by_set.values())


def change(members: Sequence[Member], one: Outcome, other: Outcome) -> tuple[float, float]:
    """Of the last round, in points, and its standard error over users, sets alike."""
    by_set: dict[str, list[float]] = {}
    for m in members:
        name = m.person.identity.name
        by_set.setdefault(m.set, []).append(one.figures[-1][name] - other.figures[-1][name])
    means = [fmean(some) for some in by_set.values()]
    errors = [np.var(some, ddof=1) / len(some) for some in by_set.values() if len(some) > 1]
    return 100 * fmean(means), 100 * float(np.sum(errors)) ** 0.5 / len(errors)


def ways(links: Sequence[float]) -> Iterator[tuple[str, str, float]]:
    """Coordination, graph and how often a link is up; one line where the graph is nothing to it."""
    for coordination in ("local", "pooled", "centralized"):
        yield coordination, "", 1.0
    for coordination in ("semi-decentralized", "decentralized"):
        for graph in GRAPHS:
            for up in links:
                yield coordination, graph, up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--headsets", type=int, default=12, help="most members of a set")
    parser.add_argument("--links", type=float, nargs="+", default=[1.0, 0.5, 0.2])
    parser.add_argument("--sets", nargs="*", default=[])
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    data = data_folder(asked.data)
    assert data is not None  # noqa: S101 - else it has raised
    draws = list(federation(data, asked.headsets, asked.seed, tuple(asked.sets)))
    by_set = {d.name: members_of(d) for d in draws}
    checkpoint = one_checkpoint(draws, by_set)
    everyone = [m for some in by_set.values() for m in some]
    order = stream(asked.seed, "seats").permutation(len(everyone))
    members = [everyone[i] for i in order] if asked.shuffled else everyone
    print(f"{len(members)} headsets of {len(draws)} sets: {', '.join(by_set)}")
    console = Console(width=124)
    rounds = [str(n + 1) for n in range(LABELS)]
    words = ["graph", "links", *rounds, "- centralized", "up MB", "d2d MB", "J"]
    table = Table(Column("coordination", no_wrap=True), *words)
    found = {way: told_run(checkpoint, members, asked.seed, *way) for way in ways(asked.links)}
    central = found["centralized", "", 1.0]
    for (coordination, graph, up), one in found.items():
        rows = [row for report in one.reports for row in report.rows]
        table.add_row(
            coordination, graph, f"{up:g}" if graph else "",
            *(f"{100 * mean_over_sets(members, f):.1f}" for f in one.figures),
            "{:+.1f} ± {:.1f}".format(*change(members, one, central)),
            f"{total(rows, 'uplink').bytes / 1e6:.0f}", f"{total(rows, 'd2d').bytes / 1e6:.0f}",
            f"{total(rows).joules:.1f}",
        )  # fmt: skip
    console.print(table)
    print(
        "percent; changes in points, one standard error over users; pooled sends all that was felt"
    )


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
