"""A SQLite file on a disk that may fail: transactions, and what is done where the file is broken.

WAL mode; a transaction is whole or not at all, so that a reader finds one instant or the one
before. A killed process loses nothing that was written; a power cut may lose the last writes, never
the file (``synchronous=NORMAL``, sqlite.org/wal.html).
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from fedxr.agent.checkpoints.state import rows
from fedxr.agent.checkpoints.state.errors import (
    BrokenError,
    DamagedError,
    NotSavedError,
    StateError,
    TakenError,
)
from fedxr.agent.checkpoints.state.lock import StateLock, inode_of
from fedxr.agent.checkpoints.state.rows import Run, Stored

T = TypeVar("T")
LONGEST = 1 << 28
"""Bytes that one value may have (256 MiB)."""
BUSY_S = 0.1
"""Seconds that are waited for another program that has locked the file."""
RENEW_S = 60.0
"""Seconds between two files that are set aside: what breaks at once again is not the file."""
LOOSE = 1 << 20
"""Bytes of a file that may be free before they are given back to the disk."""
FREED = 4096
"""Pages (16 MiB) that are given back at once, at most."""
_BROKEN = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_FORMAT,
}
_LACKING = (
    *("no such table", "no such column", "table array has", "table headset has"),
    "unsupported file format",
)
ROOM = 1 << 26
"""Bytes that are free on a disk that is not full (64 MiB)."""
_log = logging.getLogger(__name__)


class StateDisk:
    """The file ``path``, locked for this process. One that is broken is moved aside, with the date
    in its name, and a new one takes over what can still be read of it; ``number`` counts them:
    with a new one, what was written before may be gone."""

    def __init__(self, path: Path) -> None:
        """Raises StateError where it cannot be a file, TakenError where another server has it."""
        if path.is_dir():
            raise StateError(f"{path} is a folder; name a file for headsets' states")
        self.path, self.number = path, 0
        self._lock = StateLock(path)
        self._file: sqlite3.Connection | None = None
        self._inode = (0, 0)
        self._renewed = -math.inf
        self._born, self._lived = time.monotonic(), 0.0
        with contextlib.suppress(NotSavedError):  # it is said when something is to be saved
            self._writable()

    def close(self) -> None:
        with contextlib.suppress(NotSavedError):
            if self._file is not None:
                self.write(lambda run: rows.write_lived(run, self.now))
        self._shut()
        self._lock.release()

    @property
    def now(self) -> float:
        """Seconds that the store has lived, which no step of the clock changes by much."""
        return self._lived + time.monotonic() - self._born

    def shrink(self) -> None:
        """Give back to the disk what is free, where it is much. Raises NotSavedError."""
        used, free = self.write(rows.used_bytes)
        if free > max(LOOSE, used // 4):
            with self._translated():  # by `execute` it would free one page
                self._writable().executescript(f"PRAGMA incremental_vacuum({FREED})")

    def check(self) -> None:
        """See that the file is there and open. Raises NotSavedError."""
        try:
            self._writable()
        except TakenError as error:  # while this one could not write
            raise NotSavedError(str(error)) from error

    # -- transactions ----------------------------------------------------------------------------

    def write(self, what: Callable[[Run], T]) -> T:
        """Do ``what`` in one transaction; where the file turns out broken, again in a new one.

        Raises NotSavedError."""
        try:
            return self._once(what)
        except BrokenError as error:
            self._renew(str(error))
        try:
            return self._once(what)
        except BrokenError as error:  # it is not the file, then
            raise NotSavedError(f"{self.path}: {error}") from error

    def _once(self, what: Callable[[Run], T]) -> T:
        self.check()
        with self._translated():
            run = self._writable().execute
            run("BEGIN IMMEDIATE")
            try:
                found = what(run)
                run("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # some errors have ended it already
                    run("ROLLBACK")
                raise
            return found

    def read(self, what: Callable[[Run], T]) -> T | None:
        """As :meth:`write`, also where the file can be read only; None where there is none."""
        try:
            return self.write(what)
        except NotSavedError as error:
            trouble = error
        try:
            with contextlib.closing(read_only(self.path)) as file:
                return what(file.execute)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, sqlite3.Error, UnicodeDecodeError):
            raise trouble from None

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """What sqlite and the system say, in our errors."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            if code == sqlite3.SQLITE_TOOBIG:
                raise DamagedError(str(error)) from error
            full = code == sqlite3.SQLITE_FULL
            if code in _BROKEN or str(error).startswith(_LACKING) or (full and self._only_says_so):
                raise BrokenError(str(error)) from error
            if not full:  # where what there is can be read as before
                self._shut()
            raise NotSavedError(f"{self.path}: {error}") from error
        except UnicodeDecodeError as error:  # what it says quotes the damage
            raise BrokenError("its tables are damaged") from error
        except OSError as error:
            self._shut()
            raise NotSavedError(f"{self.path}: {error.strerror or error}") from error

    @property
    def _only_says_so(self) -> bool:
        """Whether there is room, and what is full are the numbers of a damaged file."""
        if self._file is None or shutil.disk_usage(self.path.parent).free < ROOM:
            return False
        run = self._file.execute
        pages, most = (run(f"PRAGMA {x}").fetchone()[0] for x in ("page_count", "max_page_count"))
        return bool(pages < most and run("PRAGMA quick_check(1)").fetchone() != ("ok",))

    # -- the file itself -------------------------------------------------------------------------

    def _writable(self) -> sqlite3.Connection:
        """The open file; one that was taken away is made anew. Raises NotSavedError, TakenError."""
        if self._file is not None and inode_of(self.path) != self._inode:
            _log.warning("%s was taken away from under the server: it is made anew", self.path)
            self._shut()
            self.number += 1
        try:
            return self._file or self._open()
        except BrokenError as error:
            return self._renew(str(error))

    def _open(self) -> sqlite3.Connection:
        try:
            with self._translated():
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._lock.acquire()
                with contextlib.suppress(FileExistsError):
                    # What was learned of people is for this user alone; sqlite's others follow.
                    os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                self._file = _connect(str(self.path))
                self._inode = inode_of(self.path)
                self._prepare(self._file)
                return self._file
        except BaseException:
            self._shut()
            raise

    def _prepare(self, file: sqlite3.Connection) -> None:
        run = file.execute
        with self.path.open("rb") as raw:
            if raw.read(20)[18:] not in (b"", b"\1\1", b"\2\2"):
                raise BrokenError("its header is damaged")  # and reads as a file of the future
        (version,) = run("PRAGMA user_version").fetchone()
        (tables,) = run("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and version != rows.VERSION:
            raise BrokenError("it was written by another version of fedxr")
        if tables and not rows.are_whole(run):
            raise BrokenError("its tables are damaged")
        run("PRAGMA auto_vacuum=INCREMENTAL")
        run("PRAGMA journal_mode=WAL").fetchall()
        run("PRAGMA synchronous=NORMAL")
        run("PRAGMA journal_size_limit=16777216")
        if not tables:
            version = f"PRAGMA user_version={rows.VERSION}"
            file.executescript(f"BEGIN; {rows.SCHEMA} {version}; COMMIT;")
        self._lived, self._born = rows.lived_seconds(run), time.monotonic()
        with contextlib.suppress(sqlite3.OperationalError):  # a full disk can still be read
            rows.write_lived(run, self._lived)
        for name in rows.damaged_names(run):
            _log.warning("%s: the state of %s is damaged", self.path, name)

    def _shut(self) -> None:
        if self._file is not None:
            with contextlib.suppress(sqlite3.Error):
                self._file.close()
            self._file = None

    def _renew(self, why: str) -> sqlite3.Connection:
        """The file is broken: move it aside, and take over what can be read. Raises
        NotSavedError."""
        self._shut()
        if time.monotonic() - self._renewed < RENEW_S:
            raise NotSavedError(f"{self.path} is damaged again ({why})")
        aside = _free_name(self.path)
        try:
            for end in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    Path(f"{self.path}{end}").replace(f"{aside}{end}")
            self._renewed = time.monotonic()
            self.number += 1
            self._open()
        except (OSError, BrokenError) as error:
            raise NotSavedError(f"{self.path} is damaged ({why}): {error}") from error
        kept, lost = self._take_over(aside)
        also = f"; of these it could not: {', '.join(lost[:20])}" if lost else ""
        text = "%s: %s; set aside as %s, and a new one begun that took over %d states%s"
        _log.warning(text, self.path, why, aside.name, kept, also)
        return self._file or self._open()

    def _take_over(self, aside: Path) -> tuple[int, list[str]]:
        """How many states could be read, and the names of the others."""
        kept, lost = 0, list[str]()
        try:
            old = read_only(aside)
            states = rows.live(old.execute)
        except (OSError, sqlite3.Error, UnicodeDecodeError):
            return kept, lost
        with contextlib.closing(old):
            for name, checkpoint, found in states:
                try:
                    stored = rows.read_found(old.execute, name, checkpoint, found, lambda _: True)
                    self._copy(name, checkpoint, stored)
                    kept += 1
                except (BrokenError, sqlite3.Error, ValueError, TypeError):
                    lost.append(f"{name!r:.80}")
        return kept, lost

    def _copy(self, name: str, checkpoint: str, found: Stored) -> None:
        self._once(
            lambda run: rows.write_state(
                run, name, checkpoint, found.head, found.arrays, (), self.now
            )
        )


def _connect(name: str, uri: bool = False) -> sqlite3.Connection:
    file = sqlite3.connect(name, BUSY_S, check_same_thread=False, isolation_level=None, uri=uri)
    file.text_factory = lambda data: data.decode(errors="surrogateescape")
    file.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
    return file


def read_only(path: Path) -> sqlite3.Connection:
    """The file, to be read only. Raises FileNotFoundError where there is none, or nothing in it."""
    path.stat()
    wal = Path(f"{path}-wal")
    # Without a WAL nobody is writing, and sqlite need make no file beside it.
    still = "" if wal.exists() and wal.stat().st_size else "&immutable=1"
    file = _connect(f"{path.resolve().as_uri()}?mode=ro{still}", uri=True)
    try:
        file.execute("PRAGMA writable_schema=ON")  # or one that is cut short is not read
        (tables,) = file.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except (sqlite3.Error, UnicodeDecodeError):
        file.close()
        raise
    if not tables:
        file.close()
        raise FileNotFoundError(path)
    return file


def _free_name(path: Path) -> Path:
    """For the file that is set aside now."""
    stamp, n = time.strftime("%Y%m%d-%H%M%S"), 0
    while (found := path.with_name(f"{path.name}.{stamp}-{n}.damaged")).exists():
        n += 1
    return found
