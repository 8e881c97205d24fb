"""A player's agents as sessions of a real bridge: what arrives, and what goes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from unity_rig import IncomingMessage, StandIn, expected

from fedxr.bridge.connecting.unacknowledged import Retry
from fedxr.bridge.frames import Frame
from fedxr.bridge.protocol import Answer, BridgeError, Feedback
from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.server import BridgeServer, ServerConfig
from fedxr.bridge.serving.session import Session
from fedxr.bridge.unity.drive import Drive, Wearer
from fedxr.bridge.unity.side_channels import SceneChannel
from fedxr.bridge.unity.turns import PlayerError
from fedxr.live.headset_session import closes

STEP_US, START_US = 33_333, 5_000_000
"""The stand-in's clock: its first step is at START_US."""
CLASSES = {"target": ("a", "b", "c", "d", "e", "f"), "intent": ("rest", "x", "y", "z")}


class Agents(Application):
    """Keeps what arrives; answers each frame, says a cue at every tenth and clears it 5 later."""

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}
        self.frames: dict[str, list[Frame]] = {}
        self.told: list[tuple[str, Feedback]] = []
        self.left_for: dict[str, str] = {}

    def joined(self, session: Session) -> Sequence[str]:
        self.sessions[session.user] = session
        self.frames[session.user] = []
        return session.hello.tasks

    def frame(self, session: Session, frame: Frame) -> None:
        frames = self.frames[session.user]
        frames.append(frame)
        task = "target" if session.hello.scenario == "overlays" else "intent"
        p = np.full(len(CLASSES[task]), 0.1)
        p[1] = 0.8
        session.send_reply(frame.seq, frame.capture_us, {task: Answer.of(p)})
        if len(frames) % 10 == 0:
            session.send_cue("label", {"task": task, "payload": {"text": "b"}})
        elif len(frames) % 10 == 5 and len(frames) > 10:
            session.send_cue("clear", {"task": task})

    def feedback(self, session: Session, feedback: Feedback) -> None:
        self.told.append((session.user, feedback))

    def left(self, session: Session, reason: str) -> None:
        self.left_for[session.user] = reason


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in's clock ticks a step at a time, however slow the machine is that day."""
    monkeypatch.setattr("fedxr.bridge.unity.clock.BEHIND_US", 10**12)


async def drive_of(stand_in: StandIn, agents: Agents, *options: str, **wearer: object) -> Drive:
    """The stand-in driven through a bridge with ``agents`` until it ends."""
    async with BridgeServer(agents, ServerConfig(port=0)) as server:
        drive = Drive(
            stand_in.launch(*options),
            Wearer(
                server.url,
                "overlays",
                ("overlays", "neuroadaptive"),
                tasks=tuple(CLASSES),
                classes=CLASSES,
                **wearer,
            ),
        )
        try:
            await asyncio.wait_for(drive.run(), 60)
        finally:
            drive.player.close()
    return drive


async def test_frames_hold_what_the_player_sensed_at_its_own_times(stand_in: StandIn) -> None:
    """Two episodes of 12 steps and some; the player's clock ticks 33,333 us a step."""
    agents = Agents()
    options = ("--stamps", "--episode", "12", "--layout", "chw", "--end", "quit:30")
    drive = await drive_of(stand_in, agents, *options)
    assert drive.driven.ended.endswith("has ended the session")
    assert sorted(agents.frames) == [
        "unity-neuroadaptive-0",
        "unity-neuroadaptive-1",
        "unity-overlays-0",
    ]
    session = agents.sessions["unity-overlays-0"]
    assert [(c.name, c.layout, c.rate_hz) for c in session.channels.values()] == [
        ("vision/gray", "vision/gray", 30.0),
        ("gaze/point2", "gaze/point2", 60.0),
    ]
    frames = agents.frames["unity-overlays-0"]
    # Steps 0..29, of which 12 and 24 are seen twice: as a last turn and as the next first one.
    steps = [(e, s, 12 * e + s) for e in (0, 1) for s in range(13)]
    steps += [(2, s, 24 + s) for s in range(6)]
    assert len(frames) == len(steps)
    zero_us = frames[0].capture_us
    for frame, (episode, step, total) in zip(frames, steps, strict=True):
        assert frame.episode == episode
        assert frame.capture_us - zero_us == STEP_US * total
        # An episode begins a step before its first turn; each frame closes exactly one tick more.
        assert closes(frame) == step
        assert frame.episode_start_us == zero_us + STEP_US * (12 * episode - 1)
        for channel, sensor in (("vision/gray", "vision/gray"), ("gaze/point2", "gaze/point2@60")):
            got = frame.samples[channel]
            np.testing.assert_array_equal(got.values, expected(sensor, 0, episode, step))
            assert got.t_us[-1] == frame.capture_us - 1  # inside the tick that the frame closes
    second = frames[5].samples["gaze/point2"].t_us
    assert second[1] - second[0] == pytest.approx(STEP_US / 2, abs=1)
    every_other = agents.frames["unity-neuroadaptive-1"]
    np.testing.assert_array_equal(
        every_other[3].samples["hands/webxr25"].values, expected("hands/webxr25", 1, 0, 6)
    )


async def test_answers_and_cues_become_actions_and_reach_the_scene(stand_in: StandIn) -> None:
    agents = Agents()
    await drive_of(stand_in, agents, "--stamps", "--hz", "150", "--end", "quit:90")
    report = stand_in.report()
    overlays = [a for a in report["actions"] if a[0] == "overlays"]
    assert overlays[0][2:] == [[0.0] * 6, [0, 0]]  # no answer has come yet
    # Probabilities of target's six classes; class 1 is on while its cue is, as choice 2.
    np.testing.assert_allclose(overlays[-1][2], [0.1, 0.8, 0.1, 0.1, 0.1, 0.1], atol=1e-6)
    assert {a[3][0] for a in overlays} == {0, 2}
    assert {a[3][1] for a in overlays} == {0}  # a branch of 3 fits neither 6 nor 4 classes
    # Hands: branch 0 (5) follows intent's cue: class 1, so choice 2, which is forbidden at every
    # third step (the stand-in would have crashed); branch 1 (4) has no task left.
    hands = [a for a in report["actions"] if a[0] == "neuroadaptive" and a[1] == 0]
    assert {a[3][0] for a in hands} == {0, 2}

    said = report["scene"]
    welcome = next(m for m in said if m["type"] == "welcome" and m["agent"] == "overlays/0")
    assert {"task": "target", "classes": list(CLASSES["target"])} in welcome["tasks"]
    answers = [m for m in said if m["type"] == "answers" and m["agent"] == "overlays/0"]
    assert answers[0]["answers"] == [
        {"task": "target", "best": 1, "p": pytest.approx([0.1, 0.8, 0.1, 0.1, 0.1, 0.1])}
    ]
    assert answers[0]["us"] == START_US  # by the player's own clock
    cues = [(m["kind"], m["payload"]["task"]) for m in said if m["type"] == "cue"]
    assert ("label", "target") in cues
    assert ("clear", "intent") in cues


async def test_feedback_finds_its_agent_episode_and_time(stand_in: StandIn) -> None:
    """At step 30 the stand-in says something of step 20, which is step 8 of the second episode; it
    also names an agent that does not exist, and sends a message that is none."""
    agents = Agents()
    options = ("--stamps", "--episode", "12", "--end", "quit:40")
    await drive_of(stand_in, agents, *options)
    ((user, feedback),) = agents.told
    assert (user, feedback.task, feedback.label) == ("unity-neuroadaptive-0", "intent", 2)
    assert feedback.episode == 1
    zero_us = agents.frames[user][0].capture_us
    assert feedback.t_us == zero_us + 20 * STEP_US - 1
    notices = [m for m in stand_in.report()["scene"] if m["type"] == "notice"]
    texts = {m["code"]: m["text"] for m in notices}
    assert "agent 'nobody/9'; there are overlays/0, neuroadaptive/0" in texts["unknown-agent"]
    assert "no such thing" in texts["garbage"]


@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
@example(b'{"type":"feedback","task":"intent","label":-1}')
@example(b'{"type":"time","us":1e99}')
@example(b"[" * 100_000)
@settings(deadline=None)
def test_no_message_of_a_scene_can_stop_a_step(data: bytes) -> None:
    """It is understood, or answered by a notice."""
    channel = SceneChannel()
    channel.on_message_received(IncomingMessage(data))
    understood = channel.take()
    channel.flush()
    assert len(understood) + len(channel.message_queue) == 1
    for out in channel.message_queue:
        assert json.loads(bytes(out))["code"] == "garbage"


async def test_a_crash_ends_every_session_and_says_so(stand_in: StandIn) -> None:
    agents = Agents()
    with pytest.raises(PlayerError, match="return code 7"):
        await drive_of(stand_in, agents, "--end", "crash:9")
    assert len(agents.left_for) == 3
    assert all("return code 7" in why for why in agents.left_for.values())


async def test_no_bridge_and_a_lost_bridge_are_told(stand_in: StandIn) -> None:
    drive = Drive(stand_in.launch(), Wearer("ws://127.0.0.1:9", "overlays"))
    with pytest.raises(BridgeError, match=r"cannot reach a bridge.*fedxr serve"):
        await drive.run()
    agents = Agents()
    async with BridgeServer(agents, ServerConfig(port=0)) as server:
        drive = Drive(stand_in.launch("--hz", "100"), Wearer(server.url, "overlays"))
        running = asyncio.create_task(drive.run())
        while len(agents.frames) < 3 or not all(agents.frames.values()):
            await asyncio.sleep(0.01)
            assert not running.done()
    with pytest.raises(BridgeError, match="session ended"):
        await asyncio.wait_for(running, 60)


async def test_what_was_dropped_is_added_up(stand_in: StandIn) -> None:
    """Notices with counts become totals, for the summary and for the scene."""
    agents = Agents()
    async with BridgeServer(agents, ServerConfig(port=0)) as server:
        options = ("--hz", "60", "--behaviours", "overlays")
        drive = Drive(stand_in.launch(*options), Wearer(server.url, "overlays"))
        running = asyncio.create_task(drive.run())
        while not drive.driven.lived:
            await asyncio.sleep(0.01)
            assert not running.done()
        session, lived = agents.sessions["unity-overlays-0"], drive.driven.lived[0]
        for n in (2, 3):
            session.notice("dropped", "since last told", counts={"made up": n})
        session.notice("bad-label", "label 9 of target")
        while not lived.notices:
            await asyncio.sleep(0.01)
            assert not running.done()
        drive.stop()
        await asyncio.wait_for(running, 60)
    assert lived.counts["made up"] == 5
    assert lived.notices == {"bad-label: label 9 of target": 1}


async def test_a_long_leap_begins_a_new_episode(stand_in: StandIn) -> None:
    """The player's clock leaves out 100 s in no time: what follows is taken when it comes."""
    agents = Agents()
    await drive_of(stand_in, agents, "--stamps", "--jump", "5", "--end", "quit:10")
    frames = agents.frames["unity-overlays-0"]
    assert [f.episode for f in frames] == [0] * 5 + [1] * 5
    assert abs(frames[5].episode_start_us - frames[4].capture_us) < 60_000_000
    assert len(frames[5].samples["gaze/point2"]) == 2


async def test_a_session_that_is_lost_goes_on(stand_in: StandIn) -> None:
    """The connection breaks; the player plays on, and so does the session."""
    agents = Agents()
    async with BridgeServer(agents, ServerConfig(port=0)) as server:
        options = ("--hz", "60", "--behaviours", "overlays")
        retry = Retry(0.05, 0.1, 30.0)
        drive = Drive(stand_in.launch(*options), Wearer(server.url, "overlays", retry=retry))
        running = asyncio.create_task(drive.run())
        while not agents.frames.get("unity-overlays-0"):
            await asyncio.sleep(0.01)
            assert not running.done()
        drive._headsets["overlays/0"].client._connection.transport.abort()
        while not any("the session goes on" in n for n in drive.driven.lived[0].notices):
            await asyncio.sleep(0.01)
            assert not running.done()
        before = len(agents.frames["unity-overlays-0"])
        while len(agents.frames["unity-overlays-0"]) < before + 3:
            await asyncio.sleep(0.01)
            assert not running.done()
        drive.stop()
        await asyncio.wait_for(running, 60)
    assert len(agents.sessions) == 1


async def test_stop_ends_a_run_that_has_no_end(stand_in: StandIn) -> None:
    agents = Agents()
    async with BridgeServer(agents, ServerConfig(port=0)) as server:
        drive = Drive(stand_in.launch("--hz", "100"), Wearer(server.url, "overlays"))
        running = asyncio.create_task(drive.run())
        while len(agents.frames.get("unity-overlays-0", ())) < 3:
            await asyncio.sleep(0.01)
            assert not running.done()
        drive.stop()
        driven = await asyncio.wait_for(running, 60)
    assert driven.ended == "stopped"
    assert driven.stats["scene/steps"] >= 2
    assert stand_in.report()["resets"] == 1
