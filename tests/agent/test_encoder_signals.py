"""Encoders of motion, EEG, gaze, vibration and physiology."""

from __future__ import annotations

import numpy as np
import pytest

from fedxr.agent.encoders import encoder_for
from fedxr.agent.encoders.eeg import EegEncoder
from fedxr.bridge.channels import TICK_US, Channel, ChannelError, Samples, layout_of

CHANNELS = [
    Channel("phone", "motion/phone", 100.0),
    Channel("watch", "motion/wrist", 104.0),
    Channel("head", "motion/head", 72.0),
    Channel("eeg", "eeg/Oz-O1-O2-POz", 256.0),
    Channel("eeg1", "eeg/Oz", 125.0),
    Channel("gaze", "gaze/point2", 30.0),
    Channel("ray", "gaze/ray", 90.0),
    Channel("machine", "contact/vibration", 12_000.0),
    Channel("slow machine", "contact/vibration", 400.0),
    Channel("eda", "physiology/eda", 4.0),
    Channel("temperature", "physiology/temperature", 4.0),
    Channel("heart", "physiology/heart-rate", 1.0),
    Channel("breath", "physiology/respiration", 1.0),
    Channel("ibi", "physiology/ibi", 0.0),
    Channel("glove", "columns/bend_1-bend_2-tilt", 60.0),
    Channel("weather", "columns/co2-noise", 1.0),
]
every_channel = pytest.mark.parametrize("channel", CHANNELS, ids=lambda c: c.name)


def recording(channel: Channel, seconds: float, seed: int = 0) -> Samples:
    """Plausible noise: a random walk around a level, with unit quaternions and directions."""
    rng = np.random.default_rng(seed)
    rate = channel.rate_hz or 1.2
    n = int(seconds * rate)
    shape = (n, *layout_of(channel.layout).shape)
    x = 1.0 + 0.1 * np.cumsum(rng.normal(size=shape), axis=0) / np.sqrt(rate)
    if channel.modality == "physiology":
        x = np.abs(x)
    for last, layout in ((4, "motion/head"), (3, "gaze/ray")):
        if channel.layout == layout:
            x[:, -last:] /= np.linalg.norm(x[:, -last:], axis=1, keepdims=True)
    t_us = np.rint(np.arange(n) * (1e6 / rate)).astype(np.int64)
    return Samples(t_us, x.astype(np.float32))


def asked(channel: Channel) -> tuple[Samples, int]:
    """A recording with more than enough before the question, and some after it."""
    shape = encoder_for(channel).shape(channel)
    ticks = int((max(shape.summary_s, shape.window_s) + 2) * 1e6) // TICK_US
    return recording(channel, ticks * TICK_US / 1e6 + 1), ticks * TICK_US


@every_channel
def test_vectors_have_the_sizes_that_the_shape_promises(channel: Channel) -> None:
    samples, end = asked(channel)
    encoder = encoder_for(channel)
    shape = encoder.shape(channel)
    features = encoder.features(samples, channel, end)
    summary = encoder.summary(samples, channel, end)
    assert features is not None
    assert summary is not None
    assert features.shape == (shape.size,)
    assert summary.shape == (shape.summary,)
    assert features.dtype == summary.dtype == np.float32
    assert np.isfinite(features).all()
    assert np.isfinite(summary).all()
    assert shape.size % shape.tokens == 0


@every_channel
def test_vectors_depend_on_the_window_and_nothing_else(channel: Channel) -> None:
    samples, end = asked(channel)
    encoder = encoder_for(channel)
    shape = encoder.shape(channel)
    for call, seconds in (
        (encoder.features, shape.window_s),
        (encoder.summary, shape.summary_s),
    ):
        start = end - int(seconds * 1e6)
        noise = np.random.default_rng(1).normal(50.0, 9.0, samples.values.shape)
        outside = (samples.t_us < start) | (samples.t_us >= end)
        values = samples.values.copy()
        values[outside] = noise[outside]
        full = call(samples, channel, end)
        np.testing.assert_array_equal(full, call(samples.between(start, end), channel, end))
        np.testing.assert_array_equal(full, call(Samples(samples.t_us, values), channel, end))
        last = np.flatnonzero(samples.t_us < end)[-1]
        values = samples.values.copy()
        values[max(last - len(values) // 4, 0) : last + 1] *= np.float32(1.7)
        values[last] += np.float32(0.5)
        assert (full != call(Samples(samples.t_us, values), channel, end)).any()


@every_channel
def test_vectors_do_not_depend_on_when_the_episode_began(channel: Channel) -> None:
    samples, end = asked(channel)
    later = Samples(samples.t_us + 40 * TICK_US, samples.values)
    encoder = encoder_for(channel)
    np.testing.assert_allclose(
        encoder.summary(samples, channel, end),
        encoder.summary(later, channel, end + 40 * TICK_US),
        rtol=1e-4,
        atol=1e-4,
    )


@every_channel
def test_too_little_says_nothing_and_the_input_stays_as_it_was(channel: Channel) -> None:
    samples, end = asked(channel)
    encoder = encoder_for(channel)
    before = samples.values.copy()
    few = Samples(samples.t_us[:1], samples.values[:1])
    assert encoder.features(few, channel, end) is None
    assert encoder.summary(few, channel, end) is None
    nothing = samples.between(0, 0)
    assert encoder.features(nothing, channel, end) is None
    encoder.features(samples, channel, end)
    encoder.summary(samples, channel, end)
    np.testing.assert_array_equal(samples.values, before)


@every_channel
def test_augmenting_keeps_times_and_follows_the_seed(channel: Channel) -> None:
    samples, end = asked(channel)
    encoder = encoder_for(channel)
    first = encoder.augment(samples, channel, np.random.default_rng(3))
    again = encoder.augment(samples, channel, np.random.default_rng(3))
    np.testing.assert_array_equal(first.t_us, samples.t_us)
    np.testing.assert_array_equal(first.values, again.values)
    assert first.values.dtype == np.float32
    assert (first.values != samples.values).any()
    summary = encoder.summary(first, channel, end)
    assert summary is not None
    assert np.isfinite(summary).all()


@pytest.mark.parametrize(
    "channel",
    [
        Channel("eeg", "eeg/Oz", 50.0),
        Channel("pupil", "gaze/pupil", 30.0),
        Channel("machine", "contact/vibration", 10.0),
        Channel("face", "face/arkit52", 30.0),
    ],
    ids=lambda c: c.name,
)
def test_what_cannot_be_read_is_refused(channel: Channel) -> None:
    with pytest.raises(ChannelError, match="read"):
        encoder_for(channel).shape(channel)


def test_motion_statistics_of_a_known_signal() -> None:
    # x acceleration 3 + 2 sin(2 pi 5 t) on the 100 Hz grid: mean 3, deviation 2 / sqrt 2,
    # extremes 1 and 5, all its power in the band of bins 4 to 5
    t = np.arange(100) / 100
    values = np.zeros((100, 6), np.float32)
    values[:, 0] = 3 + 2 * np.sin(2 * np.pi * 5 * t)
    samples = Samples((np.arange(100) * 10_000).astype(np.int64), values)
    channel = CHANNELS[0]
    x = encoder_for(channel).features(samples, channel, 1_000_000)
    assert x is not None
    assert x[:4] == pytest.approx([3.0, 2 / np.sqrt(2), 1.0, 5.0], abs=1e-3)
    assert x[7:15].argmax() == 3
    assert x[90] == pytest.approx(3.0, abs=1e-3), "the magnitude of acceleration comes seventh"


def test_a_head_at_rest_feels_gravity_along_its_own_up() -> None:
    # pitched by 90 degrees about x (looking down), the head's -z is the world's -y: g on +z
    n = 72
    pose = np.zeros((n, 7), np.float32)
    pose[:, 1] = 1.7
    pose[:, 3:] = [-np.sqrt(0.5), 0, 0, np.sqrt(0.5)]
    pose[::2, 3:] *= -1  # q and -q are the same orientation
    samples = Samples((np.arange(n) * 1e6 / 72).astype(np.int64), pose)
    x = encoder_for(CHANNELS[2]).features(samples, CHANNELS[2], 1_000_000)
    assert x is not None
    means = x.reshape(8, 15)[:, 0]
    assert means == pytest.approx([0, 0, 9.80665, 0, 0, 0, 9.80665, 0], abs=1e-3)


def test_a_turning_head_has_a_rotation_rate() -> None:
    n, rate = 90, 1.5  # rad/s about y
    angle = rate * np.arange(n) / 72
    pose = np.zeros((n, 7), np.float32)
    pose[:, 4], pose[:, 6] = np.sin(angle / 2), np.cos(angle / 2)
    samples = Samples((np.arange(n) * 1e6 / 72).astype(np.int64), pose)
    x = encoder_for(CHANNELS[2]).features(samples, CHANNELS[2], 1_200_000)
    assert x is not None
    means = x.reshape(8, 15)[:, 0]
    # the pose is held between its last sample and the end, for at most 1.4 of the 100 grid steps
    assert means[3:6] == pytest.approx([0, rate, 0], abs=0.03)


def test_eeg_correlations_equal_those_of_the_textbook() -> None:
    channel = CHANNELS[3]
    rng = np.random.default_rng(0)
    t = np.arange(1024) / 256
    x = rng.normal(size=(1024, 4)) + 0.3 * np.sin(2 * np.pi * 17 * t)[:, None] * [1, 2, 0, 1]
    samples = Samples(np.rint(t * 1e6).astype(np.int64), x.astype(np.float32))
    got = EegEncoder().features(samples, channel, 120 * TICK_US)
    assert got is not None
    ramp = np.linspace(-1, 1, 1024)[:, None]
    y = x - x.mean(axis=0)
    y -= ramp * (ramp.T @ y) / (ramp.T @ ramp)
    for i, f in enumerate((13, 17, 21)):
        want = [_cca(_band(y, 4, 48), f), _cca(_band(y, 24, 48), 2 * f)[:1]]
        assert got[3 * i : 3 * i + 3] == pytest.approx(np.concatenate(want), abs=2e-3)
    assert got[:9].argmax() == 3, "17 Hz is the light that is looked at"


def _band(x: np.ndarray, low: float, high: float) -> np.ndarray:
    spectrum = np.fft.rfft(x, axis=0)
    f = np.fft.rfftfreq(len(x), 1 / 256)
    return np.fft.irfft(spectrum * ((f >= low) & (f <= high))[:, None], len(x), axis=0)


def _cca(x: np.ndarray, f: float) -> np.ndarray:
    """Canonical correlations as the singular values of Qx' Qy (Björck and Golub)."""
    phase = 2 * np.pi * f * np.arange(len(x)) / 256
    wave = np.linalg.qr(np.stack((np.sin(phase), np.cos(phase)), axis=1))[0]
    values: np.ndarray = np.linalg.svd(np.linalg.qr(x)[0].T @ wave, compute_uv=False)
    return values


def test_eeg_ignores_gain_and_dead_electrodes_do_not_break_it() -> None:
    channel = CHANNELS[3]
    samples, end = asked(channel)
    encoder = encoder_for(channel)
    plain = encoder.features(samples, channel, end)
    louder = Samples(samples.t_us, samples.values * np.float32(1e-6))
    np.testing.assert_allclose(encoder.features(louder, channel, end), plain, rtol=1e-3, atol=1e-4)
    dead = samples.values.copy()
    dead[:, 1] = 0
    x = encoder.features(Samples(samples.t_us, dead), channel, end)
    assert x is not None
    assert np.isfinite(x).all()
    with pytest.raises(ValueError, match="12 to 24"):
        EegEncoder((5.0,))


def test_gaze_that_reads_goes_right_and_returns() -> None:
    # a line every 2 s: small steps to the right, one long one back; looking up never
    channel = CHANNELS[5]
    n = 30 * 31
    t = np.arange(n) / 30
    x = 0.3 + 0.05 * np.floor((t % 2) / 0.25)
    points = np.stack((x, np.full(n, 0.5)), axis=1).astype(np.float32)
    samples = Samples(np.rint(t * 1e6).astype(np.int64), points)
    got = encoder_for(channel).features(samples, channel, 900 * TICK_US)
    assert got is not None
    directions = got[20:28]  # after 13 places and 7 speeds
    assert directions[0] == pytest.approx(7 / 8, abs=0.03)
    assert directions[4] == pytest.approx(1 / 8, abs=0.03)
    assert directions.sum() == pytest.approx(1.0)


def test_vibration_ignores_loudness_and_finds_the_tone() -> None:
    channel = CHANNELS[7]
    t = np.arange(2400) / 12_000
    tone = np.sin(2 * np.pi * 3000 * t)
    loud = [
        Samples(np.rint(t * 1e6).astype(np.int64), (a * tone).astype(np.float32)) for a in (1, 50)
    ]
    quiet, noisy = (encoder_for(channel).summary(s, channel, 6 * TICK_US) for s in loud)
    assert quiet is not None
    assert noisy is not None
    np.testing.assert_allclose(quiet, noisy, atol=2e-3)
    # 3 kHz of 6 kHz is half way up the 32 bands; sampled four times a period at 0, 1, 0, -1 and
    # brought to unit deviation, the fourth moment is (0 + 4 + 0 + 4) / 4
    assert quiet[:32].argmax() in (15, 16)
    assert np.exp(quiet[80]) == pytest.approx(2.0, abs=0.01)


def test_conductance_is_taken_as_a_logarithm() -> None:
    channel = CHANNELS[9]
    t_us = (np.arange(480) * 250_000).astype(np.int64)
    line = np.linspace(1e-6, 3e-6, 480)
    one = encoder_for(channel).summary(Samples(t_us, line.astype(np.float32)), channel, 120_000_000)
    two = encoder_for(channel).summary(
        Samples(t_us, (2 * line).astype(np.float32)), channel, 120_000_000
    )
    assert one is not None
    assert two is not None
    assert two[0] - one[0] == pytest.approx(np.log(2), abs=0.03)
    assert two[1] == pytest.approx(one[1], rel=0.05)
    assert (np.diff(one[11:15]) > 0).all(), "each half minute lies above the one before"
