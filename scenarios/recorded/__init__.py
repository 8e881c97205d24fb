"""Recorded people: public data sets in their official layouts become users of the system.

``RECORDED`` holds every set by its name: ours, and those of plug-ins, which add one by
``RECORDED.add(RecordedSet(...))``.
"""

from __future__ import annotations

import os
from pathlib import Path

from fedxr.plugins import Registry
from fedxr.scenarios.recorded import (
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
from fedxr.scenarios.users import DataError, RecordedSet

RECORDED: Registry[RecordedSet] = Registry(
    "recorded set",
    (
        har.SET,
        ssvep.SET,
        gazegraph.SET,
        cwru.SET,
        stress.SET,
        fsdd.SET,
        ravdess.SET,
        shrec.SET,
        qmnist.SET,
        omniglot.SET,
    ),
)
"""The known sets by name."""


def data_folder(given: Path | None) -> Path | None:
    """The folder of the recorded sets: as given, else $FEDXR_DATA."""
    if given is not None:
        return given
    return Path(os.environ["FEDXR_DATA"]) if os.environ.get("FEDXR_DATA") else None


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
