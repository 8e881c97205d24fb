"""A cohort learns what a PEFT loop over its headsets learns, and keeps apart what is apart."""

from __future__ import annotations

from dataclasses import replace

import made
import pytest
import torch
from tolerance import adam, pass_terms, rounding
from torch import Tensor

from benchmarks.plain import Peft
from fedxr.agent.adaptation.adapter_stack import AdapterStack, Tuning
from fedxr.agent.adaptation.replay import Example
from fedxr.agent.adaptation.trainer import (
    AdamState,
    TrainSteps,
    better,
    example_losses,
    learn,
    learn_checked,
    shown_classes,
    whole,
)
from fedxr.agent.inputs.batch import Batch, collate
from fedxr.agent.inputs.tokens import TokenizedEpisode

ROWS, STEPS, RATE = 3, 3, 3e-3
"""The rate is one that descends. At 0.1 the loss rises from 3 to 56 in the first step; after that
rounding decides, and what bf16 changes is between 0.7 and 1.1 %, by processor."""


def _batches(rows: list[int], stack: AdapterStack) -> list[Batch]:
    """STEPS batches of two episodes a headset; headset h's episodes do not depend on the others."""
    plan = stack.model.plan
    drawn = [
        [[made.tokens(100 * h + 2 * k + b) for b in range(2)] for h in rows] for k in range(STEPS)
    ]
    return [collate(step, plan.tokens_of, plan.tasks) for step in drawn]


def _relative(batch: Batch, stack: AdapterStack) -> float:
    """Rounding of a gradient on ``batch``, relative to its norm: there, back, and the sum over the
    tokens."""
    terms = pass_terms(stack.model.plan.size, batch.tick.shape[2])
    return rounding(torch.float32, 3 * terms)


def _descend(stack: AdapterStack) -> tuple[Tensor, Tensor]:
    theta, losses = stack.theta.clone(), []
    for batch in _batches(list(range(ROWS)), stack):
        loss, gradient = stack.gradient(batch, theta, ("shared",))
        theta -= RATE * gradient
        losses.append(loss)
    return theta, torch.stack(losses, 1)


@pytest.mark.parametrize("exchange", ["ffa", "fedsa", "naive"])
def test_equals_a_peft_loop(exchange: str) -> None:
    tuning = Tuning(r=4, personal_r=2, exchange=exchange)  # type: ignore[arg-type]
    stack = AdapterStack(made.model(), ROWS, tuning)
    theta, losses = _descend(stack)
    peft = Peft(stack)
    for h in range(ROWS):
        batches = _batches([h], stack)
        row, loss = peft.train(stack.theta[h], batches, RATE)
        relative = _relative(batches[0], stack)
        torch.testing.assert_close(losses[h], loss, atol=0, rtol=relative)
        moved = row - stack.theta[h]
        stored = rounding(torch.float32, STEPS)  # of theta, once a step
        for name, block in stack.blocks.items():
            here = slice(block.start, block.stop)
            most, kept = float(moved[here].abs().max()), stored * float(row[here].abs().max())
            assert (most > 0) == (block.id.part == "shared"), name
            assert (theta[h] - row)[here].abs().max() <= relative * most + kept, name
        assert (theta[h] - row).norm() <= relative * moved.norm() + stored * row.norm()


def test_bf16_moves_every_headset_within_one_percent_of_exact() -> None:
    """One operand's rounding is up to 2⁻⁹ = 0.2 %; over 80,000 numbers and their tokens those of
    all layers average out to that again, whether or not the processor multiplies in bf16."""
    model = made.model()
    exact, small = (AdapterStack(model, ROWS, Tuning(), d) for d in (torch.float32, torch.bfloat16))
    moved, off = _descend(exact)[0] - exact.theta, _descend(small)[0] - small.theta
    error = (off - moved).norm(dim=1) / moved.norm(dim=1)
    assert float(error.max()) < 0.01


def test_a_task_does_not_touch_the_heads_of_others() -> None:
    stack = AdapterStack(made.model(), 2, Tuning())
    plan = stack.model.plan
    only = [
        [TokenizedEpisode(e.token_features, tuple(a for a in e.queries if a.task == task))]
        for e, task in ((made.tokens(1), "doing"), (made.tokens(2), "mood"))
    ]
    batch = collate(only, plan.tokens_of, plan.tasks)
    _, gradient = stack.gradient(batch, stack.theta, ("shared", "personal"))
    for name, block in stack.blocks.items():
        found = gradient[:, block.start : block.stop].abs().amax(1)
        if block.kind == "head":
            own = 0 if block.id.task == "doing" else 1
            assert found[own] > 0, name
            assert found[1 - own] == 0, name
        else:
            assert (found > 0).all(), name


# -- online ------------------------------------------------------------------------------------


def _examples(seeds: range, shift: int = 0) -> list[Example]:
    """Examples whose label follows the episode, shifted to the wrong class by ``shift``."""
    out = []
    for seed in seeds:
        whole = made.tokens(seed)
        ask = [a for a in whole.queries if a.task == "doing"][-1]
        label = (ask.label + shift) % 4
        ask = type(ask)(ask.task, ask.tick, label, ask.summary)
        out.append(
            Example(
                TokenizedEpisode(whole.token_features, (ask,)),
                "doing",
                label,
                torch.zeros(1),
                False,
            )
        )
    return out


PACE = TrainSteps(steps=4, rate=1e-2, batch=4)


def _learn(stack: AdapterStack, examples: list[list[Example]], chunk: int = 8) -> Tensor:
    adam = AdamState.none(stack.theta)
    names = [f"user {h}" for h in range(len(examples))]
    return whole(learn(stack, stack.theta, adam, examples, ("shared",), PACE, names, chunk))


def test_gradient_does_not_depend_on_who_else_is_in_the_cohort() -> None:
    stack = AdapterStack(made.model(), 5, Tuning())
    together = _batches(list(range(5)), stack)[0]
    loss, whole = stack.gradient(together, stack.theta, ("shared", "personal"))
    for h in range(5):
        alone = _batches([h], stack)[0]
        own, one = stack.gradient(alone, stack.theta[h : h + 1], ("shared", "personal"))
        relative = _relative(alone, stack)
        torch.testing.assert_close(own[0], loss[h], atol=0, rtol=relative)
        assert (one[0] - whole[h]).norm() <= relative * whole[h].norm()


def test_chunks_do_not_change_what_is_learned() -> None:
    """Gradients agree to their rounding (above), and so does what most numbers move by. Where a
    gradient is next to nothing Adam enlarges it: see :func:`tolerance.adam`."""
    stack = AdapterStack(made.model(), 5, Tuning())
    examples = [_examples(range(10 * h, 10 * h + 2 + h)) for h in range(4)] + [[]]
    at_once = _learn(stack, examples)
    moved = (at_once - stack.theta).norm(dim=1)
    assert moved[:4].min() > 0.1
    assert moved[4] == 0
    relative = _relative(_batches([0], stack)[0], stack)
    for chunk in (1, 2, 3):
        difference = _learn(stack, examples, chunk) - at_once
        assert (difference.norm(dim=1) <= adam(relative, PACE.steps) * moved).all()
        changed = difference[at_once != stack.theta].abs()
        stored = rounding(torch.float32, PACE.steps, at_once)
        assert changed.median() <= relative * PACE.steps * PACE.rate + stored


def test_the_proximal_term_holds_back_what_is_far_from_the_start() -> None:
    """Its gradient is mu times the way from there: none in the first step, and the larger mu is,
    the shorter the way after some."""
    stack = AdapterStack(made.model(), ROWS, Tuning())
    examples = [_examples(range(100 * h, 100 * h + 6)) for h in range(ROWS)]
    names = [f"user{h}" for h in range(ROWS)]

    def way(steps: int, mu: float) -> Tensor:
        train, adam = replace(PACE, steps=steps, proximal=mu), AdamState.none(stack.theta)
        out = whole(learn(stack, stack.theta, adam, examples, ("shared",), train, names))
        return out - stack.theta

    assert torch.equal(way(1, 0.0), way(1, 10.0))
    plain, near, nearer = (way(12, mu).norm(dim=1) for mu in (0.0, 1.0, 100.0))
    assert bool((nearer < near).all())
    assert bool((near < plain).all())
    with pytest.raises(ValueError, match="proximal -1"):
        TrainSteps(proximal=-1)


def test_rows_of_classes_not_shown_stay() -> None:
    """Headset 0 shows classes 0 and 1 of 5, headset 1 class 2; nobody shows a mood."""
    stack = AdapterStack(made.model(), 2, Tuning())
    examples = [_examples(range(2)), _examples(range(2, 3))]
    shown = [{x.label for x in mine} for mine in examples]
    moved = (_learn(stack, examples) - stack.theta).abs()
    blocks = stack.blocks.items()
    heads = [n for n, b in blocks if b.kind == "head" and b.id.part == "shared"]
    for name in heads:
        for h in range(2):
            by_class = stack.view(name, moved)[h].amax(1)
            for label, most in enumerate(by_class.tolist()):
                assert (most > 0) == (":doing" in name and label in shown[h]), (name, h, label)
    mask = shown_classes(stack, examples, ("shared",))
    assert not mask[:, stack.shared :].any()


def _mean_loss(stack: AdapterStack, theta: Tensor, examples: list[Example]) -> float:
    return float(whole(example_losses(stack, theta, examples, 24)).mean())


def test_losses_are_those_of_each_example_in_order() -> None:
    """The newest 5 of 6, in parts of 2, against one pass each."""
    stack, examples = AdapterStack(made.model(), 1, Tuning()), _examples(range(6))
    plan = stack.model.plan
    got = whole(example_losses(stack, stack.theta, examples, limit=5, chunk=2))
    for x, loss in zip(examples[1:], got, strict=True):
        batch = collate([[x.tokens]], plan.tokens_of, plan.tasks)
        logits = stack.answers(batch, stack.theta).logits["doing"][0, 0]
        want = -torch.log_softmax(logits, -1)[x.label]
        torch.testing.assert_close(loss, want, atol=0, rtol=_relative(batch, stack))


def _checked(
    stack: AdapterStack,
    theta: Tensor,
    adam: AdamState,
    examples: list[Example],
    errors: float = 1.0,
) -> tuple[Tensor, bool]:
    train = TrainSteps(steps=15, rate=5e-3, batch=8)
    return whole(
        learn_checked(stack, theta, adam, examples, ("shared", "personal"), train, "a user", errors)
    )


def test_what_makes_held_back_examples_worse_is_taken_back() -> None:
    """Taught the truth, it is adopted; taught wrong labels, every number stays. The next try draws
    other examples either way."""
    stack = AdapterStack(made.model(), 1, Tuning())
    held = [replace(x, held=True) for x in _examples(range(20, 32))]
    for shift, adopted in ((0, True), (1, False)):
        adam = AdamState.none(stack.theta)
        taught = [*_examples(range(12), shift), *held]
        after, found = _checked(stack, stack.theta, adam, taught)
        assert found is adopted
        assert torch.equal(after, stack.theta) is not adopted
        assert adam.draws.tolist() == [15]
        assert adam.steps.tolist() == [15 if adopted else 0]
        assert bool(adam.first.any()) is adopted
        if adopted:
            better_now = _mean_loss(stack, after, held)
            assert better_now < _mean_loss(stack, stack.theta, held)


def test_where_nothing_is_held_back_two_folds_confirm_and_all_is_trained_on() -> None:
    """What is adopted is what the same steps on all examples give."""
    stack = AdapterStack(made.model(), 1, Tuning())
    examples = _examples(range(16))
    after, adopted = _checked(stack, stack.theta, AdamState.none(stack.theta), examples)
    assert adopted
    train = TrainSteps(steps=15, rate=5e-3, batch=8)
    parts, moments = ("shared", "personal"), AdamState.none(stack.theta)
    want = whole(learn(stack, stack.theta, moments, [examples], parts, train, ["a user"]))
    assert torch.equal(after, want)


def test_what_cannot_be_checked_is_not_adopted() -> None:
    """No example, or one: whatever the guard, theta stays."""
    stack = AdapterStack(made.model(), 1, Tuning())
    for examples in ([], _examples(range(1)), [replace(x, held=True) for x in _examples(range(1))]):
        adam = AdamState.none(stack.theta)
        after, adopted = _checked(stack, stack.theta, adam, examples, errors=0.0)
        assert adopted is False
        assert torch.equal(after, stack.theta)
        assert adam.steps.tolist() == [0]


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
    adam = AdamState.none(theta)
    rows = [torch.nn.Parameter(mine.clone()) for mine in theta]
    optimisers = [torch.optim.Adam([row], 3e-3, (0.9, 0.99), 1e-8) for row in rows]
    for step in range(12):
        gradient = torch.randn(2, 50, generator=generator)
        active = torch.tensor([True, step % 2 == 0])
        theta = adam.update(theta, gradient, active, 3e-3)
        for h in range(2):
            if active[h]:
                rows[h].grad = gradient[h].clone()
                optimisers[h].step()
    assert adam.steps.tolist() == [12, 6]
    for mine, theirs in zip(theta, rows, strict=True):
        atol = rounding(torch.float32, 12, mine) + 12 * 3e-3 * rounding(torch.float32, 12)
        torch.testing.assert_close(mine, theirs.detach(), atol=atol, rtol=0)


def test_a_first_step_is_as_long_as_the_rate() -> None:
    """mean / deviation is g / |g| where the moments were 0, however many steps there were before
    they started anew; without the right count it would be up to half as much again, or half."""
    generator = torch.Generator().manual_seed(1)
    theta = torch.zeros(1, 50)
    adam, on = AdamState.none(theta), torch.tensor([True])
    for steps in (1, 3, 20):
        gradient = torch.randn(1, 50, generator=generator) + 0.1
        moved = adam.update(theta, gradient, on, 1e-3) - theta
        # |g| / (|g| + 1e-8), and the rounding of squares and roots
        torch.testing.assert_close(moved, -1e-3 * gradient.sign(), atol=0, rtol=1e-4)
        for _ in range(steps):
            adam.update(theta, torch.randn(1, 50, generator=generator), on, 1e-3)
        adam.draws += steps
        before = adam
        adam = adam.anew()
        assert torch.equal(adam.draws, before.draws)
        assert adam.draws is not before.draws
        assert not any(part.any() for part in (adam.first, adam.second, adam.steps))


def test_a_step_taught_in_parts_is_one_run_and_draws_go_on() -> None:
    """2 and 2 steps with the moments kept are 4 steps; begun anew they are not, but draw the same
    examples, and others than the first two did."""
    stack, examples = AdapterStack(made.model(), 1, Tuning()), [_examples(range(12))]
    two = replace(PACE, steps=2)

    def run(theta: Tensor, adam: AdamState, train: TrainSteps) -> Tensor:
        return whole(learn(stack, theta, adam, examples, ("shared",), train, ["a user"]))

    four = run(stack.theta, AdamState.none(stack.theta), PACE)
    kept = AdamState.none(stack.theta)
    half = run(stack.theta, kept, two)
    assert (kept.steps.tolist(), kept.draws.tolist()) == ([2], [2])
    anew = kept.anew()
    assert torch.equal(run(half, kept, two), four)
    other = run(half, anew, two)
    assert not torch.equal(other, four)
    assert (anew.steps.tolist(), anew.draws.tolist()) == ([2], [4])
    again = AdamState.none(stack.theta)
    assert not torch.equal(run(half, again, two), other)  # the first two draws once more
