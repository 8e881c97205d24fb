"""Sums over samples, such as the A and B of a ridge head, as pieces by owner and version.

Everybody's sum is the total of each owner's own, so nothing has to be agreed on, and nothing is
rounded: what travels is what an owner has added since the other side was told last. That costs what
is new, not what the sum holds, and is exact in whatever order it comes, as often as it comes. The
last piece stays where its owner is silent, so that silence is not absence. Who passes what on to
whom is :mod:`fedxr.federation.shared_sums`.

Legend: T is the caller's type of a sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, Self, TypeVar


class Additive(Protocol):
    """What can be added. ``double`` and ``single`` are the same in either precision."""

    def plus(self, other: Self, times: float = 1.0) -> Self: ...
    def double(self) -> Self: ...
    def single(self) -> Self: ...


T = TypeVar("T", bound=Additive)
T_co = TypeVar("T_co", bound=Additive, covariant=True)


class Sum(Protocol[T_co]):
    """One owner's sum as it is now; never changed, but replaced. ``whole``: how many numbers it
    has. ``change`` is what has been added since another sum of that owner (None: since nothing),
    and ``numbers`` how many numbers say it, at most ``whole``. ``together`` is what has been added
    by several owners, each since then: one product instead of many, where a sum is of products."""

    @property
    def sums(self) -> T_co: ...
    @property
    def whole(self) -> int: ...
    def numbers(self, since: Self | None) -> int: ...
    def change(self, since: Self | None) -> T_co: ...
    @classmethod
    def together(cls, added: Sequence[tuple[Self, Self | None]]) -> T_co: ...


@dataclass(frozen=True)
class Piece(Generic[T]):
    """An owner's sum by ``version``. ``sum`` is None where it gives nothing any more."""

    version: int
    sum: Sum[T] | None

    @property
    def gives(self) -> bool:
        """Whether there is anything."""
        return self.sum is not None

    def numbers(self, since: Piece[T] | None) -> int:
        """How many numbers say what has changed."""
        before = since.sum if since else None
        if self.sum is not None:
            return self.sum.numbers(before)
        return before.whole if before is not None else 0

    def added_to(self, total: T | None, since: Piece[T] | None) -> T | None:
        """``total`` with what has changed."""
        before = since.sum if since else None
        if self.sum is not None:
            change = self.sum.change(before)
            return change if total is None else total.plus(change)
        return total if before is None or total is None else total.plus(before.sums, -1.0)


def added(total: T | None, news: Sequence[tuple[Piece[T], Piece[T] | None]]) -> T | None:
    """``total`` with what has changed in several pieces, each since another of its owner, in double
    precision."""
    given = [(new.sum, since.sum if since else None) for new, since in news if new.sum is not None]
    if given:
        change = type(given[0][0]).together(given).double()
        total = change if total is None else total.plus(change)
    for new, since in news:
        if not new.gives:
            total = new.added_to(total, since)
    return total if total is None else total.double()


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What a server says of one sum after a round: its ``total``, and which ``pieces`` are in it,
    by owner; who has ``left``, and can no more be told apart in it; how many ``givers`` there are;
    and how many ``numbers`` the server has been sent since it began."""

    total: T | None = None
    pieces: Mapping[str, Piece[T]] = field(default_factory=dict)
    left: frozenset[str] = frozenset()
    givers: int = 0
    numbers: int = 0


@dataclass(frozen=True, eq=False)
class Others(Generic[T]):
    """The sum of all but one: a ``total``, ``less`` their own that is in it, and ``more`` that
    neighbours have told since. Added up when it is asked for: most of it is shared by many."""

    total: T | None
    less: Sum[T] | None = None
    more: tuple[tuple[Piece[T], Piece[T] | None], ...] = ()

    def same(self, other: Others[T]) -> bool:
        """Whether nothing has changed, as far as can be seen without adding."""
        same = self.total is other.total and self.less is other.less
        return same and self.more == other.more

    @property
    def sums(self) -> T:
        """Raises ValueError where there is nothing to add."""
        total = self.total
        if total is not None and (self.less is not None or self.more):
            total = total.double()
        if total is not None and self.less is not None:
            total = total.plus(self.less.sums, -1.0)
        for piece, since in self.more:
            total = piece.added_to(total, since)
        if total is None:
            raise ValueError("the sum of nobody")
        return total.single()
