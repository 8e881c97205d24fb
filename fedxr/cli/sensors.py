"""``fedxr sensors``: laboratory sensors and other devices as a headset of a bridge."""

from __future__ import annotations

import asyncio
import math
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from fedxr.agent.tasks import TASKS
from fedxr.agent.tasks.task import check_use_case
from fedxr.bridge.sensors.mapping import Wish, map_source, rows
from fedxr.bridge.sensors.markers import MarkedTask
from fedxr.bridge.sensors.sensor import Sensor
from fedxr.bridge.sensors.sensor_headset import SensorHeadset, Visit
from fedxr.bridge.sensors.source import Finder, Offering, SensorError, SourceKind
from fedxr.bridge.sensors.sources import SOURCES, finder_of
from fedxr.cli.interrupts import sets_on_signal
from fedxr.evaluation.narrow import fitting
from fedxr.experiments.choices import UseCase
from fedxr.plugins.nearest import nearest


def _layouts(_: str) -> str:
    """What --help says beside --channel; asked when it is shown, plug-ins included."""
    return f"(repeatable; layouts: {', '.join(rows())})"


def _sources(_: str) -> str:
    """What --help says beside --source; asked when it is shown, plug-ins included."""
    return (
        f"(repeatable; none: lsl; known: {', '.join(SOURCES)}; --list says what each is and takes)"
    )


@dataclass(frozen=True)
class Sensors:
    """Stream sensors to a bridge: LSL streams, boards, a Quest's hands, glasses, OSC."""

    url: str = "ws://127.0.0.1:8765"
    """Where the bridge listens."""
    scenario: UseCase = "storytelling"
    """Use case."""
    user: str = "lab"
    """Pseudonym of who wears the sensors."""
    tasks: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Wanted answers; none: all of the use case that the sensors can answer."""
    token: str | None = None
    """What the server asks for."""
    trust: Path | None = None
    """Root certificate (PEM) of a server with TLS, where the system does not know it."""
    record: bool = True
    """The server may record what is streamed; --no-record forbids it."""
    source: Annotated[
        tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(help_behavior_hint=_sources)
    ] = ()
    """Where sensors come from, NAME or NAME:WHERE: lsl, brainflow:synthetic, quest, …"""
    marker: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """LSL markers that name the classes of a task become feedback on it: TASK, or STREAM=TASK."""
    channel: Annotated[
        tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(help_behavior_hint=_layouts)
    ] = ()
    """What a source does not say itself: NAME[columns]=layout@unit, such as
    'Cyton=eeg/Oz-O1-O2@uV' or 'Tobii[0,1]=gaze/point2@pixels:1920x1080'."""
    seconds: float = 0.0
    """How long; 0: until Ctrl-C."""
    wait: float = 10.0
    """Seconds to wait for a first sensor; others may come at any time."""
    delay_ms: float = 40.0
    """A tick is sent this much after its end: the usual time from the sensors to here."""
    list_: Annotated[bool, tyro.conf.arg(name="list")] = False
    """Show what there is and what would become of it, and end."""

    def __post_init__(self) -> None:
        if wrong := check_use_case(self.scenario):
            raise ValueError(wrong)
        for name, value in (("seconds", self.seconds), ("wait", self.wait)):
            if not 0 <= value < math.inf:
                raise ValueError(f"--{name} {value}; 0 or more are allowed")
        if not 0 <= self.delay_ms <= 1000:
            raise ValueError(f"--delay-ms {self.delay_ms:g}; allowed are 0 to 1000")


def sensors_command(config: Sensors, console: Console) -> int:
    """Stream, then say how it went. Raises BridgeError when the bridge refused or stayed away."""
    wishes = [Wish.parse(text) for text in config.channel]
    marked = [marked_task(text) for text in config.marker]

    def say(line: str) -> None:
        _say(console, line)

    kinds, finders = finders_of(config, say)
    if config.list_:
        show(finders, wishes, config.wait, console)
        return 0
    visit = Visit(
        config.url, config.user, config.scenario, config.tasks, config.token, config.trust,
        round(config.delay_ms * 1000), record=config.record,
    )  # fmt: skip
    headset = SensorHeadset(visit, finders, wishes, say, marked)
    try:
        asyncio.run(_run(headset, config, max(kind.look_s for kind in kinds)))
    finally:
        report(headset, console)
    return 0


def finders_of(
    config: Sensors, say: Callable[[str], None]
) -> tuple[list[SourceKind], list[Finder]]:
    """Where ``config`` looks. Raises ValueError for a source that is unknown, or whose library is
    missing; what was opened until then is closed."""
    kinds: list[SourceKind] = []
    finders: list[Finder] = []
    try:
        for text in config.source or ("lsl",):
            kind, finder = finder_of(text, say)
            kinds.append(kind)
            finders.append(finder)
    except ValueError:
        for finder in finders:
            finder.close()
        raise
    return kinds, finders


def marked_task(text: str) -> MarkedTask:
    """From ``TASK`` or ``STREAM=TASK``; raises ValueError with the tasks that there are."""
    stream, _, name = text.rpartition("=")
    if name not in TASKS:
        near = nearest(name, TASKS, 3, 0.4)
        known = f"nearest are {', '.join(near)}" if near else f"known are {', '.join(TASKS)}"
        raise ValueError(f"--marker {text}: no task {name!r}; {known}")
    return MarkedTask(name, TASKS[name].classes, stream)


async def _run(headset: SensorHeadset, config: Sensors, look_s: float) -> None:
    stop = asyncio.Event()
    with sets_on_signal(stop, signal.SIGINT):
        await headset.run(stop, config.wait, look_s, config.seconds)


def report(headset: SensorHeadset, console: Console) -> None:
    """One line for the bridge, and one a sensor."""
    done = headset.streamed
    if done.latency_ms:
        p50, p99 = np.percentile(done.latency_ms, (50, 99))
        _say(
            console,
            f"{done.frames} frames in {done.sessions} sessions, {len(done.latency_ms)} replies, "
            f"tick to reply p50 {p50:.1f} ms, p99 {p99:.1f} ms; cues {dict(done.cues)}"
            + (f"; feedback {done.feedback}" if done.feedback else ""),
        )
    for sensor in (*headset.sensors, *headset.markers):
        _say(console, f"{sensor.source.name}: {figures(sensor)}")


def figures(sensor: Sensor) -> str:
    """What became of one sensor's samples, and how well their times are known."""
    counts = ", ".join(f"{name} {n}" for name, n in sensor.counts.items() if n)
    if not sensor.counts["samples"] and not sensor.counts["markers"]:
        return f"sent nothing{f' ({counts})' if counts else ''}"
    if sensor.clock.by_arrival or not sensor.worst_us:
        clock = "stamped by arrival"
    else:
        clock = f"clock within {sensor.worst_us / 1000:.3f} ms"
    if not sensor.source.rate_hz:
        return f"{counts}; {clock}"
    line = sensor.timeline
    return f"{counts}; {clock}, {line.rate_found_hz:.3f} Hz, jitter {line.jitter_us / 1000:.2f} ms"


def show(finders: Sequence[Finder], wishes: Sequence[Wish], seconds: float, out: Console) -> None:
    """A table of all that is found within ``seconds`` (LSL takes one or two to look round)."""
    found: dict[str, Offering] = {}
    until = time.monotonic() + min(seconds, 3.0)
    while time.monotonic() < until:
        found |= {offering.key: offering for finder in finders for offering in finder.find()}
        time.sleep(0.1)
    table = Table(show_lines=True)
    for head in ("source", "becomes"):
        table.add_column(head, overflow="fold")
    for offering in found.values():
        for row in _rows(offering, wishes):
            table.add_row(*map(escape, row))
    out.print(fitting(table, out) if found else "nothing found; see docs/sensors.md on networks")
    out.print(known_sources(), soft_wrap=True, end="")
    for finder in finders:
        finder.close()


def known_sources() -> Text:
    """All sources that there are, and how to get the library of one that lacks it: a paragraph
    each, so that lines can be copied however narrow the terminal is."""
    text = Text()
    for kind in SOURCES.values():
        try:
            state, style = kind.check(), "green"
        except SensorError as error:
            state, style = str(error), "yellow"
        text.append(kind.name, style="bold").append(f": {kind.says}\n")
        text.append(f"    --source {kind.name}[:WHERE]; WHERE: {kind.where}\n")
        text.append(f"    {state}\n", style=style)
    return text


def _rows(offering: Offering, wishes: Sequence[Wish]) -> list[tuple[str, str]]:
    """Each stream of an offering, and the channels it becomes or why it does not."""
    try:
        streams = offering.open()
    except SensorError as error:
        return [(offering.key, str(error))]
    rows = []
    for stream in streams:
        try:
            if stream.source.text:
                raise SensorError("words: feedback, where --marker says on which task")
            mappings, notes = map_source(stream.source, wishes)
            made = [f"{m.channel.name}: {m.channel.layout}" for m in mappings] + notes
        except SensorError as error:
            made = [str(error)]
        rows.append((str(stream.source), "\n".join(made)))
        stream.close()
    return rows


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
