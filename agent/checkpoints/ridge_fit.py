"""Fitting an ridge head to its pretraining users, each judged as if unknown.

Sums can be taken away, so leaving out one user at a time is exact. Three times: as somebody of whom
nothing is known (λ and sharpness of the shared head), as somebody whose past is known and whose
future is asked (how much the user's own sums should count, with λ and sharpness for each weight),
and as a member of a federation of half of the users, with the other half as the prior (how much the
crowd's sums should count). All use pretraining users only: nobody who is tested has a say.

Shape legend: M questions, X summary numbers, Z features, C classes, S λ, G sharpnesses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from fedxr.agent.model.nystroem import Nystroem, landmarks_from
from fedxr.agent.model.ridge_head import Fit, RidgeHead, RidgeStats


@dataclass(frozen=True)
class RidgeGrid:
    """What is tried: ``ridges`` λ, ``sharpnesses``, weights of a user's ``own`` sums and of the
    ``federated`` ones; each user of the first ``users`` is left out in turn."""

    ridges: tuple[float, ...] = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
    sharpnesses: tuple[float, ...] = (4.0, 8.0, 16.0, 32.0)
    own: tuple[float, ...] = (1.0, 4.0, 10.0, 20.0, 50.0, 200.0)
    federated: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0)
    users: int = 12

    def __post_init__(self) -> None:
        for name in ("ridges", "sharpnesses", "own", "federated"):
            tried = getattr(self, name)
            if not tried or not min(tried) > 0:
                raise ValueError(f"grid of {name} {tried}: give at least one number, all above 0")
        if self.users < 2:
            raise ValueError(f"grid: {self.users} users left out in turn; take at least 2")


GRID = RidgeGrid()


@dataclass(frozen=True)
class UserExamples:
    """What one pretraining user tells of a task: x (M, X + 1) as
    :func:`fedxr.agent.model.nystroem.side_by_side` puts it, ``label`` (M,), whether it belongs to
    the user's ``past`` (M,); and the same of augmented copies of them."""

    x: Tensor
    label: Tensor
    past: Tensor
    copies: Tensor
    copy_label: Tensor


class Features(Protocol):
    """What makes z from summaries."""

    def of(self, x: Tensor) -> Tensor:
        """(M, Z) from (M, X + 1)."""
        ...


@dataclass(frozen=True)
class Stranger:
    """A user's questions as features: z (M, Z), their sums, and the sums of everyone else."""

    z: Tensor
    label: Tensor
    past: Tensor
    mine: RidgeStats
    others: RidgeStats

    def behind(self, classes: int) -> RidgeStats:
        """The sums of the past."""
        return RidgeStats.of(self.z[self.past], self.label[self.past], classes)


def fit(
    keys: tuple[str, ...],
    sizes: tuple[int, ...],
    told: Sequence[UserExamples],
    classes: int,
    grid: RidgeGrid = GRID,
) -> RidgeHead:
    """The ridge head of a task from its pretraining users: the sums of all as prior, and
    everything that can be chosen of ``grid`` by the loss on some of them, left out in turn."""
    nothing = torch.zeros(0, sum(sizes) + 1)
    landmarks = landmarks_from(torch.cat([nothing, *(x for t in told for x in (t.x, t.copies))]), 0)
    kernel = Nystroem(keys, sizes, landmarks)
    prior, users = left_out(kernel, told, classes)
    if len(users) < 2:
        return RidgeHead(kernel, prior)
    return _fitted(kernel, prior, users[: grid.users], classes, grid)


def left_out(
    kernel: Features, told: Sequence[UserExamples], classes: int
) -> tuple[RidgeStats, list[Stranger]]:
    """All users' sums, copies counting as much as what they are copies of; and each user beside the
    sums of the others."""
    total, each = RidgeStats.none(classes), []
    for t in told:
        z = kernel.of(t.x)
        mine = RidgeStats.of(z, t.label, classes)
        if len(t.copies):
            copies = RidgeStats.of(kernel.of(t.copies), t.copy_label, classes)
            mine = mine.plus(copies, len(z) / len(t.copies))
        total = total.plus(mine)
        each.append((z, t, mine))
    users = [
        Stranger(z, t.label, t.past, mine, total.plus(mine, -1.0)) for z, t, mine in each if len(z)
    ]
    return total, users


def _fitted(
    kernel: Nystroem,
    prior: RidgeStats,
    users: Sequence[Stranger],
    classes: int,
    grid: RidgeGrid,
) -> RidgeHead:
    """The best settings, as unknown and with a known past."""
    _, shared = best_fit([(u.z, u.label, u.others) for u in users], grid)
    fits, losses = {0.0: shared}, {}
    halved = [u for u in users if bool(u.past.any()) and not bool(u.past.all())]
    for own in grid.own if halved else ():
        asked = [
            (u.z[~u.past], u.label[~u.past], u.others.plus(u.behind(classes), own)) for u in halved
        ]
        losses[own], fits[own] = best_fit(asked, grid)
    if not losses:
        return RidgeHead(kernel, prior, fits)
    own = min(losses, key=lambda own: losses[own])
    federated = crowd_weight(halved, own, fits[own], classes, grid.federated)
    return RidgeHead(kernel, prior, fits, own, federated)


def crowd_weight(
    users: Sequence[Stranger], own: float, fit: Fit, classes: int, tried: Sequence[float]
) -> float:
    """κ of ``tried`` that serves ``users`` best: each is asked about the future with the own past
    known, every other one is in the federation with them and gives the sums of the past, and the
    rest are strangers who were pretrained on."""
    if len(users) < 4:
        return 1.0
    losses = dict.fromkeys(tried, 0.0)
    for i, u in enumerate(users):
        prior, federated = u.others, RidgeStats.none(classes)
        for j, v in enumerate(users):
            if j != i and j % 2 == i % 2:
                prior, federated = prior.plus(v.mine, -1.0), federated.plus(v.behind(classes))
        known = prior.plus(u.behind(classes), own)
        z, label = u.z[~u.past], u.label[~u.past]
        for weight in tried:
            scores = fit.sharpness * (z @ known.plus(federated, weight).solve(fit.ridge))
            loss = torch.nn.functional.cross_entropy(scores, label, reduction="sum")
            losses[weight] += float(loss)
    return min(losses, key=lambda weight: losses[weight])


def best_fit(
    asked: Sequence[tuple[Tensor, Tensor, RidgeStats]], grid: RidgeGrid = GRID
) -> tuple[float, Fit]:
    """The least log-loss on questions z (M, Z) with labels (M,), answered from sums; and its λ and
    sharpness, of ``grid``."""
    label = torch.cat([y for _, y, _ in asked])
    best = float("inf"), Fit()
    for ridge in grid.ridges:
        scores = torch.cat([z @ sums.solve(ridge) for z, _, sums in asked])
        for sharpness in grid.sharpnesses:
            loss = float(torch.nn.functional.cross_entropy(sharpness * scores, label))
            if loss < best[0]:
                best = loss, Fit(ridge, sharpness)
    return best
