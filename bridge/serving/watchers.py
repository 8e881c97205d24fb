"""Whoever watches the live page: the newest state for everyone, and no memory for the slow."""

from __future__ import annotations

from collections.abc import Callable

from fedxr.bridge.grants import ALL, Grant
from fedxr.bridge.transport.connection import ServerBridgeConnection
from fedxr.bridge.transport.queues import Outbox

_NOT_TEXT = 'text; /live takes wishes as binary messages of JSON, such as {"record": true}'


class Watcher:
    """One open `/live` websocket, for what is told to it alone; ``grants`` is what it may do."""

    def __init__(self, connection: ServerBridgeConnection, grants: frozenset[Grant] = ALL) -> None:
        self.grants = grants
        self._connection = connection

    @property
    def open(self) -> bool:
        return self._connection.open

    @property
    def congested(self) -> bool:
        return self._connection.congested

    def show(self, data: bytes) -> bool:
        """Send UTF-8 JSON where the socket takes it; where it does not, nothing waits here."""
        if self.congested or not self.open:
            return False
        self._connection.write(data)
        return True


class Watchers:
    """The open `/live` websockets. Each gets the newest published state, as text.

    What a watcher sends goes to ``hear``, with who it is; one that sends what ``hear`` raises
    ValueError at is told so and cut off.
    """

    def __init__(self, hear: Callable[[bytes, Watcher], None]) -> None:
        self._hear = hear
        self._outboxes: dict[ServerBridgeConnection, Outbox] = {}
        self._published: bytes | None = None

    def __len__(self) -> int:
        return len(self._outboxes)

    def publish(self, data: bytes) -> None:
        """Send to every watcher whose socket takes it; for the others it replaces what waits."""
        self._published = data
        for outbox in self._outboxes.values():
            outbox.send_latest(data)

    async def serve(self, connection: ServerBridgeConnection, grants: frozenset[Grant]) -> None:
        """One watcher until it leaves; it starts with what was published last."""
        connection.text = True
        outbox, watcher = Outbox(connection, 0), Watcher(connection, grants)

        def hear(data: bytes) -> None:
            try:
                self._hear(data, watcher)
            except ValueError as error:
                connection.fail(1008, str(error))

        connection.set_callbacks(
            hear, outbox.flush, lambda: None, lambda: connection.fail(1003, _NOT_TEXT)
        )
        self._outboxes[connection] = outbox
        if self._published is not None:
            outbox.send_latest(self._published)
        try:
            await connection.wait_closed()
        finally:
            del self._outboxes[connection]

    def abort_stalled(self, stall_s: float) -> None:
        """Drop the watchers that have not read for ``stall_s`` seconds."""
        for connection in list(self._outboxes):
            since = connection.congested_since
            if since is not None and connection.loop.time() - since >= stall_s:
                connection.transport.abort()
