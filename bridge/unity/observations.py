"""Sensors by name: which channel an ML-Agents observation is, and its numbers as samples.

A sensor becomes a channel when its name is that of a layout of `fedxr.bridge.channels`:

    layout            motion/head         one pose a step
    layout:channel    hands/webxr25:left  the channel's name, where a layout occurs twice
    …@rate            audio/pcm16@16000   samples per second; default: as many as steps bring;
                                          of a slower one, steps in between repeat the last

A step may bring several samples of a layout (sound, EEG): they lie evenly between this step and
the one before. Other sensors are left as they are; environments see them, the bridge does not.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.channels import MODALITIES, Channel, ChannelError, Layout, Samples, layout_of
from fedxr.bridge.images import MAX_PIXELS

Values = NDArray[np.generic]
_NAME = re.compile(r"(?P<layout>[^:@]+)(:(?P<channel>[^@]+))?(@(?P<rate>.+))?")


@dataclass(frozen=True)
class Sensor:
    """One observation of a behaviour.

    ``shape`` and ``dtype`` are those of its values in a `Turn`; ``layout`` is None for a sensor
    that is no channel. ``n`` samples come with each step, ``rate_hz`` of them a second (0: not
    said).
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    layout: Layout | None = None
    channel: str = ""
    n: int = 1
    rate_hz: float = 0.0

    def offered(self, steps_hz: float) -> Channel:
        """The channel that this sensor is, in a player of ``steps_hz`` steps a second.

        Raises ChannelError where the sensor is none.
        """
        if self.layout is None:
            raise ChannelError(f"sensor {self.name!r} is not named after a layout")
        # A player steps as fast as it is let: its pictures wait for the decoder, within bounds.
        delivery = "queue 64" if self.layout.modality == "vision" else "queue 256"
        rate = self.rate_hz or self.n * steps_hz
        return Channel(self.channel, self.layout.name, rate, delivery)


def sensor_of(name: str, shape: tuple[int, ...]) -> Sensor:
    """The sensor that ML-Agents calls ``name``, of ``shape`` (pictures height, width, channels).

    Raises ChannelError when the name is that of a layout and the shape does not fit it, or when
    its modality is ours and its layout is not, which is a misspelling rather than another sensor.
    """
    found = _NAME.fullmatch(name)
    if found is None or "/" not in name or name.split("/", 1)[0] not in MODALITIES:
        return Sensor(name, shape)
    layout = layout_of(found["layout"])
    channel = (found["channel"] or layout.name)[:64]
    rate = _rate(name, found["rate"])
    if 0 in layout.shape:
        return Sensor(
            name, (1, *_free(layout, name, shape)), layout.dtype, layout, channel, 1, rate
        )
    size, got = math.prod(layout.shape), math.prod(shape)
    if got == 0 or got % size:
        each = "x".join(map(str, layout.shape)) or "1"
        raise ChannelError(
            f"sensor {name!r} has {got} numbers (shape {shape}); {layout.name} takes {size} a "
            f"sample ({each}, {layout.unit}{': ' + layout.meaning if layout.meaning else ''}), "
            "so a step brings that or a whole multiple of it"
        )
    n = got // size
    return Sensor(name, (n, *layout.shape), layout.dtype, layout, channel, n, rate)


def _rate(name: str, text: str | None) -> float:
    try:
        return float(text) if text else 0.0
    except ValueError:
        raise ChannelError(
            f"sensor {name!r}: {text!r} is no rate; write for example motion/head@72"
        ) from None


def _free(layout: Layout, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of one sample of a layout whose sizes the sensor brings; raises ChannelError."""
    gray = len(layout.shape) == 2 and 0 not in shape
    if gray and layout.modality != "spatial" and len(shape) == 3 and shape[2] == 1:
        shape = shape[:2]
    try:
        layout.check(shape)
    except ChannelError as error:
        raise ChannelError(f"sensor {name!r}: {error}") from None
    if layout.modality == "vision" and math.prod(shape[:2]) > MAX_PIXELS:
        raise ChannelError(
            f"sensor {name!r}: a picture of {shape[0]}x{shape[1]}; the bridge takes {MAX_PIXELS} "
            "pixels at most, so make the camera sensor smaller"
        )
    return shape


def read(sensor: Sensor, raw: NDArray[np.float32]) -> Values:
    """An observation as ML-Agents decodes it, as values of ``sensor.shape`` and ``dtype``.

    ML-Agents gives pictures as 0..1, sound as -1..1, and everything in Unity's left-handed
    coordinates; layouts with the frame ``world`` are turned into ours by mirroring Z.
    """
    layout = sensor.layout
    if layout is None:
        return raw
    values = raw.reshape(sensor.shape)
    if layout.name == "audio/pcm16":
        return np.clip(np.rint(values * 32768), -32768, 32767).astype(np.int16)
    if layout.modality == "vision":
        return np.clip(np.rint(values * 255), 0, 255).astype(np.uint8)
    if layout.mirrored:
        return values * np.array(layout.signs, np.float32)
    return values.astype(layout.dtype)


def samples_of(sensor: Sensor, values: Values, before_us: int, capture_us: int) -> Samples:
    """The samples that one step brought, evenly in (before_us, capture_us]; the last one at
    ``capture_us``. Points of a cloud that are all zero are a buffer's padding and left out."""
    if sensor.layout is not None and sensor.layout.name == "spatial/points":
        cloud = values[0]
        cloud = cloud[np.abs(cloud).sum(1) > 0]
        kept = values[:0] if len(cloud) == 0 else cloud[None]
        return Samples(np.full(len(kept), capture_us, np.int64), kept)
    n = len(values)
    step = (capture_us - before_us) / n
    t_us = np.rint(before_us + step * np.arange(1, n + 1)).astype(np.int64)
    return Samples(t_us, values)
