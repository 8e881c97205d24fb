"""A source whose clock does what clocks should not, and a sensor that listens to it, in made time.

Nothing waits here: 30 ticks a second are gone through as fast as they can be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from fedxr.bridge.channels import TICK_US
from fedxr.bridge.clock import Exchange
from fedxr.bridge.sensors.mapping import map_source
from fedxr.bridge.sensors.sensor import Sensor
from fedxr.bridge.sensors.source import Column, Source

S = 1_000_000
DELAY_US = 40_000
"""As `fedxr.bridge.sensors.sensor_headset.Visit`: a tick leaves this much after its end."""
EYES = (Column("x", "normalized", "ScreenX"), Column("y", "normalized", "ScreenY"))
EEG = tuple(Column(name, "uV", "EEG") for name in ("Oz", "O1", "O2"))
Stamps = Callable[[np.ndarray], np.ndarray]
"""Stamps (n,) in seconds of samples that were taken at the times (n,), in seconds."""


@dataclass
class StrangeStream:
    """Samples hold their own number: in microvolts, or thousandths of a picture, which can be.
    ``offset_us`` is what its clock says when it is asked."""

    source: Source
    waiting: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    now_us: int = 0
    offset_us: int = 0

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        got, self.waiting = self.waiting, []
        if not got:
            return np.empty((0, len(self.source.columns))), np.empty(0)
        return np.concatenate([v for v, _ in got]), np.concatenate([s for _, s in got])

    def read_clock(self) -> Exchange:
        there = self.now_us + self.offset_us
        return Exchange(self.now_us - 50, there, there, self.now_us + 50)

    def clock_was_reset(self) -> bool:
        return False

    def close(self) -> None: ...


@dataclass
class Heard:
    """What left for the bridge: ``t_us``, ``n`` (which sample) and ``left_us`` (when), by sample.
    ``most_held`` samples waited at once."""

    sensor: Sensor
    said: list[str]
    t_us: np.ndarray
    n: np.ndarray
    left_us: np.ndarray
    most_held: int

    def off_us(self, taken_us: np.ndarray, since_s: float, until_s: float = np.inf) -> np.ndarray:
        """By how much times are off, of samples that left between."""
        some = (self.left_us >= since_s * S) & (self.left_us < until_s * S)
        return self.t_us[some] - taken_us[self.n[some]]


def listen(
    stamps: Stamps,
    taken_us: np.ndarray,
    nominal_hz: float,
    *,
    seconds: float,
    way_us: int = 5000,
    columns: tuple[Column, ...] = EEG,
    clock: Callable[[float], float] = lambda t_s: 0.0,
    arrives_us: np.ndarray | None = None,
) -> Heard:
    """A sensor hears, ``way_us`` later, the samples taken at ``taken_us`` (n,) and so stamped;
    ``clock`` gives the offset (s) that its clock is measured with at a time (s)."""
    stream = StrangeStream(
        Source("strange", "EEG" if columns is EEG else "Gaze", columns, nominal_hz, "k")
    )
    arrives_us = taken_us if arrives_us is None else arrives_us
    said: list[str] = []
    sensor = Sensor(stream, map_source(stream.source)[0], said.append)
    stamped = stamps(taken_us / S) * S
    got: list[tuple[np.ndarray, np.ndarray, int]] = []
    done = most = 0
    for tick in range(1, int(seconds * S / TICK_US)):
        stream.now_us = now_us = tick * TICK_US
        if tick % 30 == 1:
            stream.offset_us = round(clock(now_us / S) * S)
            sensor.read_clock()
        n = int(np.searchsorted(arrives_us, now_us - way_us, side="right"))
        if n > done:
            numbers = np.arange(done, n)
            unit = 1.0 if columns is EEG else 1e-3
            values = np.repeat(numbers[:, None] * unit, len(columns), axis=1)
            stream.waiting.append((values, stamped[done:n]))
            done = n
        sensor.poll(now_us)
        out = sensor.take(now_us - DELAY_US, now_us - DELAY_US - TICK_US)
        scale = 1e-6 if columns is EEG else 1e-3
        for samples in out.values():
            numbers = np.rint(samples.values[:, 0] / scale).astype(int)
            got.append((samples.t_us, numbers, now_us))
        held = sum(len(p) for parts in sensor._waiting.values() for p in parts)
        most = max(most, held + len(sensor._stamps))
    empty = np.empty(0, np.int64)
    return Heard(
        sensor,
        said,
        np.concatenate([t for t, _, _ in got] or [empty]),
        np.concatenate([n for _, n, _ in got] or [empty]),
        np.concatenate([np.full(len(t), at) for t, _, at in got] or [empty]),
        most,
    )
