"""`fedxr serve` and the states on its disk: damaged, taken, full, of other tasks; nobody else may
notice, and the server goes on."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import torch
from test_stop import Command, end, learner_of
from visits import HEAD, WRIST, examples_on_disk, until_kept, visit

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint
from fedxr.agent.checkpoints.state import Store
from fedxr.learning.shipped import CHECKPOINT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes under /proc"),
]
Start = Callable[..., Command]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.db"


@pytest.fixture
def start(path: Path) -> Iterator[Start]:
    """Starts `fedxr serve` on the state file."""
    commands: list[Command] = []

    def start(*words: str) -> Command:
        command = Command("serve", "--port", "0", "--state", str(path), *words)
        commands.append(command)
        return command

    yield start
    for command in commands:
        if not command.process.stdout.closed:  # type: ignore[union-attr]
            end(command)


def url_of(command: Command) -> str:
    command.until("Ctrl-C")
    found = re.search(r"ws://\S+", command.said)
    assert found
    return found[0]


def stop(command: Command) -> str:
    """What it has said, once it has ended as it should."""
    command.process.send_signal(signal.SIGTERM)
    assert command.ended() == 0, command.said
    assert "Traceback" not in command.said
    return command.said


def told(path: Path) -> list[int]:
    """Labels of each user, the fewest first, of the states as they load."""
    checkpoint, store = load_checkpoint(CHECKPOINT), Store(path)
    found = []
    for name in store.names():
        identity = HeadsetIdentity(name, (WRIST,), tuple(checkpoint.model.plan.tasks))
        cohort = Cohort(checkpoint, [identity], Tuning(), torch.float32)
        assert store.load(cohort, 0) is not None
        found.append(sum(c.total() for c in cohort.headsets[0].replay.label_counts.values()))
    store.close()
    return sorted(found)


async def test_a_damaged_state_is_set_aside_and_said(start: Start, path: Path) -> None:
    server = start()
    await visit(url_of(server), "ann", labels=4)
    await until_kept(path, 4)
    stop(server)
    with closing(sqlite3.connect(path)) as file:
        file.execute("UPDATE headset SET head=?", (b"\xc1rubbish",))
        file.execute("UPDATE array SET value=? WHERE key LIKE 'lesson%'", (b"",))
        file.commit()
    server = start()
    url = url_of(server)
    ann, bob = await asyncio.gather(visit(url, "ann", labels=2), visit(url, "bob", labels=2))
    assert ann.answers > 0
    assert "is damaged" in ann.state()
    assert "starting anew" in ann.state()
    assert bob.answers > 0
    assert bob.state() == ""
    await until_kept(path, 4 + 4)
    assert "set aside" in stop(server)
    assert told(path) == [2, 2]


async def test_one_damaged_example_is_told_to_its_user(start: Start, path: Path) -> None:
    server = start()
    await visit(url_of(server), "ann", labels=4)
    await until_kept(path, 4)
    stop(server)
    with closing(sqlite3.connect(path)) as file:
        file.execute("UPDATE array SET value=? WHERE key LIKE 'lesson%2'", (b"\x90",))
        file.commit()
    server = start()
    ann = await visit(url_of(server), "ann")
    assert ann.answers > 0
    assert "is damaged" in ann.state()
    assert "starting anew" in ann.state()
    assert "is set aside" in stop(server)


async def test_a_file_that_is_garbage_is_set_aside(start: Start, path: Path) -> None:
    path.write_bytes(b"no database" * 999)
    server = start()
    await visit(url_of(server), "ann", labels=4)
    await until_kept(path, 4)
    (aside,) = path.parent.glob("*.damaged")
    assert aside.read_bytes() == b"no database" * 999
    assert f"set aside as {aside.name}" in stop(server)
    assert told(path) == [4]


async def test_two_servers_on_one_state(start: Start, path: Path) -> None:
    """The second says whose it is; the first goes on. A killed first one blocks nobody."""
    first = start()
    url = url_of(first)
    second = start()
    assert second.ended() == 2, second.said
    assert f"another fedxr server (pid {first.process.pid})" in second.said
    assert "Traceback" not in second.said
    assert (await visit(url, "ann", labels=4)).answers > 0
    await until_kept(path, 4)
    os.kill(first.process.pid, signal.SIGKILL)
    third = start()
    assert (await visit(url_of(third), "ann", labels=3)).answers > 0
    await until_kept(path, 7)
    stop(third)
    assert told(path) == [7]


async def test_a_disk_that_takes_nothing_and_then_does(start: Start, path: Path) -> None:
    """From its start on no file takes more than the few bytes by which Python finds a folder for
    temporary files (torch has it do so where dill is installed); who teaches, leaves and comes back
    finds all again; and once the disk takes it, it is on disk."""
    unlimited = resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, unlimited))
    try:
        server = start("--round-s", "1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
    url = url_of(server)
    for labels in (4, 3):
        ann = await visit(url, "ann", labels=labels)
        assert ann.answers > 0
        assert "anew" not in ann.state()
    assert (await visit(url, "bob", labels=2)).answers > 0
    assert examples_on_disk(path) == 0
    learner = learner_of(server.process.pid)
    resource.prlimit(learner, resource.RLIMIT_FSIZE, (unlimited, unlimited))
    await until_kept(path, 9)
    said = stop(server)
    assert "not saving: " in said
    assert said.count("saving again") == 1
    assert told(path) == [2, 7]


async def test_who_comes_back_with_another_sensor_and_task(start: Start, path: Path) -> None:
    """Rounds go on, and what was taught of the first task waits for it."""
    server = start("--round-s", "1")
    url = url_of(server)
    bob = asyncio.create_task(visit(url, "bob", tasks=("mood",), ticks=400, labels=6))
    await visit(url, "ann", WRIST, ("doing",), labels=4)
    ann = await visit(url, "ann", HEAD, ("mood",), ticks=150, labels=4)
    assert ann.answers > 0
    assert "what you have taught of doing is kept until it is asked again" in ann.state()
    ann = await visit(url, "ann", WRIST, ("doing", "mood"))
    assert ann.state() == ""
    assert (await bob).answers > 0
    await until_kept(path, 14)
    stop(server)
    assert told(path) == [6, 8]


async def test_a_learner_killed_at_any_instant_loses_nothing_that_was_kept(
    start: Start, path: Path
) -> None:
    kept = 0
    for wait in (0.0, 0.13, 0.41):
        server = start()
        url = url_of(server)
        teaching = asyncio.create_task(visit(url, "ann", ticks=400, labels=60))
        await until_kept(path, kept + 5)
        await asyncio.sleep(wait)
        kept = examples_on_disk(path)
        os.kill(learner_of(server.process.pid), signal.SIGKILL)
        await asyncio.sleep(0.5)
        end(server)
        await asyncio.gather(teaching, return_exceptions=True)
        (found,) = told(path)
        assert found >= kept
        kept = found
