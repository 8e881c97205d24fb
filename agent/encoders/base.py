"""What every encoder is: how samples of one modality become numbers for the model.

An encoder has two sides that look at the same channel:

- **tokens**: every ``period`` ticks the samples of the last ``window_s`` seconds become ``tokens``
  rows, by :meth:`Encoder.features`. They travel through the backbone and stay in its cache.
- **summary**: when a task is asked, the samples of the last ``summary_s`` seconds become one
  vector, by :meth:`Encoder.summary`: the field's own statistics. It feeds the task query, the
  linear shortcut and the ridge head, and it is what the classical baselines are given.

Both are pure functions of samples with ``t < end_us``, so that a live stream and a recorded one
give the same numbers. Standardisation by the population happens later, in the model.

Whatever the samples, an encoder returns finite numbers or None, and raises nothing: it takes its
window by :func:`window`, which leaves out what no sum of squares can hold, and is ``@finite``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.channels import Channel, Samples

Array = NDArray[np.float32]


@dataclass(frozen=True)
class EncoderSpec:
    """How an encoder looks to the model.

    ``window_s`` seconds of samples make one emission, every ``period`` ticks, of ``size`` numbers
    that the stem turns into ``tokens`` tokens (``linear``: ``size / tokens`` numbers each;
    ``image``: a conv stem over a square picture). ``slow`` tokens live in the slow ring (64 s and
    more), others in the fast one (4 s). ``summary`` is the length of the summary vector, over the
    last ``summary_s`` seconds. ``period`` 0 means: at each tick in which a sample arrived.
    ``speed`` is by how much a user's pace may differ, as a fraction (augmentation).
    """

    window_s: float
    period: int
    tokens: int
    size: int
    summary_s: float
    summary: int
    slow: bool = False
    stem: Literal["linear", "image"] = "linear"
    speed: float = 0.0


class Encoder(Protocol):
    """One modality's way from samples to numbers. Stateless; one instance serves all headsets."""

    modality: str

    def shape(self, channel: Channel) -> EncoderSpec:
        """Sizes for this channel; raises ChannelError for a layout this encoder cannot read."""
        ...

    def features(self, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        """(size,) float32 from samples of ``[end_us - window_s, end_us)``; None: too few yet."""
        ...

    def summary(self, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        """(summary,) float32 from samples of ``[end_us - summary_s, end_us)``; None: too few."""
        ...

    def augment(self, samples: Samples, channel: Channel, rng: np.random.Generator) -> Samples:
        """A plausible other recording of the same thing (pretraining only). Keeps the times."""
        ...


E = TypeVar("E", bound=Encoder)
Makes = Callable[[E, Samples, Channel, int], Array | None]


def finite(make: Makes[E]) -> Makes[E]:
    """``make``, ``features`` or ``summary``, but None where a number is not finite."""

    @wraps(make)
    def made(self: E, samples: Samples, channel: Channel, end_us: int) -> Array | None:
        vector = make(self, samples, channel, end_us)
        # A vector's product with itself is finite unless a number is not, or is beyond 1e19.
        fine = vector is None or math.isfinite(energy(vector))
        return vector if fine else None

    return made


HUGE = 1e12
"""Far beyond any layout's range, and its cube still fits float32."""


def energy(values: NDArray[Any]) -> float:
    """The sum of all squares of ``values``, without a word where it is not finite."""
    return float(np.vdot(values, values))


def window(samples: Samples, start_us: int, end_us: int) -> Samples:
    """The samples of ``[start_us, end_us)`` without those that hold a NaN or something huge.

    Whoever has come through :mod:`fedxr.bridge.plausible` has none: the usual case costs one
    product."""
    part = samples.between(start_us, end_us)
    if energy(part.values) < HUGE:
        return part
    there = (np.abs(part.values) < HUGE).reshape(len(part), -1).all(1)
    return Samples(part.t_us[there], part.values[there])
