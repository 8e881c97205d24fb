"""What the tests of recordings share: a recorded server, and a headset that sends of everything."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from bridge_rig import Recorder, headset, samples_of, server_of, until
from PIL import Image

from fedxr.bridge.channels import Channel, Samples
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.frames import pack_samples
from fedxr.bridge.plausible import sieve_of
from fedxr.bridge.protocol import Block, Feedback, PackedFrame, encode
from fedxr.bridge.recording.reader import Event, Recording
from fedxr.bridge.recording.recorder import Recorder as SessionRecorder
from fedxr.bridge.serving.server import BridgeServer

CHANNELS = (
    Channel("head", "motion/head", 72),
    Channel("left", "hands/webxr25", 72),
    Channel("eeg", "eeg/Oz-O1-O2", 250),
    Channel("voice", "audio/pcm16", 16_000),
    Channel("camera", "vision/rgb", 30, "latest"),
    Channel("depth", "depth/map", 5, "reliable"),
    Channel("room", "spatial/points", 0),
    Channel("pulse", "physiology/heart-rate", 0),
)
TICK = 33_333
START = 5 * 10**14
"""Of the headset's clock: another zero than the server's."""


def sensed(n: int, seed: int = 0) -> dict[str, Samples]:
    """All channels' samples of tick ``n``, numbers that no decimal notation is kind to."""
    rng = np.random.default_rng((seed, n))
    t_us = START + n * TICK
    out = {}
    for channel, count in zip(CHANNELS, (1, 2, 8, 533, 1, 1, 1, 1), strict=True):
        stamps = t_us - np.arange(count)[::-1] * (TICK // count)
        made = samples_of(channel, stamps.tolist(), size=6)
        sieve = sieve_of(channel.layout)
        if sieve is not None:
            any_ = rng.integers(0, 2**31, made.values.shape, np.uint32).view(np.float32)
            values = np.where((any_ >= sieve.low) & (any_ <= sieve.high), any_, made.values)
            for start, stop in sieve.range.units:
                values[..., start:stop] = made.values[..., start:stop]
            out[channel.name] = Samples(made.t_us, values)
        else:
            values = rng.integers(0, 255, made.values.shape).astype(made.values.dtype)
            out[channel.name] = Samples(made.t_us, values)
    return out


def jpeg_block(number: int, t_us: int) -> Block:
    """A picture as a browser would send it."""
    picture = io.BytesIO()
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(picture, "jpeg")
    return Block(number, t_us, 1, picture.getvalue(), shape=[4, 4, 3], encoding="jpeg")


async def send(client: HeadsetClient, ticks: Sequence[int], seed: int = 0) -> None:
    """Ticks of everything; every third picture is a JPEG, every fifth tick has feedback."""
    for n in ticks:
        samples = sensed(n, seed)
        blocks = pack_samples(samples, client.codecs)
        if n % 3 == 0:
            number = client.welcome.channels["camera"]
            blocks = [
                jpeg_block(number, START + n * TICK) if b.channel == number else b for b in blocks
            ]
        seq = client._seq + 1
        await client.forward(PackedFrame(seq, START + n * TICK, blocks, n // 20, START))
        if n % 5 == 0:
            await client.send_feedback("emotion", START + n * TICK, 1, n // 20)


class Rig:
    """A recorded bridge whose application answers each frame at once."""

    def __init__(self, folder: Path) -> None:
        self.app = Recorder()
        self.server: BridgeServer = server_of(self.app, resume_s=60.0)
        self.recorder = SessionRecorder(self.server, folder)

    async def __aenter__(self) -> Rig:
        await self.server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.stop()
        await self.recorder.stop()

    async def connect(self, user: str = "u", **more: object) -> HeadsetClient:
        return await headset(self.server.url, CHANNELS, user, **more)

    async def arrived(self, *clients: HeadsetClient) -> None:
        """Wait until all that was sent has been handled."""
        for client in clients:
            await until(
                lambda c=client: (
                    c.session in self.server.sessions
                    and self.server.sessions[c.session].last_seq == c._seq
                )
            )

    async def all_left(self) -> None:
        await until(lambda: not self.server.sessions)


async def record(path: Path, ticks: int = 40, users: Sequence[str] = ("ann", "bob")) -> Path:
    """A recording of some headsets that take turns, each saying bye at its end."""
    async with Rig(path.parent) as rig:
        rig.recorder.start(path)
        clients = [await rig.connect(user) for user in users]
        for client in clients:
            await client.sync_clock()
        for n in range(1, ticks + 1):
            for i, client in enumerate(clients):
                await send(client, [n], seed=i)
        await rig.arrived(*clients)
        for client in clients:
            await client.close("done")
        await rig.all_left()
    return path


def frames_of(recording: Recording) -> dict[str, list[bytes]]:
    """The recorded frames and feedback as encoded messages, by user."""
    out: dict[str, list[bytes]] = {}
    for event in recording.events():
        if isinstance(event.message, PackedFrame | Feedback):
            out.setdefault(event.session.hello.user, []).append(encode(event.message))
    return out


def kinds_of(events: Sequence[Event]) -> list[str]:
    return [type(e.message).__name__ for e in events]
