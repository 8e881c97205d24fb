"""Fixed features of the ridge head: a kernel on the standardised summaries, made finite.

The kernel exp(-WIDTH² |x - x'|² / 2X) is approximated from landmarks l (Nyström: Williams and
Seeger, NIPS 2000): with K over the landmarks and K + εI = R Rᵀ, z = (R⁻¹ k(x, l), 1), so that z·z'
is close to the kernel of x and x' wherever there are landmarks. A Cholesky factor is unique, so
every headset that loads the same landmarks makes the same features; nothing but them is stored.

Shape legend: L landmarks, X summary numbers side by side, Z features, M questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from fedxr.agent.inputs.batch import Rows

FEATURES = 384
"""Z: at most Z - 1 landmarks. An update carries Z² / 2 numbers of A."""
WIDTH = 0.5
"""Inverse width of the kernel, in root mean square deviations of the summaries."""
JITTER = 1e-4
"""ε: what two landmarks may differ by before they count as two."""


def side_by_side(summaries: Rows, keys: Sequence[str], sizes: Sequence[int], rows: int) -> Tensor:
    """(rows, X + 1): summaries of ``keys`` for questions 0 to ``rows``, an absent one as zeros (it
    counts as average); the last column is 1 where there was any."""
    device = next(iter(summaries.values()))[0].device if summaries else None
    out, start = torch.zeros(rows, sum(sizes) + 1, device=device), 0
    for key, size in zip(keys, sizes, strict=True):
        if key in summaries:
            x, at = summaries[key]
            out[at, start : start + size] = x
            out[at, -1] = 1.0
        start += size
    return out


@dataclass(frozen=True)
class Nystroem:
    """``landmarks`` (L, X) are summaries of ``keys``, of ``sizes``, side by side."""

    keys: tuple[str, ...]
    sizes: tuple[int, ...]
    landmarks: Tensor

    @cached_property
    def _whiten(self) -> Tensor:
        """R⁻ᵀ (L, L)."""
        near = self._near(self.landmarks.double())
        eye = torch.eye(len(near), dtype=near.dtype, device=near.device)
        root = torch.linalg.cholesky(near + JITTER * eye)
        inverse: Tensor = torch.linalg.solve_triangular(root, eye, upper=False)
        return inverse.T.contiguous().float()

    def _near(self, x: Tensor) -> Tensor:
        """k(x, l): (M, L) for x (M, X)."""
        land = self.landmarks.to(x.dtype)
        apart = x.square().sum(1)[:, None] + land.square().sum(1) - 2 * (x @ land.T)
        return torch.exp(-(WIDTH**2) * apart.clamp_min(0) / (2 * max(1, x.shape[1])))

    def features(self, summaries: Rows, rows: int) -> Tensor:
        """(rows, Z); all zero where there is no summary, which leaves the answer to the model's own
        head."""
        return self.of(side_by_side(summaries, self.keys, self.sizes, rows))

    def of(self, x: Tensor) -> Tensor:
        """(M, Z) from summaries as :func:`side_by_side` puts them, (M, X + 1)."""
        z = torch.zeros(len(x), FEATURES, device=x.device)
        if len(self.landmarks):
            z[:, : len(self.landmarks)] = self._near(x[:, :-1]) @ self._whiten
        z[:, -1] = 1.0
        return z * x[:, -1:]


def landmarks_from(x: Tensor, seed: int) -> Tensor:
    """Up to Z - 1 rows of ``x`` (M, X + 1) that have a summary, drawn by ``seed``: (L, X).

    Rounded to half precision, in which the checkpoint keeps them.
    """
    known = x[x[:, -1] > 0, :-1]
    order = torch.randperm(len(known), generator=torch.Generator().manual_seed(seed))
    return known[order[: FEATURES - 1]].half().float()
