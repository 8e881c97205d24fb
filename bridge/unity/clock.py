"""The player's clock on ours: when a step's observations were taken.

The player and this program run on one machine, so a step arrives a moment after it was sensed, and
one pair of readings tells the offset to within that moment. It is read anew when the player falls a
second behind (it was paused) or its clock is set (a scene was loaded). In between the player's own
spacing is kept, so a scene that runs faster than the wall clock keeps its own time, and runs ahead
of ours.

That is the rule of `fedxr.bridge.stamp_clock` but for the pace, which is the scene's own affair up
to `FASTEST`: a clock that is set again and again, stands still or counts in another unit is not
used, a step was taken when it came, until its stamps have run on for a second."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

BEHIND_US = 1_000_000
"""A player that is this much later than its stamps say was paused."""
FASTEST = 100.0
"""Unity's largest time scale."""
_SLOWEST = 0.5
"""Slower stamps, which must be read anew every two seconds, are not used when they never were."""
_LEAP_US = 250_000
"""More than what passed at twice the pace of late, and this, no step of a scene takes."""
_STEADY_US = 1_000_000
_RESTLESS = {3: 1_000_000, 2: 3_000_000}
"""So many readings anew within so long, and stamps are not used."""
_ANCHORS = 64
_PACES = 16


class PlayerClock:
    """Maps stamps of the player's clock to ours and back; captures never go back.

    ``tell(kind, text)`` hears whenever the offset is read anew.
    """

    def __init__(self, tell: Callable[[str, str], None] = lambda kind, text: None) -> None:
        self._tell = tell
        self._anchors: deque[tuple[int, int]] = deque(maxlen=_ANCHORS)
        self._last_us = 0
        self._before = (0, 0)  # the last arrival and stamp
        self._paces: deque[float] = deque(maxlen=_PACES)  # of the last steps
        self._anew: deque[int] = deque(maxlen=max(_RESTLESS))
        self._steady: deque[tuple[int, int]] = deque()  # arrivals and stamps that are not used
        self.by_arrival = False
        self.skipped_us = 0
        """By how much the player's clock leapt ahead with the last step, beyond what passed."""

    def capture(self, stamp_us: int | None, arrived_us: int) -> int:
        """When the step that ``arrived_us`` was sensed, by our clock.

        ``stamp_us`` is the player's own reading, None when it sends none: then it is the arrival.
        """
        self.skipped_us = 0
        if stamp_us is None:
            self._last_us = max(arrived_us, self._last_us + 1)
            return self._last_us
        if self.by_arrival:
            anew = True
            self._try_again(stamp_us, arrived_us)
        else:
            anew = not self._anchors or self._wrong(stamp_us, arrived_us)
        capture_us = stamp_us + (self._anchors[-1][1] if self._anchors else 0)
        if anew:
            capture_us = max(arrived_us, self._last_us + 1)
            self._anchors.append((stamp_us, capture_us - stamp_us))
        self._last_us, self._before = capture_us, (arrived_us, stamp_us)
        return capture_us

    def _wrong(self, stamp_us: int, arrived_us: int) -> bool:
        """Whether the offset must be read anew; says why."""
        capture_us, (arrival_us, before_us) = stamp_us + self._anchors[-1][1], self._before
        step_us, passed_us = stamp_us - before_us, arrived_us - arrival_us
        if capture_us <= self._last_us:
            self._tell("stamps back", f"the player's clock went on by {step_us / 1e6:.3g} s")
        elif arrived_us - capture_us > BEHIND_US:
            self._tell("stamps behind", "the player's clock has fallen behind by a second (paused)")
        elif step_us > 2 * max([1.0, *self._paces]) * passed_us + _LEAP_US:
            self._tell("stamps ahead", f"the player's clock leapt by {step_us / 1e6:.3g} s")
            self.skipped_us = step_us - passed_us
        else:
            self._paces.append(min(step_us / max(passed_us, 1), FASTEST))
            return False
        self._anew.append(arrived_us)
        times = list(self._anew)
        self.by_arrival = any(
            len(times) >= n and arrived_us - times[-n] < within for n, within in _RESTLESS.items()
        )
        self._steady.clear()
        return True

    def _try_again(self, stamp_us: int, arrived_us: int) -> None:
        """Use stamps again that have run on for a second."""
        if stamp_us <= self._before[1]:
            self._steady.clear()
        self._steady.append((arrived_us, stamp_us))
        while len(self._steady) > 2 and arrived_us - self._steady[1][0] >= _STEADY_US:
            self._steady.popleft()
        since_us, first_us = self._steady[0]
        passed_us = arrived_us - since_us
        if passed_us >= _STEADY_US and (
            _SLOWEST * passed_us <= stamp_us - first_us <= FASTEST * passed_us
        ):
            self.by_arrival = False
            self._anew.clear()

    def ours(self, stamp_us: int) -> int:
        """Our time of a past stamp; without any stamps the player's clock is taken to be ours."""
        offset = next((o for start, o in reversed(self._anchors) if start <= stamp_us), 0)
        return stamp_us + offset

    def theirs(self, our_us: int) -> int:
        """The player's time of a capture."""
        return our_us - self._anchors[-1][1] if self._anchors else our_us
