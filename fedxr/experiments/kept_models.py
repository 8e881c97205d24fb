"""What a run leaves of each federation: a checkpoint that serves, and every headset's adapters.

``models/seed0/<set>/federated.safetensors`` is what ``fedxr serve --checkpoint`` takes: the
checkpoint that the run began with, and what its headsets have learned together on it.
``models/seed0/<set>/headsets/<user>`` is a PEFT checkpoint of one headset's shared and personal
adapters, which PEFT itself loads on the same backbone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fedxr.agent.checkpoints.checkpoint_file import Card, save_checkpoint
from fedxr.agent.checkpoints.peft_format import save_peft
from fedxr.experiments.splits import Split, TokenizedUser
from fedxr.learning.learner import Learner

Keep = Callable[[str, Learner], None]


@dataclass(frozen=True)
class KeptModels:
    """``folder`` of one seed's; ``card`` says of whom its checkpoint has learned."""

    folder: Path
    card: Card

    def of(self, split: Split, people: Sequence[TokenizedUser]) -> Keep:
        """Keeps a federation of ``people`` of ``split``, the rows of the learner that it is given,
        under the name of its study."""

        def keep(name: str, learner: Learner) -> None:
            home, cohort = self.folder / _as_file(name), learner.cohort
            if cohort.federated is not None:
                whole = replace(cohort.checkpoint, federated=cohort.federated)
                save_checkpoint(whole, home / "federated.safetensors", self._card(split, people))
            for row, person in enumerate(people):
                save_peft(cohort.stack, row, home / "headsets" / _as_file(person.user.name))

        return keep

    def _card(self, split: Split, people: Sequence[TokenizedUser]) -> Card:
        """With those who were in the federation."""
        learned = [*self.card.people.get(split.name, ()), *(_told(p) for p in people)]
        return replace(self.card, people={**self.card.people, split.name: learned})


def nowhere(name: str, learner: Learner) -> None:
    """Of a study that is in no run's folder nothing is kept."""


def _told(person: TokenizedUser) -> str:
    return f"{person.user.source}/{person.user.name}"


def _as_file(name: str) -> str:
    return name.replace("/", "-")
