"""kill -9 of a server at random instants: every state loads, and holds all but the last second.

    python -m benchmarks.kills [--kills 20]

Each time `fedxr serve` is started on fresh state, eight simulated headsets that label as in the
demo stream to it, and its whole process group is killed some seconds after the first states were
saved. The states are loaded into a new cohort; a state that does not load ends the run with an
error. Printed is how many labels the headsets had said, how many of them more than a second before
the kill, and how many the states hold.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro

from benchmarks.hostile_rig import ServeProcess
from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint
from fedxr.agent.checkpoints.state import Store, stored_names
from fedxr.bridge.transport.connection import run
from fedxr.learning.shipped import CHECKPOINT
from fedxr.virtual.headsets import simulated_cast
from fedxr.virtual.streaming import play_apart
from fedxr.virtual.timeline import beats

HEADSETS = 8
TICKS = 30
"""In a second."""


@dataclass(frozen=True)
class Kills:
    """How often, and how long a server may live."""

    kills: int = 20
    """Servers to kill."""
    longest: float = 6.0
    """Seconds after the first saved state by which it is killed."""
    seed: int = 0
    """Draws the instants."""


@dataclass(frozen=True)
class Killed:
    """What the headsets had ``said``, in labels; ``due`` of them more than a second before."""

    said: int
    due: int


def kill_once(folder: Path, wait: float) -> Killed:
    """Start a server, kill -9 its whole process group ``wait`` seconds after the first state is on
    disk."""
    return run(_kill_once(folder, wait))


async def _kill_once(folder: Path, wait: float) -> Killed:
    cast = list(simulated_cast(HEADSETS, 60.0, 0))
    server = ServeProcess(folder)
    try:
        playing = asyncio.create_task(play_apart(server.url, cast, 60.0))
        limit = time.monotonic() + 300
        while not _saved(folder):
            if not server.up or time.monotonic() > limit:
                raise RuntimeError(f"the server saved nothing: {server.said[-2000:]}")
            await asyncio.sleep(0.1)
        await asyncio.sleep(wait)
    finally:
        server.kill()
    said = due = 0
    for actor, played in zip(cast, await playing, strict=True):
        for n, beat in enumerate(beats(actor.user, actor.voice, 60.0)):
            labels = sum(one.task in played.tasks for one in beat.said)
            said += labels * (n < played.frames)
            due += labels * (n < played.frames - TICKS)
    return Killed(said, due)


def _saved(folder: Path) -> bool:
    return bool(stored_names(folder / "state.db"))


def load_all(folder: Path) -> tuple[int, int]:
    """Load every stored headset: how many there are, and labelled moments in all."""
    checkpoint, store = load_checkpoint(CHECKPOINT), Store(folder / "state.db")
    told, names = 0, store.names()
    for name in names:
        tasks = tuple(checkpoint.model.plan.tasks)
        cohort = Cohort(checkpoint, [HeadsetIdentity(name, (), tasks)], Tuning(), torch.float32)
        loaded = store.load(cohort, 0)  # as the server does it
        if loaded is None or not bool(torch.isfinite(cohort.stack.theta).all()):
            raise RuntimeError(f"{name}: state is gone or broken")
        told += sum(c.total() for c in cohort.headsets[0].replay.label_counts.values())
    store.close()
    return len(names), told


def main(config: Kills) -> None:
    rng = random.Random(config.seed)
    states = labels = 0
    lost = list[int]()
    for number in range(config.kills):
        with tempfile.TemporaryDirectory() as place:
            wait = rng.uniform(0.0, config.longest)
            killed = kill_once(Path(place), wait)
            loaded, told = load_all(Path(place))
            states, labels = states + loaded, labels + killed.due
            lost.append(max(0, killed.due - told))
            print(
                f"kill {number + 1:2d} after {wait:.1f} s: {killed.said} labels said, {killed.due} "
                f"of them more than a second before; {loaded} states hold {told}",
                flush=True,
            )
    print(
        f"{states} states, all loaded; of {labels} labels that were said more than a second before "
        f"a kill {sum(lost)} are lost, at most {max(lost)} in one"
    )


if __name__ == "__main__":
    main(tyro.cli(Kills, description=__doc__))
