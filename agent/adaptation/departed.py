"""What headsets gave to the federation before they left: it stays, until they are back.

Sums are additive, so whoever leaves is kept as one number among many, and taken out again, exactly,
when the same user comes back with the labels that were kept of them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from fedxr.agent.adaptation.headset_state import HeadsetState
from fedxr.agent.model.ridge_head import RidgeStats


@dataclass
class Departed:
    """``sums`` by task, of all who gave some and are not here; ``given`` says of whom and what, as
    (user, task). Of a user who is here with another device nothing is kept meanwhile."""

    sums: dict[str, RidgeStats] = field(default_factory=dict)
    given: set[tuple[str, str]] = field(default_factory=set)

    def leave(self, state: HeadsetState, here: Collection[str]) -> None:
        """``state`` leaves, while users ``here`` stay. Who was in no round has given nothing."""
        user = state.identity.kept_as
        if not state.met or user in here:
            return
        for task, own in state.offered().items():
            if (user, task) not in self.given:
                self.given.add((user, task))
                self.sums[task] = self.sums[task].plus(own) if task in self.sums else own

    def come(self, state: HeadsetState) -> list[str]:
        """``state`` is back with what was kept of it; the tasks of which it gives its own again."""
        user, back = state.identity.kept_as, []
        for task, own in state.offered().items():
            if (user, task) in self.given:
                self.given.discard((user, task))
                self.sums[task] = self.sums[task].plus(own, -1.0)
                state.met = True
                back.append(task)
        return back
