"""What a ``set.toml`` may say of a set in a known format: all of it may be left out.

The words are those of a folder of tables (:mod:`fedxr.scenarios.recorded.formats.folder`), as far
as they make sense where the format itself says what the channels are."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fedxr.agent.tasks import check_use_case
from fedxr.plugins.nearest import did_you_mean
from fedxr.scenarios.recorded.stretches import HALVES
from fedxr.scenarios.users import DataError

TOML = "set.toml"


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[task]``: by default it is called as the set, its classes are the labels that occur, and it
    is asked every second from the two before."""

    name: str = ""
    classes: list[str] = []
    window: float = 2.0
    every: float = 1.0
    deadline_ms: float = 500.0
    per_user: bool = True


class Labels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[labels]``: one that says no end holds until the next one, ``hold`` seconds at most.
    ``column`` has them, where the format is of tables."""

    hold: float = 10.0
    column: str = ""


class Rows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[files]``, where the format is of tables: which columns say the user, the recording and the
    time, and how many samples there are in a second where none says the time."""

    user: str = ""
    recording: str = ""
    time: str = ""
    rate: float = 0.0


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole ``set.toml``; ``units`` are those of columns, by name, as in ``eda = "uS"``."""

    name: str = ""
    use_case: str = "companion"
    licence: str = "not stated"
    source: str = "own recordings"
    halves: str = "time"
    task: Asked = Asked()
    labels: Labels = Labels()
    files: Rows = Rows()
    units: dict[str, str] = {}

    def wrong(self) -> str:
        """What cannot be; empty where all can."""
        asked = self.task
        seconds = {
            "task.window": asked.window, "task.every": asked.every, "labels.hold": self.labels.hold
        }  # fmt: skip
        for name, value in seconds.items():
            if not 0 < value <= 3600:
                return f"{name} = {value:g}; allowed are seconds above 0, up to 3600"
        if not 0 <= self.files.rate <= 200_000:
            return f"files.rate = {self.files.rate:g}; allowed are 0 (not known) to 200000"
        if "/" in self.name or "\\" in self.name:
            return f"name = {self.name!r}; a name has no / and no \\"
        if self.halves not in HALVES:
            return f"halves = {self.halves!r}; known are {', '.join(HALVES)}"
        return check_use_case(self.use_case)


@dataclass(frozen=True)
class Told:
    """The ``options`` of the set in ``folder``, and what is called how by them."""

    folder: Path
    options: Options

    @property
    def path(self) -> Path:
        return self.folder / TOML

    @property
    def name(self) -> str:
        """Of the set: the folder's unless another is said."""
        return self.options.name or self.folder.resolve().name

    @property
    def task(self) -> str:
        """Of its task: letters, digits, ``-`` and ``_``."""
        return self.options.task.name or re.sub(r"[^\w-]+", "_", self.name)[:64]


def told(folder: Path) -> Told:
    """What the set.toml of ``folder`` says. Raises DataError: no TOML, a key that is none, a value
    that cannot be."""
    path = folder / TOML
    try:
        text = path.read_text(encoding="utf-8-sig") if path.exists() else ""
        options = msgspec.convert(tomllib.loads(text), Options)
    except msgspec.ValidationError as error:
        raise DataError(f"{path}: {error}{_nearest(str(error))}; correct it") from error
    except (OSError, ValueError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise DataError(f"{path}: {error}; correct it") from error
    if wrong := options.wrong():
        raise DataError(f"{path}: {wrong}")
    return Told(folder, options)


def _nearest(error: str) -> str:
    """The key that is meant by one that there is not."""
    found = re.search(r"unknown field `(.+?)`(?: - at `\$\.?(.*?)`)?", error)
    if found is None:
        return ""
    tables: Mapping[str, type] = {"task": Asked, "labels": Labels, "files": Rows}
    known = tables.get(found[2] or "", Options).__struct_fields__  # type: ignore[attr-defined]
    return f"; {did_you_mean(found[1], known).strip() or 'known are ' + ', '.join(known)}"
