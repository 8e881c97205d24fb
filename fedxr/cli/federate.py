"""``fedxr federate``: a headless run from options, or from the file of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.status import Status

from fedxr.experiments.config_file import read_config
from fedxr.experiments.run_config import RunConfig


def start(words: Sequence[str]) -> RunConfig | None:
    """What the file of ``--config`` says, which other options override; None without one."""
    path = _option(words, "--config")
    if path is None:
        return None
    found = read_config(Path(path))
    for name in ("sets", "require"):  # repeatable ones would be added to those of the file
        if _option(words, f"--{name}") is not None:
            found = replace(found, **{name: ()})  # type: ignore[arg-type]
    return found


def _option(words: Sequence[str], name: str) -> str | None:
    """What follows the option ``name``, or None."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == name:
            return following or None
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None


def federate_command(config: RunConfig, console: Console) -> int:
    """Run it and print its table; 1 where a requirement failed."""
    from fedxr.cli.progress import saying
    from fedxr.evaluation.tables import print_table
    from fedxr.experiments.run import federate

    config = replace(config, config=None)  # it has been read
    with Status("starting", console=console) as status:
        result = federate(config, say=saying(status, console))
    print_table(result, console)
    if result.interrupted:
        return 130
    return 0 if all(r.passed for r in result.requirements) else 1
