"""Contact: the spectrum of a machine's vibration, and how impulsive it is.

The last 2048 samples (512 below 2048 Hz) are brought to unit deviation, so that neither mounting
nor load matters, and cut into 15 half-overlapping frames; log power in 32 bands of each is what
the model sees. Broken bearings ring at their own frequencies, in bursts.

Shapes: F frames (15), B bands (32), N samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedxr.agent.encoders.base import Array, EncoderSpec, finite, window
from fedxr.bridge.channels import TICK_US, Channel, ChannelError, Samples

FRAMES = 15
BANDS = 32
TOKENS = 3
SIZE = FRAMES * BANDS
SUMMARY = 2 * BANDS + BANDS // 2 + 4

_HANN = {n: np.hanning(n + 1)[:-1] for n in (64, 256)}


class ContactEncoder:
    """Accelerometers on machines at any rate; see the top of the file."""

    modality = "contact"

    def shape(self, channel: Channel) -> EncoderSpec:
        if channel.layout != "contact/vibration" or channel.rate_hz < 64:
            raise ChannelError(
                f"channel {channel.name}: {channel.layout} at {channel.rate_hz:g} Hz; the contact "
                "encoder reads contact/vibration at 64 Hz or more"
            )
        ticks = -(-int(_length(channel) * 1e6 / channel.rate_hz) // TICK_US)
        seconds = ticks * TICK_US / 1e6
        return EncoderSpec(seconds, ticks, TOKENS, SIZE, seconds, SUMMARY)

    @finite
    def features(self, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        """(480,) log power of 15 frames in 32 bands; None when the window is not full."""
        x_N = self._window(samples, channel, end_us)
        return None if x_N is None else _log_power(x_N).astype(np.float32).ravel()

    @finite
    def summary(self, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        """(84,) mean and deviation of the bands over time (64), the rhythm of the envelope (16),
        kurtosis, crest, skewness and log share of the peaks (4)."""
        x_N = self._window(samples, channel, end_us)
        if x_N is None:
            return None
        power_FB = _log_power(x_N)
        envelope = np.abs(x_N)
        rhythm = np.abs(np.fft.rfft(envelope - envelope.mean())[1 : 1 + 4 * BANDS])
        square = x_N * x_N
        kurtosis, skew = (square * square).mean(), (square * x_N).mean()
        peak = np.log(envelope.max() + 1e-6)
        impulsive = np.log((envelope > 3).mean() + 1e-4)
        parts = (
            power_FB.mean(axis=0),
            power_FB.std(axis=0),
            np.log(rhythm.reshape(BANDS // 2, -1).mean(axis=1) + 1e-3),
            [np.log(kurtosis + 1e-6), peak, skew, impulsive],
        )
        return np.concatenate(parts).astype(np.float32)

    def augment(self, samples: Samples, channel: Channel, rng: np.random.Generator) -> Samples:
        """Another mounting: 10 % scale, a tilted spectrum, 5 % noise, sometimes the other side."""
        x = samples.values.astype(np.float64)
        step = np.diff(x, prepend=x[:1])
        x = x * rng.normal(1.0, 0.1) * rng.choice((-1.0, 1.0)) + rng.normal(0.0, 0.2) * step
        x += rng.normal(0.0, 0.05, x.shape) * x.std()
        return Samples(samples.t_us, x.astype(np.float32))

    def _window(
        self, samples: Samples, channel: Channel, end_us: int
    ) -> NDArray[np.float64] | None:
        """(N,) the last samples of the window, centred and of unit deviation."""
        n = _length(channel)
        part = window(samples, end_us - int(self.shape(channel).window_s * 1e6), end_us)
        if len(part) < n:
            return None
        x = part.values[-n:].astype(np.float64)
        x -= x.mean()
        return np.asarray(x / (np.sqrt((x * x).mean()) + 1e-9))


def _length(channel: Channel) -> int:
    """How many samples make a window: 15 frames at any rate."""
    return 2048 if channel.rate_hz >= 2048 else 512


def _log_power(x_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F, B) log power of half-overlapping frames."""
    width = len(x_N) // 8
    frames = np.lib.stride_tricks.sliding_window_view(x_N, width)[:: width // 2]
    power = np.abs(np.fft.rfft(frames * _HANN[width])[:, 1:]) ** 2 / width
    return np.asarray(np.log(power.reshape(FRAMES, BANDS, -1).mean(axis=2) + 1e-5))


ENCODER = ContactEncoder()
