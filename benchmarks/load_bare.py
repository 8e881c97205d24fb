"""The other side of benchmarks/load.py: a bare `websockets` server under the same clients.

It looks at nothing and answers each message at once with the first eight bytes, the capture time.
Pictures are not decoded, frames not checked, and nobody is told of anything; what is measured is
what the transport alone costs the well-behaved when others misbehave.
"""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import Awaitable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from benchmarks.bridge import report_when_told
from benchmarks.load_act import Act
from fedxr.bridge.clock import now_us
from fedxr.bridge.transport.connection import freeze_gc

_CAPTURE = struct.Struct("<q")
_FRAME = bytes(4096)
_PICTURE = bytes(60_000)
_REST = bytes(90)
"""A reply of ours is 98 bytes long."""


async def server(port: int, _record: str) -> None:
    async def echo(socket: ServerConnection) -> None:
        try:
            async for message in socket:
                await socket.send(bytes(message[:8]) + _REST)  # type: ignore[arg-type]
        except ConnectionClosed:
            pass

    async with serve(echo, "127.0.0.1", port, compression=None) as serving:
        freeze_gc()
        await report_when_told(next(iter(serving.sockets)).getsockname()[1])


def opened(url: str, **more: Any) -> Awaitable[ClientConnection]:
    return open_websocket(url, compression=None, proxy=None, **more)


def stamped(data: bytes) -> bytes:
    return _CAPTURE.pack(now_us()) + data


class Fleet:
    """Well-behaved headsets; what they send and get is counted under the present act."""

    def __init__(self, url: str, many: int, hz: float) -> None:
        self.url, self.many, self.hz = url, many, hz
        self._act = Act()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        sockets = [await opened(self.url) for _ in range(self.many)]
        begin = asyncio.get_running_loop().time() + 1.0
        for n, socket in enumerate(sockets):
            offset = begin + n / self.many / self.hz
            self._tasks.append(asyncio.create_task(self._stream(socket, offset)))
            self._tasks.append(asyncio.create_task(self._read(socket)))
        await asyncio.sleep(1.5)

    def next_act(self) -> Act:
        self._act = Act()
        return self._act

    async def _stream(self, socket: ClientConnection, start: float) -> None:
        loop = asyncio.get_running_loop()
        for k in itertools.count():
            await asyncio.sleep(max(0.0, start + k / self.hz - loop.time()))
            await socket.send(stamped(_FRAME))
            self._act.sent += 1

    async def _read(self, socket: ClientConnection) -> None:
        async for message in socket:
            self._act.answered(_CAPTURE.unpack_from(message)[0])  # type: ignore[arg-type]

    def finish(self) -> None:
        for task in self._tasks:
            task.cancel()


async def cameras(url: str, n: int) -> None:
    socket = await opened(url)
    reading = asyncio.create_task(_drain(socket))
    loop, start = asyncio.get_running_loop(), asyncio.get_running_loop().time() + n / 240
    for k in itertools.count():
        await asyncio.sleep(max(0.0, start + k / 30 - loop.time()))
        await socket.send(stamped(_PICTURE))
    await reading


async def stalled(url: str, _: int) -> None:
    socket = await opened(url)
    socket.transport.pause_reading()
    await _flood(socket)


async def slow(url: str, _: int) -> None:
    socket = await opened(url)
    while True:
        socket.transport.pause_reading()
        for _ in range(72):
            await socket.send(stamped(_FRAME))
            await asyncio.sleep(1 / 72)
        socket.transport.resume_reading()
        await asyncio.sleep(0.01)


async def flood(url: str, _: int) -> None:
    socket = await opened(url)
    reading = asyncio.create_task(_drain(socket))
    await _flood(socket)
    await reading


async def storm(url: str, _: int) -> None:
    socket = await opened(url)
    for _ in range(3):
        await socket.send(stamped(_FRAME))
    socket.transport.abort()


async def _flood(socket: ClientConnection) -> None:
    for t in itertools.count():
        await socket.send(stamped(_FRAME))
        if t % 16 == 0:
            await asyncio.sleep(0)


async def _drain(socket: ClientConnection) -> None:
    async for _ in socket:
        pass
