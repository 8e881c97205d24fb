"""``fedxr record``, ``replay`` and ``export``: sessions as files.

``fedxr serve --record FILE`` records beside the agents; ``fedxr record`` runs a bridge that does
nothing else. A recording holds raw sensor data: it is written on the machine that the headsets
stream to, readable by its user alone, and nothing here sends it anywhere but to the ``--url`` that
a replay is told.
"""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from tyro.conf import Positional

from fedxr.bridge.recording.reader import Recording
from fedxr.bridge.recording.recorder import RECORDINGS, Recorder, RecordingStatus
from fedxr.bridge.recording.replay import replay
from fedxr.bridge.recording.replayed import Replayed
from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.server import BridgeServer
from fedxr.bridge.serving.session import Session
from fedxr.bridge.transport.connection import run
from fedxr.cli.interrupts import sets_on_signal
from fedxr.cli.lan import open_door, show_door


@dataclass(frozen=True)
class Record:
    """A bridge without agents: what headsets stream is written to a file, nothing answered."""

    out: Path | None = None
    """The file to write (MCAP); by default runs/recordings/, named by the time."""
    host: str = "127.0.0.1"
    """Address to listen on; any but loopback needs a token, and TLS or --insecure."""
    port: int = 8765
    """Port for headsets and their page; 0 takes any free one."""
    lan: bool = False
    """Listen on the local network, as `fedxr serve --lan` does."""
    token: str | None = None
    """The administrator's; those for headsets are made from it. --lan makes one."""
    insecure: bool = False
    """Accept unencrypted traffic on a network that is yours alone."""
    max_size: str = "50GB"
    """Where the recording ends, whole; the bridge goes on. It also ends before the disk is full."""

    def __post_init__(self) -> None:
        bytes_of(self.max_size)


_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kMGT]?)B?", re.IGNORECASE)
LEAST_BYTES = 10**6
"""A recording has an index; less is not worth one."""


def bytes_of(size: str) -> int:
    """``size`` such as ``50GB`` or ``800 MB`` in bytes. Raises ValueError."""
    match = _SIZE.fullmatch(size.strip())
    found = 0
    if match:
        found = int(float(match[1]) * 1000 ** " kmgt".index(match[2].lower() or " "))
    if found < LEAST_BYTES:
        raise ValueError(f"--max-size {size!r}; give 1MB or more, such as 800MB or 50GB")
    return found


@dataclass(frozen=True)
class Replay:
    """Play a recording to a bridge: each recorded session connects as any headset."""

    file: Positional[Path]
    """The recording."""
    url: str = "ws://127.0.0.1:8765"
    """Where the bridge listens."""
    speed: float = 1.0
    """1 is real time, 10 ten times as fast; 0 is as fast as the server answers, in step with the
    recorded answers."""
    loop: bool = False
    """Again and again, until Ctrl-C."""
    token: str | None = None
    """What the server asks for."""
    trust: Path | None = None
    """A root certificate (PEM) to trust besides the system's: that of `fedxr serve --lan`."""


@dataclass(frozen=True)
class Export:
    """A recording in another program's format."""

    file: Positional[Path]
    """The recording."""
    to: Literal["xdf", "rerun"] = "xdf"
    """XDF for EEG and physiology tools; rerun for its 3D viewer (extra `rerun`)."""
    out: Path | None = None
    """The file to write; by default beside the recording."""


class _Listener(Application):
    """Lets everyone in and answers nothing."""

    def joined(self, session: Session) -> Sequence[str]:
        return session.hello.tasks

    def dropped(self, session: Session, counts: Mapping[str, int]) -> None:
        """Nothing to do: the bridge has told the headset, and that is recorded."""
        return


@asynccontextmanager
async def _recording(
    recorder: Recorder, path: Path | None, console: Console
) -> AsyncIterator[None]:
    """Record from here on, and say at the end what the file holds. Enter it before the server
    starts, so that the ends of its sessions are recorded too."""
    console.print(f"recording raw sensor data to {recorder.start(path)}", highlight=False)
    try:
        yield
    finally:
        console.print(str(await recorder.stop()), highlight=False, soft_wrap=True)


def record_command(config: Record, console: Console) -> int:
    return run(_record(config, console))


async def _record(config: Record, console: Console) -> int:
    """Until Ctrl-C or SIGTERM; 2 when writing failed."""
    stopped = asyncio.Event()
    sys.setswitchinterval(0.001)  # the event loop must not wait 5 ms for the writing thread
    with sets_on_signal(stopped, signal.SIGINT, signal.SIGTERM):
        return await _record_until(stopped, config, console)


async def _record_until(stopped: asyncio.Event, config: Record, console: Console) -> int:
    door = open_door(
        config.host, config.port, token=config.token, insecure=config.insecure, lan=config.lan
    )
    server = BridgeServer(_Listener(), door.config, door.pages(lambda: server.port))
    recorder = Recorder(server, RECORDINGS, max_bytes=bytes_of(config.max_size))
    failed = []

    def over(status: RecordingStatus) -> None:
        failed.append(bool(status.error))
        console.print(f"the recording has ended: {status}", highlight=False, soft_wrap=True)
        console.print("headsets may go on, and are not recorded; Ctrl-C stops", highlight=False)

    recorder.tell.append(over)
    async with _recording(recorder, config.out, console), server:
        show_door(door, server.port, console)
        await stopped.wait()
    return 2 if any(failed) or recorder.status().error else 0


def replay_command(config: Replay, console: Console) -> int:
    """Replay, then say how the answers compare and what of the file was damaged; 1 when something
    was, 2 when a session was refused or ended early."""
    if config.speed < 0:
        raise ValueError(f"--speed {config.speed:g}; allowed are 0 (in step) and more")
    recorded, total = Recording(config.file), Replayed()
    try:
        run(
            replay(
                recorded,
                config.url,
                speed=config.speed,
                loop=config.loop,
                token=config.token,
                trust=config.trust,
                total=total,
            )
        )
    finally:
        found = recorded.found
        stopped = [f"stopped after {found.seconds:.1f} s of the recording"] if found.records else []
        for line in [*found.report, *total.trouble, *([] if found.read else stopped)]:
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        console.print(str(total), highlight=False, soft_wrap=True)
        if total.different:
            console.print(_hint(config), highlight=False, markup=False, soft_wrap=True)
    return 2 if total.ended else 1 if found.damaged else 0


def _hint(config: Replay) -> str:
    """What to do for the same answers; that they differ is no failure of the replay."""
    how = "" if config.speed == 0 else ", and replay with --speed 0"
    once = "; with --loop only the first round can match" if config.loop else ""
    return (
        "answers are the same where the server begins as the recorded one did: with the same "
        f"checkpoint and, if that one was new, `fedxr serve --state NEW_FILE`{how}{once}; what is "
        "learned from feedback takes effect by the clock, and then they may differ all the same"
    )


def export_command(config: Export, console: Console) -> int:
    """Export what can be read; damage and channels that the format has no place for are said, and
    damage makes it 1."""
    recorded = Recording(config.file)
    out = config.out or config.file.with_suffix(".xdf" if config.to == "xdf" else ".rrd")
    if config.to == "xdf":
        from fedxr.bridge.recording.xdf import write_xdf

        left_out = write_xdf(recorded, out)
    else:
        from fedxr.bridge.recording.rerun import write_rerun

        left_out = write_rerun(recorded, out)
    for line in [*recorded.found.report, *left_out]:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print(f"wrote {out} ({out.stat().st_size / 1e6:.1f} MB)", highlight=False)
    return 1 if recorded.found.damaged else 0
