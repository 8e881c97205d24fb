"""What Unity's core costs: `python -m benchmarks.unity_core [--frames 1000]`. Needs Mono.

1. Encode: frames a second through builder and queue on one thread, and bytes allocated per frame.
2. Echo at 90 Hz against the real server, frame to reply: our C# client under Mono, our Python
   client, and a bare C# ClientWebSocket that moves messages of the same sizes through a bare
   server and looks at nothing. One after the other in one run, each a process of its own.
3. Allocation per frame during the echo: on the scene's thread, and of the whole process (garbage
   collections times the nursery's size), which for the most part is ClientWebSocket's own.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Coroutine
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

from benchmarks.bridge import ANSWERS, SEVEN, Echo, samples_of
from bridge.client import connect
from bridge.clock import now_us
from bridge.protocol import Reply, encode
from bridge.server import BridgeServer, ServerConfig

HZ = 90.0
NURSERY = 512 * 1024
REPLY = encode(Reply(1_000_000, 1_700_000_000_000_000, ANSWERS))


async def _ours(told: Connection) -> None:
    async with BridgeServer(Echo(), ServerConfig(port=0)) as server:
        told.send(server.url)
        await asyncio.get_running_loop().run_in_executor(None, told.recv)


async def _bare(told: Connection) -> None:
    async def answer(socket: ServerConnection) -> None:
        async for _ in socket:
            await socket.send(REPLY)

    async with serve(answer, "127.0.0.1", 0, compression=None) as server:
        told.send(f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}")
        await asyncio.get_running_loop().run_in_executor(None, told.recv)


def _run(main: Callable[[Connection], Coroutine[Any, Any, None]], told: Connection) -> None:
    asyncio.run(main(told))


async def _python(url: str, frames: int) -> list[float]:
    """Microseconds from frame to reply, frame by frame."""
    took = []
    channels = [channel for channel, _ in SEVEN]
    async with await connect(url, user="u", scenario="companion", channels=channels) as headset:
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1000)
    frames = str(parser.parse_args().frames)
    try:
        assemblies = Assemblies.found()
    except ToolchainMissing as missing:
        sys.exit(str(missing))
    program = runner(assemblies)

    def mono(*arguments: str) -> dict[str, float]:
        small = {"MONO_GC_PARAMS": f"nursery-size={NURSERY}"}
        done = assemblies.run(program, *arguments, timeout_s=600, env=small)
        return _pairs(done.stdout.splitlines()[-1])

    made = mono("encode", "100000")
    size = int(made["message_bytes"])
    print(f"7 channels, {size} bytes a frame; 100,000 frames through builder and queue:")
    print(
        f"  {made['per_s']:,.0f} frames/s; {made['allocated'] / 100_000:.3f} bytes allocated per "
        f"frame, {made['collections']:.0f} collections"
    )
    servers = []
    urls = []
    for which in (_ours, _bare):
        here, there = multiprocessing.Pipe()
        process = multiprocessing.Process(target=_run, args=(which, there), daemon=True)
        process.start()
        servers.append((process, here))
        urls.append(here.recv())
    ours = mono("echo", urls[0], frames, str(HZ))
    bare = mono("bare", urls[1], frames, str(HZ), str(size))
    python = np.array(asyncio.run(_python(urls[0], int(frames))))
    for process, here in servers:
        here.send("stop")
        process.join(10)
    print(f"echo at {HZ:.0f} Hz, {frames} frames        p50        p99   allocated per frame")
    for name, got in (("our client under Mono", ours), ("bare ClientWebSocket", bare)):
        whole = got["collections"] * NURSERY / int(frames)
        print(
            f"  {name:22} {got['p50_us']:7.0f} us {got['p99_us']:7.0f} us   scene's thread "
            f"{got['allocated'] / int(frames):.1f} B, whole process {whole:.0f} B"
        )
    p50, p99 = np.percentile(python, (50, 99))
    print(f"  {'our Python client':22} {p50:7.0f} us {p99:7.0f} us")


if __name__ == "__main__":
    main()
