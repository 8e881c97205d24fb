"""Statistics of an utterance: what is said (cepstra in segments) and how (level, pitch, timbre).

Shapes: F frames every 10 ms, P pitch frames every 20 ms, M = 40 mel bands.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

Array = NDArray[np.float32]

SEGMENTS = 10
CEPSTRA = 13
_BANDS = 40
_PARTS = 6
_TRIM_BEL = 3.5
_LOWEST_LAG, _HIGHEST_LAG = 16, 130  # 500 Hz and 61 Hz at 8 kHz
SUMMARY = SEGMENTS * CEPSTRA + 2 * CEPSTRA + 4 * _BANDS + 11 + 6 + 3 * _PARTS


def speech_statistics(mel: Array, lags: Array, power: Array) -> Array:
    """(SUMMARY,) from mel power (F, M), autocorrelations (P, 160) and block powers (F',).

    Trimmed to the part within 35 dB of the loudest frame. In order: cepstra 0..12 in 10 segments
    of equal length (mean over the utterance removed), their mean movement and its deviation,
    mean, deviation, range and roughness of each log-mel band, pitch (median, spread, percentiles,
    slope, share of voiced frames...), level, and the contours of pitch, level and tilt.
    """
    level = np.log10(mel.mean(axis=1) + 1e-10)
    loud = np.flatnonzero(level > level.max() - _TRIM_BEL)
    a, b = int(loud[0]), int(loud[-1]) + 1
    logs = np.log10(mel[a:b] / (mel.mean(axis=1).max() + 1e-12) + 1e-5)
    voice = lags[a // 2 : (b + 1) // 2] if a // 2 < len(lags) else lags[-1:]
    parts = (_said(logs), _timbre(np.log10(mel[a:b] + 1e-9)), *_sung(voice, level[a:b], logs))
    trimmed = power[a:b] if a < len(power) else power[-1:]
    return np.concatenate((*parts, _loudness(trimmed, b - a))).astype(np.float32)


def _said(logs: Array) -> Array:
    """(156,): cepstra by segment, and how they move."""
    cepstra = dct(logs, type=2, norm="ortho", axis=1)[:, :CEPSTRA]
    cepstra = cepstra - cepstra.mean(axis=0)
    segments = _segments(len(cepstra), SEGMENTS) @ cepstra
    steps = np.diff(cepstra, axis=0, prepend=cepstra[:1])
    return np.concatenate((segments.ravel(), np.abs(steps).mean(axis=0), cepstra.std(axis=0)))


def _timbre(logs: Array) -> Array:
    """(160,): mean, deviation, 10-90 % range and mean absolute step of every band."""
    low, high = np.percentile(logs, (10, 90), axis=0)
    steps = np.abs(np.diff(logs, axis=0, prepend=logs[:1])).mean(axis=0)
    return np.concatenate((logs.mean(axis=0), logs.std(axis=0), high - low, steps))


def _sung(lags: Array, level: Array, logs: Array) -> tuple[Array, Array]:
    """(11,) pitch statistics and (18,) contours of pitch, level and tilt over six parts."""
    search = lags[:, _LOWEST_LAG:_HIGHEST_LAG]
    best = search.argmax(axis=1)
    clear = search[np.arange(len(search)), best]
    voiced = clear > 0.5
    pitch = np.log2(8000.0 / (best + _LOWEST_LAG))
    heard = pitch[voiced] if voiced.any() else pitch
    p10, p25, p50, p75, p90 = np.percentile(heard, (10, 25, 50, 75, 90))
    place = np.flatnonzero(voiced) if voiced.any() else np.arange(len(pitch))
    slope = np.polyfit(place / max(len(pitch), 1), heard, 1)[0] if len(place) > 2 else 0.0
    steps = np.abs(np.diff(heard)).mean() if len(heard) > 1 else 0.0
    numbers = (p10, p25, p50, p75, p90, heard.mean(), heard.std(), slope, steps)
    statistics = np.array((*numbers, voiced.mean(), clear.mean()))
    contour = _segments(len(pitch), _PARTS) @ np.where(voiced, pitch - p50, 0.0)
    parts = _segments(len(level), _PARTS)
    tilt = logs[:, 20:].mean(axis=1) - logs[:, :20].mean(axis=1)
    return statistics, np.concatenate((contour, parts @ (level - level.mean()), parts @ tilt))


def _loudness(power: Array, frames: int) -> Array:
    """(6,): mean, deviation, 10 % and 90 % of the level, mean step (bel), log2 of the seconds."""
    level = np.log10(power + 1e-9)
    low, high = np.percentile(level, (10, 90))
    steps = np.abs(np.diff(level)).mean() if len(level) > 1 else 0.0
    return np.array((level.mean(), level.std(), low, high, steps, np.log2(frames / 100)))


@lru_cache(maxsize=1024)
def _segments(n: int, parts: int) -> NDArray[np.float64]:
    """(parts, n): averages over ``parts`` stretches of equal length, fractions included."""
    edges = np.linspace(0, n, parts + 1)
    starts, ends = edges[:-1, None], edges[1:, None]
    at = np.arange(n)
    cover = np.clip(np.minimum(at + 1, ends) - np.maximum(at, starts), 0.0, None)
    shares: NDArray[np.float64] = cover / cover.sum(axis=1, keepdims=True)
    return shares
