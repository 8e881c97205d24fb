"""Lost connections, stopped and restarted servers: what was promised to arrive arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from bridge_rig import RawHeadset, Recorder, gaze, headset, samples_of, server_of, until
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from fedxr.bridge.channels import Channel
from fedxr.bridge.connecting.handshake import RefusedError
from fedxr.bridge.connecting.reconnecting import ReturningClient
from fedxr.bridge.connecting.unacknowledged import Retry, Unacknowledged
from fedxr.bridge.frames import Frame
from fedxr.bridge.protocol import BridgeError, Feedback, Hello, Notice, Offer, Welcome, encode
from fedxr.bridge.serving.session import Session

SURE = Channel("gaze", "gaze/point2", 72, "reliable")
EYE = Channel("eye", "gaze/point2", 72, "latest")
SOON = Retry(first_s=0.02, most_s=0.2, give_up_s=30)


async def returning(
    url: str, channels: Sequence[Channel] = (SURE,), **more: object
) -> ReturningClient:
    client = await headset(url, channels, **{"retry": SOON, **more})
    assert isinstance(client, ReturningClient)
    return client


def captured(app: Recorder) -> list[int]:
    return [f.capture_us for f in app.frames if "gaze" in f.samples]


async def test_over_lost_connections_everything_reliable_arrives_once_and_in_order() -> None:
    app = Recorder()
    async with server_of(app) as server:
        client = await returning(server.url, (SURE, EYE))
        for t in range(1, 301):
            await client.send_frame(t, {**gaze(t), "eye": samples_of(EYE, [t])})
            if t % 10 == 0:
                await client.send_feedback("emotion", t)
            if t in (50, 250):
                client._connection.transport.abort()
            if t == 150:
                # Now the server is the one who loses it.
                await until(lambda: client.reconnects == 1)
                server.sessions[client.session]._connection.transport.abort()
                await until(lambda: client.reconnects == 2)
        await client.delivered()
        assert captured(app) == list(range(1, 301))
        assert [f.t_us for f in app.told] == list(range(10, 301, 10))
        assert client.reconnects == 3
        assert {s.id for s in app.sessions} == {client.session}
        assert all(s.resumed for s in app.sessions[1:])
        notices = []
        while len(notices) < client.reconnects:
            message = await asyncio.wait_for(anext(client), 5)
            if isinstance(message, Notice):
                notices.append(message)
        assert all(n.code == "reconnected" for n in notices)
        assert "the session goes on" in notices[0].text
        await client.close()


async def test_a_server_that_stops_says_how_far_it_came_and_the_next_one_goes_on() -> None:
    first, second = Recorder(), Recorder()
    async with server_of(first) as server:
        port, client = server.port, await returning(server.url)
        for t in range(1, 101):
            await client.send_frame(t, gaze(t))
        await until(lambda: len(first.frames) == 100)
    assert first.over == ["the server stops"]
    for t in range(101, 151):
        await client.send_frame(t, gaze(t))
    async with server_of(second, port=port) as server:
        await client.delivered()
        assert captured(first) == list(range(1, 101))
        assert captured(second) == list(range(101, 151))
        # The new server counts on: no number is missing.
        assert second.sessions[0].stats.lost == 0
        assert not second.sessions[0].resumed
        assert client.ended is None
        await client.close()


class Slow(Recorder):
    """Takes its time for every frame."""

    async def frame(self, session: Session, frame: Frame) -> None:  # type: ignore[override]
        await asyncio.sleep(0.01)
        self.frames.append(frame)

    async def feedback(self, session: Session, feedback: Feedback) -> None:  # type: ignore[override]
        self.told.append(feedback)


async def test_a_stopping_server_lets_the_application_finish() -> None:
    app = Slow()
    async with server_of(app, drain_s=30) as server:
        client = await returning(server.url)
        for t in range(1, 31):
            await client.send_frame(t, gaze(t))
        await until(lambda: app.sessions and app.sessions[0].last_seq == 30)
        assert len(app.frames) < 30
    assert captured(app) == list(range(1, 31))
    await until(lambda: not len(client._kept))
    await client.close()


async def test_what_waits_in_the_inbox_of_a_lost_session_is_not_lost() -> None:
    """The application is done with some when the connection breaks: the rest comes once, too."""
    app = Slow()
    async with server_of(app, drain_s=30) as server:
        client = await returning(server.url)
        for t in range(1, 31):
            await client.send_frame(t, gaze(t))
        await until(lambda: len(app.frames) > 3)
        client._connection.transport.abort()
        for t in range(31, 41):
            await client.send_frame(t, gaze(t))
        await client.delivered()
        assert captured(app) == list(range(1, 41))
        await client.close()


async def test_a_headset_that_is_not_let_in_again_hears_why() -> None:
    app = Recorder()
    async with server_of(app, token="old") as server:
        port, client = server.port, await returning(server.url, token="old")
    async with server_of(app, port=port, token="new"):
        with pytest.raises(BridgeError, match=r"the server stops; .*wrong token"):
            await anext(client)


async def test_a_headset_gives_up_when_nobody_is_there() -> None:
    async with server_of(Recorder()) as server:
        client = await returning(server.url, retry=Retry(0.01, 0.05, 0.3))
    with pytest.raises(BridgeError, match=r"no connection for 0\.3 s: cannot reach a bridge"):
        await anext(client)


async def test_a_sender_of_reliable_data_waits_while_the_server_is_away() -> None:
    app, n = Recorder(), 200
    async with server_of(app) as server:
        port, client = server.port, await returning(server.url, queue_bytes=4000)

    async def stream() -> None:
        for t in range(1, n + 1):
            await client.send_frame(t, gaze(t))

    streaming = asyncio.create_task(stream())
    await until(lambda: client._kept.full)
    assert client._kept.nbytes < 5000
    assert not streaming.done()
    async with server_of(app, port=port):
        await streaming
        await client.delivered()
        assert captured(app) == list(range(1, n + 1))
        await client.close()


async def test_a_bye_on_purpose_is_the_end() -> None:
    app = Recorder()
    async with server_of(app) as server:
        client = await returning(server.url)
        app.sessions[0].close("enough")
        with pytest.raises(BridgeError, match="enough"):
            await anext(client)
        assert not client.reconnects


async def test_versions_are_negotiated() -> None:
    """The highest that both speak."""
    async with server_of(Recorder()) as server:
        raw = await RawHeadset.open(server.url)
        hello = Hello(0, 9, "u", "companion", [Offer("gaze", "gaze/point2", 72.0)], ["emotion"])
        assert (await raw.hello(hello)).version == 2


async def test_a_version_that_was_not_offered_is_not_taken() -> None:
    async def serve_version_7(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(encode(Welcome(7, "s", {}, {}, [], 33_333, 1, 2**20)))
        await socket.wait_closed()

    async with serve(
        serve_version_7, "127.0.0.1", 0, subprotocols=[Subprotocol("fedxr.v1")]
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(RefusedError, match=r"version 7 .* update the older side"):
            await headset(f"ws://127.0.0.1:{port}")


def test_waits_grow_to_a_limit_and_differ() -> None:
    """1, 2, 4, 4 s, each cut to between half and the whole."""
    waits = Retry(1.0, 4.0).waits()
    for longest in (1, 2, 4, 4, 4):
        assert longest / 2 <= next(waits) <= longest
    many = [next(Retry().waits()) for _ in range(50)]
    assert len(set(many)) == 50


def test_only_what_was_promised_is_kept() -> None:
    kept = Unacknowledged(frozenset({"gaze"}), 2000)
    both = {**gaze(1), "eye": samples_of(EYE, [1])}
    kept.keep(Frame(1, 1, both))
    kept.keep(Frame(2, 2, {"eye": samples_of(EYE, [2])}))
    kept.keep(Feedback(3, "emotion", 2))
    kept.keep(Frame(4, 4, gaze(4)))
    assert [(i.seq, list(getattr(i, "samples", ()))) for i in kept.up_to(3)] == [
        (1, ["gaze"]),
        (3, []),
    ]
    kept.acknowledge(3)
    assert [i.seq for i in kept.up_to(9)] == [4]
    kept.acknowledge(4)
    assert (kept.nbytes, len(kept), kept.acknowledged) == (0, 0, 4)
