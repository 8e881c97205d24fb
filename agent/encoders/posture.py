"""Statistics of a hand: its posture in one frame, and a gesture's path, posture and turning.

Shapes: T frames, one per tick; J = 22 joints (wrist, palm, then four per finger, thumb first).
Lengths are in hand sizes.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_WRIST, _PALM, _INDEX, _MIDDLE, _LITTLE, _INDEX_TIP = 0, 1, 6, 10, 18, 9
_TIPS = (5, 9, 13, 17, 21)
_BINS = 12
_PATH = 16
_TURNS = 8
POSTURE = 5 + 4 + 3 + 3
_MOTION = _BINS + 2 + 6
SUMMARY = 7 * (3 + POSTURE) + 6 + 3 * _PATH + 7 * 3 + 2 * _MOTION + 3 * 5 + 3 * 6 + 3 * _TURNS


def hand_size(joints: Array) -> float:
    """Metres from the wrist to the base of the middle finger, median of (T, J, 3)."""
    spans = np.linalg.norm(joints[:, _MIDDLE] - joints[:, _WRIST], axis=1)
    return float(np.median(spans)) + 1e-3


def posture(joints: Array, size: float) -> Array:
    """(T, 15): tip to palm of five fingers, thumb tip to the other tips, the hand's direction and
    the palm's normal."""
    tips = joints[:, _TIPS]
    reach = _length(tips - joints[:, _PALM : _PALM + 1]) / size
    pinch = _length(tips[:, 1:] - tips[:, :1]) / size
    along, _, normal = _axes(joints)
    return np.concatenate((reach, pinch, along, normal), axis=1)


def gesture_statistics(joints: Array) -> Array:
    """(SUMMARY,) from (T, J, 3) with T >= 3.

    In order: seven statistics of the palm's path and of each posture number; duration and length
    of the path; the index tip's path (16 points and statistics); where palm and index tip move in
    the image plane and how they turn; displacement and opening in each third; how the hand's
    normal, direction and breadth turn.
    """
    frames = len(joints)
    size = hand_size(joints)
    palm = (joints[:, _PALM] - joints[0, _PALM]) / size
    index = (joints[:, _INDEX_TIP] - joints[0, _INDEX_TIP]) / size
    hand = posture(joints, size)
    step = _length(np.diff(palm, axis=0))
    length = float(step.sum())
    course = (np.log(frames), length, step.mean(), step.max(), step.std())
    straight = float(np.linalg.norm(palm[-1])) / (length + 1e-3)
    parts = (
        _spread(np.concatenate((palm, hand), axis=1)),
        np.array((*course, straight)),
        _resampled(index, _PATH).ravel(),
        _spread(index),
        _motion(palm),
        _motion(index),
        _thirds(palm, hand),
        _turning(joints),
    )
    return np.concatenate(parts).astype(np.float32)


def _spread(x: Array) -> Array:
    """(7 n,) of (T, n): mean, deviation, extremes, net change, mean and largest step."""
    step = np.abs(np.diff(x, axis=0))
    low, high = x.min(axis=0), x.max(axis=0)
    change = x[-1] - x[0]
    whole = (x.mean(axis=0), x.std(axis=0), low, high, change, step.mean(axis=0), step.max(axis=0))
    return np.concatenate(whole)


def _motion(path: Array) -> Array:
    """(20,) of (T, 3): share of movement in 12 directions of the image plane, mean signed and
    absolute turn (rad per tick), and way made along +x, -x, +y, -y, +z, -z."""
    v = path[2:] - path[:-2]
    speed = _length(v)
    angle = np.arctan2(v[:, 1], v[:, 0])
    sector = ((angle + np.pi) / (2 * np.pi) * _BINS).astype(int) % _BINS
    share = np.bincount(sector, weights=speed, minlength=_BINS) / (speed.sum() + 1e-6)
    turn = np.diff(np.unwrap(angle))
    weight = np.minimum(speed[1:], speed[:-1])
    total = weight.sum() + 1e-6
    turns = ((turn * weight).sum() / total, (np.abs(turn) * weight).sum() / total)
    ways = np.stack((v.clip(0, None).sum(axis=0), (-v).clip(0, None).sum(axis=0)), axis=1)
    return np.concatenate((share, turns, ways.ravel()))


def _thirds(palm: Array, hand: Array) -> Array:
    """(15,): displacement, mean reach and thumb-index distance in each third of the time."""
    edges = (np.array((0, 1 / 3, 2 / 3, 1)) * (len(palm) - 1)).astype(int)
    rows = []
    for a, b in pairwise(edges):
        rows.extend(palm[b] - palm[a])
        rows.extend((hand[a : b + 1, :5].mean(), hand[a : b + 1, 5].mean()))
    return np.array(rows)


def _turning(joints: Array) -> Array:
    """(42,): summed and absolute rotation of normal, direction and breadth of the hand, and how
    the last one's rotation builds up over eight points."""
    along, breadth, normal = _axes(joints)
    turns = [_cross(axis[:-1], axis[1:]) for axis in (normal, along, breadth)]
    sums = [part for turn in turns for part in (turn.sum(axis=0), np.abs(turn).sum(axis=0))]
    course = _resampled(np.cumsum(turns[-1], axis=0), _TURNS)
    return np.concatenate((*sums, course.ravel()))


def _axes(joints: Array) -> tuple[Array, Array, Array]:
    """(T, 3) unit vectors along the hand, across it (little finger to index) and out of it."""
    along = _unit(joints[:, _MIDDLE] - joints[:, _WRIST])
    across = joints[:, _INDEX] - joints[:, _LITTLE]
    return along, _unit(across), _unit(_cross(along, across))


def _length(x: Array) -> Array:
    length: Array = np.sqrt(np.square(x).sum(axis=-1))
    return length


def _unit(x: Array) -> Array:
    unit: Array = x / (_length(x)[..., None] + 1e-6)
    return unit


def _cross(a: Array, b: Array) -> Array:
    """(T, 3) vector product; several times quicker than np.cross on arrays this small."""
    (ax, ay, az), (bx, by, bz) = a.T, b.T
    return np.stack((ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx), axis=1)


def _resampled(x: Array, n: int) -> Array:
    """(n, k) points of (T, k), evenly spaced in time, linear in between."""
    at = np.linspace(0, len(x) - 1, n)
    left = np.minimum(at.astype(int), max(len(x) - 2, 0))
    share = (at - left)[:, None]
    points: Array = x[left] * (1 - share) + x[np.minimum(left + 1, len(x) - 1)] * share
    return points
