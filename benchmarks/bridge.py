"""What the bridge costs: `python benchmarks/bridge.py [--seconds 3] [--repeats 20]`.

1. Messages per second of our server and client (decode, validate, reply) side by side with a bare
   `websockets` server and client that move payloads of the same sizes and look at nothing. The
   two alternate within one run; server and client are processes of their own.
2. 64 headsets at 72 Hz with 4 KB frames; then with 8 clients beside them that never read and send
   as fast as they can, on a server without and with its limits. Those 8 are a process of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import psutil
from websockets.asyncio.client import connect as open_websocket
from websockets.asyncio.server import ServerConnection, serve

from benchmarks.newcomer import KEY
from fedxr.bridge.channels import Channel, Samples, layout_of
from fedxr.bridge.clock import now_us
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.frames import Frame, pack_frame
from fedxr.bridge.protocol import Answer, Reply, encode
from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.server import BridgeServer, ServerConfig, Session
from fedxr.bridge.transport.connection import run

EEG32 = "eeg/" + "-".join(f"E{n}" for n in range(32))
ONE = ((Channel("eeg", EEG32, 2304), 32),)
"""One channel: 32 electrodes x 32 samples of float32, 4096 bytes a frame at 72 Hz."""
SEVEN = (
    (Channel("left", "hands/openxr26", 72), 1),
    (Channel("right", "hands/openxr26", 72), 1),
    (Channel("head", "motion/head", 72), 1),
    (Channel("gaze", "gaze/ray", 72), 1),
    (Channel("face", "face/arkit52", 72), 1),
    (Channel("audio", "audio/pcm16", 48_024), 667),
    (Channel("eeg", EEG32, 504), 7),
)
"""A headset that sends all it has: seven channels, 3946 bytes of samples a frame."""
KINDS = {"1 channel": ONE, "7 channels": SEVEN}
LEVEL = {"eeg": 1e-5, "face": 0.1, "gaze": 3**-0.5}
"""What the samples hold, where that is not 1."""
WINDOW = 64
"""Frames under way before the sender waits for replies."""
Load = Sequence[tuple[Channel, int]]


def samples_of(load: Load, frame: int, start_us: int) -> tuple[int, dict[str, Samples]]:
    """Capture time and samples of the ``frame``-th (from 0) 72 Hz frame after ``start_us``."""
    made = {}
    for channel, n in load:
        layout = layout_of(channel.layout)
        steps = np.arange(frame * n, (frame + 1) * n) * (1e6 / channel.rate_hz)
        t_us = start_us + np.rint(steps).astype(np.int64)
        values = np.full((n, *layout.shape), LEVEL.get(layout.modality, 1), layout.dtype)
        if values.shape[-1] == 7:  # a pose: its orientation has length 1
            values[..., 3:] = 0.5
        made[channel.name] = Samples(t_us, values)
    return max(int(samples.t_us[-1]) for samples in made.values()), made


ANSWERS = {"gesture": Answer.of(np.full(14, 1 / 14, np.float32))}


class Echo(Application):
    """Answers every frame at once: what is left is the bridge's own cost."""

    def joined(self, session: Session) -> Sequence[str]:
        return ("gesture",)

    def frame(self, session: Session, frame: Frame) -> None:
        session.send_reply(frame.seq, frame.capture_us, ANSWERS)


async def report_when_told(port: int, more: Callable[[], dict[str, float]] = dict) -> None:
    """Print the port; print CPU seconds, RSS and ``more`` whenever a line comes in; end with the
    input."""
    print(json.dumps({"port": port}), flush=True)
    me = psutil.Process()
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        times = me.cpu_times()
        said = {"cpu": times.user + times.system, "rss": me.memory_info().rss, **more()}
        print(json.dumps(said), flush=True)


async def our_server(config: ServerConfig) -> None:
    async with BridgeServer(Echo(), config) as server:
        await report_when_told(server.port)


async def bare_server() -> None:
    reply = encode(Reply(1_000_000, now_us(), ANSWERS))

    async def echo(socket: ServerConnection) -> None:
        async for _ in socket:
            await socket.send(reply)

    async with serve(echo, "127.0.0.1", 0, compression=None) as server:
        await report_when_told(next(iter(server.sockets)).getsockname()[1])


class Window:
    """Counts replies and holds the sender back while `WINDOW` frames are unanswered."""

    def __init__(self) -> None:
        self.sent = self.got = 0
        self._room = asyncio.Event()

    async def wait(self) -> None:
        self.sent += 1
        while self.sent - self.got >= WINDOW:
            self._room.clear()
            await self._room.wait()

    async def all_answered(self) -> None:
        while self.got < self.sent:
            self._room.clear()
            await self._room.wait()

    def answered(self) -> None:
        self.got += 1
        self._room.set()


async def our_load(url: str, load: Load, seconds: float) -> int:
    channels = [channel for channel, _ in load]
    headset = await connect(
        url, user="u", scenario="bench", channels=channels, clock_s=None, key=KEY
    )
    window = Window()

    async def read() -> None:
        async for _ in headset:
            window.answered()

    reader = asyncio.create_task(read())
    start = now_us()
    frames = [samples_of(load, n, start) for n in range(72)]
    end = time.perf_counter() + seconds
    episode = 0
    while time.perf_counter() < end:
        for capture, samples in frames:
            await headset.send_frame(capture, samples, episode)
            await window.wait()
        # The same frames again are in order only if time starts anew.
        episode += 1
    await window.all_answered()
    reader.cancel()
    await headset.close()
    return window.got


async def bare_load(url: str, load: Load, seconds: float) -> int:
    from fedxr.bridge.frames import ChannelCodec

    codecs = {c.name: ChannelCodec(c, n) for n, (c, _) in enumerate(load, 1)}
    capture, samples = samples_of(load, 0, now_us())
    message = encode(pack_frame(Frame(1_000_000, capture, samples), codecs))
    window = Window()
    async with open_websocket(url, compression=None, proxy=None) as socket:

        async def read() -> None:
            async for _ in socket:
                window.answered()

        reader = asyncio.create_task(read())
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for _ in range(72):
                await socket.send(message)
                await window.wait()
        await window.all_answered()
        reader.cancel()
    return window.got


async def cohort(url: str, headsets: int, seconds: float) -> dict[str, float]:
    """``headsets`` clients at 72 Hz; latency from capture to reply in milliseconds."""
    channels = [channel for channel, _ in ONE]
    clients = [
        await connect(url, user=f"u{n}", scenario="bench", channels=channels, clock_s=None, key=KEY)
        for n in range(headsets)
    ]
    took: list[int] = []
    loop = asyncio.get_running_loop()
    start = loop.time() + 1.0  # after the commotion of connecting

    async def read(client: HeadsetClient) -> None:
        async for message in client:
            if isinstance(message, Reply):
                took.append(now_us() - message.capture_us)  # noqa: PERF401  # read when it comes

    async def stream(client: HeadsetClient, offset: float) -> int:
        values = np.ones((32, 32), np.float32)
        frames = int(72 * seconds)
        for n in range(frames):
            await asyncio.sleep(start + offset + n / 72 - loop.time())
            capture = now_us()
            await client.send_frame(capture, {"eeg": Samples(np.full(32, capture), values)})
        return frames

    readers = [asyncio.create_task(read(client)) for client in clients]
    streams = [stream(client, n / headsets / 72) for n, client in enumerate(clients)]
    sent = sum(await asyncio.gather(*streams))
    await asyncio.sleep(0.5)
    for reader in readers:
        reader.cancel()
    for client in clients:
        client._connection.transport.abort()
    p50, p99 = np.percentile(took, (50, 99))
    return {"sent": sent, "lost": sent - len(took), "p50": p50 / 1e3, "p99": p99 / 1e3}


async def flood(url: str, clients: int) -> None:
    """Clients that never read and send all that the server takes, until the input ends."""
    # It is to take the others' turn at the server, not at the processor.
    if hasattr(os, "sched_setscheduler"):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    channel = Channel("eeg", EEG32, 2304, "reliable")
    values = np.ones((32, 32), np.float32)

    async def one(n: int) -> None:
        client = await connect(
            url,
            user=f"f{n}",
            scenario="bench",
            channels=[channel],
            clock_s=None,
            key=KEY,
            queue_bytes=2**16,
        )
        client._connection.transport.pause_reading()
        for t in range(1, 10**9):
            await client.send_frame(t, {"eeg": Samples(np.full(32, t), values)})
            if t % 16 == 0:
                await asyncio.sleep(0)

    tasks = [asyncio.create_task(one(n)) for n in range(clients)]
    await asyncio.sleep(1.0)
    await report_when_told(0)
    for task in tasks:
        task.cancel()


class Process:
    """A server, or a flood, in a process of its own."""

    def __init__(self, role: str, *more: str, script: str = __file__) -> None:
        self._process = subprocess.Popen(
            [sys.executable, script, "--role", role, *more],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise OSError("a process without pipes")
        self._in, self._out = self._process.stdin, self._process.stdout
        self.url = f"ws://127.0.0.1:{self._said()['port']}"

    def _said(self) -> dict[str, float]:
        said: dict[str, float] = json.loads(self._out.readline())
        return said

    def report(self) -> dict[str, float]:
        self._in.write("\n")
        self._in.flush()
        return self._said()

    def stop(self) -> None:
        self._in.close()
        self._process.wait(10)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)


def throughput(seconds: float, repeats: int) -> None:
    """Short alternating rounds, so that what else runs on the machine meets both alike."""
    print(f"messages/s, 1 client, medians of {repeats} alternating rounds of {seconds:g} s\n")
    print(
        f"{'frames of':12}{'bare':>10}{'bridge':>10}{'ratio':>8}{'quartiles':>12}"
        f"{'server us/msg: bare':>22}{'bridge':>8}"
    )
    drives = {"bare": bare_load, "ours": our_load}
    for kind, load in KINDS.items():
        servers = {role: Process(role) for role in drives}
        rates: dict[str, list[float]] = {role: [] for role in drives}
        costs: dict[str, list[float]] = {role: [] for role in drives}
        for _ in range(repeats):
            for role, drive in drives.items():
                server = servers[role]
                before, start = server.report()["cpu"], time.perf_counter()
                got = run(drive(server.url, load, seconds))
                rates[role].append(got / (time.perf_counter() - start))
                costs[role].append((server.report()["cpu"] - before) / got * 1e6)
        for server in servers.values():
            server.stop()
        ratios = np.divide(rates["ours"], rates["bare"])
        low, middle, high = np.percentile(ratios, (25, 50, 75))
        print(
            f"{kind:12}{np.median(rates['bare']):10.0f}{np.median(rates['ours']):10.0f}"
            f"{middle:8.0%}{f'{low:.0%}-{high:.0%}':>12}"
            f"{np.median(costs['bare']):22.1f}{np.median(costs['ours']):8.1f}"
        )


def cohorts(seconds: float) -> None:
    print(f"\n64 headsets x 72 Hz x 4 KB for {seconds:g} s: capture to reply, same host\n")
    print(
        f"{'flooding':>9}{'limits':>8}{'frames':>9}{'lost':>6}{'p50 ms':>8}{'p99 ms':>8}"
        f"{'server core':>13}{'RSS MB before':>15}{'after':>7}"
    )
    for role, flooding in (("ours", 0), ("ours", 8), ("limited", 0), ("limited", 8)):
        server = Process(role)
        before = server.report()
        floods = [Process("flood", "--url", server.url)] if flooding else []
        start = server.report()
        said = run(cohort(server.url, 64, seconds))
        after = server.report()
        for process in (*floods, server):
            process.stop()
        core = (after["cpu"] - start["cpu"]) / seconds
        print(
            f"{flooding:9}{'yes' if role == 'limited' else 'no':>8}{said['sent']:9.0f}"
            f"{said['lost']:6.0f}{said['p50']:8.2f}{said['p99']:8.2f}{core:13.0%}"
            f"{before['rss'] / 2**20:15.0f}{after['rss'] / 2**20:7.0f}"
        )


def main() -> None:
    free = ServerConfig(port=0, max_messages_s=math.inf, max_bytes_s=math.inf)
    roles = {
        "bare": lambda options: bare_server(),
        "ours": lambda options: our_server(free),
        "limited": lambda options: our_server(ServerConfig(port=0)),
        "flood": lambda options: flood(options.url, 8),
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each run with 64 headsets")
    parser.add_argument("--repeats", type=int, default=20, help="rounds of 0.3 s for the rates")
    parser.add_argument(
        "--realtime",
        action="store_true",
        help="in the second part, server and headsets run before all else on this machine "
        "(Linux, root); without, what else runs on few cores decides the p99",
    )
    parser.add_argument("--role", choices=roles, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        run(roles[options.role](options))
        return
    throughput(0.3, options.repeats)
    if options.realtime:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    cohorts(options.seconds)


if __name__ == "__main__":
    main()
