"""When samples were taken: stamps freed of jitter, and gaps found, never filled.

A source of a steady rate has samples on a line: time = start + index / rate. Stamps scatter around
it, for many sources stamp when a packet arrives or a program wakes up. The line is fitted by least
squares that forget with a half-life of 30 s, its slope held near the nominal rate until the data
say otherwise (as liblsl's and pyxdf's dejittering do); samples get the times of the line.

A stamp further from the line than six times the usual scatter, and at least one and a half periods,
is a late stamp or a gap. They are told apart by what follows: after a late stamp the next ones
catch up with the line, after a gap they do not. Until `_CONFIRM_S` of samples have shown which, the
samples in doubt are held back; half a second off the line is a gap at once. After a gap the line
starts anew with the slope it had.

Stamps of irregular sources are kept; they only never go back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.sensors.source import Floats

_HALF_LIFE_S = 30.0
_PRIOR_S = 3.0
"""The nominal rate counts as much as seeing this long a stretch."""
_JITTER_US = 10_000.0
"""Scatter taken for granted until half a second has shown another."""
_JITTER_S = 0.5
_CONFIRM_S = 0.1
_SURE_US = 500_000.0


@dataclass(frozen=True)
class Gap:
    """Nothing came between two samples: ``missing`` samples at the nominal rate."""

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
        self._last_us = -(2**62)
        if rate_hz:
            self._period = 1e6 / rate_hz
            self._confirm = max(2, round(_CONFIRM_S * rate_hz))
            self._decay = 0.5 ** (1 / (_HALF_LIFE_S * rate_hz))
            self._scatter = np.array([_JITTER_S * rate_hz, _JITTER_S * rate_hz * _JITTER_US**2])
        self._base: float | None = None
        self._slope = 0.0

    @property
    def rate_found_hz(self) -> float:
        """The rate as fitted; the nominal one until there are samples."""
        return 1e6 / (self._period + self._slope) if self.rate_hz else 0.0

    @property
    def jitter_us(self) -> float:
        """Root mean square distance of stamps from the line."""
        return float(np.sqrt(self._scatter[1] / self._scatter[0])) if self.rate_hz else 0.0

    def place(self, stamps_us: Floats, final: bool = False) -> NDArray[np.int64]:
        """Times (m,) of the first m of ``stamps_us`` (n,); the other n - m are in doubt.

        Give those again with what follows them; ``final`` says that nothing will.
        """
        if not len(stamps_us):
            return np.empty(0, np.int64)
        if not self.rate_hz:
            return self._forward(stamps_us)
        parts: list[NDArray[np.int64]] = []
        left = stamps_us
        while len(left):
            off = left - self._line(len(left))
            n = self._on_line(off)
            if n == 0 and not self._judge(left, off, final):
                break
            if n:
                parts.append(self._accept(off[:n]))
                left = left[n:]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def _line(self, n: int) -> Floats:
        """Where the next n samples are due."""
        if self._base is None:
            return np.full(n, np.inf)
        return (
            self._base
            + self._offset
            + (self._period + self._slope) * np.arange(n, dtype=np.float64)
        )

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
        # Stamps are only ever late, so the least late tells where the line lies.
        if self._base is None:
            seen = left[: self._confirm]
            self._begin(float((seen - self._period * np.arange(len(seen))).min()))
            return True
        if not final and len(off) < self._confirm and abs(off[0]) < _SURE_US:
            return False
        due, shift = self._base + self._offset, float(off[: self._confirm].min())
        if shift > 0:
            missing = max(1, round(shift / self._period))
            self.gaps.append(Gap(self._last_us, round(due + shift), missing))
        else:
            self.turned_back += 1
        self._begin(due + shift)
        return True

    def _begin(self, base: float) -> None:
        """A line that starts at ``base``; slope and scatter are kept."""
        self._base = base
        self._offset = 0.0
        n = (_PRIOR_S * self.rate_hz) ** 3 / 12  # sum of squared indices of that stretch
        # Weighted sums of 1, k, k^2, y, k*y: k counts samples from the next one (so k < 0), y is
        # the distance from the line of the nominal period plus the slope at the start.
        self._sums = np.zeros(5)
        self._prior = n
        self._start_slope = self._slope

    def _accept(self, off: Floats) -> NDArray[np.int64]:
        """Times of the samples that lie ``off`` (n,) the line, which learns from them."""
        n = len(off)
        base = self._base
        assert base is not None  # noqa: S101 - `place` began the line
        index = np.arange(n, dtype=np.float64)
        line = base + self._offset + (self._period + self._slope) * index
        self._learn(np.clip(off, -self._limit, self._limit))
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
        self._base = (self._base or 0.0) + (self._period + start) * n
        self._offset = mean_y - slope * mean_k
        self._slope = start + slope
        self._scatter = self._scatter * self._decay**n + (weight.sum(), weight @ off**2)

    def _forward(self, times: Floats) -> NDArray[np.int64]:
        """Whole microseconds that never go back."""
        t_us = np.maximum.accumulate(np.maximum(np.rint(times).astype(np.int64), self._last_us))
        self._last_us = int(t_us[-1])
        return t_us
