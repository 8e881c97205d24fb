"""A C# headset under Mono, driven from a test, and the samples that it sends."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
from mono_keys import keep_key
from numpy.typing import NDArray
from toolchain import PACKAGE, Assemblies

from fedxr.bridge.channels import Channel, Samples, layout_of

HERE = Path(__file__).parent
PATIENCE = 60.0
HEIGHT, WIDTH, SOUND_BLOCK = 4, 5, 320


def runner(assemblies: Assemblies) -> Path:
    """The test program of tests/unity_project/core."""
    sources = [HERE / "core", PACKAGE / "Tests" / "Editor" / "Core" / "Offline.cs"]
    return assemblies.build("Fedxr.Core.Runner", sources, [assemblies.core], target="exe")


class MonoHeadset:
    """One running driver: say lines to it, look at what it told."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.told: list[str] = []
        self._reading = asyncio.create_task(self._read())

    def say(self, *words: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write((" ".join(map(str, words)) + "\n").encode())

    async def hear(self, start: str, count: int = 1) -> str:
        """The ``count``-th line so far that begins with ``start``; waits for it."""
        await self.until(lambda: len(self.lines(start)) >= count, f"{count} x {start!r}")
        return self.lines(start)[count - 1]

    async def ask(self, question: str, start: str) -> list[str]:
        """The words of the next line that begins with ``start`` after saying ``question``."""
        before = len(self.lines(start))
        self.say(question)
        return (await self.hear(start, before + 1)).split(" ")

    async def stats(self) -> dict[str, float]:
        names = ("sent", "dropped", "blocks", "unacknowledged", "reconnects", "bytes")
        numbers = map(float, (await self.ask("stats", "stats"))[1:])
        return dict(
            zip((*names, "round_trip_us", "offset_us", "uncertainty_us"), numbers, strict=True)
        )

    async def delivered(self) -> None:
        """Wait until the server has everything that was promised to arrive."""
        while (await self.stats())["unacknowledged"]:
            await asyncio.sleep(0.05)

    def lines(self, start: str) -> list[str]:
        return [line for line in self.told if line.startswith(start)]

    async def until(self, what: Callable[[], object], means: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not what():
                    assert not self._reading.done(), (
                        f"the headset ended before {means}: {self.told}"
                    )
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"no {means} within {PATIENCE} s; told: {self.told}") from None

    async def close(self) -> None:
        """Let it say bye and end."""
        self.say("close")
        await asyncio.wait_for(self._process.wait(), PATIENCE)
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.told.append(line.decode().rstrip("\n"))


@contextlib.asynccontextmanager
async def mono_headset(
    assemblies: Assemblies, url: str, *channels: Channel, **options: object
) -> AsyncIterator[MonoHeadset]:
    """A started headset that offers ``channels``; ``options`` as in core/Program.cs."""
    said = [f"{c.name}:{c.layout}:{c.rate_hz}:{c.delivery}" for c in channels]
    options.setdefault("keys", keep_key(Path(os.environ["XDG_CONFIG_HOME"]) / "mono", "mono"))
    said += [f"{name.replace('_', '-')}={value}" for name, value in options.items()]
    process = await asyncio.create_subprocess_exec(
        *assemblies.command(runner(assemblies), "drive", url, *said),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    headset = MonoHeadset(process)
    try:
        headset.say("start")
        yield headset
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _bits(seed: int, count: int) -> NDArray[np.uint32]:
    """Knuth's linear congruence, as in core/Samples.cs."""
    made, state = [], seed % 2**32
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        made.append(state)
    return np.array(made, np.uint32)


def _floats(seed: int, count: int) -> NDArray[np.float32]:
    return (np.uint32(0x3F000000) | (_bits(seed, count) >> np.uint32(9))).view(np.float32)


def samples_at(channel: Channel, t: int) -> Samples:
    """What the headset sends on ``channel`` in the frame captured at ``t``."""
    layout = layout_of(channel.layout)
    if channel.layout == "audio/pcm16":
        # SOUND_BLOCK samples, 62.5 us apart, the first half a period after the block's base.
        base = t - SOUND_BLOCK * 62.5
        stamps = np.rint(base + (np.arange(SOUND_BLOCK) + 0.5) * 62.5).astype(np.int64)
        return Samples(
            stamps, (_bits(t, SOUND_BLOCK) >> np.uint32(16)).astype(np.uint16).view(np.int16)
        )
    if channel.layout == "spatial/points":
        return Samples(np.array([t]), _floats(t, 3 * WIDTH).reshape(1, WIDTH, 3))
    if channel.layout == "gaze/pupil":
        return Samples(np.array([t - 2, t - 2, t]), _floats(t, 6).reshape(3, 2))
    shape = tuple(n or (HEIGHT, WIDTH)[i] for i, n in enumerate(layout.shape))
    count = int(np.prod(shape))
    if layout.dtype == "uint8":
        values = (_bits(t, count) >> np.uint32(24)).astype(np.uint8)
        return Samples(np.array([t]), values.reshape(1, *shape))
    return Samples(np.array([t]), _floats(t, count).reshape(1, *shape))
