"""One domain under the learning protocol: every arm of the table, on the same people and ticks.

A domain is a recorded set or a simulated use case. Federation users learn from their adaptation
half and are tested on the other; unseen users took part in nothing: they get the federation's
model and may then personalise on their own adaptation half.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

import federation
from agent import online
from agent.analytic import Choice
from agent.batch import collate
from agent.choosing import PERSONAL, SHARED, choose, choose_together, first_choice, first_trust
from agent.cohort import Tuning
from agent.fleet import Brain, Fleet
from agent.memory import Lesson, Memory
from evaluation.baselines import METRICS
from federation import RoundReport
from fedxr.classics import classical_arms
from fedxr.people import Person

Scores = dict[str, dict[str, float]]
"""arm -> user -> figure"""


@dataclass(frozen=True)
class Protocol:
    """``rounds`` of ``steps`` local steps at ``rate``; ``coordination`` and exchange by name."""

    rounds: int = 8
    steps: int = 10
    rate: float = 3e-3
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


@dataclass
class Study:
    """What came out of one domain. ``reports`` are the federation's rounds."""

    name: str
    task: str
    metric: str
    federation: Scores = field(default_factory=dict)
    unseen: Scores = field(default_factory=dict)
    windows: int = 0
    unseen_windows: int = 0
    reports: list[RoundReport] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    unseen_kinds: dict[str, str] = field(default_factory=dict)
    adopted: dict[str, int] = field(default_factory=dict)


def metric_of(task: str) -> str:
    """Stress is rare in the recordings: its classes count alike."""
    return "balanced accuracy" if task == "stress" else "accuracy"


def study(
    name: str,
    task: str,
    people: Sequence[Person],
    unseen: Sequence[Person],
    pretraining: Sequence[Person],
    brain: Brain,
    protocol: Protocol,
    progress: Callable[[str], None] = lambda _: None,
) -> Study:
    """Run every arm of ``task`` on federation ``people`` and ``unseen`` ones.

    ``pretraining`` people are what the classical baselines may learn from, as the brain did.
    """
    out = Study(name, task, metric_of(task))
    out.windows = sum(len(p.test) for p in people)
    out.unseen_windows = sum(len(p.test) for p in unseen)
    for group, scores in ((people, out.federation), (unseen, out.unseen)):
        progress(f"{name}: generic and local")
        fresh = _fleet(brain, group, protocol)
        scores["generic"] = evaluate(fresh, group, task, Choice())
        alone = _taught(brain, group, protocol)
        scores["local"] = _alone(alone, group, task)
    progress(f"{name}: federation")
    fleet = _taught(brain, people, protocol)
    shared = first_trust(fleet, task)
    out.reports = federate(fleet, people, protocol, progress)
    held = [m.of(held=True) for m in fleet.memories]
    shared = choose_together(fleet, task, held, _first(shared, SHARED))
    out.federation["federated"] = evaluate(fleet, people, task, shared)
    newcomers = _taught(brain, unseen, protocol)
    _join(newcomers, fleet)
    out.unseen["federated"] = evaluate(newcomers, unseen, task, shared)
    progress(f"{name}: personalisation")
    start = first_choice(shared, brain.ridges[task].own, _per_class(fleet.memories, task))
    personal = choose_together(fleet, task, held, _first(start, PERSONAL))
    for one, group, scores in (
        (fleet, people, out.federation),
        (newcomers, unseen, out.unseen),
    ):
        adopted = personalise(one, task, personal, honest=one is newcomers)
        out.adopted["unseen" if one is newcomers else "federation"] = adopted
        scores["federated_personalised"] = evaluate(one, group, task, None)
    progress(f"{name}: pooled")
    pooled = _taught(brain, people, protocol)
    federate(pooled, people, replace(protocol, coordination="pooled"))
    out.federation["pooled"] = evaluate(pooled, people, task, shared)
    others = _fleet(brain, unseen, protocol)
    _join(others, pooled)
    out.unseen["pooled"] = evaluate(others, unseen, task, shared)
    progress(f"{name}: classical baselines")
    out.kinds = classical_arms(out.federation, people, people, pretraining, out.metric)
    out.unseen_kinds = classical_arms(out.unseen, unseen, people, pretraining, out.metric)
    return out


def _first(choice: Choice, others: Sequence[Choice]) -> list[Choice]:
    return [choice, *(c for c in others if c != choice)]


def _fleet(brain: Brain, people: Sequence[Person], protocol: Protocol) -> Fleet:
    return Fleet(brain, [p.member for p in people], protocol.tuning())


def _taught(brain: Brain, people: Sequence[Person], protocol: Protocol) -> Fleet:
    """A fleet that was told the truth of every adaptation moment."""
    fleet = _fleet(brain, people, protocol)
    fleet.remember([(h, t) for h, p in enumerate(people) for t in p.adapt])
    return fleet


def _per_class(memories: Sequence[Memory], task: str) -> float:
    """Labels a class and headset, on average."""
    told = [m.told[task] for m in memories if task in m.told]
    return sum(t.total() for t in told) / max(1, sum(len(t) for t in told))


def dose_of(memory: Memory) -> online.Dose:
    """Steps by labels a class, over all tasks of the memory."""
    classes = sum(len(told) for told in memory.told.values())
    labels = sum(told.total() for told in memory.told.values())
    return online.Dose.by_labels(labels / max(1, classes))


def _alone(fleet: Fleet, people: Sequence[Person], task: str) -> dict[str, float]:
    """Local only: the user's own lessons, nobody else's."""
    cohort = fleet.cohort
    cohort.theta, _ = online.learn_checked(
        cohort, cohort.theta, fleet.momentum, fleet.memories, ("shared",), dose_of, fleet.names
    )
    for row, memory in enumerate(fleet.memories):
        own = fleet.brain.ridges[task].own
        default = first_choice(SHARED[0], own, _per_class([memory], task))
        fleet.choices[row][task] = choose(fleet, row, task, memory.of(held=True), default)
    return evaluate(fleet, people, task, None)


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

    In the end everyone takes the shared part of the round with the least held-back loss, summed
    over the headsets, the start among them: with few lessons the later rounds learn by heart.
    """
    blocks = federation.Blocks(tuple(federation.Block(*b) for b in fleet.blocks()))
    dose = online.Dose(protocol.steps, protocol.rate)
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
    best, kept = _held_loss(fleet, held), fleet.cohort.theta.clone()
    for number in range(protocol.rounds):
        progress(f"round {number + 1} of {protocol.rounds}")
        mixed, report = federation.run_round(
            protocol.round(), headsets, fleet.values(), adapt, number, durations
        )
        if protocol.coordination != "local":
            fleet.merge(mixed, [fleet.owners(report.behind(name)) for name in fleet.names])
        reports.append(report)
        loss = _held_loss(fleet, held)
        if loss < best:
            best, kept = loss, fleet.cohort.theta.clone()
    if any(held):
        fleet.cohort.theta = kept
    return reports


def _held_loss(fleet: Fleet, held: Sequence[Sequence[Lesson]]) -> float:
    """Loss on held-back lessons, summed over headsets: what each tells the federation adds up."""
    each = online.check_loss(fleet.cohort, fleet.cohort.theta, held)
    return float(sum(len(mine) * loss for mine, loss in zip(held, each.tolist(), strict=True)))


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


def _join(newcomers: Fleet, fleet: Fleet) -> None:
    """Newcomers start from the federation's model, without having been part of it."""
    shared = fleet.cohort.shared
    newcomers.cohort.theta[:, :shared] = fleet.cohort.theta[:1, :shared]
    for row in range(len(newcomers.members)):
        newcomers.crowd[row] = dict(fleet.crowd[0])
        newcomers.inside[row] = False


def personalise(fleet: Fleet, task: str, default: Choice, honest: bool) -> int:
    """Personal adapter steps, then the user's own choice of heads; how many adopted the steps.

    ``honest``: the shared part has not seen these users' lessons, so before the steps all of them
    can judge the choice of heads; after them only the held-back ones can.
    """
    cohort, starts = fleet.cohort, [default] * len(fleet.memories)
    for row, memory in enumerate(fleet.memories if honest else ()):
        lessons = sorted(memory.of(held=True) + memory.of(held=False), key=lambda x: x.tokens.key)
        starts[row] = choose(fleet, row, task, lessons, default)
    fleet.momentum = online.Momentum.none(cohort.theta)
    cohort.theta, adopted = online.learn_checked(
        cohort, cohort.theta, fleet.momentum, fleet.memories, ("personal",), dose_of, fleet.names
    )
    for row, memory in enumerate(fleet.memories):
        fleet.choices[row][task] = choose(fleet, row, task, memory.of(held=True), starts[row])
    return int(adopted.sum())


def evaluate(
    fleet: Fleet, people: Sequence[Person], task: str, choice: Choice | None
) -> dict[str, float]:
    """Each user's figure on their test half; ``choice`` None: each headset's own."""
    plan, figure, out = fleet.brain.model.plan, METRICS[metric_of(task)], {}
    for row, person in enumerate(people):
        answers, truth = [], []
        theta = fleet.cohort.theta[row : row + 1]
        for start in range(0, len(person.test), 64):
            part = person.test[start : start + 64]
            found = fleet.cohort.answers(collate([part], plan.tokens_of, plan.tasks), theta)
            z = torch.stack(fleet.features(part))
            scores = fleet.log_answers(row, task, found.logits[task][0], z, choice)
            answers += scores.argmax(-1).tolist()
            truth += [t.asks[-1].label for t in part]
        if truth:
            out[person.user.name] = figure(np.array(truth), np.array(answers))
    return out
