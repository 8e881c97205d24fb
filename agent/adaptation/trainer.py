"""Learning on the headset: steps of cost, each of them an expert
(:mod:`fedxr.agent.adaptation.experts`).

1. Unlabelled: the user's own means and deviations (:mod:`fedxr.agent.inputs.normalization`).
2. Ridge: every label is counted into the user's sums (:mod:`fedxr.agent.model.ridge_head`).
3. Adapter: Adam steps (Kingma and Ba, arXiv:1412.6980) on replayed examples, here. Personal steps
   that examples held back do not confirm are taken back.

Output rows of classes that the user has not shown stay frozen. All headsets of a cohort learn in
one pass; which example a headset draws depends on its own name and count of draws only.

Shape legend: H headsets, P numbers a headset, B examples a step.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from fedxr.agent.adaptation.adapter_stack import AdapterStack
from fedxr.agent.adaptation.replay import Example, splits
from fedxr.agent.inputs.batch import collate
from fedxr.agent.inputs.tokens import TokenizedEpisode

NOTHING = TokenizedEpisode((), ())
"""Stands in for an example where a headset has none: no question, so no loss."""


@dataclass(frozen=True)
class TrainSteps:
    """How much to learn: ``steps`` of ``batch`` examples at ``rate``; ``clip`` bounds a headset's
    gradient norm; ``proximal`` (mu of FedProx, arXiv:1812.06127) draws it back to where it began,
    so that whoever has few labels, or odd ones, does not go far from the others."""

    steps: int = 20
    rate: float = 3e-3
    batch: int = 16
    clip: float = 1.0
    proximal: float = 0.0

    def __post_init__(self) -> None:
        if not self.proximal >= 0:
            raise ValueError(f"train: proximal {self.proximal}; take 0 (none) or more")


@dataclass(frozen=True)
class StepsByLabels:
    """Steps and rate by labels a class, which no one strength suits: up to ``few`` labels the first
    of ``steps`` and ``rates``, from ``many`` on the last, geometric between."""

    few: float = 10.0
    many: float = 100.0
    steps: tuple[int, int] = (20, 160)
    rates: tuple[float, float] = (1e-3, 3e-3)

    def __post_init__(self) -> None:
        if not 0 < self.few < self.many or min(self.steps) < 1 or not min(self.rates) > 0:
            raise ValueError(
                f"steps by labels: from {self.few} to {self.many} labels, steps {self.steps}, "
                f"rates {self.rates}; take labels that rise, at least 1 step and rates above 0"
            )

    def of(self, per_class: float) -> TrainSteps:
        """For so many labels a class."""
        least, most = np.log10(self.few), np.log10(self.many)
        share = float(np.clip((np.log10(max(per_class, 1)) - least) / (most - least), 0, 1))
        (steps, last), (rate, fastest) = self.steps, self.rates
        return TrainSteps(int(steps * (last / steps) ** share), rate * (fastest / rate) ** share)


@dataclass
class AdamState:
    """Adam's state of every headset: ``first`` and ``second`` moments (H, P) and how many ``steps``
    (H,) went into them; and the count of ``draws`` (H,) that names the next examples, which goes on
    where the moments start anew."""

    first: Tensor
    second: Tensor
    steps: Tensor
    draws: Tensor

    @classmethod
    def none(cls, theta: Tensor) -> AdamState:
        none = theta.new_zeros(len(theta))
        return cls(torch.zeros_like(theta), torch.zeros_like(theta), none, none.clone())

    @property
    def finite(self) -> Tensor:
        """(H,) bool: whose moments are numbers."""
        return torch.isfinite(self.first).all(1) & torch.isfinite(self.second).all(1)

    def anew(self) -> AdamState:
        """No moments, the same draws."""
        zero = torch.zeros_like(self.first)
        return AdamState(zero, zero.clone(), torch.zeros_like(self.steps), self.draws.clone())

    def rows(self, rows: Sequence[int] | slice) -> AdamState:
        """The state of some headsets, a copy."""
        parts = (self.first, self.second, self.steps, self.draws)
        return AdamState(*(part[rows].clone() for part in parts))

    def put(self, rows: Sequence[int] | slice, other: AdamState) -> None:
        """Set the state of some headsets."""
        self.first[rows], self.second[rows] = other.first, other.second
        self.steps[rows], self.draws[rows] = other.steps, other.draws

    def update(self, theta: Tensor, gradient: Tensor, active: Tensor, rate: float) -> Tensor:
        """Theta after one step of the headsets that are ``active`` (H,) bool."""
        on = active[:, None].to(theta.dtype)
        self.steps = self.steps + active.to(self.steps.dtype)
        self.first = torch.lerp(self.first, gradient, 0.1 * on)
        self.second = torch.lerp(self.second, gradient.square(), 0.01 * on)
        n = self.steps.clamp_min(1)[:, None]
        mean = self.first / (1 - 0.9**n)
        deviation = (self.second / (1 - 0.99**n)).sqrt_().add_(1e-8)
        return theta - rate * on * mean / deviation


T = TypeVar("T")
Slices = Generator[None, None, T]
"""Work that may be put off between two of its slices, each some 0.1 s of a core at most, so that
what is urgent goes first (a label must not wait); it returns what :func:`whole` gives at once."""


def whole(slices: Slices[T]) -> T:
    """Do all of it now."""
    while True:
        try:
            next(slices)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def learn(
    stack: AdapterStack,
    theta: Tensor,
    adam: AdamState,
    examples: Sequence[Sequence[Example]],
    parts: tuple[str, ...],
    train: TrainSteps,
    names: Sequence[str],
    chunk: int = 8,
    ranks: Sequence[int | None] = (),
) -> Slices[Tensor]:
    """Theta (H, P) after ``train.steps`` steps on ``examples[h]``; ``adam`` goes along.

    A headset without examples stays as it is, and so does what is beyond its rank, where ``ranks``
    are given. Headsets are taken ``chunk`` at a time: activations
    stay in the cache. Gradients do not depend on it; Adam enlarges rounding where they are near
    zero, to about 1e-5 after a few steps.
    """
    out = theta.clone()
    for start in range(0, len(theta), chunk):
        rows = slice(start, start + chunk)
        if not any(examples[rows]):
            continue
        part = adam.rows(rows)
        mask = shown_classes(stack, examples[rows], parts)
        if any(rank is not None for rank in ranks[rows]):
            mask *= stack.within(ranks[rows])
        for _ in range(train.steps):
            out[rows] = _step(
                stack, out[rows], part, examples[rows], parts, train, names[rows], mask, theta[rows]
            )
            yield
        adam.put(rows, part)
    return out


def _step(
    stack: AdapterStack,
    theta: Tensor,
    adam: AdamState,
    examples: Sequence[Sequence[Example]],
    parts: tuple[str, ...],
    train: TrainSteps,
    names: Sequence[str],
    mask: Tensor,
    start: Tensor,
) -> Tensor:
    active = torch.tensor([bool(mine) for mine in examples], device=theta.device)
    plan = stack.model.plan
    chosen = [
        _draw(mine, train.batch, name, int(draw))
        for mine, name, draw in zip(examples, names, adam.draws.tolist(), strict=True)
    ]
    adam.draws = adam.draws + active.to(adam.draws.dtype)
    batch = collate(chosen, plan.tokens_of, plan.tasks)
    _, gradient = stack.gradient(batch, theta, parts)
    if train.proximal:
        gradient = gradient + train.proximal * (theta - start)
    gradient *= mask
    norm = gradient.norm(dim=1, keepdim=True).clamp_min(train.clip)
    return adam.update(theta, gradient * (train.clip / norm), active, train.rate)


def _draw(
    examples: Sequence[Example], count: int, name: str, number: int
) -> list[TokenizedEpisode]:
    if not examples:
        return [NOTHING] * count
    rng = np.random.default_rng((number, *name.encode()))
    return [examples[i].tokens for i in rng.integers(len(examples), size=count)]


def shown_classes(
    stack: AdapterStack, examples: Sequence[Sequence[Example]], parts: tuple[str, ...]
) -> Tensor:
    """(H, P) of 0 and 1: 0 at output rows of classes that the headset's examples lack, and at
    everything outside ``parts``."""
    mask = stack.theta.new_zeros(len(examples), stack.theta.shape[1])
    shown: list[set[tuple[str, int]]] = [{(x.task, x.label) for x in mine} for mine in examples]
    for block in stack.blocks.values():
        if block.id.part not in parts:
            continue
        here = mask[:, block.start : block.stop]
        if block.kind != "head":
            here.fill_(1.0)
            continue
        for h, known in enumerate(shown):
            for c in range(block.shape[0]):
                if (block.id.task, c) in known:
                    here.view(len(examples), *block.shape)[h, c] = 1.0
    return mask


def example_losses(
    stack: AdapterStack,
    theta: Tensor,
    examples: Sequence[Example],
    limit: int,
    chunk: int = 8,
) -> Slices[Tensor]:
    """(M,) cross-entropy of the newest ``limit`` of ``examples`` with theta (1, P), in order."""
    mine = examples[-limit:]
    plan, each = stack.model.plan, []
    for start in range(0, len(mine), chunk):
        part = mine[start : start + chunk]
        answers = stack.answers(
            collate([[x.tokens for x in part]], plan.tokens_of, plan.tasks), theta
        )
        each += [
            functional.cross_entropy(
                answers.logits[x.task][0, i], torch.tensor(x.label, device=theta.device)
            ).cpu()
            for i, x in enumerate(part)
        ]
        yield
    return torch.stack(each) if each else torch.zeros(0)


def learn_checked(
    stack: AdapterStack,
    theta: Tensor,
    adam: AdamState,
    examples: Sequence[Example],
    parts: tuple[str, ...],
    train: TrainSteps,
    name: str,
    errors: float = 1.0,
    limit: int = 24,
) -> Slices[tuple[Tensor, bool]]:
    """Theta (1, P) of one headset after ``train`` on ``examples``, and whether it was adopted:
    only if examples that were not trained on are better by ``errors`` standard errors of the paired
    differences (Breiman et al. 1984), of the newest ``limit``. Where classes are short of examples
    they are checked in two folds, and what is adopted was then trained on all; what cannot be
    checked is not adopted.
    """
    tried = splits(examples)
    change, after = [], theta
    for fitted, check in tried:
        moved = adam.rows(slice(None))
        after = yield from learn(stack, theta, moved, [fitted], parts, train, [name])
        now = yield from example_losses(stack, after, check, limit)
        before = yield from example_losses(stack, theta, check, limit)
        change.append(now - before)
    if not tried or not better(torch.cat(change), errors):
        # The draws go on, so that the next try is another one.
        adam.draws = adam.draws + train.steps
        return theta, False
    if len(tried) > 1:
        moved = adam.rows(slice(None))
        after = yield from learn(stack, theta, moved, [examples], parts, train, [name])
    adam.put(slice(None), moved)
    return after, True


def better(change: Tensor, errors: float) -> bool:
    """Whether paired differences of loss (M,) are below 0 by ``errors`` standard errors."""
    if len(change) < 2:
        return False
    return bool(change.mean() + errors * change.std(correction=1) / len(change) ** 0.5 < 0)
