"""What a scene's console says when something is wrong, against real servers; the table of
docs/unity_project.md quotes it."""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path

import pytest
from scene_rig import agents
from test_editor import runtime, stub
from toolchain import ROOT, Assemblies

from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.server import BridgeServer, ServerConfig

HERE = Path(__file__).parent
TABLE = (ROOT / "docs" / "unity_project.md").read_text().split("## When it does not work")[1]
QUOTED = re.findall(r"^\| `([^`]+)`", TABLE.split("\n## ")[0], re.MULTILINE)


def start(
    assemblies: Assemblies, url: str, token: str, user: str, tasks: str, seconds: float
) -> subprocess.Popen[str]:
    references = [runtime(assemblies), assemblies.core, stub(assemblies)]
    scene = assemblies.build("Console", [HERE / "console"], references, target="exe")
    command = assemblies.command(scene, url, token, user, tasks, str(seconds))
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def console(assemblies: Assemblies, url: str, token: str = "", tasks: str = "") -> str:
    return start(assemblies, url, token, "ann", tasks, 4.0).communicate(timeout=60)[1]


def row(text: str) -> str:
    """The row of the table that ``text`` is about; … stands for anything."""
    found = [q for q in QUOTED if re.search(".*".join(map(re.escape, q.split("…"))), text)]
    assert len(found) == 1, (text, found, QUOTED)
    return found[0]


def test_no_server(assemblies: Assemblies) -> None:
    assert row(console(assemblies, "ws://127.0.0.1:9")) == "cannot reach a bridge at …"


class Nobody(Application):
    """Nobody gets as far as it."""


async def test_a_wrong_token_and_a_wrong_version(
    assemblies: Assemblies, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with BridgeServer(Nobody(), ServerConfig(port=0, token="sesame")) as server:
        wrong = await asyncio.to_thread(console, assemblies, server.url, "open")
        none = await asyncio.to_thread(console, assemblies, server.url)
        monkeypatch.setattr("fedxr.bridge.serving.admission.VERSIONS", (7, 9))
        newer = await asyncio.to_thread(console, assemblies, server.url, "sesame")
    assert row(wrong) == row(none) == "… token; give the one …"
    assert row(newer) == "you speak versions … this bridge …"
    for said in (wrong, none, newer):
        assert "[Error] fedxr: the session has ended. " in said


@pytest.mark.slow
def test_what_the_real_agents_refuse(assemblies: Assemblies, tmp_path: Path) -> None:
    """The depth sensor's channel; a task that is not theirs; the same user once more."""
    with agents(tmp_path) as url:
        first = start(assemblies, url, "", "bob", "", 25.0)
        refused = console(assemblies, url)
        nothing = console(assemblies, url, tasks="tool")
        start(assemblies, url, "", "bob", "", 6.0).communicate(timeout=60)
        replaced = first.communicate(timeout=60)[1]
    assert row(refused) == "channel … is not taken: …"
    assert "[Log] fedxr: connected; session " in refused
    assert row(nothing) == "of the tasks … none can be answered from …"
    ended = next(line for line in replaced.splitlines() if "session has ended" in line)
    assert row(ended) == "the same key has opened another session …"
