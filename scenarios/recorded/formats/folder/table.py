"""One table file, CSV or Parquet: its columns as a description names them, and what is wrong in it.

Rows are counted as a text editor counts lines, from 1; those of Parquet from 1 as well. Columns are
named, or numbered from 1. What spreadsheets of any country write is read: commas, semicolons, tabs
or blanks between cells, decimal commas, a byte-order mark.
"""

from __future__ import annotations

import codecs
import fnmatch
import re
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fedxr.plugins.nearest import nearest
from fedxr.scenarios.recorded.formats.folder.description import UNITS_S, Files
from fedxr.scenarios.recorded.reading import read_bytes
from fedxr.scenarios.users import DataError

Column = str | int
Numbers = NDArray[np.float64]
_SEPARATORS = ",;\t|"
_FIELDS = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")
_BLANK_END = re.compile(rb"\n[\s,;\0]*\Z")
_SHOWN = 12
EMPTY = ("", "na", "n/a", "nan", "null", "none", "-", "#n/a")
"""What stands in a cell that holds nothing, in lower-case letters."""


@dataclass
class Table:
    """``frame`` with one row a sample; ``first`` is the file's number of its first row.
    ``top`` are the cells of the first lines.
    ``problems`` are added to where a column is read, ``notes`` where it is read otherwise than it
    stands."""

    path: Path
    frame: pd.DataFrame
    first: int
    decimal: str = "."
    top: list[list[str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.frame)

    def find(self, columns: Sequence[Column], what: str, but: Collection[Column] = ()) -> list[int]:
        """The places of ``columns``, where a name with a ``*`` stands for all that match, ``but``
        these. What is not there is a problem, with the nearest names."""
        names, out = [str(name) for name in self.frame.columns], list[int]()
        for column in columns:
            if isinstance(column, int):
                if 1 <= column <= len(names):
                    out.append(column - 1)
                    continue
                self._problem(f"{what}: no column {column}; it has columns 1 to {len(names)}")
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
            out += hits
            if not hits:
                below = [i for i, cells in enumerate(self.top, 1) if column in cells]
                hint = f"it stands in row {below[0]}: write header = {below[0]}" if below else ""
                self._problem(f"{what}: no column {column!r}; {hint or like(column, names)}")
        return out

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
            self.notes.append(f"{self.path.name}: column {self.name(at)} has decimal commas")
            return np.asarray(
                pd.to_numeric(text.str.replace(",", "."), errors="coerce"), np.float64
            )
        if bad.any():
            rows = np.flatnonzero(bad)
            more = f", nor are {len(rows) - 1} more below" if len(rows) > 1 else ""
            units = "; if it is a row of units, write skip = 1 in [files]" if rows[0] == 0 else ""
            self._problem(
                f"row {rows[0] + self.first}: column {self.name(at)} ({what}): "
                f"{text.iloc[rows[0]]!r} is no number{more}; correct or empty it{units}"
            )
        return values

    def texts(self, at: int) -> NDArray[np.str_]:
        """(n,) column ``at`` as text without blanks around it, which is said where some rows have
        them; "" where there is nothing, and whole numbers without a point."""
        column = self.frame.iloc[:, at]
        if column.dtype.kind == "f":
            whole = column.dropna() % 1 == 0
            column = column.astype("Int64") if whole.all() else column
        given = column.astype("string").fillna("")
        text = given.str.strip()
        around = np.flatnonzero((given != text).to_numpy(bool))
        if 0 < len(around) < len(given):
            self.notes.append(
                f"{self.path.name}: column {self.name(at)}: blanks around {len(around)} of "
                f"{len(given)} words are left out, first in row {around[0] + self.first}"
            )
        return np.asarray(text.where(~text.str.lower().isin(EMPTY), ""), dtype=str)

    def seconds(self, at: int, unit: str, what: str) -> Numbers:
        """(n,) column ``at`` of times in s, NaN where a cell is empty."""
        if unit in UNITS_S:
            column = self.frame.iloc[:, at]
            some = column.dropna().head(1).astype(str)
            if not pd.api.types.is_numeric_dtype(column) and _is_stamp(some):
                self._problem(
                    f"row {self.first}: column {self.name(at)} ({what}): {some.iloc[0]!r} is a "
                    f"stamp, not a number of {unit}; write time_unit = 'iso', or how it is written"
                )
                return np.full(len(column), np.nan)
            return self.numbers(at, what) * UNITS_S[unit]
        column = self.frame.iloc[:, at].astype("string")
        form = "ISO8601" if unit == "iso" else unit
        stamps = pd.to_datetime(column, format=form, errors="coerce", utc=True)
        bad = np.flatnonzero(stamps.isna() & column.notna())
        if len(bad):
            as_what = "an ISO 8601 stamp" if unit == "iso" else f"written as {unit!r}"
            self._problem(
                f"row {bad[0] + self.first}: column {self.name(at)} ({what}): "
                f"{column.iloc[bad[0]]!r} is not {as_what} ({len(bad)} of {len(column)} rows); "
                "correct it, or time_unit"
            )
        since = stamps - pd.Timestamp(0, tz="UTC")
        return np.asarray(since / pd.Timedelta(seconds=1), np.float64)

    def name(self, at: int) -> str:
        """What messages call column ``at``."""
        name = self.frame.columns[at]
        return repr(name) if isinstance(name, str) else str(at + 1)

    def _problem(self, text: str) -> None:
        self.problems.append(f"{self.path}: {text}")


def _is_stamp(some: pd.Series) -> bool:
    """Whether the first of ``some`` begins as a date does: 2024-05-01, 01.05.2024, 5/1/24."""
    return bool(some.str.match(r"\s*\d{1,4}[-./]\d{1,2}[-./]\d{1,4}\b").any())


def like(wanted: str, names: Sequence[str]) -> str:
    """The names that ``wanted`` may have meant, or all there are."""
    near = nearest(wanted, names, 3, 0.5)
    if near:
        return f"nearest are {', '.join(map(repr, near))}"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"it has {', '.join(map(repr, names[:_SHOWN]))}{more}"


def read_table(path: Path, how: Files) -> Table:
    """The table in ``path``; raises DataError where it is none."""
    if path.name.endswith(".parquet"):
        return _parquet(path)
    raw = read_bytes(path, "a table")
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # a spreadsheet's "Unicode text"
        raw = raw.decode("utf-16", "replace").encode()
    raw = _BLANK_END.sub(b"\n", raw)
    notes: list[str] = []
    encoding = "utf-8-sig"
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        encoding = "cp1252"
        notes.append(f"{path.name} is no UTF-8 and was read as Windows-1252")
    lines = raw.decode(encoding, "replace").split("\n", max(how.header, 1) + how.skip + 20)
    top = lines[max(how.header - 1, 0)] if how.header <= len(lines) else ""
    separator = {"tab": "\t", "blank": r"\s+"}.get(how.separator, how.separator) or _separator(top)
    below = "\n".join(lines[how.header + how.skip : how.header + how.skip + 3])
    decimal = how.decimal or _decimal(below, separator)
    skipped = [*range(how.header - 1), *range(how.header, how.header + how.skip)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                BytesIO(raw), sep=separator, decimal=decimal, encoding=encoding,
                header=0 if how.header else None, skiprows=skipped, index_col=False,
                skip_blank_lines=False, skipinitialspace=True, low_memory=False,
                na_values=[*EMPTY[:-1], "NA", "NaN"],
            )  # fmt: skip
    except (ValueError, pd.errors.ParserWarning) as error:
        raise DataError(_why(path, how, error)) from None
    if how.header:
        frame.columns = [str(name).strip() for name in frame.columns]
    if decimal == "," and not how.decimal:
        notes.append(f"{path.name} has decimal commas")
    cells = [[cell.strip(" \"'") for cell in re.split(r"[,;\t| ]", row)] for row in lines[:-1]]
    return Table(path, frame, how.header + how.skip + 1, decimal, cells, notes=notes)


def _parquet(path: Path) -> Table:
    try:
        frame = pd.read_parquet(path)
    except ImportError:
        raise DataError(f"{path}: Parquet is read by pyarrow: pip install pyarrow") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: no readable Parquet file ({error}); write it again") from None
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    return Table(path, frame, 1)


def _separator(line: str) -> str:
    """What most often stands in ``line`` of what may stand between cells; blanks where nothing."""
    best = max(_SEPARATORS, key=line.count)
    return best if line.count(best) else (r"\s+" if line.strip().count(" ") else ",")


def _decimal(lines: str, separator: str) -> str:
    """A comma where numbers of ``lines`` have one, and cells are told apart otherwise."""
    if separator == ",":
        return "."
    return (
        ","
        if re.search(r"(^|[^\w.])[+-]?\d+,\d+", lines, re.MULTILINE) and "." not in lines
        else "."
    )


def _why(path: Path, how: Files, error: Exception) -> str:
    cells = _FIELDS.search(str(error))
    if cells:
        want, row, got = cells.groups()
        return f"{path}: row {row}: {got} cells where {want} are due; correct or remove that row"
    if isinstance(error, pd.errors.ParserWarning):
        return f"{path}: row {how.header + 1}: more cells than columns; name every column"
    return f"{path}: no table ({error}); see header, separator and decimal in [files]"
