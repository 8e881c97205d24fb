"""Bending pictures: small turns, shifts, elastic waves and stroke widths, for pretraining."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

_TURN_RAD = np.deg2rad(7.0)
_SHIFT, _ELASTIC, _SCALE = 0.05, 0.04, 0.08
_STROKE = 0.5
_KNOTS = 5


def warped(picture: NDArray[np.generic], rng: np.random.Generator) -> NDArray[np.generic]:
    """``picture`` (H, W) or (H, W, 3) turned (7 degrees), moved (5 % of its side), resized (8 %),
    bent (waves of 4 %) and with strokes made wider or thinner; border pixels are continued.

    All sigmas; the strokes mix with their 3 x 3 maximum or minimum by 0 to 50 %.
    """
    height, width = picture.shape[:2]
    turn, scale = rng.normal(0, _TURN_RAD), np.exp(rng.normal(0, _SCALE, 2))
    c, s = np.cos(turn), np.sin(turn)
    y = np.arange(height, dtype=np.float32)[:, None] - (height - 1) / 2
    x = np.arange(width, dtype=np.float32)[None] - (width - 1) / 2
    shift = rng.normal(0, _SHIFT, 2) * (height, width)
    waves = [_waves(height, width, rng) for _ in range(2)]
    rows = (c * y + s * x) * scale[0] + shift[0] + (height - 1) / 2 + waves[0] * height
    columns = (c * x - s * y) * scale[1] + shift[1] + (width - 1) / 2 + waves[1] * width
    stroke = rng.uniform(-_STROKE, _STROKE)
    planes = [picture] if picture.ndim == 2 else [picture[..., k] for k in range(3)]
    bent = [_restroked(_looked_up(plane, rows, columns), stroke) for plane in planes]
    return (bent[0] if picture.ndim == 2 else np.stack(bent, axis=-1)).astype(picture.dtype)


def _waves(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """(H, W) displacement as a share of the side, smooth between random knots."""
    knots: NDArray[np.float32] = rng.normal(0, _ELASTIC, (_KNOTS, _KNOTS)).astype(np.float32)
    waves = _between_knots(height) @ knots @ _between_knots(width).T
    return waves.astype(np.float32, copy=False)


@lru_cache(maxsize=64)
def _between_knots(n: int) -> NDArray[np.float32]:
    """(n, knots) weights of linear interpolation."""
    at = np.linspace(0, _KNOTS - 1, n)[:, None]
    weights = np.clip(1 - np.abs(at - np.arange(_KNOTS)), 0.0, None)
    shares: NDArray[np.float32] = weights.astype(np.float32)
    return shares


def _looked_up(
    plane: NDArray[np.generic], rows: NDArray[np.floating], columns: NDArray[np.floating]
) -> NDArray[np.float32]:
    looked: NDArray[np.float32] = map_coordinates(
        plane.astype(np.float32), (rows, columns), order=1, mode="nearest", prefilter=False
    )
    return looked


def _restroked(plane: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Mixed with the brightest (``share`` > 0) or darkest value of the 3 x 3 neighbourhood."""
    pick = np.maximum if share > 0 else np.minimum
    around = np.pad(plane, 1, mode="edge")
    around = pick(pick(around[:-2], around[1:-1]), around[2:])
    around = pick(pick(around[:, :-2], around[:, 1:-1]), around[:, 2:])
    mixed: NDArray[np.float32] = plane + np.float32(abs(share)) * (around - plane)
    return mixed
