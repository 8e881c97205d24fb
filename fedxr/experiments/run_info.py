"""What was run, when and where: the part of ``result.json`` that all runs have."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from importlib import metadata

import msgspec

from fedxr.evaluation.result import Result

PACKAGES = ("fedxr", "torch", "numpy", "scipy", "websockets", "scikit-learn")


def versions() -> dict[str, str]:
    """Python and the packages that decide about numbers; those not installed are left out."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, str]:
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": platform.processor() or platform.machine(),
        "cores": str(os.cpu_count() or 1),
    }


def empty_result(
    config: object,
    seeds: Sequence[int],
    protocol: str,
    started: str = "",
    seconds: float = 0.0,
    interrupted: bool = False,
) -> Result:
    """A result without figures yet, of a run as the dataclass ``config`` has it."""
    return Result(
        command=sys.argv,
        started=started,
        seconds=seconds,
        config=msgspec.json.decode(msgspec.json.encode(config, enc_hook=str)),
        seeds=list(seeds),
        versions=versions(),
        machine=machine(),
        protocol=protocol,
        rows=[],
        interrupted=interrupted,
    )
