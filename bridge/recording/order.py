"""A recording that another tool has written again: its records in the order of their recording.

Our own files stand in that order, and are read as they come. Another tool may have sorted them by
topic, by time or backwards, and put what says who the sessions are anywhere. So such a file is gone
through twice: once for where its messages lie (40 bytes each), and once to hand them out. Messages
carry a count; where another tool has taken that away, they are ordered by time, and blocks come
before the frame that they belong to.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Mapping
from mmap import mmap

import numpy as np
from mcap.records import Channel, Message
from numpy.typing import NDArray

from fedxr.bridge.recording.salvage import MAGIC, Damage, Part, parts_at, walk
from fedxr.bridge.recording.sessions import RecordedSession

LIBRARY = "fedxr"
"""What our files name as the program that wrote them."""
_OWN = struct.pack("<BQII", 1, 8 + len(LIBRARY), 0, len(LIBRARY)) + LIBRARY.encode()
"""How their first record, the header, begins: without a profile."""
_FIRST = {"session": 0, "sensor": 1, "frame": 2}
"""What comes first of one moment."""
_KEPT_BYTES = 64 * 2**20
"""Of chunks that are kept unpacked; messages that lie in more at a time make reading slow."""


class Counted:
    """Whether messages carry a count that goes on by one, so that what is missing shows."""

    def __init__(self) -> None:
        self.counts = True


def in_order(data: mmap, damages: list[Damage], counted: Counted) -> Iterator[Part | None]:
    """The parts of the file in the order of their recording: each topic before its messages, each
    session before what it has sent; None for the end that a finished recording has."""
    if is_own(data):
        for _, part in walk(data, damages):
            yield part
        return
    places = array("Q")  # of a message: count, time, topic, where its record is, which part of it
    topics: dict[int, Channel] = {}
    sessions: dict[int, RecordedSession] = {}
    finished, before, number = False, -1, 0
    for at, part in walk(data, damages):
        number, before = (number + 1 if at == before else 0), at
        if isinstance(part, Message):
            places.extend((part.sequence, part.log_time, part.channel_id, at, number))
        elif isinstance(part, Channel):
            topics[part.id] = part
        elif part is not None:
            sessions.setdefault(part.number, part)
        else:
            finished = True
    yield from topics.values()
    waiting = sorted(sessions.values(), key=lambda s: (s.log_us, s.number), reverse=True)
    table = np.frombuffer(places, np.uint64).reshape(-1, 5)
    kept = _Kept(data)
    for row in _order(table, topics, counted):
        _, log_time, _, at, number = table[row].tolist()
        while waiting and waiting[-1].log_us <= log_time // 1000:
            yield waiting.pop()
        yield kept.parts(at)[number]
    while waiting:
        yield waiting.pop()
    if finished:
        yield None


class _Kept:
    """The parts of the records that were wanted last: of one at least, and not of many more bytes
    than `_KEPT_BYTES`."""

    def __init__(self, data: mmap) -> None:
        self._data = data
        self._parts: dict[int, tuple[int, list[Part]]] = {}

    def parts(self, at: int) -> list[Part]:
        """Those of the record at ``at``."""
        found = self._parts.pop(at, None)
        if found is None:
            parts = parts_at(self._data, at)
            size = sum(len(part.data) for part in parts if isinstance(part, Message))
            found = size, parts
            while self._parts and size + sum(s for s, _ in self._parts.values()) > _KEPT_BYTES:
                del self._parts[next(iter(self._parts))]
        self._parts[at] = found  # the newest is the last
        return found[1]


def _order(
    table: NDArray[np.uint64], topics: Mapping[int, Channel], counted: Counted
) -> NDArray[np.intp]:
    """The rows of ``table`` (messages, 5) in the order of their recording."""
    count, time, topic = table[:, 0], table[:, 1], table[:, 2]
    order = np.argsort(count, kind="stable")
    if (np.diff(count[order]) > 0).all():
        return order
    counted.counts = False
    ranks = {number: _FIRST.get(kind_of(t), len(_FIRST)) for number, t in topics.items()}
    rank = np.array([ranks.get(number, len(_FIRST)) for number in topic.tolist()], np.int64)
    return np.lexsort((rank, time))


def is_own(start: mmap | bytes) -> bool:
    """Whether a file that begins so was written by us, and by no other tool since."""
    return start[: len(MAGIC) + len(_OWN)] == MAGIC + _OWN


def kind_of(topic: Channel | None) -> str:
    """What a topic of ours holds, such as ``sensor`` or ``frame``; empty of another's topic."""
    parts = topic.topic.split("/") if topic is not None else []
    return parts[2] if len(parts) > 2 and not parts[0] else ""
