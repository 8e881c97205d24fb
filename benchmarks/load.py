"""Load and abuse over real sockets: `python -m benchmarks.load [--seconds 600] [--realtime]`.

64 headsets send 72 frames of 4 KB a second for all that time, and 4 more send the same on a
`reliable` channel. Beside them act, one after another, large, rude and broken clients, each kind in
a process of its own (benchmarks/load_clients.py). At the end the server is killed and started anew
under that load. Latency is from capture to reply on one host; "calm p99" is the lower quartile of
the p99 of quarter-seconds. Before and after each act the 64 are left alone for half as long: the
ratio is the act's calm p99 to the mean of those two. "reliable" counts the frames that the four
sent and the application never got, and those that it got twice. The last columns are a bare
`websockets` server's under the same, which looks at nothing (benchmarks/load_bare.py); "-": there
is nothing like it for a server that knows no frames.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks import load_bare, load_clients
from benchmarks.bridge import EEG32, Process
from benchmarks.load_act import Act
from benchmarks.load_clients import CALM, RECORD, at, before_all_else
from benchmarks.newcomer import KEY
from fedxr.bridge.channels import Channel
from fedxr.bridge.clock import now_us
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.connecting.reconnecting import ReturningClient
from fedxr.bridge.connecting.unacknowledged import Retry
from fedxr.bridge.protocol import BridgeError, Reply
from fedxr.bridge.transport.connection import run

CALM_HEADSETS, SURE_HEADSETS, HZ = 64, 4, 72
BARE_S = 20.0
"""Seconds of each act that the bare server lives through, at most."""
ACTS = {
    "gray": "8 cameras, 30/s, 60 KB raw",
    "jpeg": "8 cameras, 30/s, 60 KB JPEG",
    "stalled": "8 that never read and flood",
    "slow": "8 that read 10 ms a second",
    "flood": "8 that send all that is taken",
    "loris": "400 handshakes, byte by byte",
    "fuzz": "bent messages",
    "storm": "reconnect storm of 32",
}
SCRIPT = load_clients.__file__


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
                key=KEY,
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

    def next_act(self) -> Act:
        self.acts.append(Act())
        self._began.append(now_us())
        return self.acts[-1]

    @property
    def reconnects(self) -> int:
        return sum(c.reconnects for c in self._clients if isinstance(c, ReturningClient))

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
                    act = -1 if message.capture_us >= self._began[-1] else -2
                    self.acts[act].answered(message.capture_us)
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


HEADER = (
    f"{'beside 64 headsets x 72 Hz x 4 KB':36}{'frames':>8}{'lost':>6}{'p50 ms':>8}{'p99 ms':>8}"
    f"{'calm p99':>9}{'ratio':>6}{'core':>6}{'RSS MB':>7}"
    f"  |{'bare p50':>9}{'calm p99':>9}{'ratio':>6}{'core':>6}{'RSS MB':>7}  what the others did"
)
NO_BARE = f"  |{'-':>9}{'-':>9}{'':19}"


@dataclass
class Row:
    """One act; ``alone`` are the times before and after it."""

    act: Act
    alone: Sequence[Act]
    core: float
    rss: float

    def _columns(self) -> str:
        calm = self.act.calm_p99()
        ratio = f"{calm / np.mean([a.calm_p99() for a in self.alone]):.2f}" if self.alone else ""
        return f"{calm:9.2f}{ratio:>6}{self.core:6.0%}{self.rss / 2**20:7.0f}"

    def ours(self, name: str) -> str:
        act = self.act
        p50, p99 = np.percentile(act.took_us or [0], (50, 99)) / 1e3
        lost = act.sent - len(act.took_us)
        return f"{name:36}{act.sent:8}{lost:6}{p50:8.2f}{p99:8.2f}{self._columns()}"

    def bare(self) -> str:
        return f"  |{np.percentile(self.act.took_us or [0], 50) / 1e3:9.2f}{self._columns()}"


async def lived(
    fleet: Fleet | load_bare.Fleet, server: Process, seconds: float
) -> tuple[Act, float, float]:
    """What the well-behaved live through for so long; the server's share of a core, and its RSS."""
    before = server.report()
    act = fleet.next_act()
    await asyncio.sleep(seconds)
    after = server.report()
    fleet.next_act()
    return act, (after["cpu"] - before["cpu"]) / seconds, after["rss"]


async def bare_act(role: str, seconds: float, more: Sequence[str]) -> Row:
    """One act on a server of its own: what it leaves behind in a bare one is not the next one's."""
    server = Process("bare-server", *more, script=SCRIPT)
    fleet = load_bare.Fleet(server.url, CALM_HEADSETS, HZ)
    await fleet.start()
    alone = [(await lived(fleet, server, seconds / 2))[0]]
    crowd = Process(f"bare-{role}", "--url", server.url, script=SCRIPT)
    await asyncio.sleep(0.5)
    act, core, rss = await lived(fleet, server, seconds)
    crowd.kill()
    await asyncio.sleep(1.0)
    alone.append((await lived(fleet, server, seconds / 2))[0])
    fleet.finish()
    server.kill()
    return Row(act, alone, core, rss)


async def load(seconds: float, record: str, realtime: bool) -> bool:
    flag = ["--realtime"] if realtime else []
    each = seconds / (1.5 * len(ACTS) + 1.5)
    print(HEADER, flush=True)
    beside = {
        role: await bare_act(role, min(each, BARE_S), flag)
        for role in ACTS
        if f"bare-{role}" in load_clients.ROLES
    }
    more = ["--record", record, *flag]
    server = Process("server", *more, script=SCRIPT)
    port = server.url.rsplit(":", 1)[1]
    fleet = Fleet(server.url)
    await fleet.start()
    alone, core, rss = await lived(fleet, server, each / 2)
    quiet = [alone]
    print(Row(alone, (), core, rss).ours("alone"), flush=True)
    for role, name in ACTS.items():
        crowd = Process(role, "--url", server.url, script=SCRIPT)
        await asyncio.sleep(0.5)
        act, core, rss = await lived(fleet, server, each)
        done = crowd.report()
        crowd.kill()
        await asyncio.sleep(1.0)
        quiet.append((await lived(fleet, server, each / 2))[0])
        row = Row(act, quiet[-2:], core, rss).ours(name)
        said = ", ".join(f"{done[k]:.0f} {k}" for k in done if k not in ("cpu", "rss"))
        print(f"{row}{beside[role].bare() if role in beside else NO_BARE}  {said}", flush=True)
    act = fleet.next_act()
    server.kill()
    await asyncio.sleep(0.5)
    server = Process("server", *more, "--port", port, script=SCRIPT)
    await asyncio.sleep(each)
    await fleet.finish()
    row = Row(act, (), 0.0, server.report()["rss"]).ours("server killed, started anew")
    print(f"{row}{NO_BARE}  {fleet.reconnects} came back")
    server.stop()
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
