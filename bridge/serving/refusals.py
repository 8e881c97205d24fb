"""How many of its messages a session may have refused before it ends."""

from __future__ import annotations

from collections import deque

MOST = 20
WITHIN_S = 10.0


class RefusalLimit:
    """``most`` refused messages within less than ``within_s`` seconds are too many: a program that
    is so wrong learns nothing from one more notice."""

    def __init__(self, most: int = MOST, within_s: float = WITHIN_S) -> None:
        self.most, self.within_s = most, within_s
        self._at: deque[float] = deque(maxlen=most)

    def count(self, now_s: float) -> bool:
        """One more, at ``now_s`` of a clock that never goes back; whether that is too many."""
        self._at.append(now_s)
        return len(self._at) == self.most and now_s - self._at[0] < self.within_s

    def __str__(self) -> str:
        return f"{self.most} refused messages within {self.within_s:g} s"
