"""Headless rounds of a fleet: local steps, one :func:`federation.run_round` each, merging."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

import federation
from agent import online
from agent.choosing import Verdict
from agent.cohort import Tuning
from agent.fleet import Fleet
from agent.memory import Lesson
from fedxr.people import Person


@dataclass(frozen=True)
class Protocol:
    """So many ``rounds``; ``coordination`` and ``exchange`` by name."""

    rounds: int = 8
    coordination: str = "semi-decentralized"
    exchange: str = "ffa"
    seed: int = 0

    def tuning(self) -> Tuning:
        return Tuning(exchange=self.exchange, seed=self.seed)  # type: ignore[arg-type]

    def round(self) -> federation.Round:
        return federation.Round(
            coordination=self.coordination,
            exchange=self.exchange,  # type: ignore[arg-type]
            wire="bf16",
            seed=self.seed,
        )


def raw_bytes_of(people: Sequence[Person]) -> Tensor:
    """(H,) bytes of the samples of each person's adaptation half: what pooling would move."""
    adapt = [[e for e in p.user.episodes if e.adapt] for p in people]
    sizes = [sum(s.values.nbytes for e in mine for s in e.samples.values()) for mine in adapt]
    return torch.tensor(sizes, dtype=torch.float64)


def federate(
    fleet: Fleet,
    people: Sequence[Person],
    protocol: Protocol,
    progress: Callable[[str], None] = lambda _: None,
) -> list[federation.RoundReport]:
    """Run the rounds: every headset learns its shared part, the federation mixes, all merge.

    All rounds together make as many steps as the federation's labels bear. In the end everyone
    takes the shared adapters of the round with the least held-back loss, summed over the headsets:
    with few lessons the later rounds learn by heart. If not even those are better than the start
    by one standard error, the start is kept.
    """
    blocks = federation.Blocks(tuple(federation.Block(*b) for b in fleet.blocks()))
    dose = _dose(fleet, protocol.rounds)
    pooled = protocol.coordination == "pooled"
    together = _Union(fleet, dose, raw_bytes_of(people)) if pooled else None
    durations = federation.Pace()
    headsets = [
        federation.Headset(name, position=(2.0 * (i % 4), 0.0, 2.0 * (i // 4)))
        for i, name in enumerate(fleet.names)
    ]

    def adapt(awake: Tensor, union: bool) -> federation.Updates:
        if together and union:
            return together.learn(blocks, awake)
        ids = awake.tolist()
        moved = fleet.momentum.rows(ids)
        fleet.cohort.theta[ids] = online.learn(
            fleet.cohort,
            fleet.cohort.theta[ids],
            moved,
            [fleet.memories[i].of(held=False) for i in ids],
            ("shared",),
            dose,
            [fleet.names[i] for i in ids],
        )
        fleet.momentum.put(ids, moved)
        return federation.Updates(blocks, fleet.values()[ids], fleet.samples()[ids])

    reports = []
    held = [m.of(held=True) for m in fleet.memories]
    start, at_start = fleet.cohort.theta.clone(), _held_losses(fleet, held)
    best, at_best = start, at_start
    for number in range(protocol.rounds):
        progress(f"round {number + 1} of {protocol.rounds}")
        mixed, report = federation.run_round(
            protocol.round(), headsets, fleet.values(), adapt, number, durations
        )
        if protocol.coordination != "local":
            fleet.merge(mixed, [fleet.owners(report.behind(name)) for name in fleet.names])
        reports.append(report)
        now = _held_losses(fleet, held)
        if number == 0 or now.sum() < at_best.sum():
            best, at_best = fleet.cohort.theta.clone(), now
    if reports and len(at_start):
        confirmed = Verdict.of(torch.stack((at_start, at_best))).best() == 1
        fleet.cohort.theta = best if confirmed else start
    return reports


def _dose(fleet: Fleet, rounds: int) -> online.Dose:
    """The steps of one round: all rounds together what the labels of all headsets bear."""
    told = Counter[tuple[str, int]]()
    for memory in fleet.memories:
        for task, labels in memory.told.items():
            told.update({(task, label): n for label, n in labels.items()})
    whole = online.Dose.by_labels(told.total() / max(1, len(told)))
    return replace(whole, steps=-(-whole.steps // max(1, rounds)))


def _held_losses(fleet: Fleet, held: Sequence[Sequence[Lesson]]) -> Tensor:
    """(M,) losses on all held-back lessons. A headset tells their count, sum and sum of squares."""
    theta = fleet.cohort.theta
    return torch.cat(
        [online.lesson_losses(fleet.cohort, theta[h : h + 1], mine) for h, mine in enumerate(held)]
    )


class _Union:
    """Pooled training: one model on everyone's lessons brought together, as many steps as a
    headset makes and batches of up to four headsets."""

    def __init__(self, fleet: Fleet, dose: online.Dose, raw_bytes: Tensor) -> None:
        self.fleet, self.raw_bytes = fleet, raw_bytes
        self.theta = fleet.cohort.theta[:1].clone()
        self.momentum = online.Momentum.none(self.theta)
        self.dose = replace(dose, batch=dose.batch * min(4, len(fleet.members)))

    def learn(self, blocks: federation.Blocks, awake: Tensor) -> federation.Updates:
        """One round's steps; every row is the one model, its sums the mean over headsets."""
        lessons = [x for i in awake.tolist() for x in self.fleet.memories[i].of(held=False)]
        self.theta = online.learn(
            self.fleet.cohort, self.theta, self.momentum, [lessons], ("shared",), self.dose, ["all"]
        )
        values, shared = self.fleet.values()[awake], self.fleet.cohort.shared
        values[:, :shared] = self.theta[:, :shared]
        values[:, shared:] = values[:, shared:].mean(0)
        n = len(awake)
        effort = federation.Effort(torch.zeros(n), torch.zeros(n), self.raw_bytes[awake])
        return federation.Updates(blocks, values, self.fleet.samples()[awake], effort=effort)
