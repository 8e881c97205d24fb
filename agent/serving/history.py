"""What a headset has sensed lately, so that feedback that comes late still becomes an example.

Emissions of the current and of earlier episodes are kept, and the raw samples from which their
summaries can be made again exactly. An example equals what
:func:`fedxr.agent.inputs.tokens.tokenize` makes of the recorded episode, but for emissions that are
too old to matter (``LESSON``, ``SLOW``)."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fedxr.agent.encoders import encoder_for
from fedxr.agent.inputs.tokens import (
    TokenFeatures,
    TokenizedEpisode,
    TokenizedQuery,
    TokenStream,
    tick_of,
)
from fedxr.agent.model.m3t import SLOW
from fedxr.agent.tasks import task_named
from fedxr.bridge.channels import TICK_US, Channel, Samples

KEEP = 1950
"""Ticks (65 s) by which feedback may be late."""
LESSON = 450
"""Ticks (15 s) of fast tokens in an example: three times what a token sees."""
BYTES = 1 << 25
"""Most bytes of raw samples kept of a headset (32 MiB); beyond, the oldest go of the channel that
has most, and feedback on them gets a summary of what is left."""
EPISODES = 64
"""Most episodes kept, however short."""


@dataclass
class _Episode:
    number: int
    last: int = -1
    token_features: deque[TokenFeatures] = field(default_factory=deque)
    samples: dict[str, deque[Samples]] = field(default_factory=dict)


class SensorHistory:
    """The last minutes of one headset. ``episode`` is the current one, -1 before the first."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self.channels = {c.name: c for c in channels}
        shapes = {c.name: encoder_for(c).shape(c) for c in channels}
        self._summary_us = {n: int(s.summary_s * 1e6) for n, s in shapes.items() if s.summary}
        self._slow = {c.layout for c in channels if shapes[c.name].slow}
        self._bytes = dict.fromkeys(self.channels, 0)
        self._episodes: deque[_Episode] = deque()

    @property
    def episode(self) -> int:
        return self._episodes[-1].number if self._episodes else -1

    def begin(self, episode: int) -> None:
        """A new episode; the oldest go once those after them hold ``KEEP`` ticks."""
        if episode <= self.episode:
            raise ValueError(f"episode {episode} after {self.episode}; episodes count up")
        while (
            sum(e.last + 1 for e in list(self._episodes)[1:]) >= KEEP
            or len(self._episodes) >= EPISODES
        ):
            for name, parts in self._episodes.popleft().samples.items():
                self._bytes[name] -= sum(map(_size, parts))
        self._episodes.append(_Episode(episode))

    def push(self, samples: Mapping[str, Samples]) -> None:
        now = self._episodes[-1]
        for name, part in samples.items():
            if name in self._summary_us and len(part):
                now.samples.setdefault(name, deque()).append(part)
                self._bytes[name] += _size(part)

    def add(self, token_features: Iterable[TokenFeatures], tick: int) -> None:
        """What was emitted up to ``tick``, as it came (not standardised)."""
        now = self._episodes[-1]
        now.token_features.extend(token_features)
        now.last = max(now.last, tick)
        while now.token_features and now.token_features[0].tick <= tick - SLOW - KEEP:
            now.token_features.popleft()
        for name, parts in now.samples.items():
            oldest = (tick - KEEP) * TICK_US - self._summary_us[name]
            while parts and parts[0].t_us[-1] < oldest:
                self._bytes[name] -= _size(parts.popleft())
        while sum(self._bytes.values()) > BYTES and self._drop_oldest():
            pass

    def _drop_oldest(self) -> bool:
        """Of the channel that holds most, but not its newest block; False when that is all."""
        name = max(self._bytes, key=lambda n: self._bytes[n])
        kept = [e.samples[name] for e in self._episodes if e.samples.get(name)]
        if sum(map(len, kept)) < 2:
            return False
        self._bytes[name] -= _size(kept[0].popleft())
        return True

    def moment(self, task: str, episode: int, t_us: int, label: int) -> TokenizedEpisode | None:
        """Not standardised; None where ``t_us`` of ``episode`` is not (or no longer) known."""
        e = next((e for e in self._episodes if e.number == episode), None)
        tick = tick_of(t_us)
        if e is None or t_us < 0 or not max(0, e.last - KEEP) <= tick <= e.last:
            return None
        seen = looked_back_on(e.token_features, tick, self._slow)
        ask = TokenizedQuery(task, tick, label, self._stream(e, task).summary(task, tick))
        return TokenizedEpisode(seen, (ask,), str(episode))

    def _stream(self, e: _Episode, task: str) -> TokenStream:
        """A stream with the samples from which the summary of ``task`` is made."""
        modalities = task_named(task).modalities
        used = [c for c in self.channels.values() if c.modality in modalities]
        stream = TokenStream(used)
        for channel in used:
            for part in e.samples.get(channel.name, ()):
                stream.push({channel.name: part})
        return stream


def looked_back_on(
    token_features: Iterable[TokenFeatures], tick: int, slow: Collection[str]
) -> tuple[TokenFeatures, ...]:
    """Those that an example at ``tick`` has; ``slow`` are the layouts whose tokens live longer."""
    return tuple(
        m
        for m in token_features
        if m.tick <= tick and m.tick > tick - (SLOW if m.layout in slow else LESSON)
    )


def _size(part: Samples) -> int:
    return part.t_us.nbytes + part.values.nbytes
