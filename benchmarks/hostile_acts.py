"""What one admitted client can do to a server, one function a kind; each takes the server's address
and goes on until its session ends or it is cancelled. It says what came of it.

`benchmarks.hostile` measures what a victim feels of each, tests/fedxr/test_hostile.py checks what
must hold.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from benchmarks.hostile_rig import HANDS, HEAD, Act, heard, join, newcomer_waits, poses
from fedxr.bridge.channels import TICK_US, Channel
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.protocol import (
    Block,
    BridgeError,
    Cue,
    Feedback,
    Notice,
    PackedFrame,
    Ping,
    Reply,
    encode,
)

EYE = Channel("eye", "vision/gray", 30.0)
POSE = np.zeros((1, 7), "<f4").tobytes()


@asynccontextmanager
async def attacker(
    url: str, channels: list[Channel], tasks: list[str], user: str = "mallory"
) -> AsyncIterator[HeadsetClient]:
    """A headset whose answers are read, so that nothing is held back for it."""
    client = await join(url, user, channels, tasks)
    inbox: list[Reply | Cue | Notice] = []
    reading = asyncio.create_task(heard(client, inbox))
    try:
        yield client
    finally:
        client.abort()
        reading.cancel()


async def _pour(client: HeadsetClient, messages: Iterator[PackedFrame], pause_s: float) -> str:
    """Send ``messages`` until the session ends; says why it did."""
    with contextlib.suppress(BridgeError):
        for message in messages:
            await client.forward(message)
            await asyncio.sleep(pause_s)
    return f"ended: {client.ended}"


async def company(url: str) -> str:
    """For comparison: a second headset that behaves, hands at 30 Hz."""
    rng = np.random.default_rng(2)
    async with attacker(url, [HANDS], ["intent"], "second") as client:
        for k in count(1):
            block = Block(1, k * TICK_US, 1, poses(rng, 1, 25).tobytes())
            await client.forward(PackedFrame(k, k * TICK_US + 10, [block]))
            await asyncio.sleep(1 / 30)
    return "unreachable"


async def leap(url: str) -> str:
    """1,799 one-pixel pictures of one minute in one 16 KB frame, then a leap of a minute, again."""
    n = 1799

    def frames() -> Iterator[PackedFrame]:
        for seq in count(1):
            t_us = (seq - 1) * n * TICK_US + 5 + np.arange(n) * TICK_US
            stamps = t_us.astype("<i8").tobytes()
            block = Block(1, int(t_us[0]), n, bytes(n), stamps=stamps, shape=[1, 1])
            yield PackedFrame(seq, int(t_us[-1]) + TICK_US, [block])

    async with attacker(url, [EYE], ["target"]) as client:
        return await _pour(client, frames(), 1.0)


async def rings(url: str) -> str:
    """One hello with 64 cameras, a second, bye."""
    return await _cameras(url, 64)


async def rings_one(url: str) -> str:
    """The same with one, whose first tick makes room for its cache."""
    return await _cameras(url, 1)


async def _cameras(url: str, cameras: int) -> str:
    channels = [Channel(f"c{i}", "vision/gray", 30.0) for i in range(cameras)]
    async with attacker(url, channels, ["target"]) as client:
        refused = len(client.welcome.refused)
        for seq in range(1, 31):
            await client.forward(PackedFrame(seq, (seq + 1) * TICK_US, []))
            await asyncio.sleep(1 / 30)
        await client.close("done")
    await asyncio.sleep(6.0)
    return f"{refused} of {cameras} cameras refused"


async def no_tick(url: str) -> str:
    """2 MB frames that never close a tick: nothing takes them."""
    data, n = bytes(2_000_000), 1_000_000
    frames = (PackedFrame(seq, 10, [Block(1, 10, n, data)]) for seq in count(1))
    ear = Channel("mic", "audio/pcm16", 16_000.0, "latest")
    async with attacker(url, [ear], ["mood"]) as client:
        return await _pour(client, frames, 0.0)


async def episodes(url: str) -> str:
    """A new episode with each frame, 400 a second."""
    frames = (
        PackedFrame(k, k * 50_000 + 40_000, [Block(1, k * 50_000 + 1, 1, POSE)], k, k * 50_000)
        for k in count(1)
    )
    async with attacker(url, [HEAD], ["doing"]) as client:
        return await _pour(client, frames, 0.0025)


async def feedback_flood(url: str) -> str:
    """Honest frames and 400 labels a second, contradicting each other; how long does a newcomer
    wait meanwhile?"""
    rng, waits = np.random.default_rng(0), list[str]()

    async def come() -> None:
        await asyncio.sleep(5.0)
        try:
            waits.append(f"{await newcomer_waits(url, 'late'):.1f} s")
        except BridgeError as error:
            waits.append(str(error))

    coming = asyncio.create_task(come())
    async with attacker(url, [HANDS], ["intent"]) as client:
        seq = 0
        with contextlib.suppress(BridgeError):
            for k in range(1, 400):
                hand = poses(rng, 1, 25).tobytes()
                seq += 1
                block = Block(1, k * TICK_US, 1, hand)
                await client.forward(PackedFrame(seq, k * TICK_US + 10, [block]))
                for i in range(13):
                    seq += 1
                    t_us = max(0, k - 5) * TICK_US
                    await client.forward(Feedback(seq, "intent", t_us, i % 4))
                await asyncio.sleep(1 / 32)
        await coming
        return f"a newcomer's welcome after {waits[0]}; {client.ended or 'not ended'}"


async def names(url: str) -> str:
    """A new user name with every connection, for ten seconds."""
    loop, n = asyncio.get_running_loop(), 0
    until = loop.time() + 10.0
    while loop.time() < until:
        client = await join(url, f"u{n}", [HEAD], ["doing", "mood"])
        await client.close()
        n += 1
    return f"{n} names"


async def full(url: str) -> str:
    """As many idle sessions of one address as it gets; then another address comes, and then one
    more of the same."""
    held: list[HeadsetClient] = []
    try:
        with contextlib.suppress(BridgeError):
            while len(held) < 256:
                held.append(await join(url, f"m{len(held)}", [HEAD], ["doing"]))
        return f"{len(held)} sessions; another address: {await _from_elsewhere(url)}"
    finally:
        for client in held:
            client.abort()


async def _from_elsewhere(url: str) -> str:
    """What the door says to somebody of another address of this machine."""
    where = urlsplit(url)
    request = (
        f"GET / HTTP/1.1\r\nHost: {where.netloc}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: fedxr.v1\r\n\r\n"
    )
    try:
        reader, writer = await asyncio.open_connection(
            where.hostname, where.port, local_addr=("127.0.0.2", 0)
        )
    except OSError as error:  # not every system has more than one loopback address
        return f"not tried ({error})"
    writer.write(request.encode())
    status = (await reader.readline()).decode().strip()
    writer.close()
    return "let in" if " 101 " in status else status


def many_scans(side: int, most: int = 3_900_000) -> bytes:
    """A progressive JPEG that is its last scan again and again, 2,000 times at most."""
    out = io.BytesIO()
    Image.new("L", (side, side), 128).save(out, "JPEG", progressive=True)
    raw = out.getvalue()
    last = raw.rindex(b"\xff\xda")
    scan = raw[last:-2]
    return raw[:last] + scan * min(2000, most // len(scan)) + b"\xff\xd9"


async def pictures(url: str) -> str:
    """Progressive JPEGs of many scans, ten a second; another camera streams beside them."""
    bomb, side = many_scans(1024), 1024
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save(out, "JPEG")
    small, answered = out.getvalue(), list[Reply | Cue | Notice]()
    other = await join(url, "camera", [EYE], ["target"])
    hearing = asyncio.create_task(heard(other, answered))
    sent = 0
    bad = Channel("eye", "vision/gray", 30.0, "reliable")
    async with attacker(url, [bad], ["target"]) as client:
        for k in range(1, 300):
            t_us, capture_us = k * TICK_US, k * TICK_US + 10
            block = Block(1, t_us, 1, small, shape=[64, 64], encoding="jpeg")
            await other.forward(PackedFrame(k, capture_us, [block]))
            sent += 1
            with contextlib.suppress(BridgeError, TimeoutError):
                block = Block(1, t_us, 1, bomb, shape=[side, side], encoding="jpeg")
                if k % 3 == 0 and client.ended is None:
                    await asyncio.wait_for(client.forward(PackedFrame(k, capture_us, [block])), 0.5)
            await asyncio.sleep(1 / 30)
        await asyncio.sleep(1.0)
        replies = {m.seq for m in answered if isinstance(m, Reply)}
        await other.close()
        hearing.cancel()
        return f"another camera: {len(replies)} of {sent} answered; {client.ended}"


async def scans_allowed(url: str) -> str:
    """As many scans as are allowed, in the largest pictures, as fast as they are read."""
    raw = many_scans(1024, 1)
    head, scan = raw[: raw.rindex(b"\xff\xda")], raw[raw.rindex(b"\xff\xda") : -2]
    data = head + scan * (23 - head.count(b"\xff\xda")) + b"\xff\xd9"
    frames = (
        PackedFrame(
            k,
            k * TICK_US + 10,
            [Block(1, k * TICK_US, 1, data, shape=[1024, 1024], encoding="jpeg")],
        )
        for k in count(1)
    )
    async with attacker(url, [EYE], ["target"]) as client:
        return await _pour(client, frames, 0.02)


async def sizes(url: str) -> str:
    """A camera that changes its size with every picture, up to a million pixels."""

    def frames() -> Iterator[PackedFrame]:
        for k in count(1):
            side = (1, 1024, 7, 512)[k % 4]
            block = Block(1, k * TICK_US, 1, bytes(side * side), shape=[side, side])
            yield PackedFrame(k, k * TICK_US + 10, [block])

    async with attacker(url, [EYE], ["target"]) as client:
        return await _pour(client, frames(), 1 / 40)


async def ping_flood(url: str) -> str:
    """Pings as fast as they are read."""
    async with attacker(url, [HEAD], ["doing"]) as client:
        for k in count():
            if client.ended is not None:
                return f"ended: {client.ended}"
            if not client._connection.congested:
                client._connection.write(encode(Ping(k)))
            if k % 20 == 0:
                await asyncio.sleep(0.001)
    return "unreachable"


async def thousand(url: str) -> str:
    """1,000 connections that say nothing, 200 of which dribble; how long does a newcomer wait?"""
    where, socks = urlsplit(url), list[socket.socket]()
    try:
        for _ in range(1000):
            try:
                one = socket.create_connection((where.hostname, where.port), 5)
            except OSError:
                break
            one.setblocking(False)
            socks.append(one)
        for _ in range(6):
            for one in socks[:200]:
                with contextlib.suppress(OSError):
                    one.send(b"G")
            await asyncio.sleep(0.5)
        return f"{len(socks)} sockets; a newcomer is in after {await newcomer_waits(url):.1f} s"
    finally:
        for one in socks:
            one.close()


async def fragments(url: str) -> str:
    """One message in three million pieces."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3_000_000):
            yield b"x"

    async with attacker(url, [HEAD], ["doing"]) as client:
        with contextlib.suppress(Exception):
            await client._connection.send(pieces())
        return f"ended: {client.ended}"


async def oversize(url: str) -> str:
    """Messages of 5 MB, one a connection."""
    for i in range(100):
        async with attacker(url, [HEAD], ["doing"], f"m{i}") as client:
            with contextlib.suppress(Exception):  # ended before all of it was sent
                await client._connection.send(bytes(5 * 2**20))
            while client.ended is None:
                await asyncio.sleep(0.01)
    return "100 of 5 MB"


ACTS: dict[str, Act] = {
    act.__name__: act
    for act in (
        company, leap, rings, rings_one, no_tick, episodes, feedback_flood, names, full, pictures,
        scans_allowed, sizes, ping_flood, thousand, fragments, oversize,
    )
}  # fmt: skip


def said_of(act: Act) -> str:
    """The first sentence of what it does."""
    words = " ".join((act.__doc__ or "").split())
    return words.split(";")[0].rstrip(".")
