"""The processes of benchmarks/load.py: a server, and clients that are large, rude or broken.

Each runs until its input ends, and says on each line of input what it has counted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import random
import struct
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from PIL import Image
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import WebSocketException

from benchmarks import load_bare
from benchmarks.bridge import EEG32, Echo, report_when_told
from benchmarks.newcomer import KEY, greet
from fedxr.bridge.channels import Channel, Samples
from fedxr.bridge.clock import now_us
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.frames import Frame
from fedxr.bridge.protocol import Block, BridgeError, Hello, Offer, PackedFrame, Reply
from fedxr.bridge.serving.server import BridgeServer, ServerConfig, Session
from fedxr.bridge.transport.connection import freeze_gc, run

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden" / "fedxr_v1.json"
RECORD = struct.Struct("<iq")
"""Number of a `sure` headset and capture_us of a frame that reached the application."""
CALM = Channel("eeg", EEG32, 2304)
VALUES = np.ones((32, 32), np.float32)
"""4096 bytes."""
counted: Counter[str] = Counter()


class Keeper(Echo):
    """Answers every frame at once, and writes down each of the headsets called sure<number>."""

    def __init__(self, record: str) -> None:
        self._file = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def frame(self, session: Session, frame: Frame) -> None:
        if session.user.startswith("sure"):
            os.write(self._file, RECORD.pack(int(session.user[4:]), frame.capture_us))
        super().frame(session, frame)


async def server(port: int, record: str) -> None:
    async with BridgeServer(Keeper(record), ServerConfig(port=port)) as serving:
        freeze_gc()
        await report_when_told(serving.port, lambda: {"sessions": len(serving.sessions)})


def before_all_else() -> None:
    """This process is run first (Linux, root): the figures are to tell what clients do to each
    other, not what else the machine does."""
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))


def at(t_us: int) -> dict[str, Samples]:
    return {"eeg": Samples(np.full(32, t_us), VALUES)}


async def opened(url: str, user: str, channel: Channel = CALM) -> HeadsetClient:
    return await connect(
        url,
        user=user,
        scenario="bench",
        channels=[channel],
        key=KEY,
        clock_s=None,
        queue_bytes=2**16,
    )


def jpeg(n: int) -> Block:
    """640 x 480 pixels of colour in 60 KB."""
    noise = np.random.default_rng(n).integers(0, 256, (120, 160, 3), np.uint8)
    picture = Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=38)
    return Block(0, 0, 1, out.getvalue(), shape=[480, 640, 3], encoding="jpeg")


def gray(n: int) -> Block:
    """320 x 192 gray pixels as they are: 60 KB."""
    noise = np.random.default_rng(n).integers(0, 256, (192, 320), np.uint8)
    return Block(0, 0, 1, noise.tobytes(), shape=[192, 320])


async def read(client: HeadsetClient) -> None:
    with contextlib.suppress(BridgeError):
        async for message in client:
            counted["replies"] += isinstance(message, Reply)


async def cameras(picture: Callable[[int], Block], layout: str, url: str, n: int) -> None:
    """Pictures of 60 KB, 30 a second."""
    client = await opened(url, f"camera{n}", Channel("eye", layout, 30, "latest"))
    block = picture(n)
    block.channel = client.welcome.channels["eye"]
    loop, k = asyncio.get_running_loop(), 0

    reading = asyncio.create_task(read(client))
    start = loop.time() + n / 240
    while client.ended is None:
        await asyncio.sleep(max(0.0, start + k / 30 - loop.time()))
        k += 1
        block.t0_us = now_us()
        await client.forward(PackedFrame(k, block.t0_us, [block]))
        counted["frames"] += 1
        counted["bytes"] += len(block.data)
    await reading


async def stalled(url: str, n: int) -> None:
    """Never reads, and sends all that the server takes."""
    client = await opened(url, f"stalled{n}", Channel("eeg", EEG32, 2304, "reliable"))
    client._connection.transport.pause_reading()
    for t in range(1, 10**9):
        await client.send_frame(t, at(t))
        counted["frames"] += 1
        if t % 16 == 0:
            await asyncio.sleep(0)


async def slow(url: str, n: int) -> None:
    """Sends 72 frames a second and reads for 10 ms of every second."""
    client = await opened(url, f"slow{n}")
    while client.ended is None:
        client._connection.transport.pause_reading()
        for _ in range(72):
            await client.send_frame(now_us(), at(now_us()))
            counted["frames"] += 1
            await asyncio.sleep(1 / 72)
        client._connection.transport.resume_reading()
        await asyncio.sleep(0.01)


async def flood(url: str, n: int) -> None:
    """Reads, and sends all that the server takes."""
    client = await opened(url, f"flood{n}", Channel("eeg", EEG32, 2304, "reliable"))

    reading = asyncio.create_task(read(client))
    for t in range(1, 10**9):
        await client.send_frame(t, at(t))
        counted["frames"] += 1
        if t % 16 == 0:
            await asyncio.sleep(0)
    await reading


async def loris(url: str, n: int) -> None:
    """Sends its handshake byte by byte and never comes to an end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
    counted["handshakes"] += 1
    writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
    while not reader.at_eof() and not writer.is_closing():
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.5)
    writer.close()


def bent(messages: list[bytes], chance: random.Random) -> bytes:
    """A golden message with up to four bytes changed, and one in four cut or grown."""
    data = bytearray(chance.choice(messages))
    for _ in range(min(chance.randint(0, 4), chance.randint(0, 4))):
        data[chance.randrange(len(data))] = chance.randrange(256)
    if chance.random() < 0.25:
        at = chance.randrange(len(data))
        data[at : at + chance.randint(0, 8)] = chance.randbytes(chance.randint(0, 8))
    return bytes(data)


def golden() -> list[bytes]:
    vectors = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return [bytes.fromhex(v["hex"]) for v in vectors["accepted"] + vectors["refused"]]


async def fuzz(url: str, n: int) -> None:
    """Says hello properly, then bent messages until it is thrown out."""
    chance, messages = random.Random(random.random() + n), golden()
    hello = Hello(2, 2, f"fuzz{n}", "bench", [Offer("gaze", "gaze/point2", 72.0)], [])
    async with open_websocket(
        url, subprotocols=["fedxr.v1"], compression=None, proxy=None
    ) as socket:
        await greet(socket, hello)
        async for _ in socket:
            await socket.send(bent(messages, chance))
            counted["messages"] += 1


async def storm(url: str, n: int) -> None:
    """Connects, sends three frames, loses the connection, and comes back at once."""
    client = await opened(url, f"storm{n}")
    for _ in range(3):
        await client.send_frame(now_us(), at(now_us()))
    client.abort()
    counted["connections"] += 1


ROLES: dict[str, tuple[Callable[[str, int], Awaitable[None]], int]] = {
    "gray": (partial(cameras, gray, "vision/gray"), 8),
    "jpeg": (partial(cameras, jpeg, "vision/rgb"), 8),
    "stalled": (stalled, 8),
    "slow": (slow, 8),
    "flood": (flood, 8),
    "loris": (loris, 400),
    "fuzz": (fuzz, 4),
    "storm": (storm, 32),
    "bare-gray": (load_bare.cameras, 8),
    "bare-stalled": (load_bare.stalled, 8),
    "bare-slow": (load_bare.slow, 8),
    "bare-flood": (load_bare.flood, 8),
    "bare-loris": (loris, 400),
    "bare-storm": (load_bare.storm, 32),
}
SERVERS = {"server": server, "bare-server": load_bare.server}


async def clients(role: str, url: str) -> None:
    """All clients of a role; each begins anew when it is thrown out."""
    act, many = ROLES[role]

    async def again(n: int) -> None:
        while True:
            try:
                await act(url, n)
            except (BridgeError, WebSocketException, OSError):
                counted["thrown out"] += 1
            await asyncio.sleep(random.uniform(0.02, 0.1))

    tasks = [asyncio.create_task(again(n)) for n in range(many)]
    await report_when_told(0, lambda: dict(counted))
    for task in tasks:
        task.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--role", choices=(*SERVERS, *ROLES), required=True)
    parser.add_argument("--url", default="")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--record", default=os.devnull)
    parser.add_argument("--realtime", action="store_true")
    options = parser.parse_args()
    if options.role in SERVERS:
        if options.realtime:
            before_all_else()
        run(SERVERS[options.role](options.port, options.record))
        return
    if hasattr(os, "sched_setscheduler"):
        # Rude clients are to take the others' turn at the server, not at the processor.
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    run(clients(options.role, options.url))


if __name__ == "__main__":
    main()
