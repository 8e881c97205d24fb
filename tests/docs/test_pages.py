"""The ten-minute pages are run as they stand: every file that they show is written, every command
and script run, in one folder, in order.

A block ``bash`` is run, ``python`` as a script, and one with a title is written to that file. The
port is another one, for tests run side by side; all else is the page's.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from doc_names import ROOT

from fedxr.experiments.config_file import read_config

BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.M | re.S)
SECONDS = 400
pytestmark = pytest.mark.slow


def script_of(page: str, folder: Path) -> str:
    """What to run of ``page``; the files that it shows are in ``folder`` afterwards."""
    lines = []
    for kind, title, text in BLOCK.findall((ROOT / "docs" / page).read_text()):
        if title:
            (folder / title).parent.mkdir(parents=True, exist_ok=True)
            (folder / title).write_text(text)
        elif kind == "bash":
            lines.append(text)
        elif kind == "python":
            lines.append(f"python - <<'END'\n{text}END\n")
    return "".join(lines)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def run(page: str, folder: Path) -> str:
    """What ``page`` prints; every command of it has to succeed."""
    port = free_port()
    script = script_of(page, folder)
    assert script, f"{page} shows nothing that can be run"
    for file in [*folder.rglob("*.py")]:
        file.write_text(file.read_text().replace("8765", str(port)))
    script = script.replace("fedxr serve", f"fedxr serve --port {port}").replace("8765", str(port))
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder), "COLUMNS": "80", "NO_COLOR": "1", "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        # What a page installs goes into its own folder, with the build tools that are here.
        "PIP_TARGET": str(folder / "site"), "PYTHONPATH": str(folder / "site"),
        "PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0",
    }  # fmt: skip
    env.pop("XDG_CONFIG_HOME", None)  # pages name ~/.config
    with (folder / "printed").open("w") as printed:
        job = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-m", "-c", script],
            cwd=folder, env=env, stdout=printed, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            status = job.wait(SECONDS)
        finally:
            subprocess.run(["pkill", "-KILL", "-s", str(job.pid)], check=False)
            if job.poll() is None:
                os.killpg(job.pid, signal.SIGKILL)
    told = (folder / "printed").read_text()
    assert status == 0, f"{page} ended with {status}:\n{told[-4000:]}"
    return told


def test_my_recordings(tmp_path: Path) -> None:
    told = run("own_data.md", tmp_path)
    assert told.count("nothing is wrong") == 2
    for made in ("pictures/ann.png", "RUN/report.html", "TEA/result.json"):
        assert (tmp_path / made).exists(), made


def test_my_model_and_my_aggregation_rule(tmp_path: Path) -> None:
    told = run("own_model.md", tmp_path)
    accuracies = [float(x) for x in re.findall(r"round \d+: ([\d.]+) right", told)]
    assert len(accuracies) == 4
    assert accuracies[-1] > 1 / 3 + 0.1, "twelve headsets with 20 labels each do better than chance"
    assert "trimmed" in told
    assert "fed + pers" in told


def test_my_headset_on_the_wifi(tmp_path: Path) -> None:
    told = run("own_headset.md", tmp_path)
    assert "asked: doing" in told
    assert (tmp_path / "root.crt").read_bytes()


def test_a_federation_in_ci(tmp_path: Path) -> None:
    told = run("own_ci.md", tmp_path)
    assert "accuracy" in told
    assert read_config(tmp_path / "federation.yaml").source == "recorded"
    for made in ("checks.xml", "RUN/report.html", "DRAWN"):
        assert (tmp_path / made).exists(), made
