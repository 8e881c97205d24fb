"""One domain under the learning protocol: every arm of the table, on the same people and ticks.

A domain is a recorded set or a simulated use case. Federation users learn from their adaptation
half and are tested on the other; unseen users took part in nothing: they get the federation's
model and may then personalise on their own adaptation half. Where a coordination makes no common
model (local, decentralized), there is none for them, and both of these arms are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from agent import online
from agent.analytic import Choice
from agent.batch import collate
from agent.choosing import PERSONAL, SHARED, choose, choose_together, first_choice, first_trust
from agent.fleet import Brain, Fleet
from agent.memory import Memory
from evaluation.baselines import METRICS
from federation import COORDINATIONS, RoundReport
from fedxr.classics import classical_arms
from fedxr.people import Person
from fedxr.rounds import Protocol, federate

Scores = dict[str, dict[str, float]]
"""arm -> user -> figure"""


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
    groups = [(fleet, people, out.federation)]
    if COORDINATIONS[protocol.coordination].server:
        newcomers = _taught(brain, unseen, protocol)
        _join(newcomers, fleet)
        out.unseen["federated"] = evaluate(newcomers, unseen, task, shared)
        groups.append((newcomers, unseen, out.unseen))
    progress(f"{name}: personalisation")
    start = first_choice(shared, brain.ridges[task].own, _per_class(fleet.memories, task))
    personal = choose_together(fleet, task, held, _first(start, PERSONAL))
    for one, group, scores in groups:
        new = one is not fleet
        adopted = personalise(one, task, personal, honest=new)
        out.adopted["unseen" if new else "federation"] = adopted
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
