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

from fedxr.agent.adaptation.adapter_stack import AdapterStack, Tuning, losses
from fedxr.agent.adaptation.trainer import AdamState, TrainSteps, shown_classes
from fedxr.agent.inputs.batch import collate
from fedxr.agent.inputs.tokens import TokenizedQuery
from fedxr.agent.model.kv_cache import KVCache, places, tick_batch


def _mixes_nothing(device: str) -> AdapterStack:
    """A training step, a full pass and streamed ticks of two headsets on ``device``."""
    model = made.model().to(device)
    stack = AdapterStack(model, 2, Tuning())
    rows = [made.tokens(1, 2.0), made.tokens(2, 2.0)]
    plan = model.plan
    batch = collate([[r] for r in rows], plan.tokens_of, plan.tasks)
    parts = ("shared", "personal")
    _, gradient = stack.gradient(batch, stack.theta, parts)
    gradient *= shown_classes(stack, [[], []], parts)
    adam, active = AdamState.none(stack.theta), torch.ones(2, dtype=torch.bool, device=device)
    stack.theta = adam.update(stack.theta, gradient, active, TrainSteps().rate)
    answers = stack.answers(batch)
    assert losses(answers, batch.label.flatten(1)).device.type == device
    leaves = stack.leaves(stack.theta, ())
    adapters, heads = stack.adapters(leaves), stack.heads(leaves)
    cache = KVCache(model, 2, *places(made.CHANNELS), torch.float32)
    for tick in range(3):
        token_features = [[e for e in r.token_features if e.tick == tick] for r in rows]
        now = tick_batch(model, token_features, [[TokenizedQuery(made.TASKS[0], tick, -1, {})]] * 2)
        with torch.no_grad():
            found = model(now, stack.layers, adapters, heads, context=cache.open(now))
        assert found.logits[made.TASKS[0]].device.type == device
    return stack


def test_nothing_is_left_on_another_device() -> None:
    assert _mixes_nothing("meta").theta.device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_gives_what_the_cpu_gives() -> None:
    rows = [made.tokens(1, 4.0)]
    model = made.model()
    batch = collate([rows], model.plan.tokens_of, model.plan.tasks)
    here = AdapterStack(model, 1, Tuning()).answers(batch)
    there = AdapterStack(made.model().cuda(), 1, Tuning()).answers(batch)
    relative = rounding(torch.float32, pass_terms(model.plan.size, batch.tick.shape[2]))
    for task, logits in here.logits.items():
        atol = relative * root_mean_square(logits)
        torch.testing.assert_close(there.logits[task].cpu(), logits, atol=atol, rtol=relative)
