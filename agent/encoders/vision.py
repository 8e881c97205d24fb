"""Vision: any picture becomes 28 x 28, background dark; gradients and pixels as summary.

Which pictures are **drawings** is decided by a rule: at least half of the pixels lie within a tenth
of the picture's range of its background, the median of the border. A drawing is turned so that ink
is bright, cut to its ink (which then fills 20 of the 28 pixels, as in MNIST) and scaled to the
darkest ink. Any other picture is kept whole, letter-boxed, with its range stretched to 0..1.

Shapes: H, W of the picture, S = 28.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fedxr.agent.encoders.base import Array, EncoderSpec, finite
from fedxr.agent.encoders.warp import warped
from fedxr.bridge.channels import TICK_US, Channel, ChannelError, Samples

SIDE = 28
_INK = 20
_ORIENTATIONS = 8
_CELLS = 7
_PIXELS = 14
SUMMARY = _CELLS * _CELLS * _ORIENTATIONS + _PIXELS * _PIXELS
_SUMMARY_S = 5.0
_LUMA = np.array((0.299, 0.587, 0.114), np.float32)


MOST_SIDE = 320
"""Pixels of a side that are looked at; of a larger picture every second, third, … row and column:
28 x 28 come out of it in any case, and a million pixels took 50 ms, for which everybody waits."""


class VisionEncoder:
    """A picture becomes 16 tokens in the tick in which it arrives (the conv stem is the model's);
    the newest one of five seconds becomes the summary."""

    modality = "vision"

    def shape(self, channel: Channel) -> EncoderSpec:
        _check(channel)
        return EncoderSpec(
            window_s=TICK_US / 1e6,
            period=0,
            tokens=16,
            size=SIDE * SIDE,
            summary_s=_SUMMARY_S,
            summary=SUMMARY,
            stem="image",
        )

    @finite
    def features(self, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        """(784,): the newest picture of the last tick in 0..1, row-major; None without one."""
        _check(channel)
        window = samples.between(end_us - TICK_US, end_us)
        if not len(window):
            return None
        return normalised(window.values[-1]).ravel()

    @finite
    def summary(self, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        """(SUMMARY,): eight gradient directions on 7 x 7 cells, then 14 x 14 pixels; None without
        a picture in the last five seconds."""
        _check(channel)
        window = samples.between(end_us - round(_SUMMARY_S * 1e6), end_us)
        if not len(window):
            return None
        picture = normalised(window.values[-1])
        reduce = resampling(SIDE, 0, SIDE, _PIXELS)
        pixels = reduce @ picture @ reduce.T
        return np.concatenate((gradients(picture), pixels.ravel())).astype(np.float32)

    def augment(self, samples: Samples, channel: Channel, rng: np.random.Generator) -> Samples:
        """Turned by 7 degrees, moved by 5 %, bent by 4 %, thicker or thinner strokes (sigmas)."""
        _check(channel)
        pictures = [warped(picture, rng) for picture in samples.values]
        return Samples(samples.t_us, np.stack(pictures) if pictures else samples.values)


def _check(channel: Channel) -> None:
    if channel.layout not in ("vision/gray", "vision/rgb"):
        raise ChannelError(
            f"channel {channel.name}: the vision encoder reads vision/gray and vision/rgb, "
            f"not {channel.layout}"
        )


def normalised(picture: NDArray[np.generic]) -> Array:
    """(28, 28) in 0..1 from (H, W) or (H, W, 3) uint8, by the rule at the top of this file."""
    step = -(-max(picture.shape[:2]) // MOST_SIDE)
    values: Array = picture[::step, ::step].astype(np.float32)
    grey: Array = values @ _LUMA if values.ndim == 3 else values
    border = np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1]))
    paper, low, high = float(np.median(border)), float(grey.min()), float(grey.max())
    extent = high - low
    if extent < 1.0:
        return np.zeros((SIDE, SIDE), np.float32)
    height, width = grey.shape
    if np.mean(np.abs(grey - paper) < 0.1 * extent) < 0.5:
        side = max(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        return _sampled((grey - low) / extent, top, left, side)
    ink = np.maximum(paper - grey if high - paper < paper - low else grey - paper, 0.0)
    ink = ink / ink.max()
    top, left, side = _square(ink > 0.3)
    small = _sampled(ink, top, left, side)
    return small / max(float(small.max()), 1e-6)


def _square(inked: NDArray[np.bool_]) -> tuple[int, int, int]:
    """Top, left and side of the square about the ink that leaves 4 of 28 pixels on every side."""
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    height, width = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
    least = max(inked.shape) // 8
    side = max(round(max(height, width, least) * SIDE / _INK), 2)
    return (int(rows[0]) + (height - side) // 2, int(columns[0]) + (width - side) // 2, side)


def _sampled(image: Array, top: int, left: int, side: int) -> Array:
    """(28, 28) of the square at ``top``, ``left``; what lies outside the image is 0."""
    down = resampling(image.shape[0], top, side, SIDE)
    across = resampling(image.shape[1], left, side, SIDE)
    return (down @ image @ across.T).astype(np.float32, copy=False)


@lru_cache(maxsize=4096)
def resampling(n: int, start: int, length: int, to: int) -> Array:
    """(to, n) weights that average pixels ``start`` to ``start + length`` of n into ``to`` ones.

    Each covers its share of the length, at least one pixel wide (linear when enlarging).
    """
    step = length / to
    middle = start + (np.arange(to) + 0.5) * step
    reach = max(step, 1.0) / 2
    at = np.arange(n)
    cover = np.minimum(at + 1, middle[:, None] + reach) - np.maximum(at, middle[:, None] - reach)
    weights: Array = (np.clip(cover, 0.0, None) / (2 * reach)).astype(np.float32)
    return weights


def gradients(picture: Array) -> Array:
    """(392,): gradient strength by direction (8 of 360 degrees, shared between neighbours) in
    7 x 7 cells with soft borders, as square roots of each cell's share of the whole."""
    dy, dx = np.zeros_like(picture), np.zeros_like(picture)
    dy[1:-1] = picture[2:] - picture[:-2]
    dx[:, 1:-1] = picture[:, 2:] - picture[:, :-2]
    strength = np.sqrt(dx * dx + dy * dy)
    turn = np.arctan2(dy, dx) * (_ORIENTATIONS / (2 * np.pi)) % _ORIENTATIONS
    lower = turn.astype(np.int64) % _ORIENTATIONS
    share = turn - np.floor(turn)
    planes = np.zeros((_ORIENTATIONS, SIDE * SIDE), np.float32)
    pixel = np.arange(SIDE * SIDE)
    planes[lower.ravel(), pixel] = (strength * (1 - share)).ravel()
    planes[(lower.ravel() + 1) % _ORIENTATIONS, pixel] += (strength * share).ravel()
    pool = _soft_cells()
    cells = pool @ planes.reshape(_ORIENTATIONS, SIDE, SIDE) @ pool.T
    root: Array = np.sqrt(cells / (cells.sum() + 1e-6)).ravel()
    return root


@lru_cache(maxsize=1)
def _soft_cells() -> Array:
    """(7, 28) triangles, each as wide as two cells."""
    step = SIDE / _CELLS
    middle = (np.arange(_CELLS) + 0.5) * step - 0.5
    weights = np.clip(1 - np.abs(np.arange(SIDE) - middle[:, None]) / step, 0.0, None)
    soft: Array = weights.astype(np.float32)
    return soft


ENCODER = VisionEncoder()
