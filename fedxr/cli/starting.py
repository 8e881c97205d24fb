"""Options of a command that start from a file (``--config``), or from the run that is resumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import tyro

if TYPE_CHECKING:
    from fedxr.cli.demo import Demo
    from fedxr.cli.pretrain_options import Pretrain
    from fedxr.cli.serve import Serve
    from fedxr.experiments.run_config import RunConfig

T = TypeVar("T")
REPEATABLE = ("sets", "require", "track")
"""Would be added to those of the file."""


def federate_start(words: Sequence[str]) -> RunConfig | None:
    """What the file of ``--config`` says, or the run of ``--resume``; other options override it.
    None without either. Raises ConfigError, OSError."""
    path, resumed = option(words, "--config"), option(words, "--resume")
    if path is None and resumed is None:
        return None
    from fedxr.experiments.config_file import read_config

    if path is None:
        path = str(Path(str(resumed)) / "result.json")
    found = read_config(Path(path))
    for name in REPEATABLE:
        if option(words, f"--{name}") is not None:
            found = replace(found, **{name: ()})  # type: ignore[arg-type]
    return found


def demo_start(words: Sequence[str]) -> Demo | None:
    from fedxr.cli.demo import Demo

    return _from_file(Demo, words)


def serve_start(words: Sequence[str]) -> Serve | None:
    from fedxr.cli.serve import Serve

    return _from_file(Serve, words)


def pretrain_start(words: Sequence[str]) -> Pretrain | None:
    from fedxr.cli.pretrain_options import Pretrain

    return _from_file(Pretrain, words)


def _from_file(options: type[T], words: Sequence[str]) -> T | None:
    """``options`` as the file of ``--config`` has them; what neither the file nor the command line
    says, and has no default, is asked for as always."""
    path = option(words, "--config")
    if path is None:
        return None
    from fedxr.experiments.config_file import from_file

    asked = [f.name for f in fields(options)  # type: ignore[arg-type]
             if f.default is MISSING and f.default_factory is MISSING]  # fmt: skip
    return from_file(Path(path), options(**dict.fromkeys(asked, tyro.MISSING)))


def option(words: Sequence[str], name: str) -> str | None:
    """What follows the option ``name``, or None."""
    for word, following in pairwise([*words, ""]):
        if word == name:
            return following or None
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None
