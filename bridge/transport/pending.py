"""Connections that have not said hello yet: they may wait, but not crowd others out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
from typing import Any, cast

from websockets.asyncio.server import Server
from websockets.server import ServerProtocol

from fedxr.bridge.transport.connection import ServerBridgeConnection
from fedxr.bridge.transport.plain_on_tls import TLS_HANDSHAKE
from fedxr.bridge.transport.rate_limit import RateLimiter

_log = logging.getLogger(__name__)
_NO_TLS = bytes((0x15, 3, 1, 0, 2, 2, 70))
"""A fatal TLS alert, protocol_version (RFC 8446, 6.2): clients say that, and not "closed"."""
_MOST = 2**16
"""Bytes of a request that may wait here; the library refuses one that is longer."""


class PendingConnections:
    """Who stands at the door. Where ``places`` are taken, whoever has stood there longest must go.

    A headset is through within milliseconds; one that dribbles its handshake (slow loris) stands
    there until its time is up, and a thousand of those would take all sockets that this process
    may open. To open a connection costs as much as dozens of frames, so one is opened only for a
    whole request, and after a roomful at once (one second's worth) newcomers are heard no faster
    than ``newcomers_s`` a second: a storm of them waits, and those who are in are answered as
    before. Whose request is not whole after ``stay_s`` seconds goes; `jittered` says when exactly.
    """

    def __init__(self, places: int, newcomers_s: float, stay_s: float) -> None:
        self.stay_s = stay_s
        self.turned_away = 0
        self.spoke_tls = 0
        self._places = places
        self._pace = RateLimiter(newcomers_s, math.inf)
        self._waiting: dict[asyncio.BaseTransport, None] = {}
        self._unheard: dict[asyncio.Transport, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def came(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._waiting[transport] = None
        if len(self._waiting) > self._places:
            longest = next(iter(self._waiting))
            self.left(longest)
            self.turned_away += 1
            cast(asyncio.Transport, longest).abort()
        first = not self._unheard
        wait_s = self._pace.spend(1, 0, stalled=False) if first else 0.0
        if wait_s > 0 or not first:
            self._unheard[transport] = None
            # Soon: asyncio begins to read only after `connection_made`.
            loop.call_soon(self._hold, transport)
        if wait_s > 0:
            loop.call_later(wait_s, self._hear_next, loop)

    def left(self, transport: asyncio.BaseTransport) -> None:
        """It has said hello, or is gone."""
        self._waiting.pop(transport, None)
        self._unheard.pop(cast(asyncio.Transport, transport), None)

    def met_tls(self) -> None:
        """Somebody opened ``https://`` or ``wss://`` where there is no TLS; said once."""
        self.spoke_tls += 1
        if self.spoke_tls == 1:
            _log.warning(
                "a client spoke TLS to this port, which has none, and was sent away: open http:// "
                "(programs: ws://), or start the server with TLS (fedxr serve --lan)"
            )

    def clear(self) -> None:
        """Nobody is waited for any more."""
        for transport in list(self._waiting):
            cast(asyncio.Transport, transport).abort()

    def _hold(self, transport: asyncio.Transport) -> None:
        if transport in self._unheard and not transport.is_closing():
            transport.pause_reading()

    def _hear_next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Only who is heard is paid for: those who were turned away meanwhile delay nobody."""
        if self._unheard:
            transport = next(iter(self._unheard))
            del self._unheard[transport]
            transport.resume_reading()
        if self._unheard:
            loop.call_later(self._pace.spend(1, 0, stalled=False), self._hear_next, loop)

    def receive(
        self, protocol: ServerProtocol, server: Server, **settings: Any
    ) -> ServerBridgeConnection:
        """A newcomer, who becomes a connection of the library with the end of its request; what
        `websockets.asyncio.server.serve` takes as ``create_connection``."""
        return cast(ServerBridgeConnection, _HandshakeProtocol(self, protocol, server, settings))


class _HandshakeProtocol(asyncio.Protocol):
    """Light, and gone without a trace: hundreds a second leave no work to the garbage collector,
    which would stop everyone's answers for as long as 200 ms."""

    def __init__(
        self,
        doorstep: PendingConnections,
        protocol: ServerProtocol,
        server: Server,
        settings: dict[str, Any],
    ) -> None:
        self.protocol = protocol
        self._doorstep = doorstep
        self._server, self._settings = server, settings
        self._loop = asyncio.get_running_loop()
        self._request = bytearray()
        self._transport: asyncio.Transport
        self._going: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._going = self._loop.call_later(jittered(self._doorstep.stay_s), transport.abort)  # type: ignore[attr-defined]
        self._doorstep.came(self._transport, self._loop)

    def data_received(self, data: bytes) -> None:
        self._request += data
        if self._request[0] == TLS_HANDSHAKE:
            self._request.clear()
            if not self._transport.is_closing():
                self._doorstep.met_tls()
                self._transport.write(_NO_TLS)
                self._transport.close()
            return
        if b"\r\n\r\n" in self._request or len(self._request) > _MOST:
            self._going.cancel()
            connection = _HandshakeConnection(
                self._doorstep, self.protocol, self._server, **self._settings
            )
            self._transport.set_protocol(connection)
            connection.connection_made(self._transport)
            connection.data_received(bytes(self._request))

    def connection_lost(self, exc: Exception | None) -> None:
        self._going.cancel()
        self._doorstep.left(self._transport)
        # What ties the library's object to itself and to this one.
        self.protocol.parser.close()
        with contextlib.suppress(AttributeError):
            del self.protocol.select_subprotocol


class _HandshakeConnection(ServerBridgeConnection):
    """A connection that stands at the door until its hello."""

    def __init__(self, doorstep: PendingConnections, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._doorstep = doorstep

    def connection_lost(self, exc: Exception | None) -> None:
        self._doorstep.left(self.transport)
        super().connection_lost(exc)


def jittered(seconds: float) -> float:
    """Up to a fifth more than ``seconds``, by chance: hundreds who came in one instant would
    otherwise have to go in one instant, and everyone else wait until they are gone."""
    return seconds * random.uniform(1.0, 1.2)
