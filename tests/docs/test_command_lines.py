"""Every command line that README.md and docs/*.md show is one: read by the real parser, in-process.

Of a line in a block all words have to be there; one within a sentence may leave out what it is not
about, and an ellipsis stands for more. What is run for real: README's recipe for CI, here, and the
ten-minute pages, in test_pages.
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import os
import re
import shlex
import subprocess
import sys
from dataclasses import MISSING, dataclass, fields
from importlib.util import find_spec
from pathlib import Path

import pytest
from doc_names import ROOT
from junitparser import JUnitXml

from fedxr.cli.command_table import Command, named
from fedxr.cli.main import parsed

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAM = r"(?:\.venv/bin/)?(?:fedxr|python -m|make)"
BLOCK = re.compile(r"^```[^\n]*\n(.*?)^```", re.M | re.S)
LINE = re.compile(rf"^\s*(?:\$ )?({PROGRAM} .+)$", re.M)
INLINE = re.compile(rf"`({PROGRAM} [^`\n]+)`")
MEANWHILE = re.compile(r" {3,}[^-\s#].*$")
"""What a command is about, after a gap: README's list of commands."""
OF_A_PLUGIN = {"trimmed": "mean"}
"""Names that a page's own plug-in brings, and what stands in for them."""


@dataclass(frozen=True)
class CommandLine:
    document: str
    text: str
    whole: bool
    """In a block, as it is typed."""

    @property
    def said(self) -> str:
        """Without what it is about, and with names for what a reader puts in."""
        return re.sub(r"<[^>]+>", "SOMETHING", MEANWHILE.sub("", self.text))

    @property
    def words(self) -> list[str]:
        """Without comment, ellipsis, and what the shell does with it."""
        words = shlex.split(self.said.replace(" …", ""), comments=True)
        ends = [n for n, word in enumerate(words) if word in ("|", "&", "&&", ">", ">>")]
        return words[: min(ends, default=len(words))]


def command_lines() -> list[CommandLine]:
    found = []
    for path in DOCUMENTS:
        text, name = path.read_text(encoding="utf-8"), path.name
        for block in BLOCK.findall(text):
            joined = re.sub(r"\\\n\s*", "", block)
            found += [CommandLine(name, x, not MEANWHILE.search(x)) for x in LINE.findall(joined)]
        found += [CommandLine(name, line, False) for line in INLINE.findall(BLOCK.sub("", text))]
    return found


EVERY = command_lines()
OURS = [one for one in EVERY if one.words[0].endswith("fedxr") and one.words[1] != "COMMAND"]


def label(one: CommandLine) -> str:
    return f"{one.document}: {one.text[:70]}"


@pytest.mark.parametrize("one", OURS, ids=label)
def test_fedxr(one: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = [OF_A_PLUGIN.get(word, word) for word in one.words[1:]]
    if words[0].startswith("-"):
        assert set(words) <= {"--help", "--version", "--verbose", "--quiet"}
        return
    command, rest = named(words)
    for word, following in itertools.pairwise(rest):
        if word == "--config":  # a file that the page shows
            Path(following).parent.mkdir(parents=True, exist_ok=True)
            Path(following).write_text("{}")
        elif word == "--resume":  # the folder of a run
            Path(following).mkdir(parents=True)
            (Path(following) / "result.json").write_text("{}")
    options = [word for word in rest if word.startswith("--")]
    if not one.whole and rest == options:  # a mention
        assert not set(options) - options_of(command), f"no such options of fedxr {command.name}"
        return
    if not one.whole:
        rest += filled(command, rest)
    if "--help" not in rest and (rest or not required(command)):
        parsed(command, rest)


@functools.cache
def options_of(command: Command) -> set[str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), pytest.raises(SystemExit):
        parsed(command, ["--help"])
    return {"--help", *re.findall(r"--[a-z][\w.-]*", said.getvalue())}


def required(command: Command) -> list[str]:
    return [
        f.name
        for f in fields(command.options_type())
        if f.default is MISSING and f.default_factory is MISSING
    ]


def filled(command: Command, words: list[str]) -> list[str]:
    """What a sentence has left out of a command."""
    missing = [f"--{name.replace('_', '-')}" for name in required(command)]
    missing = [name for name in missing if name in options_of(command) and name not in words]
    return [word for name in missing for word in (name, "SOMETHING")]


@pytest.mark.parametrize(
    "one", [one for one in EVERY if one.words[0].endswith("python")], ids=label
)
def test_python_m(one: CommandLine) -> None:
    module, *rest = one.words[2:]
    spec = find_spec(module)
    assert spec is not None
    if module == "pip":
        return
    package = find_spec(f"{module}.__main__") if spec.submodule_search_locations else spec
    assert package is not None
    assert package.origin is not None
    source = Path(package.origin).read_text(encoding="utf-8")
    for word in rest:
        if word.startswith("--"):
            name = word.partition("=")[0][2:]
            assert re.search(rf"\b(?:{name}|{name.replace('-', '_')})\b", source), word


@pytest.mark.parametrize("one", [one for one in EVERY if one.words[0] == "make"], ids=label)
def test_make(one: CommandLine) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M)
    assert one.words[1] in targets
    assert all(re.match(r"(ARGS|PYTHON|VENV)=", word) for word in one.words[2:])


def test_each_kind_is_there() -> None:
    """So that a change of how documents are written does not leave this with nothing to read."""
    assert len(OURS) > 80
    assert {one.words[0] for one in EVERY} >= {"fedxr", "python", "make"}
    assert sum(one.whole for one in OURS) > 30


@pytest.mark.slow
def test_the_recipe_for_ci(tmp_path: Path) -> None:
    """README's, with few steps: exit status 0, a test case a requirement, a step summary."""
    (recipe,) = [one for one in OURS if one.document == "README.md" and "--junit" in one.text]
    few = ["--steps", "5", "--rounds", "1", "--copies", "50", "--bridge-s", "3", "--seeds", "1"]
    for schedule in ("shared", "personal"):
        few += [f"--learning.{schedule}.no-by-labels", f"--learning.{schedule}.train.steps", "2"]
    env = {**os.environ, "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    ran = subprocess.run(
        [sys.executable, "-m", "fedxr.cli.entry", *recipe.words[1:], *few, "--out", "run"],
        cwd=tmp_path, env=env, capture_output=True, text=True, timeout=850,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "\x1b" not in ran.stdout, "a pipe has plain lines"
    junit = recipe.words[recipe.words.index("--junit") + 1]
    (suite,) = JUnitXml.fromfile(str(tmp_path / junit))
    wanted = [b for a, b in itertools.pairwise(recipe.words) if a == "--require"]
    assert [case.name for case in suite] == wanted
    assert suite.failures == 0
    assert f"| `{wanted[0]}` | yes |" in (tmp_path / "summary.md").read_text()
