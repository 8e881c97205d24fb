"""A sensor headset at work against a real bridge, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np
from bridge_rig import PATIENCE, Recorder, server_of

from fedxr.bridge.sensors.mapping import Wish
from fedxr.bridge.sensors.markers import MarkedTask
from fedxr.bridge.sensors.sensor_headset import SensorHeadset, Visit
from fedxr.bridge.sensors.source import Finder


class Run:
    """A sensor headset at work, and what the bridge got of it."""

    def __init__(self) -> None:
        self.app = Recorder()
        self.server = server_of(self.app)
        self.said: list[str] = []
        self.headset: SensorHeadset

    def got(self, channel: str) -> tuple[np.ndarray, np.ndarray]:
        """Times (n,) and values (n, …) of all samples of ``channel`` that arrived."""
        parts = [f.samples[channel] for f in self.app.frames if channel in f.samples]
        if not parts:
            return np.empty(0, np.int64), np.empty(0)
        return np.concatenate([p.t_us for p in parts]), np.concatenate([p.values for p in parts])

    def heard(self, words: str) -> bool:
        return any(words in line for line in self.said)


@asynccontextmanager
async def streaming(
    finder: Finder, wishes: Sequence[str] = (), marked: Sequence[MarkedTask] = ()
) -> AsyncIterator[Run]:
    """What ``finder`` finds, streamed until the end of the block."""
    run, stop = Run(), asyncio.Event()
    await run.server.start()
    try:
        visit = Visit(run.server.url, "lab", "companion")
        wanted = [Wish.parse(wish) for wish in wishes]
        run.headset = SensorHeadset(visit, [finder], wanted, run.said.append, marked)
        running = asyncio.create_task(run.headset.run(stop, PATIENCE, 0.0))
        try:
            yield run
            assert not running.done(), running.result()
        finally:
            stop.set()
            await asyncio.wait_for(running, PATIENCE)
    finally:
        await run.server.stop()


def numbers_of(values: np.ndarray, scale: float) -> np.ndarray:
    """Which samples these are: their first column holds their number."""
    return np.rint(values.reshape(len(values), -1)[:, 0] / scale).astype(int)


def counts_up(n: np.ndarray) -> bool:
    """Nothing lost, doubled or swapped."""
    return len(n) > 0 and bool((np.diff(n) == 1).all())
