"""One table: its columns as a description names them, and what is wrong in it.

Rows are counted as a text editor counts lines, from 1; those of Parquet from 1 as well. Columns are
named, or numbered from 1.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fedxr.plugins.nearest import nearest
from fedxr.scenarios.recorded.formats.folder.description import UNITS_S
from fedxr.scenarios.recorded.formats.folder.findings import Finding
from fedxr.scenarios.recorded.formats.set_toml import SetToml

Column = str | int
Numbers = NDArray[np.float64]
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(:\d{2})?(?:([.,])\d+)?")
_DATE = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}(?!\d)")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?!\d)")
_OF_A_DAY = re.compile(r"%[aAwdbBmyYjUWcxGuV]")
_SHOWN = 12
EMPTY = ("", "na", "n/a", "nan", "null", "none", "-", "#n/a")
"""What stands in a cell that holds nothing, in lower-case letters."""


@dataclass
class Table:
    """``frame`` with one row a sample; ``first`` is the file's number of its first row; messages
    name keys of ``toml``, and ``role`` is the table there that describes this one. ``top`` are the
    cells of the first lines, ``twice`` the numbers of columns that have one name.
    ``problems`` are added to where a column is read, ``notes`` where it is read otherwise than it
    stands."""

    path: Path
    frame: pd.DataFrame
    first: int
    toml: SetToml
    decimal: str = "."
    top: list[list[str]] = field(default_factory=list)
    twice: dict[str, list[int]] = field(default_factory=dict)
    role: str = "files"
    problems: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.frame)

    def find(
        self, columns: Sequence[Column], key: str, what: str = "", but: Collection[Column] = ()
    ) -> list[int]:
        """The places of ``columns``, which ``key`` of set.toml names for ``what``; a name with a
        ``*`` stands for all that match, ``but`` these. What is not there, or there twice, is a
        problem."""
        names, out = [str(name) for name in self.frame.columns], list[int]()
        what, correct = what or key, f"correct {self.toml.named(key)}"
        for column in columns:
            if isinstance(column, int):
                if 1 <= column <= len(names):
                    out.append(column - 1)
                    continue
                text = f"{what}: no column {column}; it has columns 1 to {len(names)}: {correct}"
                self.problem(text, kind=f"{what} {column}")
                continue
            hits = [i for i, n in enumerate(names) if n == column] or (
                [
                    i
                    for i, n in enumerate(names)
                    if fnmatch.fnmatchcase(n, column) and n not in but and i + 1 not in but
                ]
                if "*" in column
                else []
            )
            hits = [i for n, i in enumerate(hits) if "*" in column or not n]
            out += hits
            if not hits:
                hint = self._hint(column, names)
                text = f"{what}: no column {column!r}; {hint}: {correct}"
                self.problem(text, kind=f"{what} {column}")
            for name in dict.fromkeys(names[i] for i in hits if names[i] in self.twice):
                self._is_there_twice(name, what, key)
        return out

    def _hint(self, column: str, names: Sequence[str]) -> str:
        below = [i for i, cells in enumerate(self.top, 1) if column in cells]
        if not below:
            return like(column, names)
        if self.role == "files":
            where = self.toml.named("files.header")
            return f"it stands in row {below[0]}: write header = {below[0]}, {where}; or else"
        return f"it stands in row {below[0]}: remove the rows above it; or else"

    def _is_there_twice(self, name: str, what: str, key: str) -> None:
        numbers = self.twice[name]
        columns = [self.frame.iloc[:, number - 1] for number in numbers]
        if all(one.equals(columns[0]) for one in columns):
            which = " and ".join(map(str, numbers))
            self.note(f"columns {which} are both called {name!r} and hold the same: one is read")
            return
        self.problem(
            f"{what}: columns {' and '.join(map(str, numbers))} are both called {name!r}: rename "
            f"one of them, or write the number of the right one in {self.toml.named(key)}",
            kind=f"twice {what} {name}",
        )

    def numbers(self, at: int, what: str) -> Numbers:
        """(n,) column ``at``, NaN where a cell is empty; a cell that is no number is a problem."""
        column = self.frame.iloc[:, at]
        if pd.api.types.is_numeric_dtype(column):
            return np.asarray(column, np.float64)
        text = column.astype("string").str.strip()
        if self.decimal == ",":
            text = text.str.replace(",", ".")
        values = np.asarray(pd.to_numeric(text, errors="coerce"), np.float64)
        bad = np.isnan(values) & column.notna().to_numpy()
        bad &= ~text.str.lower().isin(EMPTY).to_numpy(bool)
        if bad.any() and text[bad].str.fullmatch(r"[+-]?\d+,\d+([eE][+-]?\d+)?").all():
            self.note(f"column {self.name(at)} has decimal commas")
            return np.asarray(
                pd.to_numeric(text.str.replace(",", "."), errors="coerce"), np.float64
            )
        if bad.any():
            rows = np.flatnonzero(bad)
            more = f", nor are {len(rows) - 1} more below" if len(rows) > 1 else ""
            units = ""
            if rows[0] == 0 and self.role == "files":
                where = self.toml.named("files.skip")
                units = f"; if it is a row of units, write skip = 1 in [files]: {where}"
            self._of_cell(
                int(rows[0]), at, what,
                f"{text.iloc[rows[0]]!r} is no number{more}; correct or empty it{units}",
                kind="row of units" if units else f"no number {self.path}",
            )  # fmt: skip
        return values

    def texts(self, at: int) -> NDArray[np.str_]:
        """(n,) column ``at`` as text without blanks around it, which is said; ""
        where there is nothing, and whole numbers without a point."""
        column = self.frame.iloc[:, at]
        if column.dtype.kind == "f":
            whole = column.dropna() % 1 == 0
            column = column.astype("Int64") if whole.all() else column
        given = column.astype("string").fillna("")
        text = given.str.strip()
        around = np.flatnonzero((given != text).to_numpy(bool))
        if len(around):
            self.note(
                f"column {self.name(at)}: blanks around {len(around)} of {len(given)} words are "
                f"left out, first in row {around[0] + self.first}",
                kind=f"blanks {self.name(at)}",
            )
        return np.asarray(text.where(~text.str.lower().isin(EMPTY), ""), dtype=str)

    def seconds(self, at: int, unit: str, what: str, key: str) -> Numbers:
        """(n,) column ``at`` of times in s, NaN where a cell is empty; ``key`` of set.toml says the
        ``unit``. Times of a day count from midnight."""
        column = self.frame.iloc[:, at]
        if unit in UNITS_S:
            if not pd.api.types.is_numeric_dtype(column) and self._is_stamped(at, unit, what, key):
                return np.full(len(column), np.nan)
            return self.numbers(at, what) * UNITS_S[unit]
        text = column.astype("string")
        form = "ISO8601" if unit == "iso" else unit
        stamps = pd.to_datetime(text, format=form, errors="coerce", utc=True)
        bad = np.flatnonzero(stamps.isna() & text.notna())
        if len(bad):
            as_what = "an ISO 8601 stamp" if unit == "iso" else f"written as {unit!r}"
            self._of_cell(
                int(bad[0]), at, what,
                f"{text.iloc[bad[0]]!r} is not {as_what} ({len(bad)} of {len(column)} rows); "
                f"correct it, or {self.toml.named(key)}",
                kind=f"not {unit} {what}",
            )  # fmt: skip
        dated = unit == "iso" or _OF_A_DAY.search(unit)
        since = stamps - pd.Timestamp(0 if dated else "1900-01-01", tz="UTC")
        return np.asarray(since / pd.Timedelta(seconds=1), np.float64)

    def _is_stamped(self, at: int, unit: str, what: str, key: str) -> bool:
        """Whether there are dates or times of day in column ``at``, which has numbers of ``unit``:
        a problem."""
        text = self.frame.iloc[:, at].astype("string").str.strip()
        hits = text.str.match(_DATE).fillna(False) | text.str.fullmatch(_CLOCK).fillna(False)
        rows = np.flatnonzero(hits)
        if not len(rows):
            return False
        first = str(text.iloc[rows[0]])
        is_what = "a time of day" if _CLOCK.fullmatch(first) else "a stamp"
        remedy = f"write time_unit = {_form_of(first)}, or numbers: {self.toml.named(key)}"
        if 2 * len(rows) < len(text):
            remedy = f"correct it (times are in {unit}: {self.toml.named(key)})"
        self._of_cell(
            int(rows[0]), at, what,
            f"{first!r} is {is_what}, not a number of {unit}; {remedy}; {len(rows)} of {len(text)} "
            "rows are such",
            kind=f"stamp {what} {is_what}",
        )  # fmt: skip
        return True

    def name(self, at: int) -> str:
        """What messages call column ``at``."""
        name = self.frame.columns[at]
        return repr(name) if isinstance(name, str) else str(at + 1)

    def problem(self, text: str, row: int | None = None, kind: str = "") -> None:
        """One of this file, or of its row number ``row``."""
        place = str(self.path) if row is None else f"{self.path}: row {row}"
        self.problems.append(Finding(place, text, kind))

    def note(self, text: str, kind: str = "") -> None:
        self.notes.append(Finding(self.path.name, text, kind))

    def _of_cell(self, row: int, at: int, what: str, text: str, kind: str) -> None:
        place = f"{self.path}: row {row + self.first}: column {self.name(at)} ({what})"
        self.problems.append(Finding(place, text, kind))


def _form_of(stamp: str) -> str:
    """How to say in set.toml that a time is written as ``stamp``."""
    clock = _CLOCK.fullmatch(stamp)
    if clock is None:
        return "'iso'" if _ISO.match(stamp) else "how it is written, as in '%d.%m.%Y %H:%M:%S'"
    _, _, seconds, point = clock.groups()
    form = "%H:%M:%S" if seconds else "%M:%S" if point else "%H:%M"
    return repr(form + (f"{point}%f" if point else ""))


def like(wanted: str, names: Sequence[str]) -> str:
    """The names that ``wanted`` may have meant, or all there are."""
    near = nearest(wanted, names, 3, 0.5)
    if near:
        return f"nearest are {', '.join(map(repr, near))}"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"it has {', '.join(map(repr, names[:_SHOWN]))}{more}"
