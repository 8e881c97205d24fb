"""examples/python and examples/notebooks, run as they stand, against a real server where they want
one."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "examples" / "python").glob("*.py"))
ENV = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}


def test_no_example_is_longer_than_a_screen() -> None:
    """docs/extending.md says how long at most."""
    lines = {
        str(path): len(path.read_text().splitlines())
        for path in (ROOT / "examples").rglob("*.py")
        if "build" not in path.parts
    }
    assert len(lines) >= 7
    assert max(lines.values()) <= 50, lines
    assert "at most 50 lines" in (ROOT / "docs" / "extending.md").read_text()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a real `fedxr serve`."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    words = ("serve", "--port", str(port), "--state", str(tmp_path / "state.db"))
    job = subprocess.Popen([sys.executable, "-m", "fedxr.cli.entry", *words], env=ENV)
    for _ in range(600):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield f"ws://127.0.0.1:{port}"
    job.terminate()
    job.wait(30)


def run(script: str, *words: str, here: Path) -> str:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "python" / script, *words],
        env=ENV, cwd=here, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_script_is_short() -> None:
    assert {p.name: len(p.read_text().splitlines()) < 50 for p in SCRIPTS} == dict.fromkeys(
        (p.name for p in SCRIPTS), True
    )


@pytest.mark.slow
def test_a_headset_that_says_what_it_did(server: str, tmp_path: Path) -> None:
    told = run("headset.py", server, here=tmp_path)
    found = re.search(r"right before it was said: (\d+) of 20", told)
    assert found, told
    assert int(found[1]) > 20 / 5, "better than one in five classes"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["federation", "headset"])
def test_a_notebook_runs_from_its_first_cell_to_its_last(name: str, tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient", reason="extra docs is not installed")
    import nbformat

    notebook = nbformat.read(ROOT / "examples" / "notebooks" / f"{name}.ipynb", as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": tmp_path}}, kernel_name="python3"
    )
    client.execute(env=ENV)
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", ())]
    assert not [o for o in outputs if o.output_type == "error"]
    if name == "federation":
        assert any("image/png" in o.get("data", {}) for o in outputs), "the figure is shown"
        assert any(
            "federated_personalised" in o.get("data", {}).get("text/html", "") for o in outputs
        )
    assert not [cell for cell in notebook.cells if "\t" in cell.source]


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "notebooks").glob("*.ipynb")))
def test_a_notebook_is_kept_without_what_came_out(path: Path) -> None:
    """What came out is this machine's, and makes every change of it unreadable."""
    import nbformat

    cells = nbformat.read(path, as_version=4).cells
    assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]
