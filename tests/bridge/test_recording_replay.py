"""A replayed recording is, to the server, the headsets that were recorded."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from bridge_rig import ANSWERS, headset, samples_of, server_of, until
from recording_rig import CHANNELS, START, TICK, Rig, SessionRecorder, frames_of, record, send

from fedxr.bridge.channels import Channel
from fedxr.bridge.frames import Frame
from fedxr.bridge.protocol import Answer, BridgeError
from fedxr.bridge.recording.reader import Recording
from fedxr.bridge.recording.replay import replay
from fedxr.bridge.recording.replayed import Replayed
from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.session import Session


async def recorded_again(path: Path, folder: Path, **how: object) -> tuple[Recording, Replayed]:
    """The recording of a replay of ``path``."""
    async with Rig(folder) as rig:
        again = rig.recorder.start(folder / "again.mcap")
        replayed = await replay(Recording(path), rig.server.url, **how)  # type: ignore[arg-type]
        await rig.all_left()
    return Recording(again), replayed


@pytest.mark.parametrize("speed", [0.0, 1.0, 25.0])
async def test_the_same_frames_and_answers_at_any_speed(tmp_path: Path, speed: float) -> None:
    path = await record(tmp_path / "r.mcap")
    again, replayed = await recorded_again(path, tmp_path, speed=speed)
    # In real time the clock is known, by which the rig's stamps are of another year.
    assert all("late" in line for line in replayed.trouble)
    assert frames_of(again) == frames_of(Recording(path))
    assert (replayed.sessions, replayed.frames, replayed.feedback) == (2, 80, 16)
    assert (replayed.equal, replayed.close, replayed.different, replayed.missing) == (80, 0, 0, 0)
    before, after = (
        [(e.session.hello, type(e.message)) for e in Recording(p).events() if e.message is None]
        for p in (path, again.path)
    )
    for (was, _), (is_, _) in zip(before, after, strict=True):
        assert (is_.user, is_.scenario, is_.tasks) == (was.user, was.scenario, was.tasks)
        assert [(o.name, o.layout, o.rate_hz) for o in is_.channels] == [
            (o.name, o.layout, o.rate_hz) for o in was.channels
        ]


async def test_in_real_time_the_clock_is_told_again(tmp_path: Path) -> None:
    """The replayed headset's clock shows what the recorded one showed, so latencies mean
    something: without it, frames stamped in another epoch would all be late."""
    path = await record(tmp_path / "r.mcap", users=("ann",))
    async with Rig(tmp_path) as rig:
        playing = asyncio.create_task(replay(Recording(path), rig.server.url, speed=1.0, loop=True))
        await until(lambda: any(s.clock for s in rig.server.sessions.values()))
        (session,) = rig.server.sessions.values()
        assert session.clock is not None
        # The rig's headsets run on the machine's clock, so server minus headset is their start's.
        recorded = next(
            e.message for e in Recording(path).events() if getattr(e.message, "offset_us", None)
        )
        assert session.clock.uncertainty_us < 1e6
        lag = session.clock.offset_us - recorded.offset_us
        played_later = rig.recorder._now() - next(Recording(path).events()).log_us
        assert 0 < lag <= played_later
        playing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await playing


async def test_answers_that_differ_are_counted(tmp_path: Path) -> None:
    path = await record(tmp_path / "r.mcap", users=("ann",), ticks=12)
    async with Rig(tmp_path) as rig:
        same = ANSWERS["emotion"].probabilities
        near, far = same + np.float32(1e-7), np.array([0.35, 0.65])
        said = iter([same] * 5 + [near] * 4 + [far] * 2 + [np.array([0.9, 0.1])])

        def answer(session, frame):  # type: ignore[no-untyped-def]
            session.send_reply(frame.seq, frame.capture_us, {"emotion": Answer.of(next(said), 3)})

        rig.server._application.frame = answer  # type: ignore[method-assign]
        replayed = await replay(Recording(path), rig.server.url, speed=0)
    assert (replayed.equal, replayed.close, replayed.different, replayed.changed) == (5, 4, 3, 1)
    assert replayed.furthest == pytest.approx(0.65)
    assert "furthest 0.65" in str(replayed)


class Together(Application):
    """Answers all frames that came while it was busy at once, as a model does that falls behind;
    the answer says how many they were."""

    def __init__(self) -> None:
        self.passes: list[tuple[int, ...]] = []
        self.tasks: list[asyncio.Task[None]] = []

    def joined(self, session: Session) -> tuple[str, ...]:
        session.use_inbox()
        self.tasks.append(asyncio.create_task(self.answer(session)))
        return ("emotion",)

    async def answer(self, session: Session) -> None:
        while True:
            await session.arrived.wait()
            session.arrived.clear()
            frames = []
            while (item := session.take()) is not None:
                if isinstance(item, Frame):
                    frames.append(item)
            await asyncio.sleep(0.003)  # meanwhile more arrive
            if frames:
                self.passes.append(tuple(f.seq for f in frames))
                p = np.array([1.0, len(frames)]) / (1 + len(frames))
                last = frames[-1]
                session.send_reply(last.seq, last.capture_us, {"emotion": Answer.of(p)})

    def dropped(self, session: Session, counts: object) -> None:
        return


async def test_frames_that_were_answered_together_are_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recorded headset sends on while its server is busy; in step the passes come out the
    same, though the replay is as fast as it can be, on a server that reads in one turn what was
    sent in one. (On a slow machine a turn may end between two frames: their application would
    then see them one after the other.)"""
    monkeypatch.setattr("fedxr.bridge.transport.rate_limit._TURN_S", 1.0)
    monkeypatch.setattr("fedxr.bridge.transport.rate_limit._SHORT_TURN_S", 1.0)
    path, passes = tmp_path / "r.mcap", []
    numbers = Channel("numbers", "gaze/point2", 72)
    for n in range(2):
        app = Together()
        async with server_of(app) as server:
            if n:
                replayed = await replay(Recording(path), server.url, speed=0)
            else:
                recorder = SessionRecorder(server, tmp_path)
                recorder.start(path)
                client = await headset(server.url, (numbers,))
                for tick in range(1, 60):
                    at = START + tick * TICK
                    await client.send_frame(at, {"numbers": samples_of(numbers, [at])})
                    await asyncio.sleep(0.002 * (tick % 3))
                await until(lambda a=app: a.passes and a.passes[-1][-1] == 59)
                await client.close()
                await until(lambda s=server: not s.sessions)
                await recorder.stop()
        for task in app.tasks:
            task.cancel()
        passes.append(app.passes)
    assert any(len(some) > 1 for some in passes[0])
    assert passes[1] == passes[0]
    assert replayed.equal == len(passes[0])
    assert (replayed.close, replayed.different, replayed.missing) == (0, 0, 0)


async def test_sessions_end_as_they_did_and_are_resumed(tmp_path: Path) -> None:
    path = tmp_path / "r.mcap"
    async with Rig(tmp_path) as rig:
        rig.recorder.start(path)
        first = await rig.connect()
        await send(first, range(1, 4))
        await rig.arrived(first)
        first.abort()
        await rig.all_left()
        second = await rig.connect(resume=first.session)
        assert second.session == first.session
        assert second.welcome.last_seq == 3
        await send(second, range(4, 6))
        await rig.arrived(second)
        await second.close("that is all")
        await rig.all_left()
    async with Rig(tmp_path) as rig:
        replayed = await replay(Recording(path), rig.server.url, speed=0)
        await rig.all_left()
        assert replayed.trouble == []
        assert [f.seq for f in rig.app.frames] == [1, 2, 3, 4, 5]
        assert rig.app.over == ["connection lost", "bye: that is all"]
        assert len({s.id for s in rig.app.sessions}) == 1


async def test_what_a_server_refuses_is_left_out_and_said(tmp_path: Path) -> None:
    path = await record(tmp_path / "r.mcap", users=("ann",), ticks=5)
    async with Rig(tmp_path) as rig:

        def joined(session):  # type: ignore[no-untyped-def]
            session.refuse("camera", "no pictures here")
            return ()

        rig.server._application.joined = joined  # type: ignore[method-assign]
        replayed = await replay(Recording(path), rig.server.url, speed=0)
        await rig.all_left()
        assert [set(f.samples) for f in rig.app.frames] == [
            {c.name for c in CHANNELS} - {"camera"}
        ] * 5
    assert replayed.trouble == ["session 1 of ann: channel camera is refused: no pictures here"]
    assert replayed.feedback == 0


async def test_a_server_that_is_not_there_or_wants_a_token(tmp_path: Path) -> None:
    path = await record(tmp_path / "r.mcap", users=("ann",), ticks=2)
    with pytest.raises(BridgeError, match="cannot reach a bridge"):
        await replay(Recording(path), "ws://127.0.0.1:9", speed=0)


async def test_a_server_that_leaves_is_said_and_damage_is_replayed_up_to(tmp_path: Path) -> None:
    path = await record(tmp_path / "r.mcap", ticks=30)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    recording = Recording(path)
    async with Rig(tmp_path) as rig:
        replayed = await replay(recording, rig.server.url, speed=0)
        assert len(rig.app.frames) == replayed.frames
        assert recording.found.report[-1].startswith("lost: the end")
        await rig.all_left()
        whole = await record(tmp_path / "s.mcap", users=("ann",), ticks=30)

        def once(session, frame):  # type: ignore[no-untyped-def]
            session.close("enough")

        rig.server._application.frame = once  # type: ignore[method-assign]
        replayed = await replay(Recording(whole), rig.server.url, speed=0)
    assert replayed.ended == 1
    assert any("enough" in line for line in replayed.trouble)
