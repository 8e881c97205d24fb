"""How well sensors are stamped, and what they cost: `python -m benchmarks.sensors`.

- clock: an LSL program in a process of its own stamps its samples exactly; how far off are the
  times that reach the bridge, and how far does the sensor side say that they may be?
- jitter: steps between the samples of BrainFlow's synthetic board, as stamped and as sent.
- cost: one sensor through the whole sensor side (clock, timeline, units), in microseconds of one
  core for a second of signal, by channels and rate.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import time
import uuid
from multiprocessing.queues import Queue

import numpy as np

from fedxr.bridge.clock import Exchange, now_us
from fedxr.bridge.frames import Frame
from fedxr.bridge.sensors.boards import Board, BoardFinder
from fedxr.bridge.sensors.lsl import LslFinder
from fedxr.bridge.sensors.mapping import Wish, map_source
from fedxr.bridge.sensors.sensor import Sensor
from fedxr.bridge.sensors.sensor_headset import SensorHeadset, Visit
from fedxr.bridge.sensors.source import Column, Finder, Floats, Source
from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.server import BridgeServer, ServerConfig
from fedxr.bridge.serving.session import Session

RATE = 250.0


class Keeper(Application):
    """Keeps the EEG that arrives."""

    def __init__(self) -> None:
        self.t_us: list[np.ndarray] = []
        self.values: list[np.ndarray] = []

    def joined(self, session: Session) -> tuple[str, ...]:
        return ()

    def frame(self, session: Session, frame: Frame) -> None:
        if "eeg" in frame.samples:
            self.t_us.append(frame.samples["eeg"].t_us)
            self.values.append(frame.samples["eeg"].values)


def lsl_program(name: str, started: Queue[float]) -> None:
    """Sample n is n microvolts, taken at start + n / RATE."""
    import pylsl

    info = pylsl.StreamInfo(name, "EEG", 1, RATE, "float32", name)
    info.set_channel_labels(["Oz"])
    info.set_channel_units("microvolts")
    outlet = pylsl.StreamOutlet(info)
    start, n = pylsl.local_clock(), 0
    started.put(start)
    while True:
        while start + n / RATE <= pylsl.local_clock():
            outlet.push_sample([float(n)], start + n / RATE)
            n += 1
        time.sleep(0.004)


async def stream(finder: Finder, seconds: float) -> tuple[Keeper, SensorHeadset]:
    keeper = Keeper()
    async with BridgeServer(keeper, ServerConfig(port=0)) as server:
        visit = Visit(server.url, "lab", "neuroadaptive")
        headset = SensorHeadset(visit, [finder], say=lambda _: None)
        await headset.run(asyncio.Event(), 30.0, 0.0, seconds)
    return keeper, headset


def clock(seconds: float) -> None:
    import pylsl

    name, started = uuid.uuid4().hex, multiprocessing.get_context("spawn").Queue()
    program = multiprocessing.get_context("spawn").Process(target=lsl_program, args=(name, started))
    program.start()
    start_s = started.get()
    keeper, headset = asyncio.run(stream(LslFinder([name]), seconds))
    program.kill()
    session_minus_lsl = min(
        (after - before, (before + after) / 2 - lsl_s * 1e6)
        for before, lsl_s, after in ((now_us(), pylsl.local_clock(), now_us()) for _ in range(100))
    )[1]
    n = np.rint(np.concatenate(keeper.values)[:, 0].astype(np.float64) * 1e6)
    due_us = start_s * 1e6 + session_minus_lsl + n * 1e6 / RATE
    off_us = np.abs(np.concatenate(keeper.t_us) - due_us)
    (sensor,) = headset.sensors
    print(
        f"clock: {len(n)} samples, {sensor.counts['missing']} missing; off by "
        f"p50 {np.percentile(off_us, 50):.0f} us, max {off_us.max():.0f} us; "
        f"stated: within {sensor.worst_us:.0f} us"
    )


class Spied(Sensor):
    """Keeps the stamps as they come."""

    stamps_us: list[np.ndarray]

    def _stamped(self, stamps: Floats, now_us: int) -> Floats:
        here = super()._stamped(stamps, now_us)
        self.stamps_us.append(here)
        return here


def jitter(seconds: float) -> None:
    (offering,) = BoardFinder(Board.parse("synthetic")).find()
    stream, other = offering.open()
    mappings, _ = map_source(stream.source)
    sensor = Spied(stream, mappings, lambda _: None)
    sensor.stamps_us = []
    sensor.read_clock()
    sent = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(1 / 30)
        sensor.poll(now_us())
        taken = sensor.take(2**62, 0)
        if "eeg" in taken:
            sent.append(taken["eeg"].t_us)
    other.close()
    sensor.close()
    late = slice(int(RATE), None)  # after a second, which the line takes to settle
    before, after = (
        np.diff(np.concatenate(sensor.stamps_us))[late],
        np.diff(np.concatenate(sent))[late],
    )
    print(
        f"jitter: steps of {1e6 / RATE:.0f} us are off by (rms) "
        f"{np.sqrt(((before - 1e6 / RATE) ** 2).mean()):.0f} us as stamped, "
        f"{np.sqrt(((after - 1e6 / RATE) ** 2).mean()):.0f} us as sent"
    )


class Made:
    """A source without a device: what a tick of the bridge finds waiting."""

    def __init__(self, columns: int, rate: float) -> None:
        labels = [f"C{n % 9 + 1}" if n < 9 else f"CP{n}" for n in range(columns)]
        self.source = Source("made", "EEG", tuple(Column(x, "uV", "EEG") for x in labels), rate, "")
        self._values = np.random.default_rng(0).normal(size=(round(rate / 30), columns))
        self._n = 0

    def read(self) -> tuple[Floats, Floats]:
        n = np.arange(self._n, self._n + len(self._values))
        self._n += len(n)
        return self._values, n * 1e6 / self.source.rate_hz

    def read_clock(self) -> Exchange:
        return Exchange(0, 0, 0, 0)

    def clock_was_reset(self) -> bool:
        return False

    def close(self) -> None: ...


def cost(columns: int, rate: float) -> None:
    made = Made(columns, rate)
    layout = "eeg/" + "-".join(f"E{n}" for n in range(columns))
    mappings, _ = map_source(made.source, [Wish("made", layout, (), "uV")])
    sensor = Sensor(made, mappings, lambda _: None)
    sensor.read_clock()
    ticks, begun = 300, time.process_time()
    for tick in range(ticks):
        sensor.poll(tick * 33_333)
        sensor.take(2**62, 0)
    spent = (time.process_time() - begun) / (ticks / 30)
    print(f"cost: {columns} channels at {rate:g} Hz: {spent * 1e6:.0f} us of a core a second")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=20.0)
    seconds = parser.parse_args().seconds
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    clock(seconds)
    jitter(seconds)
    for columns, rate in ((8, 250.0), (64, 1000.0)):
        cost(columns, rate)


if __name__ == "__main__":
    main()
