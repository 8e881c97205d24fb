"""Handshakes that dribble in, and connections that stand at the door and say nothing."""

from __future__ import annotations

import asyncio

from bridge_rig import RawHeadset, Recorder, gaze, headset, server_of, until

from bridge.protocol import Notice, Reply

BEGINNING = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "


async def test_slow_handshakes_crowd_nobody_out() -> None:
    """Of 40 that never finish their request only 8 may wait, and headsets get in meanwhile."""
    app = Recorder()
    async with server_of(app, max_waiting=8, hello_timeout_s=60) as server:
        slow = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(40)]
        for _, writer in slow:
            writer.write(BEGINNING)
        await until(lambda: server._doorstep.turned_away == 32)
        client = await headset(server.url)
        await client.send_frame(5, gaze(5))
        assert isinstance(await anext(client), Reply)
        # The one who came last is still waited for, the first is not.
        assert await asyncio.wait_for(slow[0][0].read(), 5) == b""
        assert not slow[-1][0].at_eof()
        await client.close()
        for _, writer in slow:
            writer.close()
        await until(lambda: not len(server._doorstep))


async def test_a_dribbling_handshake_has_its_time() -> None:
    """A byte now and then does not prolong it."""
    async with server_of(Recorder(), hello_timeout_s=0.3) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(BEGINNING)

        async def dribble() -> None:
            while True:
                writer.write(b"a")
                await asyncio.sleep(0.05)

        dribbling = asyncio.create_task(dribble())
        await asyncio.wait_for(reader.read(), 20)
        dribbling.cancel()
        writer.close()
        await until(lambda: not len(server._doorstep))


async def test_a_dribbling_hello_has_its_time_and_leaves_the_door() -> None:
    async with server_of(Recorder(), hello_timeout_s=0.3) as server:
        raw = await RawHeadset.open(server.url)
        # A frame of 100 bytes is announced, and comes byte by byte.
        raw.socket.transport.write(b"\x82\xe4" + bytes(4))

        async def dribble() -> None:
            while True:
                raw.socket.transport.write(b"a")
                await asyncio.sleep(0.05)

        dribbling = asyncio.create_task(dribble())
        notice = await raw.receive()
        dribbling.cancel()
        assert isinstance(notice, Notice)
        assert "no hello within" in notice.text
        await until(lambda: not len(server._doorstep))


async def test_pages_and_headsets_leave_the_door() -> None:
    async with server_of(Recorder(), {"/": ("text/plain", b"x")}) as server:
        client = await headset(server.url)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b"200 OK" in await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await until(lambda: not len(server._doorstep))
        await client.close()
