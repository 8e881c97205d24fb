"""One domain under the learning protocol: every arm of the table, on the same people and ticks.

A domain is a recorded set or a simulated use case. Federation users learn from their adaptation
half and are tested on the other; unseen users took part in nothing: they get the federation's
model and may then personalise on their own adaptation half. Where a coordination makes no common
model (local, decentralized), there is none for them, and both of these arms are left out.

Everybody learns as live headsets do, by the same :class:`fedxr.learner.Learner`: label by label in
the order of time, each answered by every expert before it is learned, with a round after each part
of the half. The weights that the experts have earned at its end serve the test half.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

import numpy as np
import torch
from torch import Tensor

from agent.cohort import Tuning
from agent.experts import mixed
from agent.fleet import Brain
from agent.tokens import Tokens
from evaluation.baselines import METRICS
from federation import COORDINATIONS, RoundReport
from fedxr.classics import classical_arms
from fedxr.learner import Learner
from fedxr.learning_rule import LearningRule, headless
from fedxr.people import Person
from fedxr.profile import Profile
from fedxr.told import Told

Scores = dict[str, dict[str, float]]
"""arm -> user -> figure"""
CHUNK = 8
"""Headsets that learn in one pass: their activations stay in the cache."""


@dataclass(frozen=True)
class Protocol:
    """So many ``rounds``; ``coordination`` and ``exchange`` by name."""

    rounds: int = 8
    coordination: str = "semi-decentralized"
    exchange: str = "ffa"
    seed: int = 0

    def tuning(self) -> Tuning:
        return Tuning(exchange=self.exchange, seed=self.seed)  # type: ignore[arg-type]

    def rule(self) -> LearningRule:
        return headless(self.rounds).with_round(
            coordination=self.coordination, exchange=self.exchange, seed=self.seed
        )


@dataclass
class Study:
    """What came out of one domain. ``reports`` are the federation's rounds; ``trust`` how far each
    expert is believed at the end, mean over users, by role."""

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
    trust: dict[str, list[float]] = field(default_factory=dict)


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
        scores["generic"] = evaluate(seated(brain, group, protocol), group, task, common=True)
        alone, _ = teach(brain, group, replace(protocol, coordination="local"))
        scores["local"] = evaluate(alone, group, task)
    progress(f"{name}: federation")
    together, out.reports = teach(brain, people, protocol)
    out.federation["federated"] = evaluate(together, people, task, common=True)
    out.federation["federated_personalised"] = evaluate(together, people, task)
    out.trust["federation"] = trust_of(together, task)
    if COORDINATIONS[protocol.coordination].server:
        progress(f"{name}: unseen users")
        newcomers = seated(brain, unseen, protocol)
        join(newcomers, together)
        out.unseen["federated"] = evaluate(newcomers, unseen, task, common=True)
        tell(newcomers, [p.adapt for p in unseen])
        out.unseen["federated_personalised"] = evaluate(newcomers, unseen, task)
        out.trust["unseen"] = trust_of(newcomers, task)
    progress(f"{name}: pooled")
    pooled, _ = teach(brain, people, replace(protocol, coordination="pooled"), personal=False)
    out.federation["pooled"] = evaluate(pooled, people, task, common=True)
    others = seated(brain, unseen, protocol)
    join(others, pooled)
    out.unseen["pooled"] = evaluate(others, unseen, task, common=True)
    progress(f"{name}: classical baselines")
    out.kinds = classical_arms(out.federation, people, people, pretraining, out.metric)
    out.unseen_kinds = classical_arms(out.unseen, unseen, people, pretraining, out.metric)
    return out


def seated(brain: Brain, people: Sequence[Person], protocol: Protocol) -> Learner:
    """A learner whose rows are ``people``, who have said nothing yet."""
    learner = Learner(brain, protocol.tuning(), protocol.rule(), chunk=CHUNK)
    for row, person in enumerate(people):
        learner.join(row, profile_of(person, row))
    return learner


def profile_of(person: Person, row: int) -> Profile:
    """Headsets of a headless run stand in a grid, 2 m apart, four in a line."""
    adapt = [e for e in person.user.episodes if e.adapt]
    return Profile(
        person.member,
        person.user.name,
        person.user.use_case,
        person.user.device,
        position=(2.0 * (row % 4), 2.0 * (row // 4)),
        raw_bytes=sum(s.values.nbytes for e in adapt for s in e.samples.values()),
    )


def teach(
    brain: Brain, people: Sequence[Person], protocol: Protocol, personal: bool = True
) -> tuple[Learner, list[RoundReport]]:
    """Everybody is told the truth of every adaptation moment, in as many parts as there are rounds,
    each followed by personal steps and a round; what was learned, and the rounds."""
    learner, reports, n = seated(brain, people, protocol), [], protocol.rounds
    for part in range(n):
        some = [p.adapt[part * len(p.adapt) // n : (part + 1) * len(p.adapt) // n] for p in people]
        tell(learner, some, personal)
        report = learner.round(range(len(people)))
        if report is not None:
            reports.append(report)
    learner.finish()
    return learner, reports


def tell(learner: Learner, lessons: Sequence[Sequence[Tokens]], personal: bool = True) -> None:
    """Each row hears its ``lessons`` in turn, one a time, then takes personal steps if due."""
    for number, together in enumerate(zip_longest(*lessons)):
        said = [(row, x) for row, x in enumerate(together) if x is not None]
        learner.learn([lesson(row, number, x) for row, x in said])
    while personal and learner.personalise():
        pass


def lesson(row: int, number: int, tokens: Tokens) -> Told:
    """Feedback of row ``row`` on the last ask of ``tokens``."""
    ask = tokens.asks[-1]
    return Told(row, ask.task, number, ask.tick, tokens)


def join(newcomers: Learner, learner: Learner) -> None:
    """Newcomers start from the federation's model, without having been part of it."""
    ours, theirs = newcomers.fleet, learner.fleet
    shared = theirs.cohort.shared
    ours.cohort.theta[:, :shared] = theirs.cohort.theta[:1, :shared]
    given, crowd = theirs.offered([0])[0], theirs.crowd[0]
    everyone = {t: crowd[t].plus(given[t]) if t in given else crowd[t] for t in crowd}
    for row in range(len(ours.members)):
        ours.crowd[row] = dict(everyone)


def trust_of(learner: Learner, task: str) -> list[float]:
    """(E,) mean over the rows."""
    rows = range(len(learner.fleet.members))
    mean: list[float] = torch.stack([learner.fleet.trust(r, task) for r in rows]).mean(0).tolist()
    return mean


def evaluate(
    learner: Learner, people: Sequence[Person], task: str, common: bool = False
) -> dict[str, float]:
    """Each user's figure on their test half, by what the experts have earned; or, ``common``, by
    the model that is everybody's: the common sums, and the shared adapters as they are."""
    figure, out = METRICS[metric_of(task)], {}
    for row, person in enumerate(people):
        if person.test:
            truth = [t.asks[-1].label for t in person.test]
            answers = answered(learner, row, person.test, common).argmax(-1).numpy()
            out[person.user.name] = figure(np.array(truth), answers)
    return out


def answered(learner: Learner, row: int, asked: Sequence[Tokens], common: bool = False) -> Tensor:
    """(M, C) probabilities of row ``row``, as :func:`evaluate` takes them."""
    found = [torch.zeros(0)]
    for start in range(0, len(asked), 64):
        part = [(row, t) for t in asked[start : start + 64]]
        found.append(_common(learner, part) if common else _mixed(learner, part))
    return torch.cat(found[1:] or found)


def _mixed(learner: Learner, asked: Sequence[tuple[int, Tokens]]) -> Tensor:
    """(M, C) probabilities."""
    fleet, (row, first) = learner.fleet, asked[0]
    answers = torch.stack(fleet.answers(asked, fleet.features([t for _, t in asked])), 1)
    return mixed(answers, fleet.trust(row, first.asks[-1].task))


def _common(learner: Learner, asked: Sequence[tuple[int, Tokens]]) -> Tensor:
    """(M, C) probabilities; the row's personal adapter and own weight have no say."""
    fleet, (row, first) = learner.fleet, asked[0]
    answers = fleet.common(row, first.asks[-1].task, [t for _, t in asked])
    return answers.exp()
