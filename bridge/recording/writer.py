"""The way of a message from the event loop to the file.

`RecordingWriter.put` is called on the event loop and never waits: it appends to a queue that is
bounded in bytes. A thread empties the queue into the pipe of a process that writes the file
(`fedxr.bridge.recording.mcap_file`), and has it flush once a second. When the disk is slower than
the headsets, what does not fit into the queue is left out and counted, and a record says so at that
place in the file."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from fedxr.bridge.protocol import BridgeError, Cue, PackedFrame, Reply
from fedxr.bridge.recording.mcap_file import LENGTH, Counts, Line, kept_free
from fedxr.bridge.recording.private import make_private
from fedxr.bridge.recording.records import KINDS, Dropped, Recorded
from fedxr.bridge.recording.sessions import SESSION, RecordedSession, to_metadata

QUEUE_BYTES = 64 * 2**20
"""What may wait for the disk; some seconds of many headsets."""
MAX_BYTES = 50 * 10**9
"""What a recording may take unless told otherwise: two days of one headset, about, or three hours
of sixteen."""
FLUSH_S = 1.0
CHUNK_BYTES = 2**20
_PAUSE_S = 0.05
_ENTRY_BYTES = 200
"""What a queued message costs beside its samples, about."""

_log = logging.getLogger(__name__)
_pack = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Entry:
    """One message as it is queued. ``log_us`` is when it came or went, ``capture_us`` what time it
    is about, both by the server's clock; ``up``: the headset sent it."""

    session: RecordedSession
    log_us: int
    capture_us: int
    message: Recorded
    up: bool = True

    @property
    def nbytes(self) -> int:
        message = self.message
        if not isinstance(message, PackedFrame):
            return _ENTRY_BYTES
        return _ENTRY_BYTES + sum(
            _ENTRY_BYTES + len(b.data) + len(b.stamps) for b in message.blocks
        )

    def line(self) -> Line:
        """As the writing process is told."""
        kind, raw = KINDS[type(self.message)], _pack(self.message)
        return Line(kind, self.session.number, self.log_us, self.capture_us, self.up, raw)


@dataclass
class _Gap:
    """What was left out since the last message that was queued."""

    records: int = 0
    bytes: int = 0
    until_us: int = 0


class RecordingWriter:
    """Writes one new file. Raises BridgeError when it exists, cannot be made, or its disk is full.

    ``counts`` are those of the last flush; ``dropped`` are messages that were left out. ``ended``
    is called, in a thread, when the file is over before `close`: ``counts`` say why.
    """

    def __init__(
        self,
        path: Path,
        queue_bytes: int = QUEUE_BYTES,
        max_bytes: int = MAX_BYTES,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self.path = path
        self._ended = ended
        self.counts = Counts()
        self.dropped = 0
        self._queue_bytes = queue_bytes
        self._queue: deque[Entry | RecordedSession] = deque()
        self._waiting = 0
        self._gap = _Gap()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        make_private(path)
        _check_room(path)
        arguments = [str(path), str(CHUNK_BYTES), str(max_bytes)]
        self._process = subprocess.Popen(  # noqa: S603  # this very program's own
            [sys.executable, "-m", "fedxr.bridge.recording.mcap_file", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            start_new_session=True,  # a signal to the server's group is not for it
        )
        self._threads = [
            threading.Thread(target=work, name=f"recording {name}", daemon=True)
            for name, work in (("sends", self._send_all), ("listens", self._listen))
        ]
        for thread in self._threads:
            thread.start()

    def put(self, entry: Entry | RecordedSession) -> None:
        """Queue; frames, replies and cues are left out while the queue is full, all else up to
        twice its bound."""
        if isinstance(entry, RecordedSession):
            if not self.over:
                self._queue.append(entry)
            return
        size = entry.nbytes
        droppable = isinstance(entry.message, PackedFrame | Reply | Cue)
        limit = self._queue_bytes if droppable else 2 * self._queue_bytes
        with self._lock:
            if self.over or self._waiting + size > limit:
                self._gap.records += 1
                self._gap.bytes += size
                self._gap.until_us = entry.log_us
                self.dropped += 1
                return
            if self._gap.records:
                gap, self._gap = self._gap, _Gap()
                said = Dropped(gap.records, gap.bytes, gap.until_us)
                self._queue.append(Entry(entry.session, entry.log_us, entry.log_us, said, False))
                self._waiting += _ENTRY_BYTES
            self._queue.append(entry)
            self._waiting += size

    @property
    def over(self) -> bool:
        """Whether nothing is written any more."""
        return bool(self.counts.error or self.counts.ended)

    def close(self) -> None:
        """Write all that waits and finish the file; waits for the disk."""
        self._closing.set()
        for thread in self._threads:
            thread.join()
        code = self._process.wait()
        if code and not self.counts.error:
            self._fail(f"the process that writes it ended with {code}")

    # In the threads

    def _send_all(self) -> None:
        pipe = self._process.stdin
        assert pipe is not None  # noqa: S101  # asked for above
        flushed = time.monotonic()
        with contextlib.suppress(OSError):
            while not self._closing.wait(_PAUSE_S):
                self._send_waiting(pipe)
                if time.monotonic() - flushed >= FLUSH_S:
                    flushed = time.monotonic()
                    _send(pipe, Line())
            self._send_waiting(pipe)
        # Where the other end is gone, `_listen` says why.
        with contextlib.suppress(OSError):
            pipe.close()

    def _send_waiting(self, pipe: IO[bytes]) -> None:
        while True:
            with self._lock:
                if not self._queue:
                    break
                entry = self._queue.popleft()
            if isinstance(entry, RecordedSession):
                _send(pipe, session_line(entry))
                continue
            _send(pipe, entry.line())
            with self._lock:
                self._waiting -= entry.nbytes
        pipe.flush()

    def _listen(self) -> None:
        """Take the counts that the process prints; its end before `close` is a failure."""
        pipe = self._process.stdout
        assert pipe is not None  # noqa: S101  # asked for above
        for said in pipe:
            self.counts = msgspec.json.decode(said, type=Counts)
        pipe.close()
        if self.counts.ended:
            _log.warning("%s: %s", self.path, self.counts.ended)
            self._give_up()
        elif self.counts.error:
            self._fail(self.counts.error)
        elif not self._closing.is_set():
            self._fail(f"the process that writes it ended with {self._process.wait()}")
        if self.over and not self._closing.is_set():
            self._ended()

    def _fail(self, why: str) -> None:
        _log.error("%s: %s; what was flushed before is kept", self.path, why)
        self.counts.error = why
        self._give_up()

    def _give_up(self) -> None:
        """What still waits is left out."""
        with self._lock:
            self.dropped += sum(isinstance(e, Entry) for e in self._queue)
            self._queue.clear()
            self._waiting = 0


def _check_room(path: Path) -> None:
    """Raise BridgeError, and leave no file, where the disk is nearly full already."""
    free, least = kept_free(path.parent)
    if free < least:
        path.unlink()
        raise BridgeError(
            f"cannot record to {path}: its disk has {free / 1e6:.0f} MB free, and a recording "
            f"leaves {least / 1e6:.0f} MB; free some, or name a file on another disk"
        )


def session_line(session: RecordedSession) -> Line:
    """As the writing process is told of a session."""
    return Line(SESSION, raw=_pack(to_metadata(session)))


def _send(pipe: IO[bytes], line: Line) -> None:
    data = _pack(line)
    pipe.write(LENGTH.pack(len(data)) + data)
