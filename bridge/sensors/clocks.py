"""A source's clock, mapped to the session's.

Sources that can be asked for their clock are fitted like a headset's
(`fedxr.bridge.clock.ClockSync`: shortest round trip, drift, resets, uncertainty), with the roles
turned round: the sensor side is local and the source remote. LSL gives round trip and offset of its
own bursts; a BrainFlow board is stamped by this machine's wall clock, which one reads without a
round trip.

Some programs stamp by another clock than the one that is asked (OpenBCI_GUI#775 used the wall
clock), by one that is set meanwhile, or in another unit: `fedxr.bridge.stamp_clock` has the rule
for what is believed then."""

from __future__ import annotations

from collections.abc import Callable

from fedxr.bridge.clock import ClockSync, Exchange
from fedxr.bridge.sensors.source import Floats
from fedxr.bridge.stamp_clock import LATE_US, StampClock, Way


class SourceClock:
    """Maps stamps of one source to session time; ``tell(kind, text)`` hears what is wrong, and
    ``late_us`` is how old what is first heard may be."""

    def __init__(
        self,
        tell: Callable[[str, str], None] = lambda kind, text: None,
        late_us: float = LATE_US,
    ) -> None:
        self._sync = ClockSync()
        self._stamps = StampClock(tell, late_us)
        self._last: Exchange | None = None

    @property
    def known(self) -> bool:
        """Whether stamps can be mapped yet."""
        return self._sync.estimate is not None

    @property
    def by_arrival(self) -> bool:
        """Whether the measured clock is not that of the stamps."""
        return self._stamps.way is not Way.MEASURED

    @property
    def switched(self) -> bool:
        """Whether the last stamps were mapped in another way than those before."""
        return self._stamps.switched

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

    def to_session(self, stamps_us: Floats, now_us: int, period_us: float = 0.0) -> Floats:
        """Session times (n,) of ``stamps_us`` (n >= 1), which arrived just before ``now_us``; NaN
        for those that say nothing. ``period_us`` lies between samples, 0 when irregular."""
        if self._sync.estimate is None:
            raise RuntimeError("ask `known` first")
        return self._stamps.times(stamps_us, now_us, period_us, self._sync.estimate)
