"""The headset as an ML-Agents agent: our C# on a stub of ML-Agents, everything else real.

C# scene -- lines --> transport.py -- ML-Agents' gRPC --> mlagents-envs --> fedxr unity
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

pytest.importorskip("mlagents_envs", reason="needs the extra 'unity': pip install -e .[unity]")

from scene_rig import SCENES
from scene_rig import agents as serving
from test_editor import reading, runtime, stub
from toolchain import PACKAGE, ROOT, Assemblies

from fedxr.agent.tasks import TASKS
from fedxr.bridge.frames import Frame
from fedxr.bridge.protocol import Answer, Feedback
from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.server import BridgeServer, ServerConfig
from fedxr.bridge.serving.session import Session
from fedxr.bridge.unity.drive import Drive, Wearer
from fedxr.bridge.unity.player import Launch, UnityPlayer
from fedxr.cli.unity import Unity, parameters_of, unity_command
from fedxr.virtual.environments import PlayerEnv

HERE = Path(__file__).parent
PROJECT = ROOT / "unity_project"
STEP_US = 20_000


def agents_of(assemblies: Assemblies) -> Path:
    """Fedxr.MLAgents, every public member documented."""
    engine = stub(assemblies)
    package = assemblies.build("Unity.ML-Agents", [HERE / "stub_mlagents"], [engine])
    references = [package, runtime(assemblies), assemblies.core, engine]
    return assemblies.build(
        "Fedxr.MLAgents", [PACKAGE / "Runtime" / "MLAgents"], references, documented=True
    )


def headless_of(assemblies: Assemblies) -> Path:
    ground = [runtime(assemblies), assemblies.core, stub(assemblies)]
    scripts = assemblies.build("Fedxr.Scenes", [PROJECT / "Assets" / "Scripts"], ground)
    engine = assemblies.build("Unity.ML-Agents", [HERE / "stub_mlagents"], [stub(assemblies)])
    references = [agents_of(assemblies), scripts, engine, *ground]
    return assemblies.build("Headless", [*reading(), HERE / "mlagents"], references, target="exe")


class Built:
    """A player that can be started as ML-Agents starts one; its report after it has ended."""

    def __init__(self, assemblies: Assemblies, scene: str, folder: Path) -> None:
        self.path, self.report_path = folder / "scene.x86_64", folder / "report.json"
        program = headless_of(assemblies)
        ours = assemblies.command(program, str(PROJECT), scene, str(self.report_path))
        command = [sys.executable, str(HERE / "mlagents" / "transport.py"), *ours, "--"]
        words = " ".join(f'"{word}"' for word in command)
        self.path.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        self.path.chmod(0o755)

    def launch(self) -> UnityPlayer:
        player = UnityPlayer(Launch(self.path, 0, 7, False, 60.0, 1.0, ()))
        player.set_parameters({**parameters_of("companion"), "companion/episode_s": 600.0})
        return player

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.report_path.read_text())
        assert found["errors"] == []
        return found


@pytest.fixture
def built(assemblies: Assemblies, tmp_path: Path) -> Built:
    return Built(assemblies, "known", tmp_path)


def counted(n: int, size: int) -> np.ndarray:
    """Sample n of a sensor of Known.cs, as its channel has it."""
    return n + np.arange(size, dtype=np.float32) / 64


def test_observations_are_the_sensors_channels(built: Built) -> None:
    """Names tell layout, channel and rate; numbers come out as the sensors put them in,
    right-handed, though ML-Agents' observations are left-handed."""
    player = built.launch()
    seen = [turn.observations for turn in player.reset()]
    for _ in range(30):
        seen += [turn.observations for turn in player.step({})]
    player.close()
    assert set(seen[0]) == {
        "audio/pcm16@16000",
        "gaze/ray:eyes@50",
        "motion/controller:left@50",
        "motion/head:head@50",
        "physiology/eda:skin@4",
    }
    for i, step in enumerate(seen):
        for name, size in (
            ("motion/head:head@50", 7),
            ("motion/controller:left@50", 14),
            ("gaze/ray:eyes@50", 6),
        ):
            np.testing.assert_array_equal(step[name], [counted(i, size)], err_msg=name)
        np.testing.assert_array_equal(step["audio/pcm16@16000"], 320 * i + np.arange(320))
        # 4 a second of the scene's time, which begins with a step; in between the last one again
        np.testing.assert_array_equal(step["physiology/eda:skin@4"], (i + 1) * STEP_US // 250_000)
    assert player.behaviours["companion"].branches == (6, 5)  # doing and mood, and silence
    assert built.report()["cues"] == []


def test_roslyn_takes_the_agent(strict_assemblies: Assemblies) -> None:
    agents_of(strict_assemblies)


class Agents(Application):
    """Answers every frame, and has a cue at the twentieth."""

    def __init__(self) -> None:
        self.session: Session
        self.frames: list[Frame] = []
        self.told: list[Feedback] = []

    def joined(self, session: Session) -> Sequence[str]:
        self.session = session
        return ("doing", "mood")

    def frame(self, session: Session, frame: Frame) -> None:
        self.frames.append(frame)
        p = np.array([0.1, 0.6, 0.1, 0.1, 0.1])
        session.send_reply(frame.seq, frame.capture_us, {"doing": Answer.of(p)})
        if len(self.frames) == 20:
            cue = {"task": "doing", "act": "navigate", "payload": {"text": "hier → là"}}
            session.send_cue("navigate", {**cue, "confidence": 0.6})
        if len(self.frames) == 40:
            session.send_cue("clear", {"task": "doing", "act": "clear", "payload": {}})

    def feedback(self, session: Session, feedback: Feedback) -> None:
        self.told.append(feedback)

    def left(self, session: Session, reason: str) -> None:
        pass


async def test_a_scene_is_a_headset_through_ml_agents(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fedxr.bridge.unity.clock.BEHIND_US", 10**12)  # a slow start is no pause
    agents = Agents()
    classes = {name: task.classes for name, task in TASKS.items()}
    async with BridgeServer(agents, ServerConfig(port=0)) as server:
        wearer = Wearer(server.url, "overlays", ("companion",), classes=classes, steps_hz=50.0)
        drive = Drive(built.launch(), wearer)
        driven = await asyncio.wait_for(drive.run(4.0), 60)
    assert [(c.name, c.layout, c.rate_hz) for c in agents.session.channels.values()] == [
        ("audio/pcm16", "audio/pcm16", 16000.0),
        ("eyes", "gaze/ray", 50.0),
        ("left", "motion/controller", 50.0),
        ("head", "motion/head", 50.0),
        ("skin", "physiology/eda", 4.0),
    ]
    assert agents.session.hello.scenario == "companion"
    # The scene's own stamps: a frame every 20 ms, however unevenly steps arrive.
    first = [f for f in agents.frames if f.episode == 0]
    apart = np.diff([f.capture_us for f in first])
    assert set(apart) == {STEP_US}
    slow = [f.capture_us for f in agents.frames if "skin" in f.samples]
    assert np.median(np.diff(slow)) == pytest.approx(250_000, abs=STEP_US)
    # What the user said after a second was about the newest answered moment.
    assert [(f.task, f.label) for f in agents.told] == [("doing", 1)]
    said_us = agents.told[0].t_us - first[0].capture_us
    assert 0.3e6 < said_us <= 1.0e6
    assert max(f.episode for f in agents.frames) == 1  # NewEpisode after two seconds
    report = built.report()
    payload = {"text": "hier → là"}
    assert report["acted"] == [["navigate", "doing", payload], ["clear", "doing", None]]
    assert [cue[0] for cue in report["cues"]] == ["navigate", "clear"]
    assert report["replies"] > 50
    assert driven.lived[0].actions.startswith("branch 0 (6): cues of doing")


def test_in_an_environment_the_actions_are_the_cues(built: Built) -> None:
    """Class 1 of doing is walking: navigate. Class 1 of mood is happy: a playful tone."""
    env = PlayerEnv(built.launch())
    env.reset()
    for doing, mood in ((2, 0), (2, 0), (0, 2), (1, 2)):
        env.step(np.array([doing, mood]))
    env.close()
    assert [act[:2] for act in built.report()["acted"]] == [
        ["navigate", "doing"],
        ["clear", "doing"],
        ["tone", "mood"],
    ]


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES)
def test_each_scene_under_fedxr_unity(
    scene: str, assemblies: Assemblies, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The scene's own file, the command as a user gives it, the shipped agents."""
    path = PROJECT / "Assets" / "Scenes" / f"{scene}.unity"
    built = Built(assemblies, str(path), tmp_path)
    with serving(tmp_path) as url:
        config = Unity(player=built.path, url=url, steps_hz=50.0, seconds=20.0, graphics=False)
        assert unity_command(config, Console(width=400)) == 0
    said = capsys.readouterr().out
    assert f"{scene.lower()}/0: " in said, said
    report = built.report()
    assert report["replies"] > 100, said
    assert report["cues"], said
