"""The editor's menus and inspectors compile; their rules are tested; the connection test knocks at
real servers. What windows look like, only the real editor shows."""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path

import pytest
from toolchain import PACKAGE, ROOT, Assemblies, nunit_framework

from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.server import BridgeServer, ServerConfig
from fedxr.bridge.serving.session import Session

HERE = Path(__file__).parent
TESTS = PACKAGE / "Tests" / "Editor"
PROJECT = ROOT / "unity_project"


def stub(assemblies: Assemblies) -> Path:
    return assemblies.build("UnityEngine", [HERE / "stub"])


def runtime(assemblies: Assemblies) -> Path:
    return assemblies.build(
        "Fedxr", [PACKAGE / "Runtime"], [assemblies.core, stub(assemblies)], documented=True
    )


def windows(assemblies: Assemblies) -> Path:
    return assemblies.build("UnityEditor", [HERE / "stub_editor"], [stub(assemblies)])


def reading() -> list[Path]:
    """What reads scene files: the stub player without its program."""
    return [path for path in sorted((HERE / "player").glob("*.cs")) if path.name != "Program.cs"]


def editor(assemblies: Assemblies) -> Path:
    """With every public member documented."""
    references = [runtime(assemblies), assemblies.core, stub(assemblies), windows(assemblies)]
    return assemblies.build("Fedxr.Editor", [PACKAGE / "Editor"], references, documented=True)


def test_the_scene_s_rules(assemblies: Assemblies) -> None:
    references = [editor(assemblies), runtime(assemblies), assemblies.core, stub(assemblies)]
    tests = assemblies.build(
        "Fedxr.Tests.Rules", [TESTS / "SceneRulesTests.cs"], [*references, nunit_framework()]
    )
    assert "Tests run: 8" in assemblies.nunit(tests)


@pytest.mark.parametrize("scene", ["Overlays", "Neuroadaptive", "Companion", "Storytelling"])
def test_the_scenes_are_ready(scene: str, assemblies: Assemblies) -> None:
    """By the rules of the menu item, from their files."""
    ground = [runtime(assemblies), assemblies.core, stub(assemblies)]
    scripts = assemblies.build("Fedxr.Scenes", [PROJECT / "Assets" / "Scripts"], ground)
    references = [editor(assemblies), scripts, *ground]
    rules = assemblies.build("Rules", [*reading(), HERE / "rules"], references, "exe")
    path = PROJECT / "Assets" / "Scenes" / f"{scene}.unity"
    assert assemblies.run(rules, str(PROJECT), str(path)).stdout == ""


def test_the_connect_window_fills_fields_that_there_are() -> None:
    """It names them by strings, which no compiler checks."""
    window = (PACKAGE / "Editor" / "ConnectWindow.cs").read_text()
    connection = (PACKAGE / "Runtime" / "HeadsetConnection.cs").read_text()
    named = re.findall(r'FindProperty\("(\w+)"\)', window)
    there = re.findall(r"\[SerializeField\] string (\w+) =", connection)
    assert len(named) == 4
    assert set(named) <= set(there)


def test_what_only_the_editor_can_run_compiles(assemblies: Assemblies) -> None:
    """EditMode and PlayMode tests of scenes; they have never been run."""
    references = [runtime(assemblies), assemblies.core, stub(assemblies), windows(assemblies)]
    references.append(nunit_framework())
    assemblies.build("Fedxr.Tests.Runtime", [PACKAGE / "Tests" / "Runtime"], references)
    scenes = [TESTS / "ScenesInEditor.cs"]
    assemblies.build("Fedxr.Tests.Scenes", scenes, [*references, editor(assemblies)])


def test_roslyn_takes_the_editor(strict_assemblies: Assemblies) -> None:
    editor(strict_assemblies)


class Doorkeeper(Application):
    """Takes heads, refuses hands."""

    def joined(self, session: Session) -> tuple[str, ...]:
        if "hand" in session.channels:
            session.refuse("hand", "this checkpoint reads motion/head")
        return ("doing", "mood")


def knock(assemblies: Assemblies, *arguments: str) -> list[str]:
    """What the connection test says, after its outcome."""
    references = [editor(assemblies), runtime(assemblies), assemblies.core, stub(assemblies)]
    program = assemblies.build("Knock", [HERE / "editor"], references, target="exe")
    done = subprocess.run(
        assemblies.command(program, *arguments), capture_output=True, text=True, timeout=60
    )
    return done.stdout.splitlines()


async def test_the_connection_test_tells_who_answers_and_why_not(assemblies: Assemblies) -> None:
    async with BridgeServer(Doorkeeper(), ServerConfig(port=0, token="sesame")) as server:
        url = server.url
        knocked = await asyncio.to_thread(knock, assemblies, url, "sesame")
        wrong = await asyncio.to_thread(knock, assemblies, url, "open")
    assert knocked == [
        "True",
        "Connected. It answers doing, mood.",
        "Channel hand is not taken: this checkpoint reads motion/head",
    ]
    assert wrong[0] == "False"
    assert "token" in wrong[1]
    gone = await asyncio.to_thread(knock, assemblies, url, "")
    assert gone[0] == "False"
    assert "refused" in gone[1]
    assert "`fedxr serve`" in gone[1]
    nonsense = await asyncio.to_thread(knock, assemblies, "http://here", "")
    assert nonsense[0] == "refused"
    assert "ws://" in nonsense[1]
