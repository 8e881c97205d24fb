"""The description of a folder as its ``set.toml`` has it, and what cannot be although each key by
itself may."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from fedxr.agent.encoders import encoder_for
from fedxr.agent.tasks import METRICS, check_use_case
from fedxr.bridge.channels import ChannelError, layout_of, modality_of
from fedxr.scenarios.recorded.formats.folder.description import (
    UNITS_S,
    Asked,
    Description,
    Files,
    Sensor,
)
from fedxr.scenarios.recorded.formats.folder.patterns import is_pattern, placeholders
from fedxr.scenarios.recorded.formats.set_toml import read_set_toml
from fedxr.scenarios.recorded.stretches import HALVES
from fedxr.scenarios.users import DataError

Wrong = Iterator[tuple[str, str]]
"""Key of the file, and what is wrong there."""
MOST_HZ = 200_000


def described(folder: Path) -> Description:
    """What ``set.toml`` in ``folder`` says; raises DataError that says all that is wrong in it."""
    found, problems = look(folder)
    if problems or found is None:
        raise DataError("; ".join(problems))
    return found


def look(folder: Path) -> tuple[Description | None, list[str]]:
    """The description, where it can be read, and every problem of it."""
    try:
        toml = read_set_toml(folder)
    except DataError as error:
        return None, [str(error)]
    problems: list[str] = []
    made = toml.read(Description, problems)
    if made is None:
        return None, problems
    made = replace(made, toml=toml)
    return made, [f"{toml.place(key)}: {text}" for key, text in _contradictions(made)]


def _contradictions(made: Description) -> Wrong:
    some = False
    for one in _each(made):
        some = True
        yield one
    if not some:
        try:
            made.as_task()
        except (ValueError, ChannelError) as error:
            yield "task", str(error)


def _each(made: Description) -> Wrong:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", made.name):
        yield "name", f"name {made.name!r}; take lower-case letters, digits, - and _"
    if wrong := check_use_case(made.use_case):
        yield "use_case", wrong
    if made.halves not in HALVES:
        ways = "; ".join(f"{name} ({about})" for name, about in HALVES.items())
        yield "halves", f"halves {made.halves!r}; known are {ways}"
    yield from _of_patterns(made)
    yield from _of_tables(made.files)
    yield from _of_times(made)
    yield from _of_channels(made)
    yield from _of_task(made.task)


def _of_task(asked: Asked) -> Wrong:
    if bool(asked.classes) == bool(asked.edges) and len(asked.edges) != len(asked.classes) + 1:
        text = (
            "task: give classes = [names], or edges = [numbers] where labels are values; of both, "
            "one edge more than classes"
        )
        yield "task", text
    if asked.edges != sorted(set(asked.edges)):
        yield "task.edges", f"task.edges {asked.edges}; give them rising, each once"
    for key in ("window", "every"):
        if not 0 < getattr(asked, key) <= 3600:
            text = (
                f"task: window {asked.window:g} s, every {asked.every:g} s; both are above 0, "
                "up to 3600"
            )
            yield f"task.{key}", text
            break
    if asked.metric not in METRICS:
        yield "task.metric", f"task.metric {asked.metric!r}; known are {', '.join(METRICS)}"
    if twins := alike(asked.classes):
        yield "task.classes", f"task.classes: {twins} differ by case or blanks only; make them one"


def alike(names: Sequence[str]) -> str:
    """Those of ``names`` that differ by case or blanks only, in words; empty where none do."""
    plain: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        plain.setdefault("".join(name.split()).casefold(), []).append(name)
    return " and ".join(repr(n) for some in plain.values() if len(some) > 1 for n in some)


def _of_patterns(made: Description) -> Wrong:
    patterns = {"files.recordings": made.files.recordings, "labels.files": made.labels.files}
    patterns |= {made.key(s, "files"): s.files for s in made.channels}
    for key, pattern in patterns.items():
        if not is_pattern(pattern):
            text = (
                f"files {pattern!r}: a placeholder is a name in braces, of letters, digits and _, "
                "that begins with a letter, such as {user}"
            )
            yield key, text


def _of_tables(files: Files) -> Wrong:
    if min(files.header, files.skip) < 0:
        yield "files", f"files: header {files.header}, skip {files.skip}; both are 0 or more"
    if len(files.separator) > 1 and files.separator not in ("tab", "blank"):
        yield (
            "files.separator",
            f"files.separator {files.separator!r}; one character, tab or blank",
        )
    if files.decimal not in ("", ".", ","):
        yield "files.decimal", f"files.decimal {files.decimal!r}; '.' or ','"


def _of_times(made: Description) -> Wrong:
    for where, unit in (("files", made.files.time_unit), ("labels", made.labels.time_unit or "s")):
        key, rows = f"{where}.time_unit", ("rows",) if where == "labels" else ()
        if unit not in (*UNITS_S, "iso", *rows) and "%" not in unit:
            known = ", ".join((*UNITS_S, "iso", *rows))
            text = (
                f"{key} {unit!r}; known are {known}, or how a stamp is written, as in "
                "'%d.%m.%Y %H:%M:%S.%f'"
            )
            yield key, text
        elif "%" in unit and (wrong := _bad_stamp(unit)):
            yield key, f"{key} {unit!r}: {wrong}; docs.python.org lists them"


def _bad_stamp(pattern: str) -> str:
    """Why strptime cannot read by ``pattern``; empty where it can."""
    try:
        datetime.strptime("", pattern)  # not the stamp but the pattern is tried
    except ValueError as error:
        return "" if "does not match" in str(error) else str(error)
    return ""


def _of_channels(made: Description) -> Wrong:
    if not made.channels:
        yield "channels", "no [[channels]]; describe at least one"
    names = [sensor.name for sensor in made.channels]
    if len(set(names)) < len(names):
        yield "channels[1]", f"channels {', '.join(names)}: give each a name of its own"
    places = {tuple(sorted(placeholders(made.pattern(s)))) for s in made.channels}
    if len(places) > 1:
        text = (
            "channels: their files have different placeholders, so that nobody knows which belong "
            f"together: {', '.join(dict.fromkeys(made.pattern(s) for s in made.channels))}"
        )
        yield "channels[1]", text
    for number, sensor in enumerate(made.channels, 1):
        for key, text in _of_channel(made, sensor):
            yield f"channels[{number}].{key}", f"channel {sensor.name!r}: {text}"


def _of_channel(made: Description, sensor: Sensor) -> Wrong:
    if "{user}" not in made.pattern(sensor) and made.files.user is None:
        text = (
            f"files {made.pattern(sensor)!r} have no {{user}}; put it where a user's name stands, "
            "or name the column that says whose a row is (files.user)"
        )
        yield "files", text
    if not sensor.columns:
        yield "columns", "no columns; name one at least"
    if sensor.handed not in ("right", "left"):
        yield "handed", f"handed {sensor.handed!r}; right, or left as in Unity"
    if not 0 <= sensor.rate <= MOST_HZ:  # nor is a nan
        text = (
            f"rate {sensor.rate:g}; write samples a second, above 0 and up to {MOST_HZ}, or 0 "
            "where they come irregularly"
        )
        yield "rate", text
        return
    if sensor.rate == 0 and made.files.time is None:
        text = (
            "rate 0 says that samples come irregularly, and no column says when: write samples a "
            "second, or name the column of times (files.time)"
        )
        yield "rate", text
    try:
        channel = sensor.channel()
        layout = layout_of(channel.layout)
        if modality_of(layout.name).encoder is None:
            yield "layout", f"nothing reads {layout.name}; leave layout out for columns"
        elif layout.dtype != "float32" or 0 in layout.shape:
            yield "layout", f"{layout.name} is no row of numbers; leave the channel out"
        elif sensor.rate == 0 and "*" not in "".join(map(str, sensor.columns)):
            encoder_for(channel).shape(channel)
    except ChannelError as error:
        yield "layout", f"{error}; or leave layout out: any columns will do"
