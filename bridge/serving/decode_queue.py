"""Pictures are decoded beside the event loop, so that a headset with a camera costs the others
nothing.

A frame with a compressed picture, and whatever the same headset sends after it, waits here until a
process (`fedxr.bridge.serving.decode_process`) has decoded the picture; then the frame goes on as
if it had just come. Order is kept, and every other session goes on meanwhile. Where more pictures
wait than their channel's delivery policy allows, the oldest are dropped undecoded, and counted. A
session whose pictures take longer than its budget waits before the next one, so that what it sends
costs itself."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

from fedxr.bridge.frames import ChannelCodec
from fedxr.bridge.protocol import Block, Bye, Feedback, Hello, PackedFrame, Proof
from fedxr.bridge.serving.budget import Budget
from fedxr.bridge.serving.decode_process import Pictures
from fedxr.bridge.transport.connection import BridgeConnection
from fedxr.bridge.transport.queues import queue_length

_MOST = 64
"""Messages that may wait here before the headset is read no further; so it is when their bytes are
too many."""
_MOST_WAIT_S = 2.0
"""Seconds that a session waits between two pictures at most, whatever they cost."""
Ordered = Hello | Proof | PackedFrame | Feedback | Bye


class Decoding:
    """The waiting messages of one session; each is handed to ``go_on`` in its turn, until the
    session is ``over``. None stands for the end of the connection."""

    def __init__(
        self,
        pictures: Pictures,
        connection: BridgeConnection,
        codecs: Mapping[int, ChannelCodec],
        over: asyncio.Future[str],
        go_on: Callable[[Ordered | None], None],
        max_bytes: int,
        budget: Budget,
    ) -> None:
        self._budget = budget
        self._pictures = pictures
        self._connection = connection
        self._codecs = codecs
        self._over = over
        self._go_on = go_on
        self._max_bytes = max_bytes
        self._bytes = 0
        self._waiting: deque[Ordered | None] = deque()
        self._limit = {n: queue_length(codec.channel.delivery) for n, codec in codecs.items()}
        self._holders: dict[int, deque[PackedFrame]] = {n: deque() for n in codecs}
        self.busy = False
        self.drops: Counter[str] = Counter()
        """Pictures dropped so far, by channel."""

    def must_wait(self, message: Ordered) -> bool:
        """Whether ``message`` has something to decode or stands behind one that has."""
        return self.busy or bool(self._pictures_in(message))

    def put(self, message: Ordered | None) -> None:
        self._waiting.append(message)
        if type(message) is PackedFrame:
            self._bytes += _size(message.blocks)
            self._thin(message)
        if self._full:
            self._connection.pause_reading("decoding")
        if not self.busy:
            self._next()

    def _thin(self, newest: PackedFrame) -> None:
        for number in self._pictures_in(newest):
            holders, limit = self._holders[number], self._limit[number]
            holders.append(newest)
            if limit and len(holders) > limit:
                oldest = holders.popleft()
                kept = [b for b in oldest.blocks if b.channel != number]
                self._bytes -= _size(oldest.blocks) - _size(kept)
                oldest.blocks = kept
                self.drops[self._codecs[number].name] += 1

    def _next(self) -> None:
        """Start with the oldest message; those without pictures go on at once."""
        self.busy = True
        while self._waiting and not self._over.done():
            message = self._waiting.popleft()
            if type(message) is PackedFrame:
                self._bytes -= _size(message.blocks)
            if not self._full:
                self._connection.resume_reading("decoding")
            numbers = self._pictures_in(message)
            for number in numbers:
                self._holders[number].popleft()
            if type(message) is PackedFrame and numbers:
                decoded = self._connection.loop.run_in_executor(
                    self._pictures.executor, self._decode, message
                )
                decoded.add_done_callback(lambda done, m=message: self._decoded(m, done))  # type: ignore[misc]
                return
            self._go_on(message)
        self._waiting.clear()
        self.busy = False

    @property
    def _full(self) -> bool:
        return len(self._waiting) >= _MOST or self._bytes > self._max_bytes

    def _pictures_in(self, message: Ordered | None) -> set[int]:
        """The channels of which ``message`` holds a picture to decode."""
        if type(message) is not PackedFrame:
            return set()
        blocks = message.blocks
        return {b.channel for b in blocks if b.encoding != "raw" and b.channel in self._holders}

    def _decode(self, message: PackedFrame) -> float:
        """In a thread; the seconds of a core that it took. What cannot be decoded is left to
        `ChannelCodec.unpack`, which says why."""
        before = self._pictures.took_s()
        for block in message.blocks:
            codec = self._codecs.get(block.channel)
            if codec is not None and block.encoding != "raw":
                codec.decode_ahead(block, self._pictures.decode)
        return self._pictures.took_s() - before

    def _decoded(self, message: PackedFrame, done: asyncio.Future[float]) -> None:
        """It goes on; the next one when this one's decoding is paid for."""
        seconds = 0.0 if done.cancelled() or done.exception() else done.result()
        wait_s = min(_MOST_WAIT_S, self._budget.charge("decoding", seconds))
        try:
            self._go_on(message)
        finally:
            if wait_s > 0:
                self._connection.loop.call_later(wait_s, self._next)
            else:
                self._next()


def _size(blocks: Sequence[Block]) -> int:
    return sum(len(block.data) + len(block.stamps) for block in blocks)
