"""Columns that nobody knows: what any signal shows, whatever it is: level, spread, shape, rhythm.

Nothing is assumed of units or of what belongs together: each column is looked at by itself. A
signal of 5 Hz and more is taken as fast (a token says how 1 s was, the summary how 4 s were),
another as slow (10 s and 120 s). Levels are personal until somebody knows better, so tokens are
standardised per user, and summaries where the task says so (``Task.per_user``).

Rhythm is the share of power in six bands, equally wide as a logarithm, between the slowest that the
window holds and half the rate: numbers that no gain changes.

Shapes: N samples of the window, K columns, B bands, F bins of a spectrum.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fedxr.agent.encoders.base import HUGE, Array, EncoderSpec, energy, finite
from fedxr.bridge.channels import Channel, ChannelError, Samples, layout_of

FAST_HZ = 5.0
MOST = 64
"""Columns of one channel."""
BANDS = 6
_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
_TOKEN, _SUMMARY = 5, 5 + len(_LEVELS) + 1 + BANDS
_TOKEN_LEAST, _SUMMARY_LEAST = 3, 8
_GRID = 1024  # samples that a spectrum is made of, at most

Matrix = NDArray[np.float64]


class ColumnsEncoder:
    """Any ``columns/<names>``; see the top of the file."""

    modality = "columns"

    def shape(self, channel: Channel) -> EncoderSpec:
        if channel.modality != "columns":
            raise ChannelError(
                f"channel {channel.name}: layout {channel.layout}; the columns encoder reads "
                "columns/<names>"
            )
        count = layout_of(channel.layout).shape[0]
        if count > MOST:
            raise ChannelError(
                f"channel {channel.name}: {count} columns; at most {MOST} are read: split them "
                "into several channels by what they measure"
            )
        slow = channel.rate_hz < FAST_HZ
        window_s, period, summary_s = (10.0, 150, 120.0) if slow else (1.0, 15, 4.0)
        size, summary = _TOKEN * count, _SUMMARY * count
        return EncoderSpec(window_s, period, 1, size, summary_s, summary, slow=slow)

    @finite
    def features(self, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        """(5 K,) mean, deviation, log deviation, slope and step of each column of one window; None
        under three samples."""
        part = _window(samples, end_us, self.shape(channel).window_s, _TOKEN_LEAST)
        return None if part is None else _flat(_moments(*part))

    @finite
    def summary(self, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        """(17 K,) of each column: as of tokens; five levels; how often it crosses its mean, a
        second; and log shares of power in six bands. None under eight samples."""
        part = _window(samples, end_us, self.shape(channel).summary_s, _SUMMARY_LEAST)
        if part is None:
            return None
        t, x_NK = part
        above = x_NK > x_NK.mean(0)
        crossings = (above[1:] != above[:-1]).sum(0) / max(t[-1] - t[0], 1e-6)
        levels = np.quantile(x_NK, _LEVELS, axis=0)
        rhythm = _rhythm(t, x_NK, channel.rate_hz)
        return _flat(np.concatenate((_moments(t, x_NK), levels, crossings[None], rhythm)))

    def augment(self, samples: Samples, channel: Channel, rng: np.random.Generator) -> Samples:
        """Another sensor: each column's deviations 10 % larger or smaller, its level shifted by a
        fifth of its spread, and 5 % noise."""
        x_NK = samples.values.astype(np.float64)
        if not np.isfinite(x_NK).any(0).all():
            return samples
        count = x_NK.shape[1]
        mean, spread = np.nanmean(x_NK, 0), np.nanstd(x_NK, 0)
        x_NK = mean + (x_NK - mean) * rng.normal(1.0, 0.1, count)
        x_NK += spread * (rng.normal(0.0, 0.2, count) + rng.normal(0.0, 0.05, x_NK.shape))
        return Samples(samples.t_us, x_NK.astype(np.float32))


def _window(
    samples: Samples, end_us: int, seconds: float, least: int
) -> tuple[Matrix, Matrix] | None:
    """Times before the end (N,) in s and values (N, K) of the window. A number that is missing is
    taken from those around it; None where a column has fewer than ``least``."""
    part = samples.between(end_us - int(seconds * 1e6), end_us)
    t, x_NK = (part.t_us - end_us) / 1e6, part.values.astype(np.float64)
    if energy(part.values) < HUGE:
        return (t, x_NK) if len(part) >= least else None
    there = np.abs(x_NK) < HUGE
    some = there.any(1)
    t, x_NK, there = t[some], x_NK[some], there[some]
    if len(t) < least or int(there.sum(0).min()) < least:
        return None
    for k in np.flatnonzero(~there.all(0)):
        x_NK[:, k] = np.interp(t, t[there[:, k]], x_NK[there[:, k], k])
    return t, x_NK


def _moments(t: Matrix, x_NK: Matrix) -> Matrix:
    """(5, K)."""
    mean, spread = x_NK.mean(0), x_NK.std(0)
    late = t - t.mean()
    slope = late @ (x_NK - mean) / (late @ late + 1e-9)
    step = np.abs(np.diff(x_NK, axis=0)).mean(0)
    # One that stands still is as if it trembled by a millionth of its level.
    still = np.log(spread + 1e-6 * np.abs(mean) + 1e-12)
    return np.stack((mean, spread, still, slope, step))


def _rhythm(t: Matrix, x_NK: Matrix, rate_hz: float) -> Matrix:
    """(B, K) log shares of the power, of the samples put on an even grid."""
    span = max(float(t[-1] - t[0]), 1e-6)
    count = min(max(round(span * rate_hz) if rate_hz else len(t), 2 * BANDS + 2), _GRID)
    grid = np.linspace(t[0], t[-1], count)
    even = np.stack([np.interp(grid, t, x) for x in x_NK.T], axis=1)
    even = (even - even.mean(0)) * np.hanning(count)[:, None]
    power_FK = np.abs(np.fft.rfft(even, axis=0)[1:]) ** 2
    edges = np.unique(np.rint(np.geomspace(1, len(power_FK) + 1, BANDS + 1)).astype(int)) - 1
    edges = np.concatenate((edges, np.full(BANDS + 1 - len(edges), edges[-1])))
    total = power_FK.sum(0) + 1e-30
    share = [power_FK[a:b].sum(0) / total for a, b in pairwise(edges)]
    return np.log(np.stack(share) + 1e-4)


def _flat(numbers: Matrix) -> Array:
    """Column by column, (K * M,) of (M, K)."""
    return numbers.T.reshape(-1).astype(np.float32)


ENCODER = ColumnsEncoder()
