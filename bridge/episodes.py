"""Where a headset's context starts anew: episodes, for those who do not number them themselves.

An episode is a stretch within which capture times neither go back nor leap by more than
`LEAP_US`; the agent's ticks are counted from its start. Whoever only has samples and a clock need
not know that: the first frame begins an episode, and one whose time cannot be in it begins the
next.
"""

from __future__ import annotations

from collections import deque

from fedxr.bridge.channels import TICK_US

LEAP_US = 60_000_000
"""An episode cannot go on when nothing was captured for longer than this."""
_KEPT = 64
"""Episodes whose start is remembered for late feedback."""


def default_start(capture_us: int) -> int:
    """When an episode started whose first frame closes at ``capture_us`` and does not say it.

    The clock's zero where that is near enough to be meant, else one tick before the frame.
    """
    return 0 if capture_us <= LEAP_US else capture_us - TICK_US


class Episodes:
    """A headset's episodes, by number and start.

    ``leaps``: how often an episode was begun here because time went back or leapt.
    """

    def __init__(self) -> None:
        self._begun: deque[tuple[int, int]] = deque(maxlen=_KEPT)  # numbers and starts
        self._capture_us = 0
        self._anew = False
        self.leaps = 0

    def of(self, capture_us: int, number: int | None, start_us: int | None) -> tuple[int, int]:
        """Number and start of the episode of the frame that closes at ``capture_us``; None: not
        said by whoever sends it."""
        here, since_us = newest = self._begun[-1] if self._begun else (-1, 0)
        leapt = not 0 <= capture_us - self._capture_us <= LEAP_US
        anew, self._capture_us, self._anew = leapt or self._anew, capture_us, False
        if start_us is None and here >= 0:
            if number == here or (number is None and not anew):
                return newest
            if number is None:
                self.leaps += leapt
                number, start_us = here + 1, max(0, capture_us - TICK_US)
        number = max(here, 0) if number is None else number
        if start_us is None:
            start_us = since_us if number == here else default_start(capture_us)
        if (number, start_us) != (here, since_us):
            self._begun.append((number, start_us))
        return number, start_us

    def begin_anew(self) -> None:
        """With the next frame: to whoever gets it, the present episode is not known."""
        self._anew = True

    def at(self, t_us: int) -> int:
        """The number of the last episode that began before ``t_us``, else of the newest."""
        for number, start_us in reversed(self._begun):
            if start_us <= t_us:
                return number
        return self._begun[-1][0] if self._begun else 0
