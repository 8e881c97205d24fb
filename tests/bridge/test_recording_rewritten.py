"""Recordings that another MCAP tool has written again, in every way that MCAP allows: read as the
original; and files that are made to fill the memory are not."""

from __future__ import annotations

import asyncio
import os
import struct
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lz4.frame
import pytest
import zstandard
from mcap.records import Channel, Message, Metadata, Schema
from mcap.stream_reader import StreamReader
from mcap.writer import CompressionType, IndexType, Writer
from recording_rig import frames_of, record

from fedxr.bridge.recording import salvage, writer
from fedxr.bridge.recording.reader import Event, Recording, RecordingError
from fedxr.bridge.recording.salvage import MAGIC

Order = Callable[[list[Message]], list[Message]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of several chunks, of two users."""
    path = tmp_path_factory.mktemp("whole") / "whole.mcap"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "CHUNK_BYTES", 100_000)
        asyncio.run(record(path, ticks=15))
    return path


def rewrite(
    path: Path,
    out: Path,
    meta: str = "first",
    keep: Callable[[str], bool] = lambda _: True,
    order: Order = lambda messages: messages,
    count: Callable[[Message], int] = lambda message: message.sequence,
    **how: Any,
) -> Path:
    """``path`` as another tool would write it to ``out``: ``meta``data first, last or not at all,
    of the topics to ``keep``, its messages in another ``order`` and with another ``count``."""
    with path.open("rb") as source:
        records = list(StreamReader(source).records)
    names: dict[int, str] = {}
    with out.open("wb") as file:
        made = Writer(file, **how)
        made.start(profile="", library="another tool")
        metadata = [r for r in records if isinstance(r, Metadata)]
        for one in metadata if meta == "first" else ():
            made.add_metadata(one.name, one.metadata)
        schemas: dict[int, int] = {}
        topics: dict[int, int] = {}
        for one in records:
            if isinstance(one, Schema) and one.id not in schemas:
                schemas[one.id] = made.register_schema(one.name, one.encoding, one.data)
            elif isinstance(one, Channel) and one.id not in topics:
                names[one.id] = one.topic
                topics[one.id] = made.register_channel(
                    one.topic, one.message_encoding, schemas[one.schema_id], one.metadata
                )
        messages = [r for r in records if isinstance(r, Message) and keep(names[r.channel_id])]
        for one in order(messages):
            number = topics[one.channel_id]
            made.add_message(number, one.log_time, one.data, one.publish_time, count(one))
        for one in metadata if meta == "last" else ():
            made.add_metadata(one.name, one.metadata)
        made.finish()
    return out


def backwards(messages: list[Message]) -> list[Message]:
    return messages[::-1]


def by_topic(messages: list[Message]) -> list[Message]:
    return sorted(messages, key=lambda m: m.channel_id)


def by_time(messages: list[Message]) -> list[Message]:
    return sorted(messages, key=lambda m: m.log_time)


WAYS: dict[str, dict[str, Any]] = {
    "zstd": {"compression": CompressionType.ZSTD},
    "not compressed": {"compression": CompressionType.NONE},
    "without chunks": {"use_chunking": False},
    "without message index": {"index_types": IndexType.CHUNK},
    "without index": {"index_types": IndexType.NONE},
    "without statistics": {"use_statistics": False},
    "without summary": {
        "index_types": IndexType.NONE,
        "use_statistics": False,
        "repeat_channels": False,
        "repeat_schemas": False,
        "use_summary_offsets": False,
    },
    "without summary and chunks": {
        "index_types": IndexType.NONE,
        "use_chunking": False,
        "use_statistics": False,
        "repeat_channels": False,
        "repeat_schemas": False,
        "use_summary_offsets": False,
    },
    "without checksums": {"enable_crcs": False},
    "with a checksum of all data": {"enable_data_crcs": True},
    "in one chunk": {"chunk_size": 2**30},
    "in a chunk each": {"chunk_size": 1},
    "without metadata": {"meta": "none"},
    "with metadata last": {"meta": "last"},
    "backwards": {"order": backwards},
    "backwards without chunks": {"order": backwards, "use_chunking": False},
    "by topic": {"order": by_topic, "meta": "none"},
    "by topic in small chunks": {"order": by_topic, "chunk_size": 3000},
    "by time": {"order": by_time},
}


def seen(events: list[Event]) -> list[tuple[object, ...]]:
    return [(e.session.number, e.session.hello, e.log_us, e.message, e.up) for e in events]


@pytest.mark.parametrize("way", sorted(WAYS))
def test_however_another_tool_wrote_it_the_same_is_read(
    way: str, whole: Path, tmp_path: Path
) -> None:
    original, other = Recording(whole), Recording(rewrite(whole, tmp_path / "o.mcap", **WAYS[way]))
    was, now = list(original.events()), list(other.events())
    assert [e[3:] for e in seen(now)] == [e[3:] for e in seen(was)]
    assert seen(now) == seen(was)
    assert other.found.report == []
    assert not other.found.damaged
    assert other.found.records == original.found.records


@pytest.mark.parametrize("order", [by_topic, by_time, backwards])
def test_without_counts_it_is_ordered_by_time(order: Order, whole: Path, tmp_path: Path) -> None:
    out = rewrite(whole, tmp_path / "o.mcap", order=order, count=lambda _: 0)
    other = Recording(out)
    assert frames_of(other) == frames_of(Recording(whole))
    assert other.found.report == []


def test_counts_by_topic_are_no_counts(whole: Path, tmp_path: Path) -> None:
    counts: dict[int, int] = defaultdict(int)

    def count(message: Message) -> int:
        counts[message.channel_id] += 1
        return counts[message.channel_id]

    other = Recording(rewrite(whole, tmp_path / "o.mcap", count=count))
    assert frames_of(other) == frames_of(Recording(whole))
    assert other.found.report == []


def test_what_another_tool_has_left_out_is_named(whole: Path, tmp_path: Path) -> None:
    out = rewrite(whole, tmp_path / "o.mcap", keep=lambda topic: "/sensor/" in topic)
    other = Recording(out)
    assert frames_of(other) == {}
    # two users, 15 frames each
    assert other.found.report == ["lost: 30 frames of which a part is damaged or missing"]
    gone = rewrite(
        whole, tmp_path / "g.mcap", meta="none", keep=lambda topic: not topic.endswith("/session")
    )
    with pytest.raises(RecordingError, match=r"nothing in it says whose sessions .*metadata"):
        Recording(gone)


def test_topics_of_others_are_passed_over_and_counted(whole: Path, tmp_path: Path) -> None:
    with whole.open("rb") as source:
        records = list(StreamReader(source).records)
    with (tmp_path / "o.mcap").open("wb") as file:
        made = Writer(file)
        made.start(library="another tool")
        strange = made.register_channel("/tf", "ros1", 0)
        topics: dict[int, int] = {}
        for n, one in enumerate(records):
            if isinstance(one, Metadata):
                made.add_metadata(one.name, one.metadata)
            elif isinstance(one, Channel) and one.id not in topics:
                topics[one.id] = made.register_channel(one.topic, "json", 0, one.metadata)
            elif isinstance(one, Message):
                made.add_message(
                    topics[one.channel_id], one.log_time, one.data, one.publish_time, n
                )
        for n in range(3):
            made.add_message(strange, 0, b"\0", 0, len(records) + n)
        made.finish()
    other = Recording(tmp_path / "o.mcap")
    assert frames_of(other) == frames_of(Recording(whole))
    assert other.found.report == ["passed over: 3 messages of topics that are not fedxr's"]
    assert not other.found.damaged


def test_records_that_mcap_does_not_know_yet_are_passed_over(whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    head = len(MAGIC) + 9 + struct.unpack_from("<Q", data, len(MAGIC) + 1)[0]
    private = b"".join(struct.pack("<BQ", kind, 5) + b"hello" for kind in (0x80, 0xFF, 0x42))
    foot = struct.calcsize("<QQI") + len(MAGIC)  # where the summary is, which has now moved
    summary, offsets, _ = struct.unpack_from("<QQI", data, len(data) - foot)
    moved = struct.pack("<QQI", summary + len(private), offsets + len(private), 0) + MAGIC
    (tmp_path / "o.mcap").write_bytes(data[:head] + private + data[head:-foot] + moved)
    other = Recording(tmp_path / "o.mcap")
    assert frames_of(other) == frames_of(Recording(whole))
    assert other.found.report == []


@pytest.mark.parametrize("way", ["without chunks", "not compressed", "without summary and chunks"])
def test_a_hole_in_such_a_file_is_stepped_over(way: str, whole: Path, tmp_path: Path) -> None:
    path = rewrite(whole, tmp_path / "o.mcap", **WAYS[way])
    data, frames = path.read_bytes(), frames_of(Recording(path))
    middle = len(data) // 2
    path.write_bytes(data[:middle] + bytes(20_000) + data[middle + 20_000 :])
    other = Recording(path)
    got = frames_of(other)
    assert any(line.startswith("damaged: bytes") for line in other.found.report)
    assert any(line.startswith("lost: ") for line in other.found.report)
    for user, sent in got.items():
        rest = iter(frames[user])
        assert all(any(one == other for other in rest) for one in sent), "nothing false is read"
        assert sent[-1] == frames[user][-1], "reading goes on after the hole"


def bomb(path: Path, packed: bytes, compression: bytes, says: int) -> Path:
    """A recording with one chunk that unpacks to more than it says."""

    def one(kind: int, content: bytes) -> bytes:
        return struct.pack("<BQ", kind, len(content)) + content

    def text(content: bytes) -> bytes:
        return struct.pack("<I", len(content)) + content

    chunk = struct.pack("<QQQI", 0, 0, says, 0) + text(compression)
    chunk += struct.pack("<Q", len(packed)) + packed
    header = one(1, text(b"") + text(b"fedxr"))
    path.write_bytes(MAGIC + header + one(6, chunk) + one(15, bytes(4)))
    return path


def test_a_file_of_nothing_but_beginnings_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every nine bytes look like a chunk of 20 KB: to try each would read 400 MB."""
    path = bomb(tmp_path / "b.mcap", b"", b"", 0)
    start = struct.pack("<BQ", 6, 20_000)
    path.write_bytes(path.read_bytes()[:-13] + b"\0" + start * 22_000)
    tried = 0

    def count(data: Any, opcode: int, start: int, end: int) -> Any:
        nonlocal tried
        tried += end - start
        return parts_of(data, opcode, start, end)

    parts_of = salvage._parts_of
    monkeypatch.setattr(salvage, "_parts_of", count)
    recording = Recording(path)
    assert list(recording.events()) == []
    assert recording.found.damages
    assert 0 < tried < 10 * path.stat().st_size


_READ = """
import resource, sys
from pathlib import Path
from fedxr.bridge.recording.reader import Recording
recording = Recording(Path(sys.argv[1]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert list(recording.events()) == []
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(grown, *recording.found.report, sep="\\n")
"""


@pytest.mark.parametrize(
    ("compression", "says", "why"),
    [
        (b"lz4", 1000, "more than 1000 bytes unpacked; it says 1000"),
        (b"zstd", 1000, "more than 1000 bytes unpacked; it says 1000"),
        (b"lz4", 2**40, "at most 268435456 are read"),
        (b"zstd", 2**40, "at most 268435456 are read"),
        (b"brotli", 1000, "compression 'brotli'; known are none, lz4 and zstd"),
    ],
)
def test_a_chunk_unpacks_to_what_it_says_and_no_further(
    compression: bytes, says: int, why: str, tmp_path: Path
) -> None:
    """300 MB of zeros, packed: 1.2 MB of LZ4, 9 KB of zstd."""
    pack = zstandard.compress if compression == b"zstd" else lz4.frame.compress
    path = bomb(tmp_path / "b.mcap", pack(bytes(300_000_000)), compression, says)
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    grown, *report = done.stdout.splitlines()
    assert int(grown) < 50_000, "kilobytes; unpacked it has 300,000"
    assert why in report[0]
