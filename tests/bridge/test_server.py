"""Sessions over real sockets: streaming, refusing, resuming, pacing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from bridge_rig import RawHeadset, Recorder, gaze, headset, samples_of, server_of, until

from fedxr.bridge.channels import LAYOUTS, Channel
from fedxr.bridge.clock import now_us
from fedxr.bridge.frames import Frame
from fedxr.bridge.protocol import (
    Block,
    BridgeError,
    Cue,
    Down,
    Feedback,
    Hello,
    Notice,
    Offer,
    PackedFrame,
    Ping,
    Reply,
    encode,
)
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.bridge.serving.application import Application, RefusalError
from fedxr.bridge.serving.server import BridgeServer
from fedxr.bridge.serving.session import Session

HELLO = Hello(2, 2, "u", "companion", [Offer("gaze", "gaze/point2", 72.0)], ["emotion"])
POINT = np.array([0.5, 0.5], "<f4").tobytes()


def frame(seq: int, *blocks: Block, capture_us: int = 1_000_000, episode: int = 0) -> PackedFrame:
    return PackedFrame(seq, capture_us, list(blocks), episode)


async def test_every_layout_crosses_a_real_socket() -> None:
    """One headset with all channels, two frames: arrays arrive as they left."""
    channels = [
        Channel(name, name, 100)
        for name in (*LAYOUTS, "eeg/Oz-O1", "fnirs/F3-F4", "columns/strain-tilt_x")
    ]
    app = Recorder()
    async with server_of(app) as server, await headset(server.url, channels) as client:
        assert set(client.welcome.channels) == {c.name for c in channels}
        sent = []
        for start in (1_000_000, 1_020_000):
            samples = {c.name: samples_of(c, [start, start + 10_000]) for c in channels}
            await client.send_frame(start + 10_000, samples, 3, 900_000)
            sent.append(samples)
        reply = [await anext(client), await anext(client)][-1]
        assert isinstance(reply, Reply)
        assert (reply.seq, reply.capture_us) == (2, 1_030_000)
        assert reply.answers["emotion"].best == 1
        assert reply.answers["emotion"].probabilities.tolist() == [0.25, 0.75]
        for got, want in zip(app.frames, sent, strict=True):
            assert (got.episode, got.episode_start_us) == (3, 900_000)
            assert list(got.samples) == list(want)
            for name, samples in want.items():
                np.testing.assert_array_equal(got.samples[name].values, samples.values)
                np.testing.assert_array_equal(got.samples[name].t_us, samples.t_us)
        await client.send_feedback("emotion", 1_000_500, 1, 3, "correction")
        await until(lambda: app.told)
        assert app.told[0] == Feedback(3, "emotion", 1_000_500, 1, 3, "correction")
        stats = app.sessions[0].stats
        assert (stats.frames, stats.feedback, stats.refused, stats.lost) == (2, 1, 0, 0)
    assert app.over == ["bye"]


async def test_cues_and_notices_arrive_in_order() -> None:
    app = Recorder()
    async with server_of(app) as server, await headset(server.url) as client:
        app.sessions[0].send_cue("label", {"text": "valve", "at": [0.5, 1.0]})
        app.sessions[0].notice("hot", "the device is hot", {"kelvin": 320})
        assert await anext(client) == Cue("label", {"text": "valve", "at": [0.5, 1.0]})
        assert await anext(client) == Notice("hot", "the device is hot", {"kelvin": 320})
        app.sessions[0].close("enough")
        with pytest.raises(BridgeError, match="enough"):
            await anext(client)
        with pytest.raises(BridgeError, match="enough"):
            await client.send_frame(1, {})


MISTAKES = [
    ("unknown-channel", "open are 1 (gaze)", frame(1, Block(9, 5, 1, POINT))),
    ("bad-shape", "7 bytes for 1 samples", frame(1, Block(1, 5, 1, POINT[:-1]))),
    ("bad-shape", "at least one sample", frame(1, Block(1, 5, 0, b""))),
    ("bad-shape", "twice", frame(1, Block(1, 5, 1, POINT), Block(1, 6, 1, POINT))),
    ("bad-shape", "for vision only", frame(1, Block(1, 5, 1, POINT, encoding="png", shape=[2]))),
    ("bad-time", "after the frame's", frame(1, Block(1, 1_000_001, 1, POINT))),
    ("bad-time", "2^53", frame(1, Block(1, 5, 2, POINT * 2, period_us=float("nan")))),
    ("bad-shape", "2147483647 samples", frame(1, Block(1, 5, 2**31 - 1, POINT))),
    ("bad-sequence", "count up", frame(0)),
    ("unknown-task", "open are emotion", Feedback(1, "sleep", 5)),
    ("bad-sequence", "second hello", HELLO),
    ("bad-time", "not finite", Ping(1, float("inf"))),
    ("bad-time", "drift within 1000 ppm", Ping(0, 0.0, 2.0**52, 0.0)),
    ("bad-time", "uncertainty of 0", Ping(1, 0.0, 0.0, -1.0)),
]


@pytest.mark.parametrize(("code", "said", "mistake"), MISTAKES, ids=lambda v: str(v)[:24])
async def test_a_wrong_message_is_refused_and_the_session_goes_on(
    code: str, said: str, mistake: Any
) -> None:
    app = Recorder()
    async with server_of(app) as server:
        raw = await RawHeadset.open(server.url)
        await raw.hello(HELLO)
        await raw.send(mistake)
        notice = await raw.receive()
        assert isinstance(notice, Notice)
        assert (notice.code, notice.seq) == (code, getattr(mistake, "seq", 0))
        assert said in notice.text
        await raw.send(frame(2, Block(1, 7, 1, POINT)))
        assert isinstance(await raw.receive(), Reply)
        assert [f.seq for f in app.frames] == [2]
        assert app.sessions[0].stats.refused == 1


async def test_time_and_sequence_must_not_go_back_but_a_new_episode_may() -> None:
    app = Recorder()
    async with server_of(app) as server:
        raw = await RawHeadset.open(server.url)
        await raw.hello(HELLO)
        await raw.send(frame(5, Block(1, 900, 1, POINT)))
        said: list[Down] = [await raw.receive()]
        for bad in (
            frame(5),
            frame(6, Block(1, 899, 1, POINT)),
            frame(7, capture_us=999_999),
        ):
            await raw.send(bad)
            said.append(await raw.receive())
        assert [m.code for m in said if isinstance(m, Notice)] == [
            "bad-sequence",
            "bad-time",
            "bad-time",
        ]
        await raw.send(frame(8, Block(1, 10, 1, POINT), capture_us=20, episode=1))
        assert isinstance(await raw.receive(), Reply)
        await raw.send(frame(9, episode=0))
        assert isinstance(await raw.receive(), Notice)
        # 1..4 never came.
        assert app.sessions[0].stats.lost == 4


async def test_garbage_and_repeated_abuse_end_the_session() -> None:
    app = Recorder()
    async with server_of(app) as server:
        garbage = await RawHeadset.open(server.url)
        await garbage.hello(HELLO)
        await garbage.send(b"\xc1\xc1")
        await until(lambda: app.over)
        assert "not a fedxr.v1 message" in app.over[0]
        abuser = await RawHeadset.open(server.url)
        await abuser.hello(HELLO)
        for seq in range(1, 41):
            await abuser.send(frame(seq, Block(9, 5, 1, POINT)))
        await until(lambda: len(app.over) == 2)
        assert app.over[1].startswith("20 refused messages within 10 s")


async def test_a_fragmented_message_is_joined_and_an_oversize_one_is_not_read() -> None:
    app = Recorder()
    async with server_of(app, max_message=100_000) as server:
        raw = await RawHeadset.open(server.url)
        await raw.hello(HELLO)
        whole = encode(frame(1, Block(1, 7, 1, POINT)))
        await raw.socket.send([whole[:10], whole[10:20], whole[20:]])
        assert isinstance(await raw.receive(), Reply)
        await raw.socket.send(bytes(100_001))
        await raw.socket.wait_closed()
        assert raw.socket.close_code == 1009
        await until(lambda: app.over)


async def test_a_lost_session_resumes_where_it_was() -> None:
    app = Recorder()
    async with server_of(app) as server:
        client = await headset(server.url, user="ann")
        await client.send_frame(10, gaze(10))
        await client.send_frame(20, gaze(20))
        await anext(client)
        client._connection.transport.abort()
        await until(lambda: app.over)
        stranger = await headset(server.url, user="bob", resume=client.session)
        assert stranger.session != client.session
        again = await headset(server.url, user="ann", resume=client.session)
        assert again.session == client.session
        assert again.welcome.last_seq == 2
        assert app.sessions[-1].resumed
        assert await again.send_frame(30, gaze(30)) == 3
        # The old connection may still look alive: a new one takes over.
        third = await headset(server.url, user="ann", resume=client.session)
        assert third.session == client.session
        assert app.over[-1] == "resumed on a new connection"
        assert isinstance(await anext(again), Reply)
        with pytest.raises(BridgeError, match="resumed on a new"):
            await anext(again)
        for open_client in (stranger, third):
            await open_client.close()
        await until(lambda: not server.sessions)


async def test_a_session_is_resumed_though_the_application_is_still_told_of_its_end() -> None:
    """Whoever comes back waits for that; whoever has gone meanwhile takes nothing away."""
    app = Slow()
    async with server_of(app) as server:
        client = await headset(server.url, user="ann")
        await client.send_frame(10, gaze(10))
        await anext(client)
        client._connection.transport.abort()
        await until(lambda: not server.sessions)
        with pytest.raises(BridgeError, match="no welcome within"):
            await headset(server.url, user="ann", resume=client.session, timeout_s=0.2)
        back = asyncio.create_task(headset(server.url, user="ann", resume=client.session))
        await until(lambda: len(server._seats.connections) == 3)
        app.gate.set()
        again = await back
        assert (again.session, again.welcome.last_seq) == (client.session, 1)
        await again.close()


class Slow(Recorder):
    """Takes its time over a session's end."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def left(self, session: Session, reason: str) -> None:
        await self.gate.wait()


async def test_a_refused_frame_begins_no_episode() -> None:
    app = Recorder()
    async with server_of(app) as server:
        client = await headset(server.url)
        number = client.welcome.channels["gaze"]
        await client.send_frame(100, gaze(100))
        await anext(client)
        for short, episode in ((b"\0" * 7, 1), (b"\0" * 8, 0)):
            seq = client._seq + 1
            await client.forward(PackedFrame(seq, 99, [Block(number, 5, 1, short)], episode))
        said = [await asyncio.wait_for(anext(client), 10) for _ in range(2)]
        # The first has a byte too few, the second goes back within episode 0, which still lasts.
        assert [m.code for m in said if isinstance(m, Notice)] == ["bad-shape", "bad-time"]
        await client.send_frame(101, gaze(101))
        assert isinstance(await asyncio.wait_for(anext(client), 10), Reply)
        await client.close()


async def test_a_session_that_is_refused_for_now_can_be_resumed_later() -> None:
    app = Crowded()
    async with server_of(app) as server:
        client = await headset(server.url, user="ann")
        await client.send_frame(10, gaze(10))
        await anext(client)
        client._connection.transport.abort()
        await until(lambda: app.over)
        app.full = True
        with pytest.raises(BridgeError, match="come again later"):
            await headset(server.url, user="ann", resume=client.session)
        app.full = False
        again = await headset(server.url, user="ann", resume=client.session)
        assert (again.session, again.welcome.last_seq) == (client.session, 1)
        await again.close()


class Crowded(Recorder):
    """Has a place for nobody while it is ``full``."""

    full = False

    def joined(self, session: Session) -> tuple[str, ...]:
        if self.full:
            raise RefusalError("full", "come again later")
        return super().joined(session)


class Picky(Application):
    """Refuses users and channels, answers late, and only in coroutines."""

    def __init__(self) -> None:
        self.seen: list[Frame | Feedback] = []
        self.busy = False
        self.gate = asyncio.Event()

    async def joined(self, session: Session) -> Sequence[str]:
        await asyncio.sleep(0.01)
        if session.user == "mallory":
            raise RefusalError("not-today", "mallory is not let in")
        if "mic" in session.channels:
            session.refuse("mic", "nobody listens here")
        return ["emotion"]

    async def frame(self, session: Session, frame: Frame) -> None:
        self.busy = True
        await self.gate.wait()
        self.seen.append(frame)

    async def feedback(self, session: Session, feedback: Feedback) -> None:
        self.seen.append(feedback)


async def test_an_application_of_coroutines_gets_thinned_frames_in_order() -> None:
    """While it is busy with frame 1, `latest` keeps one frame and feedback is never lost."""
    app = Picky()
    channels = [Channel("gaze", "gaze/point2", 72, "latest"), Channel("mic", "audio/pcm16", 16e3)]
    async with server_of(app) as server:
        with pytest.raises(BridgeError, match="mallory is not let in"):
            await headset(server.url, user="mallory")
        client = await headset(server.url, channels)
        assert client.welcome.refused == {"mic": "nobody listens here"}
        await client.send_frame(1, gaze(1))
        await until(lambda: app.busy)
        for t in range(2, 11):
            await client.send_frame(t, gaze(t))
        await client.send_feedback("emotion", 5)
        session = server.sessions[client.session]
        await until(lambda: session.stats.feedback)
        app.gate.set()
        await until(lambda: len(app.seen) == 3)
        assert [item.seq for item in app.seen] == [1, 10, 11]
        notice = await anext(client)
        assert isinstance(notice, Notice)
        assert (notice.code, notice.counts) == ("dropped", {"gaze": 8})
        assert session.stats.drops == {"gaze": 8}
        await client.close()


class Broken(Recorder):
    async def feedback(self, session: Session, feedback: Feedback) -> None:  # type: ignore[override]
        raise KeyError("a bug of the application")


async def test_a_bug_in_the_application_ends_that_session_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = Broken()
    async with server_of(app) as server:
        bad, good = await headset(server.url), await headset(server.url)
        await bad.send_feedback("emotion", 1)
        with pytest.raises(BridgeError, match="the application stopped answering"):
            await anext(bad)
        await good.send_frame(10, gaze(10))
        assert isinstance(await anext(good), Reply)
        await until(lambda: "a bug of the application" in caplog.text)
        await good.close()


class Pulling(Recorder):
    def joined(self, session: Session) -> Sequence[str]:
        session.use_inbox()
        return super().joined(session)


async def test_reliable_data_hold_the_sender_and_nothing_is_lost() -> None:
    """The application takes nothing at first: reading stops, the headset waits, all arrives."""
    channel = Channel("gaze", "gaze/point2", 72, "reliable")
    app, n, size = Pulling(), 400, 8000
    async with server_of(app, inbox_bytes=200_000) as server:
        client = await headset(server.url, [channel], queue_bytes=200_000)

        async def stream() -> None:
            for t in range(1, n + 1):
                await client.send_frame(t, {"gaze": samples_of(channel, [t] * size)})

        streaming = asyncio.create_task(stream())
        session = app.sessions[0]
        await until(lambda: session.inbox.full)
        await asyncio.sleep(0.2)
        assert session.inbox.nbytes < 1_000_000
        assert not streaming.done()
        seen: list[int] = []
        while len(seen) < n:
            item = session.take()
            if item is None:
                await asyncio.sleep(0.001)
            else:
                seen.append(item.seq)
        assert seen == list(range(1, n + 1))
        await streaming
        assert not client.drops
        await client.close()


async def test_the_clock_is_found_over_a_socket() -> None:
    """The server's clock is 5 s ahead and 400 ppm fast: both are recovered."""
    start = now_us()
    app = Recorder()
    server = BridgeServer(
        app, ServerConfig(port=0), now=lambda: round(5e6 + start + (now_us() - start) * 1.0004)
    )
    async with server:
        client = await headset(server.url)
        # On a busy machine trips are long; more bursts make up for it.
        while not (
            (estimate := await client.sync_clock())
            and abs(estimate.to_remote(now_us()) - server._now()) < 1000
            and abs(estimate.drift - 400e-6) < 200e-6
        ):
            assert now_us() - start < 60e6, f"after 60 s: {estimate}"
            await asyncio.sleep(0.1)
        session = app.sessions[0]
        await until(lambda: session.clock is not None)
        await client.send_frame(now_us(), gaze(now_us() - 100))
        await anext(client)
        assert 0 < session.stats.latency.percentile(50) < 4e6  # not the 5 s between the clocks
        assert session.stats.late == 0
        late = now_us() - 600_000
        await client.send_frame(late, gaze(late), episode=1)
        await until(lambda: session.stats.late == 1)
        await until(lambda: {"late": 1} in app.drops)
        await client.close()


async def test_what_is_said_in_joined_comes_after_the_welcome() -> None:
    """A notice instead of a welcome is a refusal; a notice after it is read like any other."""

    class Sorry(Recorder):
        def joined(self, session: Session) -> Sequence[str]:
            session.notice("state", "damaged; starting anew")
            session.send_cue("pace", {"factor": 1})
            return super().joined(session)

    async with server_of(Sorry()) as server:
        raw = await RawHeadset.open(server.url)
        await raw.hello(Hello(2, 2, "raw", "companion", [], []))  # answered by the welcome
        assert [type(await raw.receive()) for _ in range(2)] == [Notice, Cue]
        client = await headset(server.url)
        notice = await anext(client)
        assert isinstance(notice, Notice)
        assert notice.text == "damaged; starting anew"
        await client.send_frame(1, gaze(1))
        assert isinstance(await anext(client), Cue)
        assert isinstance(await anext(client), Reply)
        await client.close()
        await raw.socket.close()


async def test_a_refusal_says_nothing_else() -> None:
    class Never(Recorder):
        def joined(self, session: Session) -> Sequence[str]:
            session.notice("state", "damaged; starting anew")
            raise RefusalError("full", "no place")

    async with server_of(Never()) as server:
        with pytest.raises(BridgeError, match="refused this headset: no place"):
            await headset(server.url)
