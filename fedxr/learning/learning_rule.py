"""The learning rule: how headsets learn, alone and together, with and without a clock.

One rule serves the live server (:mod:`fedxr.live.live`), its replay in lockstep and the headless
study: they call the same :class:`fedxr.learning.learner.Learner` and the same
:func:`fedxr.learning.federated_round.meet`, so with one rule the same feedback gives the same mixed
adapter and the same ridge statistics on all of them. :func:`headless` differs from :data:`LIVE` in
what a clock or an end decides: how many steps there is time for and how often, which round was the
best, and a wire that is narrower."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from fedxr.agent.adaptation.exchange import KINDS
from fedxr.agent.adaptation.experts import Mixing
from fedxr.agent.adaptation.replay import Remembering, ReplayBuffer
from fedxr.agent.adaptation.trainer import StepsByLabels, TrainSteps
from fedxr.federation import Round
from fedxr.federation.exchange import STAYS_HOME
from fedxr.federation.rules import check_kinds


@dataclass(frozen=True)
class TrainSchedule:
    """How much to train at a time: ``train``; or, ``by_labels``, the ``parts``-th part of what the
    labels bear by ``labels`` (:class:`fedxr.agent.adaptation.trainer.StepsByLabels`), in batches of
    ``train.batch``."""

    train: TrainSteps = field(default_factory=lambda: TrainSteps(steps=3, rate=1e-3, batch=4))
    by_labels: bool = False
    parts: int = 1
    labels: StepsByLabels = field(default_factory=StepsByLabels)

    def __post_init__(self) -> None:
        steps, rate = self.train.steps, self.train.rate
        if self.by_labels and (steps, rate) != (TrainSteps.steps, TrainSteps.rate):
            raise ValueError(
                f"train: {steps} steps at {rate}, but steps and rate come by labels; set those of "
                "labels, or by_labels to false"
            )

    def of(self, memories: Sequence[ReplayBuffer], tasks: Sequence[Sequence[str]]) -> TrainSteps:
        """For headsets with these memories of their ``tasks``."""
        if not self.by_labels:
            return self.train
        told = [m.per_class(t) for m, t in zip(memories, tasks, strict=True)]
        whole = self.labels.of(sum(told) / max(1, len(told)))
        steps = -(-whole.steps // self.parts)
        return replace(self.train, steps=steps, rate=whole.rate)


@dataclass(frozen=True)
class LearningRule:
    """Everything that decides what is learned from the same feedback.

    - ``shared``, ``personal``: the schedules of each headset's steps in a round, and of its own
      after every ``each`` labels (the ridge head learns from each label at once);
    - ``guard``: by how many standard errors examples held back must be better for personal steps to
      be adopted;
    - ``ownership``: who takes part in a block's mean: whoever has its task (``tasks``; without a
      label a headset listens only), or whoever has samples of it (``samples``);
    - ``moments``: whether Adam's moments are ``kept`` from round to round or start ``anew``;
    - ``best_round``: whether the shared adapters of the round with the least held-back loss, summed
      over the headsets, are taken up at the end, and none where not even those are better than the
      start by ``guard`` standard errors. Needs an end: rounds of a live server have none;
    - ``round``: how a round mixes, its ``codec`` format among it (:class:`fedxr.federation.Round`);
    - ``checked``: examples, the newest, that confirm a change of one headset's adapters;
    - ``kept``: what is remembered of a headset's examples, and what of it is held back;
    - ``mixing``: how experts earn their weight (:class:`fedxr.agent.adaptation.experts.Mixing`).
    """

    shared: TrainSchedule = TrainSchedule(TrainSteps(steps=3, rate=2e-3, batch=4))
    personal: TrainSchedule = TrainSchedule()
    each: int = 16
    guard: float = 1.0
    ownership: Literal["tasks", "samples"] = "tasks"
    moments: Literal["kept", "anew"] = "kept"
    best_round: bool = False
    checked: int = 24
    kept: Remembering = field(default_factory=Remembering)
    round: Round = field(default_factory=Round)
    mixing: Mixing = field(default_factory=Mixing)

    def __post_init__(self) -> None:
        for word, got, allowed in (
            ("ownership", self.ownership, ("tasks", "samples")),
            ("moments", self.moments, ("kept", "anew")),
        ):
            if got not in allowed:
                raise ValueError(f"{word} {got!r}; allowed are {' and '.join(allowed)}")
        if self.checked < 2:
            raise ValueError(f"{self.checked} examples confirm a change; take at least 2")
        if self.each < 1 or self.guard < 0:
            raise ValueError(
                f"personal steps every {self.each} labels, guard {self.guard}; take at least 1 "
                "label and 0 standard errors"
            )
        kinds = [k for k in KINDS if k not in STAYS_HOME[self.round.exchange]]
        check_kinds(self.round.aggregation, kinds)

    def with_round(self, **changes: object) -> LearningRule:
        """The same rule with another coordination, seed, …"""
        return replace(self, round=replace(self.round, **changes))  # type: ignore[arg-type]


LIVE = LearningRule()
"""Small steps: 8 live headsets share a core with each other, and a round takes some seconds."""


def headless(rounds: int) -> LearningRule:
    """As many steps as the labels bear, over ``rounds`` rounds; nobody waits for them."""
    part = TrainSchedule(TrainSteps(batch=16), by_labels=True, parts=rounds)
    return LearningRule(
        shared=part, personal=part, each=1, best_round=True, round=Round(codec="bf16")
    )
