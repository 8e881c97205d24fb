"""Small recordings for the tests, written by the recorder's own file writer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from fedxr.bridge.channels import TICK_US, Channel, Samples
from fedxr.bridge.frames import ChannelCodec, pack_samples
from fedxr.bridge.protocol import Feedback, Hello, Offer, PackedFrame, Welcome
from fedxr.bridge.recording.mcap_file import Line, McapFile
from fedxr.bridge.recording.records import KINDS, Recorded
from fedxr.bridge.recording.sessions import SESSION, RecordedSession, to_metadata

WRIST = Channel("wrist", "motion/wrist", 100)
START = 7 * 10**12
"""Of the headsets' clock."""


@dataclass
class MadeSession:
    """One session: a user who moves at 100 Hz, second by second, and what they say."""

    user: str
    key: bytes = b"a"
    device: str = "watch"
    scenario: str = "companion"
    tasks: tuple[str, ...] = ("doing",)
    channels: tuple[Channel, ...] = (WRIST,)
    messages: list[Recorded] = field(default_factory=list)
    seconds: int = 0
    began_us: int = 0

    def live(self, seconds: int, episode: int = 0) -> MadeSession:
        """Frames of ``seconds``, each of a second, in ``episode``, which goes on."""
        codecs = {c.name: ChannelCodec(c, n) for n, c in enumerate(self.channels, 1)}
        for _ in range(seconds):
            begin_us = START + self.seconds * 1_000_000
            self.seconds += 1
            samples = {c.name: _moved(begin_us, c) for c in self.channels}
            frame = PackedFrame(0, begin_us + 1_000_000, pack_samples(samples, codecs), episode)
            frame.episode_start_us = START
            self.messages.append(frame)
        return self

    def say(self, second: float, label: int, kind: str = "label", episode: int = 0) -> MadeSession:
        """``kind`` of feedback on the first task at ``second``."""
        t_us = START + round(second * 1e6)
        self.messages.append(Feedback(0, self.tasks[0], t_us, label, episode, kind))  # type: ignore[arg-type]
        return self


def _moved(begin_us: int, channel: Channel) -> Samples:
    t_us = begin_us + np.arange(100, dtype=np.int64) * 10_000
    rng = np.random.default_rng(begin_us)
    if channel.layout == "vision/gray":
        return Samples(t_us[:1], rng.integers(0, 255, (1, 8, 8)).astype(np.uint8))
    if channel.layout == "depth/map":
        return Samples(t_us[:1], np.ones((1, 2, 2), np.float32))
    if channel.layout == "audio/pcm16":
        stamps = begin_us + np.rint(np.arange(16_000) * 62.5).astype(np.int64)
        return Samples(stamps, rng.integers(-99, 99, 16_000).astype(np.int16))
    return Samples(t_us, rng.standard_normal((100, 6)).astype(np.float32))


def write_recording(path: Path, sessions: Sequence[MadeSession]) -> Path:
    """The ``sessions`` one after the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        mcap = McapFile(file, path, 4096, 10**9)
        for number, made in enumerate(sessions, 1):
            names = {c.name: n for n, c in enumerate(made.channels, 1)}
            offers = [Offer(c.name, c.layout, c.rate_hz) for c in made.channels]
            hello = Hello(
                2, 2, made.user, made.scenario, offers, [], {"model": made.device}, key=made.key
            )
            welcome = Welcome(
                2, f"{path.stem}-{number}", names, {}, list(made.tasks), TICK_US, 0, 1 << 22
            )
            session = RecordedSession(number, hello, welcome, made.began_us + number * 10**9)
            mcap.take(Line(SESSION, raw=msgspec.msgpack.encode(to_metadata(session))))
            for n, message in enumerate(made.messages, 1):
                message.seq = n  # type: ignore[union-attr]
                at = session.log_us + n * 1000
                raw = msgspec.msgpack.encode(message)
                mcap.take(Line(KINDS[type(message)], number, at, at, True, raw))
        mcap.finish()
    return path
