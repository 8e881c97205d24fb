"""What Unity's core costs: `python -m benchmarks.unity_core [--frames 400]`. Needs Mono.

1. Encode: frames a second through builder and queue on one thread, and bytes allocated per frame.
2. Echo at 90 Hz against the real server, frame to reply: our C# client under Mono, our Python
   client, and a bare C# ClientWebSocket that moves messages of the same sizes through a bare
   server and looks at nothing. They take turns, each a process of its own.
3. Allocation per frame during the echo: on the scene's thread, and of the whole process (garbage
   collections times the nursery's size).
4. A head's pose (110 bytes) at 90 Hz, of which the server answers every third, as an agent at 30
   ticks a second does: the time between frames as they arrive. Here ClientWebSocket's Nagle
   algorithm shows, which is why we have a socket of our own.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "tests" / "unity_project"))

import numpy as np
from core_rig import runner
from toolchain import Assemblies, ToolchainMissing
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from benchmarks.bridge import ANSWERS, SEVEN, Echo, samples_of
from benchmarks.newcomer import KEY
from fedxr.bridge.clock import now_us
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.frames import Frame
from fedxr.bridge.protocol import Reply, encode
from fedxr.bridge.serving.server import BridgeServer, ServerConfig, Session

HZ = 90
SMALL = 110
EVERY = 3
ROUNDS = 3
NURSERY = 64 * 1024
REPLY = encode(Reply(1_000_000, 1_700_000_000_000_000, ANSWERS))


class Listener(Echo):
    """Notes when each frame arrived, and answers one in `EVERY`."""

    def __init__(self, arrived: list[float]) -> None:
        self._arrived = arrived

    def frame(self, session: Session, frame: Frame) -> None:
        self._arrived.append(time.perf_counter())
        if len(self._arrived) % EVERY == 0:
            super().frame(session, frame)


async def _ours(told: Connection, arrived: list[float], silent: bool) -> None:
    application = Listener(arrived) if silent else Echo()
    async with BridgeServer(application, ServerConfig(port=0)) as server:
        told.send(server.url)
        await asyncio.get_running_loop().run_in_executor(None, told.recv)


async def _bare(told: Connection, arrived: list[float], silent: bool) -> None:
    async def answer(socket: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async for _ in socket:
                arrived.append(time.perf_counter())
                if not silent or len(arrived) % EVERY == 0:
                    await socket.send(REPLY)

    async with serve(answer, "127.0.0.1", 0, compression=None) as server:
        told.send(f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}")
        await asyncio.get_running_loop().run_in_executor(None, told.recv)


Main = Callable[[Connection, list[float], bool], Coroutine[Any, Any, None]]


def _run(main: Main, told: Connection, silent: bool) -> None:
    arrived: list[float] = []
    asyncio.run(main(told, arrived, silent))
    told.send(arrived)


@contextmanager
def _server(main: Main, arrived: list[float], silent: bool = False) -> Iterator[str]:
    """A server in a process of its own; its URL. At the end ``arrived`` has each message's time."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_run, args=(main, there, silent), daemon=True)
    process.start()
    yield here.recv()
    here.send("stop")
    arrived += here.recv()
    process.join(10)


async def _python(url: str, frames: int) -> list[float]:
    """Microseconds from frame to reply, frame by frame."""
    took = []
    channels = [channel for channel, _ in SEVEN]
    async with await connect(
        url, user="u", scenario="companion", channels=channels, key=KEY
    ) as headset:
        loop, start_us = asyncio.get_running_loop(), now_us()
        begin = loop.time()
        for i in range(frames):
            await asyncio.sleep(max(0.0, begin + i / HZ - loop.time()))
            capture_us, samples = samples_of(SEVEN, i, start_us)
            sent = time.perf_counter()
            await headset.send_frame(capture_us, samples)
            while not isinstance(await anext(headset), Reply):
                pass
            took.append((time.perf_counter() - sent) * 1e6)
    return took


def _pairs(line: str) -> dict[str, float]:
    """The key=value words of a line of core/Measure.cs."""
    return {k: float(v) for k, _, v in (word.partition("=") for word in line.split()) if v}


OURS, BARE = "our client under Mono", "bare ClientWebSocket"
Mono = Callable[..., dict[str, float]]
"""Runs a command of core/Program.cs; its last line as numbers."""


def _encode(mono: Mono) -> int:
    """Prints part 1; returns a message's bytes."""
    made = mono("encode", 100_000)
    print(f"7 channels, {made['message_bytes']:.0f} bytes a frame; 100,000 frames encoded:")
    print(
        f"  {made['per_s']:,.0f} frames/s; {made['allocated'] / 100_000:.3f} bytes allocated per "
        f"frame, {made['collections']:.0f} collections"
    )
    return int(made["message_bytes"])


def _echo(mono: Mono, frames: int, size: int) -> None:
    """Prints parts 2 and 3."""
    rounds: dict[str, list[dict[str, float]]] = {OURS: [], BARE: []}
    python = []
    with _server(_ours, []) as ours, _server(_bare, []) as bare:
        for _ in range(ROUNDS):
            rounds[OURS].append(mono("echo", ours, frames, HZ, "echo"))
            rounds[BARE].append(mono("bare", bare, frames, HZ, size, "echo"))
            python.append(np.percentile(asyncio.run(_python(ours, frames)), (50, 99)))
    print(f"echo at {HZ} Hz, median of {ROUNDS} rounds of {frames} frames, taking turns:")
    for name, got in rounds.items():
        p50, p99 = (np.median([r[key] for r in got]) for key in ("p50_us", "p99_us"))
        each = sum(r["allocated"] for r in got) / ROUNDS / frames
        whole = sum(r["collections"] for r in got) * NURSERY / ROUNDS / frames
        print(f"  {name:22} p50 {p50:6.0f} us  p99 {p99:6.0f} us", end="")
        print(f"  allocated per frame: calling thread {each:.1f} B, whole process {whole:.0f} B")
    p50, p99 = np.median(python, axis=0)
    print(f"  {'our Python client':22} p50 {p50:6.0f} us  p99 {p99:6.0f} us")


def _arrivals(mono: Mono, frames: int) -> None:
    """Prints part 4."""
    print(f"small frames, {1e3 / HZ:.1f} ms apart, every third answered; time between arrivals:")
    for name in (OURS, BARE):
        arrived: list[float] = []
        with _server(_ours if name == OURS else _bare, arrived, silent=True) as url:
            if name == OURS:
                mono("echo", url, frames, HZ, "one-way")
            else:
                mono("bare", url, frames, HZ, SMALL, "one-way")
        middle, high, most = np.percentile(np.diff(arrived[-frames:]) * 1e3, (50, 99, 100))
        print(f"  {name:22} p50 {middle:.1f} ms  p99 {high:.1f} ms  most {most:.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=400)
    frames = parser.parse_args().frames
    try:
        assemblies = Assemblies.found()
    except ToolchainMissing as missing:
        sys.exit(str(missing))
    program = runner(assemblies)
    small = {"MONO_GC_PARAMS": f"nursery-size={NURSERY}"}

    def mono(*arguments: object) -> dict[str, float]:
        done = assemblies.run(program, *map(str, arguments), timeout_s=600, env=small)
        return _pairs(done.stdout.splitlines()[-1])

    size = _encode(mono)
    _echo(mono, frames, size)
    _arrivals(mono, 2 * frames)


if __name__ == "__main__":
    main()
