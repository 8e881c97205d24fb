"""Pictures are decoded beside the event loop, in order, and cost the other headsets nothing."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import Any

import pytest
from bridge_rig import GAZE, Recorder, gaze, headset, samples_of, server_of, until

from fedxr.bridge.channels import Channel
from fedxr.bridge.protocol import Block, Notice, PackedFrame, Reply
from fedxr.bridge.serving.decode_process import Pictures

EYE = Channel("eye", "vision/rgb", 30)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """No picture is decoded before this is set."""
    event, decode = threading.Event(), Pictures.decode

    def decode_later(self: Pictures, *picture: Any) -> Any:
        event.wait(30)
        return decode(self, *picture)

    monkeypatch.setattr(Pictures, "decode", decode_later)
    return event


async def test_others_are_answered_while_a_picture_is_decoded(gate: threading.Event) -> None:
    app = Recorder()
    async with server_of(app) as server:
        camera, other = await headset(server.url, [EYE]), await headset(server.url)
        await camera.send_frame(5, {"eye": samples_of(EYE, [5])})
        for t in range(1, 20):
            await other.send_frame(t, gaze(t))
            assert isinstance(await asyncio.wait_for(anext(other), 10), Reply)
        assert not any(f.samples.get("eye") for f in app.frames)
        # The clock is read at once, too: a pong that waited would mislead.
        assert await camera.sync_clock(2) is not None
        gate.set()
        assert isinstance(await asyncio.wait_for(anext(camera), 10), Reply)
        await camera.close()
        await other.close()


async def test_what_comes_after_a_picture_stays_behind_it(gate: threading.Event) -> None:
    app = Recorder()
    async with server_of(app) as server:
        camera = await headset(server.url, [EYE, GAZE])
        sent = samples_of(EYE, [2])
        for t in range(1, 50):
            await camera.send_frame(t, {"eye": samples_of(EYE, [t])} if t % 3 == 2 else gaze(t))
            await camera.send_feedback("emotion", t)
        session = app.sessions[0]
        await until(lambda: session._connection._holds)
        assert (len(app.frames), len(app.told)) == (1, 1)
        gate.set()
        await until(lambda: len(app.told) == 49)
        assert [f.capture_us for f in app.frames] == list(range(1, 50))
        assert (app.frames[1].samples["eye"].values == sent.values).all()
        assert session.stats.refused == 0
        await camera.close("done")
        await until(lambda: app.over)
        assert app.over == ["bye: done"]


async def test_a_latest_picture_replaces_the_one_that_waits(gate: threading.Event) -> None:
    """Picture 1 is being decoded; of 2 to 9 the last is kept, and their gaze is not lost."""
    app = Recorder()
    latest = Channel("eye", "vision/rgb", 30, "latest")
    async with server_of(app) as server:
        camera = await headset(server.url, [latest, GAZE])
        for t in range(1, 10):
            await camera.send_frame(t, {"eye": samples_of(latest, [t]), **gaze(t)})
        session = app.sessions[0]
        await until(lambda: session.stats.bytes_in and len(session.incoming.decoding._waiting) == 8)  # type: ignore[union-attr]
        assert not session._connection._holds
        gate.set()
        await until(lambda: len(app.frames) == 9)
        assert [f.capture_us for f in app.frames if "eye" in f.samples] == [1, 9]
        assert [f.capture_us for f in app.frames if "gaze" in f.samples] == list(range(1, 10))
        # The server tells once a second: by now or never.
        assert sum(map(Counter, app.drops), session.check_health(1.0)) == {"eye": 7}
        await camera.close()


async def test_a_broken_picture_is_refused_and_the_next_one_taken() -> None:
    app = Recorder()
    async with server_of(app) as server:
        camera = await headset(server.url, [EYE])
        number = camera.welcome.channels["eye"]
        broken = Block(number, 1, 1, b"\x89PNG no", shape=[4, 4, 3], encoding="png")
        await camera.forward(PackedFrame(1, 1, [broken]))
        notice = await asyncio.wait_for(anext(camera), 10)
        assert isinstance(notice, Notice)
        assert (notice.code, notice.seq) == ("bad-image", 1)
        await camera.send_frame(2, {"eye": samples_of(EYE, [2])})
        assert isinstance(await asyncio.wait_for(anext(camera), 10), Reply)
        assert app.frames[0].samples["eye"].values.shape == (1, 4, 4, 3)
        await camera.close()


async def test_pictures_that_wait_are_bounded_in_bytes(gate: threading.Event) -> None:
    """Of ten of 20 KB five may wait in 100 KB beside the one that is being decoded; the rest stays
    in the sender's socket, and comes later."""
    app = Recorder()
    async with server_of(app, inbox_bytes=100_000) as server:
        camera = await headset(server.url, [EYE])
        number = camera.welcome.channels["eye"]
        for t in range(1, 11):
            broken = Block(number, t, 1, bytes(20_000), shape=[4, 4, 3], encoding="png")
            await camera.forward(PackedFrame(t, t, [broken]))
        session = app.sessions[0]
        await until(lambda: session._connection._holds)
        assert session._connection._holds == {"decoding"}
        gate.set()
        seen = [await asyncio.wait_for(anext(camera), 10) for _ in range(10)]
        assert [m.seq for m in seen if isinstance(m, Notice)] == list(range(1, 11))
        assert not session._connection._holds
        assert session.incoming.decoding is not None
        assert session.incoming.decoding._bytes == 0
        await camera.close()


async def test_a_session_may_end_while_a_picture_is_decoded(gate: threading.Event) -> None:
    app = Recorder()
    async with server_of(app) as server:
        camera = await headset(server.url, [EYE])
        await camera.send_frame(5, {"eye": samples_of(EYE, [5])})
        await until(lambda: app.sessions[0].stats.bytes_in)
        await camera.send_frame(6, {"eye": samples_of(EYE, [6])})
        await camera.close("done")
        assert not app.over
        gate.set()
        await until(lambda: app.over)
        # What had arrived counts, and the bye behind it.
        assert [f.capture_us for f in app.frames] == [5, 6]
        assert app.over == ["bye: done"]


async def test_a_session_may_be_ended_while_a_picture_is_decoded(gate: threading.Event) -> None:
    app = Recorder()
    async with server_of(app) as server:
        camera = await headset(server.url, [EYE])
        for t in (5, 6, 7):
            await camera.send_frame(t, {"eye": samples_of(EYE, [t])})
        await until(lambda: app.sessions[0].incoming.decoding.busy)  # type: ignore[union-attr]
        app.sessions[0].close("enough")
        await until(lambda: app.over)
        gate.set()
    assert not app.frames
    assert camera.ended == "enough"


async def test_a_decoder_that_dies_takes_nothing_with_it() -> None:
    app = Recorder()
    async with server_of(app) as server:
        camera = await headset(server.url, [EYE])
        await camera.send_frame(1, {"eye": samples_of(EYE, [1])})
        assert isinstance(await asyncio.wait_for(anext(camera), 10), Reply)
        decoder = server._pictures._all[0]._process
        assert decoder is not None
        decoder.kill()
        decoder.wait()
        await camera.send_frame(2, {"eye": samples_of(EYE, [2])})
        notice = await asyncio.wait_for(anext(camera), 10)
        assert isinstance(notice, Notice)
        assert (notice.code, notice.seq) == ("bad-image", 2)
        await camera.send_frame(3, {"eye": samples_of(EYE, [3])})
        assert isinstance(await asyncio.wait_for(anext(camera), 10), Reply)
        await camera.close()
        living = server._pictures._all[0]._process
        assert living is not None
    assert living.wait(10) != 0
