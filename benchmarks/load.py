"""Load and abuse over real sockets: `python -m benchmarks.load [--seconds 600] [--realtime]`.

64 headsets send 72 frames of 4 KB a second for all that time, and 4 more send the same on a
`reliable` channel. Beside them act, one after another, large, rude and broken clients, each kind in
a process of its own (benchmarks/load_clients.py). At the end the server is killed and started anew
under that load. Latency is from capture to reply on one host; "calm p99" is the lower quartile of
the p99 of quarter-seconds, and the ratio is that to the first row's; "reliable" counts the frames
that those four sent and the application never got, and those that it got twice.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks import load_clients
from benchmarks.bridge import EEG32, Process
from benchmarks.load_clients import CALM, RECORD, at, before_all_else
from bridge.channels import Channel
from bridge.client import HeadsetClient, connect
from bridge.clock import now_us
from bridge.protocol import BridgeError, Reply
from bridge.resend import Retry
from bridge.returning import ReturningClient
from bridge.wire import run

CALM_HEADSETS, SURE_HEADSETS, HZ = 64, 4, 72
ACTS = (
    ("", "alone"),
    ("gray", "8 cameras, 30/s, 60 KB raw"),
    ("jpeg", "8 cameras, 30/s, 60 KB JPEG"),
    ("stalled", "8 that never read and flood"),
    ("slow", "8 that read 10 ms a second"),
    ("flood", "8 that send all that is taken"),
    ("loris", "400 handshakes, byte by byte"),
    ("fuzz", "bent messages"),
    ("storm", "reconnect storm of 32"),
    ("", "alone again"),
)


@dataclass
class Act:
    """What the calm headsets lived through while someone else acted."""

    sent: int = 0
    took_us: list[int] = field(default_factory=list)
    captured_us: list[int] = field(default_factory=list)

    def calm_p99(self) -> float:
        """Milliseconds: p99 of each quarter of a second, of these the lower quartile. What other
        jobs on the machine do for less than three quarters of the time does not show in it."""
        window = np.array(self.captured_us) // 250_000
        took = np.array(self.took_us)
        each = [np.percentile(took[window == w], 99) for w in np.unique(window)]
        return float(np.percentile(each, 25)) / 1e3 if each else float("nan")


class Fleet:
    """The well-behaved headsets; ``act`` is what their frames are counted under."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.acts = [Act()]
        self.sure: list[ReturningClient] = []
        self.captured: Counter[tuple[int, int]] = Counter()
        self._began = [0]
        self._clients: list[HeadsetClient] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._stopped = False

    async def start(self) -> None:
        sure = Channel("eeg", EEG32, 2304, "reliable")
        for n in range(CALM_HEADSETS + SURE_HEADSETS):
            steady = n >= CALM_HEADSETS
            client = await connect(
                self.url,
                user=f"sure{n - CALM_HEADSETS}" if steady else f"calm{n}",
                scenario="bench",
                channels=[sure if steady else CALM],
                clock_s=None,
                retry=Retry(0.05, 1.0),
            )
            self._clients.append(client)
            if steady and isinstance(client, ReturningClient):
                self.sure.append(client)
        loop = asyncio.get_running_loop()
        begin = loop.time() + 1.0
        for n, client in enumerate(self._clients):
            offset = begin + n / len(self._clients) / HZ
            self._tasks.append(asyncio.create_task(self._stream(client, n, offset)))
            self._tasks.append(asyncio.create_task(self._read(client)))
        await asyncio.sleep(1.5)
        self.next_act()

    def next_act(self) -> None:
        self.acts.append(Act())
        self._began.append(now_us())

    async def _stream(self, client: HeadsetClient, n: int, start: float) -> None:
        loop = asyncio.get_running_loop()
        for k in itertools.count():
            await asyncio.sleep(max(0.0, start + k / HZ - loop.time()))
            if self._stopped:
                return
            capture = now_us()
            await client.send_frame(capture, at(capture))
            self.acts[-1].sent += n < CALM_HEADSETS
            if n >= CALM_HEADSETS:
                self.captured[n - CALM_HEADSETS, capture] += 1

    async def _read(self, client: HeadsetClient) -> None:
        calm = client not in self.sure
        try:
            async for message in client:
                if isinstance(message, Reply) and calm:
                    took = now_us() - message.capture_us
                    act = -1 if message.capture_us >= self._began[-1] else -2
                    self.acts[act].took_us.append(took)
                    self.acts[act].captured_us.append(message.capture_us)
        except BridgeError as error:
            raise SystemExit(f"a well-behaved headset was thrown out: {error}") from None

    async def finish(self) -> None:
        """Stop sending; wait until all that was promised has arrived."""
        self._stopped = True
        await asyncio.sleep(0.2)
        for client in self.sure:
            await asyncio.wait_for(client.delivered(), 60)
        for task in self._tasks:
            task.cancel()
        for client in self._clients:
            await client.close()


def recorded(path: str) -> Iterator[tuple[int, int]]:
    return RECORD.iter_unpack(Path(path).read_bytes())  # type: ignore[return-value]


def print_act(name: str, act: Act, core: float, rss: float, quiet: float, said: str) -> float:
    p50, p99 = np.percentile(act.took_us or [0], (50, 99)) / 1e3
    calm = act.calm_p99()
    ratio = f"{calm / quiet:.2f}" if quiet else ""
    print(
        f"{name:36}{act.sent:8}{act.sent - len(act.took_us):6}{p50:8.2f}{p99:8.2f}{calm:9.2f}"
        f"{ratio:>6}{core:7.0%}{rss / 2**20:8.0f}  {said}",
        flush=True,
    )
    return calm


async def load(seconds: float, record: str, realtime: bool) -> bool:
    script = load_clients.__file__
    more = ["--record", record, *(["--realtime"] if realtime else [])]
    server = Process("server", *more, script=script)
    port = server.url.rsplit(":", 1)[1]
    fleet = Fleet(server.url)
    await fleet.start()
    print(
        f"{'beside 64 headsets x 72 Hz x 4 KB':36}{'frames':>8}{'lost':>6}{'p50 ms':>8}"
        f"{'p99 ms':>8}{'calm p99':>9}{'ratio':>6}{'core':>7}{'RSS MB':>8}  what the others did"
    )
    quiet, each = 0.0, seconds / (len(ACTS) + 1)
    for role, name in ACTS:
        crowd = Process(role, "--url", server.url, script=script) if role else None
        await asyncio.sleep(0.5)
        before = server.report()
        fleet.next_act()
        await asyncio.sleep(each)
        act = fleet.acts[-1]
        after = server.report()
        fleet.next_act()
        said = ""
        if crowd is not None:
            done = crowd.report()
            crowd.kill()
            said = ", ".join(f"{done[k]:.0f} {k}" for k in done if k not in ("cpu", "rss"))
        await asyncio.sleep(0.5)
        core = (after["cpu"] - before["cpu"]) / each
        p99 = print_act(name, act, core, after["rss"], quiet, said)
        quiet = quiet or p99
    fleet.next_act()
    server.kill()
    await asyncio.sleep(0.5)
    server = Process("server", *more, "--port", port, script=script)
    await asyncio.sleep(each)
    act = fleet.acts[-1]
    back = sum(c.reconnects for c in fleet._clients if isinstance(c, ReturningClient))
    await fleet.finish()
    after = server.report()
    server.stop()
    print_act("server killed, started anew", act, 0.0, after["rss"], quiet, f"{back} came back")
    got = Counter(recorded(record))
    lost = sum(key not in got for key in fleet.captured)
    sent = len(fleet.captured)
    twice = sum(n - 1 for n in got.values())
    print(f"\nreliable: {sent} frames sent, {lost} never arrived, {twice} came twice")
    return lost == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument(
        "--realtime",
        action="store_true",
        help="server and well-behaved headsets run before all else on this machine (Linux, root)",
    )
    options = parser.parse_args()
    if options.realtime:
        before_all_else()
    with tempfile.TemporaryDirectory() as folder:
        if not run(load(options.seconds, str(Path(folder) / "record"), options.realtime)):
            sys.exit("a reliable frame was lost")


if __name__ == "__main__":
    main()
