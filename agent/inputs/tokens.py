"""From samples to emissions: the one way in which live streams and recordings become numbers.

A :class:`TokenStream` holds the samples that its encoders may still look back on. ``push`` adds
what arrived, ``advance`` closes ticks and returns the emissions that fall due in them, ``summary``
gives the long-window statistics when a task is asked. Features depend on capture times alone, so
:func:`tokenize` of a recorded episode equals the live stream of it, bit for bit.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedxr.agent.encoders import encoder_for
from fedxr.agent.encoders.base import Array, Encoder, EncoderSpec
from fedxr.agent.tasks import Episode, task_named
from fedxr.bridge.channels import TICK_US, Channel, ChannelError, Samples, sizes_vary
from fedxr.bridge.plausible import present

BYTES = 1 << 24
"""Most bytes of pictures of one channel that are looked back on (16 MiB)."""


@dataclass(frozen=True)
class TokenFeatures:
    """What one channel adds to the model at one tick: ``features`` (size,) of ``layout``."""

    layout: str
    tick: int
    features: Array

    @property
    def finite(self) -> bool:
        """Whether they are all numbers; encoders make no others."""
        return math.isfinite(np.vdot(self.features, self.features))


@dataclass(frozen=True)
class TokenizedQuery:
    """A task asked at ``tick`` with the ``summary`` by layout; ``label`` is -1 while unknown."""

    task: str
    tick: int
    label: int
    summary: Mapping[str, Array]

    @property
    def finite(self) -> bool:
        """Whether the summaries are all numbers; encoders make no others."""
        return all(math.isfinite(np.vdot(x, x)) for x in self.summary.values())


@dataclass(frozen=True)
class TokenizedEpisode:
    """One tokenised episode."""

    token_features: tuple[TokenFeatures, ...]
    queries: tuple[TokenizedQuery, ...]
    key: str = ""
    adapt: bool = True

    @property
    def finite(self) -> bool:
        """Whether all of it is numbers."""
        return all(e.finite for e in self.token_features) and all(a.finite for a in self.queries)


@dataclass
class _Line:
    """The samples of one channel that are still looked back on: as one array, and what came since
    (``waiting``). Pictures stay in the blocks that they came in, since to join them costs more than
    to look at one."""

    channel: Channel
    encoder: Encoder
    shape: EncoderSpec
    t_us: NDArray[np.int64]
    values: NDArray[np.generic]
    waiting: deque[Samples]

    def between(self, start_us: int, end_us: int) -> Samples:
        """The samples with ``start_us <= t < end_us``."""
        if not sizes_vary(self.channel):
            self._join()
            return Samples(self.t_us, self.values).between(start_us, end_us)
        parts = [p.between(start_us, end_us) for p in self.waiting if p.t_us[-1] >= start_us]
        parts = [p for p in parts if len(p)]
        if not parts:
            return Samples(self.t_us, self.values)
        # A camera that changes its size starts anew: pictures of one size are looked at as one.
        size = parts[-1].values.shape[1:]
        other = [i for i, p in enumerate(parts) if p.values.shape[1:] != size]
        return _joined(parts[other[-1] + 1 :] if other else parts)

    def forget(self, before_us: int) -> None:
        """Samples before that are not needed any more, nor what is more than `BYTES` of pictures;
        a second of them may stay."""
        if not sizes_vary(self.channel):
            self._join()
            if len(self.t_us) and self.t_us[0] < before_us - 1_000_000:
                a = int(np.searchsorted(self.t_us, before_us))
                self.t_us, self.values = self.t_us[a:], self.values[a:]
            return
        held = sum(p.nbytes for p in self.waiting)
        while len(self.waiting) > 1 and (held > BYTES or self.waiting[0].t_us[-1] < before_us):
            held -= self.waiting.popleft().nbytes

    def _join(self) -> None:
        if self.waiting:
            parts = [Samples(self.t_us, self.values)] if len(self.t_us) else []
            both = _joined([*parts, *self.waiting])
            self.t_us, self.values = both.t_us, both.values
            self.waiting.clear()


def _joined(parts: Sequence[Samples]) -> Samples:
    if len(parts) == 1:
        return Samples(parts[0].t_us, parts[0].values)
    t_us = np.concatenate([p.t_us for p in parts])
    return Samples(t_us, np.concatenate([p.values for p in parts]))


class TokenStream:
    """The tokens of one headset's current episode, tick by tick."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self.channels = tuple(channels)
        self.start()

    def start(self) -> None:
        """Forget the past: a new episode begins at tick 0."""
        self.tick = 0
        self._lines: dict[str, _Line] = {}
        for channel in self.channels:
            encoder = encoder_for(channel)
            empty = np.empty(0, np.int64)
            shape = encoder.shape(channel)
            self._lines[channel.name] = _Line(channel, encoder, shape, empty, empty, deque())

    def push(self, samples: Mapping[str, Samples]) -> None:
        """Add samples by channel name; times count from the episode's start, in order."""
        for name, part in samples.items():
            if len(part):
                self._lines[name].waiting.append(part)

    def advance(self, tick: int, reach: Mapping[str, int] | None = None) -> list[TokenFeatures]:
        """Close all ticks up to and including ``tick``; returns what they emit, in order. With
        ``reach`` only what the last so many ticks of each channel emit: the rest is too old."""
        out = []
        first = self.tick
        since = {n: max(first, tick + 1 - reach[n]) if reach else first for n in self._lines}
        for now in range(min(since.values(), default=first), tick + 1):
            end = (now + 1) * TICK_US
            for name, line in self._lines.items():
                if now < since[name]:
                    continue
                features = self._due(line, now, end)
                if features is not None:
                    out.append(TokenFeatures(line.channel.layout, now, features))
        self.tick = max(self.tick, tick + 1)
        self._trim()
        return out

    def summary(self, task: str, tick: int) -> dict[str, Array]:
        """Summary vectors by layout of the channels that ``task`` uses, up to ``tick``'s end."""
        modalities = task_named(task).modalities
        out = {}
        for line in self._lines.values():
            if line.channel.modality not in modalities:
                continue
            end = (tick + 1) * TICK_US
            seen = line.between(end - int(line.shape.summary_s * 1e6), end)
            vector = line.encoder.summary(seen, line.channel, end) if len(seen) else None
            if vector is not None:
                _check(vector, line.shape.summary, "summary", line.channel)
                out[line.channel.layout] = vector
        return out

    @staticmethod
    def _due(line: _Line, now: int, end: int) -> Array | None:
        period = line.shape.period
        if period and (now + 1) % period:
            return None
        start = end - int(line.shape.window_s * 1e6)
        seen = line.between(start if period else end - TICK_US, end)
        made = line.encoder.features(seen, line.channel, end) if len(seen) else None
        if made is not None:
            _check(made, line.shape.size, "features", line.channel)
        return made

    def _trim(self) -> None:
        for line in self._lines.values():
            keep = max(line.shape.window_s, line.shape.summary_s) + 1.0
            line.forget(self.tick * TICK_US - int(keep * 1e6))


def _check(vector: Array, size: int, what: str, channel: Channel) -> None:
    """Raise ChannelError where an encoder makes something else than its shape says: in a batch it
    would end the pass of everybody."""
    if vector.shape != (size,):
        raise ChannelError(
            f"channel {channel.name}: the encoder of {channel.layout} made a {what} of shape "
            f"{vector.shape}; its Shape says ({size},)"
        )


def tick_of(t_us: int) -> int:
    """The tick that closes at or after ``t_us``: the one after which the instant is known."""
    return max(0, -(-t_us // TICK_US) - 1)


def tokenize(episode: Episode, channels: Sequence[Channel]) -> TokenizedEpisode:
    """All emissions of ``episode`` up to its last query, and its queries with their summaries.
    Samples that cannot be are left out, as on their way through a bridge."""
    stream = TokenStream([c for c in channels if c.name in episode.samples])
    layouts = {c.name: c.layout for c in channels}
    stream.push({name: present(some, layouts[name]) for name, some in episode.samples.items()})
    token_features: list[TokenFeatures] = []
    queries = []
    by_tick: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for query in episode.queries:
        by_tick[tick_of(query.t_us)].append((query.task, query.label))
    for tick in sorted(by_tick):
        token_features += stream.advance(tick)
        for task, label in by_tick[tick]:
            queries.append(TokenizedQuery(task, tick, label, stream.summary(task, tick)))
    return TokenizedEpisode(tuple(token_features), tuple(queries), episode.key, episode.adapt)
