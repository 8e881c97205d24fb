"""From a label's arrival to the first answer that has learned it, and whether a round was in the
way."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fedxr.dashboard.state import LabelDelayState

KEPT = 4096
"""Labels whose delay is remembered."""
ROUNDS = 64
"""Rounds that a label may have been heard in, before it was learned."""


@dataclass
class LabelDelays:
    """All times in monotonic seconds. A round is under way from when it is wanted until every
    headset has its mean; ``delays`` are seconds, and whether a round was when it was heard.
    Of the labels ``heard``, no answer will know those that are ``lost``: refused, or their headset
    left first."""

    delays: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=KEPT))
    heard: int = 0
    lost: int = 0
    _answered: int = 0
    _rounds: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=ROUNDS))
    _began: float | None = None

    def round_begins(self, now: float) -> None:
        self._began = now if self._began is None else self._began

    def round_ends(self, now: float) -> None:
        """Or there is none."""
        if self._began is not None:
            self._rounds.append((self._began, now))
            self._began = None

    def answered(self, heard: Sequence[float], now: float) -> None:
        """An answer is given that knows the labels that were ``heard`` then."""
        for at in heard:
            under_way = self._began is not None and self._began <= at
            met = under_way or any(began <= at <= ended for began, ended in self._rounds)
            self.delays.append((now - at, met))
        self._answered += len(heard)

    @property
    def waiting(self) -> int:
        """Labels that no answer knows yet."""
        return self.heard - self.lost - self._answered

    def seconds(self, in_rounds: bool = False) -> list[float]:
        """Of all labels, or of those that came while a round was under way."""
        return [delay for delay, met in self.delays if met or not in_rounds]

    def state(self) -> LabelDelayState:
        every, met = self.seconds(), self.seconds(in_rounds=True)
        p50, p95, most = np.percentile(every, (50, 95, 100)).tolist() if every else [None] * 3
        return LabelDelayState(
            count=len(every),
            waiting=self.waiting,
            p50_s=p50,
            p95_s=p95,
            max_s=most,
            in_rounds=len(met),
            in_rounds_p95_s=float(np.percentile(met, 95)) if met else None,
        )
