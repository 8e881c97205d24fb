"""A headset that comes back by itself after a lost connection.

    connection lost, or bye with ``again``
        -> attempts, ever further apart (`fedxr.bridge.connecting.unacknowledged.Retry`), each a
        hello with ``resume`` -> welcome: the session goes on, or a new one counts on from what was
        acknowledged -> what was promised to arrive and is not acknowledged is sent again, then what
        waited

Meanwhile frames wait as they do before a congested socket, thinned by each channel's policy.
Promised are feedback and the blocks of `reliable` channels. Over a lost connection each arrives
once. A server that was started anew has forgotten what it could not acknowledge any more, and gets
that a second time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from fedxr.bridge.channels import Channel
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.connecting.handshake import RefusedError
from fedxr.bridge.connecting.unacknowledged import Retry, Unacknowledged
from fedxr.bridge.frames import pack_frame
from fedxr.bridge.protocol import BridgeError, Bye, Feedback, Notice, Welcome, encode
from fedxr.bridge.transport.connection import ClientBridgeConnection

_ASK_S = 1.0
Opening = Callable[[str | None, int], Awaitable[tuple[ClientBridgeConnection, Welcome]]]
"""Opens a session again, from its id and the number up to which everything has arrived."""


class ReturningClient(HeadsetClient):
    """Made by `fedxr.bridge.connecting.connect.connect` with ``retry``. After a return it hands a
    `Notice` ``reconnected`` to its reader, as if the server had sent it."""

    _kept: Unacknowledged

    def __init__(
        self,
        channels: Sequence[Channel],
        connection: ClientBridgeConnection,
        welcome: Welcome,
        now: Callable[[], int],
        queue_bytes: int,
        retry: Retry,
        opening: Opening,
    ) -> None:
        reliable = frozenset(c.name for c in channels if c.delivery == "reliable")
        self._kept = Unacknowledged(reliable, queue_bytes)
        super().__init__(channels, connection, welcome, now, queue_bytes)
        self._retry, self._opening = retry, opening
        self._returning: asyncio.Task[None] | None = None

    async def delivered(self) -> None:
        """Wait until everything that was promised to arrive has arrived.

        Raises BridgeError when the session ends before.
        """
        while len(self._kept) or len(self._waiting):
            self._check_open()
            self._room.clear()
            self._ask()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ASK_S):
                    await self._room.wait()

    async def close(self, reason: str = "") -> None:
        if self._returning is not None:
            self._returning.cancel()
        await super().close(reason)

    # Inside

    def _take_up(self, connection: ClientBridgeConnection, welcome: Welcome) -> None:
        super()._take_up(connection, welcome)
        self._kept.acknowledge(welcome.last_seq)

    async def _until_room(self) -> None:
        while self._full and self._ended is None:
            self._room.clear()
            self._ask()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ASK_S):
                    await self._room.wait()
        self._check_open()

    def _ask(self) -> None:
        """Ask how far the server has everything: its pong says so."""
        if self._ready:
            self._connection.write(encode(self._pings.ping(self._now())))

    def _bye(self, bye: Bye) -> None:
        if bye.again:
            self._lose(bye.reason)
        else:
            super()._bye(bye)

    def _lose(self, reason: str) -> None:
        """The connection is gone, or will be in a moment: come back."""
        if self._said_bye:
            self._end(reason)
        elif self._connected and self._ended is None:
            self._connected = False
            self._returning = asyncio.create_task(self._return(reason, self._retry))

    async def _return(self, reason: str, retry: Retry) -> None:
        """Try until there is a connection again, then send what is missing and what waited."""
        loop, why = self._connection.loop, ""
        lost_s = loop.time()
        for wait in retry.waits():
            if loop.time() - lost_s + wait > retry.give_up_s:
                break
            await asyncio.sleep(wait)
            try:
                connection, welcome = await self._opening(self.session, self._kept.acknowledged)
            except RefusedError as error:
                self._end(f"{reason}; {error}")
                return
            except BridgeError as error:
                why = f": {error}"
                continue
            said = "the session goes on" if welcome.session == self.session else "in a new session"
            text = f"{reason}; back after {loop.time() - lost_s:.1f} s, {said}"
            self.reconnects += 1
            self.episodes.begin_anew()  # the agent's context has gone with the connection
            self._take_up(connection, welcome)
            self._mailbox.put_message(Notice("reconnected", text))
            self._send_again()
            return
        self._end(f"{reason}; no connection for {retry.give_up_s:g} s{why}")

    def _send_again(self) -> None:
        for item in self._kept.up_to(self._written):
            if isinstance(item, Feedback):
                self._connection.write(encode(item))
            else:
                item.samples = {n: s for n, s in item.samples.items() if n in self.codecs}
                self._connection.write(encode(pack_frame(item, self.codecs)))
        self.flush()
