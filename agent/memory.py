"""What a headset has been told: labelled moments, kept for replay and for checking.

Feedback joins by reservoir sampling (Vitter 1985), so that the memory stays a fair sample of all
that was ever told. Every ``HOLD``-th of a class is held back: nothing is trained on it; a change
of the model is adopted only if it does not make these worse.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from agent.tokens import Tokens

HOLD = 4
"""Every fourth labelled moment of a task is held back."""


@dataclass(frozen=True)
class Lesson:
    """A moment with its truth: ``tokens`` hold one ask with its label; ``z`` (Z,) are the fixed
    features of the analytic head."""

    tokens: Tokens
    task: str
    label: int
    z: Tensor
    held: bool


@dataclass
class Memory:
    """Lessons of one headset, at most ``capacity`` per task; ``told`` counts all there were."""

    capacity: int = 512
    seed: int = 0
    lessons: dict[str, list[Lesson]] = field(default_factory=dict)
    told: dict[str, Counter[int]] = field(default_factory=dict)

    def add(self, tokens: Tokens, z: Tensor) -> Lesson:
        """Remember the last ask of ``tokens``; returns the lesson."""
        ask = tokens.asks[-1]
        seen = self.told.setdefault(ask.task, Counter())
        held = seen.total() % HOLD == HOLD - 1
        seen[ask.label] += 1
        lesson = Lesson(tokens, ask.task, ask.label, z, held)
        kept = self.lessons.setdefault(ask.task, [])
        if len(kept) < self.capacity:
            kept.append(lesson)
        else:
            total = seen.total()
            place = int(np.random.default_rng((self.seed, total)).integers(total))
            if place < self.capacity:
                kept[place] = lesson
        return lesson

    def of(self, held: bool) -> list[Lesson]:
        """All lessons that are held back, or all that are not, by task name and age."""
        return [x for task in sorted(self.lessons) for x in self.lessons[task] if x.held == held]

    def count(self, task: str) -> int:
        return self.told.get(task, Counter()).total()
