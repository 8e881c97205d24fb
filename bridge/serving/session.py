"""One headset's session on the server.

Its parts have rules of their own: `SequenceGuard` (what comes counts up), `RefusalLimit` (how much
may be refused), `Inbox` (what waits for the application), `Outgoing` (what goes to the headset),
`Decoding` (pictures on their way in), `Budget` (what it may cost) and `Health` (what is looked at
once a second). The session leads each message through them, and ends."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from fedxr.bridge.channels import Channel
from fedxr.bridge.clock import Estimate
from fedxr.bridge.frames import ChannelCodec, Frame
from fedxr.bridge.protocol import (
    Answer,
    Bye,
    Consent,
    Cue,
    Feedback,
    Hello,
    Notice,
    PackedFrame,
    Ping,
    Pong,
    ProtocolError,
    Reply,
    Welcome,
    decode_up,
    encode,
)
from fedxr.bridge.serving.budget import Budget
from fedxr.bridge.serving.decode_process import Pictures
from fedxr.bridge.serving.decode_queue import Decoding, Ordered
from fedxr.bridge.serving.health import Health
from fedxr.bridge.serving.inbox import Inbox
from fedxr.bridge.serving.observer import Observer
from fedxr.bridge.serving.outgoing import Outgoing
from fedxr.bridge.serving.refusals import RefusalLimit
from fedxr.bridge.serving.sequence import SequenceGuard
from fedxr.bridge.stats import SessionStats
from fedxr.bridge.transport.connection import NOT_TEXT, Wire
from fedxr.bridge.user_key import fingerprint

_log = logging.getLogger(__name__)
_EARLY = ProtocolError("bad-sequence", "wait for the welcome before sending more")


class Session:
    """One headset from its welcome to its end.

    A message arrives in ``receive``: it is decoded, checked against the advertised channels, and
    handed on or refused with a notice. ``over`` is resolved with the reason when the session ends.
    """

    def __init__(
        self,
        wire: Wire,
        session_id: str,
        hello: Hello,
        channels: Sequence[Channel],
        refused: dict[str, str],
        *,
        inbox_bytes: int,
        outbox_bytes: int,
        late_us: int,
        now: Callable[[], int],
        pictures: Pictures,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.id = session_id
        self.hello = hello
        self.person = fingerprint(hello.key)
        """Who the user is: the fingerprint of the key that was proven."""
        self.channels = {channel.name: channel for channel in channels}
        self.refused = refused
        self.codecs = {n: ChannelCodec(channel, n) for n, channel in enumerate(channels, 1)}
        self.tasks: tuple[str, ...] = ()
        self.recordable = hello.record
        """Whether the user may be recorded, as was said last."""
        self.resumed = False
        self.clock: Estimate | None = None
        self.welcome: Welcome | None = None
        self.stats = SessionStats()
        self.budget = Budget()
        self.shed: Counter[str] = Counter()
        """Blocks that the application had no room for, by channel: counted as drops."""
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.gone = asyncio.Event()
        """Set when the application has been told that the session is over."""
        self._wire = wire
        self._observers = observers
        self._late_us = late_us
        self._now = now
        self._guard = SequenceGuard(self.stats)
        self._refusals = RefusalLimit()
        self.inbox = Inbox(channels, inbox_bytes, self._guard, wire)
        self.arrived = self.inbox.arrived
        """Set when something was put into the inbox, and at the end."""
        self._outgoing = Outgoing(self, wire, outbox_bytes, self.stats, observers, now)
        self._decoding = (
            Decoding(
                pictures, wire, self.codecs, self.over, self._take_in, inbox_bytes, self.budget
            )
            if any(codec.image for codec in self.codecs.values())
            else None
        )
        drops = [self.inbox.drops, self._outgoing.drops, self.shed]
        if self._decoding is not None:
            drops.append(self._decoding.drops)
        self._health = Health(self, wire, self.stats, self.budget, drops)
        self._open = self._to_inbox = self._deaf = False
        self._on_frame: Callable[[Session, Frame], object]
        self._on_feedback: Callable[[Session, Feedback], object]
        self._on_break: Callable[[Session, Exception], object]

    @property
    def user(self) -> str:
        """What the user is called: a label, which others may have as well."""
        return self.hello.user

    @property
    def remote_address(self) -> object:
        return self._wire.remote_address

    @property
    def last_seq(self) -> int:
        """The newest number that has arrived."""
        return self._guard.last_seq

    @property
    def episode(self) -> int:
        """That of the last accepted frame; -1 before the first."""
        return self._guard.episode

    @property
    def silent_s(self) -> int:
        """Seconds without a frame or feedback."""
        return self._health.silent_s

    # What an application calls

    def send_reply(self, seq: int, capture_us: int, answers: dict[str, Answer]) -> None:
        """Send the answers after frame ``seq``; a newer reply replaces one that still waits."""
        self._outgoing.send_reply(Reply(seq, capture_us, answers))

    def send_cue(self, kind: str, payload: dict[str, Any] | None = None) -> None:
        """Tell the scene to do something; ``payload`` must be MessagePack-able."""
        self._outgoing.send_control(Cue(kind, payload or {}))

    def notice(
        self, code: str, text: str, counts: dict[str, int] | None = None, seq: int = 0
    ) -> None:
        """Tell the headset what went wrong; the text is shown to a person."""
        self._outgoing.send_control(Notice(code, text[:2000], counts or {}, seq))

    def refuse(self, channel: str, reason: str) -> None:
        """In ``joined``: do not open this channel; the headset is told the reason."""
        del self.channels[channel]
        self.refused[channel] = reason
        self.codecs = {n: c for n, c in self.codecs.items() if c.name != channel}

    def use_inbox(self) -> None:
        """Frames and feedback wait in ``inbox`` instead of being handed to the callbacks."""
        self._to_inbox = True

    @property
    def acknowledged(self) -> int:
        """Every frame and feedback up to this number is the application's: handed to it, or taken
        from the inbox and done with, which is when the next one is asked for."""
        return self.inbox.taken if self._to_inbox else self._guard.last_seq

    @property
    def settled(self) -> bool:
        """Whether all that arrived has been acknowledged."""
        decoding = self._decoding is not None and self._decoding.busy
        return not decoding and self.acknowledged == self._guard.last_seq

    def take(self) -> Frame | Feedback | None:
        """The oldest waiting item of the inbox, or None; reading resumes when there is room."""
        return self.inbox.take()

    def close(self, reason: str, again: bool = False) -> None:
        """End the session; the headset is told the reason, and whether to come ``again``."""
        if not self.over.done():
            self._outgoing.send_control(Bye(reason[:2000], self.acknowledged, again))
            self._finish(reason)

    # What the server calls

    def begin_after(self, seq: int) -> None:
        """Frames and feedback are counted on from ``seq``."""
        self._guard.last_seq = self.inbox.taken = seq

    def open(
        self,
        on_frame: Callable[[Session, Frame], object],
        on_feedback: Callable[[Session, Feedback], object],
        on_break: Callable[[Session, Exception], object],
    ) -> None:
        """From now on messages are accepted."""
        self._on_frame, self._on_feedback, self._on_break = on_frame, on_feedback, on_break
        self._open = True

    def welcomed(self, welcome: Welcome) -> None:
        """Send the welcome, and then what the application had to say in ``joined``."""
        self.welcome = welcome
        self._outgoing.send_welcome(welcome)

    def receive(self, data: bytes) -> None:
        """One message from the headset."""
        if self.over.done() or self._deaf:
            return
        self.stats.bytes_in += len(data)
        if not self._open:
            self.came_early(1)
            return
        try:
            message = decode_up(data)
            if isinstance(message, Ping):
                self._receive_ping(message)
            elif isinstance(message, Consent):
                self._receive_consent(message)
            elif self._decoding is not None and self._decoding.must_wait(message):
                self._decoding.put(message)
            else:
                self._take_in(message)
        except ProtocolError as error:
            self._refuse(error, 0)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this session's
            self.broke(error)

    def receive_text(self) -> None:
        """A text message from the headset, which is none of this protocol: the session ends."""
        if not (self.over.done() or self._deaf):
            self._refuse(ProtocolError("garbage", NOT_TEXT), 0)

    def came_early(self, messages: int) -> None:
        """So many came between hello and welcome: each is refused, and told after the welcome."""
        for _ in range(min(messages, self._refusals.most)):
            if not self.over.done():
                self._refuse(_EARLY, 0)

    def _take_in(self, message: Ordered | None) -> None:
        """A message in its turn; pictures in it have been decoded. None: the connection is gone."""
        if self.over.done():
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
                self._finish("connection lost")
            elif type(message) is Bye:
                self._observe(message)
                self._finish(f"bye: {message.reason}" if message.reason else "bye")
            else:
                raise ProtocolError("bad-sequence", "a second hello or proof; one opens a session")
        except ProtocolError as error:
            self._refuse(error, seq)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this session's
            self.broke(error)

    def lost(self) -> None:
        """The connection is gone; what came over it still counts."""
        if self._decoding is not None and self._decoding.busy:
            self._decoding.put(None)
        else:
            self._take_in(None)

    def broke(self, error: Exception) -> None:
        """Something of this session has broken the server or the application: it ends, and no
        other."""
        _log.error("a message of %s broke the server", self.user, exc_info=error)
        self._on_break(self, error)
        self.close(f"the server failed over a message of this headset: {type(error).__name__}")

    def listen_no_more(self) -> None:
        """Take nothing in any more; what waits in the inbox can still be taken out."""
        self._deaf = True

    def flush(self) -> None:
        self._outgoing.flush()

    def tend(self, stall_s: float) -> Counter[str]:
        """Called once a second: end a stalled session; tells what was newly dropped, and of each
        kind of absence once. Returns what was newly dropped, and of which channels samples were
        absent (``<channel> absent``)."""
        return self._health.check(self.codecs.values(), stall_s)

    # Inside

    def _finish(self, reason: str) -> None:
        self.over.set_result(reason)
        self.arrived.set()

    def _receive_frame(self, packed: PackedFrame) -> None:
        now = self._now()
        frame = self._guard.accept_frame(packed, self.codecs, now)
        self._observe(packed)
        stats = self.stats
        stats.frames += 1
        clock = self.clock
        if clock is not None and now - clock.to_remote(packed.capture_us) > self._late_us:
            stats.late += 1
        if self._to_inbox:
            self.inbox.put(frame)
        else:
            self._on_frame(self, frame)

    def _receive_feedback(self, feedback: Feedback) -> None:
        self._guard.accept_seq(feedback.seq)
        if feedback.task not in self.tasks:
            raise ProtocolError(
                "unknown-task",
                f"feedback on task {feedback.task!r}; open are {', '.join(self.tasks) or 'none'}",
            )
        self._observe(feedback)
        self.stats.feedback += 1
        if self._to_inbox:
            self.inbox.put(feedback)
        else:
            self._on_feedback(self, feedback)

    def _receive_ping(self, ping: Ping) -> None:
        if not self.budget.spend("ping"):
            return
        now = self._now()
        if ping.offset_us is not None:
            try:
                self.clock = Estimate(
                    ping.offset_us, ping.drift_ppm * 1e-6, ping.sent_us, ping.uncertainty_us
                )
            except ValueError as error:
                raise ProtocolError("bad-time", str(error)) from None
            self._observe(ping)
        # Not through the outbox: a pong that waited is worthless, and a congested peer gets none.
        if not self._wire.congested:
            self._wire.write(encode(Pong(ping.sent_us, now, self._now(), self.acknowledged)))

    def _receive_consent(self, consent: Consent) -> None:
        if consent.record != self.recordable:
            self.recordable = consent.record
            for observer in self._observers:
                observer.consented(self)

    def _observe(self, message: PackedFrame | Feedback | Ping | Bye) -> None:
        for observer in self._observers:
            observer.received(self, message)

    def _refuse(self, error: ProtocolError, seq: int) -> None:
        self.stats.refused += 1
        self.notice(error.code, str(error), seq=seq)
        too_many = self._refusals.count(self._wire.loop.time())
        if error.code == "garbage":
            self.close(str(error))
        elif too_many:
            self.close(f"{self._refusals}; the last: {error}")
