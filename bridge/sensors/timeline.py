"""When samples were taken: stamps freed of jitter, and gaps found, never filled.

A source of a steady rate has samples on a line: time = start + index / rate. Stamps scatter around
it, for many sources stamp when a packet arrives or a program wakes up. The line is fitted by least
squares that forget with a half-life of 30 s, its slope held near the known rate until the data
say otherwise (as liblsl's and pyxdf's dejittering do); samples get the times of the line. That rate
is the nominal one until another is measured (`fedxr.bridge.sensors.rate`).

A stamp further from the line than six times the usual scatter, and at least one and a half periods,
is a late stamp or a gap. They are told apart by what follows: after a late stamp the next ones
catch up with the line, after a gap they do not. Until `_CONFIRM_S` of samples have shown which, the
samples in doubt are held back; half a second off the line is a gap at once. After a gap the line
starts anew with the slope it had.

A gap is called one when the stamps leap by it between two samples, go on at the known rate from
there, and as many samples fewer arrived than were due. Otherwise the rate is another, or a clock
was set; the line starts anew too, and nothing is said to be missing.

Stamps of irregular sources are kept; they only never go back. A stamp that is not finite is that of
the line, or of the sample before.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.sensors.rate import RateMeter
from fedxr.bridge.sensors.source import Floats

_HALF_LIFE_S = 30.0
_PRIOR_S = 3.0
"""The known rate counts as much as seeing this long a stretch."""
_JITTER_US = 10_000.0
"""Scatter taken for granted until half a second has shown another."""
_JITTER_S = 0.5
_CONFIRM_S = 0.1
_SURE_US = 500_000.0
_JOIN_US = 100_000.0
"""Two ways to find times (`fedxr.bridge.stamp_clock`) disagree by up to this without a gap."""
_MOST_SLOPE = 0.03
"""More is another rate, which is measured."""
_ARRIVALS = 32
"""Arrivals that are remembered: a second of ticks."""
_AHEAD_US = 10_000.0
"""No sample was taken longer than this after it arrived, whatever its line says."""
_NEVER_US = -(2**62)


@dataclass(frozen=True)
class Gap:
    """Nothing came between two samples: ``missing`` samples at the known rate."""

    start_us: int
    end_us: int
    missing: int


class Timeline:
    """Places the samples of one source; ``rate_hz`` 0 for an irregular one."""

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self.gaps: list[Gap] = []
        self.turned_back = 0
        """How often stamps went back by more than jitter: a clock was set."""
        self._last_us = _NEVER_US
        self._base: float | None = None
        self._slope = 0.0
        self._before = math.nan  # the last stamp that was on the line
        self._arrivals: deque[tuple[float, float]] = deque(maxlen=_ARRIVALS)
        """(when, how much later than as many samples take)"""
        self._doubted_us = math.nan  # since then samples are in doubt
        self._now_us = math.nan
        self._meter = RateMeter()
        self._measured = 0  # of the samples in doubt
        if rate_hz:
            self._tune(1e6 / rate_hz)

    def _tune(self, period_us: float) -> None:
        """From now on samples are ``period_us`` apart."""
        self._period, rate_hz = period_us, 1e6 / period_us
        self._confirm = max(2, round(_CONFIRM_S * rate_hz))
        self._decay = 0.5 ** (1 / (_HALF_LIFE_S * rate_hz))
        self._scatter = np.array([_JITTER_S * rate_hz, _JITTER_S * rate_hz * _JITTER_US**2])

    @property
    def period_us(self) -> float:
        """Between samples at the known rate, 0 when irregular."""
        return self._period if self.rate_hz else 0.0

    @property
    def rate_known_hz(self) -> float:
        """The nominal rate, or the one that was measured instead of it."""
        return 1e6 / self._period if self.rate_hz else 0.0

    @property
    def rate_found_hz(self) -> float:
        """The rate as fitted; the known one until there are samples."""
        return 1e6 / (self._period + self._slope) if self.rate_hz else 0.0

    @property
    def jitter_us(self) -> float:
        """Root mean square distance of stamps from the line."""
        return float(np.sqrt(self._scatter[1] / self._scatter[0])) if self.rate_hz else 0.0

    def place(
        self, stamps_us: Floats, final: bool = False, now_us: float = math.nan
    ) -> NDArray[np.int64]:
        """Times (m,) of the first m of ``stamps_us`` (n,); the other n - m are in doubt.

        Give those again with what follows them; ``final`` says that nothing will. ``now_us`` is
        when the last of them arrived, where that is known.
        """
        if not len(stamps_us):
            return np.empty(0, np.int64)
        left = np.where(np.abs(stamps_us) < -_NEVER_US, stamps_us, math.nan)  # infinities too
        if not self.rate_hz:
            self._now_us = now_us
            return self._forward(np.where(np.isfinite(left), left, self._last_us))
        self._now_us = now_us
        self._hear(left[self._measured :])
        if self._measured < len(left):
            self._tune_to(self._meter.add(left[self._measured :], self._period), left)
        parts: list[NDArray[np.int64]] = []
        while len(left):
            if self._base is None and not self._begin_first(left, final):
                break
            # Where there is no stamp, the line's is as good as any.
            off = np.nan_to_num(left - self._line(len(left)), nan=0.0)
            n = self._on_line(off)
            if n == 0 and not self._judge(left, off, final):
                break
            if n:
                parts.append(self._accept(left[:n], off[:n]))
                left = left[n:]
        self._measured = len(left)
        self._doubted_us = math.nan if not len(left) else np.fmin(self._doubted_us, now_us)
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def rejoin(self, first_us: float) -> None:
        """The next sample is at ``first_us``, for times are found in another way from now on. What
        lies between is a gap only when it is longer than two ways differ by."""
        if not self.rate_hz or self._base is None:
            return
        ahead = first_us - (self._base + self._offset)
        if ahead > max(_JOIN_US, 1.5 * self._period):
            self._tell_gap(first_us, ahead)
        self._tune(self._period)  # another scatter
        self._slope = 0.0
        self._restart(first_us)

    def _hear(self, new: Floats) -> None:
        """A gap makes all that arrives later by as much, whatever its stamps say."""
        before_us, late_us = self._arrivals[-1] if self._arrivals else (self._now_us, 0.0)
        due_us = len(new) * (self._period + self._slope)
        if len(new):
            self._arrivals.append((self._now_us, late_us + self._now_us - before_us - due_us))

    def _tune_to(self, period: float | None, left: Floats) -> None:
        """Where samples have another ``period``, the line starts anew with those ``left``."""
        if period is not None:
            self._tune(period)
            self._slope = 0.0
            if self._base is not None:
                self._begin_first(left, final=False)

    def _line(self, n: int) -> Floats:
        """Where the next n samples are due."""
        start = (self._base or 0.0) + self._offset
        return start + (self._period + self._slope) * np.arange(n, dtype=np.float64)

    def _on_line(self, off: Floats) -> int:
        """How many of the next samples belong to the line: those before the last one that is on it
        do too, for stamps that catch up were only late."""
        on = np.flatnonzero(np.abs(off) <= self._limit)
        return int(on[-1]) + 1 if len(on) else 0

    @property
    def _limit(self) -> float:
        return max(1.5 * self._period, 6 * self.jitter_us)

    def _judge(self, left: Floats, off: Floats, final: bool) -> bool:
        """The next sample is off the line for as long as can be seen: begin a new line there.

        False when it is too early to tell.
        """
        if not final and len(off) < self._confirm and abs(off[0]) < _SURE_US:
            return False
        # Stamps are only ever late, so the least late tells where the line lies.
        due, shift = self._line(1)[0], float(off[: self._confirm].min())
        if shift <= 0 and left[0] < self._before:
            self.turned_back += 1
            self._restart(due + shift)
        elif shift > 0 and self._is_gap(float(left[0]), off[: self._confirm], shift):
            self._tell_gap(due + shift, shift)
            self._restart(due + shift)
        else:  # they come faster or more slowly, from here on
            self._begin(due + shift)
            self._tune_to(self._meter.slip(left, self._period), left)
        return True

    def _is_gap(self, first: float, off: Floats, shift: float) -> bool:
        """Whether samples are missing before those that lie ``off`` the line by ``shift`` and
        more; see the top of the file."""
        leapt = not first - self._before - self._period < 0.5 * shift  # NaN: nothing before
        half = len(off) // 2
        grown = float(np.median(off[half:]) - np.median(off[:half])) if half > 1 else 0.0
        steady = abs(grown) <= max(0.5 * shift, 2 * self.jitter_us)
        since = np.fmin(self._doubted_us, self._now_us)
        before = [late for at, late in self._arrivals if at < since]
        after = [late for at, late in self._arrivals if at >= since]
        missed = math.isnan(self._now_us) or (
            bool(before) and bool(after) and min(after) - min(before) > 0.5 * shift
        )
        return leapt and steady and missed

    def _tell_gap(self, end_us: float, length_us: float) -> None:
        missing = max(1, round(length_us / self._period))
        self.gaps.append(Gap(self._last_us, round(end_us), missing))

    def _begin_first(self, left: Floats, final: bool) -> bool:
        """The line through the first stamps; False when there are none yet."""
        # However many come first that have none: they would else be waited for without an end.
        stamped = np.flatnonzero(np.isfinite(left))[: self._confirm]
        starts = left[stamped] - self._period * stamped
        if not len(starts) and not final:
            return False
        self._begin(float(starts.min()) if len(starts) else 0.0)
        return True

    def _restart(self, base: float) -> None:
        """A line from ``base`` on that has nothing to do with what was before."""
        self._meter.restart()
        self._before = math.nan
        self._begin(base)

    def _begin(self, base: float) -> None:
        """A line that starts at ``base``; slope and scatter are kept."""
        self._base = base
        self._offset = 0.0
        n = (_PRIOR_S * 1e6 / self._period) ** 3 / 12  # sum of squared indices of that stretch
        # Weighted sums of 1, k, k^2, y, k*y: k counts samples from the next one (so k < 0), y is
        # the distance from the line of the nominal period plus the slope at the start.
        self._sums = np.zeros(5)
        self._prior = n
        self._start_slope = self._slope

    def _accept(self, stamps: Floats, off: Floats) -> NDArray[np.int64]:
        """Times of the samples that lie ``off`` (n,) the line, which learns from them."""
        line = self._line(len(off))
        self._learn(np.clip(off, -self._limit, self._limit))
        if math.isfinite(stamps[-1]):
            self._before = float(stamps[-1])
        return self._forward(line)

    def _learn(self, off: Floats) -> None:
        """Fit the line anew with n samples that lay ``off`` it, and step to the sample after."""
        n = len(off)
        k = np.arange(n)
        start = self._start_slope
        # Distance from base + (period + start slope) * k, which the sums are kept in.
        y = off + self._offset + (self._slope - start) * k
        weight = self._decay ** (n - 1 - k)
        w0, w1, w2, wy, wky = self._sums * self._decay**n
        ahead = k - n
        w1, w2, wky = w1 - n * w0, w2 - 2 * n * w1 + n * n * w0, wky - n * wy
        w0, w1, w2 = w0 + weight.sum(), w1 + weight @ ahead, w2 + weight @ ahead**2
        wy, wky = wy + weight @ y, wky + weight @ (ahead * y)
        self._sums = np.array((w0, w1, w2, wy, wky))
        mean_k, mean_y = w1 / w0, wy / w0
        slope = (wky - w1 * mean_y) / (w2 - w1 * mean_k + self._prior)
        slope = min(max(start + slope, -_MOST_SLOPE * self._period), _MOST_SLOPE * self._period)
        slope -= start
        self._base = (self._base or 0.0) + (self._period + start) * n
        self._offset = mean_y - slope * mean_k
        self._slope = start + slope
        self._scatter = self._scatter * self._decay**n + (weight.sum(), weight @ off**2)

    def _forward(self, times: Floats) -> NDArray[np.int64]:
        """Whole microseconds that never go back, nor run ahead of what is known to be now."""
        times = np.fmin(times, self._now_us + _AHEAD_US)
        t_us = np.maximum.accumulate(np.maximum(np.rint(times).astype(np.int64), self._last_us))
        self._last_us = int(t_us[-1])
        return t_us
