"""The hands encoder: one joint set for all layouts, invariances, causality."""

from __future__ import annotations

import numpy as np
import pytest

from fedxr.agent.encoders.hands import ENCODER, JOINTS, PERIOD, common_joints, rotation
from fedxr.bridge.channels import TICK_US, Channel, ChannelError, Samples

SHREC = Channel("hand", "hands/shrec22", 30)
OPENXR = Channel("hand", "hands/openxr26", 30)
WEBXR = Channel("hand", "hands/webxr25", 30)
END_US = 90 * TICK_US


def hand(frames: int = 90, seed: int = 0, rate: float = 30.0) -> Samples:
    """A hand of random joints that drifts and wobbles smoothly."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames) / rate
    joints = rng.normal(0, 0.05, (JOINTS, 3)) + np.array((0.1, 0.2, -0.5))
    sway = 0.1 * np.sin(2 * np.pi * np.outer(t, (0.3, 0.5, 0.7)))
    bend = 0.01 * np.sin(2 * np.pi * t)[:, None, None] * rng.normal(size=(JOINTS, 3))
    values = (joints + sway[:, None] + bend).astype(np.float32)
    return Samples(np.round(t * 1e6).astype(np.int64), values)


def as_openxr(samples: Samples) -> Samples:
    """The same hand in OpenXR's order: palm, wrist, thumb x 4, then metacarpal + 4 per finger."""
    values = np.zeros((len(samples), 26, 7), np.float32)
    values[:, 0, :3], values[:, 1, :3] = samples.values[:, 1], samples.values[:, 0]
    values[:, 2:6, :3] = samples.values[:, 2:6]
    for finger in range(4):
        joints = samples.values[:, 6 + 4 * finger : 10 + 4 * finger]
        values[:, 7 + 5 * finger : 11 + 5 * finger, :3] = joints
    return Samples(samples.t_us, values)


def test_every_layout_gives_the_same_joints() -> None:
    samples = hand()
    openxr = as_openxr(samples)
    np.testing.assert_array_equal(common_joints(openxr.values, OPENXR), samples.values)
    # WebXR is OpenXR without the palm, which is half-way along the middle metacarpal
    webxr = np.delete(openxr.values, 0, axis=1)
    webxr[:, 10, :3] = 2 * samples.values[:, 1] - samples.values[:, 10]
    np.testing.assert_allclose(common_joints(webxr, WEBXR), samples.values, atol=1e-6)
    a = ENCODER.features(samples, SHREC, END_US)
    b = ENCODER.features(openxr, OPENXR, END_US)
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("call", [ENCODER.features, ENCODER.summary])
def test_place_and_size_of_the_hand_do_not_matter(call) -> None:
    samples = hand()
    moved = Samples(samples.t_us, 1.3 * samples.values + np.float32([1, 2, 3]))
    a, b = call(samples, SHREC, END_US), call(moved, SHREC, END_US)
    # a hand size has a floor of 1 mm, which is felt in the third digit
    np.testing.assert_allclose(a, b, rtol=0.02, atol=0.02)


def test_joints_of_the_last_four_ticks_are_told_about_their_palm() -> None:
    samples = hand()
    features = ENCODER.features(samples, SHREC, END_US)
    assert features is not None
    about = features[: PERIOD * JOINTS * 3].reshape(PERIOD, JOINTS, 3)
    np.testing.assert_allclose(about[:, 1], 0, atol=1e-6)
    last = samples.values[86:90]  # 30 Hz: sample i lies in tick i
    size = np.median(np.linalg.norm(last[:, 10] - last[:, 0], axis=1)) + 1e-3
    np.testing.assert_allclose(about, (last - last[:, 1:2]) / size, atol=2e-3)


@pytest.mark.parametrize("rate", [30, 72])
def test_numbers_depend_on_the_window_only(rate: float) -> None:
    whole = hand(int(8 * rate), rate=rate)
    shape, end_us = ENCODER.shape(SHREC), 200 * TICK_US
    for call, seconds in ((ENCODER.features, shape.window_s), (ENCODER.summary, shape.summary_s)):
        want = call(whole, SHREC, end_us)
        only = whole.between(end_us - round(seconds * 1e6), end_us)
        np.testing.assert_array_equal(call(only, SHREC, end_us), want)
        assert want.dtype == np.float32
    assert ENCODER.features(whole, SHREC, end_us).shape == (shape.size,)
    assert ENCODER.summary(whole, SHREC, end_us).shape == (shape.summary,)


def test_the_rate_of_the_tracker_hardly_matters() -> None:
    slow = ENCODER.summary(hand(90, rate=30), SHREC, END_US)
    fast = ENCODER.summary(hand(216, rate=72), SHREC, END_US)
    assert np.corrcoef(slow, fast)[0, 1] > 0.99


def test_a_hand_out_of_sight_gives_no_numbers() -> None:
    gone = hand(30)
    assert ENCODER.features(gone, SHREC, 60 * TICK_US) is None
    assert ENCODER.features(gone.between(0, 1), SHREC, 4 * TICK_US) is None
    assert ENCODER.summary(gone.between(0, 60_000), SHREC, 4 * TICK_US) is None
    still = Samples(gone.t_us, np.zeros_like(gone.values))
    assert np.isfinite(ENCODER.features(still, SHREC, 30 * TICK_US)).all()
    assert np.isfinite(ENCODER.summary(still, SHREC, 30 * TICK_US)).all()


def test_a_right_angle_turns_x_to_y() -> None:
    turn = rotation(np.array((0.0, 0.0, np.pi / 2)))
    np.testing.assert_allclose(turn @ (1, 0, 0), (0, 1, 0), atol=1e-12)


def test_augmentation_keeps_bones_nearly_and_times_exactly() -> None:
    samples = hand()
    one, same = (ENCODER.augment(samples, SHREC, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one.values, same.values)
    assert 72 <= len(one) <= 90
    at = np.searchsorted(samples.t_us, one.t_us)
    np.testing.assert_array_equal(samples.t_us[at], one.t_us)
    before = np.linalg.norm(samples.values[at][:, 9] - samples.values[at][:, 0], axis=1)
    after = np.linalg.norm(one.values[:, 9] - one.values[:, 0], axis=1)
    assert np.abs(after - before).max() < 6 * 0.004  # two joints moved by 4 mm (sigma) an axis


def test_other_layouts_are_refused() -> None:
    with pytest.raises(ChannelError, match="hands/webxr25, not motion/wrist"):
        ENCODER.shape(Channel("wrist", "motion/wrist", 100))
