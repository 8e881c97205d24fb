"""A websocket connection that hands each message over where it arrives, and never waits to write.

`websockets` offers `await recv()` and `await send()`: one task switch per message, and a sender
that stands still before a stalled reader. A bridge wants neither. `BridgeConnection` overrides the
asyncio protocol callbacks of the same connection class: a message is decoded and answered within
the call that received it, and the common frame (whole, binary, short) is read and written here. The
library still does the handshake, fragments, long messages, pings, closing and all that is illegal.
That is why the server is as fast as a bare echo loop; see benchmarks/bridge.py.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import math
import os
import struct
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.protocol import OPEN, Event

from fedxr.bridge.transport.rate_limit import RateLimiter

WRITE_LIMIT = 64 * 1024
"""Bytes in a socket's buffer above which it counts as congested."""
NOT_TEXT = "a text message; fedxr.v1 messages are binary MessagePack"
_MAX_FRAGMENTS = 1024
_FAST = 32 * 1024
"""Longest message that is put together here; longer ones come in pieces, which the library joins
without copying them again and again."""
_SMALL, _TOGETHER = 2048, 32
"""While one read is worked through, up to 32 messages of up to 2 KB wait for each other."""
_BINARY, _TEXT, _MASKED = 0x82, 0x81, 0x80  # FIN with the opcode; the mask bit
_SHORT, _LONG = struct.Struct("!BBH"), struct.Struct("!BBQ")
if TYPE_CHECKING:

    def apply_mask(data: bytes, mask: bytes) -> bytes: ...

else:
    from websockets.frames import apply_mask  # in C where the library was built with it

Result = TypeVar("Result")


class BridgeConnection(Connection):
    """Adds to a connection: callbacks instead of ``recv``, ``write`` instead of ``send``.

    From ``set_callbacks`` on, ``on_message`` gets every binary message, ``on_writable`` is called
    when a congested socket has drained, ``on_lost`` when the connection is closing or gone (perhaps
    more than once), ``on_text`` when a text message begins, after which nothing that comes may
    count; without it that closes the connection. Callbacks run inside the event loop's read
    callback: they must be short and must not raise.
    """

    text = False
    """Whether `write` sends text messages (the live page's JSON) or binary ones."""
    masks = False
    """Whether this end must mask what it writes: clients must, servers must not."""
    pace: RateLimiter | None = None
    """The limit to what is read from the peer; without one it is read as fast as it sends."""
    congested_since: float | None = None
    """Loop time since when the socket has not drained, or None."""
    _on_message: Callable[[bytes], None] | None = None
    _on_writable: Callable[[], None] | None = None
    _on_lost: Callable[[], None] | None = None
    _on_text: Callable[[], None] | None = None
    _turn_s = math.inf
    _fragments: list[bytes] | None = None
    _holds: frozenset[str] = frozenset()
    _rest = b""
    """What has come and is not worked through, from ``_at`` on: the beginning of a frame whose end
    has not come, or, while pausing, any number of frames."""
    _at = 0
    _owed = 0
    _keys = b""
    _key_at = 0
    _reading = False
    _pausing = False
    _fast = 0

    def set_callbacks(
        self,
        on_message: Callable[[bytes], None],
        on_writable: Callable[[], None],
        on_lost: Callable[[], None],
        on_text: Callable[[], None] | None = None,
    ) -> None:
        self._on_message, self._on_writable, self._on_lost = on_message, on_writable, on_lost
        self._on_text = on_text
        self._fast = min(_FAST, self.protocol.max_message_size or _FAST)

    @property
    def congested(self) -> bool:
        return self.paused

    @property
    def open(self) -> bool:
        return self.protocol.state is OPEN

    def write(self, data: bytes) -> None:
        """Hand one message to the socket; nothing happens when the connection is closing.

        The frame (RFC 6455, section 5.2) is put together here rather than by the library: two
        thirds of a small message's cost were its general path for fragments and extensions.
        """
        if self.protocol.state is not OPEN or self.transport.is_closing():
            return
        n = len(data)
        opcode = _TEXT if self.text else _BINARY
        mask = _MASKED if self.masks else 0
        if n < 126:
            head = bytes((opcode, mask | n))
        elif n < 65_536:
            head = _SHORT.pack(opcode, mask | 126, n)
        else:
            head = _LONG.pack(opcode, mask | 127, n)
        if mask:
            key = self._mask_key()
            frame = head + key + apply_mask(data, key)
        else:
            frame = head + data
        if self._reading and n <= _SMALL:
            self._together.append(frame)
            if len(self._together) >= _TOGETHER:
                self._write_together()
        else:
            self._write_together()
            self.transport.write(frame)

    def _mask_key(self) -> bytes:
        """Four bytes that nobody can foresee (RFC 6455, section 5.3), asked for by the kilobyte."""
        self._key_at += 4
        if self._key_at >= len(self._keys):
            self._keys, self._key_at = os.urandom(1024), 0
        return self._keys[self._key_at : self._key_at + 4]

    def _write_together(self) -> None:
        """Small answers to what one read brought leave in one write."""
        if self._together:
            self.transport.write(b"".join(self._together))
            self._together.clear()

    def pause_reading(self, why: str) -> None:
        """Stop reading from the socket, so that TCP slows the sender, until `resume_reading`."""
        if not self._holds and not self.transport.is_closing():
            self.transport.pause_reading()
        self._holds |= {why}

    def resume_reading(self, why: str) -> None:
        """Read on, unless another reason still holds."""
        if why in self._holds:
            self._holds -= {why}
            if not self._holds and not self.transport.is_closing():
                self.transport.resume_reading()

    def fail(self, code: int, reason: str) -> None:
        """Close because the peer broke the protocol, without waiting for it."""
        if self.protocol.state is OPEN:
            self._write_together()
            self.protocol.fail(code, short(reason))
            self.send_data()

    async def shut(self, code: int, reason: str) -> None:
        """Close politely; abort when the peer does not read or does not answer in time."""
        if self.paused:
            self.transport.abort()
            return
        if self.pace is not None:  # the peer's close frame stands behind all that it has sent
            self._turn_s, self.pace = self.pace.turn_s, None
        limit = None if self.close_timeout is None else self.close_timeout + 1.0
        try:
            async with asyncio.timeout(limit):
                await self.close(code, short(reason))
        except TimeoutError:
            self.transport.abort()

    def process_event(self, event: Event) -> None:
        """What the library made of the frames it was given."""
        if self._on_message is None or type(event) is not Frame:
            super().process_event(event)
        elif event.opcode in DATA_OPCODES:
            self._process_fragment(event)
        else:
            super().process_event(event)

    def _process_fragment(self, frame: Frame) -> None:
        """Join a message of one or more frames; the library has checked order and total size."""
        if frame.opcode is Opcode.TEXT:
            if self._on_text is None:
                self.fail(1003, NOT_TEXT)
            else:
                self._on_text()
            return
        if self._fragments is None:
            self._fragments = []
        self._fragments.append(bytes(frame.data))
        if len(self._fragments) > _MAX_FRAGMENTS:
            self.fail(1009, f"more than {_MAX_FRAGMENTS} fragments in a message")
        elif frame.fin and self._on_message is not None:
            data, self._fragments = b"".join(self._fragments), None
            self._on_message(data)

    def data_received(self, data: bytes) -> None:
        """Deliver whole, unfragmented binary messages from here; all else goes to the library.

        Every frame's header is read here, so that the border between the two is always known: the
        library gets exactly the bytes of the frames it is to handle (control frames, text,
        fragments, long and illegal ones), ``_owed`` of them still to come.
        """
        if self._on_message is None or self.protocol.eof_sent:
            super().data_received(data)
            return
        if self._rest:
            data = self._rest[self._at :] + data
        if self._pausing:
            self._rest, self._at = data, 0
        else:
            self._work_through(data, 0)

    def _work_through(self, data: bytes, start: int) -> None:
        """Take the frames of ``data`` from ``start`` on, as many as this turn has time for."""
        turn_s = self.pace.turn_s if self.pace is not None else self._turn_s
        self._reading = True
        at, frames, turn_is_over = self._take_frames(data, start, time.perf_counter() + turn_s)
        self._reading = False
        self._write_together()
        self._rest, self._at = (data, at) if turn_is_over else (data[at:], 0)
        wait_s = 0.0
        if self.pace is not None and at > start:
            wait_s = self.pace.spend(frames, at - start, self.paused)
        if wait_s > 0 or turn_is_over:
            self._pause(wait_s)
        if self.protocol.state is not OPEN and self._on_lost is not None:
            # A close, or an illegal frame. The peer may keep the TCP connection as long as it
            # likes, so whoever waits for the end must hear of it now.
            self._on_lost()
        # Websocket pings are answered inside the library, congested or not: a peer that pings and
        # never reads would fill our memory with pongs. What does not read is not read either.
        if self.paused and self.transport.get_write_buffer_size() > 4 * WRITE_LIMIT:
            self.pause_reading("peer does not read")

    def _take_frames(self, data: bytes, at: int, turn_ends: float) -> tuple[int, int, bool]:
        """Where the next frame of ``data`` begins, how many were taken, and whether the turn is
        over while there may be more."""
        end, frames, on_message = len(data), 0, self._on_message
        if self._owed:
            stop = min(at + self._owed, end)
            self._owed -= stop - at
            self._write_together()
            super().data_received(data[at:stop])
            at = stop
        while end - at >= 2:
            second = data[at + 1]
            n, head = second & 0x7F, at + 2
            if n >= 126:
                size = head + (2 if n == 126 else 8)
                if size > end:
                    break
                n, head = int.from_bytes(data[head:size], "big"), size
            if frames and time.perf_counter() > turn_ends:
                return at, frames, True
            if self.protocol.eof_sent:  # after an illegal frame nothing counts
                return end, frames, False
            masked = second >= _MASKED
            stop = head + 4 + n if masked else head + n
            if (
                on_message is None
                or data[at] != _BINARY
                or masked is self.masks
                or n > self._fast
                or self._fragments is not None
                or self.protocol.state is not OPEN
            ):
                self._owed = max(0, stop - end)
                # The library may answer, and nothing may follow its close frame.
                self._write_together()
                super().data_received(data[at:stop])
                at, frames = min(stop, end), frames + 1
                continue
            if stop > end:
                break
            at, frames = stop, frames + 1
            if masked:
                on_message(apply_mask(data[head + 4 : stop], data[head : head + 4]))
            else:
                on_message(data[head:stop])
        return at, frames, False

    def _pause(self, wait_s: float) -> None:
        """Stop reading while the peer is ahead of its pace, or, for 0 s, for the others' turn."""
        self._pausing = True
        self.pause_reading("pace")
        if wait_s > 0:
            self.loop.call_later(wait_s, self._go_on)
        else:
            self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self._pausing = False
        if not self.transport.is_closing():
            self._work_through(self._rest, self._at)
            if not self._pausing:
                self.resume_reading("pace")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._together: list[bytes] = []
        super().connection_made(transport)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.congested_since = self.loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.congested_since = None
        self.resume_reading("peer does not read")
        if self._on_writable is not None:
            self._on_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.congested_since = None
        if self._on_lost is not None:
            self._on_lost()


class ServerBridgeConnection(BridgeConnection, ServerConnection):
    """The server's end."""

    early = 0
    """How many messages came on the heels of the hello, before there was a session."""


class ClientBridgeConnection(BridgeConnection, ClientConnection):
    """The headset's end."""

    early: Sequence[bytes] = ()
    """What came with the welcome and behind it, before somebody took the session up."""

    masks = True


def short(reason: str) -> str:
    """``reason`` cut to the 123 bytes that a websocket close frame can carry."""
    return reason.encode()[:120].decode(errors="ignore")


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Like `asyncio.run`, on uvloop where it is installed (twice as fast on small messages)."""
    try:
        factory = importlib.import_module("uvloop").new_event_loop
    except ImportError:
        factory = None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


def freeze_gc() -> None:
    """To be called once by a process that serves, when it is ready.

    What lives by then will live as long as the process. The garbage collector would look through
    all of it again and again (60 to 200 ms, with torch loaded more), and meanwhile nobody is
    answered; from now on it looks at what has come since.
    """
    gc.collect()
    gc.freeze()
