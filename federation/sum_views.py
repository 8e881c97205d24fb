"""What a headset, and what the server, has of one sum (:mod:`fedxr.federation.pieces`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic

from fedxr.federation.pieces import Answer, Others, Piece, T, added


@dataclass
class View(Generic[T]):
    """What one headset has of one sum: as which ``owner`` it gives its ``own`` (None: nothing yet);
    what it last ``heard`` of the server; and what neighbours have told ``beyond`` that, by owner.
    Who has no use for the sum does not ``take`` it, and passes on what it is told."""

    owner: str
    heard: Answer[T] = field(default_factory=Answer)
    own: Piece[T] | None = None
    takes: bool = False
    beyond: dict[str, Piece[T]] = field(default_factory=dict)

    def pieces(self) -> dict[str, Piece[T]]:
        """What it can hand on: a total has no parts."""
        return self.beyond | ({self.owner: self.own} if self.own else {})

    def known(self, owner: str) -> Piece[T] | None:
        """The newest piece that it has of somebody else."""
        return self.beyond.get(owner) or self._in_total(owner)

    def _in_total(self, owner: str) -> Piece[T] | None:
        return self.heard.pieces.get(owner) if self.takes else None

    def lacks(self, owner: str, piece: Piece[T]) -> bool:
        """Whether ``piece`` is news."""
        known = self.known(owner)
        return owner != self.owner and (known is None or known.version < piece.version)

    def others(self) -> Others[T] | None:
        """The sum of everybody else, None where nobody else gives any. What neighbours say of one
        whose part of the total cannot be told apart waits for the server's next word."""
        mine = self.heard.pieces.get(self.owner)
        less = mine.sum if mine else None
        told = ((o, piece) for o, piece in self.beyond.items() if o not in self.heard.left)
        more = tuple((piece, self._in_total(owner)) for owner, piece in told)
        rest = self.heard.givers - (less is not None)
        rest += sum(piece.gives - (since is not None and since.gives) for piece, since in more)
        return Others(self.heard.total, less, more) if rest > 0 else None

    def hear(self, answer: Answer[T]) -> None:
        """Take the server's word; of what neighbours have told, what is not in it yet is kept."""
        self.heard = answer
        self.beyond = {
            owner: piece
            for owner, piece in self.beyond.items()
            if owner not in answer.left
            and ((had := answer.pieces.get(owner)) is None or had.version < piece.version)
        }


@dataclass
class ServerSum(Generic[T]):
    """The server's side of one sum of ``whole`` numbers: its ``total``, in double precision, the
    ``pieces`` in it by owner, and who has ``left``; ``started`` with that of earlier federations,
    where it was."""

    total: T | None = None
    started: bool = False
    whole: int = 0
    pieces: dict[str, Piece[T]] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    numbers: int = 0
    _news: list[tuple[Piece[T], Piece[T] | None]] = field(default_factory=list)
    _said: Answer[T] | None = None

    def take(self, pieces: Mapping[str, Piece[T]]) -> list[int]:
        """Add what is new in ``pieces``, by owner: how many numbers each of those took."""
        taken = []
        for owner, piece in pieces.items():
            since = self.pieces.get(owner)
            if owner in self.left or (since is not None and since.version >= piece.version):
                continue
            self._news.append((piece, since))
            self.pieces[owner], self._said = piece, None
            taken.append(piece.numbers(since))
        self.numbers += sum(taken)
        return taken

    def leave(self, owner: str) -> None:
        """The ``owner`` of one of the pieces goes, and what it has given stays."""
        if self.pieces.pop(owner).gives:
            self.left.add(owner)
        self._said = None

    def come_back(self, owner: str, piece: Piece[T]) -> None:
        """One who has left is here again with what it has given."""
        self.left.discard(owner)
        self.pieces[owner], self._said = piece, None

    def answer(self) -> Answer[T]:
        """What is told of it now. Where nobody gives any more, no rounding is left either."""
        if self._said is not None:
            return self._said
        self.total, self._news = added(self.total, self._news), []
        givers = self.started + len(self.left) + sum(p.gives for p in self.pieces.values())
        if not givers:
            self.total = None
        total = None if self.total is None else self.total.single()
        left = frozenset(self.left)
        self._said = Answer(total, dict(self.pieces), left, givers, self.numbers)
        return self._said
