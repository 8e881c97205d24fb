"""Whether the columns of a channel live: which send no numbers, which never move, and whether an
EEG is as large as EEG is.

A loose electrode is NaN or a flat line for minutes, and a wrong unit makes brains of volts; neither
is seen in any one sample. So each stretch of some seconds is judged as a whole, and what is odd is
said by name, once when it begins and once when it ends (`TIMES` times at most).

Shapes: n samples, C columns of the channel, in SI.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Numbers = NDArray[np.int64]

STRETCH_US = 2_000_000
"""A stretch is this long, and has `LEAST` samples."""
LEAST = 20
TIMES = 5
EEG_V = (3e-8, 3e-3)
"""From one sample to the next, EEG changes by microvolts: less than the first, which is below any
amplifier's noise, or more than the second, ten times a cap full of hum, is another unit."""
_NAMED = 8
_MOVES = ("eeg", "fnirs", "motion", "contact", "gaze")
"""Modalities whose sensors are never still: the last bit of a number trembles."""

SILENT, STILL, SIZE = "sends no numbers", "never changes", "size"


class Columns:
    """The columns ``names`` of one channel of ``modality``; ``say`` is told what a person should
    know."""

    def __init__(self, modality: str, names: Sequence[str], say: Callable[[str], None]) -> None:
        self.names, self._say = list(names), say
        self.odd: dict[str, list[str]] = {}
        """The columns that are odd, by what is odd."""
        self._eeg, self._moves = modality == "eeg", modality in _MOVES
        self._parts: list[Floats] = []
        self._said: Counter[str] = Counter()
        self._since_us = self._n = 0

    def watch(self, t_us: Numbers, values: Floats) -> None:
        """Samples (n, C) that came, NaN where nothing was."""
        if not len(t_us):
            return
        if not self._parts:
            self._since_us = int(t_us[0])
        self._parts.append(values.reshape(len(t_us), -1))
        self._n += len(t_us)
        if self._n >= LEAST and t_us[-1] - self._since_us >= STRETCH_US:
            self._judge(np.concatenate(self._parts))
            self._parts.clear()
            self._n = 0

    def _judge(self, x: Floats) -> None:
        there = np.isfinite(x)
        silent = np.logical_not(there.any(axis=0))
        low = np.where(there, x, np.inf).min(axis=0)
        high = np.where(there, x, -np.inf).max(axis=0)
        still = ~silent & (low == high) & self._moves
        self._tell(SILENT, silent, "the others are used where they may be")
        self._tell(STILL, still, "it may be loose, or not fitted")
        if self._eeg:
            step = np.abs(np.diff(x, axis=0))
            live = ~silent & ~still
            steps = step[:, live][np.isfinite(step[:, live])]
            typical = float(np.median(steps)) if len(steps) else EEG_V[0]
            odd = not EEG_V[0] <= typical <= EEG_V[1]
            self._tell(
                SIZE,
                live & np.full(len(live), odd),
                "is it in another unit? Say it by --channel 'NAME=eeg/…@uV'",
                f"changes by {typical:.2g} V from sample to sample, where EEG does by microvolts",
            )

    def _tell(self, what: str, which: NDArray[np.bool_], so: str, told: str = "") -> None:
        now = [name for name, odd in zip(self.names, which, strict=True) if odd]
        before = self.odd.get(what, [])
        self.odd[what] = now
        fresh = [name for name in now if name not in before]
        back = [name for name in before if name not in now]
        if not (fresh or back) or self._said[what] >= TIMES:
            return
        self._said[what] += 1
        if fresh:
            self._say(f"{listed(fresh)} {told or what}: {so}")
        if back:
            self._say(f"{listed(back)}: as usual again")


def listed(names: Sequence[str]) -> str:
    """Some of ``names``, as many as a person reads."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
