"""What the console says when something is wrong: once, and what to do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from bridge_rig import Recorder, server_of
from scene_rig import agents
from stand_in_rig import Played, play
from toolchain import Assemblies

from unity_project.scenes.parts import Camera
from unity_project.scenes.scene import Scene
from unity_project.scenes.values import text_asset

NOWHERE = "ws://127.0.0.1:9"  # discard: nobody listens


def _scene(*scripts: str, person: bool = True) -> Scene:
    made = Scene("Console", skybox=False)
    rig = made.object("User", tag="MainCamera")
    rig.add(Camera())
    rig.script(
        "Fedxr.HeadsetConnection",
        scenarioJson=text_asset("Assets/Scenarios/storytelling.json"),
    )
    if person:
        rig.script("Fedxr.SimulatedPerson")
    for script in scripts:
        rig.script(f"Fedxr.{script}")
    return made


def _play(assemblies: Assemblies, url: str, scene: Scene, folder: Path, seconds: float) -> Played:
    return asyncio.run(play(assemblies, url, scene, folder, seconds))


def test_a_missing_server_is_told_once(assemblies: Assemblies, tmp_path: Path) -> None:
    """The client tries again and again; the console is not filled with it."""
    played = _play(assemblies, NOWHERE, _scene("HeadSensor"), tmp_path, 6)
    assert played.said("start the agent with `fedxr serve`") == 1, played.console
    assert played.said(NOWHERE) == 1
    assert played.report["errors"] == []


def test_refused_channels_are_told_with_the_reason(assemblies: Assemblies, tmp_path: Path) -> None:
    """The shipped checkpoint reads no depth; the scene goes on with what it reads."""
    scene = _scene("DepthSensor", "GazeSensor", "SimulatedOrgan")
    with agents(tmp_path) as url:
        played = _play(assemblies, url, scene, tmp_path, 6)
    assert played.said("channel depth is not taken: ") == 1, played.console
    assert played.said("vision/gray") == 1  # what the checkpoint reads is listed
    assert played.said("connected; session") == 1
    assert set(played.report["channels"]) == {"gaze", "eda"}
    assert played.report["errors"] == []


@pytest.mark.parametrize(
    ("scripts", "person", "advice"),
    [
        (("SimulatedEeg",), True, "simulates no eeg; it has gaze"),
        (("SimulatedEeg",), False, "put a SimulatedPerson on the headset connection's object"),
        (("HeadSensor", "HeadSensor"), True, "head"),
    ],
)
def test_a_sensor_that_cannot_be_offered_is_told_before_anything_is_sent(
    assemblies: Assemblies, tmp_path: Path, scripts: tuple[str, ...], person: bool, advice: str
) -> None:
    played = _play(assemblies, NOWHERE, _scene(*scripts, person=person), tmp_path, 1)
    assert len(played.console) == 1
    assert advice in played.console[0]


def test_a_sensor_that_fails_is_switched_off_and_the_others_go_on(
    assemblies: Assemblies, tmp_path: Path
) -> None:
    """A watch has no model in this scenario, which shows when it first samples."""
    app = Recorder()

    async def run() -> Played:
        async with server_of(app) as server:
            scene = _scene("SimulatedWatch", "HeadSensor")
            return await play(assemblies, server.url, scene, tmp_path, 5)

    played = asyncio.run(run())
    assert played.said("sensor wrist is switched off: scenario storytelling simulates no") == 1
    assert len(app.frames) > 50
    assert any("head" in frame.samples for frame in app.frames[-5:])
