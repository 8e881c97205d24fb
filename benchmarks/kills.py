"""kill -9 at random instants during the demo: every headset's state loads, at most a second old.

    python -m benchmarks.kills [--kills 20]

Each time a demo of its own process is started on fresh state, killed some seconds after the first
states were saved, and the states are loaded into a new fleet. Printed is how old the newest saved
state of each headset was at the kill; a state that does not load ends the run with an error.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro

from agent.brain import load_brain
from agent.cohort import Tuning
from agent.fleet import Fleet, Member
from agent.state import Store, stored_names
from fedxr.cast import simulated_cast
from fedxr.serve import CHECKPOINT


@dataclass(frozen=True)
class Kills:
    """How often, and how long a demo may live."""

    kills: int = 20
    """Demos to kill."""
    longest: float = 6.0
    """Seconds after the first saved state by which it is killed."""
    seed: int = 0
    """Draws the instants."""


def kill_once(folder: Path, wait: float) -> float:
    """Start a demo, kill -9 its whole process group ``wait`` seconds after the first state is on
    disk; returns when that was (seconds since 1970)."""
    words = ["demo", "--seconds", "120", "--no-open", "--port", "0", "--out", str(folder)]
    command = [sys.executable, "-c", "import sys; from fedxr.cli import main; sys.exit(main())"]
    quiet = subprocess.DEVNULL
    demo = subprocess.Popen([*command, *words], stdout=quiet, stderr=quiet, start_new_session=True)
    limit = time.monotonic() + 300
    while not _saved(folder):
        if demo.poll() is not None or time.monotonic() > limit:
            raise RuntimeError(f"the demo saved nothing; its exit status is {demo.poll()}")
        time.sleep(0.1)
    time.sleep(wait)
    os.killpg(demo.pid, signal.SIGKILL)
    killed = time.time()
    demo.wait()
    return killed


def _saved(folder: Path) -> bool:
    return bool(stored_names(folder / "state.db"))


def load_all(folder: Path) -> tuple[int, list[float]]:
    """Load every stored headset; (labelled moments in all, when each was saved)."""
    brain, store = load_brain(CHECKPOINT), Store(folder / "state.db")
    channels = {a.user.name: a.user.channels for a in simulated_cast(8, 12.0, 0)}
    told, saved = 0, []
    for name in store.names():
        user = name.split("/")[0]
        tasks = tuple(brain.model.plan.tasks)
        member = Member(name, channels.get(user, ()), tasks)
        fleet = Fleet(brain, [member], Tuning(), torch.float32)  # as the server has it
        loaded = store.load(fleet, 0)
        if loaded is None or not bool(torch.isfinite(fleet.cohort.theta).all()):
            raise RuntimeError(f"{name}: state is gone or broken")
        told += sum(c.total() for c in fleet.memories[0].told.values())
        saved.append(loaded.saved)
    store.close()
    return told, saved


def main(config: Kills) -> None:
    rng = random.Random(config.seed)
    ages = []
    for number in range(config.kills):
        with tempfile.TemporaryDirectory() as place:
            wait = rng.uniform(0.0, config.longest)
            killed = kill_once(Path(place), wait)
            told, saved = load_all(Path(place))
            ages += [killed - s for s in saved]
            print(
                f"kill {number + 1:2d} after {wait:.1f} s: {len(saved)} headsets loaded, "
                f"{told} labelled moments, oldest save {killed - min(saved):.2f} s before",
                flush=True,
            )
    ages.sort()
    middle, last = ages[len(ages) // 2], ages[-1]
    print(
        f"{len(ages)} states, all loaded; saved before the kill: median {middle:.2f} s, "
        f"most {last:.2f} s"
    )


if __name__ == "__main__":
    main(tyro.cli(Kills, description=__doc__))
