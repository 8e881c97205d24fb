"""The headset page's own arithmetic, run in Node and compared with the bridge's."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from fedxr.bridge.channels import LAYOUTS
from fedxr.bridge.clock import ClockSync, Exchange
from fedxr.bridge.protocol import Bye, Ping, decode_up, encode

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "fedxr" / "pages"
GOLDEN = json.loads((ROOT / "tests" / "golden" / "fedxr_v1.json").read_text(encoding="utf-8"))
VECTORS = {vector["name"]: vector["message"] for vector in GOLDEN["accepted"]}
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(
    NODE is None, reason="no node on this machine: apt-get install nodejs"
)

CHUNK_US = 20_000
"""320 samples at 16 kHz."""


def _bursts() -> list[list[list[int]]]:
    """A clock 5 s ahead that gains 50 ppm, over a network that delays by 1 to 20 ms; after 20
    bursts it is set back by an hour."""
    rng = np.random.default_rng(5)
    bursts = []
    for k in range(30):
        burst = []
        for j in range(8):
            sent = 10_000_000 + 2_000_000 * k + 25_000 * j
            there, back = (int(us) for us in rng.exponential(3000, 2) + 1000)
            offset = 5_000_000 + round(50e-6 * sent) - (3_600_000_000 if k >= 20 else 0)
            burst.append(
                [sent, sent + there + offset, sent + there + offset + 30, sent + there + 30 + back]
            )
        bursts.append(burst)
    return bursts


def _arrivals() -> list[int]:
    """Chunks of a sound card that runs 100 ppm fast, up to 15 ms late, with a second lost once."""
    rng = np.random.default_rng(6)
    ideal = [round(1e6 + CHUNK_US * (1 - 1e-4) * (k + 1)) for k in range(3000)]
    return [
        t + int(rng.uniform(0, 15_000)) + (1_000_000 if k >= 2000 else 0)
        for k, t in enumerate(ideal)
    ]


def _rotations() -> tuple[np.ndarray, list[list[float]]]:
    """Quaternions x y z w (n, 4), half turns among them, and their column-major matrices."""
    rng = np.random.default_rng(7)
    q = np.concatenate((np.eye(4), -np.eye(4)[3:], rng.standard_normal((40, 4))))
    q /= np.linalg.norm(q, axis=1, keepdims=True)
    matrices = []
    for x, y, z, w in q:
        r = np.eye(4)
        r[:3, :3] = [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
        matrices.append(r.T.ravel().tolist())
    return q, matrices


def _projection(left: float, right: float, down: float, up: float) -> list[float]:
    """An OpenGL projection from the tangents of a view's four edges; near 0.1, far 100."""
    n, f = 0.1, 100.0
    p = np.array([
        [2 / (right + left), 0, (right - left) / (right + left), 0],
        [0, 2 / (up + down), (up - down) / (up + down), 0],
        [0, 0, -(f + n) / (f - n), -2 * f * n / (f - n)],
        [0, 0, -1, 0],
    ])  # fmt: skip
    return list(p.T.ravel())


def _cue(task: str, act: str, **payload: object) -> dict[str, object]:
    return {
        "kind": act,
        "payload": {"task": task, "act": act, "payload": payload, "confidence": 0.9},
    }


CUES: list[dict[str, Any]] = [
    {"at": 0, **_cue("target", "label", text="valve")},
    {"at": 10, **_cue("workload", "pace", speed=0.5, animations=False)},
    {"at": 20, **_cue("engagement", "intensity", change=-0.3)},
    {"at": 30, **_cue("warning", "hint", text="plan maintenance", urgency=0.4)},
    {"at": 40, **_cue("target", "label", text="door")},
    {"at": 50, "kind": "fireworks", "payload": {}},
    {"at": 60, **_cue("workload", "clear")},
    {"at": 9000, "kind": None, "payload": {}},
    {"at": 9010, "kind": "label", "payload": {"task": 3, "payload": "no map"}},
]
DEPTH = {
    "width": 4,
    "height": 2,
    "raw": [1000, 2000, 3000, 4000, 0, 6000, 7000, 8000],
    "scale": 0.001,
}
TURNED = [-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1]
"""x becomes 1 - x: the device's grid is mirrored against the view."""


def _body(
    *keys: str, pointer: tuple[float, float] = (0, 0), sitting: bool = False, steps: int = 100
) -> dict[str, object]:
    """``steps`` of 20 ms with ``keys`` held."""
    return {"keys": keys, "pointer": pointer, "sitting": sitting, "steps": steps}


BODIES = {
    "still": _body(),
    "walks": _body("w"),
    "slantwise": _body("w", "d"),
    "turns": _body("arrowleft", steps=50),
    "looks": _body(pointer=(1, 0.5)),
    "sits": _body(sitting=True, steps=250),
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the page's modules make of all cases."""
    assert NODE is not None
    folder = tmp_path_factory.mktemp("node")
    shutil.copytree(PAGES / "xr", folder / "xr")
    shutil.copytree(PAGES / "vendor" / "msgpack", folder / "vendor" / "msgpack")
    shutil.copy(ROOT / "tests" / "webxr" / "check.mjs", folder)
    (folder / "package.json").write_text('{"type": "module"}')
    identity = np.eye(4).ravel().tolist()
    cases = {
        "golden": GOLDEN["accepted"],
        "proof": {
            "key": json.loads((ROOT / "tests" / "golden" / "user_key.json").read_text()),
            "nonce": VECTORS["challenge"]["nonce"]["hex"],
            "host": "127.0.0.1:8765",
        },
        "wrong": [
            "c1ff00",
            msgspec.msgpack.encode({"seq": 1}).hex(),
            msgspec.msgpack.encode({"type": "frame"}).hex(),
            msgspec.msgpack.encode({"type": "__proto__"}).hex(),
            msgspec.msgpack.encode({"type": "cue"}).hex(),
            msgspec.msgpack.encode({"type": "reply", "seq": "1"}).hex(),
            msgspec.msgpack.encode(
                {"type": "notice", "code": "a", "text": "b", "counts": []}
            ).hex(),
        ],
        "bursts": _bursts(),
        "arrivals": _arrivals(),
        "rotations": _rotations()[1],
        "views": [
            {"projection": _projection(1.2, 0.8, 1, 1), "inverse": identity},
            {"projection": _projection(0.8, 1.2, 1, 1), "inverse": identity},
        ],
        "directions": [[0, 0, -1], [0.5, 0, -1], [0, -0.5, -1], [0, 0, 1]],
        "depth": {**DEPTH, "matrix": TURNED},
        "cues": CUES,
        "bodies": list(BODIES.values()),
    }
    done = subprocess.run(
        [NODE, "check.mjs"], cwd=folder, input=json.dumps(cases), capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("vector", GOLDEN["accepted"], ids=lambda v: v["name"])
def test_golden_vectors(said: dict[str, Any], vector: dict[str, Any]) -> None:
    """JavaScript reads every vector as Python does, and what it writes Python reads the same."""
    got, golden = said["vectors"][vector["name"]], bytes.fromhex(vector["hex"])
    assert got["decoded"] == vector["message"]
    if got["down"] is not None:  # with the defaults filled in
        assert vector["message"].items() <= got["down"].items()
    if got["up"] is not None:
        due = decode_up(golden)
        if isinstance(due, Ping):
            due.sent_us = min(due.sent_us, 2**53 - 1)  # see check.mjs
        assert decode_up(bytes.fromhex(got["up"])) == due
    assert got["up"] is not None or got["down"] is not None


def test_the_golden_challenge_is_answered_with_the_golden_proof(said: dict[str, Any]) -> None:
    assert said["proof"] == VECTORS["proof"]["signature"]["hex"]


def test_defaults_of_what_comes_down(said: dict[str, Any]) -> None:
    bye = {"type": "bye", "reason": "", "last_seq": 0, "again": False}
    assert said["vectors"]["bye"]["down"] == bye
    assert bytes.fromhex(said["vectors"]["bye"]["up"])  # a bye goes both ways
    assert decode_up(bytes.fromhex(said["vectors"]["bye"]["up"])) == Bye()
    assert decode_up(encode(Ping(123))) == decode_up(bytes.fromhex(said["vectors"]["ping"]["up"]))


def test_what_is_not_a_message_is_named(said: dict[str, Any]) -> None:
    garbage, no_type, up, proto, cue, reply, notice = said["failures"]
    assert garbage is not None
    assert no_type.startswith(
        "a message of type undefined; a server sends challenge, welcome, reply, cue"
    )
    assert up.startswith('a message of type "frame"')
    assert proto.startswith('a message of type "__proto__"')
    assert cue == "cue.kind is undefined; due is string"
    assert reply == "reply.seq is string; due is number"
    assert notice == "notice.counts is list; due is map"


def test_layouts_are_those_of_the_bridge(said: dict[str, Any]) -> None:
    for name, layout in said["layouts"].items():
        assert layout == {"shape": list(LAYOUTS[name].shape), "dtype": LAYOUTS[name].dtype}, name


def test_joints_are_in_the_layouts_order(said: dict[str, Any]) -> None:
    joints = said["joints"]
    assert len(joints) == LAYOUTS["hands/webxr25"].shape[0]
    # https://www.w3.org/TR/webxr-hand-input-1/, section 2.2: wrist 0, thumb tip 4, index tip 9,
    # little finger's tip 24
    assert [joints[i] for i in (0, 4, 5, 9, 24)] == [
        "wrist", "thumb-tip", "index-finger-metacarpal", "index-finger-tip", "pinky-finger-tip",
    ]  # fmt: skip


def test_clock_is_that_of_the_bridge(said: dict[str, Any]) -> None:
    clock = ClockSync()
    for burst, got in zip(_bursts(), said["estimates"], strict=True):
        due = clock.add_burst([Exchange(*exchange) for exchange in burst])
        assert due is not None
        assert got["offset"] == pytest.approx(due.offset_us, abs=0.01)
        assert got["drift"] == pytest.approx(due.drift, abs=1e-10)
        assert got["uncertainty"] == pytest.approx(due.uncertainty_us, abs=0.01)
        assert got["resets"] == clock.resets
    assert clock.resets == 1


def test_sound_is_laid_end_to_end_on_the_pages_clock(said: dict[str, Any]) -> None:
    starts, ends = np.array(said["chunks"]).T
    arrivals = np.array(_arrivals())
    # No overlap and no gap, but for the second that was lost.
    gaps = starts[1:] - ends[:-1]
    assert np.flatnonzero(gaps > 1).tolist() == [1999]
    assert gaps.min() >= -1e-3
    assert np.abs(ends - starts - CHUNK_US).max() <= 0.01 * CHUNK_US + 1e-3
    # Once it has settled, nothing ends more than a tenth of its length after it arrived, and
    # nothing drifts away behind.
    late = np.delete(arrivals - ends, np.r_[:500, 2000:2200])
    assert late.min() > -CHUNK_US / 10
    assert late.max() < 15_000 + 2000


def test_quaternions_of_matrices(said: dict[str, Any]) -> None:
    due, _ = _rotations()
    got = np.array(said["quaternions"])
    same = np.abs((due * got).sum(axis=1))  # q and -q are one rotation
    np.testing.assert_allclose(same, 1, atol=1e-6)


def test_where_the_gaze_stands_in_the_picture(said: dict[str, Any]) -> None:
    """The two eyes' views are cut in opposite ways, so that straight ahead is the middle. A tangent
    of 0.5 to the right is 0.25 of the width of 2; half as much down, of a height of 2, too."""
    middle, right, down, behind = said["points"]
    assert middle == pytest.approx([0.5, 0.5])
    assert right == pytest.approx([0.75, 0.5])
    assert down == pytest.approx([0.5, 0.25])
    assert behind is None


def test_depth_is_taken_through_the_devices_matrix(said: dict[str, Any]) -> None:
    due = np.array(DEPTH["raw"]).reshape(2, 4)[:, ::-1] * DEPTH["scale"]
    grid = np.array(said["map"]).reshape(48, 64)
    np.testing.assert_allclose(grid, np.repeat(np.repeat(due, 24, 0), 16, 1), atol=1e-6)


def test_cues_begin_change_and_end(said: dict[str, Any]) -> None:
    board = said["board"]
    assert board[0]["on"] == ["target: valve"]
    assert board[1]["pace"] == {"speed": 0.5, "animations": False}
    assert board[2]["brightness"] == pytest.approx(0.7)
    assert board[3]["on"] == [
        "target: valve",
        "workload: pace 50 %, animations off",
        "engagement: intensity −30 %",
        "warning: plan maintenance",
    ]
    assert "target: door" in board[4]["on"]
    assert "target: valve" not in board[4]["on"]  # one label for what is looked at
    assert board[5]["on"] == board[4]["on"]
    assert said["unknown"] == 1
    assert board[6]["pace"] == {"speed": 1, "animations": True}
    assert board[7]["on"] == ["engagement: intensity −30 %", "target: door"]  # the hint is over
    assert board[8]["on"][-1] == "label: "  # a payload that makes no sense shows nothing


def _matrix(flat: list[float]) -> np.ndarray:
    return np.array(flat).reshape(4, 4).T


def test_keys_and_pointer_move_a_body(said: dict[str, Any]) -> None:
    """1.2 m and 1.4 rad a second for 2 s and 1 s; the pointer's ray by the field of view."""
    heads = {n: _matrix(b["head"]) for n, b in zip(BODIES, said["bodies"], strict=True)}
    np.testing.assert_allclose(heads["still"][:3, :3], np.eye(3), atol=1e-6)
    np.testing.assert_allclose(heads["still"][:3, 3], [0, 1.6, 0], atol=1e-6)
    np.testing.assert_allclose(heads["walks"][[0, 2], 3], [0, -2.4], atol=1e-5)
    assert 1.6 <= heads["walks"][1, 3] <= 1.62  # a step lifts the head by 2 cm
    np.testing.assert_allclose(
        heads["slantwise"][[0, 2], 3], [2.4 / 2**0.5, -2.4 / 2**0.5], atol=1e-5
    )
    np.testing.assert_allclose(-heads["turns"][:3, 2], [-np.sin(1.4), 0, -np.cos(1.4)], atol=1e-5)
    assert abs(heads["sits"][1, 3] - 1.15) < 1e-3

    looks = said["bodies"][list(BODIES).index("looks")]
    head, eyes, tip = heads["looks"], _matrix(looks["eyes"]), np.array(looks["tip"])
    in_head = head[:3, :3].T @ -eyes[:3, 2]
    # At the right rim of a picture of 16:9 and 1.2 rad, half way up.
    np.testing.assert_allclose(
        in_head[:2] / -in_head[2], [np.tan(0.6) * 16 / 9, np.tan(0.6) / 2], atol=1e-5
    )
    reached = eyes[:3, 3] - 0.45 * eyes[:3, 2]
    assert np.linalg.norm(tip - reached) < 0.015
    for body in said["bodies"]:
        np.testing.assert_allclose(
            _matrix(body["inverse"]) @ _matrix(body["head"]), np.eye(4), atol=1e-5
        )


def test_the_made_up_hand_is_one(said: dict[str, Any]) -> None:
    """Rigid joints whose bones point along their -Z; thumb and index meet in a pinch."""
    for pinch, flat in enumerate(said["hands"]):
        joints = np.array(flat).reshape(25, 4, 4).transpose(0, 2, 1)
        turns, places = joints[:, :3, :3], joints[:, :3, 3]
        np.testing.assert_allclose(
            turns @ turns.transpose(0, 2, 1), np.tile(np.eye(3), (25, 1, 1)), atol=1e-5
        )
        apart = np.linalg.norm(places[4] - places[9])
        assert apart < 0.01 if pinch else apart > 0.08
        for first, last in ((1, 4), (5, 9), (10, 14), (15, 19), (20, 24)):
            for joint in range(first, last):
                bone = places[joint + 1] - places[joint]
                assert 0.015 < np.linalg.norm(bone) < 0.07
                np.testing.assert_allclose(
                    bone / np.linalg.norm(bone), -turns[joint, :, 2], atol=1e-5
                )
