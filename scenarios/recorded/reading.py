"""Small helpers for reading recorded files: every problem becomes a DataError that says where.

Rows are counted as a text editor counts lines: from 1, the header included.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.channels import TICK_US, Samples
from scenarios.users import DataError

FETCH = "fetch the file again from the distributor"
_FIELDS = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


def require_file(path: Path, what: str) -> Path:
    """``path`` if it is a file that is not empty; else DataError. ``what`` says what it holds."""
    if not path.is_file():
        raise DataError(f"{path}: missing; expected {what}; {FETCH} or leave this user out")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: byte 0: the file is empty; expected {what}; {FETCH}")
    return path


def folders_in(folder: Path, pattern: str, what: str) -> list[Path]:
    """Sub-folders of ``folder`` whose name matches ``pattern`` whole, in the order of their names.

    Raises DataError when there is none; ``what`` says what such a folder is.
    """
    found = [p for p in _entries(folder) if p.is_dir() and re.fullmatch(pattern, p.name)]
    if not found:
        raise DataError(
            f"{folder}: no sub-folder {pattern} ({what}); point to the data set's own folder"
        )
    return found


def files_in(folder: Path, pattern: str, what: str) -> list[Path]:
    """Files of ``folder`` whose name matches ``pattern`` whole, sorted; DataError when none is."""
    found = [p for p in _entries(folder) if p.is_file() and re.fullmatch(pattern, p.name)]
    if not found:
        raise DataError(f"{folder}: no file {pattern} ({what}); {FETCH} or leave this user out")
    return found


def _entries(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected the data set in its official layout")
    return sorted(folder.iterdir())


def read_csv(
    path: Path,
    columns: Sequence[str],
    what: str,
    *,
    header: bool = True,
    skip: int = 0,
    text: Collection[str] = (),
    gaps: Collection[str] = (),
) -> dict[str, NDArray[Any]]:
    """The named columns of a comma-separated file: float64, or str for those in ``text``.

    Without ``header`` the file's columns are taken to be ``columns`` in this order. ``skip`` lines
    at the top are passed over. Columns in ``gaps`` may have empty cells (NaN). Raises DataError
    for a missing file, wrong columns, or the first row with a missing, extra or unreadable cell.
    """
    require_file(path, what)
    first = skip + (2 if header else 1)  # the line number of the first row of data
    try:
        with warnings.catch_warnings():  # pandas would only warn of cells too many in the first row
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                path,
                header=0 if header else None,
                names=None if header else list(columns),
                skiprows=skip,
                index_col=False,
                skip_blank_lines=False,
                dtype=dict.fromkeys(text, str),
            )
    except (
        pd.errors.ParserError,
        pd.errors.ParserWarning,
        pd.errors.EmptyDataError,
        UnicodeDecodeError,
    ) as error:
        raise _parse_error(path, what, first, error) from error
    absent = [name for name in columns if name not in table.columns]
    if absent:
        raise DataError(
            f"{path}: row {first - 1}: expected columns {', '.join(columns)}; "
            f"found {', '.join(map(str, table.columns))}; {FETCH}"
        )
    if table.empty:
        raise DataError(f"{path}: row {first}: expected {what}; found the end of the file; {FETCH}")
    return {
        name: _text(path, name, table[name], first)
        if name in text
        else _numbers(path, name, table[name], first, name in gaps)
        for name in columns
    }


def _parse_error(path: Path, what: str, first: int, error: Exception) -> DataError:
    fields = _FIELDS.search(str(error))
    if fields:
        want, row, got = fields.groups()
        return DataError(f"{path}: row {row}: expected {want} cells; found {got}; {FETCH}")
    if isinstance(error, pd.errors.ParserWarning):
        return DataError(f"{path}: row {first}: found more cells than columns; {FETCH}")
    if isinstance(error, UnicodeDecodeError):
        try:  # pandas counts from the start of the cell
            path.read_bytes().decode()
        except UnicodeDecodeError as whole:
            error = whole
        where = f"byte {error.start}: expected text; found {error.object[error.start]:#04x}"
        return DataError(f"{path}: {where}; {FETCH}")
    return DataError(f"{path}: row {first}: expected {what}; found: {error}; {FETCH}")


def _text(path: Path, name: str, column: pd.Series, first: int) -> NDArray[np.generic]:
    empty = column.isna().to_numpy()
    if empty.any():
        row = first + int(empty.argmax())
        raise DataError(f"{path}: row {row}: column {name}: expected text; found nothing; {FETCH}")
    return np.asarray(column.to_numpy(), dtype=str)


def _numbers(
    path: Path, name: str, column: pd.Series, first: int, gaps: bool
) -> NDArray[np.generic]:
    values = np.asarray(pd.to_numeric(column, errors="coerce"), dtype=np.float64)
    bad = ~np.isfinite(values)
    if gaps:
        bad &= column.notna().to_numpy()
    if bad.any():
        at = int(bad.argmax())
        found = "nothing" if pd.isna(column.iloc[at]) else f"'{column.iloc[at]}'"
        raise DataError(
            f"{path}: row {first + at}: column {name}: expected a number; found {found}; {FETCH}"
        )
    return values


def check_rising(path: Path, t: NDArray[np.generic], first: int, what: str = "time") -> None:
    """Raise DataError at the first row whose time is before that of the row above it."""
    back = np.diff(t) < 0
    if back.any():
        at = int(back.argmax()) + 1
        raise DataError(
            f"{path}: row {first + at}: expected {what} >= {t[at - 1]}; found {t[at]}; {FETCH}"
        )


def whole_ticks(last_us: int) -> int:
    """The first whole number of ticks after ``last_us``, in microseconds: when to ask."""
    return (last_us // TICK_US + 1) * TICK_US


def regular(values: NDArray[np.generic], rate_hz: float, start_us: int = 0) -> Samples:
    """``values`` as samples at ``rate_hz``, the first at ``start_us``."""
    t = start_us + np.rint(np.arange(len(values)) * (1e6 / rate_hz)).astype(np.int64)
    return Samples(t, values)


def cut(samples: Mapping[str, Samples], start_us: int, end_us: int) -> dict[str, Samples]:
    """The stretch ``[start_us, end_us)`` of each channel with time counted from its start.

    A channel without samples there is left out: absent, never zeros.
    """
    parts = {name: s.between(start_us, end_us) for name, s in samples.items()}
    return {name: Samples(p.t_us - start_us, p.values) for name, p in parts.items() if len(p)}
