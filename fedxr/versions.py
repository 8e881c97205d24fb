"""What a result was made with."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import torch

_WANTED = ("fedxr", "torch", "numpy", "scikit-learn", "websockets")


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that the figures depend on."""
    out = {"python": platform.python_version()}
    for name in _WANTED:
        try:
            out[name] = version(name)
        except PackageNotFoundError:
            out[name] = "not installed"
    return out


def machine() -> dict[str, str]:
    """Processor, system and threads."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": platform.processor() or platform.machine(),
        "threads": str(torch.get_num_threads()),
    }
