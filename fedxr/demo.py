"""``fedxr demo``: eight headsets live over the real websocket, learning and meeting, then a table.

The headsets run in a process of their own and stream in real time; the server answers, learns and
federates. Afterwards the same ticks and feedback are played again in lockstep, without a network,
with every headset for itself (``local``) and with a server in the middle (``centralized``).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import webbrowser
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from agent.cohort import Tuning
from agent.fleet import Brain
from agent.tasks import task_named
from bridge.admission import ServerConfig
from bridge.protocol import BridgeError
from bridge.wire import settle
from evaluation import result as results
from evaluation.report import write_report
from federation.ledger import total
from fedxr.agents import Agents
from fedxr.cast import profile_of_actor
from fedxr.learner import Learner
from fedxr.learning_rule import LIVE
from fedxr.lockstep import Lockstep, lockstep
from fedxr.script import beats
from fedxr.serve import Serving, serving
from fedxr.stream import Actor, Played, play_apart
from fedxr.summary import machine, versions
from fedxr.tempo import Tempo
from fedxr.told import Score

OTHERS = ("local", "centralized")
"""Coordinations that the demo is compared with."""
PROTOCOL = (
    "Each headset starts from the checkpoint and learns online from its user's delayed feedback. "
    "Before: the checkpoint's answers; after: the answers given live. Both over the questions of "
    "the second half of the run that feedback followed, against the truth (feedback may err)."
)


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
    seed: int = 0
    """Names all draws of chance."""
    open: bool = True
    """Open the live page in a browser, where there is one."""

    def __post_init__(self) -> None:
        if self.headsets < 1 or self.seconds < 1 or self.round_s <= 0:
            raise ValueError(
                f"demo: {self.headsets} headsets, {self.seconds} s, rounds every {self.round_s} s; "
                "take at least 1 headset and 1 s, and a positive time between rounds"
            )


Truths = dict[tuple[str, str, int, int], tuple[int, float]]
"""(headset, task, episode, tick) -> (truth, seconds from the start)"""
Quality = dict[str, tuple[float, float, int]]
"""task -> (before, after, questions)"""
Users = dict[str, dict[str, tuple[list[bool], list[bool]]]]
"""task -> headset -> (before, after): which questions were answered rightly"""


async def demo(
    config: Demo, brain: Brain, cast: Sequence[Actor], console: Console | None = None
) -> results.Result:
    """Run it, print the table, write result.json and report.html; returns the result."""
    out, began = console or Console(), datetime.now(UTC)
    folder = config.out or Path("runs") / began.strftime("%Y%m%d-%H%M%S")
    folder.mkdir(parents=True, exist_ok=True)
    rule = LIVE.with_round(coordination="semi-decentralized", seed=config.seed)
    tempo = Tempo(round=config.round_s)
    bridge = ServerConfig(port=config.port)
    async with serving(brain, folder / "state.db", bridge, rule, tempo) as live:
        settle()
        page = f"http{live.server.url[2:]}/"
        out.print(f"live page: {page}")
        if config.open and has_browser():
            webbrowser.open(page)
        played = await _stream(config, live, cast, out)
        if not live.interrupted:
            await live.live.learn_once()
    seconds = (datetime.now(UTC) - began).total_seconds()
    lived = min(config.seconds, live.scoreboard.seconds)
    others: dict[str, Lockstep] = {}

    def write() -> results.Result:
        found = _result(config, live, cast, played, others, lived)
        found = msgspec.structs.replace(found, started=began.isoformat(), seconds=seconds)
        results.write_result(found, folder / "result.json")
        write_report(found, folder / "report.html")
        return found

    found = write()  # what was lived is kept, whatever becomes of the comparison
    if not live.interrupted:
        others = _compared(config, brain, cast, out, live)
        found = write()
    out.print(_table(found, cast, played, live, others, lived))
    for line in found.notes:
        out.print(line, highlight=False, markup=False)
    out.print(f"written: {folder / 'result.json'}, {folder / 'report.html'}")
    return found


async def _stream(config: Demo, live: Serving, cast: Sequence[Actor], out: Console) -> list[Played]:
    """All headsets until they are done, or until Ctrl-C ends their sessions."""
    playing = asyncio.create_task(play_apart(live.server.url, cast, config.seconds))
    stopped = asyncio.create_task(live.stopped.wait())
    with Progress(console=out, transient=True) as progress:
        bar = progress.add_task(f"{len(cast)} headsets stream", total=config.seconds)
        while not playing.done() and not stopped.done():
            await asyncio.wait({playing, stopped}, timeout=0.5)
            progress.update(bar, completed=min(live.scoreboard.seconds, config.seconds))
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


def _compared(
    config: Demo, brain: Brain, cast: Sequence[Actor], out: Console, live: Serving
) -> dict[str, Lockstep]:
    """The other coordinations; Ctrl-C ends it with what there is, and the demo is interrupted."""
    found: dict[str, Lockstep] = {}
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for name in OTHERS:
            found[name] = _other(name, config, brain, cast, out)
    except KeyboardInterrupt:
        live.interrupted = True
    finally:
        signal.signal(signal.SIGINT, before)
    return found


def _other(name: str, config: Demo, brain: Brain, cast: Sequence[Actor], out: Console) -> Lockstep:
    """The same ticks and feedback under another coordination."""
    with out.status(f"the same without a network: {name}"):
        tuning = Tuning(seed=config.seed)
        rule = LIVE.with_round(coordination=name, seed=config.seed)
        learner = Learner(brain, tuning, rule)
        agents = Agents(brain, tuning, learner)
        script = [
            (profile_of_actor(a, _tasks(a, brain)), beats(a.user, a.voice, config.seconds))
            for a in cast
        ]
        return lockstep(agents, script, round_=round(config.round_s * 30))


def _tasks(actor: Actor, brain: Brain) -> list[str]:
    return [t for t in actor.user.tasks if t in brain.model.plan.tasks]


def truths(cast: Sequence[Actor], seconds: float) -> Truths:
    """Of every question that the cast is asked."""
    found: Truths = {}
    for actor in cast:
        for n, beat in enumerate(beats(actor.user, actor.voice, seconds), 1):
            for query in beat.asked:
                found[actor.name, query.task, beat.episode, beat.tick] = (query.label, n / 30)
    return found


def right(
    scores: Sequence[Score],
    truth: Truths,
    after_s: float,
) -> Users:
    """Which questions asked after ``after_s`` were answered rightly, before and after learning."""
    out: Users = defaultdict(lambda: defaultdict(lambda: ([], [])))
    for score in scores:
        label, at = truth.get((score.name, score.task, score.episode, score.tick), (-1, -1.0))
        if at >= after_s and score.answered is not None:
            before, after = out[score.task][score.name]
            before.append(score.generic == label)
            after.append(score.answered == label)
    return out


def quality(users: Users) -> Quality:
    """Mean over users, by task."""
    return {
        task: (
            float(np.mean([np.mean(b) for b, _ in found.values()])),
            float(np.mean([np.mean(a) for _, a in found.values()])),
            sum(len(a) for a, _ in found.values()),
        )
        for task, found in sorted(users.items())
    }


def latencies(played: Sequence[Played]) -> dict[str, np.ndarray]:
    """Capture to reply in ms of every task, over all headsets that are asked it."""
    found: dict[str, list[float]] = defaultdict(list)
    for one in played:
        for task in one.tasks:
            found[task] += one.latency_ms
    return {task: np.array(ms) for task, ms in sorted(found.items()) if ms}


def _result(
    config: Demo,
    live: Serving,
    cast: Sequence[Actor],
    played: Sequence[Played],
    others: Mapping[str, Lockstep],
    lived: float,
) -> results.Result:
    board = live.scoreboard
    truth = truths(cast, config.seconds)
    users = right([s for _, s in board.scores], truth, lived / 2)
    local = right(others["local"].scores, truth, lived / 2) if "local" in others else {}
    ledger = board.ledger()
    settings = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()}
    return results.Result(
        command=sys.argv,
        started="",
        seconds=0.0,
        config=settings,
        seeds=[config.seed],
        versions=versions(),
        machine=machine(),
        protocol=PROTOCOL,
        rows=[_row(task, found, local.get(task, {})) for task, found in sorted(users.items())],
        latency=[_latency(task, ms) for task, ms in latencies(played).items()],
        traffic=results.Traffic(
            up=ledger["up_bytes"], down=ledger["down_bytes"], d2d=ledger["d2d_bytes"]
        ),
        joules=ledger["joules"],
        energy_source="sending: 10 mW device to device, 251 mW to the server (arXiv:2007.09511)",
        rounds=[
            results.Round(
                number=r.number,
                seconds=r.seconds,
                joules=sum(x.joules for x in r.rows if x.link != "compute"),
                absent=len(cast) - len(r.awake),
                clusters=[
                    results.Cluster(
                        members=list(c.members),
                        representative=c.representative,
                        gamma=c.rounds,
                        lambda2=c.norm,
                    )
                    for c in r.clusters
                ],
            )
            for r in board.rounds
        ],
        curves={
            task: [results.CurvePoint(*point) for point in points]
            for task, points in board.curves().items()
        },
        notes=_notes(live, played),
        interrupted=live.interrupted,
    )


def _row(
    task: str,
    found: Mapping[str, tuple[list[bool], list[bool]]],
    local: Mapping[str, tuple[list[bool], list[bool]]],
) -> results.Row:
    arms = {
        "generic": results.score([{u: float(np.mean(b)) for u, (b, _) in found.items()}]),
        "federated_personalised": results.score(
            [{u: float(np.mean(a)) for u, (_, a) in found.items()}]
        ),
    }
    if local:
        arms["local"] = results.score([{u: float(np.mean(a)) for u, (_, a) in local.items()}])
    return results.Row(
        name=task,
        task=task,
        metric="accuracy",
        chance=1 / len(task_named(task).classes),
        test_windows=sum(len(a) for a, _ in found.values()),
        users=len(found),
        arms=arms,
        halves="questions of the second half of the run",
    )


def _latency(task: str, ms: np.ndarray) -> results.Latency:
    deadline = task_named(task).deadline_ms
    p50, p99 = np.percentile(ms, (50, 99)).tolist()
    return results.Latency(
        task=task,
        deadline_ms=deadline,
        p50_ms=p50,
        p99_ms=p99,
        replies=len(ms),
        late=int((ms > deadline).sum()),
    )


def _notes(live: Serving, played: Sequence[Played]) -> list[str]:
    notes = []
    ms = 1000 * np.array(live.live.model_seconds)
    if len(ms):
        p50, p99 = np.percentile(ms, (50, 99))
        notes.append(
            f"encoders and model, all headsets of a pass: p50 {p50:.1f} ms, p99 {p99:.1f} ms "
            f"({len(ms)} passes), while all learned"
        )
    for one in played:
        if one.ended and not live.interrupted:
            notes.append(f"{one.name}: {one.ended}")
        notes += [f"{one.name}: {text}" for text in dict.fromkeys(one.notices)]
    return notes


def _table(
    found: results.Result,
    cast: Sequence[Actor],
    played: Sequence[Played],
    live: Serving,
    others: Mapping[str, Lockstep],
    lived: float,
) -> Table:
    """Quality, latency and cost, task by task, and beside it the other coordinations."""
    truth = truths(cast, lived)
    beside = {n: quality(right(r.scores, truth, lived / 2)) for n, r in others.items()}
    latency = {row.task: row for row in found.latency}
    table = Table(title="Second half of the run", title_justify="left")
    table.add_column("task")
    for head in ("questions", "before %", "after %", *(f"{n} %" for n in beside)):
        table.add_column(head, justify="right")
    for head in ("p50 ms", "p99 ms", "deadline ms"):
        table.add_column(head, justify="right")
    for row in found.rows:
        arms, ms = row.arms, latency.get(row.task)
        cells = [f"{100 * arms[a].mean:.0f}" for a in ("generic", "federated_personalised")]
        cells += [f"{100 * q[row.task][1]:.0f}" if row.task in q else "–" for q in beside.values()]
        times = (ms.p50_ms, ms.p99_ms) if ms else (None, None)
        cells += ["–" if t is None else f"{t:.0f}" for t in times]
        cells.append(f"{task_named(row.task).deadline_ms:g}")
        table.add_row(row.task, str(row.test_windows), *cells)
    t = found.traffic
    costs = [f"semi-decentralized: {_cost(t.up, t.down, t.d2d, found.joules or 0.0)}"]
    costs += [f"{name}: {_cost_of(r)}" for name, r in others.items()]
    table.caption = "\n".join(costs)
    return table


def _cost_of(one: Lockstep) -> str:
    rows = [row for report in one.rounds for row in report.rows if row.link != "compute"]
    up, down, d2d = (total(rows, link).bytes for link in ("uplink", "downlink", "d2d"))
    return _cost(up, down, d2d, total(rows).joules)


def _cost(up: int, down: int, d2d: int, joules: float) -> str:
    mega = (f"{n / 1e6:.1f}" for n in (up, down, d2d))
    return "{} MB up, {} MB down, {} MB device to device".format(*mega) + f", {joules:.2f} J"


def has_browser() -> bool:
    """Whether somebody sits in front of a screen here."""
    screen = sys.platform in ("darwin", "win32") or any(
        os.environ.get(k) for k in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    return screen and sys.stdout.isatty()
