"""Where a run took place: versions and machine, for ``result.json``."""

from __future__ import annotations

import os
import platform
from importlib import metadata

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
