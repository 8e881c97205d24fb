"""The rows of a table that are one user's, in one recording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fedxr.scenarios.recorded.formats.folder.description import Description, Sensor
from fedxr.scenarios.recorded.formats.folder.findings import Finding
from fedxr.scenarios.recorded.formats.folder.person import Person
from fedxr.scenarios.recorded.formats.folder.places import Places, Source
from fedxr.scenarios.recorded.formats.folder.table import Table
from fedxr.scenarios.recorded.formats.folder.table_file import read_table
from fedxr.scenarios.recorded.formats.folder.times import Rows
from fedxr.scenarios.users import DataError

_ONLY_A_HEADER = (
    "only a header and no row: write the rows, or remove the file where nothing was recorded"
)


@dataclass
class Piece:
    """``rows`` of a ``table``, and which ``sensors`` are in it."""

    source: Source
    table: Table
    rows: Rows
    sensors: tuple[Sensor, ...]


def pieces_of(source: Source, places: Places, person: Person) -> Iterator[tuple[str, Piece]]:
    """(user, rows) of each user and recording in a file; what is no table is a problem of
    ``person``."""
    if twin := places.twin(source.path):
        person.problems.append(twin)
        return
    how, toml = places.set_.files, places.set_.toml
    try:
        table = read_table(source.path, how, toml)
    except DataError as error:
        person.problems.append(Finding("", str(error)))
        return
    groups: list[tuple[dict[str, str], Rows]] = [(dict(source.facts), np.arange(len(table)))]
    for name, column in (("user", how.user), ("recording", how.recording)):
        if column is None:
            continue
        at = table.find([column], f"files.{name}")
        words = table.texts(at[0]) if at else np.full(len(table), "")
        groups = [
            (facts | {name: str(word)}, rows[words[rows] == word])
            for facts, rows in groups
            for word in dict.fromkeys(words[rows].tolist())
            if word
        ]
    for facts, rows in groups:
        one = replace(source, facts=facts)
        yield facts.get("user", ""), Piece(one, table, rows, source.sensors)
    if not groups:
        if not table.problems:
            nothing = f"no row says its user or recording: see {toml.named('files.user')}"
            table.problem(nothing if len(table) else _ONLY_A_HEADER)
        person.problems += table.problems


def tell_empty(person: Person, pieces: Sequence[Piece], set_: Description) -> None:
    """Files without a row: a problem where the person has no other of a channel, else a note."""
    for sensor in set_.channels:
        mine = [piece.table for piece in pieces if sensor in piece.sensors]
        empty = [table for table in mine if not len(table)]
        if len(empty) == len(mine):
            person.problems += [Finding(str(t.path), _ONLY_A_HEADER) for t in empty]
        else:
            text = "no row with a time; it is left out"
            person.notes += [Finding(t.path.name, text) for t in empty]
