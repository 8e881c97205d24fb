"""What can still be read of an MCAP file: whole ones, cut ones, and ones with flipped bytes.

The file is walked record by record, each chunk checked against its checksum. Where a record is cut
or does not fit, reading goes on at the next chunk or session that is whole, and what lies between
is kept as a `Damage`. Nothing that was damaged is handed on.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from mmap import mmap

from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Metadata, Statistics
from mcap.stream_reader import breakup_chunk

from bridge.recording.sessions import SESSION, RecordedSession, from_metadata

MAGIC = b"\x89MCAP0\r\n"
_HEAD = struct.Struct("<BQ")
_FOOTER = struct.Struct("<BQQQI")
_NAME = struct.pack("<I", len(SESSION)) + SESSION.encode()
_LANDMARK = re.compile(rb"\x04\0\0\0zstd|\x03\0\0\0lz4|" + re.escape(_NAME))
"""What a chunk or a session has near its start, by which the next one is found after damage."""
_BEFORE_COMPRESSION = _HEAD.size + 28
_MOST_BYTES = 2**30
"""Uncompressed size above which a chunk is damaged, not large."""


@dataclass(frozen=True)
class Damage:
    """``size`` bytes from ``at`` on that cannot be read, and why."""

    at: int
    size: int
    why: str

    def __str__(self) -> str:
        return f"bytes {self.at} to {self.at + self.size}: {self.why}"


@dataclass(frozen=True)
class Summary:
    """What a finished file repeats at its end: its topics, and how many messages it holds."""

    topics: dict[int, Channel]
    messages: int


def walk(data: mmap, damages: list[Damage]) -> Iterator[list[object] | RecordedSession | None]:
    """What the file holds, in order: a chunk as the list of its records, a session, and None for
    the end that a finished recording has. What cannot be read is added to ``damages``."""
    at, size = len(MAGIC), len(data)
    while at < size:
        try:
            record, end = _record_at(data, at)
        except ValueError as error:
            following = _landmark_after(data, at)
            damages.append(Damage(at, following - at, str(error)))
            at = following
            continue
        if record is Opcode.DATA_END:
            yield None
            return
        if isinstance(record, list | RecordedSession):
            yield record
        at = end


def _landmark_after(data: mmap, at: int) -> int:
    """Where the next whole chunk or session starts, or the end of the file."""
    for match in _LANDMARK.finditer(data, at + 1):
        before = _HEAD.size if match[0] == _NAME else _BEFORE_COMPRESSION
        start = match.start() - before
        if start <= at:
            continue
        try:
            record, _ = _record_at(data, start)
        except ValueError:
            continue
        if isinstance(record, list | RecordedSession):
            return start
    return len(data)


def _record_at(data: mmap, at: int) -> tuple[object, int]:
    """The record at ``at`` and where the next one starts: as `walk` has it, `Opcode.DATA_END`, or
    another opcode for what is not needed. Raises ValueError when it is damaged."""
    size = len(data)
    if at + _HEAD.size > size:
        raise ValueError("the file ends within a record")
    opcode, length = _HEAD.unpack_from(data, at)
    start, end = at + _HEAD.size, at + _HEAD.size + length
    if not Opcode.HEADER <= opcode <= Opcode.DATA_END:
        raise ValueError(f"no record starts with byte {opcode}")
    if end > size:
        raise ValueError(f"a record of {length} bytes in the last {size - at} of the file")
    kind = Opcode(opcode)
    if kind not in (Opcode.CHUNK, Opcode.METADATA):
        return kind, end
    try:
        stream = ReadDataStream(BytesIO(data[start:end]))
        if kind is Opcode.METADATA:
            metadata = Metadata.read(stream)
            return (from_metadata(metadata.metadata) if metadata.name == SESSION else kind), end
        chunk = Chunk.read(stream)
        if chunk.uncompressed_size > _MOST_BYTES:
            raise ValueError(f"{chunk.uncompressed_size} bytes")
        return list(breakup_chunk(chunk, validate_crc=True)), end
    except Exception as error:  # noqa: BLE001 - whatever decompressors make of damaged bytes
        raise ValueError(f"{kind.name.lower()}: {error}") from None


def read_summary(data: mmap) -> Summary | None:
    """The end of a finished file, None where it is not there or does not fit its checksum."""
    if len(data) < _FOOTER.size + 2 * len(MAGIC) or data[-len(MAGIC) :] != MAGIC:
        return None
    foot = len(data) - len(MAGIC) - _FOOTER.size
    opcode, _, at, _, crc = _FOOTER.unpack_from(data, foot)
    # The checksum covers the footer too, but for itself.
    if (
        opcode != Opcode.FOOTER
        or not 0 < at < foot
        or zlib.crc32(data[at : -len(MAGIC) - 4]) != crc
    ):
        return None
    topics, messages = {}, 0
    while at < foot:
        opcode, length = _HEAD.unpack_from(data, at)
        stream = ReadDataStream(BytesIO(data[at + _HEAD.size : at + _HEAD.size + length]))
        if opcode == Opcode.CHANNEL:
            topic = Channel.read(stream)
            topics[topic.id] = topic
        elif opcode == Opcode.STATISTICS:
            messages = Statistics.read(stream).message_count
        at += _HEAD.size + length
    return Summary(topics, messages)
