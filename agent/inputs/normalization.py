"""Standardisation by the user's own unlabelled data: the first and cheapest personalisation.

Some signals have a personal level (EEG, gaze position, skin conductance, a voice's loudness); for
others the level is the label (gravity in motion). Which is which: ``Modality.per_user`` for tokens,
``Task.per_user`` for summaries. A user's mean and deviation start from the population's with the
weight of ``PRIOR`` observations, so that the first seconds are already usable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from torch import Tensor

from fedxr.agent.encoders.base import Array
from fedxr.agent.inputs.tokens import TokenFeatures, TokenizedEpisode, TokenizedQuery
from fedxr.agent.tasks import task_named
from fedxr.bridge.channels import modality_of

PRIOR = 4.0
LIMIT = 8.0
"""Standardised numbers are clipped here: one broken electrode must not drown the rest."""


@dataclass
class RunningStats:
    """Count, sum and sum of squares of a vector; two of them add."""

    n: float
    total: Array
    square: Array

    @classmethod
    def none(cls, size: int) -> RunningStats:
        return cls(0.0, np.zeros(size, np.float64), np.zeros(size, np.float64))

    def add(self, vector: Array) -> None:
        self.n += 1
        self.total += vector
        self.square += np.square(vector, dtype=np.float64)

    @property
    def finite(self) -> bool:
        """Whether they are all numbers."""
        return bool(np.isfinite(self.total).all() and np.isfinite(self.square).all())

    def mean_and_deviation(self) -> tuple[Array, Array]:
        n = max(self.n, 1.0)
        mean = self.total / n
        return mean, np.sqrt(np.maximum(self.square / n - mean**2, 0))


def token_key(layout: str) -> str | None:
    """Under which name a user's tokens of ``layout`` are standardised; None: they are not."""
    return layout if modality_of(layout).per_user else None


def summary_key(task: str, layout: str) -> str:
    """Under which name summaries of ``layout`` asked by ``task`` are kept and standardised."""
    return f"{task}|{layout}"


def task_and_layout(key: str) -> tuple[str, str]:
    """What :func:`summary_key` has made the key of: checkpoints store keys alone."""
    task, _, layout = key.partition("|")
    return task, layout


@dataclass
class Normalizer:
    """One user's moments by key, and the population's to start from."""

    population: dict[str, tuple[Array, Array]] = field(default_factory=dict)
    own: dict[str, RunningStats] = field(default_factory=dict)

    @classmethod
    def of(cls, population: Mapping[str, tuple[Tensor, Tensor]]) -> Normalizer:
        """Of a user of whom nothing is known yet."""
        return cls({key: (a.numpy(), b.numpy()) for key, (a, b) in population.items()})

    def observe(self, tokens: TokenizedEpisode) -> None:
        """Count an episode's unlabelled numbers in."""
        for e in tokens.token_features:
            if key := token_key(e.layout):
                self._count(key, e.features)
        for ask in tokens.queries:
            if task_named(ask.task).per_user:
                for layout, vector in ask.summary.items():
                    self._count(summary_key(ask.task, layout), vector)

    def _count(self, key: str, vector: Array) -> None:
        if not math.isfinite(np.vdot(vector, vector)):
            return  # one NaN among a user's moments would stay there
        self.own.setdefault(key, RunningStats.none(len(vector))).add(vector)

    def emission(self, e: TokenFeatures) -> TokenFeatures:
        key = token_key(e.layout)
        return replace(e, features=self._standard(key, e.features)) if key else e

    def ask(self, ask: TokenizedQuery) -> TokenizedQuery:
        if not task_named(ask.task).per_user:
            return ask
        summary = {
            layout: self._standard(summary_key(ask.task, layout), v)
            for layout, v in ask.summary.items()
        }
        return replace(ask, summary=summary)

    def apply(self, tokens: TokenizedEpisode) -> TokenizedEpisode:
        return replace(
            tokens,
            token_features=tuple(self.emission(e) for e in tokens.token_features),
            queries=tuple(self.ask(a) for a in tokens.queries),
        )

    def _standard(self, key: str, vector: Array) -> Array:
        moments = self.own.get(key, RunningStats.none(len(vector)))
        mean, deviation = moments.mean_and_deviation()
        if key in self.population:
            mean0, deviation0 = self.population[key]
            share = moments.n / (moments.n + PRIOR)
            mean = share * mean + (1 - share) * mean0
            deviation = share * deviation + (1 - share) * deviation0
        z = (vector - mean) / (deviation + 1e-6 + 1e-3 * np.abs(mean))
        return np.clip(z, -LIMIT, LIMIT).astype(np.float32)
