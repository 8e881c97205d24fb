"""The cold protocol: nobody was pretrained on, and every arm is a curve over labels a class.

A *draw* decides by seed who of the set is a member of the federation (two in three) and who a
stranger, which unlabelled moments become landmarks, and which labels are told: of each class of a
user's adaptation half the first k of a seeded order, so that more labels always contain the fewer.
They are told in the order of time where the set was lived in order, else in the seeded one.
Everybody is tested on their test half, which nothing has read before. Strangers meet a federation
whose members have told as many labels a class as they then tell themselves.

Learning is that of :mod:`fedxr.experiments.study`: the same learner, experts and rounds, only
without adapter steps, for the trunk has no say (:mod:`fedxr.experiments.cold_checkpoint`); hence
tokens are left out altogether, and a window is its summary.

Arms that cannot be are absent: no own model without an own label, no classical one without any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from fedxr.agent.adaptation.trainer import TrainSteps
from fedxr.agent.inputs.tokens import TokenizedEpisode
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.model.ridge_head import RidgeStats
from fedxr.agent.tasks import task_named
from fedxr.experiments.answering import answered, metric_of, trust_of
from fedxr.experiments.classical import label_arms
from fedxr.experiments.cold_checkpoint import (
    ColdFit,
    UserExamples,
    empty_checkpoint,
    fitted_alone,
    fitted_together,
    told_by,
)
from fedxr.experiments.progress import progress_of
from fedxr.experiments.protocol import Protocol
from fedxr.experiments.softmax_head import SoftmaxFit, federated_head, pooled_head
from fedxr.experiments.splits import TokenizedUser, meet, population_of, raw_tokens
from fedxr.experiments.teaching import example, seated, teach, tell
from fedxr.learning.learning_rule import LearningRule, TrainSchedule
from fedxr.learning.random_stream import stream
from fedxr.scenarios.users import User

FEWEST = 5
"""A set with fewer users, of whom one is a stranger, says nothing of a federation."""
ROLES = ("members", "strangers")
Figures = dict[str, dict[str, float]]
"""arm -> user -> figure"""


@dataclass(frozen=True)
class Cold:
    """What only a cold start has: how many ``labels`` a class are told at each point of its curves
    (none: all there are, the last), how the ridge head is fitted (``fit``), and the softmax head
    beside it."""

    labels: tuple[int | None, ...] = (0, 1, 2, 5, 20, None)
    fit: ColdFit = field(default_factory=ColdFit)
    softmax: SoftmaxFit = field(default_factory=SoftmaxFit)

    def __post_init__(self) -> None:
        told = [n for n in self.labels if n is not None]
        if not self.labels or min(told, default=0) < 0:
            raise ValueError(f"labels a class {self.labels}; give at least one, each 0 or more")


@dataclass(frozen=True)
class ColdProtocol(Protocol):
    """No adapter steps; ``draws`` of everything random."""

    draws: int = 3
    cold: Cold = field(default_factory=Cold)

    def pieces(self) -> int:
        """Of the work on one domain, as :func:`cold_study` tells them."""
        return self.draws * len(self.cold.labels)

    def rule(self) -> LearningRule:
        nothing, its = TrainSchedule(TrainSteps(steps=0)), self.learning
        rule = LearningRule(
            shared=nothing,
            personal=nothing,
            ownership=its.ownership,
            kept=its.kept,
            mixing=its.mixing,
            round=replace(its.round, codec="float32"),
        )
        return rule.with_round(**self.of_round())


@dataclass(frozen=True)
class Point:
    """What one draw found at ``labels`` a class, by role; ``apart`` is how far the federation's
    probabilities are from those of one ridge on all labels in one place, at most."""

    labels: int | None
    draw: int
    figures: dict[str, Figures]
    trust: dict[str, list[float]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    own: float = 0.0
    apart: float = 0.0


@dataclass
class ColdStudy:
    """All points of one domain; ``windows`` are the questions on test halves, by role, a draw."""

    name: str
    task: str
    metric: str
    halves: str = "time forward"
    points: list[Point] = field(default_factory=list)
    windows: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """A user and their windows, not standardised, of one task and without tokens."""

    user: User
    raw: tuple[TokenizedEpisode, ...]


def all_known(users: Sequence[User], task: str) -> list[Known]:
    """Those of ``users`` who are asked ``task`` in both halves of their time."""
    found = [known(u, task) for u in users if task in u.tasks]
    return [p for p in found if len({t.adapt for t in p.raw}) == 2]


def known(user: User, task: str) -> Known:
    """``user``, asked nothing but ``task``."""
    raw = []
    for tokens in raw_tokens(user):
        queries = tuple(a for a in tokens.queries if a.task == task and a.summary)
        if queries:
            raw.append(replace(tokens, token_features=(), queries=queries))
    return Known(replace(user, tasks=(task,)), tuple(raw))


def suits(people: Sequence[Known]) -> str:
    """Why a set has no cold curves; empty where it has."""
    if len(people) < FEWEST:
        return f"{len(people)} users; at least {FEWEST} are needed (--headsets, where simulated)"
    told, asked = (
        [{a.label for t in p.raw if t.adapt == half for a in t.queries} for p in people]
        for half in (True, False)
    )
    if sum(bool(a & b) for a, b in zip(told, asked, strict=True)) < len(people) / 2:
        return "the halves of a user share no class, so own labels say nothing of the test"
    return ""


def cold_study(
    name: str,
    people: Sequence[Known],
    protocol: ColdProtocol,
    most: int,
    ordered: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> ColdStudy:
    """Every arm at every number of labels, over the draws; at most ``most`` members."""
    (task,) = people[0].user.tasks
    out = ColdStudy(name, task, metric_of(task), people[0].user.halves)
    for draw in range(protocol.draws):
        groups = split(name, people, protocol.seed, draw, most)
        one = Draw(name, task, groups, replace(protocol, seed=protocol.seed + draw), ordered)
        for role, group in zip(ROLES, one.groups, strict=True):
            count = sum(len(p.test) for p in group) / protocol.draws
            out.windows[role] = out.windows.get(role, 0.0) + count
        found: dict[tuple[int, ...], Point] = {}
        for labels in protocol.cold.labels:
            told = one.told(labels)
            size = tuple(len(p.adapt) for group in told for p in group)
            if size not in found:
                progress(f"{name}: draw {draw + 1}, {'all' if labels is None else labels} labels")
                found[size] = one.point(told, draw)
            out.points.append(replace(found[size], labels=labels))
            progress_of(progress).pieces(1)
    return out


def split(
    name: str, people: Sequence[Known], seed: int, draw: int, most: int
) -> tuple[list[Known], list[Known]]:
    """Members and strangers, two to one, at least two and one and at most ``most`` each."""
    order = [people[i] for i in stream(seed, "cold", name, draw).permutation(len(people))]
    count = min(most, max(2, round(2 * len(order) / 3)), len(order) - 1)
    return order[:count], order[count:][:most]


def drawn(person: TokenizedUser, labels: int | None, seed: int, ordered: bool) -> TokenizedUser:
    """``person`` with the first ``labels`` of each class in a seeded order as adaptation half."""
    order = stream(seed, "labels", person.user.source, person.user.name)
    place = order.permutation(len(person.adapt))
    chosen: list[int] = []
    for c in sorted({t.queries[-1].label for t in person.adapt}):
        chosen += [i for i in place if person.adapt[i].queries[-1].label == c][:labels]
    rank = {i: r for r, i in enumerate(place)}
    chosen = sorted(chosen) if ordered else sorted(chosen, key=rank.__getitem__)
    return replace(person, adapt=tuple(person.adapt[i] for i in chosen))


class Draw:
    """One draw of a set: who is in it, and the checkpoint that has only seen the members."""

    def __init__(
        self,
        name: str,
        task: str,
        groups: tuple[Sequence[Known], Sequence[Known]],
        protocol: ColdProtocol,
        ordered: bool,
    ) -> None:
        self.name, self.task, self.protocol, self.ordered = name, task, protocol, ordered
        population = population_of([[t for t in k.raw if t.adapt] for k in groups[0]])
        self.groups = [[meet(k.user, population, raw=k.raw) for k in group] for group in groups]
        everyone = [p for group in self.groups for p in group]
        self.checkpoint = empty_checkpoint(
            task, self.groups[0], everyone, population, protocol.seed
        )

    def told(self, labels: int | None) -> list[list[TokenizedUser]]:
        """Members and strangers with ``labels`` a class to tell."""
        seed = self.protocol.seed
        return [[drawn(p, labels, seed, self.ordered) for p in group] for group in self.groups]

    def point(self, told: Sequence[Sequence[TokenizedUser]], draw: int) -> Point:
        """All arms after everybody has told what they have."""
        members, strangers = told
        said = [told_by(self.checkpoint, self.task, p) for p in members]
        checkpoint = fitted_together(self.checkpoint, self.task, said, self.protocol.cold.fit)
        out = Point(None, draw, {role: {} for role in ROLES}, own=checkpoint.ridges[self.task].own)
        together, _ = teach(checkpoint, members, self._rounds(members), personal=False)
        new = seated(checkpoint, strangers, self.protocol, together.cohort.federated)
        apart = 0.0
        for role, group, learner in zip(ROLES, told, (together, new), strict=True):
            rows, figures = range(len(group)), out.figures[role]
            common = [answered(learner, r, group[r].test, common=True) for r in rows]
            figures["federated"] = self._scored(group, common)
            if learner is new:
                tell(new, [p.adapt for p in strangers], personal=False)
            mixed = [answered(learner, r, group[r].test) for r in rows]
            figures["federated_personalised"] = self._scored(group, mixed)
            out.trust[role] = trust_of(learner, self.task, rows)
            central = self._central(checkpoint, group, said)
            figures.update({arm: self._scored(group, p) for arm, p in central.items()})
            for one, other in zip(common, central["pooled"], strict=True):
                apart = max([apart, *(one - other).abs().flatten().tolist()])
            figures.update(self._uncooperative(group))
            won = label_arms(figures, group, members, metric_of(self.task))
            out.kinds.update({f"{role} {arm}": kind for arm, kind in won.items()})
        return replace(out, apart=apart)

    def _rounds(self, members: Sequence[TokenizedUser]) -> ColdProtocol:
        """No more rounds than somebody has labels for."""
        most = max(len(p.adapt) for p in members)
        return replace(self.protocol, rounds=max(1, min(self.protocol.rounds, most)))

    def _uncooperative(self, group: Sequence[TokenizedUser]) -> Figures:
        """The arms of those who share nothing: ``generic`` and, each for themselves, ``local``.

        Whoever is alone has one expert that knows anything, so the order of the labels is nothing
        to the answers, and they are told at once.
        """
        generic, local = [], []
        alone = replace(self.protocol, coordination="local")
        for person in group:
            mine = told_by(self.checkpoint, self.task, person)
            own = fitted_alone(self.checkpoint, self.task, mine, self.protocol.cold.fit)
            learner = seated(own, [person], alone)
            generic.append(answered(learner, 0, person.test, common=True))
            learner.learn([example(0, i, x) for i, x in enumerate(person.adapt)]).all()
            local.append(answered(learner, 0, person.test))
        return {"generic": self._scored(group, generic), "local": self._scored(group, local)}

    def _central(
        self, checkpoint: Checkpoint, group: Sequence[TokenizedUser], said: Sequence[UserExamples]
    ) -> dict[str, list[Tensor]]:
        """Answers (M, C) to each of ``group`` by one head for all: ridge on all labels in one
        place; and, where there are any, a softmax head averaged and pooled."""
        classes, how = len(task_named(self.task).classes), self.protocol.cold.softmax
        heads = {"pooled": pooled_ridge(checkpoint, self.task, said)}
        if any(len(y) for _, y in said):
            heads["fedavg"] = federated_head(said, classes, how)
            heads["pooled_softmax"] = pooled_head(said, classes, how)
        asked = [told_by(checkpoint, self.task, replace(p, adapt=p.test))[0] for p in group]
        return {arm: [torch.softmax(z @ w, -1) for z in asked] for arm, w in heads.items()}

    def _scored(
        self, group: Sequence[TokenizedUser], answers: Sequence[Tensor]
    ) -> dict[str, float]:
        """Each user's figure on their test half."""
        metric = metric_of(self.task)
        return {
            p.user.name: expected([t.queries[-1].label for t in p.test], a, metric)
            for p, a in zip(group, answers, strict=True)
            if p.test
        }


def pooled_ridge(checkpoint: Checkpoint, task: str, said: Sequence[UserExamples]) -> Tensor:
    """(Z, C) of one ridge regression on all labels brought together."""
    z, label = torch.cat([z for z, _ in said]), torch.cat([y for _, y in said])
    ridge = checkpoint.ridges[task]
    return ridge.weights(RidgeStats.of(z, label, len(task_named(task).classes)))


def expected(truth: Sequence[int], answers: Tensor, metric: str) -> float:
    """The figure of ``answers`` (M, C), where equally likely classes are guessed among: what is
    uniform is worth chance, not the share of the first class."""
    best = answers >= answers.max(1, keepdim=True).values - 1e-6
    right = (best[range(len(truth)), truth] / best.sum(1)).numpy()
    if metric != "balanced accuracy":
        return float(right.mean())
    label = np.array(truth)
    return float(np.mean([right[label == c].mean() for c in np.unique(label)]))
