"""A scene made for a test, played by the stub's player; what it says on its console."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scene_rig import PROJECT, player_of
from toolchain import Assemblies

from unity_project.scenes.project import Project
from unity_project.scenes.scene import Scene


@dataclass(frozen=True)
class Played:
    """The player's report (none where nothing was played), and our lines of the console."""

    report: dict[str, Any]
    console: list[str]

    def said(self, words: str) -> int:
        """Lines that hold ``words``."""
        return sum(words in line for line in self.console)


async def play(
    assemblies: Assemblies, url: str, scene: Scene, folder: Path, seconds: float, person: str = ""
) -> Played:
    """Play ``scene`` in a process of its own; ``person`` is what its user does (see Person.cs)."""
    file, script, report = (folder / name for name in ("Made.unity", "person", "report.json"))
    file.write_text(scene.text(Project()))
    script.write_text(person)
    words = [str(PROJECT), str(file), str(report), "--seconds", str(seconds), "--url", url]
    process = await asyncio.create_subprocess_exec(
        *assemblies.command(player_of(assemblies), *words, "--person", str(script)),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), seconds + 60)
    console = [line for line in said.decode().splitlines() if "fedxr:" in line]
    return Played(json.loads(report.read_text()) if report.exists() else {}, console)
