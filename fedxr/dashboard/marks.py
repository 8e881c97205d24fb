"""Right and wrong answers so far, by headset and task: what a live run shows of its accuracy.

Beside the answers given stand, on the same questions, the checkpoint's (``generic``) and the last
label said again (``repeated``). Accuracies are pooled over a user's tasks, then over users, with a
bootstrap interval that is renewed every ``FRESH_S``, or when there are a fifth more questions
(:mod:`fedxr.evaluation.intervals`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from statistics import fmean

from fedxr.dashboard.state import AccuracyState, Basis
from fedxr.evaluation.intervals import Cell, pooled, wilson
from fedxr.learning.feedback import Given

FRESH_S = 5.0
"""An interval may be so old (seconds), while questions are few more than it was made from."""
MOST = 1000
"""Headsets whose tallies are kept: beyond, those that came first and are gone count no more."""
DRAWS = 400
"""Draws of a bootstrap: 6 ms for 60 headsets of three tasks."""


@dataclass
class Tally:
    """Of one task of one headset: how often each was right."""

    asked: int = 0
    generic: int = 0
    repeated: int = 0
    given: int = 0

    def add(self, given: Given, label: int) -> None:
        self.asked += 1
        self.generic += given.generic == label
        self.repeated += given.repeated == label
        self.given += given.best == label

    def interval(self) -> tuple[float | None, float | None]:
        """Of the answers given, by Wilson: one user, one task."""
        return wilson(self.given / self.asked, self.asked) if self.asked else (None, None)


@dataclass(frozen=True)
class _Interval:
    """As it was ``made`` (seconds) from ``asked`` questions."""

    made: float
    asked: int
    low: float
    high: float


@dataclass
class Marks:
    """All tallies against one ``basis``; ``errors`` is how often feedback was wrong of the
    ``heard`` pieces whose truth is known."""

    basis: Basis
    tallies: dict[str, dict[str, Tally]] = field(default_factory=lambda: defaultdict(dict))
    heard: int = 0
    errors: int = 0
    _intervals: dict[str | None, _Interval] = field(default_factory=dict)

    def add(self, headset: str, task: str, given: Given, label: int) -> None:
        self.tallies[headset].setdefault(task, Tally()).add(given, label)

    def forget(self, here: Collection[str]) -> None:
        """Keep the tallies of `MOST` headsets, and of all that are ``here``."""
        gone = [name for name in self.tallies if name not in here]
        for name in gone[: max(0, len(self.tallies) - MOST)]:
            del self.tallies[name]

    def hear(self, right: bool) -> None:
        """Feedback came on a question whose truth is known."""
        self.heard += 1
        self.errors += not right

    def tasks(self) -> list[str]:
        return sorted({task for mine in self.tallies.values() for task in mine})

    def state(self, now: float, task: str | None = None) -> AccuracyState:
        """Of one task, or of the whole run; ``now`` in seconds."""
        mine = self._of(task)
        asked = sum(t.asked for some in mine.values() for t in some)
        found = self._interval(now, asked, task, mine)
        return AccuracyState(
            against=self.basis,
            questions=asked,
            headsets=len(mine),
            generic=_mean(mine, lambda t: t.generic) if asked else None,
            last_label=_mean(mine, lambda t: t.repeated) if asked else None,
            given=_mean(mine, lambda t: t.given) if asked else None,
            low=found.low if found else None,
            high=found.high if found else None,
            feedback_errors=self.errors / self.heard if self.heard else None,
        )

    def means(self, task: str) -> tuple[float, float, int]:
        """``(generic, given, questions)`` of a task that was asked."""
        mine = self._of(task)
        asked = sum(t.asked for some in mine.values() for t in some)
        return _mean(mine, lambda t: t.generic), _mean(mine, lambda t: t.given), asked

    def _of(self, task: str | None) -> dict[str, list[Tally]]:
        """Tallies by headset, of those who were asked."""
        found = {
            headset: [t for name, t in mine.items() if task in (None, name)]
            for headset, mine in self.tallies.items()
        }
        return {headset: some for headset, some in found.items() if some}

    def _interval(
        self, now: float, asked: int, task: str | None, mine: Mapping[str, list[Tally]]
    ) -> _Interval | None:
        kept = self._intervals.get(task)
        if kept is None or now - kept.made >= FRESH_S or asked > 1.2 * kept.asked:
            users = {h: [Cell(t.asked, t.given) for t in some] for h, some in mine.items()}
            figure = pooled(users, DRAWS)
            if figure is None:
                return None
            kept = self._intervals[task] = _Interval(now, asked, figure.low, figure.high)
        return kept


def _mean(mine: Mapping[str, list[Tally]], right: Callable[[Tally], int]) -> float:
    """Over a headset's tasks, then over headsets."""
    return fmean(fmean(right(t) / t.asked for t in some) for some in mine.values())
