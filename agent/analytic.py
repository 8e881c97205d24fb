"""The analytic head: ridge regression on fixed features, from sums that can be shared.

For each task a headset keeps A = Σ z zᵀ and B = Σ z yᵀ over its labelled questions.
W = (A + λ·mean(diag A)·I)⁻¹ B with A, B of everyone plus w times the user's own (ACIL
arXiv:2205.14922, AFL arXiv:2405.16240). One label is a rank-one update; nothing is forgotten; A and
B are sums, so any mixing, dropout or secure sum of them is exact.

z are random Fourier features (Rahimi and Recht 2007) of the standardised summaries, drawn from a
seed, so that W is kernel regression. They are not the trunk's states: of the users it was
pretrained on, the trunk knows the answers by heart, so their sums can mislead about others
(docs/learning.md, where the limits of that evidence stand). No adapter changes z, so the
sums never have to be rebuilt.

Shape legend: X summary numbers, Z features, C classes, H headsets, M questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from agent.batch import Rows

FEATURES = 384
"""Z: an update carries Z² / 2 numbers of A."""
NARROW = 0.5
"""Inverse width of the kernel, in deviations of the summaries."""


@dataclass
class Sums:
    """A (…, Z, Z), B (…, Z, C) and n (…, C) of labelled questions. Two of them add."""

    a: Tensor
    b: Tensor
    n: Tensor

    @classmethod
    def of(cls, z: Tensor, label: Tensor, classes: int) -> Sums:
        """The sums of features z (M, Z) with labels (M,)."""
        y = torch.nn.functional.one_hot(label, classes).to(z.dtype)
        return cls(z.T @ z, z.T @ y, y.sum(0))

    @classmethod
    def none(cls, classes: int) -> Sums:
        """No label yet."""
        return cls(
            torch.zeros(FEATURES, FEATURES), torch.zeros(FEATURES, classes), torch.zeros(classes)
        )

    def plus(self, other: Sums, times: float = 1.0) -> Sums:
        return Sums(self.a + times * other.a, self.b + times * other.b, self.n + times * other.n)

    def solve(self, ridge: float) -> Tensor:
        """W (…, Z, C) for λ = ``ridge``."""
        size = self.a.shape[-1]
        level = self.a.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None].clamp_min(1e-12)
        eye = torch.eye(size, dtype=self.a.dtype, device=self.a.device)
        solved: Tensor = torch.linalg.solve(self.a + ridge * level * eye, self.b)
        return solved


def flatten(sums: Sums) -> Tensor:
    """(…, Z(Z+1)/2 + Z·C + C): the upper triangle of A, B and n, as a block of an update."""
    size = sums.a.shape[-1]
    i, j = torch.triu_indices(size, size)
    return torch.cat((sums.a[..., i, j], sums.b.flatten(-2), sums.n), -1)


def unflatten(flat: Tensor, size: int, classes: int) -> Sums:
    i, j = torch.triu_indices(size, size)
    a = flat.new_zeros(*flat.shape[:-1], size, size)
    triangle, b, n = torch.split(flat, [len(i), size * classes, classes], -1)
    a[..., i, j] = triangle
    a[..., j, i] = triangle
    return Sums(a, b.reshape(*flat.shape[:-1], size, classes), n)


@dataclass(frozen=True)
class Choice:
    """How an answer is made: softmax(``trust`` · the model's logits + sharpness · z W), where W
    counts the user's own sums ``own`` times more than others'."""

    trust: float = 0.5
    own: float = 0.0


@dataclass(frozen=True)
class Ridge:
    """What the analytic head of one task starts from; part of the checkpoint.

    ``keys`` are the summaries that it reads, each of ``sizes``; ``prior`` are the sums of the
    pretraining users; ``ridge`` is λ and ``sharpness`` scales the scores to logits, both fitted by
    :func:`calibrate`.
    """

    keys: tuple[str, ...]
    sizes: tuple[int, ...]
    prior: Sums
    ridge: float = 0.3
    sharpness: float = 8.0

    def scores(self, z: Tensor, sums: Sums) -> Tensor:
        """(M, C) logits of features z (M, Z) from ``sums``."""
        return self.sharpness * (z @ sums.solve(self.ridge))

    def features(self, summaries: Rows, rows: int) -> Tensor:
        """(rows, Z) from standardised summaries, an absent one counting as average; all zero where
        there is none, which leaves the answer to the model's own head."""
        return features(summaries, self.keys, self.sizes, rows)


def features(
    summaries: Rows, keys: tuple[str, ...], sizes: tuple[int, ...], rows: int, seed: int = 0
) -> Tensor:
    """cos(x Ω + φ) · √(2 / Z) and a constant: (rows, Z) for questions 0 to ``rows``."""
    phase, omegas = _draws(sizes, seed)
    turn = phase.expand(rows, -1).clone()
    known = torch.zeros(rows, 1)
    for key, omega in zip(keys, omegas, strict=True):
        if key in summaries:
            x, at = summaries[key]
            turn.index_add_(0, at, x @ omega)
            known[at] = 1.0
    z = torch.cat((torch.cos(turn) * (2 / FEATURES) ** 0.5, torch.ones(rows, 1)), 1)
    return z * known


@cache
def _draws(sizes: tuple[int, ...], seed: int) -> tuple[Tensor, list[Tensor]]:
    """φ (Z - 1,) and Ω (size, Z - 1) of each summary: drawn once, they cost more than their use."""
    generator = torch.Generator().manual_seed(seed)
    phase = 2 * torch.pi * torch.rand(FEATURES - 1, generator=generator)
    scale = NARROW * max(1, sum(sizes)) ** -0.5
    return phase, [torch.randn(n, FEATURES - 1, generator=generator) * scale for n in sizes]


def calibrate(users: Sequence[tuple[Tensor, Tensor]], classes: int) -> tuple[float, float]:
    """λ and sharpness with the least log-loss on users left out, one at a time.

    ``users`` are (z (M, Z), label (M,)) of each. Leaving one out is exact: the sums of everyone
    less theirs.
    """
    sums = [Sums.of(z, y, classes) for z, y in users]
    total = Sums.none(classes)
    for one in sums:
        total = total.plus(one)
    best = (float("inf"), Ridge.ridge, Ridge.sharpness)
    label = torch.cat([y for _, y in users])
    for ridge in (0.03, 0.1, 0.3, 1.0, 3.0):
        scores = torch.cat(
            [
                z @ total.plus(one, -1.0).solve(ridge)
                for (z, _), one in zip(users, sums, strict=True)
            ]
        )
        for sharpness in (4.0, 8.0, 16.0, 32.0):
            loss = float(torch.nn.functional.cross_entropy(sharpness * scores, label))
            best = min(best, (loss, ridge, sharpness))
    return best[1], best[2]
