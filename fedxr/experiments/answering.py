"""What a learner's headsets answer on test halves, and how good that is.

Shape legend: M questions, C classes, E experts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fedxr.agent.adaptation.experts import mixed
from fedxr.agent.inputs.tokens import TokenizedEpisode
from fedxr.agent.tasks import task_named
from fedxr.evaluation.baselines import METRICS
from fedxr.experiments.splits import TokenizedUser
from fedxr.learning.learner import Learner

Array = NDArray[np.int64]
Scores = dict[str, dict[str, float]]
"""arm -> user -> figure"""
Confusion = dict[str, Array]
"""arm -> (C, C) counts: a line a class of the truth, a column a class answered"""
CHUNK_TEST = 64
"""Questions of one pass."""


def metric_of(task: str) -> str:
    """What the tables show of ``task``."""
    return task_named(task).metric


def evenly(asked: Sequence[TokenizedEpisode], most: int) -> tuple[TokenizedEpisode, ...]:
    """At most so many of ``asked``, spread over all of them."""
    count = min(most, len(asked))
    return tuple(asked[i * len(asked) // count] for i in range(count))


def paired(truth: Array, before: Array, after: Array, metric: str) -> tuple[float, float]:
    """By how much ``metric`` changed from answers ``before`` to ``after``, and the standard error
    of that over the windows (paired: a window that both answer alike says nothing)."""
    weight = np.ones(len(truth))
    if metric == "balanced accuracy":  # each class of the truth has the same part
        classes, counts = np.unique(truth, return_counts=True)
        part = dict(
            zip(classes.tolist(), (len(truth) / len(classes) / counts).tolist(), strict=True)
        )
        weight = np.array([part[label] for label in truth.tolist()])
    change = weight * ((after == truth).astype(float) - (before == truth))
    error = change.std(ddof=1) / len(change) ** 0.5 if len(change) > 1 else 0.0
    return float(change.mean()), float(error)


def trust_of(learner: Learner, task: str, rows: Sequence[int]) -> list[float]:
    """(E,) mean over ``rows``; of nobody, none."""
    if not rows:
        return []
    mean: list[float] = torch.stack([learner.cohort.trust(r, task) for r in rows]).mean(0).tolist()
    return mean


def counted(said: Confusion, arm: str, task: str) -> Array:
    """(C, C) zeros of ``arm``, to count answers in."""
    classes = len(task_named(task).classes)
    return said.setdefault(arm, np.zeros((classes, classes), np.int64))


def evaluate(
    learner: Learner,
    people: Sequence[TokenizedUser],
    task: str,
    common: bool = False,
    counts: Array | None = None,
    losses: dict[str, float] | None = None,
) -> dict[str, float]:
    """Each user's figure on their test half, by what the experts have earned; or, ``common``, by
    the model that is everybody's: the common sums, and the shared adapters as they are. Answers are
    added to ``counts`` (C, C), and each user's mean negative log-likelihood put into ``losses``,
    where they are given."""
    figure, out = METRICS[metric_of(task)], {}
    for row, person in enumerate(people):
        if person.test:
            truth = np.array([t.queries[-1].label for t in person.test])
            likely = answered(learner, row, person.test, common)
            answers = best_of(likely)
            out[person.user.name] = figure(truth, answers)
            if losses is not None:
                losses[person.user.name] = _loss(likely, truth)
            if counts is not None:
                np.add.at(counts, (truth, answers), 1)
    return out


def answered(
    learner: Learner, row: int, asked: Sequence[TokenizedEpisode], common: bool = False
) -> Tensor:
    """(M, C) probabilities: the mixture of the experts of row ``row``, or the common model's."""
    if not asked:
        return torch.zeros(0, 0)
    if common:
        return common_of(learner, row, asked)
    return mixed(
        answers_of(learner, row, asked), learner.cohort.trust(row, asked[0].queries[-1].task)
    )


def answers_of(learner: Learner, row: int, asked: Sequence[TokenizedEpisode]) -> Tensor:
    """(E, M, C) log-probabilities of the experts."""
    cohort, out = learner.cohort, []
    for start in range(0, len(asked), CHUNK_TEST):
        part = asked[start : start + CHUNK_TEST]
        out += cohort.answers([(row, t) for t in part], cohort.features(part))
    return torch.stack(out, 1)


def common_of(learner: Learner, row: int, asked: Sequence[TokenizedEpisode]) -> Tensor:
    """(M, C) probabilities; the row's personal adapter and own weight have no say."""
    task = asked[0].queries[-1].task
    parts = [asked[i : i + CHUNK_TEST] for i in range(0, len(asked), CHUNK_TEST)]
    return torch.cat([learner.cohort.common(row, task, part) for part in parts]).exp()


def _loss(likely: Tensor, truth: Array) -> float:
    """Mean -log of what ``likely`` (M, C) gives to the truth (M,)."""
    given = likely[torch.arange(len(truth)), torch.from_numpy(truth)]
    return float(-given.clamp_min(torch.finfo(given.dtype).tiny).log().mean())


def best_of(answers: Tensor) -> Array:
    """(M,) from (M, C)."""
    best: Array = answers.argmax(-1).numpy()
    return best
