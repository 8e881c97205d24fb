"""Users whose every sample has really travelled: through a websocket bridge, frame by frame.

Each user of a split connects as a headset of its own and streams its episodes as fast as the
bridge takes them; what arrived on the other side becomes the episodes that the run learns from.
Samples travel without loss (raw, PNG, PCM), so the figures equal those without the bridge.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from fedxr.agent.tasks import Episode
from fedxr.bridge.channels import Samples
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.frames import Frame
from fedxr.bridge.protocol import Feedback
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.server import BridgeServer
from fedxr.bridge.serving.session import Session
from fedxr.bridge.transport.connection import run
from fedxr.bridge.user_key import UserKey
from fedxr.experiments.splits import Split
from fedxr.scenarios.users import User

CHUNK_US = 250_000
"""Capture time in one frame."""


class _Collector(Application):
    """The receiving application: keeps all samples by user, episode and channel."""

    def __init__(self) -> None:
        self.parts: dict[tuple[str, int, str], list[Samples]] = defaultdict(list)
        self.last: dict[str, int] = defaultdict(int)

    def joined(self, session: Session) -> Sequence[str]:
        return session.hello.tasks

    def frame(self, session: Session, frame: Frame) -> None:
        for name, samples in frame.samples.items():
            own = Samples(samples.t_us - frame.episode_start_us, samples.values)
            self.parts[session.user, frame.episode, name].append(own)
        self.last[session.user] = frame.seq

    def feedback(self, session: Session, feedback: Feedback) -> None:
        self.last[session.user] = feedback.seq


def through_bridge(split: Split, say: Callable[[str], None]) -> Split:
    """``split`` as it arrives at the other end of a bridge on this machine."""

    def sent(users: Sequence[User]) -> tuple[User, ...]:
        say(f"{split.name}: {len(users)} headsets stream through the bridge")
        return tuple(run(_stream_all(users)))

    return Split(split.name, sent(split.pretraining), sent(split.federation), sent(split.unseen))


# Recordings are sent faster than anyone lived them.
_AS_FAST_AS_CAN_BE = ServerConfig(port=0, max_messages_s=math.inf, max_bytes_s=math.inf)


async def _stream_all(users: Sequence[User]) -> list[User]:
    collector = _Collector()
    key = UserKey.new()  # nobody else is there, and what they are called tells them apart
    async with BridgeServer(collector, _AS_FAST_AS_CAN_BE) as server:
        return [await _stream(user, server.url, collector, key) for user in users]


async def _stream(user: User, url: str, collector: _Collector, key: UserKey) -> User:
    name = f"{user.source}-{user.name}"
    channels = [replace(c, delivery="reliable") for c in user.channels]
    client = await connect(
        url,
        user=name,
        scenario=user.use_case,
        channels=channels,
        tasks=list(user.tasks),
        clock_s=None,
        key=key,
    )
    start = 0
    for number, episode in enumerate(user.episodes):
        end = int(episode.seconds * 1e6) + CHUNK_US
        for begin in range(0, end, CHUNK_US):
            now = {n: s.between(begin, begin + CHUNK_US) for n, s in episode.samples.items()}
            seen = {n: Samples(s.t_us + start, s.values) for n, s in now.items() if len(s)}
            if seen:
                await client.send_frame(start + begin + CHUNK_US, seen, number, start)
        start += end + CHUNK_US
    last = await client.send_feedback(user.tasks[0], start, 0, len(user.episodes) - 1)
    await _arrived(collector, name, last)
    await client.close()
    return replace(user, episodes=tuple(_rebuilt(user, name, collector)))


async def _arrived(collector: _Collector, name: str, last: int) -> None:
    """Wait until the last message has been handled: messages of a session keep their order."""
    while collector.last[name] < last:
        await asyncio.sleep(0.005)


def _rebuilt(user: User, name: str, collector: _Collector) -> list[Episode]:
    out = []
    for number, episode in enumerate(user.episodes):
        samples = {}
        for channel in episode.samples:
            parts = collector.parts.pop((name, number, channel), [])
            if parts:
                t_us = np.concatenate([p.t_us for p in parts])
                values = np.concatenate([p.values for p in parts])
                samples[channel] = Samples(t_us, values)
        out.append(replace(episode, samples=samples))
    return out
