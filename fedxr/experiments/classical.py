"""The classical bars: the same summaries, given to scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fedxr.agent.inputs.tokens import TokenizedEpisode
from fedxr.evaluation.baselines import KINDS, Case, best_of
from fedxr.experiments.splits import TokenizedUser

QUICK = ("extra trees", "logistic regression, C=0.05")
MANY = 2500
"""Training rows above which a model per user is tried with the QUICK kinds only."""

FEW = ("logistic regression, C=0.05", "logistic regression, C=1", "RBF-SVM, C=10")
"""The kinds that are tried on every number of labels; trees have nothing to split in a handful."""

Matrix = tuple[NDArray[np.float32], NDArray[np.int64]]


def classical_arms(
    scores: dict[str, dict[str, float]],
    people: Sequence[TokenizedUser],
    federation: Sequence[TokenizedUser],
    pretraining: Sequence[TokenizedUser],
    metric: str,
) -> dict[str, str]:
    """Add the three classical arms of ``people`` to ``scores``; returns the kind that won each.

    Everyone's data are the pretraining users, the adaptation halves of ``federation`` and, for
    people outside it, their own half.
    """
    sizes = _sizes((*people, *federation, *pretraining))
    known = _joined([_matrix((*p.adapt, *p.test), sizes) for p in pretraining])
    middle = np.nan_to_num(np.nanmean(known[0], axis=0))
    halves = [_filled(_matrix(p.adapt, sizes), middle) for p in federation]
    known = _filled(known, middle)
    everyone = _joined([known, *halves])
    inside = {id(p) for p in federation}
    own, before, after = [], [], []
    for person in people:
        mine = _filled(_matrix(person.adapt, sizes), middle)
        test = _filled(_matrix(person.test, sizes), middle)
        if not len(mine[1]) or not len(test[1]):
            continue
        name = person.user.name
        own.append(Case(name, *mine, *test))
        before.append(Case(name, *_joined([known, mine]), *test))
        all_of_them = everyone if id(person) in inside else _joined([everyone, mine])
        after.append(Case(name, *all_of_them, *test))
    won = {}
    arms = {"classical_own": own, "classical_pretraining": before, "classical_everyone": after}
    for arm, cases in arms.items():
        if not cases:
            continue
        shared = all(c.train_x is cases[0].train_x for c in cases)
        kinds = tuple(KINDS) if shared or len(cases[0].train_y) <= MANY else QUICK
        best = best_of(cases, metric, kinds=kinds)
        scores[arm], won[arm] = best.by_user, best.kind
    return won


def label_arms(
    scores: dict[str, dict[str, float]],
    people: Sequence[TokenizedUser],
    federation: Sequence[TokenizedUser],
    metric: str,
) -> dict[str, str]:
    """Add the classical arms of a cold start to ``scores``, where there is a label to learn from;
    returns the kind that won each. Everyone's labels are those of the ``federation`` and, for
    people outside it, their own too."""
    told = [p for p in (*federation, *people) if p.adapt]
    if not told:
        return {}
    sizes = _sizes((*people, *federation))
    middle = np.nan_to_num(np.nanmean(_joined([_matrix(p.adapt, sizes) for p in told])[0], axis=0))
    halves = {id(p): _filled(_matrix(p.adapt, sizes), middle) for p in told}
    inside = {id(p) for p in federation}
    everyone = _joined([halves[id(p)] for p in federation if p.adapt] or [*halves.values()][:1])
    own, all_of_them = [], []
    for person in people:
        if not person.adapt or not person.test:
            continue
        test = _filled(_matrix(person.test, sizes), middle)
        name, mine = person.user.name, halves[id(person)]
        own.append(Case(name, *mine, *test))
        more = everyone if id(person) in inside else _joined([everyone, mine])
        all_of_them.append(Case(name, *more, *test))
    won = {}
    for arm, cases in (("classical_own", own), ("classical_everyone", all_of_them)):
        best = best_of(cases, metric, kinds=FEW)
        scores[arm], won[arm] = best.by_user, best.kind
    return won


def _sizes(people: Sequence[TokenizedUser]) -> dict[str, int]:
    """Length of the summary of every layout that anybody has."""
    out: dict[str, int] = {}
    for person in people:
        for tokens in (*person.adapt[:1], *person.test[:1], *person.adapt[-1:]):
            out.update({k: len(v) for k, v in tokens.queries[-1].summary.items()})
    return dict(sorted(out.items()))


def _matrix(episodes: Sequence[TokenizedEpisode], sizes: dict[str, int]) -> Matrix:
    """(n, f) summaries side by side, not-a-number where a channel was absent, and labels (n,)."""
    width = sum(sizes.values())
    x = np.full((len(episodes), width), np.nan, np.float32)
    for i, tokens in enumerate(episodes):
        at = 0
        for layout, size in sizes.items():
            if layout in tokens.queries[-1].summary:
                x[i, at : at + size] = tokens.queries[-1].summary[layout]
            at += size
    return x, np.array([t.queries[-1].label for t in episodes], np.int64)


def _joined(parts: Sequence[Matrix]) -> Matrix:
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


def _filled(part: Matrix, middle: NDArray[np.float32]) -> Matrix:
    return np.where(np.isnan(part[0]), middle, part[0]).astype(np.float32), part[1]
