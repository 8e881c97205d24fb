"""Every sensor in one made-up scene, played by the stub against a real server: what arrives is what
the scene shows, in the bridge's units and coordinates."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from bridge_rig import Recorder, server_of
from numpy.typing import NDArray
from stand_in_rig import Played, play
from toolchain import Assemblies

from unity_project.scenes.materials import Material
from unity_project.scenes.parts import BoxCollider, Camera, Cube
from unity_project.scenes.scene import Scene
from unity_project.scenes.values import Color, text_asset

SECONDS = 10.0
EYES = (1.0, 1.5, -2.0)
WALL_Z = 2.0  # its face towards the eyes
MOUSE = (0.25, 0.75)
PERSON = f"""\
3.0 point {MOUSE[0]} {MOUSE[1]}
3.5 press Y
3.5 press F
3.5 press L
"""


def _scene() -> Scene:
    """Eyes that look along +z, a wall 4 m before them, and everything that can be sensed."""
    made = Scene("Sensors", skybox=False)
    rig = made.object("User")
    rig.script(
        "Fedxr.HeadsetConnection",
        scenarioJson=text_asset("Assets/Scenarios/neuroadaptive.json"),
    )
    rig.script("Fedxr.SimulatedPerson")
    head = made.object("Head", parent=rig, position=EYES, tag="MainCamera")
    head.add(Camera(background=Color(0, 0, 0)))
    for name in ("Head", "Gaze", "Controller", "Hand", "Depth", "Points", "Microphone", "Face"):
        rig.script(f"Fedxr.{name}Sensor")
    rig.script("Fedxr.SimulatedEeg")
    eye = made.object("Eye", parent=rig, position=EYES)
    eye.add(Camera(background=Color(0, 0, 0)))
    eye.script("Fedxr.CameraSensor", rateHz=4)
    wall = made.object("Wall", position=(1, 1.5, WALL_Z + 0.5), scale=(2, 2, 1))
    wall.add(Cube(Material("Tile", Color(1, 1, 1))))
    wall.add(BoxCollider())
    return made


Sensed = dict[str, tuple[NDArray[np.int64], NDArray[Any]]]


@pytest.fixture(scope="module")
def sensed(assemblies: Assemblies, tmp_path_factory: pytest.TempPathFactory) -> Sensed:
    """By channel: the stamps and the samples, as the server had them."""
    app = Recorder()

    folder = tmp_path_factory.mktemp("sensors")

    async def run() -> Played:
        async with server_of(app) as server:
            return await play(assemblies, server.url, _scene(), folder, SECONDS, PERSON)

    assert asyncio.run(run()).report["errors"] == []
    assert app.over == ["bye"]  # the player has quit
    stamps: dict[str, list[NDArray[np.int64]]] = {}
    values: dict[str, list[NDArray[Any]]] = {}
    for frame in app.frames:
        for name, samples in frame.samples.items():
            assert samples.t_us[-1] <= frame.capture_us, name
            stamps.setdefault(name, []).append(samples.t_us)
            values.setdefault(name, []).extend(samples.values)
    one_size = {n: v for n, v in values.items() if n != "points"}
    sizes = {n: np.stack(v) for n, v in one_size.items()}
    sizes["points"] = np.concatenate(values["points"])
    return {name: (np.concatenate(stamps[name]), sizes[name]) for name in stamps}


CHANNELS = {
    "head": 72.0,
    "gaze": 60.0,
    "controller": 72.0,
    "hand": 30.0,
    "depth": 2.0,
    "points": 1.0,
    "microphone": 16000.0,
    "face": 30.0,
    "eeg": 256.0,
    "camera": 4.0,
}


@pytest.mark.parametrize("name", CHANNELS)
def test_each_sensor_keeps_its_rate(sensed: Sensed, name: str) -> None:
    """A sensor is asked once a frame, so on a busy machine those that take one sample at a time may
    lag; a stream does not."""
    t, _ = sensed[name]
    assert (np.diff(t) > 0).all()
    rate = (len(t) - 1) / (t[-1] - t[0]) * 1e6
    assert rate == pytest.approx(CHANNELS[name], rel=0.02 if CHANNELS[name] > 100 else 0.3)


def test_streams_have_no_gap(sensed: Sensed) -> None:
    for name in ("eeg", "microphone"):
        t, _ = sensed[name]
        period = 1e6 / CHANNELS[name]
        assert np.abs(np.diff(t) - period).max() <= 1, name


def test_the_head_is_told_right_handed(sensed: Sensed) -> None:
    """Unity's z is mirrored; eyes that look along Unity's +z look along the bridge's -z."""
    _, pose = sensed["head"]
    np.testing.assert_allclose(pose[-1], (EYES[0], EYES[1], -EYES[2], 0, 0, 0, 1), atol=1e-6)


def test_the_mouse_is_the_gaze_while_it_moves(sensed: Sensed) -> None:
    """And for 5 s after; then the eyes of the simulated person wander and tremble as the scenario
    says."""
    t, point = sensed["gaze"]
    by_mouse = (np.abs(point - MOUSE) < 1e-3).all(axis=1)
    first, last = np.flatnonzero(by_mouse)[[0, -1]]
    assert by_mouse[first : last + 1].all()
    assert t[last] - t[first] == pytest.approx(5e6, abs=0.3e6)
    eyes = point[last + 1 :]
    assert len(eyes) > 30
    assert eyes.std(axis=0).min() > 0.003
    assert (np.abs(eyes - 0.5) < 0.6).all()


def test_the_hand_and_the_controller_hang_on_the_mouse(sensed: Sensed) -> None:
    """0.45 m before the eyes, to the left of them and above: (0.25, 0.75) of the window. The window
    is 1280 x 720 and the camera's angle 60 degrees, so at 1 m it is 2 tan 30 = 1.155 m high."""
    high = 2 * np.tan(np.pi / 6)
    way = np.array([(MOUSE[0] - 0.5) * high * 1280 / 720, (MOUSE[1] - 0.5) * high, -1.0])
    place = np.array([EYES[0], EYES[1], -EYES[2]]) + 0.45 * way / np.linalg.norm(way)
    _, controller = sensed["controller"]
    np.testing.assert_allclose(controller[-1][:3], place, atol=0.2)  # a near plane before the eyes
    _, hand = sensed["hand"]
    assert hand.shape[1:] == (25, 7)
    np.testing.assert_allclose(hand[-1][0, :3], controller[-1][:3], atol=0.06)
    np.testing.assert_allclose(np.linalg.norm(hand[-1][:, 3:], axis=1), 1, atol=1e-4)
    # thumb left of the little finger on a right hand whose back is up
    assert hand[-1][4, 0] < hand[-1][24, 0]


def test_the_controllers_buttons_are_keys(sensed: Sensed) -> None:
    """F is the trigger, L pushes the stick to the right."""
    _, controller = sensed["controller"]
    np.testing.assert_array_equal(controller[0][7:], 0)
    np.testing.assert_array_equal(controller[-1][7:], (1, 0, 1, 0, 0, 0, 0))


def test_depth_is_along_the_axis(sensed: Sensed) -> None:
    """The wall's face is 4 m away wherever it is hit, and about it is nothing: 0."""
    _, maps = sensed["depth"]
    newest = maps[-1]
    assert newest.shape == (16, 24)
    distance = WALL_Z - EYES[2]
    np.testing.assert_allclose(newest[7:9, 11:13], distance, atol=1e-3)
    assert set(np.unique(np.round(newest, 2))) == {0.0, round(distance, 2)}


def test_points_lie_on_the_wall(sensed: Sensed) -> None:
    """Its face towards the eyes, mirrored: z = -2; x 0 to 2, y 0.5 to 2.5."""
    _, points = sensed["points"]
    points = points.reshape(-1, 3)
    assert len(points) > 5
    np.testing.assert_allclose(points[:, 2], -WALL_Z, atol=1e-3)
    assert (points[:, 0] > -0.01).all()
    assert (points[:, 0] < 2.01).all()


def test_the_camera_sees_the_wall_upright(sensed: Sensed) -> None:
    """A white square, 2 m wide at 4 m, in a black view of 60 degrees: 0.5 / tan 30 = 0.43 of it."""
    _, pictures = sensed["camera"]
    newest = pictures[-1].astype(float)
    assert newest.shape == (112, 112)
    bright = newest > (newest.min() + newest.max()) / 2
    assert bright[56, 56]
    assert bright[56].mean() == pytest.approx(0.43, abs=0.06)
    assert not bright[0].any()


def test_the_microphone_hears_the_tone(sensed: Sensed) -> None:
    """The stub's: 200 Hz, a tenth of full scale."""
    _, sound = sensed["microphone"]
    part = sound[:16000].astype(float)
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
    assert abs(int(spectrum.argmax()) - 200) <= 2
    assert np.abs(part).max() == pytest.approx(3277, rel=0.02)


def test_the_face_smiles_by_key(sensed: Sensed) -> None:
    """Only the two smiles move: 23 and 24 of ARKit's order."""
    _, weights = sensed["face"]
    np.testing.assert_array_equal(np.flatnonzero(weights[-1]), (23, 24))
    np.testing.assert_allclose(weights[-1][23:25], 1)
