"""``fedxr sensors``: Lab Streaming Layer streams and BrainFlow boards as a headset of a bridge."""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fedxr.bridge.sensors.boards import Board, BoardFinder
from fedxr.bridge.sensors.lsl import LslFinder
from fedxr.bridge.sensors.mapping import Wish, map_source, rows
from fedxr.bridge.sensors.sensor import Sensor
from fedxr.bridge.sensors.sensor_headset import SensorHeadset, Visit
from fedxr.bridge.sensors.source import Finder, Offering, SensorError
from fedxr.experiments.choices import UseCase

_LOOK_S = 2.0


def _layouts(_: str) -> str:
    """What --help says beside --channel; asked when it is shown, plug-ins included."""
    return f"(repeatable; layouts: {', '.join(rows())})"


@dataclass(frozen=True)
class Sensors:
    """Stream laboratory sensors to a bridge: LSL streams, BrainFlow boards, or both."""

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
    lsl: bool = False
    """Streams of the Lab Streaming Layer; the default when no board is named."""
    stream: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Only the LSL streams of these names; none: all that can be mapped."""
    brainflow: str | None = None
    """A BrainFlow board by name or number: synthetic, cyton, muse_2, 38, …"""
    board_param: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """How the board is reached, once each: serial_port=/dev/ttyUSB0, mac_address=…, ip_port=…"""
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
        if self.stream and self.brainflow and not self.lsl:
            raise ValueError("--stream names LSL streams; with --brainflow say --lsl as well")
        if self.board_param and not self.brainflow:
            raise ValueError("--board-param is for a board; say which by --brainflow NAME")
        for name, value in (("seconds", self.seconds), ("wait", self.wait)):
            if not 0 <= value < math.inf:
                raise ValueError(f"--{name} {value}; 0 or more are allowed")
        if not 0 <= self.delay_ms <= 1000:
            raise ValueError(f"--delay-ms {self.delay_ms:g}; allowed are 0 to 1000")


def sensors_command(config: Sensors, console: Console) -> int:
    """Stream, then say how it went. Raises BridgeError when the bridge refused or stayed away."""
    wishes = [Wish.parse(text) for text in config.channel]
    finders = finders_of(config)
    if config.list_:
        show(finders, wishes, config.wait, console)
        return 0
    visit = Visit(
        config.url, config.user, config.scenario, config.tasks, config.token, config.trust,
        round(config.delay_ms * 1000), record=config.record,
    )  # fmt: skip
    headset = SensorHeadset(visit, finders, wishes, lambda line: _say(console, line))
    try:
        asyncio.run(_run(headset, config))
    finally:
        report(headset, console)
    return 0


def finders_of(config: Sensors) -> list[Finder]:
    """Where ``config`` looks; raises SensorError for a missing library or an unknown board."""
    finders: list[Finder] = []
    if config.brainflow is not None:
        finders.append(BoardFinder(Board.parse(config.brainflow, config.board_param)))
    if config.lsl or config.brainflow is None:
        finders.append(LslFinder(config.stream))
    return finders


async def _run(headset: SensorHeadset, config: Sensors) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        loop.add_signal_handler(signal.SIGINT, stop.set)
    # A board is there or not; LSL takes a while to look round.
    look_s = _LOOK_S if config.lsl or config.brainflow is None else 0.0
    await headset.run(stop, config.wait, look_s, config.seconds)


def report(headset: SensorHeadset, console: Console) -> None:
    """One line for the bridge, and one a sensor."""
    done = headset.streamed
    if done.latency_ms:
        p50, p99 = np.percentile(done.latency_ms, (50, 99))
        _say(
            console,
            f"{done.frames} frames in {done.sessions} sessions, {len(done.latency_ms)} replies, "
            f"tick to reply p50 {p50:.1f} ms, p99 {p99:.1f} ms; cues {dict(done.cues)}",
        )
    for sensor in headset.sensors:
        _say(console, f"{sensor.source.name}: {figures(sensor)}")


def figures(sensor: Sensor) -> str:
    """What became of one sensor's samples, and how well their times are known."""
    counts = ", ".join(f"{name} {n}" for name, n in sensor.counts.items() if n)
    if not sensor.counts["samples"]:
        return f"sent nothing{f' ({counts})' if counts else ''}"
    if sensor.clock.by_arrival:
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
    out.print(table if found else "no LSL stream found; see docs/sensors.md on networks")
    for finder in finders:
        finder.close()


def _rows(offering: Offering, wishes: Sequence[Wish]) -> list[tuple[str, str]]:
    """Each stream of an offering, and the channels it becomes or why it does not."""
    try:
        streams = offering.open()
    except SensorError as error:
        return [(offering.key, str(error))]
    rows = []
    for stream in streams:
        try:
            mappings, notes = map_source(stream.source, wishes)
            made = [f"{m.channel.name}: {m.channel.layout}" for m in mappings] + notes
        except SensorError as error:
            made = [str(error)]
        rows.append((str(stream.source), "\n".join(made)))
        stream.close()
    return rows


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
