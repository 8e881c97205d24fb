"""What a headset says to its session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from fedxr.bridge.clock import Estimate
from fedxr.bridge.frames import ChannelCodec, Frame
from fedxr.bridge.protocol import (
    Bye,
    Consent,
    Feedback,
    PackedFrame,
    Ping,
    Pong,
    ProtocolError,
    decode_up,
    encode,
)
from fedxr.bridge.serving.budget import Budget
from fedxr.bridge.serving.decode_queue import Decoding, Ordered
from fedxr.bridge.serving.inbox import Inbox
from fedxr.bridge.serving.observer import Observed, Observer
from fedxr.bridge.serving.refusals import RefusalLimit
from fedxr.bridge.serving.sequence import SequenceGuard
from fedxr.bridge.stats import SessionStats
from fedxr.bridge.transport.connection import NOT_TEXT, BridgeConnection

_EARLY = ProtocolError("bad-sequence", "wait for the welcome before sending more")


class Served(Observed, Protocol):
    """What the way in must know of a session, and may do to it."""

    over: asyncio.Future[str]
    stats: SessionStats
    budget: Budget
    inbox: Inbox
    codecs: dict[int, ChannelCodec]
    tasks: tuple[str, ...]

    @property
    def acknowledged(self) -> int: ...

    def notice(
        self, code: str, text: str, counts: dict[str, int] | None = None, seq: int = 0
    ) -> None: ...

    def close(self, reason: str) -> None: ...

    def finish(self, reason: str) -> None: ...

    def broke(self, error: Exception) -> None: ...


class Incoming:
    """Messages up: each is decoded, put in its order, checked against what the welcome opened, and
    handed to the application or refused with a notice.

    ``late_us``: a frame older than this on arrival counts as late; ``now`` is the server's clock in
    microseconds. Whatever a message raises is its session's alone.
    """

    def __init__(
        self,
        session: Served,
        connection: BridgeConnection,
        guard: SequenceGuard,
        decoding: Decoding | None,
        observers: Sequence[Observer],
        late_us: int,
        now: Callable[[], int],
    ) -> None:
        self.decoding = decoding
        """Where messages wait that have pictures, or None without a channel for them."""
        self._session = session
        self._connection = connection
        self._guard = guard
        self._observers = observers
        self._late_us = late_us
        self._now = now
        self._over, self._stats, self._inbox = session.over, session.stats, session.inbox
        self._refusals = RefusalLimit()
        self._open = self._deaf = False
        self._on_frame: Callable[[Frame], object]
        self._on_feedback: Callable[[Feedback], object]

    def open(
        self,
        on_frame: Callable[[Frame], object],
        on_feedback: Callable[[Feedback], object],
    ) -> None:
        """From now on messages are accepted."""
        self._on_frame, self._on_feedback = on_frame, on_feedback
        self._open = True

    def close(self) -> None:
        """Take nothing in any more; what waits in the inbox can still be taken out."""
        self._deaf = True

    def receive(self, data: bytes) -> None:
        """One message from the headset."""
        if self._over.done() or self._deaf:
            return
        self._stats.bytes_in += len(data)
        if not self._open:
            self.came_early(1)
            return
        try:
            message = decode_up(data)
            if isinstance(message, Ping):
                self._receive_ping(message)
            elif isinstance(message, Consent):
                self._receive_consent(message)
            elif self.decoding is not None and self.decoding.must_wait(message):
                self.decoding.put(message)
            else:
                self.take_in(message)
        except ProtocolError as error:
            self._refuse(error, 0)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this session's
            self._session.broke(error)

    def receive_text(self) -> None:
        """A text message from the headset, which is none of this protocol: the session ends."""
        if not (self._over.done() or self._deaf):
            self._refuse(ProtocolError("garbage", NOT_TEXT), 0)

    def came_early(self, messages: int) -> None:
        """So many came between hello and welcome: each is refused, and told after the welcome."""
        for _ in range(min(messages, self._refusals.most)):
            if not self._over.done():
                self._refuse(_EARLY, 0)

    def lost(self) -> None:
        """The connection is gone; what came over it still counts."""
        if self.decoding is not None and self.decoding.busy:
            self.decoding.put(None)
        else:
            self.take_in(None)

    def take_in(self, message: Ordered | None) -> None:
        """A message in its turn; pictures in it have been decoded. None: the connection is gone."""
        if self._over.done():
            return
        seq = 0
        try:
            if type(message) is PackedFrame:
                seq = message.seq
                self._receive_frame(message)
            elif type(message) is Feedback:
                seq = message.seq
                self._receive_feedback(message)
            elif message is None:
                self._session.finish("connection lost")
            elif type(message) is Bye:
                self._observe(message)
                self._session.finish(f"bye: {message.reason}" if message.reason else "bye")
            else:
                raise ProtocolError("bad-sequence", "a second hello or proof; one opens a session")
        except ProtocolError as error:
            self._refuse(error, seq)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this session's
            self._session.broke(error)

    def _receive_frame(self, packed: PackedFrame) -> None:
        now = self._now()
        frame = self._guard.accept_frame(packed, self._session.codecs, now)
        self._observe(packed)
        stats = self._stats
        stats.frames += 1
        clock = self._session.clock
        if clock is not None and now - clock.to_remote(packed.capture_us) > self._late_us:
            stats.late += 1
        if self._inbox.used:
            self._inbox.put(frame)
        else:
            self._on_frame(frame)

    def _receive_feedback(self, feedback: Feedback) -> None:
        self._guard.accept_seq(feedback.seq)
        tasks = self._session.tasks
        if feedback.task not in tasks:
            raise ProtocolError(
                "unknown-task",
                f"feedback on task {feedback.task!r}; open are {', '.join(tasks) or 'none'}",
            )
        self._observe(feedback)
        self._stats.feedback += 1
        if self._inbox.used:
            self._inbox.put(feedback)
        else:
            self._on_feedback(feedback)

    def _receive_ping(self, ping: Ping) -> None:
        if not self._session.budget.spend("ping"):
            return
        now = self._now()
        if ping.offset_us is not None:
            try:
                self._session.clock = Estimate(
                    ping.offset_us, ping.drift_ppm * 1e-6, ping.sent_us, ping.uncertainty_us
                )
            except ValueError as error:
                raise ProtocolError("bad-time", str(error)) from None
            self._observe(ping)
        # Not through the outbox: a pong that waited is worthless, and a congested peer gets none.
        if not self._connection.congested:
            self._connection.write(
                encode(Pong(ping.sent_us, now, self._now(), self._session.acknowledged))
            )

    def _receive_consent(self, consent: Consent) -> None:
        session = self._session
        if consent.record != session.recordable:
            session.recordable = consent.record
            for observer in self._observers:
                observer.consented(session)

    def _observe(self, message: PackedFrame | Feedback | Ping | Bye) -> None:
        for observer in self._observers:
            observer.received(self._session, message)

    def _refuse(self, error: ProtocolError, seq: int) -> None:
        self._stats.refused += 1
        self._session.notice(error.code, str(error), seq=seq)
        too_many = self._refusals.count(self._connection.loop.time())
        if error.code == "garbage":
            self._session.close(str(error))
        elif too_many:
            self._session.close(f"{self._refusals}; the last: {error}")
