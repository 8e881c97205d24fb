"""The audio encoder: what its numbers mean, that they are causal, and where they stop."""

from __future__ import annotations

import numpy as np
import pytest

from fedxr.agent.encoders.audio import BANDS, ENCODER
from fedxr.agent.encoders.speech import SEGMENTS
from fedxr.bridge.channels import TICK_US, Channel, ChannelError, Samples


def microphone(rate: float) -> Channel:
    return Channel("microphone", "audio/pcm16", rate)


def sound(rate: float, seconds: float, hz: float = 500.0, amplitude: float = 8000.0) -> Samples:
    t = np.arange(int(seconds * rate)) / rate
    wave = amplitude * np.sin(2 * np.pi * hz * t)
    return Samples(np.round(t * 1e6).astype(np.int64), wave.astype(np.int16))


def noise(rate: float, seconds: float, seed: int = 0) -> Samples:
    values = np.random.default_rng(seed).normal(0, 3000, int(seconds * rate)).astype(np.int16)
    t_us = np.round(np.arange(len(values)) * (1e6 / rate)).astype(np.int64)
    return Samples(t_us, values)


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000])
def test_a_tone_lights_its_mel_band_at_every_rate(rate: float) -> None:
    hz = 1000.0
    features = ENCODER.features(sound(rate, 1.2, hz), microphone(rate), 30 * TICK_US)
    assert features is not None
    mel = features.reshape(2, -1)[:, :-1].reshape(10, BANDS)
    # the band whose centre is nearest in mel: 42 edges from 60 to 3900 Hz, centres are 1..40
    low, high, at = (2595 * np.log10(1 + f / 700) for f in (60.0, 3900.0, hz))
    assert (mel.argmax(axis=1) == round((at - low) / (high - low) * 41) - 1).all()


def test_the_same_sound_at_two_rates_gives_the_same_numbers() -> None:
    a = ENCODER.features(sound(8000, 1.2), microphone(8000), 30 * TICK_US)
    b = ENCODER.features(sound(48_000, 1.2), microphone(48_000), 30 * TICK_US)
    assert a is not None
    assert b is not None
    loud = a > -3  # what lies 30 dB below is the leakage of the window
    assert np.abs(a - b)[loud].max() < 0.1


def test_volume_changes_the_level_and_nothing_else() -> None:
    quiet, loud = (
        ENCODER.features(sound(8000, 1.2, amplitude=a), microphone(8000), 30 * TICK_US)
        for a in (1000.0, 10_000.0)
    )
    assert quiet is not None
    assert loud is not None
    change = (loud - quiet).reshape(2, -1)
    # ten times the amplitude is a hundred times the power: 2 bel
    np.testing.assert_allclose(change[:, -1], 2.0, atol=0.02)
    assert np.abs(change[:, :-1]).max() < 0.05


@pytest.mark.parametrize("rate", [8000, 16_000])
def test_numbers_depend_on_the_window_only(rate: float) -> None:
    channel, whole = microphone(rate), noise(rate, 8.0)
    shape = ENCODER.shape(channel)
    end_us = 216 * TICK_US  # 7.2 s
    for call, seconds in ((ENCODER.features, shape.window_s), (ENCODER.summary, shape.summary_s)):
        want = call(whole, channel, end_us)
        only = whole.between(end_us - round(seconds * 1e6), end_us)
        np.testing.assert_array_equal(call(only, channel, end_us), want)
        later = Samples(whole.t_us, np.where(whole.t_us < end_us, whole.values, 0))
        np.testing.assert_array_equal(call(later, channel, end_us), want)


def test_shapes_and_silence() -> None:
    channel = microphone(8000)
    shape = ENCODER.shape(channel)
    features = ENCODER.features(noise(8000, 0.1), channel, 3 * TICK_US)
    summary = ENCODER.summary(noise(8000, 0.5), channel, 15 * TICK_US)
    assert features is not None
    assert summary is not None
    assert (features.shape, summary.shape) == ((shape.size,), (shape.summary,))
    assert features.dtype == summary.dtype == np.float32
    mute = Samples(np.arange(8000) * 125, np.zeros(8000, np.int16))
    for numbers in (
        ENCODER.features(mute, channel, 30 * TICK_US),
        ENCODER.summary(mute, channel, 30 * TICK_US),
    ):
        assert numbers is not None
        assert np.isfinite(numbers).all()
    assert ENCODER.features(noise(8000, 0.01), channel, 3 * TICK_US) is None
    assert ENCODER.summary(noise(8000, 0.05), channel, 3 * TICK_US) is None


def test_pitch_is_found_in_octaves() -> None:
    """The first pitch statistics are percentiles of log2 hertz: one octave up adds one."""

    def pulses(hz: float) -> Samples:
        t = np.arange(8000) / 8000
        wave = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 6))
        return Samples(np.arange(8000) * 125, (5000 * np.asarray(wave)).astype(np.int16))

    channel = microphone(8000)
    low, high = (ENCODER.summary(pulses(hz), channel, 30 * TICK_US) for hz in (110.0, 220.0))
    assert low is not None
    assert high is not None
    median = SEGMENTS * 13 + 2 * 13 + 4 * BANDS + 2
    assert low[median] == pytest.approx(np.log2(110.0), abs=0.03)
    assert high[median] - low[median] == pytest.approx(1.0, abs=0.03)


def test_a_changed_pace_leaves_no_holes() -> None:
    """Stretched time stamps are interpolated: a tone 10 % slower is a tone 10 % lower."""
    tone = sound(8000, 1.0, 1000.0)
    slow = Samples((tone.t_us * 1.1).astype(np.int64), tone.values)
    as_low = sound(8000, 1.1, 1000.0 / 1.1)
    a = ENCODER.features(slow, microphone(8000), 30 * TICK_US)
    b = ENCODER.features(as_low, microphone(8000), 30 * TICK_US)
    assert a is not None
    assert b is not None
    assert np.abs(a - b)[b > -2].max() < 0.15


def test_augmentation_keeps_the_times_and_follows_its_seed() -> None:
    channel, original = microphone(8000), noise(8000, 0.5)
    one, same, other = (
        ENCODER.augment(original, channel, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.t_us, original.t_us)
    assert one.values.dtype == np.int16
    np.testing.assert_array_equal(one.values, same.values)
    assert (one.values != other.values).mean() > 0.9
    empty = Samples(np.zeros(0, np.int64), np.zeros(0, np.int16))
    assert len(ENCODER.augment(empty, channel, np.random.default_rng(0))) == 0


def test_other_layouts_and_rates_are_refused() -> None:
    with pytest.raises(ChannelError, match="reads audio/pcm16, not gaze/point2"):
        ENCODER.shape(Channel("eyes", "gaze/point2", 60))
    with pytest.raises(ChannelError, match="too low for sound"):
        ENCODER.shape(microphone(500))
