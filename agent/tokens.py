"""From samples to emissions: the one way in which live streams and recordings become numbers.

A :class:`TokenStream` holds the samples that its encoders may still look back on. ``push`` adds
what arrived, ``advance`` closes ticks and returns the emissions that fall due in them, ``summary``
gives the long-window statistics when a task is asked. Features depend on capture times alone, so
:func:`tokenize` of a recorded episode equals the live stream of it, bit for bit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.encoders import encoder_for
from agent.encoders.base import Array, Encoder, Shape
from agent.tasks import Episode, task_named
from bridge.channels import TICK_US, Channel, Samples


@dataclass(frozen=True)
class Emission:
    """What one channel adds to the model at one tick: ``features`` (size,) of ``layout``."""

    layout: str
    tick: int
    features: Array


@dataclass(frozen=True)
class Ask:
    """A task asked at ``tick`` with the ``summary`` by layout; ``label`` is -1 while unknown."""

    task: str
    tick: int
    label: int
    summary: Mapping[str, Array]


@dataclass(frozen=True)
class Tokens:
    """One tokenised episode."""

    emissions: tuple[Emission, ...]
    asks: tuple[Ask, ...]
    key: str = ""
    adapt: bool = True


@dataclass
class _Line:
    channel: Channel
    encoder: Encoder
    shape: Shape
    t_us: NDArray[np.int64]
    values: NDArray[np.generic]
    waiting: list[Samples]

    def samples(self) -> Samples:
        if self.waiting:
            parts = [Samples(self.t_us, self.values)] if len(self.t_us) else []
            parts += self.waiting
            self.t_us = np.concatenate([p.t_us for p in parts])
            self.values = np.concatenate([p.values for p in parts])
            self.waiting = []
        return Samples(self.t_us, self.values)


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
            self._lines[channel.name] = _Line(channel, encoder, shape, empty, empty, [])

    def push(self, samples: Mapping[str, Samples]) -> None:
        """Add samples by channel name; times count from the episode's start, in order."""
        for name, part in samples.items():
            if len(part):
                self._lines[name].waiting.append(part)

    def advance(self, tick: int) -> list[Emission]:
        """Close all ticks up to and including ``tick``; returns what they emit, in order."""
        out = []
        for now in range(self.tick, tick + 1):
            end = (now + 1) * TICK_US
            for line in self._lines.values():
                features = self._due(line, now, end)
                if features is not None:
                    out.append(Emission(line.channel.layout, now, features))
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
            seen = line.samples().between(end - int(line.shape.summary_s * 1e6), end)
            vector = line.encoder.summary(seen, line.channel, end) if len(seen) else None
            if vector is not None:
                out[line.channel.layout] = vector
        return out

    @staticmethod
    def _due(line: _Line, now: int, end: int) -> Array | None:
        period = line.shape.period
        if period and (now + 1) % period:
            return None
        samples = line.samples()
        start = end - int(line.shape.window_s * 1e6)
        seen = samples.between(start if period else end - TICK_US, end)
        return line.encoder.features(seen, line.channel, end) if len(seen) else None

    def _trim(self) -> None:
        for line in self._lines.values():
            keep = max(line.shape.window_s, line.shape.summary_s) + 1.0
            oldest = self.tick * TICK_US - int(keep * 1e6)
            samples = line.samples()
            if len(samples) and samples.t_us[0] < oldest - 1_000_000:
                a = int(np.searchsorted(samples.t_us, oldest))
                line.t_us, line.values = samples.t_us[a:], samples.values[a:]


def tick_of(t_us: int) -> int:
    """The tick that closes at or after ``t_us``: the one after which the instant is known."""
    return max(0, -(-t_us // TICK_US) - 1)


def tokenize(episode: Episode, channels: Sequence[Channel]) -> Tokens:
    """All emissions of ``episode`` up to its last query, and its queries with their summaries."""
    stream = TokenStream([c for c in channels if c.name in episode.samples])
    stream.push(episode.samples)
    emissions: list[Emission] = []
    asks = []
    by_tick: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for query in episode.queries:
        by_tick[tick_of(query.t_us)].append((query.task, query.label))
    for tick in sorted(by_tick):
        emissions += stream.advance(tick)
        for task, label in by_tick[tick]:
            asks.append(Ask(task, tick, label, stream.summary(task, tick)))
    return Tokens(tuple(emissions), tuple(asks), episode.key, episode.adapt)
