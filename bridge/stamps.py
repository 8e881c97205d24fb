"""Regular time stamps as three numbers, without losing a microsecond.

A sensor at 16 kHz has stamps 62 and 63 us apart: whole microseconds of a period that is none. They
are ``base + rint((first + i) * period)``, and three numbers say what would take 8 bytes a sample.
``first`` is the index of the block's first sample counted from ``base``, so that a block in the
middle of a stream is rounded just as its source rounded it; a fraction in it shifts the phase.
Irregular stamps travel as they are. Rounding is half to even, as in IEEE 754, NumPy and C#.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Grid = tuple[int, float, float]
"""(base_us, period_us, first)"""


class StampGrid:
    """Makes and finds the grids of one channel; remembers where its stream began.

    ``rate_hz`` is the channel's nominal rate, 0 when it has none.
    """

    def __init__(self, rate_hz: float) -> None:
        self._nominal = 1e6 / rate_hz if rate_hz > 0 else 0.0
        self._counting = np.empty(0)  # (n,) 0, 1, 2, ...
        self._work = np.empty(0)  # (n,)
        # The stream's origin, and the range (us) that its phase must lie in.
        self._origin = 0
        self._low = self._high = 0.0

    def make(self, n: int, base_us: int, period_us: float, first: float) -> NDArray[np.int64]:
        """(n,) stamps."""
        if n != len(self._counting):
            self._counting, self._work = np.arange(n, dtype=np.float64), np.empty(n)
        work = self._work
        np.add(self._counting, first, out=work)
        np.multiply(work, period_us, out=work)
        np.rint(work, out=work)
        t_us = work.astype(np.int64)
        t_us += base_us
        return t_us

    def find(self, t_us: NDArray[np.int64]) -> Grid | None:
        """The grid that is exactly ``t_us`` (n >= 2), or None when there is none.

        Tried first is the grid that the stream has been on, which costs one rounding and one
        comparison. Failing that: one that begins here, a search for the phase, and the mean period.
        """
        n, wanted, start = len(t_us), t_us.tobytes(), int(t_us[0])
        if self._nominal:
            grid = self._through(start, self._origin, (self._low + self._high) / 2)
            if self.make(n, *grid).tobytes() == wanted:
                return grid
            grid = (start, self._nominal, 0.0)
            if self.make(n, *grid).tobytes() == wanted:
                self._origin, self._low, self._high = start, 0.0, 0.0
                return grid
            for origin, low, high in ((self._origin, self._low, self._high), (start, -1.0, 1.0)):
                found = self._search(t_us, wanted, origin, low, high)
                if found is not None:
                    return found
        grid = (start, float(t_us[-1] - t_us[0]) / (n - 1), 0.0)
        return grid if self.make(n, *grid).tobytes() == wanted else None

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
            if self.make(len(t_us), *grid).tobytes() == wanted:
                self._origin, self._low, self._high = origin - odd, low + odd, high + odd
                return grid
        return None
