"""How many samples a second a source really sends, where that is not what it says."""

from __future__ import annotations

import math

import numpy as np

from fedxr.bridge.sensors.source import Floats

_FIRST_US = 250_000.0
_LONGEST_US = 4_000_000.0
_LEAST = 16
"""Samples that a rate is judged by."""
_MOST = 1_000_000
_OFF = 0.015
"""A rate that is off by less is followed by the line's slope (`fedxr.bridge.sensors.timeline`)."""
_FINE = 0.003
_SETTLED_US = 2_000_000.0
"""A rate that was just found is found better, by this part, until it has stood for so long."""
_SCATTER = 4.0
"""Ends of a stretch that are wrong by so much of the scatter together; stamps that come in bursts
are wrong for many samples on end, so that their number does not help."""


class RateMeter:
    """Judges stretches of 1/4, 1/2, 1, 2 and 4 s: halves of a stretch must agree with each other
    more than with the rate that is known. Gaps and steps do not: they are in one half."""

    def __init__(self) -> None:
        self._off = _OFF
        self.restart()

    def restart(self) -> None:
        """Forget the stretch: something in it was no sample's time."""
        self._parts: list[tuple[Floats, Floats]] = []
        self._n = 0
        self._judge_us = _FIRST_US
        self._slipped = False

    def slip(self, times_us: Floats, period_us: float) -> float | None:
        """As `add`, where the rate seems to be another from ``times_us`` on: what was before is
        forgotten, once."""
        if self._slipped:
            return None
        self.restart()
        self._slipped = True
        return self.add(times_us, period_us)

    def add(self, times_us: Floats, period_us: float) -> float | None:
        """Take the stamps (n,) of samples that follow each other, NaN where there is none.

        Returns another period (us) than ``period_us`` where they have one.
        """
        there = np.flatnonzero(np.isfinite(times_us))
        if len(there):
            self._parts.append((self._n + there.astype(np.float64), times_us[there]))
        self._n += len(times_us)
        if self._n < _LEAST or not self._parts:
            return None
        span = float(self._parts[-1][1][-1] - self._parts[0][1][0])
        if span < self._judge_us:
            if self._n > _MOST:
                self.restart()
            return None
        while self._judge_us <= span:
            self._judge_us *= 2
        n, times = (np.concatenate(parts) for parts in zip(*self._parts, strict=True))
        found = _other(n, times, period_us, self._off)
        if found is not None:
            self._off = _FINE
        elif self._judge_us > _SETTLED_US:
            self._off = _OFF
        if found is not None or self._judge_us > _LONGEST_US:
            self.restart()
        return found


def _other(n: Floats, times: Floats, period: float, least: float) -> float | None:
    """The period of samples ``n`` at ``times``, where both halves say that it is not ``period``
    but another by the part ``least``."""
    half = len(n) // 2
    if half < 3:
        return None
    whole, scatter = _line(n, times)
    first, second = _line(n[:half], times[:half])[0], _line(n[half:], times[half:])[0]
    allowed = least + _SCATTER * scatter / float(times[-1] - times[0])
    off = whole / period - 1
    agree = abs(first - second) <= max(0.5 * abs(off), 2 * _OFF) * period
    some = max(0.5 * abs(off), least / 2)
    same = all(math.copysign(1, off) * (part / period - 1) > some for part in (first, second))
    return whole if abs(off) > allowed and agree and same and whole > 0 else None


def _line(n: Floats, times: Floats) -> tuple[float, float]:
    """Slope (us a sample) and root mean square distance of a straight line through ``times``."""
    n, t = n - n.mean(), times - times.mean()
    slope = float(n @ t / (n @ n))
    return slope, float(np.sqrt(np.mean((t - slope * n) ** 2)))
