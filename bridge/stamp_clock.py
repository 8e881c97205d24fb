"""One rule for stamps that something else makes by a clock of its own, whatever it is.

Three ways to say when a sample was taken, the best that holds:
    MEASURED  the clock was asked (`fedxr.bridge.clock`), and what its stamps say can be true
    ANCHORED  stamps run as time does, but from a zero that nobody knows: the least
              (arrival - stamp) of late is the offset, exact up to the shortest way to here
    ARRIVAL   stamps say nothing: a sample was taken when it came

Stamps are not believed when they lie ahead of now, go back, stand still, or fall behind what is
usual for them: a clock was set. They are then anchored anew, and where that does not last a second
their arrival is used, until they have run steadily for as long as `_STEADY_US`. Stamps in another
unit run a thousand times too fast or too slowly, and are scaled. Those that are not finite say
nothing: such samples are left out, or taken by arrival where there are no others for a second.

So no time is ever ahead of now by more than `AHEAD_US` and the uncertainty, and none stays behind.
What cannot be known: whether a source that is late from the start by less than `LATE_US` has a long
way or a wrong clock; its clock was asked, and is believed.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.channels import TICK_US
from fedxr.bridge.clock import MAX_DRIFT, Estimate

Floats = NDArray[np.float64]

AHEAD_US = 10_000.0
"""So far may a stamp lie ahead of now, besides what the clock's uncertainty explains."""
BACK_US = 20_000.0
"""So far may the newest stamp of what arrives lie before the newest until then: jitter."""
LATE_US = 500_000.0
"""A fresh sample that is older than this when its source is first heard has another clock."""
_BEHIND_US = ((500_000, 150_000.0, 0.0), (3_000_000, 15_000.0, 2.0))
"""Stamps have fallen behind when all that arrived within the first was older than usual by the
second, and the third times by how much delays differ: a crowded machine or network delays some."""
_STILL_US = 250_000
_STANDING = 0.1
"""Stamps that move less than this part of the time that passes stand still."""
_STEADY_US = 1_000_000
_ALIKE_US = 40_000.0
"""Stamps run steadily whose least delay is the same by this in both halves of that."""
_DRIFTING_US = 3_000_000
"""As `_STEADY_US` after stamps fell behind, which happens slowly."""
_RESTLESS_US = 1_000_000
"""Three troubles within this, and stamps are not used at all."""
_DRAGS = 8
"""So many better anchors are found by a clock that runs too fast, not by luck."""
_ANCHOR_US = 10_000_000
"""Arrivals that count for an anchor: a clock drifts by less than a millisecond within it."""
_MOST = 512
_UNITS = (-9, -6, -3, 3, 6, 9)
"""Powers of ten between seconds, milliseconds, microseconds and nanoseconds."""
_FOREIGN = (
    "its stamps are of another clock, so they are mapped by their arrival; how long samples were "
    "on their way is not known"
)
_PAUSE_US = 250_000.0


class Way(Enum):
    """How times are found; see the top of the file."""

    MEASURED = "measured"
    ANCHORED = "anchored"
    ARRIVAL = "arrival"


class StampClock:
    """Maps stamps of one source to our time. ``tell(kind, text)`` hears of every trouble;
    ``late_us`` is how old what is first heard may be."""

    def __init__(self, tell: Callable[[str, str], None], late_us: float = LATE_US) -> None:
        self._tell, self._late_us = tell, late_us
        self.way = Way.MEASURED
        self.switched = False
        """Whether the last call changed how times are found: they may have leapt."""
        self._scale = 1.0
        self._offset = 0.0  # of the anchor
        self._usual = math.inf  # the least delay seen by the measured clock
        self._heard = False
        self._wait_us = 0.0
        self._newest = -math.inf  # of the mapped stamps
        self._moved = (math.nan, -math.inf)  # (arrival, stamp)
        self._arrived_us = self._finite_us = math.nan
        self._troubles: deque[tuple[float, str]] = deque(maxlen=3)
        self._dragged: deque[float] = deque(maxlen=_DRAGS)
        self._recent: deque[tuple[float, float]] = deque(maxlen=_MOST)  # (arrival, newest stamp)

    def times(
        self, stamps_us: Floats, now_us: float, period_us: float, estimate: Estimate | None
    ) -> Floats:
        """Times (n,) of ``stamps_us`` (n >= 1), which arrived just before ``now_us``; NaN for
        samples to leave out. ``period_us`` between samples, 0 when irregular; ``estimate`` of
        stamps minus our time."""
        self.switched = False
        # A sample waits for the next look by up to a tick, and the same for long where both are
        # as long.
        self._wait_us = min(period_us or TICK_US, float(TICK_US))
        stamps = stamps_us * self._scale
        finite = np.isfinite(stamps)
        if not finite.all():
            self._tell("stamps not finite", "stamps that are not finite; such samples are left out")
        if math.isnan(self._finite_us) or finite.any():
            self._finite_us = now_us
        if finite.any():
            times = self._mapped(stamps, finite, now_us, period_us, estimate)
        elif self.way is Way.ARRIVAL or now_us - self._finite_us > self._patience_us:
            if self.way is not Way.ARRIVAL:
                self._recent.clear()
                self._take(Way.ARRIVAL)
            times = self._by_arrival(len(stamps), now_us, period_us)
        else:
            times = np.full(len(stamps), math.nan)
        self._arrived_us = now_us
        return times

    @property
    def _patience_us(self) -> float:
        """How long stamps that are none are waited out: shorter where there has never been one, for
        nothing says then when the samples that wait were taken."""
        return _STEADY_US if self._heard else _STEADY_US / 2

    def _mapped(
        self, stamps: Floats, finite: NDArray[np.bool_], now: float, period: float,
        estimate: Estimate | None,
    ) -> Floats:  # fmt: skip
        newest = float(stamps[finite][-1])
        # Written so that NaN, before the first, moves.
        if not newest - self._moved[1] < _STANDING * (now - self._moved[0]):
            self._moved = now, newest
        if self.way is Way.ARRIVAL:
            self._recent.append((now, newest))
            self._try_again(now, estimate)
        elif kind := self._trouble(newest, now, estimate):
            self._anchor(*kind, newest, now, estimate)
        else:
            self._recent.append((now, newest))
            self._return(now, estimate)
        self._heard = True
        if self.way is Way.ANCHORED:
            self._hold(now)
        if self.way is Way.ARRIVAL:
            return self._by_arrival(len(stamps), now, period)
        here = self._here(stamps, estimate)
        self._newest = max(self._newest, float(self._here(np.array([newest]), estimate)[0]))
        if self.way is Way.MEASURED:
            self._usual = min(self._usual, max(0.0, now - self._newest))
        return self._sane(here, now, period, self._ahead(estimate))

    def _hold(self, now: float) -> None:
        """The anchor, by what arrived lately; one that is dragged on and on holds nothing."""
        offset = min(at - stamp for at, stamp in self._recent if now - at < _ANCHOR_US)
        if offset < self._offset - AHEAD_US and not self.switched:
            self.switched = True
            self._dragged.append(now)
            if len(self._dragged) == _DRAGS and now - self._dragged[0] < _RESTLESS_US:
                self._recent.clear()
                self._take(Way.ARRIVAL)
        # A worse one, where the best has become too old, is come to as slowly as clocks drift: a
        # leap would look like samples that are missing.
        most = math.inf if self.switched else self._offset + MAX_DRIFT * (now - self._arrived_us)
        self._offset = min(offset, most)

    def _sane(self, here: Floats, now: float, period: float, allowed: float) -> Floats:
        """``here`` without what cannot be: where the way has changed, what was stamped before that
        is taken by its arrival; otherwise what came after a glitch is right."""
        glitches = here > now + allowed
        if self.switched:
            arrivals = self._by_arrival(len(here), now, period)
            early = here < arrivals[0] - period - _PAUSE_US
            return np.where(glitches | early, arrivals, here)
        if glitches.any():
            self._tell("stamps ahead", "single stamps lie ahead of now; such samples are left out")
            here[glitches] = math.nan
        return here

    def _here(self, stamps: Floats, estimate: Estimate | None, way: Way | None = None) -> Floats:
        """Our time of stamps."""
        if (way or self.way) is Way.MEASURED and estimate is not None:
            offset = estimate.offset_us - estimate.drift * estimate.at_us
            return np.asarray((stamps - offset) / (1 + estimate.drift))
        return stamps + self._offset

    def _ahead(self, estimate: Estimate | None) -> float:
        unsure = estimate.uncertainty_us if estimate is not None else 0.0
        return AHEAD_US + min(unsure, 4 * AHEAD_US)

    # What is wrong, and what to do about it

    def _trouble(
        self, newest: float, now: float, estimate: Estimate | None
    ) -> tuple[str, str] | None:
        """What is wrong with stamps of which ``newest`` came last: kind and text."""
        if self.way is Way.MEASURED and estimate is None:
            return "stamps foreign", _FOREIGN
        here = float(self._here(np.array([newest]), estimate)[0])
        if not self._heard and not -self._ahead(estimate) <= now - here <= self._late_us:
            return "stamps foreign", _FOREIGN
        # What comes sooner than all before only makes an anchor better.
        sooner = self._ahead(estimate) if self.way is Way.MEASURED else _PAUSE_US
        if here > now + sooner:
            return "stamps ahead", f"stamps lie {(here - now) / 1e6:.3g} s ahead of now"
        if here < self._newest - BACK_US:
            return "stamps back", f"stamps went back by {(self._newest - here) / 1e6:.3g} s"
        if now - self._moved[0] > _STILL_US:
            return "stamps still", "stamps stand still"
        if behind := self._behind(now, estimate, newest):
            return "stamps behind", f"stamps have fallen behind by {behind / 1e6:.3g} s"
        return None

    def _behind(self, now: float, estimate: Estimate | None, newest: float) -> float:
        """By how much all that arrived lately is later than usual, 0 while that is little."""
        usual = (self._usual if self.way is Way.MEASURED else 0.0) + self._wait_us
        arrivals = [*self._recent, (now, newest)]
        if len(arrivals) < 3 or not math.isfinite(usual):
            return 0.0
        at, stamps = np.array(arrivals).T
        late = at - self._here(stamps, estimate)
        for within, allowed, times in _BEHIND_US:
            lately = late[at >= now - within]
            if now - at[0] < within or len(lately) < 3:
                continue
            behind = float(lately.min()) - usual
            if behind > allowed + times * float(np.median(lately) - lately.min()):
                return behind
        return 0.0

    def _anchor(
        self, kind: str, text: str, newest: float, now: float, estimate: Estimate | None
    ) -> None:
        """Begin anew with the stamps as they are now, or without them."""
        self._tell(kind, text)
        self._troubles.append((now, kind))
        past, slow = self._troubles[0][0], [at for at, k in self._troubles if k == "stamps behind"]
        restless = len(self._troubles) == 3 and now - past < _RESTLESS_US
        drifting = len(slow) > 1 and now - slow[-2] < 2 * _DRIFTING_US
        self._moved = now, newest
        self._recent.clear()
        self._recent.append((now, newest))
        if kind == "stamps still" or restless or (drifting and kind == "stamps behind"):
            self._take(Way.ARRIVAL)
        elif self._plausible(newest, now, estimate):
            self._take(Way.MEASURED)
        else:
            self._take(Way.ANCHORED)

    def _take(self, way: Way) -> None:
        self.switched = True
        self.way, self._newest = way, -math.inf

    def _plausible(self, newest: float, now: float, estimate: Estimate | None) -> bool:
        """Whether ``newest`` is what the measured clock would say."""
        if estimate is None:
            return False
        late = now - float(self._here(np.array([newest]), estimate, Way.MEASURED)[0])
        usual = self._late_us
        if not math.isinf(self._usual):
            usual = self._usual + self._wait_us + _BEHIND_US[-1][1]
        return -self._ahead(estimate) <= late <= usual

    def _return(self, now: float, estimate: Estimate | None) -> None:
        """From an anchor to the measured clock, when that has been right for long enough."""
        if self.way is not Way.ANCHORED or now - self._recent[0][0] < _STEADY_US:
            return
        lately = [(at, stamp) for at, stamp in self._recent if now - at <= _STEADY_US]
        if len(lately) >= 3 and any(self._plausible(s, at, estimate) for at, s in lately):
            ahead = [at + self._ahead(estimate) for at, _ in lately]
            here = self._here(np.array([s for _, s in lately]), estimate, Way.MEASURED)
            if bool((here <= ahead).all()):
                self._recent.clear()
                self._recent.append(lately[-1])
                self._take(Way.MEASURED)

    def _try_again(self, now: float, estimate: Estimate | None) -> None:
        """Use stamps again that have run steadily; find their unit where that is another."""
        slow = bool(self._troubles) and self._troubles[-1][1] == "stamps behind"
        needed = _DRIFTING_US if slow else _STEADY_US
        while len(self._recent) > 4 and now - self._recent[1][0] >= needed:
            self._recent.popleft()
        at, stamps = np.array(self._recent).T
        span = float(at[-1] - at[0])
        if len(at) < 4 or span < needed / 2:
            return
        pace = float(stamps[-1] - stamps[0]) / span
        power = 3 * round(math.log10(pace) / 3) if pace > 0 else 0
        if power in _UNITS and 0.8 < pace / 10.0**power < 1.25:
            text = f"stamps run {10.0**power:g} times as fast as time does: they are in another"
            self._tell("stamps in another unit", f"{text} unit, and are scaled")
            self._scale /= 10.0**power
            self._recent.clear()
        elif span >= needed:
            late, half = at - stamps, at < at[0] + span / 2
            rises = bool((np.diff(stamps) > -BACK_US).all()) and pace > 0
            if rises and abs(late[half].min() - late[~half].min()) < _ALIKE_US:
                self._moved = now, float(stamps[-1])
                plausible = self._plausible(float(stamps[-1]), now, estimate)
                self._take(Way.MEASURED if plausible else Way.ANCHORED)
            elif rises:
                text = f"stamps run {pace:.3g} times as fast as time does"
                self._tell("stamps at another pace", text)

    def _by_arrival(self, n: int, now: float, period: float) -> Floats:
        """Evenly since the last arrival, unless something is missing between."""
        since = now - self._arrived_us
        # Written so that NaN, before the first arrival, is a pause.
        pause = not (since <= _PAUSE_US or n * period >= 0.8 * since)
        step = period if pause else since / n
        return now - step * np.arange(n - 1, -1, -1.0)
