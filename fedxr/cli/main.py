"""Agents of XR headsets that learn from their users, and from each other."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
import tyro
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from fedxr.agent.allocation import keep_freed_memory
from fedxr.agent.checkpoints.checkpoint_file import card_of, load_checkpoint, save_checkpoint
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.bridge.protocol import BridgeError
from fedxr.cli.commands import (
    Extend,
    Stream,
    demo_command,
    extend_command,
    serve_command,
    stream_command,
)
from fedxr.cli.data import data as show_data
from fedxr.cli.demo import Demo
from fedxr.cli.doctor import doctor as show_doctor
from fedxr.cli.record import Export, Record, Replay, recording_command
from fedxr.cli.sensors import Sensors, sensors_command
from fedxr.cli.serve import Serve
from fedxr.cli.unity import Unity, unity_command
from fedxr.evaluation.requirements import RequirementError
from fedxr.evaluation.tables import print_table
from fedxr.experiments.config_file import read_config
from fedxr.experiments.headless import card_for, gather, pretrain_on
from fedxr.experiments.run import federate
from fedxr.experiments.run_config import RunConfig, Source
from fedxr.experiments.splits import Split
from fedxr.learning.learner_process import LearnerExitedError
from fedxr.scenarios.recorded import data_folder
from fedxr.scenarios.users import DataError, User


@dataclass(frozen=True)
class Pretrain:
    """Train a checkpoint on the pretraining users of all domains and save it."""

    out: Path
    """The safetensors file to write."""
    source: Source = "simulated"
    """Simulated worlds, or recorded people from --data."""
    data: Path | None = None
    """Folder of the recorded sets; default $FEDXR_DATA."""
    steps: int = 250
    """Pretraining steps a task."""
    copies: int = 1500
    """Augmented episodes of each domain, about: from one to ten of each episode."""
    headsets: int = 12
    """Half the number of simulated pretraining users in each use case."""
    seed: int = 0
    """Seed of everything random."""


@dataclass(frozen=True)
class Data:
    """The known recorded sets: found or not, users, where to get them, licence."""

    data: Path | None = None
    """Folder of the recorded sets; default $FEDXR_DATA."""


@dataclass(frozen=True)
class Doctor:
    """What is installed, what is optional and missing, and how to get it."""


Command = (
    Annotated[Demo, tyro.conf.subcommand("demo")]
    | Annotated[Serve, tyro.conf.subcommand("serve")]
    | Annotated[Stream, tyro.conf.subcommand("stream")]
    | Annotated[Sensors, tyro.conf.subcommand("sensors")]
    | Annotated[Unity, tyro.conf.subcommand("unity")]
    | Annotated[RunConfig, tyro.conf.subcommand("federate")]
    | Annotated[Pretrain, tyro.conf.subcommand("pretrain")]
    | Annotated[Extend, tyro.conf.subcommand("extend")]
    | Annotated[Record, tyro.conf.subcommand("record")]
    | Annotated[Replay, tyro.conf.subcommand("replay")]
    | Annotated[Export, tyro.conf.subcommand("export")]
    | Annotated[Data, tyro.conf.subcommand("data")]
    | Annotated[Doctor, tyro.conf.subcommand("doctor")]
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it did what was asked, 1 when not, 2 for bad input."""
    console = Console()
    keep_freed_memory()
    torch.set_num_threads(1)  # two threads on two shared cores stall each other
    try:
        return _run(_parsed(arguments), console)
    except (BridgeError, DataError, RequirementError, ValueError, OSError) as error:
        console.print(f"[bold red]fedxr:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        return 2
    except LearnerExitedError as error:
        console.print(f"[bold red]fedxr:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("stopped")
        return 130


def _parsed(arguments: list[str] | None) -> object:
    """The command that ``arguments`` are; `fedxr federate --config FILE` starts from the file."""
    given = sys.argv[1:] if arguments is None else arguments
    path = _option(given, "--config")
    if given[:1] != ["federate"] or path is None:
        return tyro.cli(Command, args=given, prog="fedxr", description=__doc__)
    start = read_config(Path(path))
    for name in ("sets", "require"):  # repeatable ones would be added to those of the file
        if _option(given, f"--{name}") is not None:
            start = replace(start, **{name: ()})  # type: ignore[arg-type]
    read = tyro.cli(RunConfig, args=given[1:], prog="fedxr federate", default=start)
    return replace(read, config=None)  # it has been read


def _option(given: Sequence[str], name: str) -> str | None:
    """What follows the option ``name``, or None."""
    for word, following in zip(given, [*given[1:], ""], strict=True):
        if word == name:
            return following or None
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None


def _run(command: object, console: Console) -> int:
    match command:
        case Demo():
            data = data_folder(command.data)
            return demo_command(command, lambda: recorded_checkpoint(data, console), console)
        case Serve():
            return serve_command(command, console)
        case Stream():
            return stream_command(command, data_folder(command.data), console)
        case Sensors():
            return sensors_command(command, console)
        case Unity():
            return unity_command(command, console)
        case RunConfig():
            return _federate(command, console)
        case Pretrain():
            return _pretrain(command, console)
        case Extend():
            return extend_command(command, console)
        case Record() | Replay() | Export():
            return recording_command(command, console)
        case Data():
            return 0 if show_data(data_folder(command.data), console) else 1
        case Doctor():
            return 0 if show_doctor(console) else 1
    raise AssertionError(command)


def _federate(command: RunConfig, console: Console) -> int:
    with Status("starting", console=console) as status:
        result = federate(command, say=_say(status, console))
    print_table(result, console)
    failed = [r for r in result.requirements if not r.passed]
    if result.interrupted:
        return 130
    return 1 if failed else 0


def recorded_checkpoint(
    data: Path | None, console: Console
) -> tuple[Checkpoint, dict[str, list[User]]]:
    """A checkpoint pretrained on the recorded pretraining users, and the others by set.

    No licence of the recordings lets us ship it, so it is made here once and kept in runs/.
    """
    how = RunConfig(source="recorded")
    with Status("starting", console=console) as status:
        say = _say(status, console)
        splits = gather(how, data, say)
        _print_notes(splits, console)
        kept = Path("runs") / f"recorded-{'-'.join(s.name for s in splits)}-{how.seed}.safetensors"
        if not kept.exists():
            console.print(f"pretraining on recorded people, once, several minutes; kept in {kept}")
            save_checkpoint(pretrain_on(splits, how, say), kept, card_for(splits, how))
    others = {s.name: [*s.federation, *s.unseen] for s in splits}
    taught = {name for people in card_of(kept).people.values() for name in people}
    known = sorted(taught & {f"{u.source}/{u.name}" for users in others.values() for u in users})
    if known:
        raise DataError(
            f"{kept}: has learned from {known[0]} and {len(known) - 1} others who would be shown, "
            "since the recorded sets have changed; move it away, and a new one is pretrained"
        )
    return load_checkpoint(kept), others


def _pretrain(command: Pretrain, console: Console) -> int:
    how = RunConfig(
        source=command.source,
        steps=command.steps,
        copies=command.copies,
        headsets=command.headsets,
        seed=command.seed,
    )
    with Status("starting", console=console) as status:
        say = _say(status, console)
        splits = gather(how, data_folder(command.data), say)
        _print_notes(splits, console)
        checkpoint = pretrain_on(splits, how, say)
        save_checkpoint(checkpoint, command.out, card_for(splits, how))
    console.print(f"wrote {command.out} ({command.out.stat().st_size / 1e6:.1f} MB)")
    return 0


def _print_notes(splits: Sequence[Split], console: Console) -> None:
    """Who is left out of the recorded sets, and what else is to be said of them."""
    for note in (note for split in splits for note in split.notes):
        console.print(note, style="yellow", highlight=False, markup=False, soft_wrap=True)


def _say(status: Status, console: Console):  # type: ignore[no-untyped-def]
    """Progress in one line on a terminal, line by line elsewhere."""
    last = [""]

    def say(text: str) -> None:
        status.update(text)
        head = text.split(":")[0]
        if not console.is_terminal and head != last[0]:
            console.print(text, highlight=False)
        last[0] = head

    return say


if __name__ == "__main__":
    sys.exit(main())
