"""One process at a time keeps states in a file: a lock that ends with its process, however it ends.

The lock is the operating system's (``flock``; :mod:`filelock`), so that nothing a killed process
leaves behind can block; who holds it stands in a file beside it, for the message to the second.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from pathlib import Path

from filelock import FileLock, Timeout

from fedxr.agent.checkpoints.state.errors import NotSavedError, TakenError

_WINDOWS, _PROCESSES = os.name == "nt", Path("/proc/self/stat")
WAIT_S = 20.0
"""Seconds that a new server waits for what a killed one has left running: its learner ends by
itself, after the slice of work that it is in."""


class StateLock:
    """The right to write the state file ``path``."""

    def __init__(self, path: Path) -> None:
        place = path.resolve()  # the same file under another name is the same
        self._path = path
        self._file, self._inode = Path(f"{place}.lock"), (0, 0)
        self._lock = FileLock(self._file, mode=0o600)
        self._holder = Path(f"{place}.pid")

    def acquire(self) -> None:
        """Take it, unless it is taken already.

        Raises TakenError, with the pid, where another server has it; NotSavedError where no lock
        can be had here (a folder that cannot be written).
        """
        if self._lock.is_locked and inode_of(self._file) != self._inode:
            self._lock.release()  # of a file that was taken away with its folder
        until = time.monotonic() + WAIT_S
        while not self._lock.is_locked:
            try:
                self._lock.acquire(timeout=0.0)
            except Timeout:
                holder = self._pid()
                before = holder == _server() != os.getpid()  # our own learner, which is ending
                gone = holder is not None and not is_running(holder)
                if time.monotonic() > until or not (before or gone):
                    raise TakenError(
                        f"{self._path} is kept by another fedxr server (pid {holder or 'unknown'});"
                        " stop that one, or name another file with --state"
                    ) from None
                time.sleep(0.1)
            except (OSError, NotImplementedError) as error:
                raise NotSavedError(f"{self._path} cannot be locked: {error}") from error
            else:
                self._inode = inode_of(self._file)
                self._sign()

    def _sign(self) -> None:
        with contextlib.suppress(OSError):  # a full disk: the second one is refused all the same
            file = os.open(self._holder, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(file, "w") as holder:
                holder.write(f"{_server()}\n")

    def _pid(self) -> int | None:
        """Of the server that holds it; of its learner's parent, where it learns in another."""
        for _ in range(5):  # it is written just after the lock was taken
            with contextlib.suppress(OSError, ValueError):
                return int(self._holder.read_text())
            time.sleep(0.1)
        return None

    def release(self) -> None:
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                self._holder.unlink()
            self._lock.release()


def inode_of(path: Path) -> tuple[int, int]:
    """Device and number of a file; (0, 0) where there is none."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino


def _server() -> int:
    """The pid of the server: of the process that has started this one, if it learns in another."""
    parent = multiprocessing.parent_process()
    return os.getpid() if parent is None or parent.pid is None else parent.pid


def is_running(pid: int) -> bool:
    """Whether there is such a process; a zombie is none."""
    if _PROCESSES.exists():
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state not in ("Z", "X")
    if _WINDOWS:
        return True  # signal 0 would be Ctrl-C there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True
