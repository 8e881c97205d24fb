"""The file of a recording, in the process that writes it: `python -m
fedxr.bridge.recording.mcap_file`.

Making JSON of ten thousand blocks a second would cost the server's event loop its interpreter, so
a process of its own does that. It reads what `fedxr.bridge.recording.writer` sends it, a length and
a `Line` each, until the pipe ends. So when the server is killed, the file is still finished; and
when this process is, what it had flushed is kept. After each flush it prints its counts.

A recording ends, whole, before it is larger than it may be and before its disk is full: what the
index at the end will take is kept free for it.
"""

from __future__ import annotations

import os
import shutil
import signal
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import msgspec
from mcap.writer import CompressionType, Writer
from msgspec import Struct

from fedxr.bridge.protocol import PackedFrame
from fedxr.bridge.recording.order import LIBRARY
from fedxr.bridge.recording.records import (
    KINDS,
    Recorded,
    block_record,
    encode_json,
    message_record,
    schema,
    session_record,
    view_of,
)
from fedxr.bridge.recording.sessions import SESSION, RecordedSession, from_metadata, to_metadata

LENGTH = struct.Struct("<I")
_MOST_TOPICS = 65_000
"""MCAP numbers its channels with 16 bits."""
_TOPIC_BYTES, _CHUNK_BYTES, _RECORD_BYTES = 1000, 300, 100
"""What the index at the end takes for a topic with its name, for a chunk (and ten more for each of
its topics), and what a record takes beside its content; rather too much than too little."""
LEAST_FREE = 4 * 2**20
MOST_FREE = 512 * 2**20
_FREE_PART = 20
_DECODERS: dict[str, msgspec.msgpack.Decoder[Any]] = {
    kind: msgspec.msgpack.Decoder(type_) for type_, kind in KINDS.items()
}


class Line(Struct, array_like=True, gc=False):
    """What the writing process is told. ``kind`` is that of `KINDS` with the message in ``raw``, or
    `SESSION` with its metadata, or empty: flush."""

    kind: str = ""
    session: int = 0
    log_us: int = 0
    capture_us: int = 0
    up: bool = False
    raw: bytes = b""


class Counts(Struct):
    """What has been written so far; ``unwritten``: records of topics beyond the 65,000th;
    ``ended``: why it is over although nothing went wrong; ``error``: what went wrong."""

    records: int = 0
    bytes: int = 0
    sessions: int = 0
    unwritten: int = 0
    ended: str = ""
    error: str = ""


def kept_free(folder: Path) -> tuple[int, int]:
    """How many bytes the disk of ``folder`` has free, and how many a recording leaves free there: a
    twentieth of the disk, but no less than 4 MiB and no more than 512. Raises OSError."""
    disk = shutil.disk_usage(folder)
    return disk.free, min(MOST_FREE, max(LEAST_FREE, disk.total // _FREE_PART))


class McapFile:
    """Writes the lines of one recording to ``file``, which lies at ``path`` and ends before it has
    more than ``max_bytes``."""

    def __init__(self, file: IO[bytes], path: Path, chunk_bytes: int, max_bytes: int) -> None:
        self.counts = Counts()
        self._path, self._max_bytes = path, max_bytes
        self._pending, self._looked = 0, 0
        self._index = _CHUNK_BYTES
        self._file = file
        self._sessions: dict[int, RecordedSession] = {}
        self._topics: dict[tuple[str, str, str], int] = {}
        self._schemas: dict[str, int] = {}
        self._sequence = 0
        self._mcap = Writer(file, chunk_bytes, CompressionType.LZ4)
        self._mcap.start(library=LIBRARY)
        self.flush()

    def take(self, line: Line) -> None:
        """Write one line."""
        if not line.kind:
            self.flush()
        elif line.kind == SESSION:
            session = from_metadata(msgspec.msgpack.decode(line.raw))
            self._sessions[session.number] = session
            # Outside of chunks, so that damage to one does not make the session unreadable.
            self.flush()
            metadata = to_metadata(session)
            self._mcap.add_metadata(SESSION, metadata)
            self._index += 2 * _RECORD_BYTES
            record = session_record(session.number, metadata)
            line = Line(SESSION, session.number, session.log_us, session.log_us)
            self._add(line, "session", "fedxr.Session", record, {})
            self.counts.sessions += 1
        else:
            self._write(line, _DECODERS[line.kind].decode(line.raw))

    def flush(self) -> None:
        """Finish the chunk and hand it to the system. Raises OSError."""
        self._mcap.flush()
        self.counts.bytes = self._file.tell()
        if self._pending:
            self._index += _CHUNK_BYTES + 10 * len(self._topics)
        self._pending = 0
        self._look_at_disk()

    def has_room(self, line: Line) -> bool:
        """Whether the file may grow by ``line``; if not, ``counts.ended`` says why. Raises OSError
        when the file is not there any more."""
        # A block stands in base64 and is shown beside; a picture of numbers at most as JSON.
        size = 3 * len(line.raw) + _TOPIC_BYTES
        if self._size + size > self._max_bytes:
            self.flush()
        if self._size + size > self._max_bytes:
            self.counts.ended = f"the most that it may hold is {self._max_bytes / 1e6:g} MB"
        elif self._file.tell() + self._pending - self._looked > 2**20:
            self.flush()
        return not self.counts.ended

    @property
    def _size(self) -> int:
        """Bytes that the file would have at most if it ended now."""
        return self._file.tell() + self._pending + self._index

    def _look_at_disk(self) -> None:
        self._looked = self._file.tell()
        if self._path.stat().st_ino != os.fstat(self._file.fileno()).st_ino:
            raise FileNotFoundError("another file lies in its place")
        free, least = kept_free(self._path.parent)
        if free < least + self._index:
            kept = f"{least / 1e6:.0f} MB stay so"
            self.counts.ended = f"its disk has {free / 1e6:.0f} MB free, and {kept}"

    def finish(self) -> None:
        """Write the index, and wait until the disk has all of it."""
        self._mcap.finish()
        self._file.flush()
        os.fsync(self._file.fileno())
        self.counts.bytes = self._file.tell()

    def _write(self, line: Line, message: Recorded) -> None:
        session, names = self._sessions[line.session], []
        if isinstance(message, PackedFrame):
            for block in message.blocks:
                channel = session.channels[block.channel]
                names.append(channel.name)
                name = view_of(channel, block)
                record = block_record(
                    session.number, message.seq, line.capture_us, channel, block, name
                )
                about = {"channel": channel.name, "layout": channel.layout}
                self._add(line, f"sensor/{channel.name}", name, record, about)
        record = message_record(session.number, message, names, line.up)
        self._add(line, line.kind.split(".")[1].lower(), line.kind, record, {})

    def _add(
        self,
        line: Line,
        topic: str,
        name: str,
        record: Mapping[str, Any],
        about: Mapping[str, str],
    ) -> None:
        user = self._sessions[line.session].hello.user
        found = self._topic(f"/{_plain(user)}/{topic}", name, about)
        if found is None:
            self.counts.unwritten += 1
            return
        content = encode_json(record)
        self._mcap.add_message(
            found, line.log_us * 1000, content, line.capture_us * 1000, self._sequence
        )
        # Beside the record its place in the chunk's own index.
        self._pending += len(content) + _RECORD_BYTES
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
            self._index += _TOPIC_BYTES + len(topic) + len(schema(name))
            if any(known[0] == topic for known in self._topics):
                topic = f"{topic}/{len(self._topics)}"  # the same sensor, in another form
            self._topics[key] = self._mcap.register_channel(
                topic, "json", self._schemas[name], dict(about)
            )
        return self._topics[key]


def _plain(name: str) -> str:
    """``name`` as a part of a topic."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)


def _say(counts: Counts) -> None:
    sys.stdout.buffer.write(encode_json(counts) + b"\n")
    sys.stdout.buffer.flush()


def main(path: str, chunk_bytes: str, max_bytes: str) -> int:
    """Write the lines on standard input to ``path`` until they end, or there is no room for more; 1
    when that failed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends this
    counts, lines = Counts(), sys.stdin.buffer
    decode = msgspec.msgpack.Decoder(Line).decode
    try:
        # It is there, for this user alone; where it was taken away none is made for everybody.
        with os.fdopen(os.open(path, os.O_WRONLY), "wb") as file:
            mcap = McapFile(file, Path(path), int(chunk_bytes), int(max_bytes))
            counts = mcap.counts
            while not counts.ended and len(head := lines.read(LENGTH.size)) == LENGTH.size:
                (size,) = LENGTH.unpack(head)
                if len(data := lines.read(size)) < size:
                    break
                line = decode(data)
                if not mcap.has_room(line):
                    break
                mcap.take(line)
                if not line.kind:
                    _say(counts)
            mcap.finish()
    except OSError as error:
        counts.error = f"writing to {path} failed: {error}"
    try:
        _say(counts)
    except BrokenPipeError:  # the server was killed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1 if counts.error else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
