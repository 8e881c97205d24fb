"""Learning on the headset: steps of cost, each adopted only when held-back feedback confirms it.

1. Unlabelled: the user's own means and deviations (:mod:`agent.normal`).
2. Analytic: every label is counted into the user's sums (:mod:`agent.analytic`).
3. Adapter: Adam steps (Kingma and Ba, arXiv:1412.6980) on replayed lessons, here. A headset whose
   held-back lessons got worse is put back to where it was.

Output rows of classes that the user has not shown stay frozen. All headsets of a cohort learn in
one pass; which lesson a headset draws depends on its own name and count of steps only.

Shape legend: H headsets, P numbers a headset, B lessons a step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from agent.batch import collate
from agent.cohort import Cohort
from agent.memory import Lesson, Memory
from agent.tokens import Tokens

NOTHING = Tokens((), ())
"""Stands in for a lesson where a headset has none: no question, so no loss."""


@dataclass(frozen=True)
class Dose:
    """How much to learn: ``steps`` of ``batch`` lessons at ``rate``; ``clip`` bounds a headset's
    gradient norm."""

    steps: int = 20
    rate: float = 3e-3
    batch: int = 16
    clip: float = 1.0

    @classmethod
    def by_labels(cls, per_class: float) -> Dose:
        """Steps and rate for so many labels a class: few labels bear few small steps.

        No one strength suits all tasks: below 10 a class 20 steps at 1e-3, above 100 a class 160
        at 3e-3, geometric between.
        """
        share = float(np.clip((np.log10(max(per_class, 1)) - 1), 0, 1))
        return cls(int(20 * 8**share), 1e-3 * 3**share)


@dataclass
class Momentum:
    """Adam's state of every headset; ``first`` and ``second`` (H, P), ``steps`` (H,)."""

    first: Tensor
    second: Tensor
    steps: Tensor

    @classmethod
    def none(cls, theta: Tensor) -> Momentum:
        return cls(torch.zeros_like(theta), torch.zeros_like(theta), theta.new_zeros(len(theta)))

    def rows(self, rows: Sequence[int] | slice) -> Momentum:
        """The state of some headsets, a copy."""
        return Momentum(self.first[rows], self.second[rows], self.steps[rows])

    def put(self, rows: Sequence[int] | slice, other: Momentum) -> None:
        """Set the state of some headsets."""
        self.first[rows], self.second[rows] = other.first, other.second
        self.steps[rows] = other.steps

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


def learn(
    cohort: Cohort,
    theta: Tensor,
    momentum: Momentum,
    lessons: Sequence[Sequence[Lesson]],
    parts: tuple[str, ...],
    dose: Dose,
    names: Sequence[str],
    chunk: int = 8,
) -> Tensor:
    """Theta (H, P) after ``dose.steps`` steps on ``lessons[h]``; ``momentum`` goes along.

    A headset without lessons stays as it is. Headsets are taken ``chunk`` at a time: activations
    stay in the cache. Gradients do not depend on it; Adam enlarges rounding where they are near
    zero, to about 1e-5 after a few steps.
    """
    out = theta.clone()
    for start in range(0, len(theta), chunk):
        rows = slice(start, start + chunk)
        part = momentum.rows(rows)
        out[rows] = _learn_rows(
            cohort, out[rows], part, lessons[rows], parts, dose, names[rows]
        )
        momentum.put(rows, part)
    return out


def _learn_rows(
    cohort: Cohort,
    theta: Tensor,
    momentum: Momentum,
    lessons: Sequence[Sequence[Lesson]],
    parts: tuple[str, ...],
    dose: Dose,
    names: Sequence[str],
) -> Tensor:
    if not any(lessons):
        return theta
    active = torch.tensor([bool(mine) for mine in lessons], device=theta.device)
    mask = shown_classes(cohort, lessons, parts)
    plan = cohort.model.plan
    for _ in range(dose.steps):
        chosen = [
            _draw(mine, dose.batch, name, int(steps))
            for mine, name, steps in zip(lessons, names, momentum.steps.tolist(), strict=True)
        ]
        batch = collate(chosen, plan.tokens_of, plan.tasks)
        _, gradient = cohort.gradient(batch, theta, parts)
        gradient *= mask
        norm = gradient.norm(dim=1, keepdim=True).clamp_min(dose.clip)
        theta = momentum.update(theta, gradient * (dose.clip / norm), active, dose.rate)
    return theta


def _draw(lessons: Sequence[Lesson], count: int, name: str, step: int) -> list[Tokens]:
    if not lessons:
        return [NOTHING] * count
    rng = np.random.default_rng((step, *name.encode()))
    return [lessons[i].tokens for i in rng.integers(len(lessons), size=count)]


def shown_classes(
    cohort: Cohort, lessons: Sequence[Sequence[Lesson]], parts: tuple[str, ...]
) -> Tensor:
    """(H, P) of 0 and 1: 0 at output rows of classes that the headset's lessons lack, and at
    everything outside ``parts``."""
    mask = cohort.theta.new_zeros(len(lessons), cohort.theta.shape[1])
    shown: list[set[tuple[str, int]]] = [{(x.task, x.label) for x in mine} for mine in lessons]
    for name, block in cohort.blocks.items():
        part, _, rest = name.partition(".")
        if part not in parts:
            continue
        here = mask[:, block.start : block.stop]
        if block.kind != "head":
            here.fill_(1.0)
            continue
        task = rest.split(":", 1)[1].split("|")[0]
        for h, known in enumerate(shown):
            for c in range(block.shape[0]):
                if (task, c) in known:
                    here.view(len(lessons), *block.shape)[h, c] = 1.0
    return mask


def lesson_losses(
    cohort: Cohort, theta: Tensor, lessons: Sequence[Lesson], limit: int = 64
) -> Tensor:
    """(M,) cross-entropy of the newest ``limit`` of ``lessons`` with theta (1, P), by task."""
    mine = lessons[-limit:]
    if not mine:
        return torch.zeros(0)
    plan = cohort.model.plan
    batch = collate([[x.tokens for x in mine]], plan.tokens_of, plan.tasks)
    answers = cohort.answers(batch, theta)
    each = [
        functional.cross_entropy(
            logits[0][answers.asked[task][0]],
            torch.tensor([x.label for x in mine if x.task == task], device=logits.device),
            reduction="none",
        )
        for task, logits in answers.logits.items()
    ]
    return torch.cat(each).cpu()


def check_loss(
    cohort: Cohort, theta: Tensor, lessons: Sequence[Sequence[Lesson]]
) -> Tensor:
    """(H,) mean loss on each headset's ``lessons``, 0 without any."""
    out = theta.new_zeros(len(theta))
    for h, mine in enumerate(lessons):
        if mine:
            out[h] = lesson_losses(cohort, theta[h : h + 1], mine).mean()
    return out


def learn_checked(
    cohort: Cohort,
    theta: Tensor,
    momentum: Momentum,
    memories: Sequence[Memory],
    parts: tuple[str, ...],
    dose: Callable[[Memory], Dose],
    names: Sequence[str],
) -> tuple[Tensor, Tensor]:
    """Theta after learning where held-back lessons agree; (H,) bool of who adopted it.

    Each headset learns at its own dose. Without held-back lessons nothing confirms: not adopted.
    """
    held = [m.of(held=True) for m in memories]
    before = check_loss(cohort, theta, held)
    after = theta.clone()
    doses = [dose(m) for m in memories]
    for one in sorted(set(doses), key=repr):
        rows = [i for i, p in enumerate(doses) if p == one]
        moved = momentum.rows(rows)
        lessons = [memories[i].of(held=False) for i in rows]
        after[rows] = learn(
            cohort, theta[rows], moved, lessons, parts, one, [names[i] for i in rows]
        )
        momentum.put(rows, moved)
    better = check_loss(cohort, after, held) < before
    better &= torch.tensor([bool(h) for h in held], device=theta.device)
    return torch.where(better[:, None], after, theta), better
