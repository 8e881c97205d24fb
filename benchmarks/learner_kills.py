"""kill -9 of the learner at random instants while headsets stream: answers go on, it comes back.

    python -m benchmarks.learner_kills [--kills 20]

`fedxr serve` runs with eight simulated headsets that label as in the demo. Printed are, of each
kill, the seconds until the server says that the learner works again, and at the end how many of
the frames were answered, and how many of the labels that were said are in the states: what was said
and not saved in the second before a kill is lost.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.kills import load_all
from fedxr.virtual.headsets import simulated_cast
from fedxr.virtual.streaming import play_apart
from fedxr.virtual.timeline import beats

ENTRY = (sys.executable, "-m", "fedxr.cli.entry")


@dataclass(frozen=True)
class Kills:
    """How often, and how far apart."""

    kills: int = 20
    """Learners to kill."""
    apart: float = 25.0
    """Seconds between two kills at most; 10 at least. Started again at once are five a minute."""
    headsets: int = 8
    """Headsets that stream."""
    seed: int = 0
    """Draws the instants."""


def learner_of(pid: int) -> int | None:
    """The child of a server that learns; the other is multiprocessing's tracker of resources."""
    for children in Path(f"/proc/{pid}/task").glob("*/children"):  # a thread starts the next one
        for child in children.read_text().split():
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
    return None


def wait_for(log: Path, text: str, count: int, limit: float = 120.0) -> None:
    """Until ``text`` stands ``count`` times in what the server has printed."""
    end = time.monotonic() + limit
    while log.read_text().count(text) < count:
        if time.monotonic() > end:
            raise RuntimeError(f"{text!r} was not said {count} times:\n{log.read_text()[-2000:]}")
        time.sleep(0.05)


def kill_all(config: Kills, pid: int, log: Path) -> list[float]:
    """Seconds until each next learner worked."""
    chance, took = random.Random(config.seed), []
    for number in range(1, config.kills + 1):
        time.sleep(chance.uniform(10.0, config.apart))
        victim = learner_of(pid)
        if victim is None:
            raise RuntimeError("there is no learner to kill")
        os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()
        wait_for(log, "over: the learner: works again", number)
        took.append(time.monotonic() - killed)
        print(f"kill {number:2d}: works again after {took[-1]:.1f} s", flush=True)
    return took


async def run(config: Kills, folder: Path) -> None:
    seconds = 10.0 + config.kills * (config.apart + 10.0) / 2
    cast = list(simulated_cast(config.headsets, seconds, config.seed))
    log = folder / "log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [*ENTRY, "serve", "--port", "0", "--state", str(folder / "state.db")],
            stdout=out, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
    try:
        wait_for(log, "Ctrl-C", 1)
        url = re.search(r"ws://\S+", log.read_text())
        if url is None:
            raise RuntimeError(log.read_text())
        playing = asyncio.create_task(play_apart(url[0], cast, seconds))
        await asyncio.to_thread(kill_all, config, server.pid, log)
        played = await playing
    finally:
        server.send_signal(signal.SIGTERM)
        stopped = time.monotonic()
        status = server.wait(30)
        took_s = time.monotonic() - stopped
    states, told = load_all(folder)
    said = sum(
        one.task in p.tasks
        for a, p in zip(cast, played, strict=True)
        for beat in beats(a.user, a.voice, seconds)
        for one in beat.said
    )
    answered = sum(len(p.latency_ms) for p in played) / sum(p.frames for p in played)
    print(
        f"{config.kills} kills: server ended by SIGTERM in {took_s:.1f} s with "
        f"status {status}; {answered:.1%} of frames answered; {states} states load; "
        f"{told} of {said} labels are in them"
    )
    ended = [p.ended for p in played if p.ended]
    print(f"sessions that ended early: {ended or 'none'}")


def main(config: Kills) -> None:
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(run(config, Path(place)))


if __name__ == "__main__":
    main(tyro.cli(Kills, description=__doc__))
