"""The sums of one headset's own labels, which cost what the labels need.

Term by term while these are few: then what has been added since another time is some of them, and a
headset with ten labels holds ten rows of features and no matrix. Of many the first are folded.

Shape legend: Z features, C classes, M terms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fedxr.agent.model.nystroem import FEATURES
from fedxr.agent.model.ridge_head import RidgeStats

KEPT = 96
"""Terms that are not folded, at least; twice as many at most, which are half as large as A."""


@dataclass(frozen=True, eq=False)
class Term:
    """A labelled question: features ``z`` (Z,); ``times`` -1 takes it back."""

    z: Tensor
    label: int
    times: float = 1.0

    def cancels(self, other: Term) -> bool:
        """Whether nothing is left of the two."""
        return self.z is other.z and self.label == other.label and self.times == -other.times


@dataclass(frozen=True, eq=False)
class OwnSums:
    """Sums of a task of so many ``classes``: ``folded`` of the first ``before`` terms, and the
    ``terms`` since. Never changed, but replaced."""

    classes: int
    terms: tuple[Term, ...] = ()
    folded: RidgeStats | None = None
    before: int = 0

    @classmethod
    def counted(
        cls, told: Iterable[tuple[Tensor, int]], classes: int, start: OwnSums | None = None
    ) -> OwnSums:
        """The sums of (features (Z,), label), one after another as they are told, after those of
        ``start``."""
        total = start or cls(classes)
        for z, label in told:
            total = total.plus(Term(z, label))
        return total

    def plus(self, term: Term) -> OwnSums:
        """With one term more. Raises ValueError for features that are not finite, which no sum
        would ever lose."""
        if not bool(term.z.isfinite().all()):
            raise ValueError("features that are not finite cannot be counted into sums")
        terms = (*self.terms, term)
        if len(terms) < 2 * KEPT:
            return OwnSums(self.classes, terms, self.folded, self.before)
        first = _summed(terms[:KEPT], self.classes)
        folded = first if self.folded is None else self.folded.plus(first)
        return OwnSums(self.classes, terms[KEPT:], folded, self.before + KEPT)

    def same(self, other: OwnSums) -> bool:
        """Whether both hold the same terms, those that were taken back left out."""
        mine, theirs = _left(self.terms), _left(other.terms)
        if len(mine) != len(theirs) or (self.folded is None) != (other.folded is None):
            return False
        if (
            self.folded is not None
            and other.folded is not None
            and not self.folded.same(other.folded)
        ):
            return False
        return all(a.label == b.label and a.times == b.times and torch.equal(a.z, b.z)
                   for a, b in zip(mine, theirs, strict=True))  # fmt: skip

    @property
    def sums(self) -> RidgeStats:
        """A, B and n."""
        last = _summed(self.terms, self.classes)
        return last if self.folded is None else self.folded.plus(last)

    # -- what has been added (fedxr.federation.pieces.Sum) ---------------------------------------

    @property
    def whole(self) -> int:
        """Numbers of A's upper triangle, B and n."""
        return FEATURES * (FEATURES + 1) // 2 + (FEATURES + 1) * self.classes

    def numbers(self, since: OwnSums | None) -> int:
        """How many numbers say what has been added (:func:`packed`): at most ``whole``."""
        new = self._new(since)
        if new is None:
            return self.whole
        return min(self.whole, len(new) * (FEATURES + self.classes + 1) + self.classes)

    def change(self, since: OwnSums | None) -> RidgeStats:
        """What has been added."""
        new = self._new(since)
        if new is not None:
            return _summed(new, self.classes)
        return self.sums if since is None else self.sums.plus(since.sums, -1.0)

    @classmethod
    def together(cls, added: Sequence[tuple[OwnSums, OwnSums | None]]) -> RidgeStats:
        """What has been added to several since others of theirs, in double precision."""
        classes, terms = added[0][0].classes, list[Term]()
        total = RidgeStats.none(classes).double()
        for own, since in added:
            new = own._new(since)
            if new is None:
                total = total.plus(own.change(since))
            else:
                terms += new
        return total.plus(_summed(terms, classes, torch.float64)) if terms else total

    def _new(self, since: OwnSums | None) -> tuple[Term, ...] | None:
        """The terms since then; None where they are folded, or ``since`` is none of these sums'
        past."""
        if since is None:
            return _left(self.terms) if self.folded is None else None
        known = since.before + len(since.terms) - self.before
        if not 0 <= known <= len(self.terms):
            return None
        if known and since.terms:
            past = since.terms[-1] is self.terms[known - 1]
        else:
            past = since.folded is self.folded and not (known or since.terms)
        return _left(self.terms[known:]) if past else None


def _left(terms: Iterable[Term]) -> tuple[Term, ...]:
    left: list[Term] = []
    for term in terms:
        back = term.times < 0
        twin = next((i for i, x in enumerate(left) if term.cancels(x)), None) if back else None
        if twin is None:
            left.append(term)
        else:
            del left[twin]
    return tuple(left)


def _summed(terms: Iterable[Term], classes: int, dtype: torch.dtype = torch.float32) -> RidgeStats:
    terms = _left(terms)
    if not terms:
        return RidgeStats.none(classes)
    z, label, times = _stacked(terms)
    return RidgeStats.of(z.to(dtype), label, classes, times.to(dtype))


def _stacked(terms: Iterable[Term]) -> tuple[Tensor, Tensor, Tensor]:
    terms = tuple(terms)
    z, label = torch.stack([t.z for t in terms]), torch.tensor([t.label for t in terms])
    return z, label, torch.tensor([t.times for t in terms], dtype=z.dtype)


def packed(terms: Iterable[Term], classes: int) -> Tensor:
    """(M (Z + C + 1) + C,) numbers that say what M ``terms`` (at most Z) add, and no more than that
    does: with z = Q R (the QR decomposition), A = Rᵀ (Qᵀ S Q) R and B = Rᵀ (Qᵀ S Y) for signs S.
    R is 0 below its diagonal, and Qᵀ S Q is symmetric."""
    z, label, times = _stacked(terms)
    y = torch.nn.functional.one_hot(label, classes).to(z.dtype) * times[:, None]
    q, r = torch.linalg.qr(z.double())
    middle, right = q.T @ (times[:, None] * q), q.T @ y.double()
    rows, columns = torch.triu_indices(*r.shape)
    i, j = torch.triu_indices(*middle.shape)
    parts = (r[rows, columns], middle[i, j], right.flatten(), y.sum(0))
    return torch.cat([part.to(z.dtype) for part in parts])


def unpacked(numbers: Tensor, terms: int, classes: int) -> RidgeStats:
    """The sums that :func:`packed` says of so many ``terms``. Raises ValueError for another number
    of numbers."""
    rows, columns = torch.triu_indices(terms, FEATURES)
    i, j = torch.triu_indices(terms, terms)
    sizes = [len(rows), len(i), terms * classes, classes]
    if len(numbers) != sum(sizes):
        raise ValueError(f"{len(numbers)} numbers for {terms} terms; there must be {sum(sizes)}")
    first, second, right, n = torch.split(numbers.double(), sizes)
    r, middle = numbers.new_zeros(terms, FEATURES).double(), right.new_zeros(terms, terms)
    r[rows, columns] = first
    middle[i, j] = middle[j, i] = second
    a, b = r.T @ middle @ r, r.T @ right.reshape(terms, classes)
    return RidgeStats(*(x.to(numbers.dtype) for x in (a, b, n)))
