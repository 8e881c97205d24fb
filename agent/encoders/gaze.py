"""Gaze: how the eyes move, as 95 statistics of saccades, fixations and drift.

Tokens describe the last 5 s, every 3 s. The summary describes the last 30 s by the same numbers,
says how the six pieces of 5 s differ, and holds a map of where the eyes were. Raw learned patches
lose about 40 points to these when people are few. Places are kept as they are: where on the desk
somebody looks is what personalisation recognises (the map alone: +4 to +6 with own examples, -3
without), and standardising them by user cost 6 to 11 points.

Rays are turned into azimuth and elevation, a quarter turn being the width of a viewport.

Shapes: N points on an even 30 Hz grid, 2 for right and up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedxr.agent.encoders.base import Array, EncoderSpec, finite, window
from fedxr.bridge.channels import Channel, ChannelError, Samples

Grid = NDArray[np.float64]

GRID_HZ = 30
WINDOW_S = 5.0
HOP_TICKS = 90  # 3 s
SUMMARY_S = 30.0
SIZE = 95
SACCADE = 0.02  # viewports a sample (0.6 a second): faster is a saccade, slower drift

_LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
_SPEED_LEVELS = np.array([0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99])
_LAGS = (1, 2, 4, 8, 15, 30, 60)  # samples: 1/30 to 2 s
_ECHOES = (5, 15, 30)
_BANDS_HZ = np.array([0.2, 0.5, 1.0, 2.0, 3.5, 6.0, 10.0])  # where each of the seven begins
_AMPLITUDES = np.array([0.02, 0.04, 0.08, 0.16, 0.32])  # of saccades, where each bin begins
_DURATIONS = np.array([1, 4, 8, 16, 32])  # of fixations in samples, where each bin begins
_PIECES = 6
_CELLS = 8  # of the map, along either side, over the inner 80 % of the viewport
SUMMARY = 3 * SIZE + _CELLS**2


class GazeEncoder:
    """Points in a viewport and rays in the world; see the top of the file."""

    modality = "gaze"

    def shape(self, channel: Channel) -> EncoderSpec:
        if channel.layout not in ("gaze/point2", "gaze/ray"):
            raise ChannelError(
                f"channel {channel.name}: layout {channel.layout}; the gaze encoder reads "
                "gaze/point2 and gaze/ray"
            )
        return EncoderSpec(WINDOW_S, HOP_TICKS, 1, SIZE, SUMMARY_S, SUMMARY, slow=True, speed=0.1)

    @finite
    def features(self, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        """(95,) statistics of the last 5 s; None when under 4 s of them are there."""
        points = _on_grid(samples, channel, end_us, WINDOW_S)
        return None if points is None else statistics(points)

    @finite
    def summary(self, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        """(349,) statistics of the last 30 s, mean and deviation of those of its 5 s pieces, map.

        None when under 24 s are there.
        """
        points = _on_grid(samples, channel, end_us, SUMMARY_S)
        if points is None:
            return None
        pieces = np.stack([statistics(piece) for piece in np.split(points, _PIECES)])
        parts = (statistics(points), pieces.mean(axis=0), pieces.std(axis=0), _map(points))
        return np.concatenate(parts).astype(np.float32)

    def augment(self, samples: Samples, channel: Channel, rng: np.random.Generator) -> Samples:
        """Another calibration: shift (3 % of the viewport), 10 % scale, 0.1 % noise."""
        x = samples.values.astype(np.float64)
        scale, shift = rng.normal(1.0, 0.1, 2), rng.normal(0.0, 0.03, 2)
        if channel.layout == "gaze/point2":
            x = 0.5 + (x - 0.5) * scale + shift + rng.normal(0.0, 0.001, x.shape)
            return Samples(samples.t_us, x.astype(np.float32))
        right, up, back = x[:, 3:].T
        turn = np.arctan2(right, -back) + shift[0] * np.pi / 2
        lift = np.arctan2(up, np.hypot(right, back)) * scale[1] + shift[1] * np.pi / 2
        flat = np.cos(lift)
        x[:, 3:] = np.stack((np.sin(turn) * flat, np.sin(lift), -np.cos(turn) * flat), axis=1)
        return Samples(samples.t_us, x.astype(np.float32))


def statistics(p_N2: Grid) -> Array:
    """(95,) numbers from points on the grid: places 13, speeds 7, saccades 29, fixations 7,
    changes over time 16, rhythms 14, echoes 6, extent 3."""
    step = np.diff(p_N2, axis=0)
    speed = np.hypot(step[:, 0], step[:, 1])
    fast = speed > SACCADE
    ordered = np.sort(p_N2, axis=0)
    pick = np.rint(_LEVELS * (len(ordered) - 1)).astype(int)
    centred = p_N2 - p_N2.mean(axis=0)
    spread = np.sqrt((centred**2).mean(axis=0)) + 1e-6
    log_speed = np.log(np.sort(speed) + 1e-4)
    parts = (
        ordered[pick].ravel(),
        np.log(spread),
        [(centred[:, 0] * centred[:, 1]).mean() / spread.prod()],
        log_speed[np.rint(_SPEED_LEVELS * (len(speed) - 1)).astype(int)],
        _saccades(step, speed, fast),
        _fixations(fast),
        _changes(p_N2, step, spread),
        _rhythms(centred),
        [
            (centred[lag:, i] * centred[:-lag, i]).mean() / spread[i] ** 2
            for lag in _ECHOES
            for i in (0, 1)
        ],
        np.log(ordered[-1] - ordered[0] + 1e-3),
        [np.log(spread.prod())],
    )
    return np.concatenate(parts).astype(np.float32)


def _saccades(step: Grid, speed: Grid, fast: NDArray[np.bool_]) -> Grid:
    """(29,) directions of saccades and of drift (8 + 8), sizes (5), how many, mean size to the
    four sides (4), and how often the next one turns back, goes on, or follows a line (3)."""
    turn = np.floor((np.arctan2(step[:, 1], step[:, 0]) / (2 * np.pi) + 1 / 16) * 8).astype(int) % 8
    n = max(int(fast.sum()), 1)
    quick, size = step[fast], speed[fast]
    directions = np.bincount(turn[fast], minlength=8) / n
    drift = np.bincount(turn[~fast], minlength=8) / max(len(step) - n, 1)
    sizes = np.bincount(np.searchsorted(_AMPLITUDES, size, "right"), minlength=6)[1:] / n
    sides = np.concatenate((np.maximum(quick, 0), np.maximum(-quick, 0)), axis=1).sum(axis=0) / n
    follow = (quick[1:] * quick[:-1]).sum(axis=1) / (size[1:] * size[:-1] + 1e-9)
    back, on = (follow < -0.7).sum() / n, (follow > 0.7).sum() / n
    flat = (np.abs(quick[:, 0]) > 2 * np.abs(quick[:, 1])).sum() / n
    rate = np.log(n / len(step))
    return np.concatenate(
        (directions, drift, sizes, [rate], np.log(sides + 1e-3), [back, on, flat])
    )


def _fixations(fast: NDArray[np.bool_]) -> Grid:
    """(7,) lengths of the stretches between saccades: histogram (5), mean and deviation (log)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([True], fast, [True])).astype(np.int8)))
    lengths = edges[1::2] - edges[::2]
    if not len(lengths):
        lengths = np.array([1])
    bins = np.bincount(np.searchsorted(_DURATIONS, lengths, "right"), minlength=6)[1:]
    logs = np.log(lengths)
    return np.concatenate((bins / len(lengths), [logs.mean(), logs.std()]))


def _changes(p_N2: Grid, step: Grid, spread: Grid) -> Grid:
    """(16,) log mean distance over seven lags, right and up, and the skewness of the steps."""
    far = [np.abs(p_N2[lag:] - p_N2[:-lag]).mean(axis=0) for lag in _LAGS]
    centred = step - step.mean(axis=0)
    skew = (centred**3).mean(axis=0) / ((centred**2).mean(axis=0) + 1e-9) ** 1.5
    return np.concatenate((np.log(np.array(far) + 1e-4).ravel(), np.cbrt(skew)))


def _rhythms(centred: Grid) -> Grid:
    """(14,) log power in seven bands, right and up."""
    n = len(centred)
    power = np.abs(np.fft.rfft(centred * np.hanning(n)[:, None], axis=0)) ** 2 / n
    first = np.maximum(np.rint(_BANDS_HZ * n / GRID_HZ).astype(int), 1)
    width = np.diff(np.append(first, len(power)))[:, None]
    return np.asarray(np.log(np.add.reduceat(power, first) / width + 1e-8)).ravel()


def _map(p_N2: Grid) -> Grid:
    """(64,) square root of the share of time in each cell: what is far out counts as the edge."""
    cell = np.clip(((p_N2 - 0.1) * (_CELLS / 0.8)).astype(int), 0, _CELLS - 1)
    count = np.bincount(cell[:, 0] * _CELLS + cell[:, 1], minlength=_CELLS**2)
    return np.sqrt(count / len(p_N2))


def _on_grid(samples: Samples, channel: Channel, end_us: int, seconds: float) -> Grid | None:
    """(N, 2) points of the last ``seconds``; None when four fifths of them are not there."""
    part = window(samples, end_us - int(seconds * 1e6), end_us)
    if len(part) < 8 or part.t_us[-1] - part.t_us[0] < 0.8e6 * seconds:
        return None
    points = part.values.astype(np.float64)
    if channel.layout == "gaze/ray":
        right, up, back = points[:, 3:].T
        turn = np.unwrap(np.arctan2(right, -back)), np.arctan2(up, np.hypot(right, back))
        points = np.stack(turn, axis=1) / (np.pi / 2) + 0.5
    grid = end_us - np.arange(int(seconds * GRID_HZ), 0, -1) * (1e6 / GRID_HZ)
    t = part.t_us.astype(np.float64)
    return np.stack([np.interp(grid, t, axis) for axis in points.T], axis=1)


ENCODER = GazeEncoder()
