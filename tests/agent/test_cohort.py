"""A cohort learns what a PEFT loop over its headsets learns, and keeps apart what is apart."""

from __future__ import annotations

from dataclasses import replace

import made
import pytest
import torch
from tolerance import adam, pass_terms, rounding
from torch import Tensor

from agent.batch import Batch, collate
from agent.cohort import Cohort, Tuning
from agent.memory import Lesson
from agent.online import (
    Dose,
    Momentum,
    better,
    learn,
    learn_checked,
    lesson_losses,
    shown_classes,
    whole,
)
from agent.tokens import Tokens
from benchmarks.plain import Peft

ROWS, STEPS, RATE = 3, 3, 3e-3
"""The rate is one that descends. At 0.1 the loss rises from 3 to 56 in the first step; after that
rounding decides, and what bf16 changes is between 0.7 and 1.1 %, by processor."""


def _batches(rows: list[int], cohort: Cohort) -> list[Batch]:
    """STEPS batches of two episodes a headset; headset h's episodes do not depend on the others."""
    plan = cohort.model.plan
    drawn = [
        [[made.tokens(100 * h + 2 * k + b) for b in range(2)] for h in rows] for k in range(STEPS)
    ]
    return [collate(step, plan.tokens_of, plan.tasks) for step in drawn]


def _relative(batch: Batch, cohort: Cohort) -> float:
    """Rounding of a gradient on ``batch``, relative to its norm: there, back, and the sum over the
    tokens."""
    terms = pass_terms(cohort.model.plan.size, batch.tick.shape[2])
    return rounding(torch.float32, 3 * terms)


def _descend(cohort: Cohort) -> tuple[Tensor, Tensor]:
    theta, losses = cohort.theta.clone(), []
    for batch in _batches(list(range(ROWS)), cohort):
        loss, gradient = cohort.gradient(batch, theta, ("shared",))
        theta -= RATE * gradient
        losses.append(loss)
    return theta, torch.stack(losses, 1)


@pytest.mark.parametrize("exchange", ["ffa", "naive"])
def test_equals_a_peft_loop(exchange: str) -> None:
    tuning = Tuning(r=4, personal_r=2, exchange=exchange)  # type: ignore[arg-type]
    cohort = Cohort(made.model(), ROWS, tuning)
    theta, losses = _descend(cohort)
    peft = Peft(cohort)
    for h in range(ROWS):
        batches = _batches([h], cohort)
        row, loss = peft.train(cohort.theta[h], batches, RATE)
        relative = _relative(batches[0], cohort)
        torch.testing.assert_close(losses[h], loss, atol=0, rtol=relative)
        moved = row - cohort.theta[h]
        stored = rounding(torch.float32, STEPS)  # of theta, once a step
        for name, block in cohort.blocks.items():
            here = slice(block.start, block.stop)
            most, kept = float(moved[here].abs().max()), stored * float(row[here].abs().max())
            assert (most > 0) == (block.id.part == "shared"), name
            assert (theta[h] - row)[here].abs().max() <= relative * most + kept, name
        assert (theta[h] - row).norm() <= relative * moved.norm() + stored * row.norm()


def test_bf16_moves_every_headset_within_one_percent_of_exact() -> None:
    """One operand's rounding is up to 2⁻⁹ = 0.2 %; over 80,000 numbers and their tokens those of
    all layers average out to that again, whether or not the processor multiplies in bf16."""
    model = made.model()
    exact, small = (Cohort(model, ROWS, Tuning(), d) for d in (torch.float32, torch.bfloat16))
    moved, off = _descend(exact)[0] - exact.theta, _descend(small)[0] - small.theta
    error = (off - moved).norm(dim=1) / moved.norm(dim=1)
    assert float(error.max()) < 0.01


def test_a_task_does_not_touch_the_heads_of_others() -> None:
    cohort = Cohort(made.model(), 2, Tuning())
    plan = cohort.model.plan
    only = [
        [Tokens(e.emissions, tuple(a for a in e.asks if a.task == task))]
        for e, task in ((made.tokens(1), "doing"), (made.tokens(2), "mood"))
    ]
    batch = collate(only, plan.tokens_of, plan.tasks)
    _, gradient = cohort.gradient(batch, cohort.theta, ("shared", "personal"))
    for name, block in cohort.blocks.items():
        found = gradient[:, block.start : block.stop].abs().amax(1)
        if block.kind == "head":
            own = 0 if block.id.task == "doing" else 1
            assert found[own] > 0, name
            assert found[1 - own] == 0, name
        else:
            assert (found > 0).all(), name


# -- online ------------------------------------------------------------------------------------


def _lessons(seeds: range, shift: int = 0) -> list[Lesson]:
    """Lessons whose label follows the episode, shifted to the wrong class by ``shift``."""
    out = []
    for seed in seeds:
        whole = made.tokens(seed)
        ask = [a for a in whole.asks if a.task == "doing"][-1]
        label = (ask.label + shift) % 4
        ask = type(ask)(ask.task, ask.tick, label, ask.summary)
        out.append(Lesson(Tokens(whole.emissions, (ask,)), "doing", label, torch.zeros(1), False))
    return out


PACE = Dose(steps=4, rate=1e-2, batch=4)


def _learn(cohort: Cohort, lessons: list[list[Lesson]], chunk: int = 8) -> Tensor:
    momentum = Momentum.none(cohort.theta)
    names = [f"user {h}" for h in range(len(lessons))]
    return whole(learn(cohort, cohort.theta, momentum, lessons, ("shared",), PACE, names, chunk))


def test_gradient_does_not_depend_on_who_else_is_in_the_cohort() -> None:
    cohort = Cohort(made.model(), 5, Tuning())
    together = _batches(list(range(5)), cohort)[0]
    loss, whole = cohort.gradient(together, cohort.theta, ("shared", "personal"))
    for h in range(5):
        alone = _batches([h], cohort)[0]
        own, one = cohort.gradient(alone, cohort.theta[h : h + 1], ("shared", "personal"))
        relative = _relative(alone, cohort)
        torch.testing.assert_close(own[0], loss[h], atol=0, rtol=relative)
        assert (one[0] - whole[h]).norm() <= relative * whole[h].norm()


def test_chunks_do_not_change_what_is_learned() -> None:
    """Gradients agree to their rounding (above), and so does what most numbers move by. Where a
    gradient is next to nothing Adam enlarges it: see :func:`tolerance.adam`."""
    cohort = Cohort(made.model(), 5, Tuning())
    lessons = [_lessons(range(10 * h, 10 * h + 2 + h)) for h in range(4)] + [[]]
    at_once = _learn(cohort, lessons)
    moved = (at_once - cohort.theta).norm(dim=1)
    assert moved[:4].min() > 0.1
    assert moved[4] == 0
    relative = _relative(_batches([0], cohort)[0], cohort)
    for chunk in (1, 2, 3):
        difference = _learn(cohort, lessons, chunk) - at_once
        assert (difference.norm(dim=1) <= adam(relative, PACE.steps) * moved).all()
        changed = difference[at_once != cohort.theta].abs()
        stored = rounding(torch.float32, PACE.steps, at_once)
        assert changed.median() <= relative * PACE.steps * PACE.rate + stored


def test_rows_of_classes_not_shown_stay() -> None:
    """Headset 0 shows classes 0 and 1 of 5, headset 1 class 2; nobody shows a mood."""
    cohort = Cohort(made.model(), 2, Tuning())
    lessons = [_lessons(range(2)), _lessons(range(2, 3))]
    shown = [{x.label for x in mine} for mine in lessons]
    moved = (_learn(cohort, lessons) - cohort.theta).abs()
    blocks = cohort.blocks.items()
    heads = [n for n, b in blocks if b.kind == "head" and b.id.part == "shared"]
    for name in heads:
        for h in range(2):
            by_class = cohort.view(name, moved)[h].amax(1)
            for label, most in enumerate(by_class.tolist()):
                assert (most > 0) == (":doing" in name and label in shown[h]), (name, h, label)
    mask = shown_classes(cohort, lessons, ("shared",))
    assert not mask[:, cohort.shared :].any()


def _mean_loss(cohort: Cohort, theta: Tensor, lessons: list[Lesson]) -> float:
    return float(whole(lesson_losses(cohort, theta, lessons)).mean())


def test_losses_are_those_of_each_lesson_in_order() -> None:
    """The newest 5 of 6, in parts of 2, against one pass each."""
    cohort, lessons = Cohort(made.model(), 1, Tuning()), _lessons(range(6))
    plan = cohort.model.plan
    got = whole(lesson_losses(cohort, cohort.theta, lessons, limit=5, chunk=2))
    for x, loss in zip(lessons[1:], got, strict=True):
        batch = collate([[x.tokens]], plan.tokens_of, plan.tasks)
        logits = cohort.answers(batch, cohort.theta).logits["doing"][0, 0]
        want = -torch.log_softmax(logits, -1)[x.label]
        torch.testing.assert_close(loss, want, atol=0, rtol=_relative(batch, cohort))


def _checked(
    cohort: Cohort, theta: Tensor, momentum: Momentum, lessons: list[Lesson], errors: float = 1.0
) -> tuple[Tensor, bool]:
    dose = Dose(steps=15, rate=5e-3, batch=8)
    return whole(
        learn_checked(
            cohort, theta, momentum, lessons, ("shared", "personal"), dose, "a user", errors
        )
    )


def test_what_makes_held_back_lessons_worse_is_taken_back() -> None:
    """Taught the truth, it is adopted; taught wrong labels, every number stays. The next try draws
    other lessons either way."""
    cohort = Cohort(made.model(), 1, Tuning())
    held = [replace(x, held=True) for x in _lessons(range(20, 32))]
    for shift, adopted in ((0, True), (1, False)):
        momentum = Momentum.none(cohort.theta)
        taught = [*_lessons(range(12), shift), *held]
        after, found = _checked(cohort, cohort.theta, momentum, taught)
        assert found is adopted
        assert torch.equal(after, cohort.theta) is not adopted
        assert momentum.draws.tolist() == [15]
        assert momentum.steps.tolist() == [15 if adopted else 0]
        assert bool(momentum.first.any()) is adopted
        if adopted:
            better_now = _mean_loss(cohort, after, held)
            assert better_now < _mean_loss(cohort, cohort.theta, held)


def test_where_nothing_is_held_back_two_folds_confirm_and_all_is_trained_on() -> None:
    """What is adopted is what the same steps on all lessons give."""
    cohort = Cohort(made.model(), 1, Tuning())
    lessons = _lessons(range(16))
    after, adopted = _checked(cohort, cohort.theta, Momentum.none(cohort.theta), lessons)
    assert adopted
    dose = Dose(steps=15, rate=5e-3, batch=8)
    parts, moments = ("shared", "personal"), Momentum.none(cohort.theta)
    want = whole(learn(cohort, cohort.theta, moments, [lessons], parts, dose, ["a user"]))
    assert torch.equal(after, want)


def test_what_cannot_be_checked_is_not_adopted() -> None:
    """No lesson, or one: whatever the guard, theta stays."""
    cohort = Cohort(made.model(), 1, Tuning())
    for lessons in ([], _lessons(range(1)), [replace(x, held=True) for x in _lessons(range(1))]):
        momentum = Momentum.none(cohort.theta)
        after, adopted = _checked(cohort, cohort.theta, momentum, lessons, errors=0.0)
        assert adopted is False
        assert torch.equal(after, cohort.theta)
        assert momentum.steps.tolist() == [0]


def test_better_is_below_zero_by_standard_errors() -> None:
    """Of -1 and -3 the mean is -2 and the standard error √2 / √2 = 1."""
    change = torch.tensor([-1.0, -3.0])
    assert better(change, 1.9)
    assert not better(change, 2.1)
    assert not better(torch.tensor([-1.0]), 0.0)
    assert not better(torch.zeros(0), 0.0)


# -- Adam ------------------------------------------------------------------------------------------


def test_steps_are_those_of_torchs_adam() -> None:
    """Headset 0 steps each time, headset 1 every other time: each as an optimiser of its own."""
    generator = torch.Generator().manual_seed(0)
    theta = torch.randn(2, 50, generator=generator)
    momentum = Momentum.none(theta)
    rows = [torch.nn.Parameter(mine.clone()) for mine in theta]
    optimisers = [torch.optim.Adam([row], 3e-3, (0.9, 0.99), 1e-8) for row in rows]
    for step in range(12):
        gradient = torch.randn(2, 50, generator=generator)
        active = torch.tensor([True, step % 2 == 0])
        theta = momentum.update(theta, gradient, active, 3e-3)
        for h in range(2):
            if active[h]:
                rows[h].grad = gradient[h].clone()
                optimisers[h].step()
    assert momentum.steps.tolist() == [12, 6]
    for mine, theirs in zip(theta, rows, strict=True):
        atol = rounding(torch.float32, 12, mine) + 12 * 3e-3 * rounding(torch.float32, 12)
        torch.testing.assert_close(mine, theirs.detach(), atol=atol, rtol=0)


def test_a_first_step_is_as_long_as_the_rate() -> None:
    """mean / deviation is g / |g| where the moments were 0, however many steps there were before
    they started anew; without the right count it would be up to half as much again, or half."""
    generator = torch.Generator().manual_seed(1)
    theta = torch.zeros(1, 50)
    momentum, on = Momentum.none(theta), torch.tensor([True])
    for steps in (1, 3, 20):
        gradient = torch.randn(1, 50, generator=generator) + 0.1
        moved = momentum.update(theta, gradient, on, 1e-3) - theta
        # |g| / (|g| + 1e-8), and the rounding of squares and roots
        torch.testing.assert_close(moved, -1e-3 * gradient.sign(), atol=0, rtol=1e-4)
        for _ in range(steps):
            momentum.update(theta, torch.randn(1, 50, generator=generator), on, 1e-3)
        momentum.draws += steps
        before = momentum
        momentum = momentum.anew()
        assert torch.equal(momentum.draws, before.draws)
        assert momentum.draws is not before.draws
        assert not any(part.any() for part in (momentum.first, momentum.second, momentum.steps))


def test_a_step_taught_in_parts_is_one_run_and_draws_go_on() -> None:
    """2 and 2 steps with the moments kept are 4 steps; begun anew they are not, but draw the same
    lessons, and others than the first two did."""
    cohort, lessons = Cohort(made.model(), 1, Tuning()), [_lessons(range(12))]
    two = replace(PACE, steps=2)

    def run(theta: Tensor, momentum: Momentum, dose: Dose) -> Tensor:
        return whole(learn(cohort, theta, momentum, lessons, ("shared",), dose, ["a user"]))

    four = run(cohort.theta, Momentum.none(cohort.theta), PACE)
    kept = Momentum.none(cohort.theta)
    half = run(cohort.theta, kept, two)
    assert (kept.steps.tolist(), kept.draws.tolist()) == ([2], [2])
    anew = kept.anew()
    assert torch.equal(run(half, kept, two), four)
    other = run(half, anew, two)
    assert not torch.equal(other, four)
    assert (anew.steps.tolist(), anew.draws.tolist()) == ([2], [4])
    again = Momentum.none(cohort.theta)
    assert not torch.equal(run(half, again, two), other)  # the first two draws once more
