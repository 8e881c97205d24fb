"""A real `fedxr serve`, a well-behaved headset beside whoever attacks it, and what both felt.

The server runs with its agents as users start it; the victim is a process of its own: hands and
head at 30 Hz, two tasks. Shared by `benchmarks.hostile`, which measures, and tests/fedxr/
test_hostile.py, which says what must hold on any machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from fedxr.bridge.channels import TICK_US, Channel, Samples
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.protocol import BridgeError, Cue, Notice, Reply
from fedxr.bridge.transport.connection import run
from fedxr.bridge.user_key import UserKey

HANDS = Channel("hands", "hands/webxr25", 30.0)
HEAD = Channel("head", "motion/head", 30.0)
PATIENCE_S = 120.0
"""Seconds that anything may take on a busy machine before it counts as never."""
_VICTIM = "from benchmarks.hostile_rig import victim; import sys; victim(*sys.argv[1:])"
_key = cache(UserKey.new)
Act = Callable[[str], Awaitable[str]]
"""What somebody does to the server at an address, until done or cancelled; what came of it."""


class ServeProcess:
    """`fedxr serve` on any free port, with a state of its own."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self._log = folder / f"serve-{time.monotonic_ns()}.log"
        env = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "fedxr.cli.entry", "serve", "--port", "0"]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--state", str(folder / "state.db"), *words],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
                start_new_session=True,
            )
        self.url = self._wait()

    def _wait(self) -> str:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and self.up:
            said = self.said
            found = re.search(r"ws://\S+", said)
            if found and "Ctrl-C" in said:
                return found[0]
            time.sleep(0.1)
        self.kill()
        raise RuntimeError(f"the server did not start: {self.said}")

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def up(self) -> bool:
        return self.process.poll() is None

    @property
    def megabytes(self) -> float:
        """Resident memory of the server and its learner; pages that both share count in each."""
        total = 0
        with contextlib.suppress(psutil.Error):
            one = psutil.Process(self.process.pid)
            for process in [one, *one.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    total += process.memory_info().rss
        return total / 2**20

    def stop(self) -> tuple[int | None, float]:
        """Its exit status after SIGTERM, None where it was killed; and the seconds it took."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE_S), time.monotonic() - started
        except subprocess.TimeoutExpired:
            self.kill()
            return None, time.monotonic() - started

    def kill(self) -> None:
        if self.up:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


# -- the victim -------------------------------------------------------------------------------


def victim(url: str, out: str, name: str = "victim") -> None:
    """A process: stream until standard input ends, then write what came of it to ``out``."""
    run(_stream(url, Path(out), name))


def poses(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    """(*shape, 7): a place within reach, and an orientation of unit norm."""
    turn = rng.standard_normal((*shape, 4))
    turn /= np.linalg.norm(turn, axis=-1, keepdims=True)
    place = rng.uniform(-0.5, 0.5, (*shape, 3))
    return np.concatenate((place, turn), -1).astype(np.float32)


async def _stream(url: str, out: Path, name: str) -> None:
    rng, sent, lived = np.random.default_rng(1), dict[int, float](), Lived()
    try:
        client = await connect(
            url, user=name, scenario="x", channels=[HANDS, HEAD], tasks=["intent", "doing"],
            timeout_s=PATIENCE_S, clock_s=None, key=UserKey.new(),
        )  # fmt: skip
    except BridgeError as error:
        out.write_text(json.dumps({"ended": str(error)}))
        return
    print("in", flush=True)

    async def hear() -> None:
        async for message in client:
            if isinstance(message, Reply):
                now = time.time()
                for seq in [seq for seq in sent if seq <= message.seq]:
                    at = sent.pop(seq)
                    if seq == message.seq:
                        lived.replies.append((at, now - at))
                lived.finite &= all(
                    bool(np.isfinite(a.probabilities).all()) for a in message.answers.values()
                )
            elif isinstance(message, Notice):
                lived.notices.append(f"{message.code}: {message.text}")

    async def hear_to_the_end() -> None:
        with contextlib.suppress(BridgeError):
            await hear()

    hearing = asyncio.create_task(hear_to_the_end())
    stopping = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    start, k = time.monotonic(), 0
    while not stopping.done() and not hearing.done():
        k += 1
        t_us = np.array([k * TICK_US])
        samples = {
            "hands": Samples(t_us, poses(rng, 1, 25)),
            "head": Samples(t_us, poses(rng, 1)),
        }
        try:
            seq = await client.send_frame(k * TICK_US + 10, samples)
        except BridgeError:
            break
        sent[seq] = time.time()
        lived.sent.append(time.time())
        await asyncio.sleep(max(0.0, start + k / 30 - time.monotonic()))
    until = time.monotonic() + PATIENCE_S / 4
    while sent and not hearing.done() and time.monotonic() < until:
        await asyncio.sleep(0.01)
    lived.unanswered = len(sent)
    lived.ended = client.ended
    out.write_text(json.dumps(vars(lived)))
    await client.close()
    await hearing


@dataclass
class Lived:
    """What the victim felt: when it ``sent`` (wall clock), its ``replies`` (when the frame was
    sent, seconds until it was answered), how many frames were ``unanswered`` in the end, and why
    its session ``ended``, if it did before it wanted."""

    sent: list[float] = field(default_factory=list)
    replies: list[tuple[float, float]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    unanswered: int = 0
    finite: bool = True
    ended: str | None = None

    def between(self, start: float, end: float) -> Felt:
        """In a stretch of wall clock."""
        ms = [1e3 * took for at, took in self.replies if start <= at < end]
        p50, p99 = np.percentile(ms, (50, 99)).tolist() if ms else (float("nan"),) * 2
        return Felt(p50, p99, len(ms) / (end - start))


@dataclass(frozen=True)
class Felt:
    """Latency in milliseconds from send to reply, and replies a second."""

    p50: float
    p99: float
    per_s: float


@asynccontextmanager
async def streaming(url: str, folder: Path, name: str = "victim") -> AsyncIterator[Lived]:
    """A victim that streams meanwhile; what it felt is in the yielded object afterwards."""
    out, lived = folder / f"{name}-{time.monotonic_ns()}.json", Lived()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _VICTIM, url, str(out), name,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
    try:
        await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)
        yield lived
        process.stdin.close()
        await asyncio.wait_for(process.wait(), PATIENCE_S)
        if not out.exists():
            raise RuntimeError("the victim ended without a word; see above")
        vars(lived).update(json.loads(out.read_text()))
    finally:
        if process.returncode is None:
            process.kill()


# -- one case ---------------------------------------------------------------------------------


@dataclass
class Case:
    """One attack: what the victim felt ``before``, ``during`` and ``after`` it, the server's memory
    (MB) before it, at its peak and after it, and what came of the attack."""

    name: str
    note: str
    lived: Lived
    before: Felt
    during: Felt
    after: Felt
    memory: tuple[float, float, float]
    up: bool


async def suffer(
    server: ServeProcess,
    act: Act,
    *,
    before_s: float = 12.0,
    during_s: float = 14.0,
    after_s: float = 3.0,
) -> Case:
    """A victim streams; after ``before_s`` seconds ``act`` goes on for ``during_s`` at most."""
    peak: list[float] = []

    async def watch() -> None:
        while True:
            peak.append(await asyncio.to_thread(lambda: server.megabytes))
            await asyncio.sleep(0.2)

    async with streaming(server.url, server.folder) as lived:
        await asyncio.sleep(before_s + 1.0)  # its first second warms up
        memory, began = server.megabytes, time.time()
        watching = asyncio.create_task(watch())
        try:
            note = await asyncio.wait_for(act(server.url), during_s)
        except TimeoutError:
            note = "went on to the end"
        except (BridgeError, OSError) as error:
            note = f"stopped: {error}"
        await asyncio.sleep(0.3)
        ended = time.time()
        watching.cancel()
        await asyncio.sleep(after_s)
        done = time.time()
    await asyncio.sleep(1.0)
    return Case(
        getattr(act, "__name__", str(act)),
        note,
        lived,
        lived.between(began - before_s, began),
        lived.between(began, ended),
        lived.between(ended, done),
        (memory, max(peak, default=memory), server.megabytes),
        server.up,
    )


async def newcomer_waits(url: str, name: str = "newcomer") -> float:
    """Seconds until a newcomer is welcomed; raises BridgeError where it is not."""
    started = time.monotonic()
    client = await join(url, name, [HEAD], ["doing"])
    await client.close()
    return time.monotonic() - started


async def join(
    url: str, user: str, channels: list[Channel], tasks: list[str], **more: Any
) -> HeadsetClient:
    """A headset that never loses patience. All have one key, which takes a while to make, and so a
    device for each user."""
    return await connect(
        url, user=user, scenario="x", channels=channels, tasks=tasks, device={"model": user},
        timeout_s=PATIENCE_S, clock_s=None, key=await asyncio.to_thread(_key), **more,
    )  # fmt: skip


async def heard(client: HeadsetClient, into: list[Reply | Cue | Notice]) -> None:
    """Read all that comes, until the session is over."""
    with contextlib.suppress(BridgeError):
        async for message in client:
            into.append(message)  # noqa: PERF401 - what came before an error counts


def folder() -> Path:
    """A new one, for a state and logs."""
    return Path(tempfile.mkdtemp(prefix="fedxr-hostile-"))
