"""What a source of samples is: how it describes itself, and how it is found, opened and read.

A `SourceKind` is an entry of the registry (`fedxr.bridge.sensors.sources`) and makes a `Finder`,
which offers what is there; an `Offering` is opened to a `Stream` or some.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fedxr.bridge.channels import layout_of
from fedxr.bridge.clock import Exchange
from fedxr.extras import install_line

Floats = NDArray[np.float64]
_POSE = ("x", "y", "z", "qx", "qy", "qz", "qw")


class SensorError(ValueError):
    """A source cannot be used; the message says what was got and what would work."""


def lacking(what: str, library: str, extra: str) -> SensorError:
    """What to raise where ``library``, which ``what`` needs, is not installed."""
    return SensorError(f"{what} needs {library}: {install_line(extra)}")


def installed(what: str, library: str, extra: str) -> str:
    """Name and version of ``library``, which is not imported; raises as `lacking` says."""
    try:
        return f"{library} {version(library)}"
    except PackageNotFoundError as error:
        raise lacking(what, library, extra) from error


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

    ``rate_hz`` is nominal, 0 for irregular. ``layout`` is what all columns together are, where the
    source's program knows; the channel is then called as the source. ``left_handed``: coordinates
    are Unity's. ``text``: samples are words (`TextStream`). ``steady``: it sends all the time, at a
    rate that is not known. ``notes`` are what a person should know of it.
    """

    name: str
    kind: str
    columns: tuple[Column, ...]
    rate_hz: float
    key: str
    layout: str = ""
    left_handed: bool = False
    text: bool = False
    steady: bool = False
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.layout:
            return f"{self.name!r} ({self.kind}; {self.layout})"
        columns = ", ".join(_described(n, column) for n, column in enumerate(self.columns))
        rate = f"{self.rate_hz:g} Hz" if self.rate_hz else "irregular"
        return f"{self.name!r} (type {self.kind or 'none'}, {rate}; columns {columns})"


def _described(number: int, column: Column) -> str:
    kind = column.kind if column.kind.lower() not in column.label.lower() else ""
    unit = f"[{column.unit}]" if column.unit else ""
    return " ".join(filter(None, (column.label or f"#{number}", kind, unit)))


def columns_of(layout: str) -> tuple[Column, ...]:
    """Columns of a source whose samples are ``layout``, in its own units."""
    units, shape = layout_of(layout).units_of_all, layout_of(layout).shape
    last = _POSE if shape[-1:] == (len(_POSE),) else ("",)
    names = (f"{n // len(last)} {last[n % len(last)]}" for n in range(len(units)))
    short = last if len(units) == len(last) else names
    return tuple(Column(name.strip(), unit) for name, unit in zip(short, units, strict=True))


def spelled(code: float) -> str:
    """What a marker that is a number is called: whole numbers as they stand."""
    return str(int(code)) if float(code).is_integer() else f"{code:g}"


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


class TextStream(Stream, Protocol):
    """A stream of words. `read` gives their numbers (n, 1) in ``texts``."""

    texts: list[str]


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


@dataclass(frozen=True)
class SourceKind:
    """One kind of source, as `fedxr sensors --source NAME[:WHERE]` names it.

    ``says`` is what it brings and ``where`` what may stand after the colon, both for people.
    ``find(where, say)`` makes a finder that tells ``say`` what a person should know, ``check`` says
    which library there is; both raise SensorError where it is missing, with the line that installs
    it, and import it only then. ``look_s``: for so long one looks round before the first session.
    """

    name: str
    says: str
    where: str
    find: Callable[[str, Callable[[str], None]], Finder]
    check: Callable[[], str]
    look_s: float = 2.0
