"""One time base for headset and server: NTP-like bursts, drift fit, uncertainty.

The headset asks (`ping`), the server answers with two readings of its clock (`pong`). Of a burst
of eight exchanges only the one with the shortest round trip counts: what waits in queues only ever
makes a trip longer, so the shortest is the least wrong (Mills, NTPv4, RFC 5905 section 10). Over
the bursts a line offset = a + b * t is fitted by least squares, weighted by how short the trips
were; b is the drift. True offset lies within half a round trip of the measured one, whatever the
network does; that bound is where the uncertainty comes from.
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass

import numpy as np

BURST = 8
"""Exchanges in a burst."""
_BURSTS_KEPT = 64
_MIN_SPAN_US = 500_000
"""Bursts must span this long before a drift is fitted; over less, noise looks like drift."""
_MAX_DRIFT = 1e-3
"""Quartz is within 1e-4; a slope above this is a clock that was set, not one that drifts."""

_EPOCH_US = time.time_ns() // 1000 - time.monotonic_ns() // 1000


def now_us() -> int:
    """Microseconds since 1970 as this process saw it at start; never goes back."""
    return _EPOCH_US + time.monotonic_ns() // 1000


@dataclass(frozen=True, slots=True)
class Exchange:
    """One ping and pong: ``sent`` and ``back`` by the local clock, the others by the remote one."""

    sent_us: int
    received_us: int
    answered_us: int
    back_us: int

    @property
    def delay_us(self) -> int:
        """Time on the way, there and back."""
        return (self.back_us - self.sent_us) - (self.answered_us - self.received_us)

    @property
    def offset_us(self) -> float:
        """Remote minus local clock, at the middle of the exchange."""
        return ((self.received_us - self.sent_us) + (self.answered_us - self.back_us)) / 2

    @property
    def middle_us(self) -> float:
        return (self.sent_us + self.back_us) / 2


@dataclass(frozen=True, slots=True)
class Estimate:
    """Remote minus local clock: ``offset_us`` at local ``at_us``, growing by ``drift`` per us.

    ``uncertainty_us`` is half the shortest round trip plus the scatter around the line. It bounds
    the error while the shortest trips there and back are not all lopsided in the same way by more
    than that, which no exchange of messages could tell.
    """

    offset_us: float
    drift: float
    at_us: float
    uncertainty_us: float

    def offset_at(self, local_us: float) -> float:
        return self.offset_us + self.drift * (local_us - self.at_us)

    def to_remote(self, local_us: int) -> int:
        return round(local_us + self.offset_at(local_us))

    def to_local(self, remote_us: int) -> int:
        return round((remote_us - self.offset_us + self.drift * self.at_us) / (1 + self.drift))


class ClockSync:
    """Collects bursts and fits the line.

    A burst that disagrees with the line by more than both can err means that one of the clocks was
    set (or the device slept): the history is thrown away and starts anew with that burst, and
    ``resets`` counts it.
    """

    def __init__(self) -> None:
        self._best: deque[Exchange] = deque(maxlen=_BURSTS_KEPT)
        self.estimate: Estimate | None = None
        self.resets = 0

    def add_burst(self, burst: list[Exchange]) -> Estimate | None:
        """Take the exchanges of one burst; those with a negative delay are impossible and skipped.

        Returns the new estimate, or the old one when no exchange was usable.
        """
        usable = [exchange for exchange in burst if exchange.delay_us >= 0]
        if not usable:
            return self.estimate
        best = min(usable, key=lambda exchange: exchange.delay_us)
        if self.estimate is not None:
            error = abs(best.offset_us - self.estimate.offset_at(best.middle_us))
            allowed = best.delay_us / 2 + 3 * self.estimate.uncertainty_us + 1000
            elapsed = best.middle_us - self.estimate.at_us
            if error > allowed + _MAX_DRIFT * abs(elapsed):
                self._best.clear()
                self.resets += 1
        self._best.append(best)
        self.estimate = self._fit()
        return self.estimate

    def _fit(self) -> Estimate:
        t = np.array([exchange.middle_us for exchange in self._best])
        offset = np.array([exchange.offset_us for exchange in self._best])
        delay = np.array([exchange.delay_us for exchange in self._best], dtype=np.float64)
        at, base = float(t[-1]), float(offset[-1])
        # An exchange errs by up to half its delay, so it weighs 1/delay^2; 20 us keeps one lucky
        # loopback exchange from outweighing all others.
        weight = 1.0 / (delay / 2 + 20.0) ** 2
        weight /= weight.sum()
        x, y = t - at, offset - base
        x0, y0 = float(weight @ x), float(weight @ y)
        drift = 0.0
        if t[-1] - t[0] >= _MIN_SPAN_US and len(t) >= 3:
            drift = float(weight @ ((x - x0) * (y - y0))) / float(weight @ (x - x0) ** 2)
            drift = min(max(drift, -_MAX_DRIFT), _MAX_DRIFT)
        left = y - (y0 + drift * (x - x0))
        scatter = math.sqrt(float(weight @ left**2))
        return Estimate(base + y0 - drift * x0, drift, at, float(delay.min()) / 2 + scatter)
