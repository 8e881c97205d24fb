"""What a source of samples is: how it describes itself, and how it is found, opened and read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.clock import Exchange

Floats = NDArray[np.float64]


class SensorError(ValueError):
    """A source cannot be used; the message says what was got and what would work."""


class SourceLostError(Exception):
    """A source has ended and will not come back by itself; it may be found again."""


@dataclass(frozen=True)
class Column:
    """One of the numbers that a sample of a source holds, in the source's own words.

    ``kind`` is what it measures (LSL's channel type), ``eye`` left, right or both.
    """

    label: str
    unit: str = ""
    kind: str = ""
    eye: str = ""


@dataclass(frozen=True)
class Source:
    """A stream of samples as it describes itself; ``key`` stays the same when it comes back.

    ``rate_hz`` is nominal, 0 for irregular.
    """

    name: str
    kind: str
    columns: tuple[Column, ...]
    rate_hz: float
    key: str

    def __str__(self) -> str:
        columns = ", ".join(_described(n, column) for n, column in enumerate(self.columns))
        rate = f"{self.rate_hz:g} Hz" if self.rate_hz else "irregular"
        return f"{self.name!r} (type {self.kind or 'none'}, {rate}; columns {columns})"


def _described(number: int, column: Column) -> str:
    kind = column.kind if column.kind.lower() not in column.label.lower() else ""
    unit = f"[{column.unit}]" if column.unit else ""
    return " ".join(filter(None, (column.label or f"#{number}", kind, unit)))


class Stream(Protocol):
    """An open source. Only ``read_clock`` may block, for a second or so."""

    source: Source

    def read(self) -> tuple[Floats, Floats]:
        """What has arrived since the last call: values (n, columns), stamps (n,) in microseconds
        of the source's own clock. Raises SourceLostError."""
        ...

    def read_clock(self) -> Exchange | None:
        """The source's clock (remote) against the session's (local), or None if it did not answer.

        Raises SourceLostError.
        """
        ...

    def clock_was_reset(self) -> bool:
        """Whether, since the last call, the source came back with what may be another clock."""
        ...

    def close(self) -> None: ...


class Offering(Protocol):
    """Something that can be opened; ``key`` names it for as long as it is there."""

    key: str

    def open(self) -> Sequence[Stream]:
        """Its streams, opened; blocks for some seconds at most. Raises SensorError."""
        ...


class Finder(Protocol):
    """Looks for offerings in the background."""

    def find(self) -> Sequence[Offering]:
        """Those that are there now; returns at once."""
        ...

    def close(self) -> None: ...
