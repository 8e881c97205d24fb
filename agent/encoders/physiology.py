"""Physiology: level and change of slow body signals: skin, heart and breath.

A token says how 5 s were, the summary how 120 s were. Conductance is taken as a logarithm, for
its size is a matter of the skin; the other signals stay in their units. Levels are personal: a
task of this modality is standardised per user (``Task.per_user``).

Intervals between beats come irregularly, and bands miss many: their numbers are of the beats that
were seen, and an absent stretch gives no token.

Shapes: N samples of the window.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedxr.agent.encoders.base import Array, EncoderSpec, finite, window
from fedxr.bridge.channels import Channel, ChannelError, Samples

WINDOW_S = 5.0
HOP_TICKS = 150  # 5 s
SUMMARY_S = 120.0
SIZE = 6
SUMMARY = 18

LAYOUTS = ("eda", "temperature", "heart-rate", "respiration", "ibi")
_DRY_S = 5e-8  # conductance of skin that the electrodes do not touch; keeps the logarithm finite
_LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
_PIECES = 4  # of the summary: 30 s each

Line = NDArray[np.float64]


class PhysiologyEncoder:
    """One signal a channel; see the top of the file."""

    modality = "physiology"

    def shape(self, channel: Channel) -> EncoderSpec:
        modality, _, signal = channel.layout.partition("/")
        if modality != "physiology" or signal not in LAYOUTS:
            raise ChannelError(
                f"channel {channel.name}: layout {channel.layout}; the physiology encoder reads "
                f"physiology/ with {', '.join(LAYOUTS)}"
            )
        return EncoderSpec(WINDOW_S, HOP_TICKS, 1, SIZE, SUMMARY_S, SUMMARY, slow=True)

    @finite
    def features(self, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        """(6,) mean, deviation, slope, rise, lowest, highest of 5 s; None under two samples."""
        line = _line(samples, channel, end_us, WINDOW_S)
        if line is None:
            return None
        t, x = line
        rise = np.maximum(np.diff(x), 0).sum()
        numbers = (x.mean(), x.std(), _slope(t, x), rise, x.min(), x.max())
        return np.array(numbers, dtype=np.float32)

    @finite
    def summary(self, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        """(18,) of the last 120 s: mean, deviation, slope, levels (5), rise and step a second (3),
        difference of each quarter from the mean (4), deviation within 30 s, lowest, highest.

        None when under ten samples are there.
        """
        line = _line(samples, channel, end_us, SUMMARY_S)
        if line is None or len(line[0]) < 10:
            return None
        t, x = line
        mean = x.mean()
        step = np.diff(x)
        span = max(t[-1] - t[0], 1.0)
        order = np.sort(x)
        piece = np.minimum(((t + SUMMARY_S) * _PIECES / SUMMARY_S).astype(int), _PIECES - 1)
        count = np.bincount(piece, minlength=_PIECES)
        level = np.bincount(piece, x - mean, minlength=_PIECES) / np.maximum(count, 1)
        within = np.sqrt(((x - mean - level[piece]) ** 2).mean())
        numbers = np.concatenate(
            (
                [mean, x.std(), _slope(t, x)],
                order[np.rint(_LEVELS * (len(x) - 1)).astype(int)],
                [np.maximum(step, 0).sum() / span, np.abs(step).mean(), np.sqrt((step**2).mean())],
                level,
                [within, order[0], order[-1]],
            )
        )
        return numbers.astype(np.float32)

    def augment(self, samples: Samples, channel: Channel, rng: np.random.Generator) -> Samples:
        """Another sensor: its deviations 10 % larger or smaller, its level shifted, 5 % noise."""
        x = samples.values.astype(np.float64)
        if not len(x):
            return samples
        log = channel.layout == "physiology/eda"
        y = np.log(x + _DRY_S) if log else x
        mean, spread = y.mean(), y.std()
        y = mean + (y - mean) * rng.normal(1.0, 0.1) + spread * rng.normal(0.0, 0.2)
        y += rng.normal(0.0, 0.05, y.shape) * spread
        x = np.maximum(np.exp(y) - _DRY_S, 0.0) if log else y
        return Samples(samples.t_us, x.astype(np.float32))


def _line(
    samples: Samples, channel: Channel, end_us: int, seconds: float
) -> tuple[Line, Line] | None:
    """Times before the end (s, <= 0) and values of the last ``seconds``; None under two samples."""
    part = window(samples, end_us - int(seconds * 1e6), end_us)
    if len(part) < 2:
        return None
    x = part.values.astype(np.float64)
    if channel.layout == "physiology/eda":
        x = np.log(np.maximum(x, 0.0) + _DRY_S)  # amplifiers swing a little below zero
    return (part.t_us - end_us) / 1e6, x


def _slope(t: Line, x: Line) -> float:
    """Least-squares slope per second."""
    centred = t - t.mean()
    return float((centred @ x) / (centred @ centred + 1e-9))


ENCODER = PhysiologyEncoder()
