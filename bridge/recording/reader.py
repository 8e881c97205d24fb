"""Reads recordings back as events, and says what is missing."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from mcap.reader import make_reader
from mcap.records import Channel as Topic
from mcap.records import Message
from msgspec import Struct

from fedxr.bridge.protocol import (
    Block,
    BridgeError,
    Bye,
    Cue,
    Feedback,
    Notice,
    PackedFrame,
    Ping,
    Reply,
)
from fedxr.bridge.recording.order import Counted, in_order, is_own, kind_of
from fedxr.bridge.recording.records import Closed, Dropped, Recorded
from fedxr.bridge.recording.salvage import MAGIC, Damage, read_summary
from fedxr.bridge.recording.sessions import SESSION, RecordedSession, from_metadata


class RecordingError(BridgeError, ValueError):
    """A file is not a recording; the message says what it is instead."""


class _Header(Struct, gc=False):
    t0_us: int
    n: int
    period_us: float
    first: float
    stamps: bytes
    shape: list[int]
    encoding: Any


class _SensorRecord(Struct, gc=False):
    session: int
    seq: int
    data: bytes
    block: _Header


class _MessageRecord(Struct, gc=False):
    session: int
    raw: bytes
    channels: list[str] = []
    from_headset: bool = False


_read_sensor = msgspec.json.Decoder(_SensorRecord).decode
_read_message = msgspec.json.Decoder(_MessageRecord).decode
_RAW: dict[str, msgspec.msgpack.Decoder[Any]] = {
    "frame": msgspec.msgpack.Decoder(PackedFrame),
    "feedback": msgspec.msgpack.Decoder(Feedback),
    "clock": msgspec.msgpack.Decoder(Ping),
    "reply": msgspec.msgpack.Decoder(Reply),
    "cue": msgspec.msgpack.Decoder(Cue),
    "notice": msgspec.msgpack.Decoder(Notice),
    "bye": msgspec.msgpack.Decoder(Bye),
    "closed": msgspec.msgpack.Decoder(Closed),
    "dropped": msgspec.msgpack.Decoder(Dropped),
}
_OURS = {*_RAW, "sensor", "session"}
_METADATA = msgspec.msgpack.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True)
class Event:
    """One message of a session, in the order in which they came and went; None: it opened.
    ``log_us`` is when, by the server's clock; ``up``: the headset sent it."""

    session: RecordedSession
    log_us: int
    message: Recorded | None = None
    up: bool = False


@dataclass
class Found:
    """What reading a file has found so far. ``frames_lost`` arrived without some of their blocks;
    ``records_lost`` is known from the count that each record carries, so what was cut from the end
    is not in it. ``dropped``: messages that the recorder itself had to leave out; ``foreign``: of
    topics that are not ours. ``finished``: it has the end that a finished recording has; ``read``:
    nobody stopped reading before the end."""

    sessions: int = 0
    records: int = 0
    damages: list[Damage] = field(default_factory=list)
    records_lost: int = 0
    frames_lost: int = 0
    dropped: int = 0
    foreign: int = 0
    finished: bool = False
    read: bool = False
    first_us: int = 0
    last_us: int = 0

    @property
    def seconds(self) -> float:
        """From the first event to the last."""
        return (self.last_us - self.first_us) / 1e6

    @property
    def damaged(self) -> bool:
        """Whether the file has lost something since it was written."""
        cut = self.read and not self.finished
        return bool(self.damages or self.records_lost or self.frames_lost or cut)

    @property
    def report(self) -> list[str]:
        """What is missing, one line each; empty when nothing is."""
        lines = [f"damaged: {damage}" for damage in self.damages]
        if self.records_lost:
            lines.append(f"lost: {self.records_lost} records in what is damaged")
        if self.frames_lost:
            lines.append(f"lost: {self.frames_lost} frames of which a part is damaged or missing")
        if self.read and not self.finished:
            lines.append(
                "lost: the end. The file was cut, or its recorder killed, after the "
                f"{self.seconds:.1f} s that are kept"
            )
        if self.dropped:
            lines.append(f"never written: {self.dropped} messages that the disk was too slow for")
        if self.foreign:
            lines.append(f"passed over: {self.foreign} messages of topics that are not fedxr's")
        return lines


class Recording:
    """A recording on disk. Raises RecordingError when the file is none.

    `events` may be gone through any number of times; ``found`` is what the last time found.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found = Found()
        try:
            with path.open("rb") as file:
                start = file.read(64)
                mcap = start.startswith(MAGIC)
                # A damaged beginning is no reason to give up a file that has sessions in it.
                known = is_own(start) or (start and SESSION.encode() in _map(file))
                known = known or (mcap and self._has_sessions())
        except OSError as error:
            raise RecordingError(f"cannot read {path}: {error.strerror or error}") from None
        if not known:
            what = f"starts with {start[:8]!r}" if start else "is empty"
            if mcap:
                what += (
                    f" as MCAP does, but nothing in it says whose sessions it holds (metadata "
                    f"{SESSION!r} or topics /USER/session): another program's, or written again by "
                    "one that has left this out"
                )
            raise RecordingError(
                f"{path} {what}; a recording is an MCAP file that `fedxr record` or "
                "`fedxr serve --record` has written"
            )

    def _has_sessions(self) -> bool:
        return any(event.message is None for event in self.events())

    def sessions(self) -> list[RecordedSession]:
        """Whose sessions it holds: by the index of a finished file, else by reading all of it."""
        try:
            with self.path.open("rb") as file:
                kept = [m for m in make_reader(file).iter_metadata() if m.name == SESSION]
                found = [from_metadata(one.metadata) for one in kept]
        except Exception:  # noqa: BLE001 - whatever the library makes of damaged bytes
            found = []
        return found or [event.session for event in self.events() if event.message is None]

    def events(self) -> Iterator[Event]:
        """Everything that can still be read, in order."""
        found = self.found = Found()
        with self.path.open("rb") as file, _map(file) as data:
            for event in _Reading(data, found).events():
                found.first_us = found.first_us or event.log_us
                found.last_us = max(found.last_us, event.log_us)
                yield event
            found.read = True


def _map(file: Any) -> mmap.mmap:
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class _Reading:
    """One pass through a file's bytes: records become events, blocks join their frames."""

    def __init__(self, data: mmap.mmap, found: Found) -> None:
        self._data, self._found = data, found
        self._summary = read_summary(data)
        self._topics: dict[int, Topic] = dict(self._summary.topics) if self._summary else {}
        self._sessions: dict[int, RecordedSession] = {}
        self._blocks: dict[int, list[tuple[int, str, Block]]] = {}
        self._counted = Counted()
        self._next = 0
        self._unread = 0

    def events(self) -> Iterator[Event]:
        found = self._found
        for part in in_order(self._data, found.damages, self._counted):
            event = None
            if part is None:
                found.finished = True
            elif isinstance(part, RecordedSession):
                event = self._open(part)
            elif isinstance(part, Topic):
                self._topics[part.id] = part
            else:
                event = self._event(part)
            if event is not None:
                yield event
        for blocks in self._blocks.values():
            found.frames_lost += len({seq for seq, _, _ in blocks})
        self._count_lost()

    def _count_lost(self) -> None:
        found = self._found
        if self._summary is not None:
            if self._summary.messages is not None:
                found.records_lost = max(0, self._summary.messages - found.records)
        elif found.finished:
            size = len(self._data)
            found.damages.append(
                Damage(size, 0, "the index at the end is not whole; no message is lost by that")
            )
        found.records_lost += self._unread

    def _open(self, session: RecordedSession) -> Event | None:
        """The event that a session opens: it stands in the file twice, as metadata and as a
        message, so that either may be damaged or left out by another tool."""
        if session.number in self._sessions:
            return None
        self._sessions[session.number] = session
        self._found.sessions += 1
        return Event(session, session.log_us)

    def _event(self, message: Message) -> Event | None:
        """The event of a message; None for a block, which waits for its frame, and for what cannot
        be read because the topic or session that it belongs to is damaged."""
        found, topic = self._found, self._topics.get(message.channel_id)
        found.records += 1
        if self._counted.counts:
            found.records_lost += (message.sequence - self._next) % 2**32
            self._next = (message.sequence + 1) % 2**32
        kind = kind_of(topic)
        if topic is not None and kind not in _OURS:
            found.foreign += 1
            return None
        try:
            if kind == "session":
                return self._open(from_metadata(_METADATA.decode(_read_message(message.data).raw)))
            if kind == "sensor" and topic is not None:
                self._keep(_read_sensor(message.data), topic.metadata["channel"])
                return None
            record = _read_message(message.data)
            session, told = self._sessions[record.session], _RAW[kind].decode(record.raw)
        except (KeyError, ValueError):  # msgspec's errors are ValueErrors
            self._unread += 1
            return None
        if isinstance(told, Dropped):
            found.dropped += told.records
        if isinstance(told, PackedFrame) and not self._fill(told, session, record.channels):
            return None
        up = isinstance(told, PackedFrame | Feedback | Ping) or record.from_headset
        return Event(session, message.log_time // 1000, told, up)

    def _keep(self, record: _SensorRecord, name: str) -> None:
        """Put a block aside until its frame comes."""
        session, head = self._sessions[record.session], record.block
        block = Block(
            session.welcome.channels[name],
            head.t0_us,
            head.n,
            record.data,
            head.period_us,
            head.first,
            head.stamps,
            head.shape,
            head.encoding,
        )
        self._blocks.setdefault(record.session, []).append((record.seq, name, block))

    def _fill(self, frame: PackedFrame, session: RecordedSession, names: list[str]) -> bool:
        """Put the blocks that came before it into ``frame``; False when some are missing."""
        blocks = self._blocks.pop(session.number, [])
        here = {name: block for seq, name, block in blocks if seq == frame.seq}
        later = [one for one in blocks if one[0] > frame.seq]  # of the same moment
        if later:
            self._blocks[session.number] = later
        self._found.frames_lost += len({seq for seq, _, _ in blocks if seq < frame.seq})
        if len(here) != len(names) or here.keys() != set(names):
            self._found.frames_lost += 1
            return False
        frame.blocks.extend(here[name] for name in names)
        return True
