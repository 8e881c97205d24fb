"""The model, its adapters, streaming and learning run where the model is.

No accelerator is needed: tensors on torch's device "meta" have shapes but no numbers, and most
operations refuse to mix them with another device's. What the numbers are is tested elsewhere, on
the CPU; where there is a CUDA device the last test compares them.
"""

from __future__ import annotations

import made
import pytest
import torch
from tolerance import pass_terms, root_mean_square, rounding

from agent.batch import collate
from agent.cohort import Cohort, Tuning, losses
from agent.online import Dose, Momentum, shown_classes
from agent.streaming import Rings, places, tick_batch
from agent.tokens import Ask


def _mixes_nothing(device: str) -> Cohort:
    """A training step, a full pass and streamed ticks of two headsets on ``device``."""
    model = made.model().to(device)
    cohort = Cohort(model, 2, Tuning())
    rows = [made.tokens(1, 2.0), made.tokens(2, 2.0)]
    plan = model.plan
    batch = collate([[r] for r in rows], plan.tokens_of, plan.tasks)
    parts = ("shared", "personal")
    _, gradient = cohort.gradient(batch, cohort.theta, parts)
    gradient *= shown_classes(cohort, [[], []], parts)
    momentum, active = Momentum.none(cohort.theta), torch.ones(2, dtype=torch.bool, device=device)
    cohort.theta = momentum.update(cohort.theta, gradient, active, Dose().rate)
    answers = cohort.answers(batch)
    assert losses(answers, batch.label.flatten(1)).device.type == device
    leaves = cohort.leaves(cohort.theta, ())
    adapters, heads = cohort.adapters(leaves), cohort.heads(leaves)
    rings = Rings(model, 2, *places(made.CHANNELS), torch.float32)
    for tick in range(3):
        emissions = [[e for e in r.emissions if e.tick == tick] for r in rows]
        now = tick_batch(model, emissions, [[Ask(made.TASKS[0], tick, -1, {})]] * 2)
        with torch.no_grad():
            found = model(now, cohort.layers, adapters, heads, context=rings.open(now))
        assert found.logits[made.TASKS[0]].device.type == device
    return cohort


def test_nothing_is_left_on_another_device() -> None:
    assert _mixes_nothing("meta").theta.device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_gives_what_the_cpu_gives() -> None:
    rows = [made.tokens(1, 4.0)]
    model = made.model()
    batch = collate([rows], model.plan.tokens_of, model.plan.tasks)
    here = Cohort(model, 1, Tuning()).answers(batch)
    there = Cohort(made.model().cuda(), 1, Tuning()).answers(batch)
    relative = rounding(torch.float32, pass_terms(model.plan.size, batch.tick.shape[2]))
    for task, logits in here.logits.items():
        atol = relative * root_mean_square(logits)
        torch.testing.assert_close(there.logits[task].cpu(), logits, atol=atol, rtol=relative)
