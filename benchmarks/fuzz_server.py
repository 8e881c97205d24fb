"""A whole server under strange visitors: `python -m benchmarks.fuzz_server [--minutes 30]`.

A real `fedxr serve` with its agents; a headset that behaves streams all the time, and four visitors
come and go. Each has one of a few devices, so that it returns with other sensors and tasks, stays a
while, and sends frames (sane numbers, zeros, constants, extremes, NaN; stamps that jump, stand
still and go back), episodes, feedback (also on what was never asked), pings and consents, some of
them bent as in `benchmarks.fuzz`; it leaves by a bye, silently, or is thrown out. Everything is
drawn from one seed, but what comes when on a busy machine is not.

Each minute it prints what has been sent and the server's memory. It ends with status 1 when the
server has ended, has said a traceback, has answered the one who behaves with what is no number or
not at all, or has thrown it out.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import WebSocketException

from benchmarks.fuzz import upward
from benchmarks.hostile_rig import Lived, ServeProcess, folder, streaming
from benchmarks.load_clients import bent
from benchmarks.newcomer import greet
from fedxr.agent.tasks import TASKS
from fedxr.bridge.channels import LAYOUTS, TICK_US, Channel, Samples, layout_of
from fedxr.bridge.frames import ChannelCodec, Frame, pack_frame
from fedxr.bridge.protocol import (
    Consent,
    Feedback,
    Hello,
    Offer,
    Ping,
    ProtocolError,
    Welcome,
    decode_down,
    encode,
)

DEVICES, VISITORS = 6, 4
RATES = (1.0, 10.0, 30.0, 72.0, 250.0, 1000.0)
READ = {
    "hands/webxr25": 30.0,
    "motion/head": 30.0,
    "motion/wrist": 50.0,
    "gaze/point2": 60.0,
    "vision/gray": 30.0,
    "audio/pcm16": 16_000.0,
    "eeg/Oz-O1-O2-PO3-POz-PO7-PO8-PO4": 250.0,
    "contact/vibration": 500.0,
    "physiology/eda": 4.0,
    "physiology/temperature": 4.0,
    "physiology/heart-rate": 1.0,
    "physiology/respiration": 25.0,
}
"""What the shipped checkpoint reads, at rates that it knows: most visitors have some of these."""
ASKED = ("doing", "engagement", "intent", "mood", "target", "tension", "warning", "workload")
OTHERS = (*LAYOUTS, "eeg/Oz-O1-O2", "eeg/C3-C4", "fnirs/S1D1-S1D2")
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
VALUES: tuple[Draw, ...] = (
    lambda rng, shape: rng.standard_normal(shape),
    lambda rng, shape: rng.uniform(0, 1, shape),
    lambda rng, shape: np.zeros(shape),
    lambda rng, shape: np.full(shape, rng.choice([1.0, -1.0, 0.5, 1e-30])),
    lambda rng, shape: np.full(shape, rng.choice([3e38, -3e38, 1e30, 1e10, np.inf])),
    lambda rng, shape: np.where(rng.random(shape) < 0.2, np.nan, rng.standard_normal(shape)),
)


class Visit:
    """One session of a strange visitor, from its welcome on."""

    def __init__(
        self, socket: ClientConnection, welcome: Welcome, channels: dict[str, Channel],
        chance: random.Random, sent: Counter[str],
    ) -> None:  # fmt: skip
        self.socket, self.tasks, self.chance, self.sent = socket, welcome.tasks, chance, sent
        self.channels = {n: channels[n] for n in welcome.channels}
        self.codecs = {n: ChannelCodec(channels[n], k) for n, k in welcome.channels.items()}
        self.rng = np.random.default_rng(chance.getrandbits(32))
        self.seq = self.episode = self.start_us = 0
        self.now_us = TICK_US
        self.values = chance.choice(VALUES)

    async def live(self) -> None:
        """Some hundred acts, or until it is thrown out."""
        acts = (self.frame, self.begin, self.feedback, self.ping, self.consent, self.garbage)
        garbage = self.chance.choice([0.0, 0.0, 0.02])  # most visits are only strange
        weights = (30, 1, self.chance.choice([0, 3, 20]), 1, 0.1, 20 * garbage)
        for _ in range(self.chance.randrange(400)):
            (act,) = self.chance.choices(acts, weights)
            data = act()
            if self.chance.random() < garbage:
                data = bent([data], self.chance)
            await self.socket.send(data)
            self.sent[act.__name__] += 1
            await asyncio.sleep(self.chance.choice([0.0, 0.005, 0.033]))

    def frame(self) -> bytes:
        """The next tick; now and then it leaps, or what it brings is strange."""
        self.seq += 1
        leap = self.chance.random() < 0.01
        self.now_us += TICK_US * (self.chance.randrange(2000) if leap else 1)
        if self.chance.random() < 0.05:
            self.values = self.chance.choice(VALUES)
        samples = {n: self._samples(c) for n, c in self.channels.items() if self.rng.random() < 0.8}
        frame = Frame(self.seq, self.now_us, samples, self.episode, self.start_us)
        with contextlib.suppress(ProtocolError, ValueError, OverflowError):
            return bytes(encode(pack_frame(frame, self.codecs)))
        return bytes(encode(Ping(1)))

    def _samples(self, channel: Channel) -> Samples:
        n = int(self.rng.integers(1, max(2, int(channel.rate_hz / 10))))
        layout = layout_of(channel.layout)
        shape = tuple(size or int(self.rng.integers(1, 40)) for size in layout.shape)
        dtype = np.dtype(layout.dtype)
        with np.errstate(all="ignore"):
            values = np.asarray(self.values(self.rng, (n, *shape)))
            if dtype.kind != "f":
                values = np.nan_to_num(values * 100).clip(0, 255)
            values = values.astype(dtype)
        spread = self.rng.choice([0, 1, TICK_US // 2, TICK_US, 40 * TICK_US])
        t_us = self.now_us - np.sort(self.rng.integers(0, int(spread) + 1, n))[::-1]
        return Samples(np.maximum(t_us, self.start_us).astype(np.int64), values)

    def begin(self) -> bytes:
        """A new episode."""
        self.episode += 1
        self.now_us += self.chance.choice([1, TICK_US, 10**9])
        self.start_us = self.now_us
        return self.frame()

    def feedback(self) -> bytes:
        self.seq += 1
        task = self.chance.choice([*self.tasks, *self.tasks, *TASKS, "none"])
        ago = self.chance.choice([1, 3, 10, 60, 3000]) * TICK_US
        kind = self.chance.choice(["label", "label", "label", "correction", "rating", "undo"])
        label = self.chance.choice([0, 0, 1, 1, 2, 3, 5, 10, 10**9])
        return bytes(
            encode(Feedback(self.seq, task, max(0, self.now_us - ago), label, self.episode, kind))
        )

    def ping(self) -> bytes:
        offset = self.chance.choice([None, 0.0, 1e300, -5e6, float("nan"), float("inf")])
        return bytes(encode(Ping(self.chance.getrandbits(52), offset, self.chance.gauss(0, 1e3))))

    def consent(self) -> bytes:
        return bytes(encode(Consent(self.chance.random() < 0.5)))

    def garbage(self) -> bytes:
        return bent(upward(), self.chance)


async def visitor(url: str, seed: int, until: float, sent: Counter[str]) -> None:
    """Comes, stays a while, and leaves, again and again."""
    chance = random.Random(seed)
    while time.monotonic() < until:
        with contextlib.suppress(OSError, WebSocketException, ProtocolError, TypeError):
            async with (
                asyncio.timeout(60),
                open_websocket(
                    url, subprotocols=["fedxr.v1"], compression=None, proxy=None, max_size=None
                ) as socket,
            ):
                await _visit(socket, chance, sent)
        await asyncio.sleep(chance.random())


async def _visit(socket: ClientConnection, chance: random.Random, sent: Counter[str]) -> None:
    found = [(layout, READ[layout]) for layout in chance.sample([*READ], chance.randint(0, 4))]
    found += [(chance.choice(OTHERS), chance.choice(RATES)) for _ in range(chance.randint(0, 1))]
    channels = {f"c{i}": Channel(f"c{i}", *both) for i, both in enumerate(found)}
    offers = [Offer(c.name, c.layout, c.rate_hz) for c in channels.values()]
    tasks = chance.choice([[*ASKED], chance.sample([*TASKS], chance.randint(0, 4))])
    device = f"device-{chance.randrange(DEVICES)}"
    await greet(socket, Hello(2, 2, "strange", "x", offers, tasks, {"model": device}))
    welcome = decode_down(bytes(await socket.recv(decode=False)))
    sent["visits"] += 1
    if not isinstance(welcome, Welcome):
        sent[f"refused ({getattr(welcome, 'code', type(welcome).__name__)})"] += 1
        return
    reading = asyncio.create_task(_read(socket))
    try:
        await Visit(socket, welcome, channels, chance, sent).live()
        if chance.random() < 0.5:
            socket.transport.abort()
    finally:
        reading.cancel()


async def _read(socket: ClientConnection) -> None:
    with contextlib.suppress(WebSocketException):
        async for _ in socket:
            pass


async def fuzz(minutes: float, seed: int) -> list[str]:
    """What was found wrong."""
    server, sent = ServeProcess(folder()), Counter[str]()
    until, memory = time.monotonic() + 60 * minutes, list[float]()
    try:
        async with streaming(server.url, server.folder) as lived:
            visitors = [
                asyncio.create_task(visitor(server.url, 1000 * seed + n, until, sent))
                for n in range(VISITORS)
            ]
            while server.up and time.monotonic() < until:
                await asyncio.sleep(min(60.0, max(0.1, until - time.monotonic())))
                memory.append(server.megabytes)
                told = ", ".join(f"{n} {what}" for what, n in sent.most_common())
                print(f"{memory[-1]:.0f} MB; {told}", flush=True)
            await asyncio.gather(*visitors)
        print(
            f"the one who behaved: {len(lived.sent)} frames, {lived.unanswered} unanswered; memory "
            f"{memory[0]:.0f} MB after a minute, {max(memory):.0f} MB at most, {memory[-1]:.0f} MB "
            "at the end"
        )
        wrong = _wrong(server, lived)
        status, took = server.stop()
        print(f"after SIGTERM it ended with status {status} in {took:.1f} s")
        return wrong
    finally:
        server.kill()


def _wrong(server: ServeProcess, lived: Lived) -> list[str]:
    lines = server.said.splitlines()
    at = next((i for i, line in enumerate(lines) if "Traceback" in line), None)
    found = {
        "the server has ended": not server.up,
        f"the one who behaved was thrown out: {lived.ended}": lived.ended not in (None, ""),
        "an answer is no number": not lived.finite,
        "no answers came": not lived.replies,
        "\n".join(["it said:", *lines[at : at + 40]] if at is not None else []): at is not None,
    }
    return [text for text, true in found.items() if true]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    problems = asyncio.run(fuzz(given.minutes, given.seed))
    print("\n".join(problems) or "nothing was found")
    sys.exit(bool(problems))
