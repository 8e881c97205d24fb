"""The ground of fedxr: channels, and the samples that travel on them.

A *channel* is one sensor stream that a headset advertises; its *layout* says which sensor of
which modality it is and what one sample looks like. All of them stand in one table, to which
plug-ins add (`fedxr.bridge.modalities`); encoders, the C# and JS clients and the recorded loaders
are all tested against it.

Units are SI. Coordinates are right-handed, Y up, -Z forward (OpenXR, WebXR, glTF); quaternions
are x, y, z, w; time is integer microseconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.layouts import ChannelError, Layout, Modality, Places, Range
from fedxr.bridge.modalities import LAYOUTS, MODALITIES, columns_layout, layout_of, modality_of

__all__ = [
    "LAYOUTS",
    "MODALITIES",
    "TICK_US",
    "Channel",
    "ChannelError",
    "Layout",
    "Modality",
    "Places",
    "Range",
    "Samples",
    "columns_layout",
    "layout_of",
    "modality_of",
    "sizes_vary",
]

TICK_US = 33_333
"""Length of the model's time step: 1/30 s in whole microseconds."""

_POLICY = re.compile(r"latest|reliable|queue [1-9][0-9]{0,4}")


@dataclass(frozen=True)
class Channel:
    """One advertised sensor stream.

    ``rate_hz`` is nominal; 0 means irregular (an image when one is taken). ``delivery`` is
    ``latest`` (only the newest frame waits), ``queue n`` (the n newest wait) or ``reliable``
    (nothing is dropped; a sender that overruns the byte bound is paused).
    """

    name: str
    layout: str
    rate_hz: float
    delivery: str = "queue 64"

    def __post_init__(self) -> None:
        layout_of(self.layout)
        if not self.name or len(self.name) > 64:
            raise ChannelError(f"channel name {self.name!r}: give it 1 to 64 characters")
        if not 0 <= self.rate_hz <= 200_000:
            raise ChannelError(f"channel {self.name}: rate {self.rate_hz} Hz; allowed 0 to 200000")
        if not _POLICY.fullmatch(self.delivery):
            raise ChannelError(
                f"channel {self.name}: delivery {self.delivery!r}; "
                "allowed are 'latest', 'queue N' and 'reliable'"
            )

    @property
    def modality(self) -> str:
        return self.layout.split("/", 1)[0]


class Samples:
    """Samples of one channel in time order: ``t_us`` (n,) int64, ``values`` (n, *layout.shape)."""

    __slots__ = ("t_us", "values")
    t_us: NDArray[np.int64]
    values: NDArray[np.generic]

    def __init__(self, t_us: NDArray[np.int64], values: NDArray[np.generic]) -> None:
        if len(t_us) != len(values):
            raise ChannelError(f"{len(t_us)} time stamps for {len(values)} samples")
        self.t_us, self.values = t_us, values

    @property
    def nbytes(self) -> int:
        return self.t_us.nbytes + self.values.nbytes

    @property
    def sent(self) -> int:
        """How many were sent, some of which may be absent
        (`fedxr.bridge.frames.ReceivedSamples`)."""
        return len(self.t_us)

    def __len__(self) -> int:
        return len(self.t_us)

    def between(self, start_us: int, end_us: int) -> Samples:
        """The samples with ``start_us <= t < end_us`` (a view, no copy)."""
        a, b = np.searchsorted(self.t_us, (start_us, end_us))
        return Samples(self.t_us[a:b], self.values[a:b])


def sizes_vary(channel: Channel) -> bool:
    """Whether a sample brings its own size: images, maps and clouds."""
    return 0 in layout_of(channel.layout).shape
