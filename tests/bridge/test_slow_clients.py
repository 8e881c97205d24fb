"""A stalled, silent or flooding client costs the others nothing, and many clients lose nothing."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Mapping

import numpy as np
from bridge_rig import PATIENCE, RawHeadset, Recorder, gaze, headset, introduce, server_of, until

from fedxr.bridge.channels import Channel, Samples
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.frames import Frame
from fedxr.bridge.protocol import Cue, Hello, Notice, Offer, Reply, encode
from fedxr.bridge.serving.session import Session
from fedxr.bridge.transport.connection import WRITE_LIMIT

HELLO = Hello(2, 2, "u", "companion", [Offer("gaze", "gaze/point2", 72.0)], ["emotion"])
PICTURE = {"png": bytes(60_000)}


class Flood(Recorder):
    """Sends a 60 KB cue with every answer."""

    def frame(self, session: Session, frame: Frame) -> None:
        session.send_cue("overlay", PICTURE)
        super().frame(session, frame)
        self.frames.clear()


async def round_trips(client: HeadsetClient, n: int, start: int) -> None:
    """Send a frame and wait for its reply, ``n`` times."""
    for t in range(start, start + n):
        await client.send_frame(t, gaze(t))
        while not isinstance(await asyncio.wait_for(anext(client), PATIENCE), Reply):
            pass


async def stall_and_flood(client: HeadsetClient, stop: asyncio.Event) -> None:
    """Never read again, and make the server want to send 60 KB a hundred times a second."""
    client._connection.transport.pause_reading()
    t = 0
    while not stop.is_set() and client.ended is None:
        t += 1
        await client.send_frame(t, gaze(t))
        await asyncio.sleep(0.01)


async def test_stalled_clients_are_bounded_counted_and_harmless() -> None:
    """Six clients do not read while 60 KB cues are sent to them; two others get every answer
    although the six stay stalled all the while (`benchmarks/bridge.py` says how fast).

    Unbounded, the server would hold 6 clients x 300 frames x 60 KB = 108 MB.
    """
    app, stop = Flood(), asyncio.Event()
    async with server_of(app, stall_s=10 * PATIENCE) as server:
        good = [await headset(server.url, user=f"good{n}") for n in range(2)]
        bad = [await headset(server.url, user=f"bad{n}") for n in range(6)]
        stuck = [server.sessions[client.session] for client in bad]
        tracemalloc.start()
        floods = [asyncio.create_task(stall_and_flood(client, stop)) for client in bad]
        await until(lambda: all(s._connection.congested for s in stuck))
        for client in good:
            await round_trips(client, 150, 1)
        await until(lambda: all(s.stats.frames >= 300 for s in stuck))
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        for session in stuck:
            assert session._outgoing.waiting <= server.config.outbox_bytes + 1000
            buffered = session._connection.transport.get_write_buffer_size()
            assert buffered <= WRITE_LIMIT + len(encode(Cue("overlay", PICTURE))) + 1000
            assert session._outgoing.drops["control"] > 0
        assert held < 12_000_000
        # The application was told what went.
        await until(lambda: any("control" in counts for counts in app.drops))
        assert all(s._connection.congested for s in stuck)
        stop.set()
        await asyncio.gather(*floods)
        for client in (*good, *bad):
            client._connection.transport.abort()


async def test_a_client_that_stays_stalled_is_dropped() -> None:
    app, stop = Flood(), asyncio.Event()
    async with server_of(app, stall_s=0.5) as server:
        client = await headset(server.url)
        flood = asyncio.create_task(stall_and_flood(client, stop))
        await until(lambda: app.over)
        assert app.over == ["stalled: did not read for 0.5 s"]
        stop.set()
        client._connection.transport.abort()
        await asyncio.gather(flood, return_exceptions=True)
        await until(lambda: not server.sessions)


async def test_a_client_that_catches_up_is_told_what_it_missed() -> None:
    app = Recorder()
    async with server_of(app) as server:
        client = await headset(server.url)
        client._connection.transport.pause_reading()
        session = app.sessions[0]
        while not session._outgoing.drops["reply"]:
            for t in range(200):
                if t % 10 == 0:
                    session.send_cue("overlay", PICTURE)
                session.send_reply(t, t, {})
        client._connection.transport.resume_reading()
        told: Mapping[str, int] = {}
        while "reply" not in told:
            message = await asyncio.wait_for(anext(client), PATIENCE)
            if isinstance(message, Notice):
                assert message.code == "dropped"
                told = message.counts
        assert told["reply"] > 0
        await client.close()


async def test_a_half_open_client_is_dropped() -> None:
    """A bare TCP socket shakes hands, says hello and then neither reads, answers nor closes."""
    app = Recorder()
    async with server_of(app, ping_interval_s=0.2, ping_timeout_s=0.3) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Protocol: fedxr.v1\r\n\r\n"
        )
        assert b"101 Switching" in await reader.readuntil(b"\r\n\r\n")
        await introduce(reader, writer, HELLO, "127.0.0.1")
        await until(lambda: app.sessions)
        await until(lambda: app.over)
        assert app.over == ["connection lost"]
        assert not server.sessions
        writer.close()


async def test_a_client_that_pings_and_never_reads_cannot_fill_the_memory() -> None:
    """The library answers websocket pings by itself: 125 bytes each, whether they are read or not.

    Once pongs pile up, the server stops reading, so the flood stays in the attacker's socket.
    """
    app = Recorder()
    async with server_of(app, stall_s=10 * PATIENCE) as server:
        raw = await RawHeadset.open(server.url)
        await raw.hello(HELLO)
        raw.socket.transport.pause_reading()
        connection = app.sessions[0]._connection
        frame = b"\x89\xfd" + bytes(4) + bytes(125)  # a masked ping
        for _ in range(400):
            if not raw.socket.transport.get_write_buffer_size():
                raw.socket.transport.write(frame * 1000)
            await asyncio.sleep(0)
            if connection._holds:
                break
        await until(lambda: connection._holds)
        assert connection.transport.get_write_buffer_size() < 2_000_000
        raw.socket.transport.abort()


async def test_64_headsets_at_72_hz_for_3_s_without_loss() -> None:
    """4 KB a frame; every frame is answered, nothing is dropped anywhere."""
    n, hz, seconds = 64, 72, 3
    channel = Channel("eeg", "eeg/" + "-".join(f"E{k}" for k in range(32)), 2304)
    values = np.zeros((32, 32), np.float32)
    app = Recorder()
    async with server_of(app) as server:
        clients = [await headset(server.url, [channel], user=f"u{k}") for k in range(n)]
        loop = asyncio.get_running_loop()
        begin = loop.time() + 0.1

        async def stream(client: HeadsetClient, offset: float) -> int:
            for k in range(hz * seconds):
                await asyncio.sleep(max(0.0, begin + offset + k / hz - loop.time()))
                t = 1000 * (k + 1)
                await client.send_frame(t, {"eeg": Samples(np.full(32, t), values)})
            got = 0
            while got < hz * seconds:
                got += isinstance(await asyncio.wait_for(anext(client), PATIENCE), Reply)
            return got

        answered = await asyncio.gather(*(stream(c, k / n / hz) for k, c in enumerate(clients)))
        assert answered == [hz * seconds] * n
        assert len(app.frames) == n * hz * seconds
        for session in server.sessions.values():
            stats = session.stats
            assert (stats.frames, stats.lost, stats.refused) == (hz * seconds, 0, 0)
            assert not stats.drops
        assert not any(client.drops or client.unread for client in clients)
        await asyncio.gather(*(client.close() for client in clients))


async def test_a_congested_headset_sends_what_is_fresh() -> None:
    """While the server does not read, `latest` keeps one frame; the gap in seq is counted."""
    channel = Channel("gaze", "gaze/point2", 72, "latest")
    app = Recorder()
    async with server_of(app) as server:
        client = await headset(server.url, [channel])
        session = app.sessions[0]
        session._connection.pause_reading("test")
        big = Samples(np.full(20_000, 1), np.zeros((20_000, 2), np.float32))
        while not client._connection.congested:
            await client.send_frame(1, {"gaze": big})
        first = client._seq
        for t in range(2, 52):
            await client.send_frame(t, gaze(t))
        assert client.drops == {"gaze": 49}
        session._connection.resume_reading("test")
        await until(lambda: app.frames and app.frames[-1].capture_us == 51)
        assert [f.seq for f in app.frames[-2:]] == [first, first + 50]
        assert session.stats.lost == 49
        await client.close()
