"""What headsets have counted before they left the federation: it stays, until they are back.

Sums are additive, so whoever leaves is kept as one number among many, and taken out again when the
same state comes back with the labels that were kept of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fedxr.agent.adaptation.headset_state import HeadsetState
from fedxr.agent.model.ridge_head import RidgeStats


@dataclass
class Departed:
    """``sums`` by task, of all who gave some and are not here; ``whose`` says of which stored
    states and tasks. Totals are in double precision: headsets come and go."""

    sums: dict[str, RidgeStats] = field(default_factory=dict)
    whose: set[tuple[str, str]] = field(default_factory=set)
    _totals: dict[str, RidgeStats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._totals = {task: _double(sums) for task, sums in self.sums.items()}

    def leave(self, state: HeadsetState) -> None:
        """``state`` leaves. Who has given nothing in a round leaves nothing."""
        if not state.given:
            return
        for task, own in state.offered().items():
            self.whose.add((state.identity.kept_as, task))
            self._add(task, own, 1.0)

    def come(self, state: HeadsetState, stored_as: str) -> None:
        """``state`` has been loaded from what was stored as ``stored_as``: what it left is its own
        again."""
        for task, own in state.offered().items():
            if (stored_as, task) in self.whose:
                self.whose.discard((stored_as, task))
                self._add(task, own, -1.0)
                state.given = {**state.given, task: own}

    def _add(self, task: str, own: RidgeStats, times: float) -> None:
        known = self._totals.get(task, RidgeStats.none(own.b.shape[-1]))
        total = _double(known).plus(own, times)
        if bool((total.n.round() <= 0).all()):  # everybody is back: no rounding is left of them
            self._totals.pop(task, None)
            self.sums.pop(task, None)
        else:
            self._totals[task] = total
            dtype = own.a.dtype
            self.sums[task] = RidgeStats(*(x.to(dtype) for x in (total.a, total.b, total.n)))


def _double(sums: RidgeStats) -> RidgeStats:
    return RidgeStats(sums.a.double(), sums.b.double(), sums.n.double())
