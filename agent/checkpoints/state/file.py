"""Whose states are in the file, how long they stay, and how much room they have.

- A state that does not pass its checks is marked (``aside``), kept, and read by nobody.
- Who was not seen for ``Keep.days`` leaves; and where all of it is larger than ``Keep.megabytes``,
  who was not seen for longest. What is set aside leaves first, and the file gets smaller.

Days count as the store has lived them (:attr:`fedxr.agent.checkpoints.state.disk.StateDisk.now`).
"""

from __future__ import annotations

import contextlib
import logging
import math
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from fedxr.agent.checkpoints.state import rows
from fedxr.agent.checkpoints.state.disk import StateDisk, read_only
from fedxr.agent.checkpoints.state.errors import NotSavedError
from fedxr.agent.checkpoints.state.rows import Run, Stored

TRIM_S = 3600.0
"""Seconds between two looks for who was not seen for too long."""
SAID = 20
"""Names that one line of the log may have."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Keep:
    """How long states are kept: ``days`` after their headset was last seen; and how many: as many
    as fit into ``megabytes`` (10^6 bytes)."""

    days: float = 365.0
    megabytes: float = 4000.0

    def __post_init__(self) -> None:
        if not (self.days > 0 and self.megabytes > 0):
            raise ValueError(
                f"states kept for {self.days} days in {self.megabytes} MB: both must be above 0"
            )


class StateFile:
    """``here`` are the headsets that are here: their states stay."""

    def __init__(self, path: Path, keep: Keep, here: Collection[str]) -> None:
        """Raises StateError where it cannot be a file, TakenError where another server has it."""
        self.disk, self.keep, self.here = StateDisk(path), keep, here
        self._trimmed = -math.inf

    def close(self) -> None:
        self.disk.close()

    @property
    def number(self) -> int:
        return self.disk.number

    def names(self) -> list[str]:
        """Of whom there is a state, of any model. Raises NotSavedError, as all that follow."""
        return self.disk.read(_names) or []

    def checkpoints(self, name: str) -> list[str]:
        """The models that there are states of ``name`` of."""
        sql = "SELECT brain FROM headset WHERE name=? AND aside IS NULL"
        found = self.disk.read(lambda run: run(sql, (name,)).fetchall())
        return [str(checkpoint) for (checkpoint,) in found or ()]

    def latest(self, start: str, checkpoint: str) -> str:
        """The name that begins with ``start``, of who was seen last, with the model ``checkpoint``;
        "": there is none."""
        sql = (
            "SELECT name FROM headset WHERE name>? AND name<? AND brain=? AND aside IS NULL "
            "ORDER BY seen DESC LIMIT 1"
        )
        last = f"{start}{chr(0x10FFFF)}"
        found = self.disk.read(lambda run: run(sql, (start, last, checkpoint)).fetchone())
        return str(found[0]) if found else ""

    def read(self, name: str, checkpoint: str, wanted: Callable[[str], bool]) -> Stored | None:
        """What is stored of ``name`` with the model ``checkpoint``, of the keys that are
        ``wanted``.

        Raises DamagedError where a checksum does not fit."""
        return self.disk.read(lambda run: rows.read_state(run, name, checkpoint, wanted))

    def write(
        self,
        name: str,
        checkpoint: str,
        head: bytes,
        arrays: Mapping[str, bytes],
        gone: Collection[str] = (),
        fresh: bool = False,
    ) -> None:
        """Store it, all or nothing, beside what there is but for the keys that are ``gone``;
        ``fresh``: what there is nobody has read, and it is set aside."""

        def write(run: Run) -> bool:
            if fresh:
                rows.set_aside(run, name, checkpoint, "another state took its place")
            left = self._make_room(run, name)
            rows.write_state(run, name, checkpoint, head, arrays, gone, self.disk.now)
            return left

        if self.disk.write(write):
            self.disk.shrink()

    def see(self, name: str) -> None:
        """``name`` is here now."""
        sql = "UPDATE headset SET seen=? WHERE name=? AND aside IS NULL"
        self.disk.write(lambda run: run(sql, (self.disk.now, name)))

    def probe(self) -> None:
        """See whether it can be written."""
        self.disk.write(lambda run: rows.write_lived(run, self.disk.now))

    def set_aside(self, name: str, checkpoint: str, why: str) -> None:
        """Nobody reads it any more, but it is kept as long as there is room."""
        self.disk.write(lambda run: rows.set_aside(run, name, checkpoint, why))
        _log.warning("the state of %s is set aside: %s", name, why)

    # -- room ------------------------------------------------------------------------------------

    def trim(self) -> None:
        """Let go, once an hour, who was not seen for too long."""
        if time.monotonic() - self._trimmed < TRIM_S:
            return
        before = self.disk.now - self.keep.days * 86400

        def trim(run: Run) -> None:
            rows.write_lived(run, self.disk.now)
            why = f"not seen for {self.keep.days:g} days"
            _say(_let_go(run, rows.oldest(run, before, self.here, 1 << 30)), why)

        self.disk.write(trim)
        self.disk.shrink()
        self._trimmed = time.monotonic()

    def _make_room(self, run: Run, name: str) -> bool:
        """Where it is too large, let the oldest go, but for ``name``; whether somebody went. Raises
        NotSavedError where nobody can go."""
        most, here = self.keep.megabytes * 1e6, {*self.here, name}
        gone = list[str]()
        while (size := rows.used_bytes(run)[0]) > most:
            found = rows.oldest(run, math.inf, here, 1)
            if not found:
                raise NotSavedError(
                    f"{self.disk.path} holds {size / 1e6:.1f} MB of states, {most / 1e6:g} MB are "
                    "allowed, and all of their headsets are here"
                )
            gone += _let_go(run, found)
        _say(gone, f"there are more than {self.keep.megabytes:g} MB of states")
        return bool(gone)


def stored_names(path: Path) -> list[str]:
    """Of whom there is a state in the file ``path``, which a server may be keeping right now; none
    where there is no such file yet."""
    try:
        with contextlib.closing(read_only(path)) as file:
            return _names(file.execute)
    except (OSError, sqlite3.Error, UnicodeDecodeError):
        return []


def _names(run: Run) -> list[str]:
    found = run("SELECT DISTINCT name FROM headset WHERE aside IS NULL").fetchall()
    return sorted(str(name) for (name,) in found)


def _let_go(run: Run, found: list[tuple[int, str]]) -> list[str]:
    """Their names."""
    for number, _ in found:
        rows.delete_state(run, number)
    return [name for _, name in found]


def _say(gone: list[str], why: str) -> None:
    if gone:
        first = f"{', '.join(gone[:SAID])} and {len(gone) - SAID} others"
        _log.warning(
            "deleted: the states of %s: %s", first if len(gone) > SAID else ", ".join(gone), why
        )
