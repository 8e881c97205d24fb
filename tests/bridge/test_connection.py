"""The border between our reading of websocket frames and the library's, wherever bytes are cut."""

from __future__ import annotations

import asyncio
import contextlib
import os

import numpy as np
import pytest
from bridge_rig import PATIENCE, RawHeadset, Recorder, introduce, server_of, until
from websockets.asyncio.connection import Connection
from websockets.frames import Frame, Opcode

from fedxr.bridge.protocol import Block, Hello, Offer, PackedFrame, Reply, decode_down, encode
from fedxr.bridge.serving.server import BridgeServer
from fedxr.bridge.transport.connection import short

HELLO = Hello(2, 2, "u", "s", [Offer("gaze", "gaze/point2", 72.0)], ["emotion"])
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: fedxr.v1\r\n\r\n"
)


def message(seq: int, n: int = 1) -> bytes:
    data = np.zeros(2 * n, "<f4").tobytes()
    return encode(PackedFrame(seq, 1000 * seq, [Block(1, 1000 * seq, n, data)]))


def masked(opcode: Opcode, data: bytes, fin: bool = True) -> bytes:
    """One frame as a client sends it, put together by the library."""
    return Frame(opcode, data, fin).serialize(mask=True)


def stream() -> tuple[bytes, int]:
    """Short, long, huge and fragmented messages with pings between and inside; how many."""
    parts, third = [], message(3)
    parts.append(masked(Opcode.BINARY, message(1)))
    parts.append(masked(Opcode.PING, b"one"))
    parts.append(masked(Opcode.BINARY, message(2, 40)))  # 16-bit length
    parts.append(masked(Opcode.BINARY, third[:9], fin=False))
    parts.append(masked(Opcode.PING, b"two"))
    parts.append(masked(Opcode.CONT, third[9:20], fin=False))
    parts.append(masked(Opcode.CONT, third[20:]))
    parts.append(masked(Opcode.BINARY, message(4, 6000)))  # 48 KB: left to the library
    parts.append(masked(Opcode.BINARY, message(5, 10_000)))  # 80 KB, 64-bit length
    parts.extend(masked(Opcode.BINARY, message(seq)) for seq in range(6, 30))
    return b"".join(parts), 29


async def admitted(server: BridgeServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A bare connection whose session is open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(HANDSHAKE)
    await reader.readuntil(b"\r\n\r\n")
    await introduce(reader, writer, HELLO, "127.0.0.1")
    await until(lambda: server.sessions)
    return reader, writer


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 137, 1021, 40_000, 10**9])
async def test_every_cut_of_the_stream_gives_the_same_messages(chunk: int) -> None:
    app = Recorder()
    async with server_of(app) as server:
        _reader, writer = await admitted(server)
        connection = app.sessions[0]._connection
        data, due = stream()
        for at in range(0, len(data), chunk):
            # Straight into the protocol: a socket would join the pieces again.
            connection.data_received(data[at : at + chunk])
        await until(lambda: len(app.frames) >= due)  # what takes long is done in turns
        assert [f.seq for f in app.frames] == list(range(1, due + 1))
        assert app.sessions[0].stats.refused == 0
        writer.close()
        await until(lambda: app.over)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (Frame(Opcode.BINARY, message(1)).serialize(mask=False), 1002),
        (b"\xc2" + masked(Opcode.BINARY, message(1))[1:], 1002),
        (masked(Opcode.CONT, b"x"), 1002),
        (masked(Opcode.BINARY, b"x", fin=False) + masked(Opcode.BINARY, b"y"), 1002),
        (b"\x82\xff" + b"\xff" * 8 + bytes(4), 1009),
        (b"\x82\xff" + (2**40).to_bytes(8, "big") + bytes(4), 1009),
        (
            b"".join(
                masked(Opcode.BINARY if n == 0 else Opcode.CONT, b"", fin=False)
                for n in range(1100)
            ),
            1009,
        ),
    ],
    ids=[
        "unmasked",
        "reserved bit",
        "lone continuation",
        "broken fragments",
        "negative length",
        "a terabyte",
        "endless fragments",
    ],
)
async def test_illegal_frames_close_the_connection(bad: bytes, code: int) -> None:
    app = Recorder()
    async with server_of(app) as server:
        reader, writer = await admitted(server)
        writer.write(bad)
        received = await asyncio.wait_for(reader.read(), PATIENCE)
        at = received.rindex(b"\x88")
        assert int.from_bytes(received[at + 2 : at + 4], "big") == code
        await until(lambda: app.over)
        assert not app.frames
        writer.close()


async def test_what_comes_after_an_illegal_frame_costs_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tiny frames behind it are not looked at one by one: 200,000 would take seconds."""
    calls, whole = [0], Connection.data_received

    def counted(self: Connection, data: bytes) -> None:
        calls[0] += 1
        whole(self, data)

    app = Recorder()
    async with server_of(app) as server:
        _reader, writer = await admitted(server)
        monkeypatch.setattr(Connection, "data_received", counted)
        first, more = (masked(o, b"x", fin=False) for o in (Opcode.BINARY, Opcode.CONT))
        writer.write(first + 200_000 * more)
        await until(lambda: app.over)
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()
    assert calls[0] < 1024 + 200


@pytest.mark.parametrize("n", [10, 125, 126, 4096, 65_535, 65_536, 300_000])
async def test_what_is_written_is_legal_at_every_length(n: int) -> None:
    """The library's own client reads what our server writes."""
    app = Recorder()
    async with server_of(app) as server:
        raw = await RawHeadset.open(server.url)
        await raw.hello(HELLO)
        data = os.urandom(n)
        app.sessions[0]._connection.write(data)
        assert await asyncio.wait_for(raw.socket.recv(), PATIENCE) == data
        app.sessions[0].send_reply(1, 1, {})
        got = await asyncio.wait_for(raw.socket.recv(), PATIENCE)
        assert isinstance(got, bytes)
        assert isinstance(decode_down(got), Reply)


def test_close_reasons_fit_a_close_frame() -> None:
    assert len(short("ä" * 200).encode()) <= 123
    assert short("brief") == "brief"
