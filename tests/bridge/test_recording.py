"""Recordings: what is read is what arrived, and writing never costs the server anything."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import stat
from pathlib import Path

import numpy as np
import pytest
from bridge_rig import until
from jsonschema import validate
from mcap.reader import make_reader
from recording_rig import CHANNELS, START, TICK, Rig, kinds_of, record, send

from fedxr.bridge.protocol import BridgeError, Bye, Cue, Feedback, Notice, PackedFrame, Ping, Reply
from fedxr.bridge.recording.reader import Recording, RecordingError
from fedxr.bridge.recording.records import Closed, Dropped
from fedxr.bridge.recording.writer import RecordingWriter


async def test_every_message_comes_back_bit_for_bit(tmp_path: Path) -> None:
    """Beside the file stands a second observer: what it was told, in order, is what is read."""
    told: list[tuple[str, object]] = []

    class Beside:
        def opened(self, session: object) -> None:
            pass

        def received(self, session: object, message: object) -> None:
            told.append((session.user, message))  # type: ignore[attr-defined]

        sent = received

        def closed(self, session: object, reason: str) -> None:
            pass

        consented = opened

    async with Rig(tmp_path) as rig:
        path = rig.recorder.start()
        rig.server.observers.append(Beside())  # type: ignore[arg-type]
        ann, bob = await rig.connect("ann"), await rig.connect("bob")
        await ann.sync_clock()
        for n in range(1, 41):
            await send(ann, [n])
            await send(bob, [n], seed=1)
        session = rig.server.sessions[ann.session]
        session.send_cue("overlay", {"bytes": b"\0\xff", "n": [1.5, None]})
        session.notice("too-dark", "more light", {"camera": 2})
        await rig.arrived(ann, bob)
        await ann.close("tired")
        bob.abort()
        await rig.all_left()
        status = await rig.recorder.stop()
    recording = Recording(path)
    events = list(recording.events())
    read = [
        (e.session.hello.user, e.message)
        for e in events
        if e.message is not None and not isinstance(e.message, Closed)
    ]
    assert read == told
    assert recording.found.report == []
    assert status.dropped == 0
    assert status.records == recording.found.records
    assert path.parent == tmp_path
    assert path.stat().st_size == status.bytes
    kinds = kinds_of(events)
    for kind in (PackedFrame, Feedback, Reply, Cue, Notice, Bye, Ping, Closed):
        assert kind.__name__ in kinds
    assert [e.message.reason for e in events if isinstance(e.message, Closed)] == [
        "bye: tired",
        "connection lost",
    ]
    seen = {e.session.number: e.session for e in events}
    assert seen[1].hello.user == "ann"
    assert {c.name: c for c in seen[1].channels.values()} == {c.name: c for c in CHANNELS}
    assert seen[2].welcome.session == bob.session
    ping = next(e.message for e in events if isinstance(e.message, Ping))
    assert ping.uncertainty_us > 0


async def test_samples_are_those_that_the_application_got(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        path = rig.recorder.start()
        client = await rig.connect()
        await send(client, range(1, 8))
        await rig.arrived(client)
        await client.close()
        await rig.all_left()
        frames = rig.app.frames
    events = [e for e in Recording(path).events() if isinstance(e.message, PackedFrame)]
    assert len(events) == len(frames) == 7
    for event, frame in zip(events, frames, strict=True):
        samples = event.session.samples(event.message)
        assert samples.keys() == frame.samples.keys()
        for name, wanted in frame.samples.items():
            assert samples[name].values.tobytes() == wanted.values.tobytes()
            assert samples[name].values.dtype == wanted.values.dtype
            np.testing.assert_array_equal(samples[name].t_us, wanted.t_us)


async def test_other_programs_can_read_it(tmp_path: Path) -> None:
    """By the library's own reader: indexed, each record fits the schema that the file gives it."""
    path = await record(tmp_path / "r.mcap", ticks=6)
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        summary = reader.get_summary()
        assert summary is not None
        names = {c.topic: summary.schemas[c.schema_id].name for c in summary.channels.values()}
        shown = {}
        for schema, channel, message in reader.iter_messages():
            record_ = json.loads(message.data)
            assert schema is not None
            assert (schema.encoding, channel.message_encoding) == ("jsonschema", "json")
            validate(record_, json.loads(schema.data))
            shown[channel.topic] = record_
        metadata = [m.metadata for m in reader.iter_metadata()]
    assert names["/ann/sensor/head"] == "foxglove.PoseInFrame"
    assert names["/ann/sensor/left"] == "foxglove.PosesInFrame"
    assert names["/ann/sensor/voice"] == "foxglove.RawAudio"
    assert names["/ann/sensor/depth"] == "foxglove.RawImage"
    assert names["/ann/sensor/room"] == "foxglove.PointCloud"
    assert names["/ann/sensor/eeg"] == "fedxr.Samples"
    assert "foxglove.CompressedImage" in names.values()
    assert shown["/ann/reply"]["answers"]["emotion"]["probabilities"] == [0.25, 0.75]
    assert shown["/ann/sensor/depth"]["encoding"] == "32FC1"
    assert len(shown["/ann/sensor/left"]["poses"]) == 25
    assert metadata[0]["user"] == "ann"
    assert metadata[0]["clock_uncertainty_us"] == "unknown"
    assert float(shown["/ann/clock"]["uncertainty_us"]) > 0


async def test_a_recording_may_begin_and_end_while_sessions_go_on(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        client = await rig.connect()
        await client.sync_clock()
        await send(client, range(1, 4))
        await rig.arrived(client)
        assert rig.recorder.status().path is None
        path = rig.recorder.start(tmp_path / "deep" / "er.mcap")
        with pytest.raises(BridgeError, match=r"already recording to .*er.mcap; stop"):
            rig.recorder.start()
        await send(client, range(4, 6))
        await rig.arrived(client)
        assert rig.recorder.status().recording
        status = await rig.recorder.stop()
        assert not status.recording
        await send(client, range(6, 8))
        await rig.arrived(client)
        assert rig.recorder.status() == status
        with pytest.raises(BridgeError, match="exists; name another, for nothing"):
            rig.recorder.start(path)
        second = rig.recorder.start()
        await client.close()
        await rig.all_left()
    events = list(Recording(path).events())
    sent = [e.message for e in events if isinstance(e.message, PackedFrame)]
    assert [f.capture_us for f in sent] == [START + n * TICK for n in (4, 5)]
    assert events[0].session.welcome.last_seq == 3
    assert events[0].session.clock is not None
    assert events[0].session.clock.uncertainty_us > 0
    assert kinds_of(list(Recording(second).events())) == ["NoneType", "Notice", "Bye", "Closed"]


async def test_tokens_stay_out_and_the_file_is_private(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        path = rig.recorder.start()
        client = await rig.connect(token="open sesame")
        await client.close()
        await rig.all_left()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    whole = path.read_bytes()
    assert b"open sesame" not in whole
    assert b"open sesame".hex().encode() not in whole
    assert next(Recording(path).events()).session.hello.token is None


async def test_a_slow_disk_costs_the_recording_but_not_the_server(tmp_path: Path) -> None:
    """While the writing process stands still the queue stays bounded, the server answers, and what
    was left out is counted, in the status and in the file."""
    async with Rig(tmp_path) as rig:
        path = rig.recorder.start()
        writer = rig.recorder._writer
        assert writer is not None
        client = await rig.connect()
        await send(client, [1])
        await rig.arrived(client)
        await until(lambda: rig.recorder.status().records)
        writer._process.send_signal(signal.SIGSTOP)
        writer._queue_bytes = 50_000
        n = 1
        while not rig.recorder.status().dropped:  # once the pipe and the queue are full
            n += 1
            assert n < 2000
            await send(client, [n])
            await rig.arrived(client)
            assert writer._waiting <= 2 * 50_000
        assert len(rig.app.frames) == n
        writer._process.send_signal(signal.SIGCONT)
        await until(lambda: not writer._waiting)
        await send(client, [n + 1])
        await rig.arrived(client)
        await client.close()
        await rig.all_left()
    status = rig.recorder.status()
    recording = Recording(path)
    events = list(recording.events())
    gaps = [e.message for e in events if isinstance(e.message, Dropped)]
    assert sum(gap.records for gap in gaps) == recording.found.dropped == status.dropped
    assert recording.found.report == [
        f"never written: {status.dropped} messages that the disk was too slow for"
    ]
    sent = [e.message for e in events if isinstance(e.message, PackedFrame)]
    assert sent[-1].capture_us == START + (n + 1) * TICK
    assert "messages left out" in str(status)


async def test_a_full_disk_ends_the_recording_and_says_so(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        path = rig.recorder.start()
        writer = rig.recorder._writer
        assert writer is not None
        client = await rig.connect()
        await send(client, [1])
        await rig.arrived(client)
        await until(lambda: rig.recorder.status().records > 9)  # session, notice, blocks, a frame
        size = path.stat().st_size + 1000
        resource.prlimit(writer._process.pid, resource.RLIMIT_FSIZE, (size, size))
        n = 1
        while not rig.recorder.status().error:
            n += 1
            assert n < 2000
            await send(client, [n])
            await rig.arrived(client)
            await asyncio.sleep(0.01)
        assert len(rig.app.frames) == n
        status = await rig.recorder.stop()
        assert "File too large" in status.error
        assert str(path) in status.error
        await client.close()
    recording = Recording(path)
    kept = [e for e in recording.events() if isinstance(e.message, PackedFrame)]
    assert kept
    assert any("lost: the end" in line for line in recording.found.report)


def test_what_is_no_recording_is_said(tmp_path: Path) -> None:
    for name, content, said in (
        ("empty", b"", "is empty"),
        ("text", b"hello, world", "starts with b'hello, w'"),
        ("other.mcap", b"\x89MCAP0\r\n" + b"\1" + bytes(60), "starts with .* whose sessions"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(RecordingError, match=f"{name} {said}.*; a recording is an MCAP file"):
            Recording(tmp_path / name)
    with pytest.raises(RecordingError, match=r"cannot read .*gone: No such file"):
        Recording(tmp_path / "gone")
    (tmp_path / "file").touch()
    with pytest.raises(BridgeError, match="cannot write"):
        RecordingWriter(tmp_path / "file" / "r.mcap")
