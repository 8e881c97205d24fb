"""The ridge head: ridge regression on fixed features, from sums that can be shared.

For each task a headset keeps A = Σ z zᵀ and B = Σ z yᵀ over its labelled questions.
W = (A + λ·mean(diag A)·I)⁻¹ B with A, B of the pretraining users plus κ times the crowd's plus w
times the user's own (ACIL arXiv:2205.14922, AFL arXiv:2405.16240). One label is a rank-one update;
nothing is forgotten; A and B are sums, so any mixing, dropout or secure sum of them is exact.

z are those of :mod:`fedxr.agent.model.nystroem`, made from the standardised summaries, so that W is
kernel regression. They are not the trunk's states: of the users it was pretrained on, the trunk
knows the answers by heart, so their sums would mislead about others. No adapter changes z, so the
sums never have to be rebuilt.

Shape legend: Z features, C classes, M questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fedxr.agent.inputs.batch import Rows
from fedxr.agent.model.nystroem import FEATURES, Nystroem


@dataclass
class RidgeStats:
    """A (…, Z, Z), B (…, Z, C) and n (…, C) of labelled questions. Two of them add."""

    a: Tensor
    b: Tensor
    n: Tensor

    @classmethod
    def of(cls, z: Tensor, label: Tensor, classes: int, times: Tensor | None = None) -> RidgeStats:
        """The sums of features z (M, Z) with labels (M,), each ``times`` (M,) 1 or -1; ValueError
        where one is no number, which no sum would ever lose."""
        if not bool(z.isfinite().all()):
            raise ValueError("features that are not finite cannot be counted into sums")
        y = torch.nn.functional.one_hot(label, classes).to(z.dtype)
        if times is not None:
            y = y * times[:, None]
        left = z if times is None else z * times[:, None]
        return cls(left.T @ z, z.T @ y, y.sum(0))

    @classmethod
    def none(cls, classes: int) -> RidgeStats:
        """No label yet."""
        return cls(
            torch.zeros(FEATURES, FEATURES), torch.zeros(FEATURES, classes), torch.zeros(classes)
        )

    @property
    def finite(self) -> bool:
        """Whether they are all numbers."""
        return all(bool(x.isfinite().all()) for x in (self.a, self.b, self.n))

    def same(self, other: RidgeStats) -> bool:
        """Whether they are, bit for bit."""
        pairs = ((self.a, other.a), (self.b, other.b), (self.n, other.n))
        return all(torch.equal(one, two) for one, two in pairs)

    def plus(self, other: RidgeStats, times: float = 1.0) -> RidgeStats:
        return RidgeStats(
            self.a + times * other.a, self.b + times * other.b, self.n + times * other.n
        )

    def double(self) -> RidgeStats:
        """In double precision, to go on adding to."""
        return RidgeStats(self.a.double(), self.b.double(), self.n.double())

    def single(self) -> RidgeStats:
        """In single precision, as they are used."""
        return RidgeStats(self.a.float(), self.b.float(), self.n.float())

    def solve(self, ridge: float) -> Tensor:
        """W (…, Z, C) for λ = ``ridge``; in double precision, for λ may be small."""
        a = self.a.double()
        level = a.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None].clamp_min(1e-12)
        eye = torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
        a, b = a + ridge * level * eye, self.b.double()
        root, failed = torch.linalg.cholesky_ex(a)
        # Sums that travelled rounded may have lost a little of being positive.
        solved = torch.linalg.solve(a, b) if bool(failed.any()) else torch.cholesky_solve(b, root)
        return solved.to(self.b.dtype)


def flatten(sums: RidgeStats) -> Tensor:
    """(…, Z(Z+1)/2 + Z·C + C): the upper triangle of A, B and n, as a block of an update."""
    size = sums.a.shape[-1]
    i, j = torch.triu_indices(size, size)
    return torch.cat((sums.a[..., i, j], sums.b.flatten(-2), sums.n), -1)


def unflatten(flat: Tensor, size: int, classes: int) -> RidgeStats:
    i, j = torch.triu_indices(size, size)
    a = flat.new_zeros(*flat.shape[:-1], size, size)
    triangle, b, n = torch.split(flat, [len(i), size * classes, classes], -1)
    a[..., i, j] = triangle
    a[..., j, i] = triangle
    return RidgeStats(a, b.reshape(*flat.shape[:-1], size, classes), n)


@dataclass(frozen=True)
class Fit:
    """λ, and what turns the scores into logits."""

    ridge: float = 0.3
    sharpness: float = 8.0


@dataclass(frozen=True)
class RidgeHead:
    """What the ridge head of one task starts from; part of the checkpoint.

    ``prior`` are the sums of the pretraining users; ``fits`` by the weight of own sums, 0 among
    them; ``own`` is the weight w of own sums and ``federated`` the weight κ of others' that served
    pretraining users best, each as if unknown (:mod:`fedxr.agent.checkpoints.ridge_fit`).
    """

    kernel: Nystroem
    prior: RidgeStats
    fits: Mapping[float, Fit] = field(default_factory=lambda: {0.0: Fit()})
    own: float = 1.0
    federated: float = 1.0

    def total(self, own: RidgeStats | None, federated: RidgeStats | None = None) -> RidgeStats:
        """prior + κ · ``federated`` + w · ``own``; the crowd's sums leave the own ones out."""
        total = self.prior
        if federated is not None:
            total = total.plus(federated, self.federated)
        return total if own is None else total.plus(own, self.own)

    def weights(self, sums: RidgeStats, own: float = 0.0) -> Tensor:
        """sharpness · W (Z, C): logits are z times it. ``own`` is the weight of own sums that
        ``sums`` were made with."""
        fit = self.fits[min(self.fits, key=lambda known: abs(known - own))]
        return fit.sharpness * sums.solve(fit.ridge)

    def features(self, summaries: Rows, rows: int) -> Tensor:
        """(rows, Z), see :meth:`fedxr.agent.model.nystroem.Nystroem.features`."""
        return self.kernel.features(summaries, rows)
