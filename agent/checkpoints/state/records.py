"""The small records of a stored state, and what they must be to be loaded."""

from __future__ import annotations

import math

import msgspec
import torch

from fedxr.agent.adaptation.experts import E, ExpertWeights
from fedxr.agent.checkpoints.state.errors import DamagedError
from fedxr.agent.checkpoints.state.example import LARGE

MANY = float(1 << 53)
"""Nothing is counted further."""


class PackedHead(msgspec.Struct, forbid_unknown_fields=True):
    """What is small: when saved (seconds since 1970), steps of Adam and draws, counts of moments by
    key, which arrays beside those of tasks there are. ``extra`` is the caller's."""

    saved: float
    steps: float
    draws: float
    normal: dict[str, float]
    arrays: list[str]
    extra: dict[str, float]


class PackedTrust(msgspec.Struct, array_like=True):
    """As :class:`fedxr.agent.adaptation.experts.ExpertWeights`."""

    earned: list[float]
    losses: list[float]
    odds: list[float]
    against: list[float]
    count: int
    label: int
    classes: list[int]

    @classmethod
    def of(cls, trust: ExpertWeights) -> PackedTrust:
        return cls(
            trust.earned.tolist(),
            trust.losses.tolist(),
            trust.odds.tolist(),
            trust.against.tolist(),
            trust.count,
            trust.label,
            sorted(trust.classes),
        )

    def check(self, classes: int) -> None:
        """Raises DamagedError unless a task of so many ``classes`` can have it."""
        for name, size in (("earned", E), ("losses", E), ("odds", 2), ("against", 2)):
            numbers = getattr(self, name)
            if len(numbers) != size or not all(abs(x) <= LARGE for x in numbers):
                raise DamagedError(f"trust: {name} must be {size} finite numbers")
        total = sum(math.exp(x) for x in self.earned if x <= 1.0)
        if min(self.earned) < -80 or not 0.5 < total < 2:  # log-weights that add up to 1
            raise DamagedError(f"trust: weights that add up to {total:.3g}")
        known = range(classes)
        if not 0 <= self.count <= MANY or self.label not in range(-1, classes):
            raise DamagedError(f"trust: {self.count} labels of class {self.label}")
        if any(c not in known for c in self.classes):
            raise DamagedError(f"trust: classes {self.classes[:8]} of {classes}")

    def put(self, trust: ExpertWeights) -> None:
        trust.earned, trust.losses = torch.tensor(self.earned), torch.tensor(self.losses)
        trust.odds, trust.against = torch.tensor(self.odds), torch.tensor(self.against)
        trust.count, trust.label = self.count, self.label
        trust.classes = frozenset(self.classes)


class PackedTask(msgspec.Struct, forbid_unknown_fields=True):
    """One task: how many ``examples`` are kept, and which ``sums`` are stored; ``counted`` says
    that the own sums are what the examples give."""

    trust: PackedTrust
    told: dict[int, int]
    examples: int = msgspec.field(name="lessons")
    sums: list[str]
    counted: bool

    def check(self, classes: int, capacity: int) -> None:
        self.trust.check(classes)
        if any(c not in range(classes) or not 0 <= n <= MANY for c, n in self.told.items()):
            raise DamagedError(f"counts of labels {dict(list(self.told.items())[:8])}")
        if not 0 <= self.examples <= min(capacity, sum(self.told.values())):
            raise DamagedError(f"{self.examples} examples of {sum(self.told.values())} labels")
        if not set(self.sums) <= {"own", "crowd"} or ("own" in self.sums and self.counted):
            raise DamagedError(f"sums {self.sums[:8]}")
