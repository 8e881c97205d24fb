"""What recording costs: `python -m benchmarks.recording [--headsets 16] [--seconds 4] [--pairs 3]`.

1. Headsets of seven channels at 72 Hz (in a process of their own) are answered by one server, in
   turns without and with a recording: time from frame to reply, and the server's processor time.
2. The same frames as fast as the writer takes them, and read back: processor time and size.

The writing process's own time is in part 2 and not in part 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.bridge import SEVEN, samples_of
from benchmarks.newcomer import KEY
from fedxr.bridge.channels import Samples
from fedxr.bridge.clock import now_us
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.frames import ChannelCodec, Frame, pack_samples
from fedxr.bridge.protocol import VERSIONS, Answer, Hello, Offer, PackedFrame, Reply, Welcome
from fedxr.bridge.recording.reader import Recording
from fedxr.bridge.recording.recorder import Recorder, RecordingStatus
from fedxr.bridge.recording.sessions import RecordedSession
from fedxr.bridge.recording.writer import Entry, RecordingWriter
from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.server import BridgeServer, ServerConfig
from fedxr.bridge.serving.session import Session
from fedxr.bridge.transport.connection import run

RATE = 72.0
CHANNELS = [channel for channel, _ in SEVEN]
ANSWER = {"emotion": Answer.of(np.array([0.25, 0.75]))}


class Answering(Application):
    """Answers each frame at once."""

    def joined(self, session: Session) -> Sequence[str]:
        return ("emotion",)

    def frame(self, session: Session, frame: Frame) -> None:
        session.send_reply(frame.seq, frame.capture_us, ANSWER)


async def one_headset(url: str, user: str, seconds: float) -> list[int]:
    """Microseconds from each frame to its reply."""
    client = await connect(
        url, user=user, scenario="companion", channels=CHANNELS, clock_s=None, key=KEY
    )
    sent: dict[int, int] = {}
    waits: list[int] = []

    async def listen() -> None:
        async for message in client:
            if isinstance(message, Reply):
                wait = now_us() - sent[message.seq]
                waits.append(wait)

    listening = asyncio.create_task(listen())
    start = now_us()
    for n in range(int(seconds * RATE)):
        capture_us, samples = samples_of(SEVEN, n, start)
        await asyncio.sleep(max(0.0, (capture_us - now_us()) / 1e6))
        sent[n + 1] = now_us()
        await client.send_frame(capture_us, samples)
    await asyncio.sleep(0.3)
    await client.close()
    await listening
    return waits


async def headsets(url: str, count: int, seconds: float) -> None:
    waits = await asyncio.gather(*(one_headset(url, f"u{i}", seconds) for i in range(count)))
    print(json.dumps([w for ws in waits for w in ws]))


async def serve_once(
    count: int, seconds: float, path: Path | None
) -> tuple[np.ndarray, float, RecordingStatus]:
    """Waits (us), processor time (us) of a frame, and how the recording went."""
    server = BridgeServer(Answering(), ServerConfig(port=0))
    recorder = Recorder(server, Path())
    async with server:
        if path is not None:
            recorder.start(path)
        began = time.process_time()
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.recording", "--connect", server.url,
            "--headsets", str(count), "--seconds", str(seconds),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await child.communicate()
    status = await recorder.stop()
    waits = np.array(json.loads(out))
    return waits, (time.process_time() - began) / len(waits) * 1e6, status


def costs(count: int, seconds: float, pairs: int) -> None:
    """Part 1."""
    print(f"{count} headsets x {RATE:g} Hz x {len(SEVEN)} channels, {pairs} pairs of {seconds:g} s")
    kinds: dict[str, list[tuple[np.ndarray, float]]] = {"without": [], "recording": []}
    dropped = 0
    with tempfile.TemporaryDirectory() as folder:
        for n in range(pairs):
            for kind, runs in kinds.items():
                path = Path(folder) / f"{n}.mcap" if kind == "recording" else None
                waits, used, ended = run(serve_once(count, seconds, path))
                runs.append((waits, used))
                dropped += ended.dropped
    for kind, runs in kinds.items():
        p50, p99 = (np.median([np.percentile(w, q) for w, _ in runs]) / 1e3 for q in (50, 99))
        answered = np.median([len(w) for w, _ in runs])
        used = np.median([u for _, u in runs])
        print(
            f"  {kind:10}: p50 {p50:6.2f} ms, p99 {p99:6.2f} ms, {answered:.0f} replies, "
            f"server {used:.0f} us of a core a frame"
        )
    print(f"  left out because the disk was too slow: {dropped} messages")


def _used() -> float:
    """Seconds of processor time of this process and of its children that have ended."""
    return sum(os.times()[:4])


def speed(seconds: float) -> None:
    """Part 2: one headset's frames through the writer, and back."""
    codecs = {c.name: ChannelCodec(c, n) for n, c in enumerate(CHANNELS, 1)}
    offers = [Offer(c.name, c.layout, c.rate_hz) for c in CHANNELS]
    hello = Hello(*VERSIONS, "u", "companion", offers, [])
    ids = {c.name: n for n, c in enumerate(CHANNELS, 1)}
    session = RecordedSession(1, hello, Welcome(1, "s", ids, {}, [], 33_333, 0, 1), now_us())
    frames, rng = [], np.random.default_rng(0)
    for n in range(int(seconds * RATE)):
        capture_us, samples = samples_of(SEVEN, n, 10**15)
        noise = {
            name: Samples(
                s.t_us, (1e3 * rng.standard_normal(s.values.shape)).astype(s.values.dtype)
            )
            for name, s in samples.items()
        }
        frames.append(PackedFrame(n + 1, capture_us, pack_samples(noise, codecs)))
    raw = sum(len(b.data) for f in frames for b in f.blocks)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.mcap"
        began = _used()
        writer = RecordingWriter(path, queue_bytes=2**34)
        writer.put(session)
        for frame in frames:
            writer.put(Entry(session, frame.capture_us, frame.capture_us, frame))
        writer.close()
        wrote = _used() - began
        size, began = path.stat().st_size, time.process_time()
        events = sum(1 for _ in Recording(path).events())
        read = time.process_time() - began
    print(
        f"{events - 1} frames of one headset, noise ({raw / 1e6:.1f} MB, {seconds:g} s): "
        f"written at {seconds / wrote:.0f} x, read at {seconds / read:.0f} x real time; "
        f"the file has {size / raw:.2f} x the samples' bytes"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--headsets", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--connect", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.connect:
        run(headsets(chosen.connect, chosen.headsets, chosen.seconds))
        return
    sys.setswitchinterval(0.001)  # as `fedxr serve` and `fedxr record` do
    costs(chosen.headsets, chosen.seconds, chosen.pairs)
    speed(60.0)


if __name__ == "__main__":
    main()
