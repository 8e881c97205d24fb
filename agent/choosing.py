"""How far to trust which head: chosen on held-back lessons, adopted only when clearly better.

The candidates differ in how far the model's own head is trusted and in the weight of the user's own
sums. Each is scored by its log-loss on lessons that the heads have not learned from: the
sums leave out the fold of the lesson they are asked about (exactly, since they are sums), and the
adapters were not trained on held-back lessons. A candidate replaces the default only if it is
better by more than one standard error of the paired differences (the one-standard-error rule of
Breiman et al. 1984), so that few lessons change nothing.

A headset tells the federation its differences as (count, sum, sum of squares) per candidate: they
add, like everything that it exchanges.

Shape legend: G candidates, M lessons, C classes, Z features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from agent.analytic import Choice, Sums
from agent.batch import collate
from agent.calibrate import OWN
from agent.fleet import Fleet
from agent.memory import Lesson

FOLDS = 4
TRUST = (0.5, 1.0, 0.25, 0.0)
SHARED = tuple(Choice(trust, 0.0) for trust in TRUST)
"""Candidates that give the user's own sums no extra weight; the first is the default."""
PERSONAL = tuple(Choice(trust, own) for own in OWN for trust in TRUST)


def first_trust(fleet: Fleet, task: str) -> Choice:
    """How far to trust the model's own head, judged before anything was adapted.

    The pretrained model has seen none of the fleet's lessons, so all of them are honest; later
    only held-back ones are.
    """
    lessons = [m.lessons.get(task, []) for m in fleet.memories]
    return choose_together(fleet, task, lessons, SHARED, errors=0.0)


def first_choice(shared: Choice, own: float, per_class: float) -> Choice:
    """Where a user starts: with the weight ``own`` of own sums that served the pretraining users;
    with less than two labels a class, own sums are no guide (learning rule 3)."""
    return Choice(shared.trust, own if per_class >= 2 else 0.0)


@dataclass(frozen=True)
class Verdict:
    """Paired differences of loss to the first candidate: ``n``, ``total`` (G,), ``square`` (G,)."""

    n: float
    total: Tensor
    square: Tensor

    @classmethod
    def of(cls, losses: Tensor) -> Verdict:
        """From losses (G, M)."""
        d = losses - losses[:1]
        return cls(float(losses.shape[1]), d.sum(1), d.square().sum(1))

    def plus(self, other: Verdict) -> Verdict:
        return Verdict(
            self.n + other.n, self.total + other.total, self.square + other.square
        )

    def best(self, errors: float = 1.0) -> int:
        """The candidate with the least loss, if better than the first by ``errors`` standard
        errors; else the first."""
        if self.n < 4:
            return 0
        mean = self.total / self.n
        spread = (self.square / self.n - mean**2).clamp_min(0).sqrt() / self.n**0.5
        clear = mean + errors * spread < 0
        return int(torch.where(clear, mean, torch.zeros_like(mean)).argmin())


def candidate_losses(
    fleet: Fleet,
    theta: Tensor,
    row: int,
    task: str,
    lessons: Sequence[Lesson],
    candidates: Sequence[Choice],
) -> Tensor:
    """(G, M) log-loss of ``candidates`` on ``lessons`` of headset ``row`` with theta (1, P)."""
    plan = fleet.brain.model.plan
    batch = collate([[x.tokens for x in lessons]], plan.tokens_of, plan.tasks)
    answers = fleet.cohort.answers(batch, theta)
    logits = answers.logits[task][0][answers.asked[task][0]].cpu()
    z = torch.stack([x.z for x in lessons])
    label = torch.tensor([x.label for x in lessons])
    out = torch.zeros(len(candidates), len(lessons))
    for k in range(min(FOLDS, len(lessons))):
        here = torch.arange(k, len(lessons), FOLDS)
        left_out = Sums.of(z[here], label[here], logits.shape[1])
        told = {}
        for own in {c.own for c in candidates}:
            sums = fleet.total(row, task, own, left_out)
            told[own] = z[here] @ fleet.brain.ridges[task].weights(sums, own)
        for g, c in enumerate(candidates):
            scores = c.trust * logits[here] + told[c.own]
            loss = -torch.log_softmax(scores, -1).gather(1, label[here, None])[:, 0]
            out[g, here] = loss.clamp_max(8.0)
    return out


def choose(
    fleet: Fleet, row: int, task: str, lessons: Sequence[Lesson], default: Choice
) -> Choice:
    """The user's own choice among PERSONAL; ``default`` unless another is clearly better."""
    if len(lessons) < FOLDS:
        return default
    candidates = (default, *(c for c in PERSONAL if c != default))
    theta = fleet.cohort.theta[row : row + 1]
    losses = candidate_losses(fleet, theta, row, task, lessons, candidates)
    return candidates[Verdict.of(losses).best()]


def choose_together(
    fleet: Fleet,
    task: str,
    lessons: Sequence[Sequence[Lesson]],
    candidates: Sequence[Choice],
    errors: float = 1.0,
) -> Choice:
    """The federation's choice: the verdicts of all headsets that own ``task`` added up.

    ``errors``: by how many standard errors another candidate must be better than the first.
    """
    verdict = Verdict(0.0, torch.zeros(len(candidates)), torch.zeros(len(candidates)))
    for row, mine in enumerate(lessons):
        if mine:
            theta = fleet.cohort.theta[row : row + 1]
            losses = candidate_losses(fleet, theta, row, task, mine, candidates)
            verdict = verdict.plus(Verdict.of(losses))
    return candidates[verdict.best(errors)]


