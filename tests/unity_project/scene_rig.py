"""The stub, our scripts and the player as assemblies; scenes played against a real server.

A scene is played as a user would: ``fedxr serve`` in a process of its own, the player in another.
The server records, so that what arrived is known frame by frame and not from anybody's count.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolchain import PACKAGE, ROOT, Assemblies

from fedxr.bridge.protocol import Cue, Feedback, PackedFrame
from fedxr.bridge.recording.reader import Recording

HERE = Path(__file__).parent
STUB = HERE / "stub"
PROJECT = ROOT / "unity_project"
SCENES = ("Overlays", "Neuroadaptive", "Companion", "Storytelling")
PLAYED: list[str] = []
"""A line for each scene that was played against agents; pytest prints them at its end."""


def stub_of(assemblies: Assemblies) -> Path:
    """UnityEngine.dll, ours."""
    return assemblies.build("UnityEngine", [STUB])


def player_of(assemblies: Assemblies) -> Path:
    """Player.exe, with the package and the scenes' scripts beside it."""
    ground = [stub_of(assemblies), assemblies.core]
    package = assemblies.build("Fedxr", [PACKAGE / "Runtime"], ground)
    scripts = assemblies.build("Fedxr.Scenes", [PROJECT / "Assets" / "Scripts"], [*ground, package])
    return assemblies.build("Player", [HERE / "player"], [*ground, package, scripts], target="exe")


@contextmanager
def agents(folder: Path) -> Iterator[str]:
    """``fedxr serve`` with the shipped checkpoint, recording to ``folder``; its URL."""
    words = ["serve", "--port", "0", "--state", str(folder / "state.db")]
    words += ["--record", str(folder / "seen.mcap")]
    process = subprocess.Popen(
        [sys.executable, "-m", "fedxr.cli.entry", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    said = ""
    try:
        while "Ctrl-C" not in said:
            line = process.stdout.readline()
            assert line, f"fedxr serve has ended:\n{said}"
            said += line
        found = re.search(r"ws://\S+", said)
        assert found, said
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


PERSON = """\
every 40
5.0 tap Alpha2
8.0 tap RightArrow
8.5 tap Return
9.0 click Button 1
10.0 tap Tab
11.0 tap Space
20.0 tap Space
28.0 tap Space
36.0 tap Space
"""
"""The user is in the second class of the first task (the simulated person's key), says so at the
panel by keys and by mouse, and goes on to the next task; now and then tells the truth of all."""


def play(
    assemblies: Assemblies,
    url: str,
    scene: str,
    folder: Path,
    seconds: float,
    person: str = "",
    hz: float = 90.0,
) -> dict[str, Any]:
    """The player's report on ``scene``; ``person`` is what its user does (see Person.cs)."""
    script, report = folder / f"{scene}.person", folder / f"{scene}.json"
    script.write_text(person)
    words = ["--seconds", str(seconds), "--hz", str(hz), "--url", url, "--user", scene]
    words += ["--person", str(script)]
    path = PROJECT / "Assets" / "Scenes" / f"{scene}.unity"
    command = assemblies.command(player_of(assemblies), str(PROJECT), str(path), str(report))
    done = subprocess.run(
        [*command, *words], capture_output=True, text=True, timeout=seconds + 60, check=False
    )
    assert report.exists(), f"{scene}: the player ended with {done.returncode}\n{done.stderr}"
    told: dict[str, Any] = json.loads(report.read_text())
    return told


@dataclass(frozen=True)
class Arrived:
    """What the server got from one user, and the acts that it asked for."""

    frames: Sequence[int]
    feedback: Sequence[int]
    cues: Sequence[str]

    @property
    def lost(self) -> int:
        """Numbers up to the last that never arrived."""
        seen = {*self.frames, *self.feedback}
        return max(seen, default=0) - len(seen)


def arrived(folder: Path) -> dict[str, Arrived]:
    """By user, after the server has stopped."""
    found: dict[str, Arrived] = {}
    recording = Recording(folder / "seen.mcap")
    for event in recording.events():
        user = event.session.hello.user
        of = found.setdefault(user, Arrived([], [], []))
        match event.message:
            case PackedFrame(seq=seq):
                of.frames.append(seq)
            case Feedback(seq=seq):
                of.feedback.append(seq)
            case Cue(kind=kind):
                of.cues.append(kind)
    assert recording.found.report == []
    return found
