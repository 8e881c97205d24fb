"""EEG: how much of the signal follows each light that the application flickers, and its rhythms.

For each known frequency f the canonical correlation between the electrodes and sine and cosine:
the two correlations at f within 4 to 48 Hz, and the first at 2f within 24 to 48 Hz (Lin et al.:
Frequency recognition based on canonical correlation analysis for SSVEP-based BCIs. IEEE TBME
2006). Then the share of power in five bands, which serves questions that have no flicker.

All numbers are the same whatever the electrodes' gain, and for the correlations whatever their
mixture, so any number of electrodes in any order gives the same vector.

Correlations of short windows are larger by chance: 3 s cost 3 points and 2 s cost 10, so nothing
is said before 4 s are there. An electrode that was away for more than a tenth of the window (NaN)
is left out: the others are used.

Shapes: N samples of the window, E electrodes, K frequency bins of a band.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fedxr.agent.encoders.base import HUGE, Array, EncoderSpec, energy, finite
from fedxr.bridge.channels import Channel, ChannelError, Samples

WINDOW_S = 4.0
HOP_TICKS = 6  # 0.2 s
LEAST_HZ = 100.0

_BAND_HZ = (4.0, 48.0)
_HARMONIC_HZ = (24.0, 48.0)
_RHYTHMS_HZ = np.array([4.0, 8.0, 13.0, 20.0, 30.0])  # where each of the five bands begins
_CLIP = 8.0  # robust deviations; a blink is some ten times the rest

Complex = NDArray[np.complex128]


class EegEncoder:
    """Any electrodes at 100 Hz or more; ``flicker_hz`` are the lights that the scene shows."""

    modality = "eeg"

    def __init__(self, flicker_hz: tuple[float, ...] = (13.0, 17.0, 21.0)) -> None:
        for f in flicker_hz:
            if not _HARMONIC_HZ[0] <= 2 * f <= _HARMONIC_HZ[1]:
                raise ValueError(f"flicker {f:g} Hz; allowed are 12 to 24 Hz")
        self.flicker_hz = flicker_hz
        self.size = 3 * len(flicker_hz) + len(_RHYTHMS_HZ)

    def shape(self, channel: Channel) -> EncoderSpec:
        if channel.modality != "eeg" or channel.rate_hz < LEAST_HZ:
            raise ChannelError(
                f"channel {channel.name}: {channel.layout} at {channel.rate_hz:g} Hz; the EEG "
                f"encoder reads eeg/<electrodes> at {LEAST_HZ:g} Hz or more"
            )
        return EncoderSpec(WINDOW_S, HOP_TICKS, 1, self.size, WINDOW_S, self.size)

    @finite
    def features(self, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        """(size,) correlations, three per flicker, then five log shares of power.

        None when more than a tenth of the window is missing: at the channel's rate, or at the lower
        one that its samples come at.
        """
        part = _there(samples.between(end_us - int(WINDOW_S * 1e6), end_us))
        n = round(WINDOW_S * channel.rate_hz)
        if len(part) < 0.9 * WINDOW_S * LEAST_HZ or part.t_us[-1] - part.t_us[0] < 0.9e6 * WINDOW_S:
            return None
        rate = channel.rate_hz
        step_us = max(float(np.median(np.diff(part.t_us))), 1.0)
        if len(part) < 0.9 * min(n, max(LEAST_HZ, 1e6 / step_us) * WINDOW_S):
            return None
        spectrum = _spectrum(part, n, rate)
        wide, narrow = spectrum[_bins(n, rate, _BAND_HZ)], spectrum[_bins(n, rate, _HARMONIC_HZ)]
        whiten_wide, whiten_narrow = _whitener(wide), _whitener(narrow)
        numbers: list[float] = []
        for f in self.flicker_hz:
            numbers += _correlations(wide, whiten_wide, _wave(n, rate, f, _BAND_HZ))
            harmonic = _wave(n, rate, 2 * f, _HARMONIC_HZ)
            numbers += _correlations(narrow, whiten_narrow, harmonic)[:1]
        power = (np.abs(wide) ** 2).mean(axis=1)
        first = np.rint((_RHYTHMS_HZ - _BAND_HZ[0]) * n / rate).astype(int)
        share = np.add.reduceat(power, first) / (power.sum() + 1e-30)
        return np.concatenate((numbers, np.log(share + 1e-6))).astype(np.float32)

    @finite
    def summary(self, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        """As :meth:`features`: the window is as long as the answer needs."""
        return self.features(samples, channel, end_us)

    def augment(self, samples: Samples, channel: Channel, rng: np.random.Generator) -> Samples:
        """Electrodes placed a little differently (5 % mixture, 10 % gain) and 10 % noise."""
        x = samples.values.astype(np.float64)
        n = x.shape[1]
        mix = np.diag(rng.normal(1.0, 0.1, n)) + rng.normal(0.0, 0.05, (n, n)) / np.sqrt(n)
        spread = np.diff(x, axis=0).std(axis=0)  # of the fast part: drift is far larger
        x = x @ mix + rng.normal(0.0, 0.1, x.shape) * spread
        return Samples(samples.t_us, x.astype(np.float32))


def _there(part: Samples) -> Samples:
    """The electrodes that are there for nine tenths of ``part``, where all of those are there."""
    if energy(part.values) < HUGE:
        return part
    there = np.abs(part.values) < HUGE
    used = there.mean(axis=0) >= 0.9
    whole = there[:, used].all(axis=1) & used.any()
    return Samples(part.t_us[whole], part.values[whole][:, used])


def _spectrum(part: Samples, n: int, rate_hz: float) -> Complex:
    """(N/2 + 1, E) Fourier transform of the window without its line, clipped.

    Samples are put on the even grid that ends with the last of them; lost ones are interpolated.
    """
    t = part.t_us.astype(np.float64)
    grid = t[-1] + np.arange(1 - n, 1) * (1e6 / rate_hz)
    x_EN = np.stack([np.interp(grid, t, values) for values in part.values.T.astype(np.float64)])
    ramp = np.linspace(-1.0, 1.0, n)
    x_EN -= x_EN.mean(axis=1, keepdims=True)
    x_EN -= (x_EN @ ramp / (ramp @ ramp))[:, None] * ramp
    limit = _CLIP * 1.4826 * np.median(np.abs(x_EN), axis=1, keepdims=True)
    return np.asarray(np.fft.rfft(np.clip(x_EN, -limit, limit)).T)


def _bins(n: int, rate_hz: float, band_hz: tuple[float, float]) -> slice:
    """The bins of ``band_hz`` in the transform of n samples: selecting them is the band filter."""
    low, high = (round(f * n / rate_hz) for f in band_hz)
    return slice(low, high + 1)


@lru_cache(maxsize=256)
def _wave(n: int, rate_hz: float, f: float, band_hz: tuple[float, float]) -> Complex:
    """(K, 2) sine and cosine at ``f`` in the band, orthonormal by the real inner product."""
    phase = 2 * np.pi * f * np.arange(n) / rate_hz
    both = np.fft.rfft(np.stack((np.sin(phase), np.cos(phase)))).T[_bins(n, rate_hz, band_hz)]
    basis = np.linalg.qr(np.concatenate((both.real, both.imag)))[0]
    half = len(both)
    wave: Complex = basis[:half] + 1j * basis[half:]
    return wave


def _whitener(x_KE: Complex) -> NDArray[np.float64]:
    """(E, E) matrix that makes the electrodes uncorrelated and equally strong in this band."""
    c = (x_KE.conj().T @ x_KE).real
    c += np.eye(len(c)) * (1e-6 * np.trace(c) / len(c) + 1e-30)  # dead or bridged electrodes
    inverse: NDArray[np.float64] = np.linalg.inv(np.linalg.cholesky(c))
    return inverse


def _correlations(x_KE: Complex, whiten: NDArray[np.float64], wave_K2: Complex) -> list[float]:
    """The two canonical correlations of the electrodes with a wave, larger first.

    Squares of the singular values of the whitened cross product are the eigenvalues of a 2 x 2
    matrix, which have a closed form.
    """
    m = whiten @ (x_KE.conj().T @ wave_K2).real  # (E, 2)
    a, b, d = m[:, 0] @ m[:, 0], m[:, 0] @ m[:, 1], m[:, 1] @ m[:, 1]
    mean, swing = float(a + d) / 2, math.hypot(float(a - d) / 2, float(b))
    return [math.sqrt(mean + swing), math.sqrt(max(mean - swing, 0.0))]


ENCODER = EegEncoder()
