"""Who knows which pieces of everybody's sums (:mod:`fedxr.federation.pieces`), and what it takes to
tell the others.

Neighbours hand each other the pieces that the other has not got yet, hop by hop, until the whole
cluster has them; a representative brings the server those that it has not got; and the server
answers with what has been added to its total since whoever it answers was told last.

What to know: each sum goes its own way, by its name. Numbers are float32 on every wire. Which way a
piece goes through a cluster is fixed by the cluster's graph, so nobody is sent one twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Generic

from torch import Tensor

from fedxr.federation.pieces import Answer, Others, Piece, Sum, T
from fedxr.federation.sum_views import ServerSum, View

NUMBER = 4
"""Bytes of a number."""
HEADER = 16
"""Bytes with each change: whose, of which sum, from which version to which."""


class Ways:
    """Shortest ways in a connected graph with ``links`` (s, s)."""

    def __init__(self, links: Tensor) -> None:
        self.near = [row.nonzero().flatten().tolist() for row in links]
        self._from: dict[frozenset[int], dict[int, tuple[int, int]]] = {}

    def to(self, some: Iterable[int], holders: frozenset[int]) -> list[tuple[int, int, int]]:
        """What it takes to bring ``some`` what the ``holders`` have: (hop, from, to), each once."""
        reached, taken = self._reached(holders), dict[int, tuple[int, int]]()
        for b in some:
            while b not in holders and b not in taken:
                taken[b] = reached[b]
                b = reached[b][1]
        return sorted((hop, a, b) for b, (hop, a) in taken.items())

    def _reached(self, holders: frozenset[int]) -> dict[int, tuple[int, int]]:
        """Of each but the ``holders``, in which hop, from 0, and from whom it is reached."""
        if holders not in self._from:
            found, edge, hop = dict[int, tuple[int, int]](), sorted(holders), 0
            while edge:
                fresh = []
                for a in edge:
                    for b in self.near[a]:
                        if b not in found and b not in holders:
                            found[b] = hop, a
                            fresh.append(b)
                edge, hop = fresh, hop + 1
            self._from[holders] = found
        return self._from[holders]


class SharedSums(Generic[T]):
    """What everybody has of each sum; kept by the caller between rounds. ``start`` are totals of
    earlier federations, and ``answers`` what the server has said last."""

    def __init__(self, start: Mapping[str, T] | None = None) -> None:
        start = start or {}
        self._server = {name: ServerSum(total.double(), True) for name, total in start.items()}
        self._views: dict[str, dict[str, View[T]]] = {}
        self._gone: dict[str, int] = {}
        self._owners = count(1)
        self._brought: dict[tuple[str, str], int] = {}
        self.answers: dict[str, Answer[T]] = {}
        self.settle()

    # -- who is here -----------------------------------------------------------------------------

    def join(self, name: str) -> None:
        """A headset comes that has given nothing yet; it starts from what was answered last."""
        self._views[name] = {}

    def offer(self, name: str, own: Mapping[str, Sum[T]], takes: Iterable[str]) -> None:
        """What the headset gives from now on, by name of the sum; what it gave before and is not
        among it is withdrawn. ``takes``: of which sums it wants the others'."""
        views, wanted = self._views.setdefault(name, {}), frozenset(takes)
        for which in sorted(own.keys() | views.keys() | wanted):
            view, now = self._view(name, which), own.get(which)
            view.takes = which in wanted
            before = view.own.sum if view.own else None
            if now is not before:
                view.own = Piece(view.own.version + 1 if view.own else 1, now)
            if now is not None:
                self._server[which].whole = now.whole

    def _view(self, name: str, which: str) -> View[T]:
        self._server.setdefault(which, ServerSum())
        views = self._views[name]
        if which not in views:
            heard = self.answers.get(which, Answer())
            views[which] = View(f"{name}#{next(self._owners)}", heard)
        return views[which]

    def others(self, name: str, which: str) -> Others[T] | None:
        """The sum ``which`` of everybody but ``name``, as far as it has been told."""
        return self._view(name, which).others()

    def leave(self, name: str, own: Mapping[str, Sum[T]]) -> dict[str, str]:
        """A headset goes. What others have of its sums stays, and the server's with the last that
        it gives: by sum, as whose, for :meth:`come_back`."""
        self.offer(name, own, ())
        stays = {}
        for which, view in self._views.pop(name).items():
            server = self._server[which]
            if view.own is None:
                continue
            if view.owner in server.pieces:
                server.take({view.owner: view.own})
                server.leave(view.owner)
                self.answers[which] = server.answer()
            if view.own.gives:
                self._gone[view.owner], stays[which] = view.own.version, view.owner
        return stays

    def come_back(self, name: str, own: Mapping[str, Sum[T]], stays: Mapping[str, str]) -> None:
        """The headset that went is here again and has what it gave then: it is its own, and not
        another's."""
        for which, owner in stays.items():
            if which in own and owner in self._gone:
                server, view = self._server[which], self._view(name, which)
                view.owner, view.own = owner, Piece(self._gone.pop(owner), own[which])
                if owner in server.left:
                    server.come_back(owner, view.own)
                view.heard = self.answers[which] = server.answer()

    # -- a round ---------------------------------------------------------------------------------

    def spread(self, names: Sequence[str], links: Tensor) -> dict[tuple[int, int], list[int]]:
        """Neighbours by ``links`` (s, s) tell each other until all of ``names`` have every piece
        that one of them has: the bytes that went over each directed link, hop by hop."""
        sent: dict[tuple[int, int], list[int]] = {}
        ways = Ways(links)
        for (which, owner), (piece, holders) in self._newest(names).items():
            views = [self._view(name, which) for name in names]
            lack = [k for k, view in enumerate(views) if view.lacks(owner, piece)]
            for hop, a, b in ways.to(lack, frozenset(holders)):
                sizes = sent.setdefault((a, b), [])
                sizes += [0] * (hop + 1 - len(sizes))
                sizes[hop] += HEADER + NUMBER * piece.numbers(views[b].known(owner))
            for k in lack:
                views[k].beyond[owner] = piece
        return sent

    def _newest(self, names: Sequence[str]) -> dict[tuple[str, str], tuple[Piece[T], list[int]]]:
        """By sum and owner, the newest piece that one of ``names`` can hand on, and which of them
        can."""
        found: dict[tuple[str, str], tuple[Piece[T], list[int]]] = {}
        for k, name in enumerate(names):
            for which, view in self._views.get(name, {}).items():
                for owner, piece in view.pieces().items():
                    known = found.get((which, owner))
                    if known is None or known[0].version < piece.version:
                        found[which, owner] = piece, [k]
                    elif known[0].version == piece.version:
                        known[1].append(k)
        return found

    def uplink(self, name: str) -> int:
        """The server takes what ``name`` has and it has not: the bytes of that."""
        size = 0
        for which, view in self._views.get(name, {}).items():
            taken = self._server[which].take(view.pieces())
            self._brought[name, which] = sum(taken)
            size += len(taken) * HEADER + NUMBER * sum(taken)
        return size

    def together(self, names: Sequence[str]) -> None:
        """All of ``names`` are in one place, with the server: they know what each of them gives."""
        for name in names:
            self.uplink(name)
        self.settle()
        for name in names:
            self.downlink(name, None)

    def settle(self) -> None:
        """The server has been told all that comes in this round."""
        self.answers = {name: server.answer() for name, server in self._server.items()}

    def downlink(self, name: str, by: str | None, also: Sequence[str] = ()) -> int:
        """``name`` hears what the server says of the sums that it takes, or one of ``also``: the
        bytes of what has been added since they heard it last, but by ``by``, who spoke for their
        cluster."""
        size = 0
        for which, answer in self.answers.items():
            views = [self._views.get(n, {}).get(which) for n in (name, *also)]
            heard = [view.heard.numbers for view in views if view is not None and view.takes]
            if not heard:
                continue
            new = answer.numbers - min(heard) - (self._brought.get((by, which), 0) if by else 0)
            if new > 0:
                size += HEADER + NUMBER * min(new, self._server[which].whole or new)
            self._view(name, which).hear(answer)
        return size
