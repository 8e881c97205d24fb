"""Options of a command that start from a file (``--config``), or from the run that is resumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fedxr.experiments.config_file import read_config
from fedxr.experiments.run_config import RunConfig

REPEATABLE = ("sets", "require", "track")
"""Would be added to those of the file."""


def federate_start(words: Sequence[str]) -> RunConfig | None:
    """What the file of ``--config`` says, or the run of ``--resume``; other options override it.
    None without either. Raises ConfigError, OSError."""
    path, resumed = option(words, "--config"), option(words, "--resume")
    if path is None and resumed is None:
        return None
    if path is None:
        path = str(Path(str(resumed)) / "result.json")
    found = read_config(Path(path))
    for name in REPEATABLE:
        if option(words, f"--{name}") is not None:
            found = replace(found, **{name: ()})  # type: ignore[arg-type]
    return found


def option(words: Sequence[str], name: str) -> str | None:
    """What follows the option ``name``, or None."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == name:
            return following or None
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None
