"""Classical baselines: standardised summary features and a well-known model of scikit-learn.

A weak baseline flatters the system, so several kinds are tried and the one with the best mean on
the *test* halves is shown. That choice has seen the test labels, hence it is optimistic in favour
of the baseline, and the reports say so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

# scikit-learn takes a second to import, which only the baselines need: where it is used.

Features = NDArray[np.float32]
"""(n, f): one row per question, finite."""
Labels = NDArray[np.int64]
"""(n,): class numbers of the task."""
Weights = NDArray[np.float32]
"""(n,): how much each training row counts."""

OPTIMISTIC = "the classical model of each set is chosen by its mean on the test halves"
"""The sentence that stands under every table with a classical column."""


def _forest(seed: int, jobs: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(200, max_features="sqrt", random_state=seed, n_jobs=jobs)


def _extra_trees(seed: int, jobs: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(200, max_features="sqrt", random_state=seed, n_jobs=jobs)


def _logistic(strength: float) -> Callable[[int, int], Any]:
    def model(seed: int, jobs: int) -> Any:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=strength, max_iter=500, random_state=seed)

    return model


def _svm(strength: float) -> Callable[[int, int], Any]:
    def model(seed: int, jobs: int) -> Any:
        from sklearn.svm import SVC

        return SVC(C=strength, kernel="rbf", gamma="scale", random_state=seed)

    return model


KINDS: dict[str, Callable[[int, int], Any]] = {
    "random forest": _forest,
    "extra trees": _extra_trees,
    "logistic regression, C=0.05": _logistic(0.05),
    "logistic regression, C=1": _logistic(1.0),
    "RBF-SVM, C=10": _svm(10.0),
}
"""The models tried. Distances and penalties need one scale, so all are given standardised rows."""


@dataclass(frozen=True)
class Case:
    """One user's question to the baselines: train on these rows, be tested on those.

    Users with the very same training rows (``classical_everyone`` of unseen users) should share
    the array objects: each model is then trained once.
    """

    user: str
    train_x: Features
    train_y: Labels
    test_x: Features
    test_y: Labels
    weights: Weights | None = None


@dataclass(frozen=True)
class Best:
    """``kind`` won; ``by_kind`` has the mean over users, ``by_user`` each user's figure of it."""

    kind: str
    by_kind: dict[str, float]
    by_user: dict[str, float]


def _check(train_x: Features, train_y: Labels, weights: Weights | None, test_x: Features) -> None:
    rows = len(train_x)
    if train_x.ndim != 2 or test_x.ndim != 2 or train_x.shape[1] != test_x.shape[1]:
        raise ValueError(
            f"features have shapes {train_x.shape} (train) and {test_x.shape} (test); "
            "needed are (n, f) and (m, f) with the same f"
        )
    if rows == 0 or len(train_y) != rows or (weights is not None and len(weights) != rows):
        counts = f"{rows} rows, {len(train_y)} labels"
        raise ValueError(f"{counts}: training needs at least one row, and one label for each")
    bad = int((~np.isfinite(train_x)).any(axis=1).sum() + (~np.isfinite(test_x)).any(axis=1).sum())
    if bad:
        raise ValueError(f"{bad} rows have a feature that is not finite; leave them out or fill in")


def classical(
    kind: str,
    train_x: Features,
    train_y: Labels,
    test_x: Features,
    weights: Weights | None = None,
    *,
    seed: int = 0,
    jobs: int = 1,
) -> Labels:
    """Train ``kind`` of KINDS on standardised rows and return its answers for ``test_x``, (m,).

    Standardisation is learned on the training rows alone. A single training class is answered
    throughout. Raises ValueError for shapes that do not fit and for numbers that are not finite.
    """
    _check(train_x, train_y, weights, test_x)
    if kind not in KINDS:
        raise ValueError(f"unknown classical model {kind!r}; known are {', '.join(KINDS)}")
    if len(test_x) == 0:
        return np.zeros(0, np.int64)
    if len(np.unique(train_y)) == 1:
        return np.full(len(test_x), train_y[0], np.int64)
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(train_x, sample_weight=weights)
    model = KINDS[kind](seed, jobs)
    model.fit(scaler.transform(train_x), train_y, sample_weight=weights)
    answers: Labels = model.predict(scaler.transform(test_x)).astype(np.int64)
    return answers


def accuracy(truth: Labels, answers: Labels) -> float:
    """Share of right answers."""
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(truth, answers))


def balanced_accuracy(truth: Labels, answers: Labels) -> float:
    """Mean recall over the classes that occur in ``truth``."""
    from sklearn.metrics import recall_score

    return float(recall_score(truth, answers, labels=np.unique(truth), average="macro"))


METRICS: dict[str, Callable[[Labels, Labels], float]] = {
    "accuracy": accuracy,
    "balanced accuracy": balanced_accuracy,
}


def _shared_training(cases: Sequence[Case]) -> list[list[Case]]:
    """Cases grouped by the identity of their training arrays, in order of appearance."""
    groups: dict[tuple[int, int, int], list[Case]] = {}
    for case in cases:
        key = (id(case.train_x), id(case.train_y), id(case.weights))
        groups.setdefault(key, []).append(case)
    return list(groups.values())


def _by_user(
    kind: str,
    cases: Sequence[Case],
    metric: Callable[[Labels, Labels], float],
    seed: int,
    jobs: int,
) -> dict[str, float]:
    """Each user's figure of one kind; users with the same training rows share one training."""
    found: dict[str, float] = {}
    for group in _shared_training(cases):
        first = group[0]
        tests = np.concatenate([case.test_x for case in group])
        answers = classical(
            kind, first.train_x, first.train_y, tests, first.weights, seed=seed, jobs=jobs
        )
        start = 0
        for case in group:
            found[case.user] = metric(case.test_y, answers[start : start + len(case.test_y)])
            start += len(case.test_y)
    return {case.user: found[case.user] for case in cases}


def best_of(
    cases: Sequence[Case],
    metric: str = "accuracy",
    *,
    kinds: Sequence[str] = tuple(KINDS),
    seed: int = 0,
    jobs: int = 1,
) -> Best:
    """Try every kind on every user and take the strongest by its mean over users.

    The choice is made on the test halves (see OPTIMISTIC). The first of equal kinds wins.
    """
    if not cases or not kinds:
        raise ValueError("best_of: give at least one case and one kind")
    names = [case.user for case in cases]
    if len(set(names)) != len(names):
        raise ValueError("best_of: every case needs its own user name")
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}; known are {', '.join(METRICS)}")
    per_kind = {kind: _by_user(kind, cases, METRICS[metric], seed, jobs) for kind in kinds}
    by_kind = {kind: fmean(users.values()) for kind, users in per_kind.items()}
    kind = max(by_kind, key=lambda name: by_kind[name])
    return Best(kind, by_kind, per_kind[kind])
