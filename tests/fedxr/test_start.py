"""What a command imports: everybody waits for it, so it is what the command needs and no more."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from fedxr.cli.command_table import COMMANDS

STUDY = {"sklearn", "matplotlib", "pandas", "mne", "soundfile"}
HEAVY = STUDY | {"torch", "scipy.stats"}
RUN = """
import json, sys
from fedxr.cli.entry import main
try:
    status = main()
except SystemExit as end:
    status = end.code
print("\\n" + json.dumps([status, sorted(sys.modules)]))
"""


def imported(*words: str, run: str = RUN) -> tuple[int, set[str], str]:
    """Exit status of the command in a process of its own, what it has imported, what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", run, *words], capture_output=True, text=True, timeout=120
    )
    assert done.stdout, done.stderr
    said, last = done.stdout.rstrip().rsplit("\n", 1)
    status, modules = json.loads(last)
    return status, set(modules), said


@pytest.mark.parametrize("words", [(), ("--help",), ("--version",), ("serv",)])
def test_who_only_asks_does_not_wait(words: tuple[str, ...]) -> None:
    status, modules, said = imported(*words)
    assert status == (2 if words == ("serv",) else 0), said
    assert not modules & (HEAVY | {"numpy"})
    assert words == ("serv",) or not modules & {"tyro", "rich"}


def test_what_the_terminal_cannot_write_costs_nothing_that_was_to_be_said() -> None:
    """As in a pipe on Windows, which has no minus sign."""
    done = subprocess.run(
        [sys.executable, "-m", "fedxr.cli.entry", "\N{MINUS SIGN}1"],
        env={**os.environ, "PYTHONIOENCODING": "cp1252:strict"},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    assert "fedxr: no command '\\u22121'; fedxr --help lists the commands" in done.stdout


def test_the_doctor_loads_nothing_of_what_it_looks_at() -> None:
    _, modules, said = imported("doctor")
    assert "torch" in said
    assert not modules & HEAVY


@pytest.mark.parametrize("command", ["record", "sensors", "unity", "data", "replay"])
def test_a_command_that_computes_nothing_loads_no_torch(command: str) -> None:
    status, modules, said = imported(command, "--help")
    assert status == 0, said
    assert not modules & HEAVY


COMPUTE = [command.name for command in COMMANDS if command.computes]
LEARNS = {"demo", "serve", "federate", "extend"}
"""Whose options hold what learns, or choices of its registries: help waits for torch."""


@pytest.mark.parametrize("command", [name for name in COMPUTE if name not in LEARNS])
def test_the_help_of_one_that_computes_loads_no_torch(command: str) -> None:
    status, modules, said = imported(command, "--help")
    assert status == 0, said
    assert not modules & HEAVY


@pytest.mark.parametrize("module", ["fedxr.cli.serve", "fedxr.cli.stream", "fedxr.cli.extend"])
def test_a_server_loads_nothing_of_a_study(module: str) -> None:
    run = f"import json, sys; import {module}; print('\\n' + json.dumps([0, [*sys.modules]]))"
    _, modules, _ = imported(run=run)
    assert "torch" in modules
    assert not modules & (STUDY | {"scipy.stats"})
