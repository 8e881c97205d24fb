"""What a run tells while it works: words for people, stages for a bar, points for trackers.

Whoever listens is called with each sentence; one who wants more overrides :class:`Progress`. The
processes that work on one domain each tell the same to the one that began them (:class:`Told`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Say = Callable[[str], None]


@dataclass(frozen=True)
class Point:
    """Figures of one moment: a ``pretraining`` step, a ``round`` of a set, or a finished ``set``;
    ``step`` counts those of one kind, seed and set from 1."""

    kind: Literal["pretraining", "round", "set"]
    seed: int
    step: int
    figures: Mapping[str, float]
    set: str = ""

    def tags(self) -> dict[str, float]:
        """The figures as trackers call them: ``seed0/har/round/accuracy``."""
        where = [f"seed{self.seed}", *([self.set] if self.set else []), self.kind]
        return {"/".join([*where, name]): value for name, value in self.figures.items()}


class Progress:
    """Listens to a run; this one hears sentences only, and passes them to ``say``."""

    def __init__(self, say: Say = lambda _: None) -> None:
        self._say = say

    def __call__(self, text: str) -> None:
        """What is being done now, for a person."""
        self._say(text)

    def stage(self, name: str, done: int, total: int) -> None:
        """``done`` of ``total`` pieces of the stage ``name``; 0 where it begins."""

    def pieces(self, count: int) -> None:
        """So many more pieces of the work on all domains are done (:class:`Counted`)."""

    def log(self, point: Point) -> None:
        """Something was measured."""


class Counted(Progress):
    """Passes on to ``progress`` what it hears, and its pieces as a stage ``name`` of ``total``: of
    all domains, so that what is left is known before the first of them is done."""

    def __init__(self, progress: Progress, name: str, total: int) -> None:
        super().__init__(progress)
        self._progress, self._name, self._done, self._total = progress, name, 0, total
        self.pieces(0)

    def stage(self, name: str, done: int, total: int) -> None:
        self._progress.stage(name, done, total)

    def log(self, point: Point) -> None:
        self._progress.log(point)

    def pieces(self, count: int) -> None:
        self._done += count
        self._progress.stage(self._name, self._done, self._total)


Heard = str | int | Point | tuple[str, int, int]
"""One sentence, some pieces, one point, or one stage."""


class Told(Progress):
    """In a process of its own: hands all that it hears to ``put``, to be :func:`repeated`."""

    def __init__(self, put: Callable[[Heard], None]) -> None:
        super().__init__(put)
        self._put = put

    def stage(self, name: str, done: int, total: int) -> None:
        self._put((name, done, total))

    def pieces(self, count: int) -> None:
        if count:
            self._put(count)

    def log(self, point: Point) -> None:
        self._put(point)


def repeated(heard: Heard, progress: Progress) -> None:
    """What a :class:`Told` has put, to ``progress``."""
    if isinstance(heard, str):
        progress(heard)
    elif isinstance(heard, int):
        progress.pieces(heard)
    elif isinstance(heard, Point):
        progress.log(heard)
    else:
        progress.stage(*heard)


def progress_of(say: Say) -> Progress:
    """``say`` as a Progress, which it may be already."""
    return say if isinstance(say, Progress) else Progress(say)
