"""Examples as users have them: installed by pip into a folder, found by commands run from there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def install(example: str, folder: Path) -> Path:
    """``examples/<example>`` in ``folder``, from a copy: a build leaves files beside its source."""
    source = folder.with_name(f"{folder.name}-source") / example
    shutil.copytree(EXAMPLES / example, source)
    words = ("pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    subprocess.run(
        [sys.executable, "-m", *words, "--target", str(folder), str(source)],
        check=True,
        timeout=300,
    )
    return folder


def environment(*folders: Path) -> dict[str, str]:
    """That of a command which has what is installed in ``folders``."""
    path = os.pathsep.join(map(str, (*folders, ROOT)))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}


def fedxr(here: Path, env: dict[str, str], *words: str) -> str:
    """What the command prints, run in the folder ``here``; it has to succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "fedxr.cli.entry", *words],
        cwd=here,
        env={**env, "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def lines_of(example: str) -> int:
    """Lines of its one module."""
    (module,) = (EXAMPLES / example).glob("*.py")
    return len(module.read_text().splitlines())
