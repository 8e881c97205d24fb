"""The formats that come with fedxr: by which files each is known. How it is read stands in the
module of its name, which is imported when there is something to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from fedxr.scenarios.recorded.formats.format import Format
from fedxr.scenarios.users import RecordedSet

_XDF = tuple(f"{place}*.xdf*" for place in ("", "sub-*/", "sub-*/*/", "sub-*/*/*/"))

_BIDS = ("sub-*/eeg/*_eeg.*", "sub-*/ses-*/eeg/*_eeg.*")


def _has(*patterns: str) -> Callable[[Path], bool]:
    """Whether a folder holds a file of one of ``patterns``; never raises."""

    def reads(folder: Path) -> bool:
        try:
            return any(next(folder.glob(pattern), None) for pattern in patterns)
        except OSError:
            return False

    return reads


def _sets(module: str) -> Callable[[Path], Sequence[RecordedSet]]:
    def sets(folder: Path) -> Sequence[RecordedSet]:
        found = import_module(f"fedxr.scenarios.recorded.formats.{module}")
        known: Sequence[RecordedSet] = found.sets(folder)
        return known

    return sets


OURS = (
    Format("folder", "tables with a set.toml", _has("set.toml"), _sets("folder")),
    Format("mcap", "recordings of fedxr, with feedback as labels", _has("*.mcap"), _sets("mcap")),
    Format("xdf", "XDF files (LSL), with markers as labels", _has(*_XDF), _sets("xdf")),
    Format("bids", "BIDS-EEG, with events as labels", _has(*_BIDS), _sets("bids")),
)
