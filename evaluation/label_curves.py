"""Curves over labels a class: what a cold start is worth, with intervals over its users.

A figure is the mean over users and draws. Its interval is a Bayesian bootstrap over users (Rubin,
Annals of Statistics 9, 1981): every user weighs by a standard exponential number in all draws,
arms and sets of the same people, which keeps the draws of one user together and never leaves a set
without users, as drawing users with replacement does where there are three of them. Gains are
paired: the difference is taken for each user and draw first.

Shape legend: B repetitions, U users.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fedxr.evaluation.result import COLD_ARMS, LabelCurves, LabelPoint, LabelRole

REPEATS = 4000
GAINS = (
    ("federated_personalised", "local"),
    ("federated_personalised", "federated"),
    ("classical_everyone", "classical_own"),
    ("federated", "pooled"),
    ("fedavg", "pooled_softmax"),
)
"""Pairs of arms whose difference is shown."""
MEAN = "mean over sets"

Draws = Sequence[Mapping[str, float]]
"""User to figure, of each draw."""


def ticks(points: Sequence[LabelPoint]) -> list[str]:
    """``0``, ``1``, …, ``all``."""
    return ["all" if p.labels is None else str(p.labels) for p in points]


@dataclass(frozen=True)
class Measured:
    """What was measured of one role in one set: figures by arm and labels a class; ``people`` says
    whose users they are (the tasks of one world share theirs)."""

    people: str
    arms: Mapping[str, Mapping[int | None, Draws]]
    questions: float

    def gain(self, arm: str, other: str) -> dict[int | None, Draws]:
        """``arm`` less ``other``, where both were measured."""
        both, theirs = self.arms.get(arm, {}), self.arms.get(other, {})
        return {
            k: [
                {u: a[u] - b[u] for u in a if u in b}
                for a, b in zip(both[k], theirs[k], strict=True)
            ]
            for k in both
            if k in theirs
        }


def role_of(sets: Sequence[Measured]) -> LabelRole:
    """One role over ``sets``, each counting once; only what all of them have is shown."""
    arms = [a for a in COLD_ARMS if all(a in s.arms for s in sets)]
    pairs = [(a, b) for a, b in GAINS if a in arms and b in arms]
    people = [s.people for s in sets]
    users = {(s.people, u) for s in sets for k in s.arms.values() for d in k.values() for x in d
             for u in x}  # fmt: skip
    return LabelRole(
        users=len(users),
        questions=sum(s.questions for s in sets),
        arms={a: _curve(people, [s.arms[a] for s in sets]) for a in arms},
        gains={f"{a} - {b}": _curve(people, [s.gain(a, b) for s in sets]) for a, b in pairs},
    )


def mean_curves(each: Sequence[LabelCurves], sets: Mapping[str, Sequence[Measured]]) -> LabelCurves:
    """The mean over sets; ``sets`` are what the curves of ``each`` were made of, by role."""
    return LabelCurves(
        name=MEAN,
        task="",
        metric="as each set's",
        chance=float(np.mean([c.chance for c in each])),
        roles={role: role_of(measured) for role, measured in sets.items()},
    )


def _curve(people: Sequence[str], sets: Sequence[Mapping[int | None, Draws]]) -> list[LabelPoint]:
    return [
        estimate(k, list(zip(people, (s[k] for s in sets), strict=True)))
        for k in sets[0]
        if all(k in s for s in sets)
    ]


def estimate(labels: int | None, sets: Sequence[tuple[str, Draws]]) -> LabelPoint:
    """One point: the mean over ``sets`` (whose users they have, figures of each draw)."""
    rng = np.random.default_rng(0)
    weight: dict[tuple[str, str], np.ndarray] = {}
    means, repeats = [], np.zeros(REPEATS)
    for people, draws in sets:
        total: dict[str, list[float]] = {}
        for figures in draws:
            for user, figure in figures.items():
                total.setdefault(user, []).append(figure)
        for user in sorted(total):
            weight.setdefault((people, user), rng.exponential(size=REPEATS))
        w_BU = np.stack([weight[people, user] for user in total], 1)
        sums = np.array([sum(x) for x in total.values()])
        count = np.array([len(x) for x in total.values()])
        means.append(sums.sum() / count.sum())
        repeats += (w_BU @ sums) / (w_BU @ count) / len(sets)
    low, high = np.quantile(repeats, (0.025, 0.975))
    return LabelPoint(
        labels=labels,
        mean=float(np.mean(means)),
        low=float(low),
        high=float(high),
        error=float(repeats.std()),
        users=len(weight),
        draws=max(len(draws) for _, draws in sets),
    )
