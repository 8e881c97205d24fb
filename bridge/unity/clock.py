"""The player's clock on ours: when a step's observations were taken.

The player and this program run on one machine, so a step arrives a moment after it was sensed, and
one pair of readings tells the offset to within that moment. It is read anew when the player falls a
second behind (it was paused) or its clock goes back (a scene was loaded). In between the player's
own spacing is kept, so a scene that runs faster than the wall clock keeps its own time, and runs
ahead of ours.
"""

from __future__ import annotations

from collections import deque

BEHIND_US = 1_000_000
"""A player that is this much later than its stamps say was paused."""
_ANCHORS = 64


class PlayerClock:
    """Maps stamps of the player's clock to ours and back; captures never go back."""

    def __init__(self) -> None:
        self._anchors: deque[tuple[int, int]] = deque(maxlen=_ANCHORS)
        self._last_us = 0

    def capture(self, stamp_us: int | None, arrived_us: int) -> int:
        """When the step that ``arrived_us`` was sensed, by our clock.

        ``stamp_us`` is the player's own reading, None when it sends none: then it is the arrival.
        """
        if stamp_us is None:
            self._last_us = max(arrived_us, self._last_us + 1)
            return self._last_us
        capture_us = stamp_us + self._anchors[-1][1] if self._anchors else 0
        if capture_us <= self._last_us or arrived_us - capture_us > BEHIND_US:
            capture_us = max(arrived_us, self._last_us + 1)
            self._anchors.append((stamp_us, capture_us - stamp_us))
        self._last_us = capture_us
        return capture_us

    def ours(self, stamp_us: int) -> int:
        """Our time of a past stamp; without any stamps the player's clock is taken to be ours."""
        offset = next((o for start, o in reversed(self._anchors) if start <= stamp_us), 0)
        return stamp_us + offset

    def theirs(self, our_us: int) -> int:
        """The player's time of a capture."""
        return our_us - self._anchors[-1][1] if self._anchors else our_us
