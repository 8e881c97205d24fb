"""Markers: what a source says in words becomes feedback on a task, at the moment that it names.

A text is the name of one of the task's classes; case, blanks and punctuation are forgiven and said.
One that is none is said once, with the classes it comes nearest to, and counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.sensors.sensor import Sensor
from fedxr.bridge.sensors.source import Floats, SensorError, TextStream
from fedxr.plugins.nearest import nearest

_TOLD = 20
"""Texts that are none of the classes and are said; of more, only the number."""


@dataclass(frozen=True)
class MarkedTask:
    """Markers of the source ``stream`` (none: of all) are classes of ``task``."""

    task: str
    classes: tuple[str, ...]
    stream: str = ""

    def label_of(self, text: str) -> int | None:
        """Index of the class that ``text`` names, exactly if one does; None for none, or two."""
        if text in self.classes:
            return self.classes.index(text)
        alike = [n for n, name in enumerate(self.classes) if _plain(name) == _plain(text)]
        return alike[0] if len(alike) == 1 else None

    def nearest(self, text: str) -> list[str]:
        """The classes that are spelled most like ``text``, else some."""
        return nearest(text, self.classes, 3, 0.5) or list(self.classes[:5])


@dataclass(frozen=True)
class Mark:
    """At session time ``t_us`` the user was in class ``label`` of ``task``."""

    t_us: int
    task: str
    label: int


class MarkerSensor(Sensor):
    """A source of words in use. Counts besides what a `Sensor` does: markers, unknown (texts that
    are no class)."""

    late_us = 60e6
    """They are rare, and the first may have waited for the session to begin."""

    def __init__(
        self, stream: TextStream, tasks: Sequence[MarkedTask], say: Callable[[str], None]
    ) -> None:
        super().__init__(stream, (), say)
        self._texts = stream.texts
        self._tasks = [task for task in tasks if task.stream in ("", self.source.name)]
        if not self._tasks:
            raise SensorError(
                f"stream {self.source.name!r} (type {self.source.kind}) sends text; say "
                "--marker TASK where that names the classes of a task"
            )
        self._marks: list[Mark] = []
        self._heard: set[str] = set()

    def resume(self, stream: TextStream) -> None:  # type: ignore[override]  # who it was
        super().resume(stream)
        self._texts = stream.texts

    def begin(self, since_us: int) -> None:
        """As of a `Sensor`: a moment before the session is none of it."""
        super().begin(since_us)
        kept = [mark for mark in self._marks if mark.t_us >= since_us]
        self.counts["unsent"] += len(self._marks) - len(kept)
        self._marks = kept

    def take_marks(self, until_us: int) -> list[Mark]:
        """Those before ``until_us``, which leave for the bridge."""
        out = [mark for mark in self._marks if mark.t_us < until_us]
        self._marks = [mark for mark in self._marks if mark.t_us >= until_us]
        self.counts["markers"] += len(out)
        return out

    def _keep(self, t_us: NDArray[np.int64], values: Floats) -> None:
        for at, number in zip(t_us.tolist(), values[:, 0], strict=True):
            if not np.isfinite(number):
                self.counts["invalid"] += 1  # of no known time
                continue
            text = self._texts[int(number)]
            labels = [(task, task.label_of(text)) for task in self._tasks]
            marks = [Mark(at, task.task, n) for task, n in labels if n is not None]
            self._tell_once(text, marks)
            self.counts["unknown"] += not marks
            if at < self._since_us:
                self.counts["unsent"] += len(marks)
            else:
                self._marks += marks

    def _tell_once(self, text: str, marks: Sequence[Mark]) -> None:
        """What became of a text that is not spelled as a class is."""
        if text in self._heard or len(self._heard) >= _TOLD:
            return
        name, by_task = self.source.name, {task.task: task for task in self._tasks}
        for mark in marks:
            called = by_task[mark.task].classes[mark.label]
            if called != text:
                self._heard.add(text)
                self._say(f"{name}: marker {text!r} is taken as {called!r} of {mark.task}")
        if not marks:
            self._heard.add(text)
            nearest = " or ".join(
                f"{', '.join(map(repr, task.nearest(text)))} of {task.task}" for task in self._tasks
            )
            self._say(f"{name}: marker {text!r} is no class and is left out; nearest are {nearest}")


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())
