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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.channels import MODALITIES

Floats = NDArray[Any]
Numbers = NDArray[np.int64]

STRETCH_US = 2_000_000
"""A stretch is this long, and has `LEAST` samples."""
LEAST = 20
TIMES = 5
_STEPS = 512
"""Samples of a stretch by which the size of EEG is judged."""
EEG_V = (3e-8, 3e-3)
"""From one sample to the next, EEG changes by microvolts: less than the first, which is below any
amplifier's noise, or more than the second, ten times a cap full of hum, is another unit."""
_NAMED = 8

SILENT, STILL, SIZE = "sends no numbers", "never changes", "size"


class Columns:
    """The columns ``names`` of one channel of ``modality``; ``say`` is told what a person should
    know. Keeps a few numbers a column, and `_STEPS` samples."""

    def __init__(self, modality: str, names: Sequence[str], say: Callable[[str], None]) -> None:
        self.names, self._say = list(names), say
        self.odd: dict[str, list[str]] = {}
        """The columns that are odd, by what is odd."""
        self._eeg, self._moves = modality == "eeg", MODALITIES[modality].restless
        self._said: Counter[str] = Counter()
        self._begin(0)

    def _begin(self, t_us: int) -> None:
        """A new stretch."""
        self._since_us, self._n = t_us, 0
        self._low = np.full(len(self.names), np.inf)
        self._high = np.full(len(self.names), -np.inf)
        self._some: list[Floats] = []

    def watch(self, t_us: Numbers, values: Floats) -> None:
        """Samples (n, C) that came, NaN where nothing was."""
        if not len(t_us):
            return
        if not self._n or t_us[0] < self._since_us:
            self._begin(int(t_us[0]))
        x = np.where(np.isfinite(values), values, np.nan).reshape(len(t_us), -1)
        # What is in range counts and what is not does: 20 for 20 uV is an electrode that lives.
        self._low = np.fmin(self._low, np.fmin.reduce(x))
        self._high = np.fmax(self._high, np.fmax.reduce(x))
        if self._eeg and self._n < _STEPS:
            self._some.append(x[: _STEPS - self._n])
        self._n += len(x)
        if self._n >= LEAST and t_us[-1] - self._since_us >= STRETCH_US:
            self._judge()
            self._n = 0

    def _judge(self) -> None:
        silent = np.asarray(self._low > self._high)
        still = np.asarray((self._low == self._high) & self._moves)
        self._tell(SILENT, silent, "the others are used where they may be")
        self._tell(STILL, still, "it may be loose, or not fitted")
        live = ~silent & ~still
        if not (self._eeg and live.any()):
            return
        with np.errstate(all="ignore"):
            steps = np.abs(np.diff(np.concatenate(self._some), axis=0))[:, live]
        typical = float(np.median(steps[np.isfinite(steps)])) if np.isfinite(steps).any() else 1e-6
        odd = not EEG_V[0] <= typical <= EEG_V[1]
        told = f"change by {typical:.2g} V from sample to sample, where EEG does by microvolts"
        self._tell(SIZE, live & np.full(len(live), odd), "are they in another unit?", told)

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
            self._say(f"{listed(fresh)}: {told or what}; {so}")
        if back:
            self._say(f"{listed(back)}: as usual again")


def listed(names: Sequence[str]) -> str:
    """Some of ``names``, as many as a person reads."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
