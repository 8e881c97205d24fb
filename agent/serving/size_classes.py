"""Places in the caches by size class, so that a headset with large ones slows nobody else.

In one pass every headset attends to as many places as the largest of them has. So those of a kind
share: headsets of ordinary sensors (`ORDINARY` places; no device of ours needs more than 250) are
one class, and beyond that each power of two is. A pass is made for each class in which somebody's
tick is due, the smallest first. A headset gets its places with its first tick and gives them back
when it leaves; a class that is empty is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from fedxr.agent.model.kv_cache import KVCache, places, resized
from fedxr.agent.model.m3t import M3T
from fedxr.bridge.channels import Channel

ORDINARY = 512
"""Places, fast and slow together, up to which headsets share rings."""
Seat = tuple[int, bool]
"""A row of the cohort, and whether it is that headset's twin."""
Size = tuple[int, int]
"""Places of the fast ring and of the slow one."""


def size_class(size: Size) -> int:
    """0 is ordinary; others are the power of two that holds them."""
    total = sum(size)
    return 0 if total <= ORDINARY else (total - 1).bit_length()


class SizeClass:
    """The rings of one class; row i of them is that of ``seats[i]``."""

    def __init__(self, model: M3T, size: Size, dtype: torch.dtype) -> None:
        self.seats: list[Seat] = []
        self.cache = KVCache(model, 0, *size, dtype)

    @property
    def size(self) -> Size:
        return self.cache.fast, self.cache.slow

    def add(self, seat: Seat, size: Size) -> None:
        """``seat``, of whom nothing is known, gets a row of ``size`` places at least."""
        most = max(size[0], self.size[0]), max(size[1], self.size[1])
        if most != self.size:
            self.cache = resized(self.cache, *most)
        self.cache.use(len(self.seats) + 1)
        self.cache.empty(len(self.seats))
        self.seats.append(seat)

    def remove(self, seat: Seat) -> None:
        """The last one takes the row of ``seat``."""
        at, last = self.seats.index(seat), len(self.seats) - 1
        if at != last:
            self.cache.copy(at, last)
            self.seats[at] = self.seats[last]
        self.seats.pop()
        self.cache.use(last)


class SizeClasses:
    """The places of all headsets of a cohort, and of their twins."""

    def __init__(self, model: M3T, dtype: torch.dtype) -> None:
        self._model, self._dtype = model, dtype
        self._sizes: dict[int, Size] = {}
        self._classes: dict[int, SizeClass] = {}

    def __iter__(self) -> Iterator[SizeClass]:
        """The smallest first; a copy, which another thread may look at too."""
        found = list(self._classes.items())
        return iter([one for _, one in sorted(found, key=lambda item: item[0])])

    @property
    def total(self) -> int:
        """Most places that anybody attends to."""
        return max((c.cache.total for c in self), default=0)

    def reseat(self, row: int, channels: Sequence[Channel]) -> None:
        """Row ``row`` is another headset's, with these ``channels``."""
        self._remove(row, True)
        self._remove(row, False)
        self._sizes[row] = places(channels)

    def open(self, row: int) -> None:
        """Headset ``row`` has places from now on."""
        if self._find(row, False) is None:
            self._add(row, False)

    def twin(self, rows: Sequence[int]) -> None:
        """The headsets ``rows``, of those that have places, have twins, and no others. A new one
        begins with what its headset has seen, as the checkpoint read it, until its own reading has
        taken those places."""
        for found in self:
            for row in [row for row, twin in found.seats if twin and row not in rows]:
                self._remove(row, True)
            mine = [row for row, twin in found.seats if not twin and row in rows]
            for row in sorted(set(mine) - {row for row, twin in found.seats if twin}):
                self._add(row, True)
                found.cache.copy(len(found.seats) - 1, found.seats.index((row, False)))

    def clear(self, row: int) -> None:
        """Forget what headset ``row`` has seen: a new episode."""
        found = self._classes.get(size_class(self._sizes[row]))
        for at, (other, _) in enumerate(found.seats if found else ()):
            if other == row and found is not None:
                found.cache.clear(at)

    def wipe(self, row: int) -> None:
        """The same, and nothing of it is left in its places."""
        found = self._classes.get(size_class(self._sizes[row]))
        for at, (other, _) in enumerate(found.seats if found else ()):
            if other == row and found is not None:
                found.cache.empty(at)

    def order(self, row: int) -> int:
        """In which of the passes headset ``row`` is answered."""
        return size_class(self._sizes[row])

    def _find(self, row: int, twin: bool) -> SizeClass | None:
        found = self._classes.get(size_class(self._sizes[row])) if row in self._sizes else None
        return found if found is not None and (row, twin) in found.seats else None

    def _add(self, row: int, twin: bool) -> None:
        size = self._sizes[row]
        number = size_class(size)
        if number not in self._classes:
            self._classes[number] = SizeClass(self._model, size, self._dtype)
        self._classes[number].add((row, twin), size)

    def _remove(self, row: int, twin: bool) -> None:
        found = self._find(row, twin)
        if found is not None:
            found.remove((row, twin))
            if not found.seats:
                del self._classes[size_class(self._sizes[row])]
