"""A table from a file, CSV or Parquet, as spreadsheets of any country write it: commas, semicolons,
tabs or blanks between cells, decimal commas, a byte-order mark."""

from __future__ import annotations

import codecs
import re
import warnings
from collections import defaultdict
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from fedxr.scenarios.recorded.formats.folder.description import Files
from fedxr.scenarios.recorded.formats.folder.table import EMPTY, Table
from fedxr.scenarios.recorded.formats.set_toml import SetToml
from fedxr.scenarios.recorded.reading import read_bytes
from fedxr.scenarios.users import DataError

_SEPARATORS = ",;\t|"
_FIELDS = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")
_BLANK_END = re.compile(rb"\n[\s,;\0]*\Z")


def read_table(path: Path, how: Files, toml: SetToml, role: str = "files") -> Table:
    """The table in ``path``, whose messages name keys of ``toml``; raises DataError where it is
    none. ``role`` is the table of set.toml that describes it: ``files`` or ``labels``."""
    if path.name.endswith(".parquet"):
        return _parquet(path, toml)
    if not path.stat().st_size:
        raise DataError(
            f"{path}: the file is empty (0 bytes); expected a header and rows: write it again, or "
            "remove it"
        )
    raw = read_bytes(path, "a table")
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # a spreadsheet's "Unicode text"
        raw = raw.decode("utf-16", "replace").encode()
    raw = _BLANK_END.sub(b"\n", raw)
    if not raw.strip():
        raise DataError(f"{path}: blank lines only; expected a header and rows: write it again")
    notes: list[str] = []
    encoding = "utf-8-sig"
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        encoding = "cp1252"
        notes.append("is no UTF-8 and was read as Windows-1252")
    lines = raw.decode(encoding, "replace").split("\n", max(how.header, 1) + how.skip + 20)
    top = lines[max(how.header - 1, 0)] if how.header <= len(lines) else ""
    separator = {"tab": "\t", "blank": r"\s+"}.get(how.separator, how.separator) or _separator(top)
    below = "\n".join(lines[how.header + how.skip : how.header + how.skip + 3])
    decimal = how.decimal or _decimal(below, separator)
    written: dict[str, Any] = {
        "sep": separator, "decimal": decimal, "encoding": encoding, "index_col": False,
        "skip_blank_lines": False, "skipinitialspace": True,
        "na_values": [*EMPTY[:-1], "NA", "NaN"],
    }  # fmt: skip
    skipped = [*range(how.header - 1), *range(how.header, how.header + how.skip)]
    header = 0 if how.header else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                BytesIO(raw), header=header, skiprows=skipped, low_memory=False, **written
            )
    except (ValueError, pd.errors.ParserWarning) as error:
        raise DataError(_why(path, how, error, toml)) from None
    twice: dict[str, list[int]] = {}
    if how.header:
        frame.columns = [str(name).strip() for name in frame.columns]
        twice = _twice(pd.read_csv(BytesIO(raw), header=None, skiprows=how.header - 1, nrows=1,
                                   dtype=str, **written).iloc[0].tolist())  # fmt: skip
    if decimal == "," and not how.decimal:
        notes.append("has decimal commas")
    cells = [[cell.strip(" \"'") for cell in re.split(r"[,;\t| ]", row)] for row in lines[:-1]]
    table = Table(path, frame, how.header + how.skip + 1, toml, decimal, cells, twice, role)
    for note in notes:
        table.note(note)
    return table


def _parquet(path: Path, toml: SetToml) -> Table:
    try:
        frame = pd.read_parquet(path)
    except ImportError:
        raise DataError(f"{path}: Parquet is read by pyarrow: pip install pyarrow") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: no readable Parquet file ({error}); write it again") from None
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    return Table(path, frame, 1, toml)


def _twice(names: Sequence[object]) -> dict[str, list[int]]:
    """Each name that several columns have, with their numbers from 1."""
    places: dict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(names, 1):
        if isinstance(name, str) and name.strip():
            places[name.strip()].append(number)
    return {name: numbers for name, numbers in places.items() if len(numbers) > 1}


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


def _why(path: Path, how: Files, error: Exception, toml: SetToml) -> str:
    cells = _FIELDS.search(str(error))
    if cells:
        want, row, got = cells.groups()
        return f"{path}: row {row}: {got} cells where {want} are due; correct or remove that row"
    if isinstance(error, pd.errors.ParserWarning):
        return f"{path}: row {how.header + 1}: more cells than columns; name every column"
    keys = ", ".join(toml.named(f"files.{key}") for key in ("header", "separator", "decimal"))
    return f"{path}: no table ({error}); see {keys}"
