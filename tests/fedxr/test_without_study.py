"""A machine that only serves headsets has none of the packages for studies: what works without
them, and what the others say. A finder refuses their imports in every process of a command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fedxr.extras import STUDY, install_line

REFUSE = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {STUDY!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Refuse())
"""
ENTRY = (sys.executable, "-u", "-m", "fedxr.cli.entry")


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The environment of a process that cannot import them."""
    (tmp_path / "sitecustomize.py").write_text(REFUSE)
    return {**os.environ, "PYTHONPATH": str(tmp_path)}


def ended(environment: dict[str, str], *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [*ENTRY, *words], env=environment, capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


def test_the_packages_cannot_be_imported(bare: dict[str, str]) -> None:
    """Else the tests below would show nothing."""
    for name in STUDY:
        done = subprocess.run([sys.executable, "-c", f"import {name}"], env=bare)
        assert done.returncode == 1


@pytest.mark.parametrize(
    "words",
    [
        ["demo", "--no-open", "--port", "0"],
        ["federate", "--headsets", "1"],
        ["pretrain", "--out", "x.safetensors"],
        ["data"],
        ["stream", "--source", "recorded", "--data", "."],
    ],
)
def test_a_study_says_what_to_install(bare: dict[str, str], words: list[str]) -> None:
    status, said = ended(bare, *words)
    assert status == 2
    assert install_line("study") in said
    assert all(name in said for name in STUDY)
    assert "Traceback" not in said


@pytest.mark.parametrize("words", [["doctor"], ["record", "--help"], ["federate", "--help"]])
def test_who_asks_is_answered(bare: dict[str, str], words: list[str]) -> None:
    _, said = ended(bare, *words)
    assert "Python" in said if words == ["doctor"] else f"usage: fedxr {words[0]}" in said


@pytest.mark.slow
def test_a_server_answers_a_headset(bare: dict[str, str], tmp_path: Path) -> None:
    """In three processes: the server, its learner, and the headset."""
    words = ["serve", "--port", "0", "--state", str(tmp_path / "s.db")]
    server = subprocess.Popen([*ENTRY, *words], env=bare, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = next(m[0] for line in server.stdout if (m := re.search(r"ws://\S+", line)))
        status, said = ended(bare, "stream", "--url", url, "--seconds", "4")
        assert status == 0, said
        assert re.search(r"[1-9]\d* replies", said)
    finally:
        server.terminate()
        assert server.wait(60) == 0


def test_the_line_is_that_of_a_checkout_or_of_a_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(__file__).resolve().parents[2]
    monkeypatch.chdir(root)
    assert install_line("lan") == 'pip install -c constraints.txt -e ".[lan]"'
    assert install_line() == "pip install -c constraints.txt -e ."
    monkeypatch.chdir(tmp_path)
    assert install_line("lan") == f'pip install -c "{root}/constraints.txt" -e "{root}[lan]"'
    monkeypatch.setattr("fedxr.extras._CHECKOUT", tmp_path)
    assert install_line("lan") == 'pip install "fedxr[lan]"'
    assert install_line() == "pip install fedxr"
