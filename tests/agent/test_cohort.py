"""A cohort learns what a PEFT loop over its headsets learns, and keeps apart what is apart."""

from __future__ import annotations

from collections import Counter

import made
import pytest
import torch
from tolerance import adam, pass_terms, rounding
from torch import Tensor

from agent.batch import Batch, collate
from agent.cohort import Cohort, Tuning
from agent.memory import Lesson, Memory
from agent.online import Dose, Momentum, check_loss, learn, learn_checked, shown_classes
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
            assert (most > 0) == name.startswith("shared."), name
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
            own = 0 if ":doing" in name else 1
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
    return learn(cohort, cohort.theta, momentum, lessons, ("shared",), PACE, names, chunk)


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
    whole = _learn(cohort, lessons)
    moved = (whole - cohort.theta).norm(dim=1)
    assert moved[:4].min() > 0.1
    assert moved[4] == 0
    relative = _relative(_batches([0], cohort)[0], cohort)
    for chunk in (1, 2, 3):
        difference = _learn(cohort, lessons, chunk) - whole
        assert (difference.norm(dim=1) <= adam(relative, PACE.steps) * moved).all()
        changed = difference[whole != cohort.theta].abs()
        stored = rounding(torch.float32, PACE.steps, whole)
        assert changed.median() <= relative * PACE.steps * PACE.rate + stored


def test_rows_of_classes_not_shown_stay() -> None:
    """Headset 0 shows classes 0 and 1 of 5, headset 1 class 2; nobody shows a mood."""
    cohort = Cohort(made.model(), 2, Tuning())
    lessons = [_lessons(range(2)), _lessons(range(2, 3))]
    shown = [{x.label for x in mine} for mine in lessons]
    moved = (_learn(cohort, lessons) - cohort.theta).abs()
    heads = [n for n, b in cohort.blocks.items() if b.kind == "head" and n.startswith("shared.")]
    for name in heads:
        for h in range(2):
            by_class = cohort.view(name, moved)[h].amax(1)
            for label, most in enumerate(by_class.tolist()):
                assert (most > 0) == (":doing" in name and label in shown[h]), (name, h, label)
    mask = shown_classes(cohort, lessons, ("shared",))
    assert not mask[:, cohort.shared :].any()


def _memory(right: list[Lesson], held: list[Lesson]) -> Memory:
    told = {"doing": Counter(x.label for x in right + held)}
    kept = [*right, *(Lesson(x.tokens, x.task, x.label, x.z, True) for x in held)]
    return Memory(lessons={"doing": kept}, told=told)


def test_what_makes_held_back_lessons_worse_is_rolled_back() -> None:
    """Headset 0 is taught the truth, 1 wrong labels, 2 nothing, 3 has nothing held back."""
    cohort = Cohort(made.model(), 4, Tuning())
    seeds, later = range(12), range(20, 32)
    memories = [
        _memory(_lessons(seeds), _lessons(later)),
        _memory(_lessons(seeds, shift=1), _lessons(later)),
        _memory([], _lessons(later)),
        _memory(_lessons(seeds), []),
    ]
    pace = Dose(steps=15, rate=5e-3, batch=8)
    before = check_loss(cohort, cohort.theta, [m.of(held=True) for m in memories])
    after, adopted = learn_checked(
        cohort,
        cohort.theta,
        Momentum.none(cohort.theta),
        memories,
        ("shared", "personal"),
        lambda _: pace,
        [f"user {h}" for h in range(4)],
    )
    assert adopted.tolist() == [True, False, False, False]
    assert (after[0] != cohort.theta[0]).any()
    assert torch.equal(after[1:], cohort.theta[1:])
    now = check_loss(cohort, after, [m.of(held=True) for m in memories])
    assert now[0] < before[0]
    assert torch.equal(now[1:], before[1:])
