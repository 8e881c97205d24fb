"""The C# client under Mono against the real server: bits, promises, refusals."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bridge_rig import Recorder, server_of, until
from core_rig import MonoHeadset, mono_headset, runner, samples_at
from PIL import Image
from toolchain import Assemblies
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from fedxr.bridge.channels import LAYOUTS, MODALITIES, Channel
from fedxr.bridge.protocol import Feedback, Ping, Welcome, encode
from fedxr.bridge.serving import admission
from fedxr.bridge.serving.session import Session
from fedxr.bridge.transport.tls import own_certificate

EVERY = [
    Channel(name.replace("/", "-"), name, 0, "queue 64")
    for name in (*LAYOUTS, "eeg/Oz-O1-O2", "fnirs/F3-F4", "columns/strain-tilt_x")
]
SURE = Channel("sure", "gaze/point2", 72, "reliable")
EYE = Channel("eye", "vision/gray", 30, "latest")
HEAD = Channel("head", "motion/head", 72, "queue 4")


class Talker(Recorder):
    """Answers feedback with a cue as an agent does, and with one of its own."""

    def feedback(self, session: Session, feedback: Feedback) -> None:
        super().feedback(session, feedback)
        said = {"task": feedback.task, "act": "tone", "payload": {"text": "Öl", "n": 1}}
        session.send_cue("tone", {**said, "confidence": 0.75})
        session.send_cue("own", {"at": [0.5, 2], "on": True})


class Everything(Recorder):
    """Also sees what cannot be: here bits are compared, not what they mean."""

    def joined(self, session: Session) -> Sequence[str]:
        for codec in session.codecs.values():
            codec.absences.sieve = None
        return super().joined(session)


async def test_every_layout_arrives_bit_for_bit(assemblies: Assemblies) -> None:
    app = Everything()
    async with server_of(app) as server, mono_headset(assemblies, server.url, *EVERY) as headset:
        await headset.hear("state Open")
        for t in (1_000_000, 1_033_333, 1_066_667):
            headset.say("frame", t)
        assert (await headset.hear("reply", 3)).split() == [
            "reply",
            "3",
            "1066667",
            "emotion",
            "1",
            "0.75",
            "3",
        ]
        assert [f.capture_us for f in app.frames] == [1_000_000, 1_033_333, 1_066_667]
        for frame in app.frames:
            assert set(frame.samples) == {c.name for c in EVERY}
            for channel in EVERY:
                due = samples_at(channel, frame.capture_us)
                got = frame.samples[channel.name]
                assert got.t_us.tolist() == due.t_us.tolist(), channel.name
                assert got.values.dtype == due.values.dtype
                assert got.values.tobytes() == due.values.tobytes(), channel.name
        await headset.close()
    assert app.over == ["bye"]


async def test_a_jpeg_is_seen_as_the_picture_it_is(assemblies: Assemblies, tmp_path: Path) -> None:
    app = Recorder()
    file = tmp_path / "eye.jpg"
    Image.fromarray(np.full((16, 24), 200, np.uint8)).save(file, quality=95)
    async with server_of(app) as server, mono_headset(assemblies, server.url, EYE) as headset:
        await headset.hear("state Open")
        headset.say("picture", "eye", file, 16, 24, 5)
        await until(lambda: app.frames)
        values = app.frames[0].samples["eye"].values
        assert values.shape == (1, 16, 24)
        assert np.abs(values.astype(int) - 200).max() <= 2


async def test_feedback_goes_up_and_cues_come_down(assemblies: Assemblies) -> None:
    app = Talker()
    async with server_of(app) as server, mono_headset(assemblies, server.url, HEAD) as headset:
        await headset.hear("state Open")
        headset.say("frame", 7)
        headset.say("feedback emotion 7 3 Correction")
        headset.say("episode")
        headset.say("frame", 9)
        headset.say("feedback emotion 9 10 Rating")
        own = await headset.hear("cue own", 2)
        assert own == 'cue own  0 {"at": [0.5, 2], "on": true}'
        assert headset.lines("cue tone")[0] == 'cue tone emotion 0.75 {"text": "Öl", "n": 1}'
        assert [(f.t_us, f.label, f.kind, f.episode) for f in app.told] == [
            (7, 3, "correction", 0),
            (9, 10, "rating", 1),
        ]
        assert [(f.episode, f.episode_start_us) for f in app.frames] == [(0, 7), (1, 9)]
        headset.say("feedback posture 9 1 Label")
        headset.say("feedback emotion 9 11 Rating")
        await headset.hear("error", 2)
        assert "answered are emotion" in headset.lines("error")[0]
        assert "a rating from 0 to 10" in headset.lines("error")[1]


async def test_over_lost_connections_everything_reliable_arrives_once_and_in_order(
    assemblies: Assemblies,
) -> None:
    app = Recorder()
    async with (
        server_of(app) as server,
        mono_headset(assemblies, server.url, SURE, HEAD) as headset,
    ):
        await headset.hear("state Open")
        for t in range(1, 301):
            headset.say("frame", t)
            if t % 10 == 0:
                headset.say("feedback", "emotion", t, 1, "Label")
            if t in (50, 150, 250):
                await until(lambda: len(app.frames) > 20)
                for session in list(server.sessions.values()):
                    session._connection.transport.abort()
                await headset.hear("notice reconnected", (t + 50) // 100)
        await headset.delivered()
        assert [f.capture_us for f in app.frames if "sure" in f.samples] == list(range(1, 301))
        assert [f.t_us for f in app.told] == list(range(10, 301, 10))
        for frame in app.frames:
            due = samples_at(SURE, frame.capture_us)
            assert frame.samples["sure"].values.tobytes() == due.values.tobytes()
        assert "the session goes on" in headset.lines("notice reconnected")[0]
        assert len({session.id for session in app.sessions}) == 1
        assert (await headset.stats())["reconnects"] == 3


async def test_a_server_that_stops_says_how_far_it_came_and_the_next_one_goes_on(
    assemblies: Assemblies,
) -> None:
    first, second = Recorder(), Recorder()
    async with server_of(first) as server:
        port = server.port
        async with mono_headset(assemblies, server.url, SURE) as headset:
            await headset.hear("state Open")
            headset.say("frames", 1, 100, 0)
            await until(lambda: len(first.frames) == 100)
            await server.stop()
            assert "the server stops" in await headset.hear("state Waiting")
            headset.say("frames", 101, 150, 0)
            headset.say("feedback emotion 150 2 Label")
            async with server_of(second, port=port):
                assert "in a new session" in await headset.hear("notice reconnected")
                await headset.delivered()
                assert [f.capture_us for f in first.frames] == list(range(1, 101))
                assert [f.capture_us for f in second.frames] == list(range(101, 151))
                assert [f.t_us for f in second.told] == [150]
                # The new server counts on: no number is missing.
                assert second.sessions[0].stats.lost == 0


async def test_a_stalled_server_costs_the_newest_nothing_and_every_drop_is_counted(
    assemblies: Assemblies,
) -> None:
    app = Recorder()
    big = Channel("big", "fnirs/" + "-".join(f"E{n}" for n in range(200)), 30, "latest")
    async with (
        server_of(app, max_messages_s=math.inf, max_bytes_s=math.inf) as server,
        mono_headset(assemblies, server.url, big, HEAD, SURE) as headset,
    ):
        await headset.hear("state Open")
        session = next(iter(server.sessions.values()))
        session._connection.pause_reading("test")
        # 5 MB in all: more than the sockets' buffers hold.
        headset.say("frames", 1, 3_000, 0)
        await headset.hear("done")
        stalled = await headset.stats()
        assert stalled["dropped"] == 0, "each frame has a reliable block"
        assert stalled["blocks"] > 500
        session._connection.resume_reading("test")
        await headset.delivered()
        assert [f.capture_us for f in app.frames] == list(range(1, 3_001))
        arrived = {n: sum(n in f.samples for f in app.frames) for n in ("big", "head", "sure")}
        channels = [line.split(" ") for line in await _channels(headset)]
        dropped = {words[1]: int(words[3]) for words in channels}
        assert arrived == {name: 3_000 - dropped[name] for name in arrived}
        assert dropped["sure"] == 0
        assert "big" in app.frames[-1].samples, "the newest was there when the server read on"


async def _channels(headset: MonoHeadset) -> Sequence[str]:
    before, done = len(headset.lines("channel")), len(headset.lines("done"))
    headset.say("channels")
    await headset.hear("done", done + 1)
    return headset.lines("channel")[before:]


async def test_frames_that_may_be_dropped_are_accounted_for_by_their_numbers(
    assemblies: Assemblies,
) -> None:
    app = Recorder()
    async with server_of(app) as server, mono_headset(assemblies, server.url, HEAD) as headset:
        await headset.hear("state Open")
        session = next(iter(server.sessions.values()))
        session._connection.transport.abort()
        headset.say("frames", 1, 500, 0)
        await headset.hear("notice reconnected")
        headset.say("frames", 501, 600, 1)
        await until(lambda: app.frames and app.frames[-1].capture_us == 600)
        stats = await headset.stats()
        assert stats["sent"] + stats["dropped"] == app.frames[-1].seq == 600
        lost = sum(s.stats.lost for s in app.sessions)
        assert lost + len(app.frames) == 600


async def test_a_reliable_channel_that_fills_the_queue_asks_its_sensor_to_wait(
    assemblies: Assemblies,
) -> None:
    app = Recorder()
    async with (
        server_of(app) as server,
        mono_headset(assemblies, server.url, SURE, queue=5000) as headset,
    ):
        await headset.hear("state Open")
        next(iter(server.sessions.values()))._connection.transport.abort()
        headset.say("frames", 1, 50, 0)
        await headset.hear("notice reconnected")
        await headset.delivered()
        refused = {int(line.split(" ")[2]) for line in headset.lines("untaken sure")}
        assert refused
        arrived = {f.capture_us for f in app.frames if "sure" in f.samples}
        assert arrived | refused == set(range(1, 51))
        assert not arrived & refused


async def test_another_version_is_refused_for_good_and_said_so(
    assemblies: Assemblies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "VERSIONS", (7, 9))
    async with server_of(Recorder()) as server, mono_headset(assemblies, server.url) as headset:
        ended = await headset.hear("state Ended")
        assert "you speak versions 2 to 2 of fedxr, this bridge 7 to 9; update the headset" in ended


async def test_a_wrong_token_is_refused_for_good_and_said_so(assemblies: Assemblies) -> None:
    async with server_of(Recorder(), token="right") as server:
        async with mono_headset(assemblies, server.url, token="left") as headset:
            assert "wrong token" in await headset.hear("state Ended")
        async with mono_headset(assemblies, server.url) as headset:
            assert "no token" in await headset.hear("state Ended")
        async with mono_headset(assemblies, server.url, token="right") as headset:
            await headset.hear("state Open")


async def test_a_refused_channel_is_told_and_the_others_go_on(
    assemblies: Assemblies, monkeypatch: pytest.MonkeyPatch
) -> None:
    motion = MODALITIES["motion"]
    others = tuple(layout for layout in motion.layouts if layout.name != "motion/head")
    monkeypatch.setitem(MODALITIES, "motion", replace(motion, layouts=others))
    app = Recorder()
    async with (
        server_of(app) as server,
        mono_headset(assemblies, server.url, HEAD, SURE) as headset,
    ):
        await headset.hear("state Open")
        head, sure = await _channels(headset)
        assert head.startswith("channel head False 0 unknown layout 'motion/head'; ")
        assert sure == "channel sure True 0 "
        headset.say("frame", 5)
        await until(lambda: app.frames)
        assert set(app.frames[0].samples) == {"sure"}


async def test_a_server_that_is_not_there_yet_is_waited_for(assemblies: Assemblies) -> None:
    async with server_of(Recorder()) as server:
        port, url = server.port, server.url
    async with mono_headset(assemblies, url, SURE) as headset:
        assert "Connection refused; is it started (`fedxr serve`)?" in await headset.hear(
            "state Waiting"
        )
        async with server_of(Recorder(), port=port):
            await headset.hear("state Open")
    async with mono_headset(assemblies, url, give_up=0.5) as headset:
        assert "no connection for 0.5 s" in await headset.hear("state Ended")


async def test_who_answers_and_is_no_bridge_is_named(assemblies: Assemblies) -> None:
    said = [b"HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\nno such", b"220 smtp\r\n"]
    said += [b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nfull"]
    due = [
        ("state Ended", "refused the connection (HTTP 404: no such); is it a bridge"),
        ("state Waiting", "answers no HTTP; is another program on this port?"),
        ("state Waiting", "has no place for another headset at present: full"),
    ]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said[0])
        writer.close()

    other = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{other.sockets[0].getsockname()[1]}"
    async with other:
        for state, words in due:
            async with mono_headset(assemblies, url) as headset:
                assert words in await headset.hear(state)
            said.pop(0)

    async def chat(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with serve(chat, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        async with mono_headset(assemblies, url) as headset:
            assert "none that speaks fedxr.v1" in await headset.hear("state Ended")


async def test_a_steady_stream_allocates_nothing_on_the_scenes_thread(
    assemblies: Assemblies,
) -> None:
    program = runner(assemblies)
    async with server_of(Recorder(), max_messages_s=math.inf) as server:
        # 300 frames of seven channels, their replies polled; the first 200 warm everything up.
        words = ("echo", server.url, "300", "1000", "echo")
        done = await asyncio.to_thread(assemblies.run, program, *words)
    assert " allocated=0 " in done.stdout.splitlines()[-1]


async def test_what_a_server_sends_and_is_not_understood_costs_the_connection_only(
    assemblies: Assemblies,
) -> None:
    sent = [b"\xc1", encode(Ping(5)), b"\x81\xa4type\xa5reply", bytes(5 * 2**20), "text"]
    left = list(sent)

    async def odd(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(encode(Welcome(1, "s", {}, {}, [], 33_333, 0, 2**20)))
        if left:
            await socket.send(left.pop(0))
        await socket.wait_closed()

    async with serve(odd, "127.0.0.1", 0, subprotocols=[Subprotocol("fedxr.v1")]) as server:
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        async with mono_headset(assemblies, url) as headset:
            await headset.hear("notice reconnected", len(sent))
            await headset.hear("state Open")
    said = headset.lines("notice reconnected")
    assert "begins no value" in said[0]
    assert "a message of type 'ping'; a server sends reply" in said[1]
    assert "a reply must have seq" in said[2]
    assert "more than 4194304 bytes" in said[3]
    assert "sent text" in said[4]


async def test_over_tls_only_the_certificate_that_was_pinned(
    assemblies: Assemblies, tmp_path: Path
) -> None:
    app = Recorder()
    own = own_certificate(["127.0.0.1"], tmp_path)
    async with server_of(app, tls=own.context()) as server:
        assert server.url.startswith("wss://127.0.0.1:")
        async with mono_headset(assemblies, server.url, SURE) as headset:
            ended = await headset.hear("state Ended")
            assert "put it into CertificateSha256" in ended
        digest = ended.split("SHA-256 ")[1].split(";")[0]
        assert digest.lower() == own.sha256()
        async with mono_headset(assemblies, server.url, SURE, certificate=digest) as headset:
            await headset.hear("state Open")
            for t in range(1, 101):
                headset.say("frame", t)
            await headset.delivered()
            assert [f.capture_us for f in app.frames] == list(range(1, 101))
            await headset.close()
        assert app.over == ["bye"]
        async with mono_headset(assemblies, server.url, SURE, certificate="00" * 32) as headset:
            await headset.hear("state Ended")


async def test_a_client_that_is_closed_ends_at_once_whatever_the_server_does(
    assemblies: Assemblies,
) -> None:
    app = Recorder()
    big = Channel("big", "fnirs/" + "-".join(f"E{n}" for n in range(200)), 30, "queue 999")
    async with server_of(app) as server, mono_headset(assemblies, server.url, big) as headset:
        await headset.hear("state Open")
        next(iter(server.sessions.values()))._connection.pause_reading("test")
        headset.say("frames", 1, 8_000, 0)
        await headset.hear("done")
        await headset.close()
    silent = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    async with silent, mono_headset(assemblies, url) as headset:
        await headset.hear("state Connecting")
        await headset.close()


@pytest.mark.slow
async def test_a_server_that_falls_silent_is_given_up(assemblies: Assemblies) -> None:
    app = Recorder()
    async with server_of(app) as server, mono_headset(assemblies, server.url, SURE) as headset:
        await headset.hear("state Open")
        next(iter(server.sessions.values()))._connection.pause_reading("test")
        headset.say("frames", 1, 20, 0)
        assert "nothing heard from the server for 12 s" in await headset.hear("state Waiting")
        await headset.hear("notice reconnected")
        await headset.delivered()
        assert [f.capture_us for f in app.frames] == list(range(1, 21))


async def test_the_clocks_agree(assemblies: Assemblies) -> None:
    app = Recorder()
    async with server_of(app) as server, mono_headset(assemblies, server.url, HEAD) as headset:
        await headset.hear("state Open")
        await until(lambda: app.sessions[0].clock is not None)
        stats = await headset.stats()
        # Both read this machine's clock, each from its own start: a millisecond apart at most.
        assert abs(stats["offset_us"]) < stats["uncertainty_us"] + 1000
        assert 0 < stats["uncertainty_us"] < 3_000
        clock = app.sessions[0].clock
        assert clock is not None
        assert abs(clock.offset_us - stats["offset_us"]) < 1000
