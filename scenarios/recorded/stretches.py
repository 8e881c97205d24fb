"""From recordings with labelled stretches to episodes with questions, in two halves.

A *stretch* is a piece of a recording during which one label holds. Questions are asked in it every
``every_s``, each from the ``window_s`` before it; a stretch shorter than that is asked once, at its
end, from what there is of it. No window reaches out of its stretch, and where one stretch overlaps
the next it ends there, so none reaches from one half into the other.

How a user's time is halved, into what one learns from and what one is tested on:

- ``time``: by the labelled time, in the order of the recordings: the first half and the later one;
- ``recordings``: whole recordings: the first half of their number, and the later ones;
- ``stretches``: each stretch by itself, its first half and its second: for sets in which a class
  comes once only. It tells least: what is recognised may be the recording.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fedxr.agent.tasks import Episode, Query
from fedxr.bridge.channels import TICK_US, Samples
from fedxr.scenarios.recorded.reading import cut, whole_ticks

HALVES = {
    "time": "the first half of a user's labelled time to learn from, the later to test",
    "recordings": "the first half of a user's recordings to learn from, the later to test",
    "stretches": "the first half of each labelled stretch to learn from, the second to test",
}
"""Each way to halve, and what the tables say of it."""


@dataclass(frozen=True)
class Stretch:
    """``[start_us, end_us)`` of a recording's clock, during which class ``label`` holds."""

    start_us: int
    end_us: int
    label: int


@dataclass(frozen=True)
class Recording:
    """One recording of a user: samples by channel on one clock, and its labelled stretches."""

    name: str
    samples: Mapping[str, Samples]
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True)
class Asking:
    """What is asked of each stretch, and how time is halved (one of HALVES). ``rates`` are the
    channels' (Hz), where known: without half of the samples due from any of them nothing is asked.
    """

    task: str
    window_s: float
    every_s: float
    halves: str = "time"
    rates: Mapping[str, float] = field(default_factory=dict)

    def episodes(self, recordings: Sequence[Recording]) -> tuple[Episode, ...]:
        """All questions of one user, those to learn from first; where no channel has samples in the
        window, nothing is asked."""
        # Stable: in the order of time within a half.
        parts = sorted(halved(recordings, self.halves), key=lambda part: not part[0])
        return tuple(
            episode
            for number, (adapt, recording, stretch) in enumerate(parts)
            for episode in self._asked(f"{recording.name}/{number}", recording, stretch, adapt)
        )

    def _asked(
        self, key: str, recording: Recording, stretch: Stretch, adapt: bool
    ) -> Iterator[Episode]:
        window = max(1, round(self.window_s * 1e6 / TICK_US)) * TICK_US
        every = max(1, round(self.every_s * 1e6 / TICK_US)) * TICK_US
        length = stretch.end_us - stretch.start_us
        ends = range(stretch.start_us + window, stretch.end_us + 1, every)
        for k, end in enumerate(ends if length >= window else [stretch.end_us]):
            begin = max(stretch.start_us, end - window)
            samples = cut(recording.samples, begin, end)
            seconds = (end - begin) / 1e6
            if any(2 * len(s) >= self.rates.get(n, 0) * seconds for n, s in samples.items()):
                asked_us = whole_ticks(end - begin - 1)
                query = Query(self.task, asked_us, stretch.label)
                yield Episode(f"{key}/{k}", samples, (query,), adapt, asked_us / 1e6)


def halved(
    recordings: Sequence[Recording], halves: str
) -> Iterator[tuple[bool, Recording, Stretch]]:
    """(whether to learn from it, recording, stretch) of all stretches, cut where a half ends."""
    stretches = [apart(recording.stretches) for recording in recordings]
    total = sum(s.end_us - s.start_us for some in stretches for s in some)
    before = 0
    for number, recording in enumerate(recordings):
        for stretch in stretches[number]:
            length = stretch.end_us - stretch.start_us
            if halves == "recordings":
                yield 2 * number + 1 < len(recordings), recording, stretch
            else:
                first = length // 2 if halves == "stretches" else total // 2 - before
                yield from _cut_at(first, recording, stretch)
            before += length


def apart(stretches: Iterable[Stretch]) -> list[Stretch]:
    """``stretches`` in the order of time, each ended where the next begins: no moment is in two of
    them, so none is in both halves."""
    order = sorted(stretches, key=lambda s: s.start_us)
    following = [*(s.start_us for s in order[1:]), math.inf]
    ended = (
        s if s.end_us <= after else replace(s, end_us=int(after))
        for s, after in zip(order, following, strict=False)  # of none there is an end all the same
    )
    return [s for s in ended if s.end_us > s.start_us]


def _cut_at(
    first_us: int, recording: Recording, stretch: Stretch
) -> Iterator[tuple[bool, Recording, Stretch]]:
    """``stretch`` in two after its first ``first_us``, which are to learn from."""
    middle = min(max(stretch.start_us + first_us, stretch.start_us), stretch.end_us)
    if middle > stretch.start_us:
        yield True, recording, replace(stretch, end_us=middle)
    if middle < stretch.end_us:
        yield False, recording, replace(stretch, start_us=middle)
