"""The tutorial of docs/own_unity.md, done as it says: two files, two commands, three scripts, a
scene and some key presses."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from test_editor import runtime, stub
from toolchain import PACKAGE, ROOT, Assemblies

DOC = ROOT / "docs" / "own_unity.md"
SAMPLE = PACKAGE / "Samples~" / "Minimal"
TUTORIAL = DOC.read_text()


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", TUTORIAL, re.MULTILINE | re.DOTALL)
    return [text for named, text in found if named == language]


def commands() -> list[list[str]]:
    return [shlex.split(line) for line in blocks("")[0].splitlines()]


def test_the_text_and_the_sample_are_one() -> None:
    scripts = [(SAMPLE / n).read_text() for n in ("ToolSensor.cs", "ToolHand.cs", "ToolCaption.cs")]
    assert blocks("csharp") == scripts
    assert [len(blocks(language)) for language in ("python", "toml")] == [1, 1]


def test_the_sample_compiles_as_an_assembly_of_its_own(assemblies: Assemblies) -> None:
    sample(assemblies)


def test_roslyn_takes_the_sample(strict_assemblies: Assemblies) -> None:
    sample(strict_assemblies)


def sample(assemblies: Assemblies) -> Path:
    references = [runtime(assemblies), assemblies.core, stub(assemblies)]
    return assemblies.build("Fedxr.Minimal", [SAMPLE], references)


@pytest.fixture
def taught(tmp_path: Path) -> Path:
    """A folder with the tutorial's two files, installed into ``plugins`` beside them."""
    for name, language in (("tool_task.py", "python"), ("pyproject.toml", "toml")):
        (tmp_path / name).write_text(blocks(language)[0])
    install, _ = commands()
    into = ["--no-deps", "--no-build-isolation", "--no-index", "--target", "plugins"]
    subprocess.run([sys.executable, "-m", *install, *into], cwd=tmp_path, check=True)
    return tmp_path


def fedxr(command: list[str]) -> list[str]:
    assert command[0] == "fedxr"
    return [sys.executable, "-m", "fedxr.cli.entry", *command[1:]]


@contextmanager
def serving(here: Path, command: list[str]) -> Iterator[str]:
    log = here / "serve.log"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with log.open("w") as out:
        started = [*fedxr(command), "--port", str(port)]
        path = os.pathsep.join(map(str, (here / "plugins", ROOT)))
        env = {**os.environ, "PYTHONPATH": path}
        server = subprocess.Popen(started, cwd=here, env=env, stdout=out, stderr=out)
        try:
            for _ in range(300):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).close()
                    break
                except OSError:
                    assert server.poll() is None, log.read_text()
                    time.sleep(0.2)
            yield f"ws://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(20)


@pytest.mark.slow
def test_the_tutorial(assemblies: Assemblies, taught: Path) -> None:
    """Untaught, no caption is ever right; after one key press for each class it is."""
    _, serve = commands()
    references = [sample(assemblies), runtime(assemblies), assemblies.core, stub(assemblies)]
    scene = assemblies.build("Tutorial", [Path(__file__).parent / "tutorial"], references, "exe")
    with serving(taught, serve) as url:
        said = assemblies.run(scene, url).stdout
    told = dict(line.split(" ", 1) for line in said.splitlines() if " " in line)
    assert told["tasks"] == "tool"
    assert float(told["before"]) == 0
    assert float(told["after"]) > 0.9, said
