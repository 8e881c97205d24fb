"""Speech and sound: log-mel patches as tokens, cepstral, pitch and level statistics as summary.

Every rate is read through the same 31.25 Hz grid of frequencies (the frame's FFT is scaled with
the rate), so that 8, 16 and 48 kHz microphones give the same numbers below 4 kHz.

Shapes: F frames of 25 ms every 10 ms, M = 40 mel bands of 60 to 3900 Hz.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.fft import irfft, rfft

from fedxr.agent.encoders.base import Array, EncoderSpec, finite
from fedxr.agent.encoders.speech import SUMMARY, speech_statistics
from fedxr.bridge.channels import Channel, ChannelError, Samples

TOKENS = 2
FRAMES = 10
BANDS = 40
FLOOR = 1e-5
"""Band power below the loudest block by which silence is cut off (-50 dB)."""
_FRAME_S, _HOP_S = 0.025, 0.010
_SPAN_S = _FRAME_S + (FRAMES - 1) * _HOP_S
_LEVEL_S = 1.0
_SUMMARY_S = 5.0
_LEAST_S = 0.020
_BIN_HZ = 31.25
_LOWEST_RATE = 2000.0


class AudioEncoder:
    """100 ms of sound become two tokens; five seconds become one vector of speech statistics.

    A token holds five frames of log-mel power relative to the loudest 10 ms of the last second,
    and that level itself: what is said does not depend on the distance to the microphone, and
    the level (which carries emotion) is not lost.
    """

    modality = "audio"

    def shape(self, channel: Channel) -> EncoderSpec:
        _rate(channel)
        return EncoderSpec(
            window_s=_LEVEL_S,
            period=3,
            tokens=TOKENS,
            size=FRAMES * BANDS + TOKENS,
            summary_s=_SUMMARY_S,
            summary=SUMMARY,
            speed=0.16,
        )

    @finite
    def features(self, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        """(402,): two tokens of 5 x 40 log-mel and the level in bel; None below 20 ms of sound."""
        rate = _rate(channel)
        start_us = end_us - round(_LEVEL_S * 1e6)
        window = samples.between(start_us, end_us)
        span_us = round(_SPAN_S * 1e6)
        if len(window.between(end_us - span_us, end_us)) < _LEAST_S * rate:
            return None
        wave = on_grid(window, rate, start_us, end_us)
        loudest = block_power(wave, rate).max() + 1e-9
        frames = frame(wave[len(wave) - round(_SPAN_S * rate) :], rate, _FRAME_S, _HOP_S)
        mel = mel_power(frames[:FRAMES], rate)
        logs = np.log10(mel / loudest + FLOOR, dtype=np.float32).reshape(TOKENS, -1)
        level = np.full((TOKENS, 1), np.log10(loudest), np.float32)
        return np.concatenate((logs, level), axis=1).ravel()

    @finite
    def summary(self, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        """(SUMMARY,): see :func:`fedxr.agent.encoders.speech.speech_statistics`; None below 100
        ms."""
        rate = _rate(channel)
        window = samples.between(end_us - round(_SUMMARY_S * 1e6), end_us)
        if len(window) < 0.1 * rate:
            return None
        first_us, last_us = int(window.t_us[0]), int(window.t_us[-1])
        wave = on_grid(window, rate, first_us, last_us + 1)
        mel = mel_power(frame(wave, rate, _FRAME_S, _HOP_S), rate)
        lags = autocorrelation(frame(wave, rate, 0.040, 0.020), rate)
        return speech_statistics(mel, lags, block_power(wave, rate))

    def augment(self, samples: Samples, channel: Channel, rng: np.random.Generator) -> Samples:
        """Other distance, room noise, voice (pitch and formants +-12 %) and onset (+-30 ms)."""
        rate = _rate(channel)
        wave = samples.values.astype(np.float32)
        n = len(wave)
        if n == 0:
            return samples
        # Stretching about the middle cuts at most 6 % of either end.
        middle = n / 2 + rng.uniform(-0.030, 0.030) * rate
        at = (np.arange(n) - n / 2) * rng.uniform(0.88, 1.12) + middle
        wave = np.interp(at, np.arange(n), wave, left=0.0, right=0.0)
        wave *= 10.0 ** rng.uniform(-0.5, 0.5)
        loud = float(np.sqrt(np.mean(np.square(wave)))) + 1.0
        noise = np.resize(rng.standard_normal(min(n, 8192), np.float32), n)
        wave += noise * (loud * 10.0 ** rng.uniform(-3.0, -1.3))
        return Samples(samples.t_us, np.clip(wave, -32768, 32767).astype(np.int16))


def _rate(channel: Channel) -> float:
    if channel.layout != "audio/pcm16":
        raise ChannelError(
            f"channel {channel.name}: the audio encoder reads audio/pcm16, not {channel.layout}"
        )
    if channel.rate_hz < _LOWEST_RATE:
        raise ChannelError(
            f"channel {channel.name}: rate {channel.rate_hz} Hz is too low for sound; "
            f"allowed from {_LOWEST_RATE:.0f} Hz, 8000 Hz or more keeps all of the speech bands"
        )
    return channel.rate_hz


def on_grid(samples: Samples, rate: float, start_us: int, end_us: int) -> Array:
    """(n,) float32 in -1..1 at ``rate`` over ``[start_us, end_us)``; zero where nothing is.

    Samples at their nominal spacing are copied; others (a changed pace, lost packets) are
    interpolated at their own times.
    """
    n = round((end_us - start_us) * rate / 1e6)
    wave = np.zeros(max(n, 1), np.float32)
    if not len(samples):
        return wave
    first = (int(samples.t_us[0]) - start_us) * rate / 1e6
    span = (int(samples.t_us[-1]) - int(samples.t_us[0])) * rate / 1e6
    values = samples.values
    if abs(span - (len(samples) - 1)) < 1.5:
        at = min(max(round(first), 0), len(wave))
        part = values[: len(wave) - at]
        wave[at : at + len(part)] = part
    else:
        grid = start_us + np.arange(len(wave)) * (1e6 / rate)
        wave[:] = np.interp(grid, samples.t_us, values.astype(np.float32), left=0.0, right=0.0)
    wave /= 32768.0
    return wave


def frame(wave: Array, rate: float, length_s: float, hop_s: float) -> Array:
    """(F, length) frames, at least one; a short wave is padded with zeros at its end."""
    length, hop = round(length_s * rate), round(hop_s * rate)
    if len(wave) < length:
        wave = np.pad(wave, (0, length - len(wave)))
    return np.lib.stride_tricks.sliding_window_view(wave, length)[::hop]


def block_power(wave: Array, rate: float) -> Array:
    """(blocks,) mean square of each whole 10 ms, at least one block."""
    length = round(_HOP_S * rate)
    n = max(len(wave) // length, 1)
    blocks = wave[: n * length].reshape(n, -1)
    power: Array = np.einsum("ij,ij->i", blocks, blocks) / np.float32(blocks.shape[1])
    return power


def mel_power(frames: Array, rate: float) -> Array:
    """(F, M) mean power of each mel band, in units of a full-scale square wave."""
    window, bank = _window(frames.shape[1]), _mel_bank()
    spectrum = rfft(frames * window, _transform(rate), axis=1)[:, : bank.shape[0]]
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    mel: Array = power @ bank[: power.shape[1]]
    return mel


def autocorrelation(frames: Array, rate: float) -> Array:
    """(F, 160) of the part below 1 kHz, at lags of 1/8000 s, normalised to 1 at lag 0."""
    n = 2 * _transform(rate)
    spectrum = rfft(frames * _window(frames.shape[1]), n, axis=1)[:, :64]
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    lags = irfft(power, 512, axis=1)[:, :160]
    normal: Array = lags / (lags[:, :1] + 1e-12)
    return normal


def _transform(rate: float) -> int:
    """FFT length whose bins are 31.25 Hz apart."""
    return round(rate / _BIN_HZ)


@lru_cache(maxsize=16)
def _window(length: int) -> Array:
    """Hann window scaled so that a spectrum is in units of the signal, whatever the length."""
    hann = np.hanning(length + 2)[1:-1]
    window: Array = (hann / hann.sum()).astype(np.float32)
    return window


@lru_cache(maxsize=1)
def _mel_bank() -> Array:
    """(129, M) triangles, evenly spaced in mel from 60 to 3900 Hz, each summing to 1."""
    lowest, highest = (2595 * np.log10(1 + f / 700) for f in (60.0, 3900.0))
    edges_mel = np.linspace(lowest, highest, BANDS + 2)
    edges = 700 * (10 ** (edges_mel / 2595) - 1)
    bins = np.arange(129)[:, None] * _BIN_HZ
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    bank = np.clip(np.minimum(rise, fall), 0.0, None)
    # Low bands are narrower than a bin: give such a band its nearest bin rather than nothing.
    nearest = np.abs(bins - edges[1:-1]).argmin(axis=0)
    bank[nearest, np.arange(BANDS)] += 1e-3
    shares: Array = (bank / bank.sum(axis=0)).astype(np.float32)
    return shares


ENCODER = AudioEncoder()
