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
MAX_US = 2**53
"""Times lie within 0 and this."""
MAX_DRIFT = 1e-3
"""Quartz is within 1e-4; a slope above this is a clock that was set, not one that drifts."""
_ROUNDING = 1e-9
"""A drift at its limit crosses the wire as parts per million and may come back this much larger."""

_EPOCH_US = time.time_ns() // 1000 - time.monotonic_ns() // 1000  # noqa: TID251 - once


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

    Estimates come over the wire and out of files: one that no two clocks can have is refused, a
    ValueError that says what is allowed, and what is mapped by any other lies within 0 and
    `MAX_US`.
    """

    offset_us: float
    drift: float
    at_us: float
    uncertainty_us: float

    def __post_init__(self) -> None:
        # Written so that NaN fails.
        if not (
            abs(self.offset_us) <= MAX_US
            and abs(self.drift) <= MAX_DRIFT + _ROUNDING
            and abs(self.at_us) <= MAX_US
            and 0 <= self.uncertainty_us <= MAX_US
        ):
            raise ValueError(
                f"a clock estimate that is not finite or no clock's: offset {self.offset_us:g} us, "
                f"drift {self.drift * 1e6:g} ppm at {self.at_us:g} us, uncertainty "
                f"{self.uncertainty_us:g} us; allowed are offset and time within 2^53 us, a drift "
                f"within {MAX_DRIFT * 1e6:g} ppm, an uncertainty of 0 to 2^53 us"
            )

    def offset_at(self, local_us: float) -> float:
        return self.offset_us + self.drift * (local_us - self.at_us)

    def to_remote(self, local_us: int) -> int:
        return _bounded(local_us + self.offset_at(local_us))

    def to_local(self, remote_us: int) -> int:
        return _bounded((remote_us - self.offset_us + self.drift * self.at_us) / (1 + self.drift))


def _bounded(us: float) -> int:
    """The whole microsecond within 0 and `MAX_US` that is closest."""
    return round(min(max(us, 0.0), float(MAX_US)))


def _contradict(one: Exchange, other: Exchange) -> bool:
    """Whether no clock that was left alone gives both; 1 ms is for readings that are rounded."""
    allowed = (one.delay_us + other.delay_us) / 2 + 1000
    elapsed = abs(other.middle_us - one.middle_us)
    return abs(other.offset_us - one.offset_us) > allowed + MAX_DRIFT * elapsed


class ClockSync:
    """Collects bursts and fits the line.

    An exchange that contradicts one that is kept (half of both trips and the drift cannot explain
    it) means that one of the clocks was set, or the device slept, or the other side lied: the
    history is thrown away and starts anew with that burst, and ``resets`` counts it. Whatever the
    history says, the estimate stays within half a trip of the newest exchange, as the truth does.
    """

    def __init__(self) -> None:
        self._best: deque[Exchange] = deque(maxlen=_BURSTS_KEPT)
        self.estimate: Estimate | None = None
        self.resets = 0

    def add_burst(self, burst: list[Exchange]) -> Estimate | None:
        """Take the exchanges of one burst; those with a negative delay, or an offset that no two
        clocks can have, are impossible and skipped.

        Returns the new estimate, or the old one when no exchange was usable.
        """
        usable = [
            exchange
            for exchange in burst
            if exchange.delay_us >= 0
            and max(abs(exchange.offset_us), abs(exchange.middle_us)) <= MAX_US
        ]
        if not usable:
            return self.estimate
        best = min(usable, key=lambda exchange: exchange.delay_us)
        if any(_contradict(kept, best) for kept in self._best):
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
            drift = min(max(drift, -MAX_DRIFT), MAX_DRIFT)
        left = y - (y0 + drift * (x - x0))
        scatter = math.sqrt(float(weight @ left**2))
        half = float(delay[-1]) / 2
        offset_us = base + min(max(y0 - drift * x0, -half), half)
        offset_us = min(max(offset_us, -float(MAX_US)), float(MAX_US))
        uncertainty_us = min(float(delay.min()) / 2 + scatter, float(MAX_US))
        return Estimate(offset_us, drift, at, uncertainty_us)
