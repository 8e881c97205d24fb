"""Regular time stamps as three numbers, without losing a microsecond.

A sensor at 16 kHz has stamps 62 and 63 us apart: whole microseconds of a period that is none. They
are ``base + rint((first + i) * period)``, and three numbers say what would take 8 bytes a sample.
``first`` is the index of the block's first sample counted from ``base``, so that a block in the
middle of a stream is rounded just as its source rounded it; a fraction in it shifts the phase.
Irregular stamps travel as they are. Rounding is half to even, as in IEEE 754, NumPy and C#.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

_LONGEST = 2048
"""Samples in the longest block whose steps are remembered: 1024 times 16 KB at the very most."""
_PATTERNS = 64

Grid = tuple[int, float, float]
"""(base_us, period_us, first)"""


def _count(n: int, period_us: float, first: float) -> NDArray[np.int64]:
    """(n,) rint((first + i) * period)."""
    work = np.arange(n, dtype=np.float64)
    work += first
    work *= period_us
    return np.rint(work, out=work).astype(np.int64)


# A steady stream comes in few patterns (9 for 48 kHz in blocks of 1/72 s, one in blocks of 20 ms),
# and `find` names the same pattern by the same numbers.
_remembered = lru_cache(maxsize=1024)(_count)


class _Pattern(Struct):
    """Steps from a block's first stamp, as bytes, and the grid that makes them: its base lies
    ``before_us`` before that stamp. Comparing with the one that is due costs a tenth of a look-up
    by hash, where the block is long."""

    steps: bytes
    before_us: int
    period_us: float
    first: float
    following: _Pattern | None = None


class StampGrid:
    """Makes and finds the grids of one channel; remembers where its stream began.

    ``rate_hz`` is the channel's nominal rate, 0 when it has none.
    """

    def __init__(self, rate_hz: float) -> None:
        self._nominal = 1e6 / rate_hz if rate_hz > 0 else 0.0
        # The stream's origin, and the range (us) that its phase must lie in.
        self._origin = 0
        self._low = self._high = 0.0
        self._known: dict[bytes, _Pattern] = {}
        self._last: _Pattern | None = None

    @staticmethod
    def make(n: int, base_us: int, period_us: float, first: float) -> NDArray[np.int64]:
        """(n,) stamps."""
        steps = (_remembered if n <= _LONGEST else _count)(n, period_us, first)
        return steps + base_us

    def find(self, t_us: NDArray[np.int64]) -> Grid | None:
        """The grid that is exactly ``t_us`` (n >= 2), or None when there is none."""
        start, last = int(t_us[0]), self._last
        steps = (t_us - t_us[0, ...]).tobytes()
        # What followed the last block's pattern the time before, or any that was seen.
        pattern = last.following if last is not None else None
        if pattern is None or pattern.steps != steps:
            pattern = self._known.get(steps)
            if last is not None:
                last.following = pattern
        self._last = pattern
        if pattern is not None and start >= pattern.before_us:
            return start - pattern.before_us, pattern.period_us, pattern.first
        found = self._find_anew(t_us)
        if found is not None and len(t_us) <= _LONGEST:
            if len(self._known) >= _PATTERNS:
                self._known.clear()
            self._known[steps] = _Pattern(steps, start - found[0], found[1], found[2])
        return found

    def _find_anew(self, t_us: NDArray[np.int64]) -> Grid | None:
        """Tried first is the grid that the stream has been on, which costs one rounding and one
        comparison. Failing that: one that begins here, a search for the phase, the mean period.
        """
        n, wanted, start = len(t_us), t_us.tobytes(), int(t_us[0])
        if self._nominal:
            grid = self._through(start, self._origin, (self._low + self._high) / 2)
            if _makes(grid, n, wanted):
                return grid
            grid = (start, self._nominal, 0.0)
            if _makes(grid, n, wanted):
                self._origin, self._low, self._high = start, 0.0, 0.0
                return grid
            for origin, low, high in ((self._origin, self._low, self._high), (start, -1.0, 1.0)):
                found = self._search(t_us, wanted, origin, low, high)
                if found is not None:
                    return found
        grid = (start, float(t_us[-1] - t_us[0]) / (n - 1), 0.0)
        return grid if _makes(grid, n, wanted) else None

    def _through(self, start: int, origin: int, phase: float) -> Grid:
        """The grid of the nominal period from ``origin`` whose sample at ``start`` comes first."""
        period = self._nominal
        return origin, period, round((start - origin - phase) / period) + phase / period

    def _search(
        self, t_us: NDArray[np.int64], wanted: bytes, origin: int, low: float, high: float
    ) -> Grid | None:
        """A grid of the nominal period with a phase (us) in ``low..high`` at ``origin``.

        rint(phase + k * period) is a stamp while the phase is within 1/2 of what is left when k
        periods are taken from it. Every search narrows the range that is remembered, so that a
        steady stream soon needs none. Half to even depends on whether the origin is even.
        """
        start = int(t_us[0])
        _, period, index = self._through(start, origin, 0.0)
        left = (t_us - origin) - (index + np.arange(len(t_us))) * period
        low, high = max(low, float(left.max()) - 0.5), min(high, float(left.min()) + 0.5)
        if low > high:
            return None
        for odd in (0, 1):
            phase = (low + high) / 2 + odd
            grid = (origin - odd, period, index + phase / period)
            if grid[0] >= 0 and _makes(grid, len(t_us), wanted):
                self._origin, self._low, self._high = origin - odd, low + odd, high + odd
                return grid
        return None


def _makes(grid: Grid, n: int, wanted: bytes) -> bool:
    base_us, period_us, first = grid
    return bool((_count(n, period_us, first) + base_us).tobytes() == wanted)
