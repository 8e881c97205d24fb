"""Handshakes that dribble in, and connections that stand at the door and say nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc

from bridge_rig import RawHeadset, Recorder, gaze, headset, server_of, until

from fedxr.bridge.protocol import Notice, Reply

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


async def test_a_storm_of_newcomers_waits_and_all_get_in() -> None:
    """20 at once and 20 a second: the last of 36 is heard after 0.8 s; who is in is answered."""
    async with server_of(Recorder(), max_newcomers_s=20) as server:
        inside = await headset(server.url)
        began = asyncio.get_running_loop().time()
        storm = asyncio.gather(*(headset(server.url) for _ in range(36)))
        await until(lambda: len(server.sessions) > 10)
        assert not any(transport.is_reading() for transport in server._doorstep._unheard)
        await inside.send_frame(5, gaze(5))
        assert isinstance(await asyncio.wait_for(anext(inside), 5), Reply)
        assert not storm.done()
        clients = await storm
        assert asyncio.get_running_loop().time() - began > 0.7
        for client in (inside, *clients):
            await client.close()


async def test_who_knocks_and_goes_leaves_no_work_to_the_garbage_collector() -> None:
    """Hundreds a second would let it stop everyone's answers."""
    async with server_of(Recorder(), hello_timeout_s=60) as server:

        async def knock() -> None:
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(BEGINNING)
            await until(lambda: len(server._doorstep))
            writer.close()
            await until(lambda: not len(server._doorstep))

        gc.collect()
        gc.disable()
        try:
            for _ in range(20):
                await knock()
            left = [
                o for o in gc.get_objects() if type(o).__name__ in ("_Newcomer", "ServerProtocol")
            ]
            assert not left
        finally:
            gc.enable()


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
        # Or reset, where the server closed before it read the last byte.
        with contextlib.suppress(ConnectionResetError):
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
        assert "no hello and proof within" in notice.text
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
