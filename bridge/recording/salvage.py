"""What can still be read of an MCAP file: whole ones, cut ones, and ones with flipped bytes.

The file is walked record by record: chunks that are compressed or not, and records beside chunks,
for all of that is valid MCAP. A chunk is unpacked to the size that it says and no further, and
checked against its checksum, if it has one. Where a record is cut or does not fit, reading goes on
at the next record that is whole, and what lies between is kept as a `Damage`. Nothing that was
damaged is handed on.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from mmap import mmap

import lz4.frame
import zstandard
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Message, Metadata, Statistics

from fedxr.bridge.recording.sessions import SESSION, RecordedSession, from_metadata

MAGIC = b"\x89MCAP0\r\n"
_HEAD = struct.Struct("<BQ")
_MESSAGE = struct.Struct("<HIQQ")
_FOOTER = struct.Struct("<BQQQI")
_LANDMARK = re.compile(rb"[\x04\x05\x06\x0c].{4}\0{4}", re.DOTALL)
"""How topics, messages, chunks and metadata begin, by which the next one is found after damage."""
MOST_BYTES = 2**28
"""Uncompressed size above which a chunk is damaged, or a trap, not large."""
_IN_ROW = 3
"""Records in a row that must fit for the first to be taken for one, where it has no checksum."""
_TRIES = 8
"""How often the whole file may be tried for what is whole after one damage."""
_UNKNOWN_IN_ROW = 8
"""Records of kinds that MCAP does not know yet that may stand in a row."""

Part = Message | Channel | RecordedSession
"""What a recording is made of, as far as it is of use here."""
Data = mmap | bytes


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
    """What a finished file may repeat at its end: its topics, and how many messages it holds (None
    where it does not say)."""

    topics: dict[int, Channel]
    messages: int | None = None


def walk(data: mmap, damages: list[Damage]) -> Iterator[tuple[int, Part | None]]:
    """What the file holds, in the order in which it stands there, each with where its record (of a
    message in a chunk: the chunk) begins; at last None for the end that a finished recording has.
    What cannot be read is added to ``damages``."""
    at, size, unchunked = len(MAGIC), len(data), False
    while at < size:
        try:
            opcode, start, end = _head_at(data, at)
            parts = _parts_of(data, opcode, start, end)
        except ValueError as error:
            following = _following(data, at, unchunked)
            damages.append(Damage(at, following - at, str(error)))
            at = following
            continue
        if opcode in (Opcode.DATA_END, Opcode.FOOTER):
            yield at, None
            return
        unchunked |= opcode == Opcode.MESSAGE
        for part in parts:
            yield at, part
        at = end


def parts_at(data: mmap, at: int) -> list[Part]:
    """All parts of the record at ``at``, which `walk` has named."""
    return list(_parts_of(data, *_head_at(data, at)))


def _head_at(data: Data, at: int) -> tuple[int, int, int]:
    """The kind of the record at ``at``, and from where to where its content lies. Raises ValueError
    when there is none. Kinds that MCAP does not know yet are to be passed over; here they must be
    followed by something that is known."""
    size = len(data)
    if at + _HEAD.size > size:
        raise ValueError("the file ends within a record")
    opcode, length = _HEAD.unpack_from(data, at)
    start, end = at + _HEAD.size, at + _HEAD.size + length
    if not Opcode.HEADER <= opcode <= Opcode.DATA_END and not _unknown_fits(data, opcode, end):
        raise ValueError(f"no record starts with byte {opcode}")
    if end > size:
        raise ValueError(f"a record of {length} bytes in the last {size - at} of the file")
    return opcode, start, end


def _unknown_fits(data: Data, opcode: int, end: int) -> bool:
    """Whether a record of an unknown kind that would end at ``end`` is one: others follow it, of
    which one soon is of a known kind, or the data end there."""
    for _ in range(_UNKNOWN_IN_ROW):
        if not opcode or end > len(data) - _HEAD.size:
            return bool(opcode) and end == len(data)
        opcode, length = _HEAD.unpack_from(data, end)
        end += _HEAD.size + length
        if Opcode.HEADER <= opcode <= Opcode.DATA_END:
            return end <= len(data)
    return False


def _parts_of(data: Data, opcode: int, start: int, end: int) -> Iterator[Part]:
    """What the record holds that is of use. Raises ValueError when it is damaged: at once, so that
    nothing of a damaged chunk is handed on."""
    try:
        if opcode == Opcode.CHUNK:
            return _parts_in(_unpacked(Chunk.read(ReadDataStream(BytesIO(data[start:end])))))
        part = _part(data, opcode, start, end)
        return iter([part] if part is not None else [])
    except Exception as error:  # noqa: BLE001 - whatever decompressors make of damaged bytes
        name = Opcode(opcode).name.lower()
        raise ValueError(f"{name}: {str(error) or type(error).__name__}") from None


def _parts_in(chunk: bytes) -> Iterator[Part]:
    """What an unpacked chunk holds; raises ValueError before the first of it when it is cut."""
    at = 0
    while at < len(chunk):
        _, _, at = _head_at(chunk, at)

    def parts() -> Iterator[Part]:
        at = 0
        while at < len(chunk):
            opcode, start, at = _head_at(chunk, at)
            try:
                part = _part(chunk, opcode, start, at)
            except Exception:  # noqa: BLE001, S112 - without a checksum; the count tells
                continue
            if part is not None:
                yield part

    return parts()


def _part(data: Data, opcode: int, start: int, end: int) -> Part | None:
    if opcode == Opcode.MESSAGE:
        if end - start < _MESSAGE.size:
            raise ValueError(f"a message of {end - start} bytes")
        channel, sequence, log_time, publish_time = _MESSAGE.unpack_from(data, start)
        content = data[start + _MESSAGE.size : end]
        return Message(channel, log_time, content, publish_time, sequence)
    if opcode == Opcode.CHANNEL:
        topic: Channel = Channel.read(ReadDataStream(BytesIO(data[start:end])))
        return topic
    if opcode == Opcode.METADATA:
        metadata = Metadata.read(ReadDataStream(BytesIO(data[start:end])))
        return from_metadata(metadata.metadata) if metadata.name == SESSION else None
    return None


def _unpacked(chunk: Chunk) -> bytes:
    """The records of ``chunk``. However small it is packed, no more than it says is unpacked."""
    size, packed = chunk.uncompressed_size, chunk.data
    if size > MOST_BYTES:
        raise ValueError(f"{size} bytes unpacked; at most {MOST_BYTES} are read")
    unpack: dict[str, Callable[[], bytes]] = {
        "": lambda: packed,
        "lz4": lambda: lz4.frame.LZ4FrameDecompressor().decompress(packed, max_length=size + 1),
        "zstd": lambda: zstandard.ZstdDecompressor().stream_reader(packed).read(size + 1),
    }
    if chunk.compression not in unpack:
        raise ValueError(f"compression {chunk.compression!r}; known are none, lz4 and zstd")
    data = unpack[chunk.compression]() if size else b""
    if len(data) != size:
        found = f"more than {size}" if len(data) > size else str(len(data))
        raise ValueError(f"{found} bytes unpacked; it says {size}")
    crc = zlib.crc32(data)
    if chunk.uncompressed_crc not in (0, crc):  # 0: it has none
        raise ValueError(f"checksum {crc}; expected {chunk.uncompressed_crc}")
    return data


def _following(data: mmap, at: int, unchunked: bool) -> int:
    """Where the next whole record starts after the damaged one at ``at``, or the end of the file.

    Topics and messages beside chunks have no checksum: they count where the file has had such. A
    file that looks like the beginning of a chunk everywhere is given up some time."""
    if _fit_in_row(data, at, 2):
        return _head_at(data, at)[2]  # its content is damaged, not its size
    left = _TRIES * len(data)
    for match in _LANDMARK.finditer(data, at + 1):
        start = match.start()
        try:
            opcode, begin, end = _head_at(data, start)
            left -= end - begin
            if left < 0:
                break
            if opcode in (Opcode.CHUNK, Opcode.METADATA):
                parts = _parts_of(data, opcode, begin, end)
                whole = opcode == Opcode.CHUNK or any(parts)
            else:
                whole = unchunked and _fit_in_row(data, start, _IN_ROW)
        except ValueError:
            continue
        if whole:
            return start
    return len(data)


def _fit_in_row(data: mmap, at: int, count: int) -> bool:
    """Whether there are so many records from ``at`` on, or all up to the end of the file."""
    for _ in range(count):
        if at == len(data) - len(MAGIC) and data[at:] == MAGIC:
            return True
        try:
            at = _head_at(data, at)[2]
        except ValueError:
            return False
    return True


def read_summary(data: mmap) -> Summary | None:
    """The end of a finished file, None where it is not there or is damaged. Neither the summary nor
    its checksum need be there: then there is nothing that it says."""
    if len(data) < _FOOTER.size + 2 * len(MAGIC) or data[-len(MAGIC) :] != MAGIC:
        return None
    foot = len(data) - len(MAGIC) - _FOOTER.size
    opcode, _, at, _, crc = _FOOTER.unpack_from(data, foot)
    if opcode != Opcode.FOOTER or not 0 <= at < foot:
        return None
    if at == 0:
        return Summary({})
    # The checksum covers the footer too, but for itself.
    if crc not in (0, zlib.crc32(data[at : -len(MAGIC) - 4])):
        return None
    topics, messages = {}, None
    try:
        while at < foot:
            opcode, start, at = _head_at(data, at)
            stream = ReadDataStream(BytesIO(data[start:at]))
            if opcode == Opcode.CHANNEL:
                topic = Channel.read(stream)
                topics[topic.id] = topic
            elif opcode == Opcode.STATISTICS:
                messages = Statistics.read(stream).message_count
    except Exception:  # noqa: BLE001 - without a checksum, anything may stand there
        return None
    return Summary(topics, messages)
