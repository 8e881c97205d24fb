"""What a user has said of which moment: a moment counts once, however often it is said."""

from __future__ import annotations

from enum import Enum

REMEMBERED = 4096
"""Moments of a headset whose label is remembered, the newest."""
Moment = tuple[str, int, int]
"""Task, episode, tick."""


class Repetition(Enum):
    """What a label is to a moment."""

    FIRST = "nothing was said of it before"
    AGAIN = "the same was said of it: there is nothing to learn"
    OTHER = "something else was said of it, which is to be taken back first"


class Moments:
    """The last label of each moment of one headset, the newest `REMEMBERED` of them."""

    def __init__(self) -> None:
        self._labels: dict[Moment, int] = {}

    def compare(self, moment: Moment, label: int) -> Repetition:
        """What it is to say ``label`` of ``moment``."""
        before = self._labels.get(moment)
        if before is None:
            return Repetition.FIRST
        return Repetition.AGAIN if before == label else Repetition.OTHER

    def learned(self, moment: Moment, label: int) -> None:
        """``label`` is what was said of ``moment`` last."""
        self._labels.pop(moment, None)
        self._labels[moment] = label
        if len(self._labels) > REMEMBERED:
            del self._labels[next(iter(self._labels))]

    def undone(self, moment: Moment) -> None:
        """Nothing is said of ``moment`` any more."""
        self._labels.pop(moment, None)
