"""What became of a replay, and how its answers compare with the recorded ones."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fedxr.bridge.protocol import Reply

CLOSE = 1e-6
"""Probabilities no further apart than this count as the same: headsets that are answered in one
pass instead of two are so by rounding."""


@dataclass
class Replayed:
    """What became of a replay. Of the recorded replies, ``equal`` came again bit for bit, ``close``
    within `CLOSE`, ``different`` with other probabilities (``changed`` of them with another best
    class), ``missing`` not at all. ``trouble``: refusals, endings and notices, a line each."""

    sessions: int = 0
    frames: int = 0
    feedback: int = 0
    equal: int = 0
    close: int = 0
    different: int = 0
    changed: int = 0
    missing: int = 0
    furthest: float = 0.0
    ended: int = 0
    trouble: list[str] = field(default_factory=list)

    def compare(self, recorded: Reply, replayed: Reply) -> None:
        """Count one reply that came again."""
        furthest, changed = 0.0, recorded.answers.keys() != replayed.answers.keys()
        for task, before in recorded.answers.items():
            after = replayed.answers.get(task)
            if after is None or len(after.p) != len(before.p):
                furthest, changed = 1.0, True
                continue
            changed |= before.best != after.best
            gap = np.abs(before.probabilities - after.probabilities)
            furthest = max(furthest, float(gap.max(initial=0.0)))
        self.furthest = max(self.furthest, furthest)
        if furthest == 0.0 and not changed:
            self.equal += 1
        elif furthest <= CLOSE and not changed:
            self.close += 1
        else:
            self.different += 1
            self.changed += changed

    def __str__(self) -> str:
        text = f"{self.sessions} sessions, {self.frames} frames, {self.feedback} feedback"
        if not self.equal + self.close + self.different + self.missing:
            return text + "; no answers were recorded to compare with"
        return (
            f"{text}; answers: {self.equal} equal bit for bit, {self.close} within {CLOSE:g}, "
            f"{self.different} different ({self.changed} with another best class, furthest "
            f"{self.furthest:.2g}), {self.missing} missing"
        )
