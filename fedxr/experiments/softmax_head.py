"""The baseline without sums: a softmax head on the same features, averaged or pooled.

FedAvg (McMahan et al., AISTATS 2017) as it is mostly run: in each round everybody starts from the
mean, takes Adam steps on all of the own labels, and the mean by number of labels is the next start.
Adam's moments start anew with each round, for the mean has none. Pooled, the same number of steps
is taken on all labels at once. What separates the two is what averaging of heads loses; sums of a
ridge head lose nothing.

Shape legend: H headsets, M labels of the one who has most, Z features, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from fedxr.agent.adaptation.trainer import AdamState


@dataclass(frozen=True)
class SoftmaxFit:
    """``rounds`` of ``steps`` Adam steps at ``rate``; ``decay`` weighs the squared weights in the
    loss: with a label a class nothing else bounds them."""

    rounds: int = 8
    steps: int = 20
    rate: float = 0.05
    decay: float = 1e-3

    def __post_init__(self) -> None:
        if min(self.rounds, self.steps) < 1 or not self.rate > 0 or self.decay < 0:
            raise ValueError(
                f"softmax head: {self.rounds} rounds of {self.steps} steps at {self.rate}, decay "
                f"{self.decay}; take at least 1 of each, a rate above 0, a decay of 0 or more"
            )


def federated_head(told: Sequence[tuple[Tensor, Tensor]], classes: int, how: SoftmaxFit) -> Tensor:
    """(Z, C) after the rounds of those who ``told`` (z (M, Z), label (M,))."""
    told = [(z, y) for z, y in told if len(y)]
    share = torch.tensor([float(len(y)) for _, y in told])
    share = share / share.sum()
    head = torch.zeros(told[0][0].shape[1], classes)
    for _ in range(how.rounds):
        each = _learned(head.expand(len(told), -1, -1), told, how.steps, how)
        head = torch.einsum("h,hzc->zc", share, each)
    return head


def pooled_head(told: Sequence[tuple[Tensor, Tensor]], classes: int, how: SoftmaxFit) -> Tensor:
    """(Z, C) after as many steps on all labels brought together."""
    every = torch.cat([z for z, _ in told]), torch.cat([y for _, y in told])
    start = torch.zeros(1, every[0].shape[1], classes)
    return _learned(start, [every], how.rounds * how.steps, how)[0]


def _learned(
    heads: Tensor, told: Sequence[tuple[Tensor, Tensor]], steps: int, how: SoftmaxFit
) -> Tensor:
    """(H, Z, C) after so many Adam steps of each headset on its own labels."""
    most, shape = max(len(y) for _, y in told), heads.shape
    z = torch.stack([functional.pad(z, (0, 0, 0, most - len(z))) for z, _ in told])
    y = torch.stack([functional.pad(y, (0, most - len(y)), value=-1) for _, y in told])
    count = (y >= 0).sum(1).clamp_min(1)[:, None, None]
    wanted = functional.one_hot(y.clamp_min(0), shape[2]) * (y >= 0)[..., None]
    theta = heads.flatten(1).clone()
    moments, active = AdamState.none(theta), torch.ones(shape[0], dtype=torch.bool)
    for _ in range(steps):
        head = theta.view(shape)
        wrong = (torch.softmax(z @ head, -1) * (y >= 0)[..., None] - wanted) / count
        gradient = z.transpose(1, 2) @ wrong + how.decay * head
        theta = moments.update(theta, gradient.flatten(1), active, how.rate)
    return theta.view(shape)
