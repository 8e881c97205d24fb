"""``fedxr demo``: eight headsets live over a real websocket, learning and federating, then tables.

The headsets run in a process of their own and stream in real time; the server answers, learns and
federates. Afterwards the same ticks and feedback are played again in lockstep, without a network
and without a clock, under every coordination (:mod:`fedxr.cli.compared`).
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sys
import time
import webbrowser
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from rich.console import Console

from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.bridge.protocol import BridgeError
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.bridge.transport.connection import freeze_gc, run
from fedxr.cli.compared import Coordination, Replay, affordable, replays
from fedxr.cli.demo_result import Lived, print_demo, result_of
from fedxr.cli.progress import shown
from fedxr.dashboard.judged import truth_of
from fedxr.evaluation import result as results
from fedxr.experiments.choices import one_of
from fedxr.experiments.outputs import check_writable
from fedxr.federation import AGGREGATIONS
from fedxr.learning.learning_rule import LIVE, LearningRule
from fedxr.learning.shipped import CHECKPOINT
from fedxr.live.lockstep import Lockstep
from fedxr.live.loops import Tempo
from fedxr.live.serving import Serving, serving
from fedxr.scenarios.recorded import data_folder
from fedxr.virtual.headsets import recorded_cast, simulated_cast
from fedxr.virtual.streaming import Played, VirtualHeadset, play_apart


@dataclass(frozen=True)
class Demo:
    """Eight headsets stream live, learn from feedback and federate; then a table and a report."""

    headsets: int = 8
    """How many headsets; the eight devices take turns."""
    seconds: float = 60.0
    """How long they stream, in real time."""
    source: Literal["simulated", "recorded"] = "simulated"
    """Simulated people, or recorded ones (two per use case)."""
    data: Path | None = None
    """Folder of the recorded sets; default $FEDXR_DATA."""
    out: Path | None = None
    """Where result.json, report.html and the states go; default runs/<time>."""
    port: int = 8765
    """Port for headsets and the live page; 0 takes any free one."""
    round_s: float = 10.0
    """Seconds between federated rounds."""
    aggregation: Annotated[str, one_of(AGGREGATIONS)] = "mean"
    """How the server makes one of what it is sent; sums of ridge heads are added."""
    compare: tuple[Coordination, ...] = field(default_factory=affordable)
    """What is replayed in lockstep afterwards, to compare with. Each takes a core about as long as
    the run, so by default there are as many as cores, two at least."""
    seed: int = 0
    """Names all draws of chance."""
    config: Path | None = None
    """Where to start from: a YAML file, or the result.json of a demo; other options override it."""
    open: bool = True
    """Open the live page in a browser, where there is one; --no-open does not."""

    def __post_init__(self) -> None:
        if self.headsets < 1 or self.seconds < 1 or self.round_s <= 0:
            raise ValueError(
                f"demo: {self.headsets} headsets, {self.seconds} s, rounds every {self.round_s} s; "
                "take at least 1 headset and 1 s, and a positive time between rounds"
            )
        self.learning()  # refuses what cannot go together

    def learning(self) -> LearningRule:
        return LIVE.with_round(
            coordination="semi-decentralized", aggregation=self.aggregation, seed=self.seed
        )


def demo_command(config: Demo, console: Console) -> int:
    """Run it; on recorded people, with a checkpoint that has learned from others of them."""
    if config.source == "recorded":
        from fedxr.cli.pretrain import recorded_checkpoint

        checkpoint, users = recorded_checkpoint(data_folder(config.data), console)
        cast = recorded_cast(users, config.headsets, config.seed)
    else:
        checkpoint = load_checkpoint(CHECKPOINT)
        cast = simulated_cast(config.headsets, config.seconds, config.seed)
    found = run(demo(config, checkpoint, cast, console))
    return 130 if found.interrupted else 0


async def demo(
    config: Demo,
    checkpoint: Checkpoint,
    cast: Sequence[VirtualHeadset],
    console: Console | None = None,
) -> results.Result:
    """Run it, print the table, write result.json and report.html; returns the result."""
    out, began, began_s = console or Console(), datetime.now(UTC), time.monotonic()
    folder = config.out or Path("runs") / began.strftime("%Y%m%d-%H%M%S")
    check_writable(folder, "--out")
    rule = config.learning()
    tempo = Tempo(round=config.round_s)
    bridge = ServerConfig(port=config.port)
    truth = truth_of(cast, config.seconds)
    async with serving(checkpoint, folder / "state.db", bridge, rule, tempo, truth=truth) as live:
        freeze_gc()
        page = f"http{live.server.url[2:]}/"
        out.print(f"live page: {page}")
        if config.open and has_browser():
            webbrowser.open(page)
        played = await _stream(config, live, cast, out)
        if not live.interrupted:
            await live.live.learn_once()
    seconds = time.monotonic() - began_s
    spent = min(config.seconds, live.metrics.seconds)
    curves = {task: list(points) for task, points in live.metrics.curves().items()}
    lived = Lived(asdict(config), config.seed, live, cast, played, spent, curves)

    def write(others: dict[str, Lockstep]) -> results.Result:
        found = result_of(lived, others)
        found = msgspec.structs.replace(found, started=began.isoformat(), seconds=seconds)
        results.write_result(found, folder / "result.json")
        from fedxr.evaluation.report import write_report  # half a second, at the end

        write_report(found, folder / "report.html")
        return found

    found = write({})  # what was lived is kept, whatever becomes of the comparison
    others: dict[str, Lockstep] = {}
    if not live.interrupted and config.compare:
        others = _replayed(config, checkpoint, cast, out, live)
        found = write(others)
    print_demo(found, out)
    out.print(f"written: {folder / 'result.json'}, {folder / 'report.html'}")
    return found


async def _stream(
    config: Demo, live: Serving, cast: Sequence[VirtualHeadset], out: Console
) -> list[Played]:
    """All headsets until they are done, or until Ctrl-C ends their sessions."""
    playing = asyncio.create_task(play_apart(live.server.url, cast, config.seconds))
    stopped = asyncio.create_task(live.stopped.wait())
    with shown(out) as progress:
        whole = math.ceil(config.seconds)
        while not playing.done() and not stopped.done():
            lived = min(int(live.metrics.seconds), whole)
            progress.stage(f"{len(cast)} headsets stream, seconds", lived, whole)
            await asyncio.wait({playing, stopped}, timeout=0.5)
    stopped.cancel()
    while live.interrupted and not playing.done():  # also those who come only now
        for session in list(live.server.sessions.values()):
            session.close("the demo was stopped")
        await asyncio.wait({playing}, timeout=0.2)
    try:
        return await playing
    except (BrokenProcessPool, BridgeError):
        if live.interrupted:
            return []
        raise


def _replayed(
    config: Demo,
    checkpoint: Checkpoint,
    cast: Sequence[VirtualHeadset],
    out: Console,
    live: Serving,
) -> dict[str, Lockstep]:
    """The replays; Ctrl-C ends them with what there is, and the demo is interrupted."""
    found: dict[str, Lockstep] = {}
    replay = Replay(
        checkpoint, cast, config.seconds, config.round_s, config.seed, config.aggregation
    )
    names = list(dict.fromkeys(config.compare))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with shown(out) as progress:
            progress(f"the same without a clock: {', '.join(names)}")
            for name, one in replays(replay, names):
                found[name] = one
                progress.stage("replays", len(found), len(names))
    except KeyboardInterrupt:
        live.interrupted = True
    finally:
        signal.signal(signal.SIGINT, before)
    return found


def has_browser() -> bool:
    """Whether somebody sits in front of a screen here."""
    screen = sys.platform in ("darwin", "win32") or any(
        os.environ.get(k) for k in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    return screen and sys.stdout.isatty()
