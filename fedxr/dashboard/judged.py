"""Answers beside the truth, where the truth is known: of a cast whose scripts are played here.

A headset that connects from elsewhere has no truth, whatever it says of itself; only what its user
says is known of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fedxr.learning.feedback import Given
from fedxr.virtual.streaming import VirtualHeadset
from fedxr.virtual.timeline import beats

Key = tuple[str, str, int, int]
"""(headset, task, episode, tick)"""


@dataclass(frozen=True)
class Question:
    """What ``headset`` is asked of ``task`` when ``tick`` of ``episode`` closes, ``at`` seconds
    from its start, and the ``truth``."""

    headset: str
    task: str
    episode: int
    tick: int
    at: float
    truth: int

    @property
    def key(self) -> Key:
        return self.headset, self.task, self.episode, self.tick


@dataclass(frozen=True)
class Judged:
    """A question and what was answered; None where nothing was, within 0.2 s."""

    question: Question
    given: Given | None


Truth = Callable[[str], Sequence[Question] | None]
"""The questions of a headset in the order of time; None where its truth is not known."""


def nobodys(headset: str) -> None:
    """No truth is known of anybody."""


def truth_of(cast: Sequence[VirtualHeadset], seconds: float) -> Truth:
    """Of everybody in ``cast``, each of whom streams for ``seconds``."""
    known = {actor.name: questions(actor, seconds) for actor in cast}
    return known.get


def questions(actor: VirtualHeadset, seconds: float) -> list[Question]:
    """Everything that an actor is asked."""
    return [
        Question(actor.name, query.task, beat.episode, beat.tick, n / 30, query.label)
        for n, beat in enumerate(beats(actor.user, actor.voice, seconds), 1)
        for query in beat.asked
    ]
