"""Feedback on its way to the learner, and what it says of the answers that it follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fedxr.agent.inputs.tokens import TokenizedEpisode
from fedxr.learning.walls import Fault, NotFiniteError


class Given(NamedTuple):
    """What was answered at one moment of one task: the ``best`` class, that of the checkpoint
    alone (``generic``), and the label of the task that had been learned last by then (None: none
    yet)."""

    best: int
    generic: int
    newest: int | None

    @property
    def repeated(self) -> int:
        """The baseline "last label": what was said last is said again, and what the checkpoint
        says before there was anything."""
        return self.generic if self.newest is None else self.newest


@dataclass(frozen=True)
class Evaluation:
    """One piece of feedback: its ``label``, what was ``answered`` at that moment (None: nothing),
    and what the model as it came answers to the same moment (``generic``)."""

    name: str
    task: str
    episode: int
    tick: int
    label: int
    answered: int | None
    generic: int


@dataclass(frozen=True)
class Heard:
    """What came of feedback: ``scores`` of what was learned, and over whose nothing could be."""

    scores: list[Evaluation]
    faults: Sequence[Fault] = ()

    def all(self) -> list[Evaluation]:
        """The scores, where nobody's feedback may fail; raises NotFiniteError."""
        if self.faults:
            said = "; ".join(f"row {fault.row}: {fault.why}" for fault in self.faults)
            raise NotFiniteError(f"feedback was not learned: {said}")
        return self.scores


@dataclass
class PendingFeedback:
    """Feedback that waits to be learned; ``tokens`` None takes the last on that moment back."""

    row: int
    task: str
    episode: int
    tick: int
    tokens: TokenizedEpisode | None = None
    answered: int | None = None
