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

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agent.batch import Batch, collate
from agent.encoders import encoder_for
from agent.model import FAST, M3T, SLOW
from agent.ops import attention
from agent.tokens import Ask, Emission, Tokens
from bridge.channels import TICK_US, Channel

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

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


NEVER = -(1 << 30)
"""The tick of a place that nothing has been written to."""


class Rings:
    """Keys, values and final states of the tokens that H headsets can still see.

    A place is visible until tick ``until``, to whoever has a greater ``serial`` or that one. Behind
    the rings lie a place for padding and ``queries`` scratch places, one a question.
    """

    def __init__(self, model: M3T, rows: int, fast: int, slow: int, dtype: torch.dtype) -> None:
        size, self.queries = model.plan.size, 8
        self.fast, self.slow = fast, slow
        self.trash = fast + slow
        # softmax is fast at multiples of 16
        self.total = -(-(self.trash + 1 + self.queries) // 16) * 16
        each = size.width // size.heads
        room = torch.zeros(rows, size.kv_heads, self.total, each, dtype=dtype, device=model.device)
        self.keys = [room.clone() for _ in range(size.layers)]
        self.values = [room.clone() for _ in range(size.layers)]
        self.states = room.new_zeros(rows, self.total, size.width)
        self.until = np.full((rows, self.total), NEVER, np.int32)
        self.serial = np.zeros((rows, self.total), np.int64)
        self.written = np.zeros((rows, 2), np.int64)  # tokens so far: fast, slow

    def clear(self, row: int) -> None:
        """Forget what headset ``row`` has seen: a new episode."""
        self.until[row] = NEVER

    def open(self, batch: Batch) -> Window:
        return Window(self, batch)


class Window:
    """One tick's context: the rings with the tick's tokens written into them.

    Tokens of a headset come in time order, and it asks at the end; so what is written later is
    never older, and serial numbers say who may see whom. Bookkeeping is in numpy: at these sizes
    a torch op costs three times as much.
    """

    def __init__(self, rings: Rings, batch: Batch) -> None:
        self.rings = rings
        rows, _, n = batch.tick.shape
        asks = batch.ask_tick.shape[2]
        if asks > rings.queries:
            raise ValueError(f"{asks} questions in one tick; at most {rings.queries} are answered")
        slow, valid = batch.slow[:, 0].numpy(), batch.valid[:, 0].numpy()
        tick, ask_tick = batch.tick[:, 0].numpy(), batch.ask_tick[:, 0].numpy()
        place, order = self._claim(valid, slow)
        row = np.arange(rows)[:, None]
        rings.until[row, place] = tick + np.where(slow, SLOW, FAST)
        rings.serial[row, place] = order
        rings.until[:, rings.trash] = NEVER
        now = np.concatenate((tick, ask_tick), 1)[..., None]  # (H, N + Q, 1)
        seen = rings.until[:, None] > now
        seen[:, :n] &= rings.serial[:, None] <= order[..., None]
        scratch = np.arange(asks) + rings.trash + 1
        seen[:, n + np.arange(asks), scratch] = True
        device, kv = rings.states.device, rings.keys[0].shape[1]
        self._seen = torch.from_numpy(seen[:, n:]).to(device)
        place = np.concatenate((place, np.broadcast_to(scratch, (rows, asks))), 1)
        everywhere = np.arange(rows * kv).reshape(rows, kv, 1) * rings.total + place[:, None]
        self._all = torch.from_numpy(everywhere.ravel()).to(device)
        self._new = torch.from_numpy((row * rings.total + place[:, :n]).ravel()).to(device)
        bias = torch.from_numpy(np.where(seen, np.float32(0), np.float32(-1e9))[:, None])
        self._bias = bias.to(device, rings.states.dtype)  # (H, 1, N + Q, S)

    def _claim(self, valid: Booleans, slow: Booleans) -> tuple[Integers, Integers]:
        """Ring place and serial number (H, N) of each new token; padding goes to the trash."""
        rings = self.rings
        kinds = np.stack((valid & ~slow, valid & slow), -1)  # (H, N, 2)
        count = rings.written[:, None] + kinds.cumsum(1) - 1
        place = np.where(slow, rings.fast + count[..., 1] % rings.slow, count[..., 0] % rings.fast)
        order = rings.written.sum(1, keepdims=True) + valid.cumsum(1)
        rings.written += kinds.sum(1)
        return np.where(valid, place, rings.trash), order

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
        weight[..., rings.trash :] = 0
        total = torch.matmul(weight, rings.states)
        return (total / weight.sum(-1, keepdim=True).clamp_min(1))[:, None]


def resized(rings: Rings, model: M3T, sources: Sequence[int], fast: int, slow: int) -> Rings:
    """New rings with ``fast`` and ``slow`` places, at least as many as before: row i has seen what
    row ``sources[i]`` had seen, nothing where that is -1."""
    new = Rings(model, len(sources), fast, slow, rings.states.dtype)
    for row, source in enumerate(sources):
        if source < 0:
            continue
        alive = np.flatnonzero(rings.until[source] > NEVER)
        alive = alive[rings.serial[source, alive].argsort()]
        is_slow = alive >= rings.fast
        counts = np.stack((~is_slow, is_slow), 1).cumsum(0)
        to = np.where(is_slow, fast + counts[:, 1] - 1, counts[:, 0] - 1)
        for old, made in zip(rings.keys + rings.values, new.keys + new.values, strict=True):
            made[row][:, to] = old[source][:, alive]
        new.states[row, to] = rings.states[source, alive]
        new.until[row, to] = rings.until[source, alive]
        new.serial[row, to] = np.arange(1, len(alive) + 1)
        if len(alive):
            new.written[row] = counts[-1]
    return new


def tick_batch(
    model: M3T, emissions: Sequence[Sequence[Emission]], asks: Sequence[Sequence[Ask]]
) -> Batch:
    """What arrived in one tick and what is asked at its end, one row a headset."""
    rows = [[Tokens(tuple(e), tuple(a))] for e, a in zip(emissions, asks, strict=True)]
    return collate(rows, model.plan.tokens_of, model.plan.tasks)
