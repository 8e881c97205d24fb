"""What a number of each layout can be, and what stands for "not there".

Devices say that they have lost their user by numbers: an orientation 0,0,0,0, a pupil of 0 or -1,
NaN in a blink. Others send volts as microvolts, or garbage. None of that is a measurement, though
each is a float32, and one of them in a model's cache or in somebody's statistics stays there. So
every sample is held against its layout's range, where bytes become arrays (`fedxr.bridge.frames`)
and wherever else samples come in (sensors, recorded files); what does not fit counts as *absent*:
it is left out, the rest stays, and the headset is told once of each kind (`fedxr.bridge.absences`).

In most layouts the numbers of a sample belong together, so that it is there or not as a whole. In
some each *place* (an electrode, a pixel, a point, an eye) is there by itself: a number that is not
there is NaN in the sample, and the sample is left out where nothing is left of it.

Shapes: n samples, then those of one sample (`fedxr.bridge.channels.Layout`); K numbers of its last
axis."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.channels import Layout, Range, Samples, layout_of, modality_of

TOLERANCE = 0.1
"""How far from 1 the length of an orientation or direction may be: interpolated ones are short."""

Floats = NDArray[Any]
Booleans = NDArray[np.bool_]


class Sieve:
    """What is left of the samples of one layout; made by `sieve_of`."""

    def __init__(self, layout: Layout, range_: Range) -> None:
        self.layout, self.range = layout, range_
        self.low, self.high = (np.asarray(x, np.float32) for x in (range_.low, range_.high))
        # Where all of |x| <= limit is all there is to it, one product tells that every number fits.
        even = np.array_equal(self.low, -self.high) and not range_.units
        self._limit = float(np.min(self.high)) ** 2 if even else -1.0
        if range_.lost is not None:  # its own square must not pass
            self._limit = 0.99 * range_.lost**2 * self.layout.shape[-1] or -1.0
        self._sums = _sums(self) if range_.units else None

    def fits(self, values: Floats) -> bool:
        """Whether all of ``values`` (n, …) is there, most cheaply in the usual case."""
        # (Unlike `dot`, `vdot` warns of no overflow, which must not fill a log.)
        if not len(values) or np.vdot(values, values) <= self._limit:
            return True
        if self._sums is not None:
            with np.errstate(all="ignore"):
                mix, due = self._sums
                off = np.square(values.reshape(-1, len(mix))) @ mix - due
            if np.vdot(off, off) <= 1.0:
                return True
        return bool(self.there(values).all())

    def there(self, values: Floats) -> Booleans:
        """(n,) which samples are there; (n, …) which numbers, where places are by themselves."""
        fine = np.asarray((values >= self.low) & (values <= self.high))  # NaN is neither
        if self.range.places:
            return fine
        n = len(values)
        whole: Booleans = np.all(fine.reshape(n, -1), axis=1)
        for start, stop in self.range.units:
            part = values[..., start:stop]
            length = np.sqrt(np.einsum("...i,...i->...", part, part))
            near = np.abs(length - 1.0) <= TOLERANCE
            whole = np.logical_and(whole, near.reshape(n, -1).all(1))
        return whole if self.range.lost is None else whole & ~self.unset(values)

    def unset(self, values: Floats) -> Booleans:
        """(n,) whether an orientation or direction is all zeros, or the whole the word for lost."""
        n, lost = len(values), self.range.lost
        found: Booleans = np.zeros(n, bool)
        for start, stop in self.range.units:
            zeros = np.asarray((values[..., start:stop] == 0).all(-1))
            found = np.logical_or(found, zeros.reshape(n, -1).any(1))
        if lost is not None:
            found = np.logical_or(found, (values == lost).reshape(n, -1).all(1))
        return found

    def called(self, place: int) -> str:
        """What number ``place`` of a sample is called: an electrode by its name."""
        places = modality_of(self.layout.name).places_of(self.layout.name)
        if places is None:
            return f"number {place}"
        names = self.layout.name.partition("/")[2].split("-")
        return names[place // max(1, len(places.each))]

    def keep(self, samples: Samples, there: Booleans) -> Samples:
        """What of ``samples`` is ``there``: stamps stay with their samples; where places are by
        themselves, lost ones become NaN."""
        values = samples.values
        if self.range.places:
            values = np.where(there, values, values.dtype.type(np.nan))
            there = np.any(there.reshape(len(values), -1), axis=1)
        return Samples(samples.t_us[there], values[there])


def _sums(sieve: Sieve) -> tuple[Floats, Floats]:
    """(K, G), (G,): weights that sum the squares of each stretch of numbers, and what the sums are
    due to be, such that none is off by more than 1 where all is there: of length 1, or within the
    least of the ranges' ends."""
    edges = sorted({0, len(sieve.high), *(edge for unit in sieve.range.units for edge in unit)})
    stretches = list(pairwise(edges))
    mix, due = np.zeros((len(sieve.high), len(stretches))), np.zeros(len(stretches))
    for k, (start, stop) in enumerate(stretches):
        unit = (start, stop) in sieve.range.units
        most = 1 - (1 - TOLERANCE) ** 2 if unit else sieve.high[start:stop].min() ** 2
        mix[start:stop, k], due[k] = 1 / most, unit / most
    return mix.astype(np.float32), due.astype(np.float32)


def sieve_of(layout: str) -> Sieve | None:
    """The sieve of ``layout``; None where it holds integers. Raises ChannelError if unknown."""
    return _sieve(layout_of(layout))


@lru_cache(maxsize=512)
def _sieve(layout: Layout) -> Sieve | None:
    return None if layout.range is None else Sieve(layout, layout.range)


def present(samples: Samples, layout: str) -> Samples:
    """What is there of ``samples`` of ``layout``: the same object where all is."""
    sieve = sieve_of(layout)
    if sieve is None or sieve.fits(samples.values):
        return samples
    return sieve.keep(samples, sieve.there(samples.values))
