"""The ground of fedxr: every modality, sensor layout and unit is defined here, once.

A *channel* is one sensor stream that a headset advertises; its *layout* says which sensor of
which modality it is and what one sample looks like. Encoders, the C# and JS clients and the
recorded loaders are all tested against this table.

Units are SI. Coordinates are right-handed, Y up, -Z forward (OpenXR, WebXR, glTF); quaternions
are x, y, z, w; time is integer microseconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TICK_US = 33_333
"""Length of the model's time step: 1/30 s in whole microseconds."""

MODALITIES = (
    "vision",
    "depth",
    "audio",
    "gaze",
    "hands",
    "motion",
    "spatial",
    "thermal",
    "eeg",
    "fnirs",
    "physiology",
    "face",
    "haptics",
    "contact",
)


class ChannelError(ValueError):
    """A channel or its samples do not fit the table; the message says what would."""


@dataclass(frozen=True)
class Layout:
    """What one sample of a sensor looks like.

    ``shape`` is that of one sample; a 0 stands for a size that the sample itself brings
    (image height and width, number of points). ``frame`` is the coordinate frame, if any.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    unit: str
    frame: str = ""
    meaning: str = ""

    @property
    def modality(self) -> str:
        return self.name.split("/", 1)[0]

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise ChannelError unless ``shape`` is that of one sample of this layout."""
        fits = len(shape) == len(self.shape) and all(
            a in (0, b) for a, b in zip(self.shape, shape, strict=True)
        )
        if not fits:
            want = "x".join(str(n) if n else "any" for n in self.shape) or "scalar"
            raise ChannelError(
                f"layout {self.name}: a sample has shape {shape}; allowed is {want} ({self.unit})"
            )


_POSE = "position x y z (m), orientation x y z w"
_CONTROLLER = f"{_POSE}; trigger, squeeze, stick right, stick up, stick pressed, A or X, B or Y"
_TABLE = (
    Layout("vision/gray", (0, 0), "uint8", "1/255", "camera", "row-major, top row first"),
    Layout("vision/rgb", (0, 0, 3), "uint8", "1/255", "camera", "row-major, sRGB"),
    Layout("depth/map", (0, 0), "float32", "m", "camera", "distance along the optical axis"),
    Layout(
        "audio/pcm16", (), "int16", "1/32768", "", "mono; the channel's rate is the sample rate"
    ),
    Layout("gaze/point2", (2,), "float32", "1", "viewport", "x right, y up, 0..1 inside"),
    Layout("gaze/ray", (6,), "float32", "m", "world", "origin x y z, unit direction x y z"),
    Layout("gaze/pupil", (2,), "float32", "m", "", "diameter left, right"),
    Layout("hands/openxr26", (26, 7), "float32", "m", "world", _POSE),
    Layout("hands/webxr25", (25, 7), "float32", "m", "world", _POSE),
    Layout("hands/shrec22", (22, 3), "float32", "m", "camera", "wrist, palm, then 4 per finger"),
    Layout("motion/head", (7,), "float32", "m", "world", _POSE),
    Layout("motion/controller", (14,), "float32", "m, 1", "world", _CONTROLLER),
    Layout(
        "motion/wrist", (6,), "float32", "m/s^2, rad/s", "device", "acceleration with gravity, gyro"
    ),
    Layout(
        "motion/phone", (6,), "float32", "m/s^2, rad/s", "device", "acceleration with gravity, gyro"
    ),
    Layout("spatial/points", (0, 3), "float32", "m", "world", "a cloud per sample"),
    Layout("thermal/map", (0, 0), "float32", "K", "camera", "surface temperature"),
    Layout("physiology/eda", (), "float32", "S", "", "electrodermal conductance"),
    Layout("physiology/temperature", (), "float32", "K", "", "skin temperature"),
    Layout("physiology/heart-rate", (), "float32", "Hz", "", "beats per second"),
    Layout("physiology/respiration", (), "float32", "Hz", "", "breaths per second"),
    Layout("physiology/ibi", (), "float32", "s", "", "time between two heart beats"),
    Layout("face/arkit52", (52,), "float32", "1", "", "blend shape weights 0..1"),
    Layout("haptics/amplitude", (), "float32", "1", "", "what the device plays, 0..1"),
    Layout(
        "contact/vibration", (), "float32", "m/s^2", "machine", "acceleration of a machine part"
    ),
)
LAYOUTS = {layout.name: layout for layout in _TABLE}

_ELECTRODES = re.compile(r"[A-Z][A-Za-z0-9]{0,4}(-[A-Z][A-Za-z0-9]{0,4})*")


def layout_of(name: str) -> Layout:
    """The layout called ``name``; ``eeg/Oz-O1-…`` and ``fnirs/F3-F4-…`` name their electrodes.

    Raises ChannelError with the known names when there is no such layout.
    """
    if name in LAYOUTS:
        return LAYOUTS[name]
    modality, _, places = name.partition("/")
    if modality in ("eeg", "fnirs") and _ELECTRODES.fullmatch(places):
        n = places.count("-") + 1
        if modality == "eeg":
            return Layout(name, (n,), "float32", "V", "", "potential at each named electrode")
        return Layout(name, (n, 2), "float32", "mol/m^3", "", "change of HbO2 and HHb per optode")
    raise ChannelError(
        f"unknown layout {name!r}; known are {', '.join(LAYOUTS)}, "
        "eeg/<electrodes joined by '-'> and fnirs/<optodes joined by '-'>"
    )


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
        """How many were sent, some of which may be absent (`bridge.frames.ReceivedSamples`)."""
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
