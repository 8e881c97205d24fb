"""What a session says to its headset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from fedxr.bridge.protocol import Bye, Cue, Notice, Reply, Welcome, encode
from fedxr.bridge.serving.observer import Observed, Observer
from fedxr.bridge.stats import SessionStats
from fedxr.bridge.transport.connection import BridgeConnection
from fedxr.bridge.transport.queues import Outbox


class Outgoing:
    """Messages down: told to the observers, counted, and written or left to wait in the outbox.

    Nothing leaves before the welcome, since a headset takes whatever comes in its place for a
    refusal; control messages of that time follow it. ``now`` is the server's clock in
    microseconds. Pongs do not go this way: one that waited would mislead.
    """

    def __init__(
        self,
        session: Observed,
        connection: BridgeConnection,
        max_bytes: int,
        stats: SessionStats,
        observers: Sequence[Observer],
        now: Callable[[], int],
    ) -> None:
        self._session = session
        self._connection = connection
        self._outbox = Outbox(connection, max_bytes)
        self._stats = stats
        self._observers = observers
        self._now = now
        self._welcomed = False
        self._early: list[Cue | Notice | Bye] = []

    @property
    def drops(self) -> Counter[str]:
        """Messages dropped before a slow headset so far: ``reply`` and ``control``."""
        return self._outbox.drops

    @property
    def waiting(self) -> int:
        """Bytes that wait for the socket."""
        return self._outbox.waiting

    def send_welcome(self, welcome: Welcome) -> None:
        """The first message; then what had to be said before it."""
        self._welcomed = True
        self._connection.write(encode(welcome))
        for observer in self._observers:
            observer.opened(self._session)
        for message in self._early:
            self.send_control(message)
        self._early.clear()

    def send_reply(self, reply: Reply) -> None:
        """A newer one replaces one that still waits."""
        session, stats = self._session, self._stats
        for observer in self._observers:
            observer.sent(session, reply)
        data = encode(reply)
        stats.replies += 1
        stats.bytes_out += len(data)
        clock = session.clock
        if clock is not None:
            stats.latency.add(self._now() - clock.to_remote(reply.capture_us))
        self._outbox.send_latest(data)

    def send_control(self, message: Cue | Notice | Bye) -> None:
        """In order, each of them, as far as the outbox has room."""
        if not self._welcomed:
            self._early.append(message)
            return
        for observer in self._observers:
            observer.sent(self._session, message)
        data = encode(message)
        self._stats.bytes_out += len(data)
        self._outbox.send_control(data)

    def flush(self) -> None:
        """The socket has drained: write what waits."""
        self._outbox.flush()
