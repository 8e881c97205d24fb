"""Every command of ``fedxr``: its line of help, and where its options and its work are.

A module is imported when its command is asked for, so that one command does not wait for what the
others need. To add a command, add its line here: ``options`` is a dataclass, whose docstring and
fields' docstrings are its help; ``run(options, console)`` does it and returns the exit status
(docs/commands.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from fedxr.plugins.nearest import nearest

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Command:
    """One command. ``options``, ``run`` and ``start`` are written as ``module:name``; ``start``,
    where there is one, makes of the words of the command line what the options start from."""

    name: str
    about: str
    options: str
    run: str
    start: str = ""
    computes: bool = True
    """Whether it needs torch."""
    studies: bool = False
    """Whether it needs the packages of the extra ``study``."""

    def options_type(self) -> type[Any]:
        found: type[Any] = _imported(self.options)
        return found

    def runner(self) -> Callable[[object, Console], int]:
        found: Callable[[object, Console], int] = _imported(self.run)
        return found

    def starting_options(self, words: Sequence[str]) -> object | None:
        """What the options start from, or None where that is their defaults."""
        found: object | None = _imported(self.start)(words) if self.start else None
        return found


def _imported(place: str) -> Any:
    module, name = place.split(":")
    return getattr(import_module(module), name)


COMMANDS = (
    Command(
        "demo",
        "eight headsets stream live, learn and federate; then a table and a report",
        "fedxr.cli.demo:Demo",
        "fedxr.cli.demo:demo_command",
        start="fedxr.cli.starting:demo_start",
        studies=True,
    ),
    Command(
        "serve",
        "bridge and agents for whoever connects; --lan: for headsets on the Wi-Fi",
        "fedxr.cli.serve:Serve",
        "fedxr.cli.serve:serve_command",
        start="fedxr.cli.starting:serve_start",
    ),
    Command(
        "stream",
        "be a headset: a simulated person, or a recorded one",
        "fedxr.cli.stream_options:Stream",
        "fedxr.cli.stream:stream_command",
    ),
    Command(
        "sensors",
        "be a headset: LSL, BrainFlow, Quest hands, Pupil Labs, OSC",
        "fedxr.cli.sensors:Sensors",
        "fedxr.cli.sensors:sensors_command",
        computes=False,
    ),
    Command(
        "unity",
        "connect a Unity player or editor that has ML-Agents",
        "fedxr.cli.unity:Unity",
        "fedxr.cli.unity:unity_command",
        computes=False,
    ),
    Command(
        "record",
        "a bridge without agents: what headsets stream goes into a file",
        "fedxr.cli.record:Record",
        "fedxr.cli.record:record_command",
        computes=False,
    ),
    Command(
        "replay",
        "play a recording to a bridge, each session as the headset that it was",
        "fedxr.cli.record:Replay",
        "fedxr.cli.record:replay_command",
        computes=False,
    ),
    Command(
        "export",
        "a recording as XDF, or for the Rerun viewer",
        "fedxr.cli.record:Export",
        "fedxr.cli.record:export_command",
        computes=False,
    ),
    Command(
        "federate",
        "headless: a federation with every baseline, one table",
        "fedxr.experiments.run_config:RunConfig",
        "fedxr.cli.federate:federate_command",
        start="fedxr.cli.starting:federate_start",
        studies=True,
    ),
    Command(
        "report",
        "the report of a run drawn anew, or several runs compared on one page",
        "fedxr.cli.report:Report",
        "fedxr.cli.report:report_command",
        studies=True,
        computes=False,
    ),
    Command(
        "pretrain",
        "train a checkpoint",
        "fedxr.cli.pretrain_options:Pretrain",
        "fedxr.cli.pretrain:pretrain_command",
        start="fedxr.cli.starting:pretrain_start",
        studies=True,
    ),
    Command(
        "extend",
        "a checkpoint with a task or a sensor of your own",
        "fedxr.cli.extend:Extend",
        "fedxr.cli.extend:extend_command",
    ),
    Command(
        "data",
        "the known recorded sets: found or not, users, licence",
        "fedxr.cli.data:Data",
        "fedxr.cli.data:data_command",
        studies=True,
        computes=False,
    ),
    Command(
        "data new",
        "a folder of recordings to put yours in: a filled example that runs",
        "fedxr.cli.own_data:New",
        "fedxr.cli.own_data:new_command",
        computes=False,
    ),
    Command(
        "data check",
        "all that is wrong in a folder of yours, and a picture of each user",
        "fedxr.cli.own_data:Check",
        "fedxr.cli.own_data:check_command",
        studies=True,
        computes=False,
    ),
    Command(
        "doctor",
        "what is installed, what lacks, and how to get it",
        "fedxr.cli.doctor:Doctor",
        "fedxr.cli.doctor:doctor_command",
        computes=False,
    ),
)
"""In the order of the help."""


def named(words: Sequence[str]) -> tuple[Command, list[str]]:
    """The command that ``words`` begin with, the longest name first (``data check`` before
    ``data``), and the words after it. Raises ValueError that names the nearest."""
    for command in sorted(COMMANDS, key=lambda c: -len(c.name.split())):
        name = command.name.split()
        if list(words[: len(name)]) == name:
            _refuse_no_subcommand(command, words[len(name) :])
            return command, list(words[len(name) :])
    if words[0].startswith("-"):
        raise ValueError(f"{words[0]} before a command; write fedxr COMMAND {' '.join(words)}")
    names = [command.name for command in COMMANDS]
    near = nearest(" ".join(takewhile(_no_option, words[:2])), names) or nearest(words[0], names)
    said = f"did you mean {near[0]}?" if near else "fedxr --help lists the commands"
    raise ValueError(f"no command {words[0]!r}; {said}")


def _no_option(word: str) -> bool:
    return not word.startswith("-")


def _refuse_no_subcommand(command: Command, words: Sequence[str]) -> None:
    """A command that has others under it takes no bare word itself: one is meant for them. Raises
    ValueError that names the nearest of them."""
    under = [c.name for c in COMMANDS if c.name.startswith(f"{command.name} ")]
    if not under or not words or not _no_option(words[0]):
        return
    asked = f"{command.name} {words[0]}"
    near = nearest(asked, under)
    said = f"did you mean {near[0]}?" if near else f"there are {', '.join(under)}"
    raise ValueError(f"no command {asked!r}; {said}")
