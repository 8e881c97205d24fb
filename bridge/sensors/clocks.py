"""A source's clock, mapped to the session's.

Sources that can be asked for their clock are fitted like a headset's (`bridge.clock.ClockSync`:
shortest round trip, drift, resets, uncertainty), with the roles turned round: the sensor side is
local and the source remote. LSL gives round trip and offset of its own bursts; a BrainFlow board is
stamped by this machine's wall clock, which one reads without a round trip.

Some LSL programs stamp by another clock than LSL's (OpenBCI_GUI#775 used the wall clock). Their
stamps land far from now; they are then mapped by arrival: the least (arrival - stamp) of late is
taken as the offset. That is exact up to the shortest way from the sensor, which nobody can know.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from bridge.clock import ClockSync, Exchange
from bridge.sensors.source import Floats

FOREIGN_US = 10_000_000
"""A fresh sample whose mapped stamp is further from now than this was stamped by another clock."""
_ARRIVALS = 512


class SourceClock:
    """Maps stamps of one source to session time."""

    def __init__(self) -> None:
        self._sync = ClockSync()
        self._foreign: bool | None = None  # unknown until the first samples
        self._arrivals: deque[float] = deque(maxlen=_ARRIVALS)
        self._last: Exchange | None = None

    @property
    def known(self) -> bool:
        """Whether stamps can be mapped yet."""
        return self._sync.estimate is not None

    @property
    def by_arrival(self) -> bool:
        return bool(self._foreign)

    @property
    def resets(self) -> int:
        return self._sync.resets

    @property
    def uncertainty_us(self) -> float:
        """By how much a mapped stamp may be wrong; infinite by arrival or while unknown."""
        estimate = self._sync.estimate
        return float("inf") if estimate is None or self.by_arrival else estimate.uncertainty_us

    @property
    def drift_ppm(self) -> float:
        """How much faster the source's clock runs than the session's."""
        estimate = self._sync.estimate
        return 0.0 if estimate is None else estimate.drift * 1e6

    def add(self, exchange: Exchange | None) -> None:
        """Take one reading; one that is known already counts once."""
        if exchange is not None and exchange != self._last:
            self._last = exchange
            self._sync.add_burst([exchange])

    def to_session(self, stamps_us: Floats, now_us: int) -> Floats:
        """Session times (n,) of ``stamps_us`` (n >= 1), which arrived just before ``now_us``."""
        estimate = self._sync.estimate
        if estimate is None:
            raise RuntimeError("ask `known` first")
        here = (stamps_us - estimate.offset_us + estimate.drift * estimate.at_us) / (
            1 + estimate.drift
        )
        if self._foreign is None:
            # Only what comes first is fresh for certain: later, a network that was down may hand
            # over old samples.
            self._foreign = bool(abs(here[-1] - now_us) > FOREIGN_US)
        if not self._foreign:
            return np.asarray(here)
        self._arrivals.append(now_us - float(stamps_us[-1]))
        return np.asarray(stamps_us + min(self._arrivals))
