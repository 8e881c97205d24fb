"""Answering tick by tick: rings of keys and values, so that a tick costs only its own tokens.

Each headset has a fast ring (tokens of the last FAST ticks) and a slow one (SLOW ticks). New
tokens are written into the rings before the layer attends, so that one product serves all
headsets; queries use scratch places behind the rings that nobody else sees. Feeding ticks one at a
time gives the same answers as the whole episode at once (tests/agent/test_streaming.py).

After an adapter changes, keys and values of tokens already in the rings are those of the old one;
they leave with their tokens, after 5 s in the fast ring. A new episode empties a headset's rings.

Shape legend: H headsets, S ring places, N new tokens, Q queries, V key/value heads, E head width.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from agent.batch import Batch, collate
from agent.encoders import encoder_for
from agent.model import FAST, M3T, SLOW
from agent.ops import attention
from agent.tokens import Ask, Emission, Tokens
from bridge.channels import TICK_US, Channel

IRREGULAR_HZ = 2.0
"""Emissions a second that a channel without a nominal rate is given room for."""


def places(channels: Iterable[Channel]) -> tuple[int, int]:
    """(fast, slow) ring places that these channels can fill while their tokens are visible."""
    fast, slow = 1, 1
    for channel in channels:
        shape = encoder_for(channel).shape(channel)
        reach = SLOW if shape.slow else FAST
        if shape.period:
            emissions = math.ceil(reach / shape.period) + 1
        else:
            rate = channel.rate_hz or IRREGULAR_HZ
            emissions = math.ceil(min(1.0, rate * TICK_US / 1e6) * reach) + 1
        if shape.slow:
            slow += emissions * shape.tokens
        else:
            fast += emissions * shape.tokens
    return fast, slow


class Rings:
    """Keys, values and final states of the tokens that H headsets can still see."""

    def __init__(self, model: M3T, rows: int, fast: int, slow: int, dtype: torch.dtype) -> None:
        size, self.queries = model.plan.size, 8
        self.fast, self.slow = fast, slow
        self.trash = fast + slow
        total = -(-(self.trash + 1 + self.queries) // 16) * 16  # softmax is fast at multiples
        each = size.width // size.heads
        shape = (rows, size.kv_heads, total, each)
        self.keys = [torch.zeros(shape, dtype=dtype) for _ in range(size.layers)]
        self.values = [torch.zeros(shape, dtype=dtype) for _ in range(size.layers)]
        self.states = torch.zeros(rows, total, size.width, dtype=dtype)
        self.tick = torch.full((rows, total), -(10**9))
        self.serial = torch.zeros(rows, total, dtype=torch.int64)
        self.reach = torch.full((total,), FAST)
        self.reach[fast : fast + slow] = SLOW
        self.written = torch.zeros(rows, 2, dtype=torch.int64)  # tokens so far: fast, slow

    def clear(self, row: int) -> None:
        """Forget what headset ``row`` has seen: a new episode."""
        self.tick[row] = -(10**9)

    def open(self, batch: Batch) -> Window:
        return Window(self, batch)


class Window:
    """One tick's context: the rings with the tick's tokens written into them."""

    def __init__(self, rings: Rings, batch: Batch) -> None:
        self.rings = rings
        rows, _, n = batch.tick.shape
        asks = batch.ask_tick.shape[2]
        if asks > rings.queries:
            raise ValueError(f"{asks} questions in one tick; at most {rings.queries} are answered")
        place, serial = self._claim(batch.valid[:, 0], batch.slow[:, 0])
        now = torch.cat((batch.tick[:, 0], batch.ask_tick[:, 0]), 1)  # (H, N + Q)
        total, kv = rings.tick.shape[1], rings.keys[0].shape[1]
        self._new = (torch.arange(rows)[:, None] * total + place).view(-1)
        rings.tick.view(-1)[self._new] = batch.tick.view(-1)
        rings.tick[:, rings.trash] = -(10**9)
        rings.serial.view(-1)[self._new] = serial.view(-1)
        last = torch.full((rows, asks), torch.iinfo(torch.int64).max)
        order = torch.cat((serial, last), 1)
        age = now[..., None] - rings.tick[:, None]
        seen = (age >= 0) & (age < rings.reach) & (rings.serial[:, None] <= order[..., None])
        self._seen = seen[:, n:]
        scratch = torch.arange(asks) + rings.trash + 1
        place = torch.cat((place, scratch.expand(rows, -1)), 1)
        self._all = (torch.arange(rows * kv).view(rows, kv, 1) * total + place[:, None]).view(-1)
        own = torch.zeros_like(seen).scatter_(2, place[..., None], True)
        bias = torch.zeros(seen.shape, dtype=torch.float32).masked_fill_(~(seen | own), -1e9)
        self._bias = bias[:, None].to(rings.keys[0].dtype)  # (H, 1, N + Q, S)

    def _claim(self, valid: Tensor, slow: Tensor) -> tuple[Tensor, Tensor]:
        """Ring place and serial number (H, N) of each new token; padding goes to the trash."""
        rings = self.rings
        kinds = torch.stack((valid & ~slow, valid & slow), -1)  # (H, N, 2)
        serial = rings.written[:, None] + kinds.cumsum(1) - 1
        place = serial[..., 0] % rings.fast
        place = torch.where(slow, rings.fast + serial[..., 1] % rings.slow, place)
        start = rings.written.sum(1, keepdim=True)
        rings.written += kinds.sum(1)
        order = start + valid.cumsum(1)
        return torch.where(valid, place, rings.trash), order

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        rings = self.rings
        keys, values = rings.keys[layer], rings.values[layer]
        # index_copy_ along one axis writes only these places; scatter_ would copy the whole ring
        keys.flatten(0, 2).index_copy_(0, self._all, k.flatten(0, 3))
        values.flatten(0, 2).index_copy_(0, self._all, v.flatten(0, 3))
        return attention(q, keys[:, None], values[:, None], self._bias)

    def mean(self, states: Tensor) -> Tensor:
        rings = self.rings
        rings.states.flatten(0, 1).index_copy_(0, self._new, states.flatten(0, 2))
        weight = self._seen.to(states.dtype)
        total = torch.matmul(weight, rings.states)
        return (total / weight.sum(-1, keepdim=True).clamp_min(1))[:, None]


def resized(
    rings: Rings, model: M3T, sources: Sequence[int], fast: int, slow: int
) -> Rings:
    """New rings with ``fast`` and ``slow`` places, at least as many as before: row i has seen what
    row ``sources[i]`` had seen, nothing where that is -1."""
    new = Rings(model, len(sources), fast, slow, rings.states.dtype)
    for row, source in enumerate(sources):
        if source < 0:
            continue
        alive = (rings.tick[source] > -(10**9)).nonzero()[:, 0]
        alive = alive[rings.serial[source, alive].argsort()]
        is_slow = alive >= rings.fast
        counts = torch.stack((~is_slow, is_slow), 1).cumsum(0)
        to = torch.where(is_slow, fast + counts[:, 1] - 1, counts[:, 0] - 1)
        for old, made in zip(rings.keys + rings.values, new.keys + new.values, strict=True):
            made[row][:, to] = old[source][:, alive]
        new.states[row, to] = rings.states[source, alive]
        new.tick[row, to] = rings.tick[source, alive]
        new.serial[row, to] = torch.arange(1, len(alive) + 1)
        if len(alive):
            new.written[row] = counts[-1]
    return new


def tick_batch(
    model: M3T, emissions: Sequence[Sequence[Emission]], asks: Sequence[Sequence[Ask]]
) -> Batch:
    """What arrived in one tick and what is asked at its end, one row a headset."""
    rows = [[Tokens(tuple(e), tuple(a))] for e, a in zip(emissions, asks, strict=True)]
    return collate(rows, model.plan.tokens_of, model.plan.tasks)
