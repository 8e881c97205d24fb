"""What the documents name: files, modules, functions; and how each is looked up."""

from __future__ import annotations

import inspect
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import CodeType
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDERS = ("plugins", "bridge", "agent", "federation", "scenarios", "evaluation")
"""Folders at the top that are packages of ``fedxr`` (setup.py)."""
STEP = re.compile(r"^\d+\. \[[^\]]+\]\(\.\./(?P<file>[^)]+\.py)\) `(?P<name>[\w.]+)`: \S")

PLACE = re.compile(r"\]\(\.\./([^)]+\.py)\): `([\w.]+)`")


@dataclass(frozen=True)
class Step:
    """One step of a walk: the ``file`` from the root, and the qualified ``name`` in it."""

    file: str
    name: str

    @property
    def module(self) -> str:
        dotted = self.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        return f"fedxr.{dotted}" if dotted.split(".")[0] in FOLDERS else dotted

    @property
    def object(self) -> Any:
        """The function or class; raises AttributeError where there is none of that name."""
        found: Any = import_module(self.module)
        for part in self.name.split("."):
            found = inspect.getattr_static(found, part)
        return found

    @cached_property
    def code(self) -> CodeType:
        """Of the function."""
        found = self.object
        found = found.fget if isinstance(found, property) else inspect.unwrap(found)
        code = found.__code__
        assert isinstance(code, CodeType)
        return code


def places() -> list[Step]:
    """What the table of docs/architecture.md says is where: ``[file](../file): `name```."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    return [Step(*found) for found in PLACE.findall(text)]


def walks() -> dict[str, list[Step]]:
    """By heading, the numbered steps of docs/architecture.md; each numbered line must be one."""
    found: dict[str, list[Step]] = {}
    for line in (ROOT / "docs" / "architecture.md").read_text().splitlines():
        if line.startswith("## "):
            steps = found.setdefault(line[3:], [])
        elif re.match(r"\d+\. ", line):
            match = STEP.match(line)
            assert match, f"no step of a walk, '1. [file](../file) `name`: what': {line}"
            steps.append(Step(match["file"], match["name"]))
            assert line.startswith(f"{len(steps)}. "), f"the steps are not numbered through: {line}"
    return {heading: steps for heading, steps in found.items() if steps}


def tracked() -> set[str]:
    """The repository's files."""
    said = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return {name for name in said.stdout.splitlines() if (ROOT / name).exists()}


def documents() -> list[Path]:
    """Every document of ours; not those of other people's code."""
    names = (name for name in tracked() if name.endswith(".md") and "/vendor/" not in name)
    return sorted(ROOT / name for name in names)


def lines(document: Path) -> Iterator[tuple[int, str]]:
    """Numbered; without the first column of the changelog's tables, which says what was before."""
    for number, text in enumerate(document.read_text().splitlines(), 1):
        if document.name == "CHANGELOG.md" and text.startswith("| "):
            text = text.split("|", 2)[2]
        yield number, text
