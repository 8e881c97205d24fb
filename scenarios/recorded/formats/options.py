"""What a ``set.toml`` may say of a set in a known format: all of it may be left out.

The words are those of a folder of tables (:mod:`fedxr.scenarios.recorded.formats.folder`), as far
as they make sense where the format itself says what the channels are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fedxr.agent.tasks import check_use_case
from fedxr.scenarios.recorded.formats.set_toml import SetToml, read_set_toml
from fedxr.scenarios.recorded.stretches import HALVES
from fedxr.scenarios.users import DataError


@dataclass(frozen=True)
class Asked:
    """``[task]``: by default it is called as the set, its classes are the labels that occur, and it
    is asked every second from the two before."""

    name: str = ""
    classes: list[str] = field(default_factory=list)
    window: float = 2.0
    every: float = 1.0
    deadline_ms: float = 500.0
    per_user: bool = True


@dataclass(frozen=True)
class Labels:
    """``[labels]``: one that says no end holds until the next one, ``hold`` seconds at most.
    ``column`` has them, where the format is of tables."""

    hold: float = 10.0
    column: str = ""


@dataclass(frozen=True)
class Rows:
    """``[files]``, where the format is of tables: which columns say the user, the recording and the
    time, and how many samples there are in a second where none says the time."""

    user: str = ""
    recording: str = ""
    time: str = ""
    rate: float = 0.0


@dataclass(frozen=True)
class Options:
    """A whole ``set.toml``; ``units`` are those of columns, by name, as in ``eda = "uS"``."""

    name: str = ""
    use_case: str = "companion"
    licence: str = "not stated"
    source: str = "own recordings"
    halves: str = "time"
    task: Asked = Asked()
    labels: Labels = Labels()
    files: Rows = Rows()
    units: dict[str, str] = field(default_factory=dict)

    def wrong(self) -> Iterator[tuple[str, str]]:
        """Each key that cannot be, and why."""
        asked = self.task
        seconds = {
            "task.window": asked.window, "task.every": asked.every, "labels.hold": self.labels.hold
        }  # fmt: skip
        for name, value in seconds.items():
            if not 0 < value <= 3600:
                yield name, f"{name} = {value:g}; allowed are seconds above 0, up to 3600"
        if not 0 <= self.files.rate <= 200_000:
            rate = self.files.rate
            yield "files.rate", f"files.rate = {rate:g}; allowed are 0 (not known) to 200000"
        if "/" in self.name or "\\" in self.name:
            yield "name", f"name = {self.name!r}; a name has no / and no \\"
        if self.halves not in HALVES:
            yield "halves", f"halves = {self.halves!r}; known are {', '.join(HALVES)}"
        if wrong := check_use_case(self.use_case):
            yield "use_case", wrong


@dataclass(frozen=True)
class Told:
    """The ``options`` of the set in ``folder``, and what is called how by them."""

    folder: Path
    options: Options
    toml: SetToml

    @property
    def path(self) -> Path:
        return self.toml.path

    @property
    def name(self) -> str:
        """Of the set: the folder's unless another is said."""
        return self.options.name or self.folder.resolve().name

    @property
    def task(self) -> str:
        """Of its task: letters, digits, ``-`` and ``_``."""
        return self.options.task.name or re.sub(r"[^\w-]+", "_", self.name)[:64]


def told(folder: Path) -> Told:
    """What the set.toml of ``folder`` says. Raises DataError that says all that is wrong in it: no
    TOML, a key that is none, a value that cannot be."""
    toml, problems = read_set_toml(folder, needed=False), list[str]()
    options = toml.read(Options, problems)
    if options is not None:
        problems = [f"{toml.place(key)}: {text}" for key, text in options.wrong()]
    if problems or options is None:
        raise DataError("; ".join(problems))
    return Told(folder, options, toml)
