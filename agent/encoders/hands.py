"""Hands: joints around the palm and the palm's way as tokens, path and posture as summary.

Every layout is brought to the same 22 joints: wrist, palm, then base, two middle joints and tip of
thumb, index, middle, ring and little finger. Lengths are in hand sizes (wrist to the base of the
middle finger), places count from the palm. The axes stay those of the layout's frame.

Shapes: T ticks, J = 22 joints.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedxr.agent.encoders.base import Array, EncoderSpec, finite, window
from fedxr.agent.encoders.posture import POSTURE, SUMMARY, gesture_statistics, hand_size, posture
from fedxr.bridge.channels import TICK_US, Channel, ChannelError, Samples

JOINTS = 22
PERIOD = 4
_LAGS = (7, 15, 30, 59)
"""Ticks over which the palm's displacement is told: about 0.25, 0.5, 1 and 2 s."""
_WINDOW_S = 2.0
_SUMMARY_S = 5.0
_ROTATION_RAD = 0.25
_OFFSET_M = 0.004
_CROP = 0.10
SIZE = PERIOD * 3 * (JOINTS + 1) + 3 * len(_LAGS) + POSTURE

_OPENXR = (1, 0, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 14, 15, 17, 18, 19, 20, 22, 23, 24, 25)
_WEBXR = (0, 0, 1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 16, 17, 18, 19, 21, 22, 23, 24)


class HandsEncoder:
    """Four ticks of a hand become one token; five seconds become one vector of statistics."""

    modality = "hands"

    def shape(self, channel: Channel) -> EncoderSpec:
        _check(channel)
        return EncoderSpec(
            window_s=_WINDOW_S,
            period=PERIOD,
            tokens=1,
            size=SIZE,
            summary_s=_SUMMARY_S,
            summary=SUMMARY,
            speed=0.30,
        )

    @finite
    def features(self, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        """(SIZE,): four ticks of 22 joints about their palm and the palm's way since the window's
        start, its displacement over four lags, the last posture; None without two new samples."""
        _check(channel)
        seen = window(samples, end_us - round(_WINDOW_S * 1e6), end_us)
        if len(seen.between(end_us - (PERIOD + 1) * TICK_US, end_us)) < 2:
            return None
        now = np.arange(PERIOD, 0, -1)
        ticks = np.concatenate((now, 1 + np.array(_LAGS), [0]))
        at_us = end_us - ticks * TICK_US
        at_us[-1] = seen.t_us[0]
        joints = common_joints(at_times(seen, at_us), channel)  # (4 + lags + 1, J, 3)
        recent = joints[:PERIOD]
        size = hand_size(recent)
        palm = joints[:, 1]
        way = palm[:PERIOD] - palm[-1]
        lags = palm[PERIOD - 1] - palm[PERIOD:-1]
        about = recent - recent[:, 1:2]
        parts = (about.ravel(), way.ravel(), lags.ravel(), size * posture(recent[-1:], size)[0])
        return (np.concatenate(parts) / size).astype(np.float32)

    @finite
    def summary(self, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        """(SUMMARY,): see :func:`fedxr.agent.encoders.posture.gesture_statistics`; None below 3
        ticks."""
        _check(channel)
        seen = window(samples, end_us - round(_SUMMARY_S * 1e6), end_us)
        if len(seen) < 2:
            return None
        first_us, last_us = int(seen.t_us[0]), int(seen.t_us[-1])
        # Recorders round their times: a sample up to half a millisecond early still makes a tick.
        n = (last_us - first_us + 500) // TICK_US + 1
        if n < 3:
            return None
        joints = at_times(seen, first_us + np.arange(n) * TICK_US)
        return gesture_statistics(common_joints(joints, channel))

    def augment(self, samples: Samples, channel: Channel, rng: np.random.Generator) -> Samples:
        """Another camera angle, another hand, a later start or an earlier end.

        Only positions are changed: the encoder does not read a joint's orientation.
        """
        _check(channel)
        n = len(samples)
        first = int(n * rng.uniform(0, _CROP))
        last = n - int(n * rng.uniform(0, _CROP))
        values = samples.values[first:last].astype(np.float32)
        turn = rotation(rng.normal(0, _ROTATION_RAD, 3))
        offset = rng.normal(0, _OFFSET_M, (*values.shape[1:2], 3))
        if len(values):
            centre = values[0, 0, :3]
            values[..., :3] = (values[..., :3] - centre + offset) @ turn.T + centre
        return Samples(samples.t_us[first:last], values)


def _check(channel: Channel) -> None:
    if channel.layout not in ("hands/shrec22", "hands/openxr26", "hands/webxr25"):
        raise ChannelError(
            f"channel {channel.name}: the hands encoder reads hands/shrec22, hands/openxr26 and "
            f"hands/webxr25, not {channel.layout}"
        )


def common_joints(values: NDArray[np.float32], channel: Channel) -> Array:
    """(T, 22, 3) positions from samples of any hand layout.

    WebXR has no palm: it is put half-way along the middle metacarpal, where OpenXR defines it.
    """
    positions = values[..., :3]
    if channel.layout == "hands/openxr26":
        return positions[:, _OPENXR]
    if channel.layout == "hands/webxr25":
        joints: Array = positions[:, _WEBXR]
        joints[:, 1] = (positions[:, 10] + positions[:, 11]) / 2
        return joints
    return positions


def at_times(samples: Samples, at_us: NDArray[np.int64]) -> Array:
    """(T, J, n) values at ``at_us``: linear between samples, held before the first and after the
    last one."""
    t = samples.t_us
    right = np.clip(np.searchsorted(t, at_us), 1, max(len(t) - 1, 1))
    left = right - 1
    if len(t) == 1:
        right = left
    gap = np.maximum(t[right] - t[left], 1)
    share = np.clip((at_us - t[left]) / gap, 0.0, 1.0).astype(np.float32)[:, None, None]
    values = samples.values
    mixed: Array = values[left] * (1 - share) + values[right] * share
    return mixed


def rotation(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) rotation about ``vector`` by its length in radians (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    x, y, z = vector / max(angle, 1e-12)
    cross = np.array(((0, -z, y), (z, 0, -x), (-y, x, 0)))
    turn: NDArray[np.float64] = (
        np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    )
    return turn


ENCODER = HandsEncoder()
