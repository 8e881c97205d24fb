"""How fast one peer may send, and that the others get their turn meanwhile."""

from __future__ import annotations

import asyncio
import math

from bridge_rig import Recorder, gaze, headset, server_of, until
from websockets.frames import Frame, Opcode

from fedxr.bridge.channels import Channel
from fedxr.bridge.protocol import Block, Notice, PackedFrame, encode
from fedxr.bridge.transport.rate_limit import RateLimiter


def test_what_one_second_allows_is_free_and_the_rest_is_paid_for() -> None:
    """100 messages a second: 100 at once cost nothing, 50 more half a second, stalled ones double
    and double again."""
    pace = RateLimiter(100, math.inf)
    assert pace.spend(100, 10**9, False) == 0
    assert 0.4 < pace.spend(50, 0, False) <= 0.5
    assert 0.8 < pace.spend(10, 0, True) <= 0.9
    assert pace.turn_s < RateLimiter(100, 100).turn_s
    assert 2.9 < RateLimiter(math.inf, 1000).spend(1, 4000, False) <= 3.0


async def test_a_flood_is_read_at_its_pace_and_told_and_nothing_is_lost() -> None:
    app, n = Recorder(), 500
    channel = Channel("gaze", "gaze/point2", 72, "reliable")
    async with server_of(app, max_messages_s=200) as server:
        client = await headset(server.url, [channel])
        for t in range(1, n + 1):
            await client.send_frame(t, gaze(t))
        notices: list[Notice] = []
        while not notices:
            message = await asyncio.wait_for(anext(client), 10)
            if isinstance(message, Notice):
                notices.append(message)
        assert notices[0].code == "too-fast"
        assert "at most 200 messages" in notices[0].text
        await until(lambda: len(app.frames) == n, 20)
        assert [f.seq for f in app.frames] == list(range(1, n + 1))
        await until(lambda: app.sessions[0].stats.paused_s > 0.5)
        await client.close()


async def test_others_get_their_turn_while_a_long_read_is_worked_through() -> None:
    """A thousand messages arrive in one read; a frame that comes after them is not kept waiting."""
    app = Recorder()
    async with server_of(app, max_messages_s=math.inf) as server:
        flood, good = await headset(server.url, user="flood"), await headset(server.url)
        read = b"".join(
            Frame(
                Opcode.BINARY, encode(PackedFrame(seq, seq, [Block(1, seq, 1, bytes(8))]))
            ).serialize(mask=True)
            for seq in range(1, 1001)
        )
        app.sessions[0]._connection.data_received(read)
        assert len(app.frames) < 1000
        await good.send_frame(5_000_000, gaze(5_000_000))
        await until(lambda: len(app.frames) == 1001)
        came = [f.capture_us for f in app.frames]
        assert came.index(5_000_000) < 1000
        assert sorted(came) == [*range(1, 1001), 5_000_000]
        for client in (flood, good):
            await client.close()


async def test_a_flooding_client_can_be_sent_away() -> None:
    """Its close frame stands behind all that it has sent, which is not read at its pace then."""
    app = Recorder()
    async with server_of(app, max_messages_s=50) as server:
        client = await headset(server.url)
        for t in range(1, 2001):
            await client.send_frame(t, gaze(t))
        await until(lambda: app.frames)
        app.sessions[0].close("enough")
        await until(lambda: app.over)
        assert app.over == ["enough"]
        await until(lambda: not server._seats.connections)
        assert client.ended == "enough"
