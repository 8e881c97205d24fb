"""The tables of a state file, and what is done with their rows inside one transaction.

One row of ``headset`` a state, of one name and one model; everything large in ``array``, by key.
Each value has a checksum over its name and its bytes, and each state one over the keys that it
has. A row that is ``aside`` is read by nobody.
"""

from __future__ import annotations

import contextlib
import math
import sqlite3
import time
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from fedxr.agent.checkpoints.state.errors import BrokenError, DamagedError

Run = Callable[..., sqlite3.Cursor]
"""``execute`` of an open file."""
VERSION = 2
"""Of the tables."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS headset (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL, brain TEXT NOT NULL, seen REAL NOT NULL,
  aside TEXT, head BLOB NOT NULL, crc INTEGER NOT NULL, keys INTEGER NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS known ON headset (name, brain) WHERE aside IS NULL;
CREATE TABLE IF NOT EXISTS array (
  headset INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, crc INTEGER NOT NULL,
  PRIMARY KEY (headset, key));
CREATE TABLE IF NOT EXISTS lived (seconds REAL NOT NULL, clock REAL NOT NULL);
"""
APART_S = 30 * 86400.0
"""Seconds that count at most between two servers, whatever the clock says meanwhile."""
_LIVE = "SELECT number, head, crc, keys FROM headset WHERE name=? AND brain=? AND aside IS NULL"
Found = tuple[int, object, object, object]
"""Number, head and checksums of a state."""


@dataclass(frozen=True)
class Stored:
    """What is stored of one headset: its head, and arrays by key; ``keys`` are those of all that
    there are, read or not."""

    head: bytes
    arrays: dict[str, bytes]
    keys: frozenset[str]


def are_whole(run: Run) -> bool:
    """Whether the tables are those of ``SCHEMA``, to the letter, and states are found by their
    names. (What is in them is checked when it is read.)"""
    if run("PRAGMA integrity_check('headset')").fetchone() != ("ok",):
        return False
    with contextlib.closing(sqlite3.connect(":memory:")) as new:
        new.executescript(SCHEMA)
        tables = "SELECT type, name, tbl_name, sql FROM sqlite_master"
        return set(run(tables)) == set(new.execute(tables))


def read_state(
    run: Run, name: str, checkpoint: str, wanted: Callable[[str], bool]
) -> Stored | None:
    """What is stored of ``name`` with the model ``checkpoint``, of the keys that are ``wanted``.
    Raises DamagedError where a checksum does not fit."""
    found = run(_LIVE, (name, checkpoint)).fetchone()
    return read_found(run, name, checkpoint, found, wanted) if found else None


def live(run: Run) -> list[tuple[str, str, Found]]:
    """Name, model and more of all states, whatever the index says."""
    sql = "SELECT name, brain, number, head, crc, keys FROM headset NOT INDEXED WHERE aside IS NULL"
    return [(name, checkpoint, found) for name, checkpoint, *found in run(sql)]


def read_found(
    run: Run, name: str, checkpoint: str, found: Found, wanted: Callable[[str], bool]
) -> Stored:
    """As :func:`read_state`."""
    number, head, crc, sealed = found
    if not (isinstance(head, bytes) and _fits(crc, name, checkpoint, head)):
        raise DamagedError("its checksum does not fit")
    keys = _keys(run, number)
    if sealed != _seal(keys):
        raise DamagedError("it has lost some of its parts")
    arrays: dict[str, bytes] = {}
    for key in filter(wanted, keys):
        sql = "SELECT value, crc FROM array WHERE headset=? AND key=?"
        value, crc = run(sql, (number, key)).fetchone() or (None, None)
        if value is None or not _fits(crc, key, "", value):
            raise DamagedError(f"the checksum of {key[:64]} does not fit")
        arrays[key] = value
    return Stored(head, arrays, frozenset(keys))


def write_state(
    run: Run,
    name: str,
    checkpoint: str,
    head: bytes,
    arrays: Mapping[str, bytes],
    gone: Collection[str],
    seen: float,
) -> None:
    """Store it beside what there is but for the keys that are ``gone``. Raises BrokenError where
    parts of what there is are lost, which would else no longer be seen, or the file does not give
    back what it took."""
    crc, found = _crc(name, checkpoint, head), run(_LIVE, (name, checkpoint)).fetchone()
    before = _keys(run, found[0]) if found else set[str]()
    if found and found[3] != _seal(before):
        raise BrokenError(f"the state of {name!r:.80} has lost some of its parts")
    keys = (before - set(gone)) | arrays.keys()
    row = (seen, head, crc, _seal(keys))
    if found:
        number = found[0]
        run("UPDATE headset SET seen=?, head=?, crc=?, keys=? WHERE number=?", (*row, number))
    else:
        sql = "INSERT INTO headset (name, brain, seen, head, crc, keys) VALUES (?, ?, ?, ?, ?, ?)"
        number = run(sql, (name, checkpoint, *row)).lastrowid or 0
    for key in gone:
        run("DELETE FROM array WHERE headset=? AND key=?", (number, key))
    for key, value in arrays.items():
        crc = _crc(key, "", value)
        run("INSERT OR REPLACE INTO array VALUES (?, ?, ?, ?)", (number, key, value, crc))
    if _keys(run, number) != keys:
        raise BrokenError(f"of the state of {name!r:.80} parts were lost while it was written")


def set_aside(run: Run, name: str, checkpoint: str, why: str) -> None:
    sql = "UPDATE headset SET aside=? WHERE name=? AND brain=? AND aside IS NULL"
    run(sql, (f"{time.strftime('%Y-%m-%d %H:%M:%S')}: {why[:200]}", name, checkpoint))


def damaged_names(run: Run) -> list[str]:
    """Of those whose name, model or head is not what was written: whoever comes by that name is
    told (:func:`read_state`)."""
    found = run("SELECT name, brain, head, crc FROM headset WHERE aside IS NULL").fetchall()
    return [
        f"{n!r:.80}" for n, checkpoint, head, crc in found if not _fits(crc, n, checkpoint, head)
    ]


def oldest(run: Run, before: float, here: Collection[str], most: int) -> list[tuple[int, str]]:
    """Numbers and names of at most ``most`` states not seen since ``before``: those set aside
    first, then whose headset was not seen for longest; not of those who are ``here``."""
    sql = (
        "SELECT number, name, aside FROM headset WHERE seen<? ORDER BY aside IS NULL, seen LIMIT ?"
    )
    found = run(sql, (before, most + len(here))).fetchall()
    return [(n, str(name)) for n, name, aside in found if aside or name not in here][:most]


def delete_state(run: Run, number: int) -> None:
    run("DELETE FROM array WHERE headset=?", (number,))
    run("DELETE FROM headset WHERE number=?", (number,))


def used_bytes(run: Run) -> tuple[int, int]:
    """Bytes in use, and bytes that are free for reuse."""
    pages, free, size = (
        run(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size, free * size


def lived_seconds(run: Run) -> float:
    """How long the store has lived: what it was, and the time since, of which a step of the clock
    cannot make much."""
    seconds, clock = run("SELECT seconds, clock FROM lived").fetchone() or (0.0, time.time())
    if not all(isinstance(x, float) and math.isfinite(x) for x in (seconds, clock)):
        return 0.0
    return seconds + min(max(0.0, time.time() - clock), APART_S)


def write_lived(run: Run, seconds: float) -> None:
    """So long it has lived; the latest clock that it has seen stays."""
    now = (seconds, time.time())
    if not run("UPDATE lived SET seconds=?, clock=max(clock, ?)", now).rowcount:
        run("INSERT INTO lived VALUES (?, ?)", now)


def _keys(run: Run, number: int) -> set[str]:
    return {str(key) for (key,) in run("SELECT key FROM array WHERE headset=?", (number,))}


def _seal(keys: Collection[str]) -> int:
    return zlib.crc32("\n".join(sorted(keys)).encode(errors="surrogateescape"))


def _crc(name: str, checkpoint: str, value: bytes) -> int:
    return zlib.crc32(value, zlib.crc32(f"{name}\n{checkpoint}\n".encode(errors="surrogateescape")))


def _fits(crc: object, name: object, checkpoint: object, value: object) -> bool:
    return (
        isinstance(name, str)
        and isinstance(checkpoint, str)
        and isinstance(value, bytes)
        and crc == _crc(name, checkpoint, value)
    )
