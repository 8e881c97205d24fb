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

import torch
from torch import Tensor
from torch.nn import functional

from fedxr.agent.adaptation.trainer import AdamState

ROUNDS, STEPS, RATE = 8, 20, 0.05
DECAY = 1e-3
"""Of squared weights in the loss: with a label a class nothing else bounds them."""


def federated_head(told: Sequence[tuple[Tensor, Tensor]], classes: int) -> Tensor:
    """(Z, C) after ``ROUNDS`` rounds of those who ``told`` (z (M, Z), label (M,))."""
    told = [(z, y) for z, y in told if len(y)]
    share = torch.tensor([float(len(y)) for _, y in told])
    share = share / share.sum()
    head = torch.zeros(told[0][0].shape[1], classes)
    for _ in range(ROUNDS):
        each = _learned(head.expand(len(told), -1, -1), told, STEPS)
        head = torch.einsum("h,hzc->zc", share, each)
    return head


def pooled_head(told: Sequence[tuple[Tensor, Tensor]], classes: int) -> Tensor:
    """(Z, C) after as many steps on all labels brought together."""
    every = torch.cat([z for z, _ in told]), torch.cat([y for _, y in told])
    start = torch.zeros(1, every[0].shape[1], classes)
    return _learned(start, [every], ROUNDS * STEPS)[0]


def _learned(heads: Tensor, told: Sequence[tuple[Tensor, Tensor]], steps: int) -> Tensor:
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
        gradient = z.transpose(1, 2) @ wrong + DECAY * head
        theta = moments.update(theta, gradient.flatten(1), active, RATE)
    return theta.view(shape)
