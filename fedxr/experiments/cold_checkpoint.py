"""The checkpoint of a cold start: it has seen people, and been told nothing.

What needs no label comes from the members' unlabelled adaptation halves: means and deviations
(moments, which add like any sum) and the landmarks of the kernel, drawn by seed. The model's own
heads and the prior of the ridge head are zero, so the generic answer is uniform. The trunk behind
those heads has no say, so no adapter is trained and the ``adapted`` expert never comes to be.

What has to be chosen is chosen inside the federation, from the labels at hand, by exact leaving
out (:mod:`fedxr.agent.checkpoints.ridge_fit`): for every setting of a small grid each member tells
the summed loss on its own labels and their number; these add like sums. Nobody's test half has a
say, nor have strangers.

Shape legend: M labels, Z features, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fedxr.agent.checkpoints.checkpoint_file import questions
from fedxr.agent.checkpoints.pretrain import fit_standards
from fedxr.agent.checkpoints.ridge_fit import GRID, best_fit
from fedxr.agent.encoders import encoder_for
from fedxr.agent.model.backbone import Size
from fedxr.agent.model.checkpoint import Checkpoint, Population
from fedxr.agent.model.m3t import M3T, Plan
from fedxr.agent.model.nystroem import Nystroem, landmarks_from
from fedxr.agent.model.ridge_head import Fit, RidgeHead, RidgeStats
from fedxr.agent.tasks import task_named
from fedxr.experiments.splits import TokenizedUser


@dataclass(frozen=True)
class ColdFit:
    """How the ridge head is chosen: ``own`` weights of a user's sums are tried, by leaving out each
    of ``folds`` parts of the own labels once; ``untried`` is that weight where nobody has two
    labels of a class to try one on."""

    own: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
    untried: float = 5.0
    folds: int = 3

    def __post_init__(self) -> None:
        if not self.own or not min(*self.own, self.untried) > 0 or self.folds < 2:
            raise ValueError(
                f"cold fit: weights {self.own}, untried {self.untried}, {self.folds} folds; give "
                "weights above 0 and at least 2 folds"
            )


SMALLEST = Size(width=8, layers=1, heads=1, kv_heads=1, hidden=8)
"""Of a trunk that has no say: any would answer the same."""

UserExamples = tuple[Tensor, Tensor]
"""What one user tells of the task: z (M, Z) and labels (M,)."""


def empty_checkpoint(
    task: str,
    members: Sequence[TokenizedUser],
    everyone: Sequence[TokenizedUser],
    population: Population,
    seed: int,
) -> Checkpoint:
    """Zero heads and an empty prior; ``everyone`` says which layouts there are, no more."""
    channels = {c.layout: c for p in everyone for c in p.user.channels}
    layouts = {name: encoder_for(c).shape(c) for name, c in channels.items()}
    torch.manual_seed(seed)
    plan = replace(Plan.of("tiny", layouts, (task,)), size=SMALLEST)
    model = M3T(plan).requires_grad_(False).eval()
    for head in model.heads.values():
        head.zero_()
    unlabelled = [t for p in members for t in p.adapt]
    fit_standards(model, unlabelled)
    keys = tuple(model.plan.summaries)
    sizes = tuple(model.plan.summaries.values())
    x, _ = questions(model, task, keys, sizes, unlabelled)
    kernel = Nystroem(keys, sizes, landmarks_from(x, seed))
    return Checkpoint(
        model, {task: RidgeHead(kernel, RidgeStats.none(_classes(task)))}, dict(population)
    )


def told_by(checkpoint: Checkpoint, task: str, person: TokenizedUser) -> UserExamples:
    """The labels of ``person``'s adaptation half as features."""
    kernel = checkpoint.ridges[task].kernel
    x, label = questions(checkpoint.model, task, kernel.keys, kernel.sizes, person.adapt)
    return kernel.of(x), label


def with_ridge(checkpoint: Checkpoint, task: str, own: float, alone: Fit, joint: Fit) -> Checkpoint:
    """``checkpoint`` with fits: ``alone`` where everybody's labels count alike, ``joint`` where
    one's own count ``own`` times."""
    ridge = replace(checkpoint.ridges[task], fits={0.0: alone, own: joint}, own=own)
    return Checkpoint(checkpoint.model, {task: ridge}, checkpoint.population)


def fitted_together(
    checkpoint: Checkpoint, task: str, told: Sequence[UserExamples], how: ColdFit
) -> Checkpoint:
    """λ and sharpness by leaving out one member at a time; then the weight of own sums, with a λ
    and sharpness of its own, by leaving out a part of a member's labels at a time."""
    classes = _classes(task)
    told = [(z, label) for z, label in told if len(label)]
    mine = [RidgeStats.of(z, label, classes) for z, label in told]
    total = RidgeStats.none(classes)
    for sums in mine:
        total = total.plus(sums)
    others = [total.plus(sums, -1.0) for sums in mine]
    if len(told) < 2:
        return with_ridge(checkpoint, task, how.untried, Fit(), Fit())
    asked = [(z, label, rest) for (z, label), rest in zip(told, others, strict=True)]
    _, alone = best_fit(asked)
    near = replace(GRID, ridges=tuple(r for r in GRID.ridges if 0.3 <= r / alone.ridge <= 3.4))
    folds = [
        (z[out], label[out], rest, RidgeStats.of(z[~out], label[~out], classes))
        for z, label, rest in asked
        for out in parts_of(label, how.folds)
    ]
    if not folds:
        return with_ridge(checkpoint, task, how.untried, alone, alone)
    tried = {
        own: best_fit([(z, y, rest.plus(kept, own)) for z, y, rest, kept in folds], near)
        for own in how.own
    }
    own = min(tried, key=lambda weight: tried[weight][0])
    return with_ridge(checkpoint, task, own, alone, tried[own][1])


def fitted_alone(checkpoint: Checkpoint, task: str, told: UserExamples, how: ColdFit) -> Checkpoint:
    """λ and sharpness of a user who has nobody: by leaving out parts of the own labels; the default
    where no class has two."""
    z, label = told
    classes = _classes(task)
    asked = [
        (z[out], label[out], RidgeStats.of(z[~out], label[~out], classes))
        for out in parts_of(label, how.folds)
    ]
    fit = best_fit(asked)[1] if asked else Fit()
    return with_ridge(checkpoint, task, how.untried, fit, fit)


def parts_of(label: Tensor, folds: int) -> Iterator[Tensor]:
    """Masks (M,) of what is left out in turn: of each class with at least two labels one of
    ``folds`` parts that follow each other, since neighbours in time are alike. A class with one
    label is never asked for, as no example of it would be left."""
    part = torch.full_like(label, -1)
    for c in set(label.tolist()):
        at = torch.nonzero(label == c)[:, 0]
        if len(at) > 1:
            part[at] = torch.arange(len(at)) * min(folds, len(at)) // len(at)
    for number in range(folds):
        if bool((part == number).any()):
            yield part == number


def _classes(task: str) -> int:
    return len(task_named(task).classes)
