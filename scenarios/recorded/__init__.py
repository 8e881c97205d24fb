"""Recorded people: public data sets in their official layouts become users of the system."""

from __future__ import annotations

from pathlib import Path

from scenarios.recorded import (
    cwru,
    fsdd,
    gazegraph,
    har,
    omniglot,
    qmnist,
    ravdess,
    shrec,
    ssvep,
    stress,
)
from scenarios.users import DataError, RecordedSet

_MODULES = (har, ssvep, gazegraph, cwru, stress, fsdd, ravdess, shrec, qmnist, omniglot)
RECORDED: dict[str, RecordedSet] = {module.SET.name: module.SET for module in _MODULES}
"""The known sets by name."""


def find(root: Path | None) -> dict[str, Path]:
    """The folder of each known set that stands under ``root``, by the set's name.

    Raises DataError when ``root`` is None or no folder.
    """
    if root is None:
        raise DataError("recorded people need a folder: give --data DIR or set $FEDXR_DATA")
    if not root.is_dir():
        raise DataError(
            f"data folder {root}: no such folder; give one that holds the sets' folders"
        )
    return {name: root / s.folder for name, s in RECORDED.items() if (root / s.folder).is_dir()}
