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
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fedxr.agent.encoders import encoder_for
from fedxr.agent.inputs.batch import Batch, collate
from fedxr.agent.inputs.tokens import TokenFeatures, TokenizedEpisode, TokenizedQuery
from fedxr.agent.model.m3t import FAST, M3T, SLOW
from fedxr.agent.model.ops import attention
from fedxr.bridge.channels import TICK_US, Channel

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

IRREGULAR_HZ = 2.0
"""Emissions a second that a channel without a nominal rate is given room for."""

CAUGHT_UP = 128
"""Tokens of one channel that are made at most when it catches up: all that are visible, but of
pictures only the last eight, since one costs as much as a second of anything else."""


def places(channels: Iterable[Channel]) -> tuple[int, int]:
    """(fast, slow) ring places that these channels can fill while their tokens are visible."""
    fast, slow = 1, 1
    for channel in channels:
        shape = encoder_for(channel).shape(channel)
        reach = SLOW if shape.slow else FAST
        if shape.period:
            many = math.ceil(reach / shape.period) + 1
        else:
            rate = channel.rate_hz or IRREGULAR_HZ
            many = math.ceil(min(1.0, rate * TICK_US / 1e6) * reach) + 1
        if shape.slow:
            slow += many * shape.tokens
        else:
            fast += many * shape.tokens
    return fast, slow


def reach(channel: Channel) -> int:
    """Ticks back from now whose emissions are encoded where many are closed at once, after a leap:
    those that can still be seen, and `CAUGHT_UP` tokens of a channel at most."""
    shape = encoder_for(channel).shape(channel)
    return min(SLOW if shape.slow else FAST, CAUGHT_UP // shape.tokens * max(1, shape.period))


Marks = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]
NEVER = -(1 << 30)
"""The tick of a place that nothing has been written to."""


class KVCache:
    """Keys, values and final states of the tokens that H headsets can still see.

    A place is visible until tick ``until``, to whoever has a greater ``serial`` or that one. Behind
    the rings lie a place for padding and ``queries`` scratch places, one a question.
    """

    def __init__(self, model: M3T, rows: int, fast: int, slow: int, dtype: torch.dtype) -> None:
        self.queries = 8
        self.fast, self.slow = fast, slow
        self.trash = fast + slow
        # softmax is fast at multiples of 16
        self.total = -(-(self.trash + 1 + self.queries) // 16) * 16
        self.model, self._dtype = model, dtype
        self._make(rows)
        self.use(rows)

    def _make(self, room: int) -> None:
        """Empty rings for ``room`` headsets. Memory that was never written to is not taken."""
        size = self.model.plan.size
        each = size.width // size.heads
        shape = room, size.kv_heads, self.total, each

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(*shape, dtype=self._dtype, device=self.model.device)

        self._tensors = [zeros(*shape) for _ in range(2 * size.layers)]
        self._tensors.append(zeros(room, self.total, size.width))
        self._until = np.full((room, self.total), NEVER, np.int32)
        self._serial = np.zeros((room, self.total), np.int64)
        self._written = np.zeros((room, 2), np.int64)

    @property
    def _parts(self) -> list[Any]:
        return [*self._tensors, self._until, self._serial, self._written]

    def use(self, rows: int) -> None:
        """From now on the first ``rows`` rows are headsets; those of them that were keep what they
        have seen. Room grows by doubling, so that who comes costs the others next to nothing, and
        is given back where three quarters of it are empty."""
        room = len(self._until)
        if rows > room or 4 * rows < room:
            before, kept = self._parts, min(rows, room)
            self._make(1 << max(0, rows - 1).bit_length())
            for new, old in zip(self._parts, before, strict=True):
                new[:kept] = old[:kept]
        layers = len(self._tensors) // 2
        used = [t[:rows] for t in self._tensors]
        self.keys, self.values, self.states = used[:layers], used[layers:-1], used[-1]
        self.until, self.serial = self._until[:rows], self._serial[:rows]
        self.written = self._written[:rows]  # tokens so far: fast, slow

    def copy(self, row: int, source: int) -> None:
        """Headset ``row`` has seen what ``source`` has."""
        for part in self._parts:
            part[row] = part[source]

    def empty(self, row: int) -> None:
        """Row ``row`` is another headset's: nothing of the last one's stays."""
        for part in self._parts:
            part[row] = 0
        self.clear(row)

    def clear(self, row: int) -> None:
        """Forget what headset ``row`` has seen: a new episode."""
        self.until[row] = NEVER

    def marks(self) -> Marks:
        """Which places are in use, to :meth:`put_back` where a pass fails half way."""
        return self.until.copy(), self.serial.copy(), self.written.copy()

    def put_back(self, marks: Marks) -> None:
        """As if nothing had been written since ``marks``. New tokens take the places of tokens that
        nobody sees any more, so none is lost."""
        self.until[:], self.serial[:], self.written[:] = marks

    def open(self, batch: Batch) -> CacheView:
        return CacheView(self, batch)


class CacheView:
    """One tick's context: the rings with the tick's tokens written into them.

    Tokens of a headset come in time order, and it asks at the end; so what is written later is
    never older, and serial numbers say who may see whom. Bookkeeping is in numpy: at these sizes
    a torch op costs three times as much.
    """

    def __init__(self, cache: KVCache, batch: Batch) -> None:
        self.cache = cache
        rows, _, n = batch.tick.shape
        queries = batch.ask_tick.shape[2]
        if queries > cache.queries:
            raise ValueError(
                f"{queries} questions in one tick; at most {cache.queries} are answered"
            )
        slow, valid = batch.slow[:, 0].numpy(), batch.valid[:, 0].numpy()
        tick, ask_tick = batch.tick[:, 0].numpy(), batch.ask_tick[:, 0].numpy()
        place, order = self._claim(valid, slow)
        row = np.arange(rows)[:, None]
        cache.until[row, place] = tick + np.where(slow, SLOW, FAST)
        cache.serial[row, place] = order
        cache.until[:, cache.trash] = NEVER
        now = np.concatenate((tick, ask_tick), 1)[..., None]  # (H, N + Q, 1)
        seen = cache.until[:, None] > now
        seen[:, :n] &= cache.serial[:, None] <= order[..., None]
        scratch = np.arange(queries) + cache.trash + 1
        seen[:, n + np.arange(queries), scratch] = True
        device, kv = cache.states.device, cache.keys[0].shape[1]
        self._seen = torch.from_numpy(seen[:, n:]).to(device)
        place = np.concatenate((place, np.broadcast_to(scratch, (rows, queries))), 1)
        everywhere = np.arange(rows * kv).reshape(rows, kv, 1) * cache.total + place[:, None]
        self._all = torch.from_numpy(everywhere.ravel()).to(device)
        self._new = torch.from_numpy((row * cache.total + place[:, :n]).ravel()).to(device)
        bias = torch.from_numpy(np.where(seen, np.float32(0), np.float32(-1e9))[:, None])
        self._bias = bias.to(device, cache.states.dtype)  # (H, 1, N + Q, S)

    def _claim(self, valid: Booleans, slow: Booleans) -> tuple[Integers, Integers]:
        """Ring place and serial number (H, N) of each new token; padding goes to the trash."""
        cache = self.cache
        kinds = np.stack((valid & ~slow, valid & slow), -1)  # (H, N, 2)
        count = cache.written[:, None] + kinds.cumsum(1) - 1
        place = np.where(slow, cache.fast + count[..., 1] % cache.slow, count[..., 0] % cache.fast)
        order = cache.written.sum(1, keepdims=True) + valid.cumsum(1)
        cache.written += kinds.sum(1)
        return np.where(valid, place, cache.trash), order

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        cache = self.cache
        keys, values = cache.keys[layer], cache.values[layer]
        # index_copy_ along one axis writes only these places; scatter_ would copy the whole ring
        keys.flatten(0, 2).index_copy_(0, self._all, k.flatten(0, 3))
        values.flatten(0, 2).index_copy_(0, self._all, v.flatten(0, 3))
        return attention(q, keys[:, None], values[:, None], self._bias)

    def mean(self, states: Tensor) -> Tensor:
        cache = self.cache
        cache.states.flatten(0, 1).index_copy_(0, self._new, states.flatten(0, 2))
        weight = self._seen.to(states.dtype)
        weight[..., cache.trash :] = 0
        total = torch.matmul(weight, cache.states)
        return (total / weight.sum(-1, keepdim=True).clamp_min(1))[:, None]


def resized(cache: KVCache, fast: int, slow: int) -> KVCache:
    """The same headsets, who have seen the same, in rings of ``fast`` and ``slow`` places, at least
    as many as before."""
    new = KVCache(cache.model, len(cache.until), fast, slow, cache.states.dtype)
    for row in range(len(cache.until)):
        alive = np.flatnonzero(cache.until[row] > NEVER)
        alive = alive[cache.serial[row, alive].argsort()]
        is_slow = alive >= cache.fast
        counts = np.stack((~is_slow, is_slow), 1).cumsum(0)
        to = np.where(is_slow, fast + counts[:, 1] - 1, counts[:, 0] - 1)
        for old, made in zip(cache.keys + cache.values, new.keys + new.values, strict=True):
            made[row][:, to] = old[row][:, alive]
        new.states[row, to] = cache.states[row, alive]
        new.until[row, to] = cache.until[row, alive]
        new.serial[row, to] = np.arange(1, len(alive) + 1)
        if len(alive):
            new.written[row] = counts[-1]
    return new


def tick_batch(
    model: M3T,
    token_features: Sequence[Sequence[TokenFeatures]],
    queries: Sequence[Sequence[TokenizedQuery]],
) -> Batch:
    """What arrived in one tick and what is asked at its end, one row a headset. The door of the
    rings: what is no number comes in no further, for it would be seen until the episode's end."""
    rows = [
        [TokenizedEpisode(tuple(e for e in new if e.finite), tuple(map(_numbers, asked)))]
        for new, asked in zip(token_features, queries, strict=True)
    ]
    return collate(rows, model.plan.tokens_of, model.plan.tasks)


def _numbers(ask: TokenizedQuery) -> TokenizedQuery:
    """The ask without summaries that are no numbers: they count as absent."""
    if ask.finite:
        return ask
    kept = {k: x for k, x in ask.summary.items() if np.isfinite(x).all()}
    return replace(ask, summary=kept)
