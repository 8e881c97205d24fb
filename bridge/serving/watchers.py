"""Whoever watches the live page: the newest state for everyone, and no memory for the slow."""

from __future__ import annotations

from collections.abc import Callable

from fedxr.bridge.grants import ALL, Grant
from fedxr.bridge.transport.connection import ServerWire
from fedxr.bridge.transport.queues import Outbox

_NOT_TEXT = 'text; /live takes wishes as binary messages of JSON, such as {"record": true}'


class Watcher:
    """One open `/live` websocket, for what is told to it alone; ``grants`` is what it may do."""

    def __init__(self, wire: ServerWire, grants: frozenset[Grant] = ALL) -> None:
        self.grants = grants
        self._wire = wire

    @property
    def open(self) -> bool:
        return self._wire.open

    @property
    def congested(self) -> bool:
        return self._wire.congested

    def show(self, data: bytes) -> bool:
        """Send UTF-8 JSON where the socket takes it; where it does not, nothing waits here."""
        if self.congested or not self.open:
            return False
        self._wire.write(data)
        return True


class Watchers:
    """The open `/live` websockets. Each gets the newest published state, as text.

    What a watcher sends goes to ``hear``, with who it is; one that sends what ``hear`` raises
    ValueError at is told so and cut off.
    """

    def __init__(self, hear: Callable[[bytes, Watcher], None]) -> None:
        self._hear = hear
        self._outboxes: dict[ServerWire, Outbox] = {}
        self._published: bytes | None = None

    def __len__(self) -> int:
        return len(self._outboxes)

    def publish(self, data: bytes) -> None:
        """Send to every watcher whose socket takes it; for the others it replaces what waits."""
        self._published = data
        for outbox in self._outboxes.values():
            outbox.send_latest(data)

    async def serve(self, wire: ServerWire, grants: frozenset[Grant]) -> None:
        """One watcher until it leaves; it starts with what was published last."""
        wire.text = True
        outbox, watcher = Outbox(wire, 0), Watcher(wire, grants)

        def hear(data: bytes) -> None:
            try:
                self._hear(data, watcher)
            except ValueError as error:
                wire.fail(1008, str(error))

        wire.direct(hear, outbox.flush, lambda: None, lambda: wire.fail(1003, _NOT_TEXT))
        self._outboxes[wire] = outbox
        if self._published is not None:
            outbox.send_latest(self._published)
        try:
            await wire.wait_closed()
        finally:
            del self._outboxes[wire]

    def abort_stalled(self, stall_s: float) -> None:
        """Drop the watchers that have not read for ``stall_s`` seconds."""
        for wire in list(self._outboxes):
            since = wire.congested_since
            if since is not None and wire.loop.time() - since >= stall_s:
                wire.transport.abort()
