"""A recorded session as the live server took it in: which samples, and which moments have a label.

The rules are those of :mod:`fedxr.live` and of :class:`fedxr.agent.serving.history.SensorHistory`:
a moment is the tick of one task, and it counts once; the last label said of it holds; an undo takes
it back; a label that names no class, or a moment that no frame has closed or that is more than 65 s
ago, teaches nothing; ratings are no labels. tests/scenarios/test_formats_mcap.py holds both against
each other.

Of what was sensed only that is kept which a labelled moment looks back on, so a long recording with
few labels takes little memory.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fedxr.agent.tasks import TASKS, Episode, Query, task_named
from fedxr.bridge.channels import TICK_US, Samples
from fedxr.bridge.episodes import LEAP_US, default_start
from fedxr.bridge.protocol import Feedback, PackedFrame
from fedxr.scenarios.recorded.reading import LONGEST_S, cut

LATE = 1950
"""Ticks (65 s) by which a label may be late."""
AHEAD = 30
"""Ticks (1 s) by which it may be early, as live (`fedxr.live.headset_session`)."""
EPISODES = 64
"""Episodes of which labels are still taken."""
REACH = 4000
"""Ticks (133 s) that the model, or any summary, looks back from a moment; rather more."""
MOST_BYTES = 2**30
"""Of samples kept of one session; with more, later labels are passed over."""
Moment = tuple[str, int]
"""Task and tick."""


@dataclass
class HeardEpisode:
    """One episode of the bridge. ``last`` is the last tick that its frames have closed, -1 before
    the first; ``labels`` is what was said last of each moment."""

    number: int
    start_us: int
    last: int = -1
    parts: dict[str, list[Samples]] = field(default_factory=lambda: defaultdict(list))
    labels: dict[Moment, int] = field(default_factory=dict)
    nbytes: int = 0

    def add(self, name: str, part: Samples) -> None:
        """``part`` of channel ``name``, its stamps counted from the episode's start."""
        self.parts[name].append(part)
        self.nbytes += part.nbytes

    def forget(self, ended: bool = False) -> None:
        """Let go of samples that no label looks back on, nor, unless it has ``ended``, one that may
        still come."""
        ticks = np.array(sorted(tick for _, tick in self.labels), np.int64)
        since = self.last + 1 if ended else self.last - LATE - REACH
        for name, parts in self.parts.items():
            self.parts[name] = [part for part in parts if _wanted(part, ticks, since)]
        self.nbytes = sum(part.nbytes for parts in self.parts.values() for part in parts)

    def whole(self, key: str, said: Counter[str]) -> Episode:
        """With questions, in the order of time, where there are labels."""
        queries = [
            Query(task, (tick + 1) * TICK_US, label)
            for (task, tick), label in sorted(self.labels.items(), key=lambda item: item[0][::-1])
        ]
        end = queries[-1].t_us
        samples = {name: _joined(name, parts, said) for name, parts in self.parts.items() if parts}
        return Episode(key, cut(samples, 0, end), tuple(queries), True, end / 1e6)


def _tick_of(t_us: int) -> int:
    """As :func:`fedxr.agent.inputs.tokens.tick_of`: the tick that closes at or after ``t_us``."""
    return max(0, -(-t_us // TICK_US) - 1)


def _wanted(part: Samples, ticks: NDArray[np.int64], since: int) -> bool:
    """Whether one of the labelled ``ticks`` looks back on ``part``, or any after ``since`` may."""
    first, last = part.t_us[[0, -1]] // TICK_US
    following = int(np.searchsorted(ticks, first))
    near = following < len(ticks) and ticks[following] - REACH <= last
    return bool(near or last >= since)


def _joined(name: str, parts: list[Samples], said: Counter[str]) -> Samples:
    """Pictures of one channel that differ in size cannot be one array: the most usual size stays,
    the others are counted in ``said``."""
    sizes = Counter[tuple[int, ...]]()
    for part in parts:
        sizes[part.values.shape[1:]] += len(part)
    usual, _ = sizes.most_common(1)[0]
    said[f"pictures of channel {name} are not of size {usual} and are passed over"] += (
        sizes.total() - sizes[usual]
    )
    same = [part for part in parts if part.values.shape[1:] == usual]
    t_us = np.concatenate([part.t_us for part in same])
    return Samples(t_us, np.concatenate([part.values for part in same]))


class HeardSession:
    """One session, frame by frame and label by label, in the order in which they came.

    ``said`` counts what was passed over, by what is to be said of it. ``gap``: something that came
    is not in the file, so that the next frame may lie far behind the last one.
    """

    def __init__(self) -> None:
        self.said = Counter[str]()
        self.gap = False
        self._open: list[HeardEpisode] = []
        self._done: list[HeardEpisode] = []
        self._early: list[Feedback] = []

    def frame(self, frame: PackedFrame, samples: Mapping[str, Samples]) -> None:
        """``samples`` of ``frame`` by channel, with stamps of the headset's clock."""
        here = self._open[-1] if self._open else None
        begins = here is None or frame.episode > here.number
        start = frame.episode_start_us or (
            default_start(frame.capture_us) if here is None or begins else here.start_us
        )
        tick = max(-1, (frame.capture_us - start) // TICK_US - 1)
        known = 0 if here is None or begins else here.last
        most = LONGEST_S * 1e6 if self.gap else LEAP_US
        if frame.capture_us < start or tick > most // TICK_US + known:
            self.said["frames have a time that their episode cannot hold"] += 1
            return
        self.gap = False
        if here is None or begins:
            here = self._begin(frame.episode)
        here.start_us, here.last = start, max(here.last, tick)
        for name, part in samples.items():
            here.add(name, Samples(part.t_us - start, part.values))
        if here.last // LATE > known // LATE:
            here.forget()
        self._catch_up()

    def feedback(self, said: Feedback) -> None:
        """What the user said of a moment; one that the next frames will close waits for them."""
        self._early.append(said)
        self._catch_up()

    def _catch_up(self, ended: bool = False) -> None:
        while self._early and (ended or not self._is_early(self._early[0])):
            self._count(self._early.pop(0))

    def _is_early(self, said: Feedback) -> bool:
        here = self._open[-1] if self._open else None
        if here is None or said.episode != here.number or here.last < 0:
            return False
        return here.last < _tick_of(said.t_us - here.start_us) <= here.last + AHEAD

    def _count(self, said: Feedback) -> None:
        here = next((e for e in reversed(self._known) if e.number == said.episode), None)
        if said.kind == "rating":
            return
        if said.task not in TASKS:
            self.said[f"labels are of task {said.task!r}, which no plug-in here knows"] += 1
            return
        t_us = said.t_us - (here.start_us if here else 0)
        moment = said.task, _tick_of(t_us)
        if said.kind == "undo":
            if here is not None:
                here.labels.pop(moment, None)
        elif said.label >= (most := len(task_named(said.task).classes)):
            self.said[f"labels of {said.task} are beyond its {most} classes"] += 1
        elif here is None or not self._remembers(here, t_us, moment[1]):
            self.said["labels are of a moment that no frame had closed, or of 65 s before"] += 1
        elif moment not in here.labels and self.nbytes > MOST_BYTES:
            self.said[f"labels came after the first {MOST_BYTES >> 20} MB about labels"] += 1
        else:
            here.labels[moment] = said.label

    def _remembers(self, here: HeardEpisode, t_us: int, tick: int) -> bool:
        """Whether a label may still be said of ``tick``."""
        is_open = any(e is here for e in self._open)
        return is_open and t_us >= 0 and max(0, here.last - LATE) <= tick <= here.last

    @property
    def _known(self) -> list[HeardEpisode]:
        return [*self._done, *self._open]

    @property
    def nbytes(self) -> int:
        return sum(e.nbytes for e in self._known)

    def episodes(self, key: str) -> list[Episode]:
        """Those with labels, in the order of time, all to learn from."""
        self._catch_up(ended=True)
        labelled = [e for e in self._known if e.labels]
        for episode in labelled:
            episode.forget(ended=True)
        return [e.whole(f"{key}/{e.number}", self.said) for e in labelled]

    def _begin(self, number: int) -> HeardEpisode:
        """A new episode; of the oldest no label is taken any more once those after them are long
        enough."""
        while self._open and (
            sum(e.last + 1 for e in self._open[1:]) >= LATE or len(self._open) >= EPISODES
        ):
            oldest = self._open.pop(0)
            if oldest.labels:
                oldest.forget(ended=True)
                self._done.append(oldest)
        self._open.append(HeardEpisode(number, 0))
        return self._open[-1]
