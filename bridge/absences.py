"""What a channel's samples lacked, told once of each kind and counted thereafter."""

from __future__ import annotations

from collections import Counter

import numpy as np

from fedxr.bridge.channels import Samples, modality_of
from fedxr.bridge.columns import Columns
from fedxr.bridge.plausible import Booleans, Floats, Sieve, sieve_of

NOT_FINITE, NOT_TRACKED, IMPLAUSIBLE = "not finite", "not tracked", "implausible"
_NAMED = 8
"""Electrodes, or other numbers of a sample, that are named at most."""


class Absences:
    """Leaves out what cannot be from the samples of one channel, and counts it: ``samples`` with
    something absent, by kind.

    Counted by whoever looks at the samples, in whatever thread; told on the event loop (`news`).
    """

    def __init__(self, channel: str, layout: str) -> None:
        self.channel, self.sieve = channel, sieve_of(layout)
        modality = modality_of(layout)
        places = modality.places_of(layout)
        self._columns = (
            Columns(modality.name, places.columns(layout), lambda line: self._say(line))
            if places is not None and not places.each
            else None
        )
        self.samples: Counter[str] = Counter()
        self._news: list[str] = []

    def sift(self, samples: Samples) -> Samples:
        """What is there of ``samples``: the same object where all is."""
        sieve = self.sieve
        if self._columns is not None:
            self._columns.watch(samples.t_us, samples.values)
        if sieve is None or sieve.fits(samples.values):
            return samples
        there = sieve.there(samples.values)
        self._count(sieve, samples.values, there)
        return sieve.keep(samples, there)

    def _count(self, sieve: Sieve, values: Floats, there: Booleans) -> None:
        """Count what of ``values`` (n, …) is not ``there``, as `Sieve.there` says."""
        n = len(values)
        flat, lost = values.reshape(n, -1), ~there.reshape(n, -1)
        wrong = lost  # (n, numbers of a sample) those that cannot be
        if not sieve.range.places:
            wrong = ~((values >= sieve.low) & (values <= sieve.high)).reshape(n, -1)
        rows = lost.any(1)
        broken = rows & (wrong & ~np.isfinite(flat)).any(1)
        nothing = wrong.any(1) & (~wrong | (flat == 0) | (flat == -1)).all(1)
        untracked = rows & ~broken & (nothing | sieve.unset(values))
        kinds = {NOT_FINITE: broken, NOT_TRACKED: untracked}
        kinds[IMPLAUSIBLE] = rows & ~broken & ~untracked
        for kind, which in kinds.items():
            count = int(np.count_nonzero(which))
            if count and not self.samples[kind]:
                first = int(which.argmax())
                what = _what(sieve, kind, flat[first], np.flatnonzero(wrong[first]))
                left = "the rest of it is used" if sieve.range.places else "it is left out"
                self._say(
                    f"{count} of {n} samples hold {what}; that counts as absent, {left} (told "
                    "once, then counted)"
                )
            self.samples[kind] += count

    def _say(self, line: str) -> None:
        self._news.append(f"channel {self.channel}: {line}")

    def news(self) -> list[str]:
        """What to say since the last call: of kinds that came for the first time, and of
        electrodes that died or live again."""
        news, self._news = self._news, []
        return news


def _what(sieve: Sieve, kind: str, sample: Floats, wrong: np.ndarray) -> str:
    """What is wrong with ``sample`` (numbers,), at its places ``wrong``."""
    layout = sieve.layout
    named = ", ".join(dict.fromkeys(sieve.called(int(i)) for i in wrong[:_NAMED]))
    more = " and others" if len(wrong) > _NAMED else ""
    whose = f" ({named}{more})" if 0 < len(wrong) < len(sample) else ""
    if kind == NOT_FINITE:
        return f"NaN or infinity{whose}"
    if kind == NOT_TRACKED:
        return f"what devices send for 'not tracked'{whose}"
    if not len(wrong):
        return "an orientation or direction whose length is not 1"
    low, high = np.atleast_1d(sieve.low), np.atleast_1d(sieve.high)
    first = int(wrong[0])
    place = first % len(low)
    return (
        f"{sample[first]:.4g}{whose}, where {layout.name} is {low[place]:g} to {high[place]:g} "
        f"({layout.unit}; another unit?)"
    )
