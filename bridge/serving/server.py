"""The bridge's server: one port for headsets, for pages and for whoever watches them.

A connection's life: `FrontDoor` decides on the HTTP request, `Seats` on whether there is room; the
first message must be a hello and the second the proof of its key, which `introduced` hears; the
application says which tasks it answers; the welcome goes out; from then on `Incoming.receive`
handles each message where it arrives, and one task per session waits for its end. Nothing here ever
waits for a client to read: see `fedxr.bridge.transport.connection` and
`fedxr.bridge.transport.queues`."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from fedxr.bridge.clock import now_us
from fedxr.bridge.protocol import (
    SUBPROTOCOL,
    VERSIONS,
    BridgeError,
    Bye,
    Hello,
    Notice,
    Welcome,
    encode,
)
from fedxr.bridge.serving import web
from fedxr.bridge.serving.admission import (
    PastSessions,
    ServerConfig,
    open_channels,
)
from fedxr.bridge.serving.application import Application, RefusalError, answer, awaits, end, settled
from fedxr.bridge.serving.decode_process import Pictures
from fedxr.bridge.serving.first_words import introduced
from fedxr.bridge.serving.front_door import FrontDoor
from fedxr.bridge.serving.observer import Observer
from fedxr.bridge.serving.seats import Seats
from fedxr.bridge.serving.session import Session
from fedxr.bridge.serving.watchers import Watcher, Watchers
from fedxr.bridge.transport.connection import WRITE_LIMIT, ServerBridgeConnection
from fedxr.bridge.transport.pending import PendingConnections
from fedxr.bridge.transport.rate_limit import RateLimiter
from fedxr.bridge.user_key import fingerprint
from fedxr.plugins import loaded

_log = logging.getLogger(__name__)
_CLOSE_S = 1.0
_TEND_S = 1.0
_STOPS = "the server stops"
_CODES = {"bye": 1000, _STOPS: 1001}


class BridgeServer:
    """Serves one application; use as ``async with BridgeServer(app) as server``.

    ``pages`` maps a path to its page; ``now`` is the server's clock in microseconds, which replies
    and pongs are stamped with.
    """

    def __init__(
        self,
        application: Application,
        config: ServerConfig | None = None,
        pages: Mapping[str, web.Page] | None = None,
        now: Callable[[], int] = now_us,
    ) -> None:
        self.config = config or ServerConfig()
        self.sessions: dict[str, Session] = {}
        self.observers: list[Observer] = []
        """Told of every session's messages; may change at any time."""
        self._application = application
        self._now = now
        self._leaving: dict[str, Session] = {}
        """Those that are over, of which the application is being told."""
        self._past = PastSessions(self.config.resume_s)
        self._seats = Seats(self.config.max_sessions, self.sessions)
        self._live = Watchers(lambda data, watcher: self.hear(data, watcher))
        self._front_door = FrontDoor(self.config, pages or {}, self._seats, self._live)
        self.hear: Callable[[bytes, Watcher], None] = _deaf
        """What a watcher of `/live` sends is handed to this, with who it is; it may raise
        ValueError."""
        # Half the cores: the event loop and the application need the others.
        self._pictures = Pictures(max(1, (os.cpu_count() or 2) // 2))
        self._doorstep = PendingConnections(
            self.config.max_waiting, self.config.max_newcomers_s, self.config.hello_timeout_s
        )
        self._server: Server | None = None
        self._tending: asyncio.Task[None] | None = None
        self._awaits = awaits(application)

    async def start(self) -> None:
        """Listen; raises BridgeError when the address is taken or not ours."""
        config = self.config
        loaded()  # else all would wait for it when a headset first names what we do not know
        try:
            self._server = await serve(
                self._serve,
                config.host,
                config.port,
                create_connection=self._doorstep.receive,  # type: ignore[arg-type]
                process_request=self._front_door.answer,
                select_subprotocol=_select_subprotocol,
                compression=None,
                ssl=config.tls,
                ssl_handshake_timeout=config.hello_timeout_s if config.tls else None,
                max_size=config.max_message,
                write_limit=WRITE_LIMIT,
                ping_interval=config.ping_interval_s,
                ping_timeout=config.ping_timeout_s,
                open_timeout=None,  # the doorstep's
                close_timeout=_CLOSE_S,
            )
        except OSError as error:
            raise BridgeError(
                f"cannot listen on {config.host}:{config.port}: {error.strerror or error}; "
                "choose another port (0 takes any free one) or stop what uses it"
            ) from None
        self._tending = asyncio.create_task(self._tend())

    async def stop(self) -> None:
        """Let nobody in, let the application finish what has arrived, end every session with a bye
        that says how far that was, and close the port."""
        if self._server is None or self._tending is None:
            return
        self._tending.cancel()
        self._server.server.close()
        for session in self.sessions.values():
            session.incoming.close()
        end_s = asyncio.get_running_loop().time() + self.config.drain_s
        while not all(session.settled for session in self.sessions.values()):
            if asyncio.get_running_loop().time() > end_s:
                _log.warning("the application has not finished within %g s", self.config.drain_s)
                break
            await asyncio.sleep(0.01)
        for session in list(self.sessions.values()):
            session.close(_STOPS, again=True)
        self._live.abort_stalled(0.0)
        for connection in list(self._seats.connections):
            if connection.congested:
                # Closing politely would wait for the peer to read.
                connection.transport.abort()
        self._doorstep.clear()
        self._server.close()
        await self._server.wait_closed()
        self._server = None
        self._pictures.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        """The port it listens on (useful when configured as 0)."""
        if self._server is None:
            raise BridgeError("the server is not started")
        return int(next(iter(self._server.sockets)).getsockname()[1])

    @property
    def url(self) -> str:
        """Where a headset connects: the address that this server listens on."""
        host = self.config.host
        scheme = "ws" if self.config.tls is None else "wss"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def watchers(self) -> int:
        return len(self._live)

    def publish(self, data: bytes) -> None:
        """Send UTF-8 JSON to every watcher of `/live`; a slow one gets only the newest."""
        self._live.publish(data)

    # One connection

    async def _serve(self, connection: ServerConnection) -> None:
        if not isinstance(connection, ServerBridgeConnection) or connection.request is None:
            raise TypeError("connections are made by create_connection=ServerWire")
        connection.pace = RateLimiter(self.config.max_messages_s, self.config.max_bytes_s)
        if web.path_of(connection.request) == web.LIVE:
            self._doorstep.left(connection.transport)
            await self._live.serve(connection, web.granted(connection.request, self.config))
            return
        self._seats.connections.add(connection)
        try:
            await self._serve_headset(connection)
        finally:
            self._seats.connections.discard(connection)

    async def _serve_headset(self, connection: ServerBridgeConnection) -> None:
        """Hello, challenge, proof, welcome, then wait for the end."""
        try:
            try:
                hello = await introduced(connection, self.config)
            finally:
                self._doorstep.left(connection.transport)
            session = await self._join(connection, hello)
        except Exception as error:  # noqa: BLE001 - told to this headset; the others notice nothing
            refusal = error if isinstance(error, RefusalError) else _failed(error)
            connection.write(encode(Notice(refusal.code, str(refusal)[:2000])))
            connection.write(encode(Bye(str(refusal)[:2000])))
            await connection.shut(1008, str(refusal))
            return
        answering = (
            asyncio.create_task(answer(self._application, session)) if self._awaits else None
        )
        reason = "the server was cancelled"
        try:
            reason = await session.over
        finally:
            if answering is not None:
                await asyncio.wait({answering}, timeout=self.config.drain_s)
                await end(answering)
            _log.info("session %s of %s ended: %s", session.id, session.user, reason)
            self._leaving[session.id] = self.sessions.pop(session.id)
            for observer in self.observers:
                observer.closed(session, reason)
            try:
                await settled(self._application.left(session, reason))
            finally:
                if not reason.startswith("bye"):
                    past = (session.id, session.user_id, session.acknowledged)
                    self._past.remember(*past, connection.loop.time())
                del self._leaving[session.id]
                session.gone.set()
        await connection.shut(_CODES.get(reason.split(":")[0], 1008), reason)

    async def _join(self, connection: ServerBridgeConnection, hello: Hello) -> Session:
        """Make the session, ask the application, send the welcome."""
        config = self.config
        channels, refused = open_channels(hello)
        last_seq = await self._resume(hello, connection)
        session_id = hello.resume if last_seq is not None and hello.resume else _new_id()
        session = Session(
            connection,
            session_id,
            hello,
            channels,
            refused,
            inbox_bytes=config.inbox_bytes,
            outbox_bytes=config.outbox_bytes,
            late_us=config.late_us,
            now=self._now,
            pictures=self._pictures,
            observers=self.observers,
        )
        session.resumed = last_seq is not None
        session.begin_after(hello.last_seq if last_seq is None else last_seq)
        incoming = session.incoming
        connection.set_callbacks(
            incoming.receive, session.flush, incoming.lost, incoming.receive_text
        )
        incoming.came_early(connection.early)
        if not connection.open:
            incoming.lost()
        try:
            session.tasks = tuple(await settled(self._application.joined(session)))
        except BaseException:
            if last_seq is not None:  # refused for now: it is still there for the next attempt
                self._past.remember(session_id, session.user_id, last_seq, connection.loop.time())
            raise
        if self._awaits:
            session.use_inbox()
        self.sessions[session.id] = session
        session.open(self._application.frame, self._application.feedback, self._application.broke)
        session.welcomed(self._welcome(session))
        return session

    def _welcome(self, session: Session) -> Welcome:
        return Welcome(
            min(VERSIONS[1], session.hello.max_version),
            session.id,
            {c.name: n for n, c in session.codecs.items()},
            session.refused,
            list(session.tasks),
            self.config.tick_us,
            self._now(),
            self.config.max_message,
            session.last_seq,
        )

    async def _resume(self, hello: Hello, connection: ServerBridgeConnection) -> int | None:
        """The last sequence number of the session that the hello wants back, or None."""
        if hello.resume is None:
            return None
        alive = self.sessions.get(hello.resume) or self._leaving.get(hello.resume)
        user_id = fingerprint(hello.key)
        if alive is not None and alive.user_id == user_id:
            # The old connection is half dead; the headset knows better. Its end must run first.
            alive.close("resumed on a new connection")
            await alive.gone.wait()
            if not connection.open:
                raise RefusalError("gone", "the headset did not wait; its next attempt gets it")
        return self._past.take(hello.resume, user_id, connection.loop.time())

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(_TEND_S)
            for session in list(self.sessions.values()):
                try:
                    counts = session.check_health(self.config.stall_s)
                    if counts:
                        self._application.dropped(session, counts)
                except Exception as error:  # noqa: BLE001 - the others are tended to
                    session.broke(error)
            self._live.abort_stalled(self.config.stall_s)


def _select_subprotocol(
    connection: ServerConnection, offered: list[Subprotocol] | Any
) -> Subprotocol | None:
    """`web.check_bridge` has refused headsets without it; a watcher needs none."""
    return Subprotocol(SUBPROTOCOL) if SUBPROTOCOL in offered else None


def _failed(error: Exception) -> RefusalError:
    """What a headset is told that could not be let in, for no reason of the protocol's."""
    _log.error("a headset could not be let in", exc_info=error)
    why = str(error).partition("\n")[0]
    return RefusalError(
        "failed",
        f"the server failed to let this headset in ({type(error).__name__}: {why}); the reason "
        "stands in its log: tell whoever runs it",
    )


def _deaf(_data: bytes, _watcher: Watcher) -> None:
    raise ValueError("this server takes no wishes from its live page")


def _new_id() -> str:
    return secrets.token_hex(16)
