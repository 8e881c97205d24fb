"""Streaming equals the full pass; a headset alone equals the same headset in a cohort."""

from __future__ import annotations

import made
import pytest
import torch
from tolerance import pass_terms, root_mean_square, rounding

from fedxr.agent.adaptation.adapter_stack import AdapterStack, Tuning
from fedxr.agent.inputs.batch import collate
from fedxr.agent.inputs.tokens import TokenizedEpisode, TokenizedQuery, TokenStream
from fedxr.agent.model.kv_cache import KVCache, places, tick_batch


def _cohort(rows: int) -> AdapterStack:
    stack = AdapterStack(made.model(), rows, Tuning())
    generator = torch.Generator().manual_seed(1)
    stack.theta += 0.05 * torch.randn(stack.theta.shape, generator=generator)
    return stack


def _relative(stack: AdapterStack, rows: list[TokenizedEpisode]) -> float:
    """Rounding of an answer to the longest of ``rows``, relative."""
    plan = stack.model.plan
    seen = max(sum(plan.tokens_of[e.layout][0] for e in r.token_features) for r in rows)
    return rounding(torch.float32, pass_terms(plan.size, seen))


def _whole(stack: AdapterStack, rows: list[TokenizedEpisode]) -> list[list[torch.Tensor]]:
    plan = stack.model.plan
    answers = stack.answers(collate([[r] for r in rows], plan.tokens_of, plan.tasks))
    return [
        [answers.logits[a.task][i, j] for j, a in enumerate(r.queries)] for i, r in enumerate(rows)
    ]


def _streamed(stack: AdapterStack, rows: list[TokenizedEpisode]) -> list[list[torch.Tensor]]:
    cache = KVCache(stack.model, len(rows), *places(made.CHANNELS), torch.float32)
    leaves = stack.leaves(stack.theta, ())
    adapters, heads = stack.adapters(leaves), stack.heads(leaves)
    out: list[list[torch.Tensor]] = [[] for _ in rows]
    for tick in range(max(r.queries[-1].tick for r in rows) + 1):
        token_features = [[e for e in r.token_features if e.tick == tick] for r in rows]
        queries: list[list[TokenizedQuery]] = [
            [a for a in r.queries if a.tick == tick] for r in rows
        ]
        batch = tick_batch(stack.model, token_features, queries)
        with torch.no_grad():
            answers = stack.model(batch, stack.layers, adapters, heads, context=cache.open(batch))
        for i, row in enumerate(queries):
            out[i] += [answers.logits[a.task][i, j] for j, a in enumerate(row)]
    return out


def test_streamed_ticks_equal_the_full_pass() -> None:
    """8 s, longer than the fast ring: old tokens must fall out on both paths alike. 1e-4 is what
    streaming promises of logits in float32; the larger ones are further off by their rounding."""
    rows = [made.tokens(1, 8.0), made.tokens(2, 8.0), made.tokens(3, 3.0)]
    stack = _cohort(3)
    whole, streamed = _whole(stack, rows), _streamed(stack, rows)
    relative = _relative(stack, rows)
    size = root_mean_square(torch.cat([x for row in whole for x in row]))
    assert relative * size < 1e-4  # the promise can be kept
    for a, b in zip(whole, streamed, strict=True):
        assert len(a) == len(b) > 0
        for x, y in zip(a, b, strict=True):
            torch.testing.assert_close(x, y, atol=1e-4, rtol=relative)


def test_the_answer_depends_on_the_past_within_the_window_only() -> None:
    whole = made.tokens(1, 8.0)
    last = whole.queries[-1]
    near = TokenizedEpisode(
        tuple(e for e in whole.token_features if e.tick > last.tick - 30), (last,)
    )
    stack = _cohort(1)
    full = _whole(stack, [TokenizedEpisode(whole.token_features, (last,))])[0][0]
    assert (full - _whole(stack, [near])[0][0]).abs().max() > 1e-3


def test_alone_equals_in_a_cohort() -> None:
    rows = [made.tokens(s) for s in range(5)]
    stack = _cohort(5)
    together = _whole(stack, rows)
    relative = _relative(stack, rows)
    size = root_mean_square(torch.cat([x for row in together for x in row]))
    for i, row in enumerate(rows):
        alone = AdapterStack(stack.model, 1, Tuning())
        alone.theta = stack.theta[i : i + 1].clone()
        for x, y in zip(_whole(alone, [row])[0], together[i], strict=True):
            torch.testing.assert_close(x, y, atol=relative * size, rtol=relative)


def test_live_token_stream_equals_the_recording() -> None:
    """Samples that arrive tick by tick give the same numbers as all at once."""
    episode = made.episode(4)
    whole = made.tokens(4)
    stream = TokenStream(made.CHANNELS)
    token_features, queries = [], {a.tick: a for a in whole.queries}
    for tick in range(whole.queries[-1].tick + 1):
        now = {
            n: s.between(tick * made.TICK_US, (tick + 1) * made.TICK_US)
            for n, s in episode.samples.items()
        }
        stream.push(now)
        token_features += stream.advance(tick)
        if tick in queries:
            summary = stream.summary(queries[tick].task, tick)
            for layout, vector in queries[tick].summary.items():
                assert (summary[layout] == vector).all()
    assert [(e.layout, e.tick) for e in token_features] == [
        (e.layout, e.tick) for e in whole.token_features
    ]
    for mine, theirs in zip(token_features, whole.token_features, strict=True):
        assert (mine.features == theirs.features).all()


@pytest.mark.parametrize("gone", ["watch", "phone", "microphone"])
def test_an_absent_channel_adds_nothing(gone: str) -> None:
    """Property 7: whatever the places hold that an absent channel leaves empty in a batch, and
    whatever the same channel brings to the headset beside, the answers are the same: to the last
    bit, as the shapes are, and what is masked has the weight 0."""
    layout = next(c.layout for c in made.CHANNELS if c.name == gone)
    whole = made.tokens(5)
    queries = tuple(
        TokenizedQuery(a.task, a.tick, a.label, {k: v for k, v in a.summary.items() if k != layout})
        for a in whole.queries
    )
    without = TokenizedEpisode(
        tuple(e for e in whole.token_features if e.layout != layout), queries
    )
    stack = _cohort(2)
    model = stack.model
    batch = collate([[without], [whole]], model.plan.tokens_of, model.plan.tasks)
    empty = ~batch.valid.flatten()
    assert empty.any()  # the shorter row is padded where the channel would have been

    def logits(inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        leaves = stack.leaves(stack.theta, ())
        found = model(batch, stack.layers, stack.adapters(leaves), stack.heads(leaves), inputs)
        return {task: x.detach() for task, x in found.logits.items()}

    inputs = model.tokens(batch.features, len(empty)).detach()
    before = logits(inputs)
    inputs[empty] = 1e4 * torch.randn(int(empty.sum()), inputs.shape[1])
    rows, at = batch.features[layout]
    batch.features[layout] = (rows + 100 * torch.randn(rows.shape), at)
    beside = model.tokens(batch.features, len(empty)).detach()
    inputs[~empty] = beside[~empty]
    after = logits(inputs)
    for task, x in before.items():
        assert torch.equal(after[task][0], x[0])
        assert (after[task][1] - x[1]).abs().max() > 1e-3
