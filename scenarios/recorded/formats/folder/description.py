"""What ``set.toml`` says of a folder: every key, what it means, and what is wrong with it.

Each table of the file is a dataclass here, each key a field; docs/own_data.md lists them. All that
is wrong is said at once, each with its place in the file and the nearest key that there is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import msgspec

from fedxr.agent.tasks import METRICS, Task, check_use_case
from fedxr.bridge.channels import Channel, ChannelError, columns_layout, layout_of, modality_of
from fedxr.plugins.nearest import did_you_mean
from fedxr.scenarios.recorded.stretches import HALVES
from fedxr.scenarios.users import DataError

FILE = "set.toml"
UNITS_S = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""Units of time; besides, ``iso`` stamps, and patterns of strptime (with a %)."""
_PART = re.compile(r"\{(\w+)\}|(\*\*/|\*)|([^{}*]+)")
_PLACEHOLDER = re.compile(r"\{[^\W\d_]\w*\}")
T = TypeVar("T")


@dataclass(frozen=True)
class Files:
    """``[files]``: where recordings are, and how their tables are written."""

    recordings: str = "{user}/*.csv"
    time: str | int | None = None
    time_unit: str = "s"
    user: str | int | None = None
    recording: str | int | None = None
    separator: str = ""
    decimal: str = ""
    header: int = 1
    skip: int = 0


@dataclass(frozen=True)
class Sensor:
    """``[[channels]]``: one channel, and which columns it is made of."""

    name: str
    rate: float
    columns: list[str | int]
    layout: str = ""
    unit: str = ""
    files: str = ""
    handed: str = "right"

    def channel(self) -> Channel:
        """As the bridge knows it, but that columns of no layout are not called by their names in
        the file yet; raises ChannelError for what cannot be a channel."""
        named = columns_layout([str(c) for c in self.columns] or ["none"])
        return Channel(self.name, self.layout or named, self.rate)


@dataclass(frozen=True)
class Labels:
    """``[labels]``: what was the case when. ``column`` is one of the recordings' own."""

    files: str = "{user}/labels.csv"
    column: str | int | None = None
    start: str | int = "start"
    end: str | int = "end"
    label: str | int = "label"
    user: str | int | None = None
    recording: str | int | None = None
    time_unit: str = ""
    from_start: bool = False
    names: dict[str, str] = field(default_factory=dict)
    ignore: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """``[task]``: what is asked, every how many seconds, and from how many before."""

    name: str
    classes: list[str] = field(default_factory=list)
    edges: list[float] = field(default_factory=list)
    window: float = 2.0
    every: float = 1.0
    deadline_ms: float = 500.0
    per_user: bool = True
    metric: str = "accuracy"

    def names(self) -> tuple[str, ...]:
        """The classes; those of a value range are called by their bounds unless they have names."""
        steps = zip(self.edges, self.edges[1:], strict=False)
        return tuple(self.classes or (f"{a:g} to {b:g}" for a, b in steps))


@dataclass(frozen=True)
class Description:
    """A whole ``set.toml``."""

    name: str
    task: Asked
    channels: list[Sensor]
    use_case: str = "companion"
    licence: str = "not stated"
    source: str = "own recordings"
    halves: str = "time"
    files: Files = field(default_factory=Files)
    labels: Labels = field(default_factory=Labels)

    def pattern(self, sensor: Sensor) -> str:
        return sensor.files or self.files.recordings

    def filed_by_class(self) -> bool:
        """Whether a file's name, and nothing in it, says its label."""
        return self.labels.column is None and "{label}" in self.pattern(self.channels[0])

    def as_task(self) -> Task:
        """Raises ValueError, ChannelError for what cannot be asked."""
        modalities = tuple(dict.fromkeys(s.channel().modality for s in self.channels))
        asked = self.task
        return Task(
            asked.name, self.use_case, asked.names(), modalities, asked.deadline_ms,
            per_user=asked.per_user, metric=asked.metric,  # type: ignore[arg-type]
        )  # fmt: skip


def described(folder: Path) -> Description:
    """What ``set.toml`` in ``folder`` says; raises DataError that says all that is wrong in it."""
    found, problems = look(folder)
    if problems or found is None:
        raise DataError("; ".join(problems))
    return found


def look(folder: Path) -> tuple[Description | None, list[str]]:
    """The description, where it can be read, and every problem of it."""
    path = folder / FILE
    try:
        raw = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return None, [f"{path}: {error}; `fedxr data new DIR` writes one to compare with"]
    problems: list[str] = []
    made = _table(Description, raw, "", problems)
    if made is not None:
        _check(made, problems)
    return made, [f"{path}: {text}" for text in problems]


def _table(kind: type[T], raw: Mapping[str, Any], where: str, problems: list[str]) -> T | None:
    """``kind`` from a table of the file called ``where``; None where a key is missing or wrong."""
    hints, given, before = get_type_hints(kind), dict[str, Any](), len(problems)
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    for key, value in raw.items():
        at = f"{where}.{key}" if where else key
        if key not in known:
            hint = did_you_mean(key, known).strip() or f"known are {', '.join(known)}"
            problems.append(f"key {at!r} is not known; {hint}")
        elif hints[key] in (Asked, Files, Labels):
            if isinstance(value, dict):
                given[key] = _table(hints[key], value, at, problems)
            else:
                problems.append(f"{at} is {value!r}; write a table: [{at}]")
        elif key == "channels" and isinstance(value, list):
            tables = [v if isinstance(v, dict) else {} for v in value]
            made = [_table(Sensor, v, f"channels[{i + 1}]", problems) for i, v in enumerate(tables)]
            given[key] = [one for one in made if one is not None]
        else:
            try:
                given[key] = msgspec.convert(value, hints[key])
            except msgspec.ValidationError as error:
                problems.append(f"{at} is {value!r}: {str(error).lower()}")
    for name, one in known.items():
        if name not in raw and one.default is MISSING and one.default_factory is MISSING:
            problems.append(f"key {f'{where}.{name}' if where else name!r} is missing; write it")
    return None if len(problems) > before else kind(**given)


def _check(made: Description, problems: list[str]) -> None:
    """Add what cannot be, although each key by itself may."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", made.name):
        problems.append(f"name {made.name!r}; take lower-case letters, digits, - and _")
    if wrong := check_use_case(made.use_case):
        problems.append(wrong)
    if made.halves not in HALVES:
        ways = "; ".join(f"{name} ({about})" for name, about in HALVES.items())
        problems.append(f"halves {made.halves!r}; known are {ways}")
    _check_patterns(made, problems)
    _check_tables(made.files, problems)
    _check_times(made, problems)
    _check_channels(made, problems)
    asked = made.task
    if bool(asked.classes) == bool(asked.edges) and len(asked.edges) != len(asked.classes) + 1:
        problems.append(
            "task: give classes = [names], or edges = [numbers] where labels are values; of both, "
            "one edge more than classes"
        )
    if asked.edges != sorted(set(asked.edges)):
        problems.append(f"task.edges {asked.edges}; give them rising, each once")
    if not (0 < asked.window <= 3600 and 0 < asked.every <= 3600):
        problems.append(
            f"task: window {asked.window:g} s, every {asked.every:g} s; both are above 0, "
            "up to 3600"
        )
    if asked.metric not in METRICS:
        problems.append(f"task.metric {asked.metric!r}; known are {', '.join(METRICS)}")
    if twins := alike(asked.classes):
        problems.append(f"task.classes: {twins} differ by case or blanks only; make them one")
    if not problems:
        try:
            made.as_task()
        except (ValueError, ChannelError) as error:
            problems.append(str(error))


def alike(names: Sequence[str]) -> str:
    """Those of ``names`` that differ by case or blanks only, in words; empty where none do."""
    plain: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        plain.setdefault("".join(name.split()).casefold(), []).append(name)
    return " and ".join(repr(n) for some in plain.values() if len(some) > 1 for n in some)


def _check_patterns(made: Description, problems: list[str]) -> None:
    patterns = (made.files.recordings, *(s.files for s in made.channels), made.labels.files)
    for pattern in dict.fromkeys(patterns):
        rest = _PLACEHOLDER.sub("", pattern)
        if "{" in rest or "}" in rest:
            problems.append(
                f"files {pattern!r}: a placeholder is a name in braces, of letters, digits and _, "
                "that begins with a letter, such as {user}"
            )


def _check_tables(files: Files, problems: list[str]) -> None:
    if min(files.header, files.skip) < 0:
        problems.append(f"files: header {files.header}, skip {files.skip}; both are 0 or more")
    if len(files.separator) > 1 and files.separator not in ("tab", "blank"):
        problems.append(f"files.separator {files.separator!r}; one character, tab or blank")
    if files.decimal not in ("", ".", ","):
        problems.append(f"files.decimal {files.decimal!r}; '.' or ','")


def _check_times(made: Description, problems: list[str]) -> None:
    for where, unit in (("files", made.files.time_unit), ("labels", made.labels.time_unit or "s")):
        rows = ("rows",) if where == "labels" else ()
        if unit not in (*UNITS_S, "iso", *rows) and "%" not in unit:
            known = ", ".join((*UNITS_S, "iso", *rows))
            problems.append(
                f"{where}.time_unit {unit!r}; known are {known}, or how a stamp is written, as in "
                "'%d.%m.%Y %H:%M:%S.%f'"
            )
        elif "%" in unit and (wrong := _bad_stamp(unit)):
            problems.append(f"{where}.time_unit {unit!r}: {wrong}; docs.python.org lists them")


def _bad_stamp(pattern: str) -> str:
    """Why strptime cannot read by ``pattern``; empty where it can."""
    try:
        datetime.strptime("", pattern)  # not the stamp but the pattern is tried
    except ValueError as error:
        return "" if "does not match" in str(error) else str(error)
    return ""


def _check_channels(made: Description, problems: list[str]) -> None:
    if not made.channels:
        problems.append("no [[channels]]; describe at least one")
    names = [sensor.name for sensor in made.channels]
    if len(set(names)) < len(names):
        problems.append(f"channels {', '.join(names)}: give each a name of its own")
    places = {tuple(sorted(placeholders(made.pattern(s)))) for s in made.channels}
    if len(places) > 1:
        problems.append(
            "channels: their files have different placeholders, so that nobody knows which belong "
            f"together: {', '.join(dict.fromkeys(made.pattern(s) for s in made.channels))}"
        )
    for sensor in made.channels:
        at = f"channel {sensor.name!r}"
        if "{user}" not in made.pattern(sensor) and made.files.user is None:
            problems.append(
                f"{at}: files {made.pattern(sensor)!r} have no {{user}}; put it where a user's "
                "name stands, or name the column that says whose a row is (files.user)"
            )
        if not sensor.columns:
            problems.append(f"{at}: no columns; name one at least")
        if sensor.handed not in ("right", "left"):
            problems.append(f"{at}: handed {sensor.handed!r}; right, or left as in Unity")
        try:
            layout = layout_of(sensor.channel().layout)
            if modality_of(layout.name).encoder is None:
                problems.append(f"{at}: nothing reads {layout.name}; leave layout out for columns")
            elif layout.dtype != "float32" or 0 in layout.shape:
                problems.append(f"{at}: {layout.name} is no row of numbers; leave the channel out")
        except ChannelError as error:
            problems.append(f"{error}; or leave layout out: any columns will do")


def placeholders(pattern: str) -> list[str]:
    """The names in ``{}`` and the stars of a pattern, but for the user's."""
    stars = [f"_star{i}" for i in range(pattern.replace("**/", "*").count("*"))]
    return [n for n in dict.fromkeys(re.findall(r"\{(\w+)\}", pattern)) if n != "user"] + stars


def as_regex(pattern: str) -> re.Pattern[str]:
    """What matches the path of a file within the folder: ``{name}`` and ``*`` stand for a part of a
    name, the same where it comes again; ``**/`` for any folders."""
    out, seen, stars = "", set[str](), 0
    for name, star, text in _PART.findall(pattern):
        if name:
            out += f"(?P={name})" if name in seen else f"(?P<{name}>[^/]+?)"
            seen.add(name)
        elif star == "**/":
            out += f"(?P<_star{stars}>(?:[^/]+/)*)"
            stars += 1
        elif star:
            out += f"(?P<_star{stars}>[^/]*?)"
            stars += 1
        else:
            out += re.escape(text)
    return re.compile(out, re.IGNORECASE)
