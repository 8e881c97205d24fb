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
_DATASETS = ("dataset_dict.json", "dataset_info.json", "data/*-of-*.parquet")


def _has(*patterns: str, users: str = "") -> Callable[[Path], bool]:
    """Whether a folder holds a file of one of ``patterns``, or, with a set.toml, one of ``users``
    in the folders of its users; never raises. (Without one a folder of several sets is none.)"""

    def reads(folder: Path) -> bool:
        try:
            below = (users,) if users and (folder / "set.toml").is_file() else ()
            return any(next(folder.glob(p), None) for p in (*patterns, *below))
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
    Format("mcap", "recordings of fedxr, with feedback as labels", _has("*.mcap"), _sets("mcap")),
    Format(
        "xdf",
        "XDF files (LSL), with markers as labels",
        _has(*_XDF, users="*/*.xdf*"),
        _sets("xdf"),
    ),
    Format("bids", "BIDS-EEG, with events as labels", _has(*_BIDS), _sets("bids")),
    Format(
        "lerobot",
        "LeRobot data sets, by task or success",
        _has("meta/info.json", users="*/meta/info.json"),
        _sets("lerobot"),
    ),
    Format("huggingface", "Hugging Face data sets", _has(*_DATASETS), _sets("huggingface")),
    # The last: to the others a set.toml may be added.
    Format("folder", "tables with a set.toml", _has("set.toml"), _sets("folder")),
)
