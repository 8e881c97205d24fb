"""One headset: who it is, and everything that it has learned from its user.

Its row of the stacked adapters and of the optimiser is the cohort's
(:mod:`fedxr.agent.adaptation.adapter_stack`), where all train together; all else that is known of a
user is here and ends with this object.

Shape legend: Z features, C classes, E experts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from fedxr.agent.adaptation.experts import (
    ADAPTED,
    FEDERATED,
    GENERIC,
    JOINT,
    PERSONAL,
    ExpertWeights,
    Mixing,
)
from fedxr.agent.adaptation.own_sums import OwnSums, Term
from fedxr.agent.adaptation.replay import Example, Remembering, ReplayBuffer
from fedxr.agent.inputs.normalization import Normalizer
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.model.ridge_head import RidgeStats
from fedxr.agent.tasks import task_named
from fedxr.bridge.channels import Channel
from fedxr.federation.pieces import Others

Offer = Mapping[str, OwnSums]
"""Sums by task that a headset gives to others."""
Crowd = Others[RidgeStats]
"""Others' sums of a task."""


@dataclass(frozen=True)
class HeadsetIdentity:
    """One headset of a cohort: a name, what it senses and what it is asked. ``user_id`` is whose it
    is: whoever takes its name does not get what is kept of it. ``rank``: the largest of a shared
    adapter that it can train; None: any."""

    name: str
    channels: tuple[Channel, ...]
    tasks: tuple[str, ...]
    user_id: str = ""
    rank: int | None = None

    @property
    def kept_as(self) -> str:
        """What its state is stored under."""
        return self.user_id or self.name


VACANT = HeadsetIdentity("vacant", (), ())
"""Who is in a row that nobody has."""


@dataclass
class HeadsetState:
    """Everything learned for one headset, but for its adapters: the examples it may replay, its
    normaliser, its own sums of the ridge head (``personal``) and what it has heard of others'
    (``federated``), by task; and how far each expert is believed, ``expert_weights``."""

    identity: HeadsetIdentity
    checkpoint: Checkpoint
    replay: ReplayBuffer
    normalizer: Normalizer
    expert_weights: dict[str, ExpertWeights]
    personal: dict[str, OwnSums] = field(default_factory=dict)
    federated: dict[str, Crowd] = field(default_factory=dict)
    _solved: dict[tuple[str, int], tuple[OwnSums | None, Crowd | None, Tensor]] = field(
        default_factory=dict
    )

    @classmethod
    def new(
        cls, identity: HeadsetIdentity, checkpoint: Checkpoint, mixing: Mixing, kept: Remembering
    ) -> HeadsetState:
        """Of a headset that knows nothing yet."""
        expert_weights = {task: ExpertWeights(mixing) for task in identity.tasks}
        return cls(
            identity,
            checkpoint,
            ReplayBuffer(identity.name, kept.capacity, hold=kept.hold),
            Normalizer.of(checkpoint.population),
            expert_weights,
        )

    # -- feedback --------------------------------------------------------------------------------

    def count(self, example: Example, times: float) -> None:
        """``example`` joins the own sums of its task; with ``times`` -1 it leaves them."""
        own = self.personal.get(example.task) or OwnSums(_classes(example.task))
        self.personal[example.task] = own.plus(Term(example.z, example.label, times))

    def forget(self, task: str, key: str, tick: int) -> None:
        """Take the newest example on that moment out of replay and sums, and what the experts
        earned by it where it is the last that was learned of the task."""
        replay = self.replay
        newest = replay.newest.get(task)  # forgetting it changes that
        example = replay.forget(task, key, tick)
        if example is None:
            return
        told = [label for label, count in replay.label_counts[task].items() if count > 0]
        self.expert_weights[task] = self.expert_weights[task].without(told, example is newest)
        if told:
            self.count(example, -1.0)
        else:  # not even rounding is left
            del self.personal[task]

    def copy(self) -> HeadsetState:
        """The same, to go back to where learning fails; the normaliser is shared."""
        return replace(
            self,
            replay=self.replay.copy(),
            expert_weights={task: replace(trust) for task, trust in self.expert_weights.items()},
            personal=dict(self.personal),
            federated=dict(self.federated),
            _solved=dict(self._solved),
        )

    @property
    def finite(self) -> bool:
        """Whether all that was learned from feedback are numbers; sums are, by being counted."""
        return all(
            bool(torch.isfinite(x).all())
            for t in self.expert_weights.values()
            for x in (t.earned, t.losses, t.odds, t.against)
        )

    def examples(self) -> list[Example]:
        """What it may train on: not where its feedback is doubted."""
        return self.replay.of([t for t, x in self.expert_weights.items() if not x.doubted])

    def offered(self) -> Offer:
        """The own sums that it gives to others: not where its feedback is doubted."""
        asked = (task for task in self.identity.tasks if task in self.personal)
        return {
            task: self.personal[task] for task in asked if not self.expert_weights[task].doubted
        }

    # -- experts ---------------------------------------------------------------------------------

    def present(self, task: str, adapted: bool) -> tuple[int, ...]:
        """The experts that it has for ``task``, the adapted one where its adapters are. A
        checkpoint that was told nothing of the task sleeps once there is another: being uniform
        costs less than the first label of each class costs whoever learns."""
        own, federated = task in self.personal, task in self.federated
        told = float(self.checkpoint.ridges[task].prior.n.sum()) > 0
        there = [GENERIC] if told or not (own or federated) else []
        if federated:
            there.append(FEDERATED)
        if own:
            there.append(PERSONAL)
        if own and federated:
            there.append(JOINT)
        if adapted:
            there.append(ADAPTED)
        return tuple(there)

    def head(self, task: str, expert: int) -> Tensor:
        """The ridge head (Z, C) of an expert; solved anew only where its sums have changed."""
        own, federated = self.personal.get(task), self.federated.get(task)
        if expert == GENERIC:
            own = federated = None
        elif expert == PERSONAL or federated is None:
            federated, expert = None, PERSONAL
        elif expert == ADAPTED or own is None:
            expert = JOINT if own is not None else FEDERATED
        # Sums are replaced, never changed, so being the same object means no change.
        known = self._solved.get((task, expert))
        if known is None or known[0] is not own or known[1] is not federated:
            known = (own, federated, self._solve(task, own, federated, expert == FEDERATED))
            self._solved[task, expert] = known
        return known[2]

    def common_head(self, task: str) -> Tensor:
        """The ridge head (Z, C) that is everybody's: own labels count as anybody's."""
        return self._solve(task, self.offered().get(task), self.federated.get(task), common=True)

    def _solve(
        self, task: str, own: OwnSums | None, federated: Crowd | None, common: bool
    ) -> Tensor:
        ridge = self.checkpoint.ridges[task]
        mine, theirs = own.sums if own else None, federated.sums if federated else None
        if mine is None and theirs is None:
            return self.checkpoint.generic[task]
        if common:
            given = [s for s in (theirs, mine) if s is not None]
            every = given[0] if len(given) == 1 else given[0].plus(given[1])
            return ridge.weights(ridge.total(None, every))
        return ridge.weights(ridge.total(mine, theirs), ridge.own)


def _classes(task: str) -> int:
    return len(task_named(task).classes)
