"""Feedback on its way to the learner, and what it says of the answers that it follows."""

from __future__ import annotations

from dataclasses import dataclass

from agent.tokens import Tokens


@dataclass(frozen=True)
class Score:
    """One piece of feedback: its ``label``, what was ``answered`` at that moment (None: nothing),
    what the model as it came answers to the same moment (``generic``), and the label that was
    learned ``before`` it (None: none of the task)."""

    name: str
    task: str
    episode: int
    tick: int
    label: int
    answered: int | None
    generic: int
    before: int | None = None


@dataclass
class Told:
    """Feedback that waits to be learned; ``tokens`` None takes the last on that moment back."""

    row: int
    task: str
    episode: int
    tick: int
    tokens: Tokens | None = None
    answered: int | None = None
