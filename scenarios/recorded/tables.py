"""Comma-separated files: columns by name, with blinks (empty cells and NaN) where they may be.

Rows are counted as a text editor counts lines: from 1, the header included.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fedxr.scenarios.recorded.reading import FETCH, Say, read_bytes
from fedxr.scenarios.users import DataError

if TYPE_CHECKING:
    import pandas as pd

# pandas is of the extra `study` and takes half a second: imported where a table is read.
_FIELDS = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")
_BLANK_END = re.compile(rb"\n[\s,;\0]*\Z")
"""Blank lines after the last row, as editors and spreadsheets leave them (``,,,``), and what a
power cut leaves."""
Table = dict[str, NDArray[Any]]


def read_csv(
    path: Path,
    columns: Sequence[str],
    what: str,
    *,
    header: bool = True,
    skip: int = 0,
    text: Collection[str] = (),
    gaps: Collection[str] = (),
) -> Table:
    """The named columns of a comma-separated file: float64, or str for those in ``text``.

    Without ``header`` the file's columns are taken to be ``columns`` in this order. ``skip`` lines
    at the top are passed over. Columns in ``gaps`` may have empty cells (NaN; empty text). Raises
    DataError for a missing file, wrong columns, or the first row with a missing, extra or
    unreadable cell.
    """
    import pandas as pd

    raw = _BLANK_END.sub(b"\n", read_bytes(path, what))
    first = skip + (2 if header else 1)  # the line number of the first row of data
    _check_end(path, raw, skip)
    try:
        with warnings.catch_warnings():  # pandas would only warn of cells too many in the first row
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                BytesIO(raw),
                header=0 if header else None,
                names=None if header else list(columns),
                skiprows=skip,
                index_col=False,
                skip_blank_lines=False,
                dtype=dict.fromkeys(text, str),
            )
    except (ValueError, pd.errors.ParserWarning) as error:  # pandas' own are ValueErrors
        raise _parse_error(path, raw, what, first, error) from error
    absent = [name for name in columns if name not in table.columns]
    if absent:
        raise DataError(
            f"{path}: row {first - 1}: expected columns {', '.join(columns)}; "
            f"found {', '.join(map(str, table.columns))}; {FETCH}"
        )
    if table.empty:
        raise DataError(f"{path}: row {first}: expected {what}; found the end of the file; {FETCH}")
    rows = np.arange(len(table)) + first
    return {
        name: _text(path, name, table[name], rows, name in gaps)
        if name in text
        else numbers(path, name, table[name], rows, name in gaps)
        for name in columns
    }


def _check_end(path: Path, raw: bytes, skip: int) -> None:
    """Raise DataError where the last row has fewer cells than the first, and no end: cut."""
    last = raw[raw.rfind(b"\n") + 1 :]
    want, found = (row.count(b",") + 1 for row in (raw.split(b"\n", skip + 1)[skip], last))
    if last and found < want:
        row = raw.count(b"\n") + 1
        raise DataError(f"{path}: row {row}: expected {want} cells; found {found}; {FETCH}")


def whole_rows(path: Path, table: Table, say: Say) -> NDArray[np.bool_]:
    """Which rows (n,) have all their cells; how many have not is said. Raises DataError when that
    is more than half of them."""
    cells = [c != "" if c.dtype.kind == "U" else np.isfinite(c) for c in table.values()]
    there: NDArray[np.bool_] = np.logical_and.reduce(cells)
    blinks = int((~there).sum())
    if 2 * blinks > len(there):
        raise DataError(
            f"{path}: {blinks} of {len(there)} rows have empty cells; expected values in most of "
            f"them; {FETCH}"
        )
    if blinks:
        say(f"{blinks} of {len(there)} rows of {path.name} have empty cells and are passed over")
    return there


def numbers(
    path: Path, name: str, column: pd.Series, rows: NDArray[np.int64], gaps: bool
) -> NDArray[np.float64]:
    """``column`` as float64 (n,), NaN where it is empty and ``gaps`` are allowed; ``rows`` (n,) are
    the numbers of its rows. Raises DataError at the first cell that is no number."""
    import pandas as pd

    values = np.asarray(pd.to_numeric(column, errors="coerce"), dtype=np.float64)
    bad = ~(np.abs(values) <= np.finfo(np.float32).max)  # NaN too
    if gaps:
        bad &= column.notna().to_numpy()
    if bad.any():
        at = int(bad.argmax())
        found = "nothing" if pd.isna(column.iloc[at]) else f"'{column.iloc[at]}'"
        raise DataError(
            f"{path}: row {rows[at]}: column {name}: expected a number; found {found}; {FETCH}"
        )
    return values


def _text(
    path: Path, name: str, column: pd.Series, rows: NDArray[np.int64], gaps: bool
) -> NDArray[np.str_]:
    empty = column.isna().to_numpy()
    if empty.any() and not gaps:
        row = rows[int(empty.argmax())]
        raise DataError(f"{path}: row {row}: column {name}: expected text; found nothing; {FETCH}")
    return np.asarray(column.fillna("").to_numpy(), dtype=str)


def _parse_error(path: Path, raw: bytes, what: str, first: int, error: Exception) -> DataError:
    import pandas as pd

    fields = _FIELDS.search(str(error))
    if fields:
        want, row, got = fields.groups()
        return DataError(f"{path}: row {row}: expected {want} cells; found {got}; {FETCH}")
    if isinstance(error, pd.errors.ParserWarning):
        return DataError(f"{path}: row {first}: found more cells than columns; {FETCH}")
    if isinstance(error, UnicodeDecodeError):
        try:  # pandas counts from the start of the cell
            raw.decode()
        except UnicodeDecodeError as whole:
            error = whole
        where = f"byte {error.start}: expected text; found {error.object[error.start]:#04x}"
        return DataError(f"{path}: {where}; {FETCH}")
    return DataError(f"{path}: row {first}: expected {what}; found: {error}; {FETCH}")
