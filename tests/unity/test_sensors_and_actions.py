"""Sensors by name, actions by size and the player's clock; no player needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from fedxr.bridge.channels import ChannelError
from fedxr.bridge.unity.actions import ActionPlan
from fedxr.bridge.unity.clock import BEHIND_US, PlayerClock
from fedxr.bridge.unity.observations import read, samples_of, sensor_of
from fedxr.bridge.unity.turns import Behaviour


@pytest.mark.parametrize(
    ("name", "shape", "values", "channel", "rate"),
    [
        ("motion/head", (7,), (1, 7), "motion/head", 50.0),
        ("hands/webxr25:left", (175,), (1, 25, 7), "left", 50.0),
        ("hands/webxr25:left", (25, 7), (1, 25, 7), "left", 50.0),
        ("audio/pcm16:ear@16000", (320,), (320,), "ear", 16000.0),
        ("eeg/Oz-O1", (8, 2), (8, 2), "eeg/Oz-O1", 400.0),  # 8 samples a step, 50 steps a second
        ("vision/rgb", (48, 64, 3), (1, 48, 64, 3), "vision/rgb", 50.0),
        ("depth/map", (48, 64, 1), (1, 48, 64), "depth/map", 50.0),
        ("spatial/points", (100, 3), (1, 100, 3), "spatial/points", 50.0),
    ],
)
def test_a_sensor_named_after_a_layout_is_a_channel(
    name: str, shape: tuple, values: tuple, channel: str, rate: float
) -> None:
    sensor = sensor_of(name, shape)
    offered = sensor.offered(50.0)
    assert sensor.shape == values
    assert (offered.name, offered.layout) == (channel, name.split(":")[0].split("@")[0])
    assert offered.rate_hz == rate
    assert offered.delivery == ("queue 64" if name.startswith("vision") else "queue 256")


def test_other_sensors_are_left_as_they_are() -> None:
    for name in ("VectorSensor_size7", "ammo", "team/colour", ""):
        sensor = sensor_of(name, (7,))
        assert (sensor.layout, sensor.shape, sensor.dtype) == (None, (7,), "float32")
        with pytest.raises(ChannelError, match="is not named after a layout"):
            sensor.offered(30.0)


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("motion/head", (6,), r"has 6 numbers .* takes 7 a sample .*orientation x y z w"),
        ("motion/haed", (7,), r"unknown layout 'motion/haed'; did you mean 'motion/head'\?"),
        ("vision/rgb", (48, 64, 1), "a sample has shape .*48, 64, 1.*any x any x 3|anyxanyx3"),
        ("vision/gray", (48, 64, 3), "layout vision/gray"),
        ("vision/rgb", (1080, 1920, 3), r"1080x1920; the bridge takes 1048576 pixels at most"),
        ("motion/head@fast", (7,), "'fast' is no rate"),
    ],
)
def test_a_misnamed_sensor_says_what_is_allowed(name: str, shape: tuple, said: str) -> None:
    with pytest.raises(ChannelError, match=said):
        sensor_of(name, shape)


def test_unity_coordinates_are_mirrored() -> None:
    """A quarter turn about Y in Unity (left-handed, +Z forward) points +Z at +X. In ours, Z is the
    other way round: -Z (forward) must end at +X too, which is a turn by -90 degrees about Y."""
    s = np.sqrt(0.5)
    pose = read(sensor_of("motion/head", (7,)), np.array([1, 2, 3, 0, s, 0, s], np.float32))[0]
    x, y, z, w = pose[3:]
    forward = np.array([0.0, 0.0, -1.0])
    cross = 2 * np.cross([x, y, z], forward)
    turned = forward + w * cross + np.cross([x, y, z], cross)
    np.testing.assert_allclose(turned, [1, 0, 0], atol=1e-6)
    np.testing.assert_array_equal(pose[:3], [1, 2, -3])
    ray = read(sensor_of("gaze/ray", (6,)), np.array([1, 2, 3, 0, 0, 1], np.float32))
    np.testing.assert_array_equal(ray, [[1, 2, -3, 0, 0, -1]])
    held = np.arange(1, 15, dtype=np.float32)
    found = read(sensor_of("motion/controller:left", (14,)), held)[0]
    np.testing.assert_array_equal(found, [1, 2, -3, -4, -5, *range(6, 15)])


def test_pictures_and_sound_take_the_layout_s_numbers() -> None:
    level = np.arange(256, dtype=np.float32).reshape(16, 16, 1) / np.float32(255)
    picture = read(sensor_of("vision/gray", (16, 16, 1)), level)
    np.testing.assert_array_equal(picture.ravel(), np.arange(256))
    sound = read(sensor_of("audio/pcm16", (4,)), np.array([-1.5, -1, 0.5, 1], np.float32))
    assert sound.tolist() == [-32768, -32768, 16384, 32767]


def test_samples_of_a_step_lie_evenly_up_to_its_capture() -> None:
    sensor = sensor_of("audio/pcm16@8000", (4,))
    values = np.arange(4, dtype=np.int16)
    assert samples_of(sensor, values, 1000, 1500).t_us.tolist() == [1125, 1250, 1375, 1500]
    cloud = sensor_of("spatial/points", (3, 3))
    points = np.array([[[1, 2, 3], [0, 0, 0], [0, 1, 0]]], np.float32)
    found = samples_of(cloud, points, 0, 10)
    assert found.values.tolist() == [[[1, 2, 3], [0, 1, 0]]]
    assert len(samples_of(cloud, points * 0, 0, 10)) == 0


TASKS = {"target": 6, "warning": 3, "workload": 3}


def test_actions_are_matched_by_size_in_order() -> None:
    """7 = target's cue, 3 = warning's answer, 4 = the cue of workload, the next with 3 classes, 9
    fits nothing; 9 continuous are the probabilities of target and warning."""
    plan = ActionPlan(Behaviour("overlays", (), 9, (7, 3, 4, 9)), TASKS)
    assert str(plan) == (
        "branch 0 (7): cues of target; branch 1 (3): answers of warning; "
        "branch 2 (4): cues of workload; branch 3 (9): nothing fits; "
        "continuous (9): probabilities of target and warning"
    )
    allowed = plan.behaviour.allowed
    silent = plan.action({}, {}, allowed)
    assert (silent.discrete.tolist(), silent.continuous.tolist()) == ([0, 0, 0, 0], [0.0] * 9)
    target = np.array([0.1, 0.1, 0.5, 0.1, 0.1, 0.1], np.float32)
    warning = np.array([0.2, 0.3, 0.5], np.float32)
    answers = {"target": target, "warning": warning}
    action = plan.action(answers, {"target": 2, "workload": 0}, allowed)
    assert action.discrete.tolist() == [3, 2, 1, 0]
    assert action.continuous.tolist() == [*target.tolist(), *warning.tolist()]
    action.check(plan.behaviour, allowed)


def test_a_forbidden_choice_is_replaced() -> None:
    plan = ActionPlan(Behaviour("b", (), 0, (7, 3)), TASKS)
    allowed = [
        np.array([False, True, True, False, True, True, True]),
        np.array([True, True, False]),
    ]
    answers = {"warning": np.array([0.2, 0.3, 0.5], np.float32)}
    assert plan.action(answers, {"target": 2}, allowed).discrete.tolist() == [1, 1]


def test_a_continuous_action_that_fits_nothing_stays_zero() -> None:
    plan = ActionPlan(Behaviour("b", (), 4, ()), TASKS)
    assert str(plan) == "continuous (4): nothing fits"
    answers = {"target": np.ones(6, np.float32)}
    assert plan.action(answers, {}, ()).continuous.tolist() == [0.0] * 4


def test_the_player_s_own_spacing_is_kept() -> None:
    clock = PlayerClock()
    # Arrivals jitter, stamps do not; the first arrival ties the two clocks together.
    captures = [clock.capture(1000 + 100 * i, 5_000_000 + 100 * i + 7 * (i % 3)) for i in range(9)]
    assert captures == [5_000_000 + 100 * i for i in range(9)]
    assert clock.ours(1300) == 5_000_300
    assert clock.theirs(5_000_300) == 1300


def test_a_paused_player_and_a_clock_set_back_are_tied_anew() -> None:
    clock = PlayerClock()
    assert clock.capture(1000, 5_000_000) == 5_000_000
    late = 5_000_100 + BEHIND_US + 1
    assert clock.capture(1100, late) == late  # its clock stood still, ours did not
    assert clock.capture(1200, late + 100) == late + 100
    assert clock.ours(1000) == 5_000_000  # what was said of a time before the pause
    assert clock.capture(5, late + 900) == late + 900  # a scene was loaded
    assert clock.capture(5, late + 900) == late + 901  # never back, never twice


def test_without_stamps_a_step_was_taken_when_it_came() -> None:
    clock = PlayerClock()
    assert [clock.capture(None, t) for t in (10, 20, 20, 15)] == [10, 20, 21, 22]
    assert clock.theirs(20) == 20


def steps(stamps: Sequence[int], told: list[str]) -> list[int]:
    """Captures minus arrivals of steps that come 30 times a second with these stamps."""
    clock = PlayerClock(lambda kind, text: told.append(kind))
    arrivals = [10**9 + 33_333 * n for n in range(len(stamps))]
    return [clock.capture(stamp, at) - at for stamp, at in zip(stamps, arrivals, strict=True)]


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (lambda n: 33_333 * n + 10**12, "stamps ahead"),
        (lambda n: 33_333 * n - 10**6, "stamps back"),
        (lambda n: 5 * 10**6, "stamps back"),
        (lambda n: 33 * n, "stamps back"),
        (lambda n: 33_333_333 * n, "stamps ahead"),
    ],
    ids=["set ahead", "set back", "stands still", "in milliseconds", "in nanoseconds"],
)
def test_a_player_s_clock_that_is_wrong_is_followed(wrong: Callable[[int], int], kind: str) -> None:
    """From 5 s to 15 s of 30: always within a second of the arrival, and right again in the end."""
    told: list[str] = []
    stamps = [wrong(n) if 150 <= n < 450 else 33_333 * n for n in range(1, 901)]
    off = steps(stamps, told)
    assert kind in told
    assert len(told) < 12
    assert max(map(abs, off)) <= BEHIND_US
    assert max(map(abs, off[600:])) <= 33_333
    assert off[600:] == [off[600]] * 300  # the player's own spacing


def test_a_scene_in_slow_motion_is_stamped_by_its_arrival() -> None:
    told: list[str] = []
    off = steps([3_333 * n for n in range(900)], told)
    assert min(off) >= -BEHIND_US
    assert min(off[120:]) == 0
    assert len(told) <= 4
