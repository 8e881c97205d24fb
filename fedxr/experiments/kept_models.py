"""What a run leaves of each federation: a checkpoint that serves, and every headset's adapters.

``models/seed0/<set>/federated.safetensors`` is what ``fedxr serve --checkpoint`` takes: the
checkpoint that the run began with, and what its headsets have learned together on it.
``models/seed0/<set>/headsets/<user>`` is a PEFT checkpoint of one headset's shared and personal
adapters, which PEFT itself loads on the same backbone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from safetensors import SafetensorError

from fedxr.agent.checkpoints.checkpoint_file import Card, save_checkpoint
from fedxr.agent.checkpoints.peft_format import save_peft
from fedxr.experiments.progress import Say
from fedxr.experiments.splits import Split, TokenizedUser
from fedxr.learning.learner import Learner

LONGEST = 100
"""Letters of a file's name."""
Keep = Callable[[str, Learner], None]


@dataclass(frozen=True)
class KeptModels:
    """``folder`` of one seed's; ``card`` says of whom its checkpoint has learned."""

    folder: Path
    card: Card

    def of(self, splits: Sequence[Split], people: Sequence[TokenizedUser], say: Say) -> Keep:
        """Keeps a federation of ``people`` of ``splits``, the rows of the learner that it is given,
        under its name. What cannot be written is said."""

        def keep(name: str, learner: Learner) -> None:
            try:
                save(self.folder.joinpath(*map(as_file, name.split("/"))), learner)
            except (OSError, SafetensorError) as error:  # a full disk: the figures are worth more
                say(f"{name}: what was learned cannot be kept: {error}")

        def save(home: Path, learner: Learner) -> None:
            cohort = learner.cohort
            if cohort.federated is not None:
                whole = replace(cohort.checkpoint, federated=cohort.federated)
                save_checkpoint(whole, home / "federated.safetensors", self._card(splits, people))
            for row, person in enumerate(people):
                of = home / "headsets"
                if len(splits) > 1:  # where two people may be called the same
                    of /= as_file(person.user.source)
                save_peft(cohort.stack, row, of / as_file(person.user.name))

        return keep

    def _card(self, splits: Sequence[Split], people: Sequence[TokenizedUser]) -> Card:
        """With those who were in the federation."""
        told = dict(self.card.people)
        for split in splits:
            here = {f"{u.source}/{u.name}" for u in split.federation}
            told[split.name] = [
                *told.get(split.name, ()),
                *(n for n in map(_told, people) if n in here),
            ]
        return replace(self.card, people=told)


def nowhere(name: str, learner: Learner) -> None:
    """Of a study that is in no run's folder nothing is kept."""


def _told(person: TokenizedUser) -> str:
    return f"{person.user.source}/{person.user.name}"


def as_file(name: str) -> str:
    """``name`` as that of a file, another one for each name: what is no letter, digit, ``_`` or
    ``-`` is written as in an address, and of what is too long the end is a digest."""
    safe = quote(name, safe="").replace(".", "%2E").replace("~", "%7E") or "%"
    if len(safe) <= LONGEST:
        return safe
    return f"{safe[:LONGEST]}-{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"
