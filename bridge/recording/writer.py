"""The thread that writes a recording, and the bounded queue before it.

`RecordingWriter.put` is called on the event loop and never waits: it appends to a queue. A thread
turns what is queued into JSON records, and finishes an MCAP chunk once a second, so that a killed
process loses no more than that. When the disk is slower than the headsets, frames that do not fit
into the queue any more are left out, counted, and a record says so at that place in the file.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mcap.writer import CompressionType, Writer

from bridge.protocol import BridgeError, Cue, PackedFrame, Reply
from bridge.recording.records import (
    KINDS,
    Dropped,
    Recorded,
    block_record,
    encode_json,
    message_record,
    schema,
    view_of,
)
from bridge.recording.sessions import SESSION, RecordedSession, to_metadata

QUEUE_BYTES = 64 * 2**20
"""What may wait for the disk; some seconds of many headsets."""
FLUSH_S = 1.0
_CHUNK_BYTES = 2**20
_ENTRY_BYTES = 200
"""What a queued message costs beside its samples, about."""
_MOST_TOPICS = 65_000
"""MCAP numbers its channels with 16 bits."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
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
        if isinstance(message, PackedFrame):
            return _ENTRY_BYTES + sum(
                _ENTRY_BYTES + len(b.data) + len(b.stamps) for b in message.blocks
            )
        return _ENTRY_BYTES


@dataclass
class RecordingCounts:
    """What has been written and what was left out so far; ``error`` is why writing ended early."""

    records: int = 0
    bytes: int = 0
    sessions: int = 0
    dropped: int = 0
    dropped_bytes: int = 0
    error: str = ""


@dataclass
class _Gap:
    """Records left out since the last that was queued."""

    records: int = 0
    bytes: int = 0
    until_us: int = 0


class RecordingWriter:
    """Writes one new file. Raises BridgeError when it exists or cannot be made."""

    def __init__(self, path: Path, queue_bytes: int = QUEUE_BYTES) -> None:
        self.path = path
        self.counts = RecordingCounts()
        self._queue_bytes = queue_bytes
        self._queue: deque[Entry | RecordedSession] = deque()
        self._waiting = 0
        self._gap = _Gap()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._topics: dict[tuple[str, str, str], int] = {}
        self._schemas: dict[str, int] = {}
        self._sequence = 0
        try:
            self._file = _open_private(path)
            self._mcap = Writer(self._file, _CHUNK_BYTES, CompressionType.LZ4)
            self._mcap.start(library="fedxr")
            self._mcap.flush()
        except OSError as error:
            if isinstance(error, FileExistsError) and path.exists():
                raise BridgeError(
                    f"{path} exists; recordings never overwrite, name another"
                ) from None
            raise BridgeError(f"cannot record to {path}: {error.strerror or error}") from None
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
        self._thread.start()

    def put(self, entry: Entry | RecordedSession) -> None:
        """Queue; frames are left out while the queue is full, all else up to twice its bound."""
        if isinstance(entry, RecordedSession):
            self._queue.append(entry)
            self._wake.set()
            return
        size = entry.nbytes
        droppable = isinstance(entry.message, PackedFrame | Reply | Cue)
        limit = self._queue_bytes if droppable else 2 * self._queue_bytes
        with self._lock:
            if self.counts.error or self._waiting + size > limit:
                self._gap.records += 1
                self._gap.bytes += size
                self._gap.until_us = entry.log_us
                self.counts.dropped += 1
                self.counts.dropped_bytes += size
                return
            if self._gap.records:
                gap, self._gap = self._gap, _Gap()
                said = Dropped(gap.records, gap.bytes, gap.until_us)
                self._queue.append(Entry(entry.session, entry.log_us, entry.log_us, said, False))
                self._waiting += _ENTRY_BYTES
            self._queue.append(entry)
            self._waiting += size
        if size > _CHUNK_BYTES or self._waiting > _CHUNK_BYTES:
            self._wake.set()

    def close(self) -> None:
        """Write all that waits and finish the file; waits for the disk."""
        self._closing = True
        self._wake.set()
        self._thread.join()

    # In the thread

    def _run(self) -> None:
        try:
            flushed = time.monotonic()
            while not self._closing:
                # Woken when a chunk's worth waits; otherwise a few times between two flushes.
                self._wake.wait(FLUSH_S / 4)
                self._wake.clear()
                self._write_all()
                if time.monotonic() - flushed >= FLUSH_S:
                    flushed = time.monotonic()
                    self._flush()
            self._write_all()
            self._mcap.finish()
            self._file.flush()
            os.fsync(self._file.fileno())
        except (OSError, ValueError) as error:
            self._fail(f"writing to {self.path} failed: {error}")
        finally:
            # A failed write may leave bytes in the buffer, which fail again.
            with contextlib.suppress(OSError):
                self._file.close()
            with contextlib.suppress(OSError):
                self.counts.bytes = self.path.stat().st_size

    def _fail(self, why: str) -> None:
        _log.error("%s; what was flushed before is kept", why)
        with self._lock:
            self.counts.error = why
            self.counts.dropped += sum(isinstance(e, Entry) for e in self._queue)
            self.counts.dropped_bytes += self._waiting
            self._queue.clear()
            self._waiting = 0

    def _flush(self) -> None:
        self._mcap.flush()
        self.counts.bytes = self._file.tell()

    def _write_all(self) -> None:
        while True:
            with self._lock:
                if not self._queue:
                    return
                entry = self._queue.popleft()
            if isinstance(entry, RecordedSession):
                self._write_session(entry)
                continue
            self._write(entry)
            with self._lock:
                self._waiting -= entry.nbytes

    def _write_session(self, session: RecordedSession) -> None:
        """Who it is, outside of chunks, so that damage to one does not make it unreadable."""
        self._mcap.flush()
        self._mcap.add_metadata(SESSION, to_metadata(session))
        self.counts.sessions += 1

    def _write(self, entry: Entry) -> None:
        session, message = entry.session, entry.message
        names = []
        if isinstance(message, PackedFrame):
            channels = session.channels
            for block in message.blocks:
                channel = channels[block.channel]
                names.append(channel.name)
                record = block_record(session.number, message.seq, entry.capture_us, channel, block)
                name = view_of(channel, block)
                about = {"channel": channel.name, "layout": channel.layout}
                self._add(entry, f"sensor/{channel.name}", name, encode_json(record), about)
        record = message_record(session.number, message, names, entry.up)
        kind = KINDS[type(message)]
        self._add(entry, kind.split(".")[1].lower(), kind, encode_json(record), {})

    def _add(
        self, entry: Entry, topic: str, name: str, data: bytes, about: Mapping[str, str]
    ) -> None:
        found = self._topic(f"/{_plain(entry.session.hello.user)}/{topic}", name, about)
        if found is None:
            self.counts.dropped += 1
            return
        self._mcap.add_message(
            found, entry.log_us * 1000, data, entry.capture_us * 1000, self._sequence
        )
        self._sequence = (self._sequence + 1) % 2**32
        self.counts.records += 1

    def _topic(self, topic: str, name: str, about: Mapping[str, str]) -> int | None:
        """One per user, sensor and schema: a headset that comes again goes on in its topics."""
        key = (topic, name, about.get("layout", ""))
        if key not in self._topics:
            if len(self._topics) == _MOST_TOPICS:
                return None
            if name not in self._schemas:
                self._schemas[name] = self._mcap.register_schema(name, "jsonschema", schema(name))
            if any(known[0] == topic for known in self._topics):
                topic = f"{topic}/{len(self._topics)}"  # the same sensor, in another form
            self._topics[key] = self._mcap.register_channel(
                topic, "json", self._schemas[name], dict(about)
            )
        return self._topics[key]


def _open_private(path: Path) -> IO[bytes]:
    """A new file that only this user may read: it holds what people's sensors saw."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")


def _plain(name: str) -> str:
    """``name`` as a part of a topic."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
