"""The live page with many headsets in Chromium: frames, work per state, and the server's share.

    python -m benchmarks.live_page [--headsets 60]

A bridge publishes states in which every figure moves, as often as a live run does, and twice as
often again as a worst case; headsets come and go. Beside each measurement stands the same page at
rest, in turns, because the machine's own noise is in both. "slow phone" is a small window on a
processor throttled to a quarter. A frame is late when it takes more than 25 ms (60 Hz would be
16.7 ms). Work is the processor time of the page's thread per state, by the browser's own counters
of script, style and layout.

The server's share is the processor time that one state takes from the event loop of a real server
on which as many simulated headsets are seated.
"""

from __future__ import annotations

import asyncio
import math
import random
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import tyro
from playwright.async_api import CDPSession, Page, async_playwright

from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint
from fedxr.agent.tasks import TASKS
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.server import BridgeServer
from fedxr.bridge.user_key import UserKey
from fedxr.dashboard.state import AccuracyState, LiveHeadsetState, LiveState, TaskState
from fedxr.dashboard.static_files import page_files
from fedxr.learning.learning_rule import LIVE
from fedxr.learning.shipped import CHECKPOINT
from fedxr.live.loops import Tempo
from fedxr.live.serving import serving
from fedxr.scenarios.devices import DEVICES
from fedxr.virtual.headsets import simulated_cast

USE_CASES = ("overlays", "neuroadaptive", "companion", "storytelling")
FRAMES = """
window.intervals = [];
let last = 0;
requestAnimationFrame(function tick(now) {
  if (last) window.intervals.push(now - last);
  last = now;
  requestAnimationFrame(tick);
});
"""


@dataclass(frozen=True)
class LivePage:
    """How much, and how long."""

    headsets: int = 60
    """Headsets on the page."""
    seconds: float = 5.0
    """Length of one turn; there are three turns at rest and three with states."""
    seed: int = 0
    """Draws the figures."""


def moving_state(n: int, number: int, rng: random.Random) -> LiveState:
    """State ``number`` of a run of ``n`` headsets in clusters of eight; every figure differs from
    that of the state before, and one headset in turn is away."""
    here = [k for k in range(n) if k != number // 10 % n]
    ids = {k: f"persona-{k:04}/{list(DEVICES)[k % len(DEVICES)]}" for k in here}
    clusters = [[ids[k] for k in here if k // 8 == c] for c in range((n + 7) // 8)]
    return LiveState(
        t=0.4 * number,
        round=number // 10,
        trouble="",
        headsets=[_headset(k, ids[k], number, rng) for k in here],
        clusters=[
            {"id": c, "members": m, "representative": m[0], "gamma": 1 + c % 4}
            for c, m in enumerate(clusters)
            if m
        ],
        links=[
            {"ends": (a, b), "bytes": rng.randrange(10**6), "joules": rng.random()}
            for m in clusters
            for i, a in enumerate(m)
            for b in (*m[i + 1 :], "server")
        ],
        events=[
            {"number": k, "t": 4.0 * k, "kind": "joined", "headset": ids[here[k % len(here)]],
             "text": "joined with gaze, hand; answered are intent, workload"}
            for k in range(max(1, number // 10 - 49), number // 10 + 1)
        ],
        ledger={"d2d_bytes": number * 10**6, "up_bytes": number * 10**5,
                "down_bytes": number * 2 * 10**5, "joules": 0.01 * number, "epsilon": None},
        accuracy=_accuracy(number, rng),
        tasks={task: _accuracy(number, rng) for task in list(TASKS)[:8]},
        curves={
            task: [
                (float(t), 0.5 + 0.1 * (t * t % 7), 0.7, t) for t in range(150 + 2 * number // 5)
            ]
            for task in list(TASKS)[:8]
        },
        labels={"count": number, "waiting": number % 3, "p50_s": rng.random(),
                "p95_s": rng.random(), "max_s": 1.0,
                "in_rounds": number // 4, "in_rounds_p95_s": rng.random()},
        recording=None,
    )  # fmt: skip


def _accuracy(number: int, rng: random.Random) -> AccuracyState:
    return AccuracyState(
        against="truth",
        questions=number,
        headsets=8,
        generic=rng.random(),
        last_label=rng.random(),
        given=rng.random(),
        low=rng.random(),
        high=rng.random(),
        feedback_errors=rng.random(),
    )


def _headset(k: int, name: str, number: int, rng: random.Random) -> LiveHeadsetState:
    device = list(DEVICES.values())[k % len(DEVICES)]
    tasks = [t for t in TASKS.values() if t.use_case == USE_CASES[k % 4]][:3]
    return LiveHeadsetState(
        id=name,
        user=name.split("/")[0],
        use_case=USE_CASES[k % 4],
        device=name.split("/")[1],
        since=float(k % 7),
        against="truth",
        channels=[
            {"name": c.name, "hz": c.rate_hz * rng.uniform(0.9, 1.1)} for c in device.channels
        ],
        tasks=[
            TaskState(
                name=t.name,
                deadline_ms=t.deadline_ms,
                p50_ms=rng.uniform(5, 40),
                p99_ms=rng.uniform(40, 120),
                predicted=rng.choice(t.classes),
                probability=rng.random(),
                truth=rng.choice(t.classes),
                recent=[rng.random() < 0.7 for _ in range(20)],
                accuracy_before=rng.random(),
                accuracy_now=rng.random(),
                questions=number,
                low=rng.random(),
                high=rng.random(),
            )
            for t in tasks
        ],
        battery=rng.random(),
        joules=rng.random(),
        epsilon=None,
        cluster=k // 8,
        representative=k % 8 == 0,
        position=_place(k),
        drops=[{"what": "gaze", "count": number, "why": "a newer one came"}] if k % 5 == 0 else [],
    )


def _place(k: int) -> tuple[float, float]:
    """Clusters of eight stand in circles of 2 m around their own place on a circle of 10 m."""
    far, near = 2.4 * (k // 8), 0.8 * k
    return 10 * math.cos(far) + 2 * math.cos(near), 10 * math.sin(far) + 2 * math.sin(near)


class Nobody(Application):
    """The application of a server that only shows a page."""


@asynccontextmanager
async def shown(
    server: BridgeServer, width: int, height: int, slower: int
) -> AsyncIterator[tuple[Page, CDPSession]]:
    """The page in a window of that size, on a processor ``slower`` times as slow."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page(viewport={"width": width, "height": height})
        await page.add_init_script(FRAMES)
        await page.goto(f"http{server.url[2:]}/")
        await page.wait_for_selector("article")
        tools = await page.context.new_cdp_session(page)
        await tools.send("Performance.enable", {"timeDomain": "threadTicks"})
        await tools.send("Emulation.setCPUThrottlingRate", {"rate": slower})
        yield page, tools
        await browser.close()


async def counters(tools: CDPSession) -> dict[str, float]:
    """Seconds that the page has spent so far, by kind of work."""
    found = await tools.send("Performance.getMetrics")
    return {m["name"]: m["value"] for m in found["metrics"]}


async def turn(
    page: Page, server: BridgeServer, states: list[bytes], every: float, seconds: float
) -> tuple[list[float], int]:
    """Frame intervals in ms during ``seconds`` in which a state is published ``every`` so many
    seconds (none where ``states`` is empty), and how many there were."""
    await page.evaluate("window.intervals.length = 0")
    end, sent = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        if states:
            server.publish(states[sent % len(states)])
            sent += 1
        await asyncio.sleep(every)
    return await page.evaluate("window.intervals"), sent


async def measure(server: BridgeServer, config: LivePage, states: list[bytes]) -> None:
    """Print one line per window and rate."""
    print(f"{'':28}{'frame ms: p50':>14}{'p99':>7}{'most':>7}{'late':>8}"
          f"   {'work ms a state: script':>24}{'style':>7}{'layout':>8}")  # fmt: skip
    for name, width, height, slower in (("desk", 1440, 900, 1), ("slow phone", 390, 844, 4)):
        async with shown(server, width, height, slower) as (page, tools):
            for every in (0.4, 0.2):
                rest: list[float] = []
                busy: list[float] = []
                work, count = np.zeros(3), 0
                for _ in range(3):
                    rest += (await turn(page, server, [], every, config.seconds))[0]
                    before = await counters(tools)
                    frames, sent = await turn(page, server, states, every, config.seconds)
                    after = await counters(tools)
                    kinds = ("ScriptDuration", "RecalcStyleDuration", "LayoutDuration")
                    work += np.array([after[k] - before[k] for k in kinds])
                    busy, count = busy + frames, count + sent
                print(line(f"{name}, at rest", rest))
                script, style, layout = 1000 * work / count
                spent = f"{script:27.1f}{style:7.1f}{layout:8.1f}"
                print(line(f"{name}, {1 / every:g} states a second", busy) + spent)


def line(name: str, ms: list[float]) -> str:
    late = sum(1 for one in ms if one > 25) / len(ms)
    p50, p99 = np.percentile(ms, (50, 99))
    return f"{name:28}{p50:14.1f}{p99:7.1f}{max(ms):7.1f}{100 * late:7.2f}%"


async def publish_cost(headsets: int) -> str:
    """What making and encoding one state of a real server costs its event loop."""
    folder = Path(tempfile.mkdtemp())
    cast = simulated_cast(headsets, 1.0, seed=0)
    learning = LIVE.with_round(coordination="semi-decentralized", seed=0)
    quiet = Tempo(round=1e6, learn=1e6, publish=1e6, save=1e6)
    config = ServerConfig(port=0)
    async with serving(
        load_checkpoint(CHECKPOINT), folder / "s.db", config, learning, quiet
    ) as live:
        clients = [
            await connect(
                live.server.url, user=a.user.name, scenario=a.user.use_case,
                channels=a.user.channels, tasks=a.user.tasks, device=a.device, clock_s=None,
                key=UserKey.new(),
                timeout_s=60,
            )
            for a in cast
        ]  # fmt: skip
        for session in live.server.sessions.values():
            for us in range(1024):
                session.stats.latency.add(20_000 + us)
        took = []
        for _ in range(30):
            start = time.thread_time()
            data = msgspec.json.encode(live.metrics.state(live.live.agents))
            took.append(1000 * (time.thread_time() - start))
        for client in clients:
            await client.close()
    shutil.rmtree(folder)
    p50, most = np.percentile(took, (50, 100))
    return f"server: {headsets} headsets, {p50:.1f} ms a state (most {most:.1f}), {len(data)} bytes"


async def main(config: LivePage) -> None:
    if shutil.which("chromium") is None:
        sys.exit("no chromium on this machine: apt-get install chromium")
    rng = random.Random(config.seed)
    states = [msgspec.json.encode(moving_state(config.headsets, k, rng)) for k in range(1, 100)]
    print(f"{config.headsets} headsets, {len(states[0])} bytes a state")
    async with BridgeServer(Nobody(), ServerConfig(port=0), page_files()) as server:
        server.publish(states[0])
        await measure(server, config, states)
    print(await publish_cost(config.headsets))


if __name__ == "__main__":
    asyncio.run(main(tyro.cli(LivePage, description=__doc__)))
