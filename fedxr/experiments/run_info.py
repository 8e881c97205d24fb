"""What was run, when and where: the part of ``result.json`` that all runs have."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from types import ModuleType

import msgspec

from fedxr.agent.inputs import normalization
from fedxr.agent.model import m3t, nystroem
from fedxr.bridge import channels
from fedxr.evaluation.result import Result
from fedxr.experiments import classical
from fedxr.learning import federated_round

PACKAGES = ("fedxr", "torch", "numpy", "scipy", "websockets", "scikit-learn")
CONSTANTS: dict[ModuleType, tuple[str, ...]] = {
    nystroem: ("FEATURES", "WIDTH", "JITTER"),
    m3t: ("FAST", "SLOW"),
    normalization: ("PRIOR", "LIMIT"),
    channels: ("TICK_US",),
    federated_round: ("FLOPS_PER_STEP", "UNION"),
    classical: ("MANY",),
}
"""Of the checkpoint's format, or of how things are counted: another value is another fedxr."""

ENERGY = {
    "devices": "learning and sending, each device's computer and rates as fedxr.scenarios.devices "
    "has them (a mobile one's, and 0.25 s a message, where it has none), 10 mW to a neighbour and "
    "251 mW to the server (MH-FL, arXiv:2007.09511)",
    "mh-fl": "learning as each device's computer has it; sending takes 0.25 s a message, 10 mW to "
    "a neighbour and 251 mW to the server (MH-FL, arXiv:2007.09511)",
}
"""What joules are made of, by ``radio``."""


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


def constants() -> dict[str, float]:
    """The numbers that decide a result and are no options: of the checkpoint's format and of how
    the clock, the network's energy and the classical baselines are counted."""
    found: dict[str, float] = {}
    for module, names in CONSTANTS.items():
        for name in names:
            found[f"{module.__name__.rpartition('.')[2]}.{name}"] = getattr(module, name)
    return found


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
        constants=constants(),
        seeds=list(seeds),
        versions=versions(),
        machine=machine(),
        protocol=protocol,
        rows=[],
        interrupted=interrupted,
    )
