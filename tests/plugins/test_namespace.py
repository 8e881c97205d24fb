"""One namespace: nothing of ours is a package of its own, installed from source or from a wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP = ("plugins", "bridge", "agent", "federation", "scenarios", "evaluation")


def test_a_readers_own_modules_are_left_alone(tmp_path: Path) -> None:
    """A notebook beside files that are called as our folders are."""
    for name in TOP:
        (tmp_path / f"{name}.py").write_text(f"MINE = {name!r}\n")
    code = "import {0}, fedxr.{0}; assert {0}.MINE; print(fedxr.{0}.__file__)"
    for name in TOP:
        done = subprocess.run(
            [sys.executable, "-c", code.format(name)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert Path(done.stdout.strip()) == ROOT / name / "__init__.py"


@pytest.mark.slow
def test_the_wheel_has_the_one_namespace_and_all_files(tmp_path: Path) -> None:
    """Built from a copy: a build leaves files beside its source."""
    files = subprocess.run(
        ["git", "ls-files", "*.py", "*.toml", "*.md", "LICENSE", "fedxr"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    for file in filter(None, files):
        (tmp_path / "source" / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / "source" / file)
    words = ("pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    subprocess.run(
        [sys.executable, "-m", *words, "-w", tmp_path, tmp_path / "source"], check=True, timeout=300
    )
    (wheel,) = tmp_path.glob("*.whl")
    inside = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    assert {name.split("/")[0] for name in inside} == {"fedxr"}
    due = {f for f in files if f.startswith("fedxr/")}
    due |= {f"fedxr/{f}" for f in files if f.split("/")[0] in TOP and f.endswith((".py", ".md"))}
    assert due <= inside
