"""One headset's session on the server."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

from fedxr.bridge.channels import Channel
from fedxr.bridge.clock import Estimate
from fedxr.bridge.episodes import default_start
from fedxr.bridge.frames import ChannelCodec, Frame, unpack_samples
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
from fedxr.bridge.serving.observer import Observer
from fedxr.bridge.stats import SessionStats
from fedxr.bridge.transport.connection import NOT_TEXT, Wire
from fedxr.bridge.transport.queues import FrameQueue, Outbox
from fedxr.bridge.user_key import fingerprint

_log = logging.getLogger(__name__)
_ABUSE = 20
_ABUSE_S = 10.0
"""A session is closed after more than `_ABUSE` refused messages within `_ABUSE_S` seconds."""

_EARLY = ProtocolError("bad-sequence", "wait for the welcome before sending more")
_TOLD_S = 0.1
"""A headset is told that it sends too fast once reading has paused for so many more seconds."""


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
    ) -> None:
        self.id = session_id
        self.hello = hello
        self.person = fingerprint(hello.key)
        """Who the user is: the fingerprint of the key that was proven."""
        self.channels = {channel.name: channel for channel in channels}
        self.refused = refused
        self.tasks: tuple[str, ...] = ()
        self.recordable = hello.record
        """Whether the user may be recorded, as was said last."""
        self.resumed = False
        self.last_seq = 0
        """The newest number that has arrived."""
        self.episode = -1
        self.clock: Estimate | None = None
        self.welcome: Welcome | None = None
        self.observers: Sequence[Observer] = ()
        self.stats = SessionStats()
        self.budget = Budget()
        self.shed: Counter[str] = Counter()
        """Blocks that the application had no room for, by channel: counted as drops."""
        self.silent_s = 0
        """Seconds without a frame or feedback."""
        self.inbox = FrameQueue({c.name: c.delivery for c in channels}, inbox_bytes)
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.gone = asyncio.Event()
        """Set when the application has been told that the session is over."""
        self.arrived = asyncio.Event()
        """Set when something was put into the inbox."""
        self.codecs = {n: ChannelCodec(channel, n) for n, channel in enumerate(channels, 1)}
        self._wire = wire
        self._outbox = Outbox(wire, outbox_bytes)
        self._late_us = late_us
        self._now = now
        self._capture_us = self._start_us = 0
        self._open = False
        self._to_inbox = False
        self._held = False
        self._deaf = False
        self._decoding = (
            Decoding(
                pictures, wire, self.codecs, self.over, self._take_in, inbox_bytes, self.budget
            )
            if any(codec.image for codec in self.codecs.values())
            else None
        )
        self._taken = 0
        self._early: list[Cue | Notice | Bye] = []
        self._refusals: deque[float] = deque(maxlen=_ABUSE)
        self._told: Counter[str] = Counter()
        self._heard = 0
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

    # What an application calls

    def send_reply(self, seq: int, capture_us: int, answers: dict[str, Answer]) -> None:
        """Send the answers after frame ``seq``; a newer reply replaces one that still waits."""
        reply = Reply(seq, capture_us, answers)
        for observer in self.observers:
            observer.sent(self, reply)
        data = encode(reply)
        self.stats.replies += 1
        self.stats.bytes_out += len(data)
        clock = self.clock
        if clock is not None:
            self.stats.latency.add(self._now() - clock.to_remote(capture_us))
        self._outbox.send_latest(data)

    def send_cue(self, kind: str, payload: dict[str, Any] | None = None) -> None:
        """Tell the scene to do something; ``payload`` must be MessagePack-able."""
        self._control(Cue(kind, payload or {}))

    def notice(
        self, code: str, text: str, counts: dict[str, int] | None = None, seq: int = 0
    ) -> None:
        """Tell the headset what went wrong; the text is shown to a person."""
        self._control(Notice(code, text[:2000], counts or {}, seq))

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
        return self._taken if self._to_inbox else self.last_seq

    @property
    def settled(self) -> bool:
        """Whether all that arrived has been acknowledged."""
        decoding = self._decoding is not None and self._decoding.busy
        return not decoding and self.acknowledged == self.last_seq

    def take(self) -> Frame | Feedback | None:
        """The oldest waiting item of the inbox, or None; reading resumes when there is room."""
        item = self.inbox.take()
        self._taken = item.seq - 1 if item is not None else self.last_seq
        if self._held and not self.inbox.full:
            self._held = False
            self._wire.release("inbox full")
        return item

    def close(self, reason: str, again: bool = False) -> None:
        """End the session; the headset is told the reason, and whether to come ``again``."""
        if not self.over.done():
            self._control(Bye(reason[:2000], self.acknowledged, again))
            self._finish(reason)

    # What the server calls

    def begin_after(self, seq: int) -> None:
        """Frames and feedback are counted on from ``seq``."""
        self.last_seq = self._taken = seq

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
        self._wire.write(encode(welcome))
        for observer in self.observers:
            observer.opened(self)
        for message in self._early:
            self._control(message)
        self._early.clear()

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
        for _ in range(min(messages, _ABUSE)):
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
        self._outbox.flush()

    def tend(self, stall_s: float) -> Counter[str]:
        """Called once a second: end a stalled session; tells what was newly dropped, and of each
        kind of absence once. Returns what was newly dropped, and of which channels samples were
        absent (``<channel> absent``)."""
        since = self._wire.congested_since
        if since is not None and self._wire.loop.time() - since > stall_s and self._open:
            self.close(f"stalled: did not read for {stall_s:g} s")
        self._tell_pace()
        self._tell_budget()
        heard = self.stats.frames + self.stats.feedback + self.stats.refused
        self.silent_s = self.silent_s + 1 if heard == self._heard else 0
        self._heard = heard
        drops = self.inbox.drops + self._outbox.drops + self.shed
        if self._decoding is not None:
            drops += self._decoding.drops
        self.stats.drops = drops
        told = drops + Counter(lost=self.stats.lost, late=self.stats.late)
        fresh = told - self._told
        self._told = told
        if fresh:
            what = ", ".join(f"{name} {count}" for name, count in sorted(fresh.items()))
            self.notice("dropped", f"dropped, lost or late since last told: {what}", dict(fresh))
        return fresh + self._tell_absent()

    # Inside

    def _finish(self, reason: str) -> None:
        self.over.set_result(reason)
        self.arrived.set()

    def _tell_pace(self) -> None:
        pace = self._wire.pace
        paused = pace.paused_s - self.stats.paused_s if pace is not None else 0.0
        if pace is not None and paused >= _TOLD_S:
            self.stats.paused_s = pace.paused_s
            self.notice("too-fast", f"{pace.limit}; reading paused for {paused:.1f} s")

    def _tell_budget(self) -> None:
        told = self.budget.tell()
        if told and self.budget.overdrawn:
            self.close(f"too much for seconds: {told}")
        elif told:
            self.notice("too-much", told)

    def _tell_absent(self) -> Counter[str]:
        """By channel, how many samples had something absent since the last call."""
        fresh: Counter[str] = Counter()
        for codec in self.codecs.values():
            known, total = self.stats.absent[codec.name], codec.absences.samples.total()
            if total > known:
                fresh[f"{codec.name} absent"] = total - known
                self.stats.absent[codec.name] = total
            for text in codec.absences.news():
                self.notice("absent", text, {codec.name: total})
        return fresh

    def _receive_frame(self, packed: PackedFrame) -> None:
        now = self._now()
        self._check_seq(packed.seq)
        begins = packed.episode > self.episode
        if packed.episode < self.episode:
            raise ProtocolError(
                "bad-sequence", f"episode {packed.episode} after {self.episode}; count up"
            )
        if not begins and packed.capture_us < self._capture_us:
            raise ProtocolError(
                "bad-time", f"capture_us {packed.capture_us} after {self._capture_us}"
            )
        before = {codec: codec.last_us for codec in self.codecs.values()} if begins else {}
        for codec in before:
            codec.last_us = 0
        try:
            samples = unpack_samples(packed, self.codecs)
        except ProtocolError:
            for codec, last_us in before.items():  # a refused frame begins no episode
                codec.last_us = last_us
            raise
        self.episode, self._capture_us = packed.episode, packed.capture_us
        if begins:
            self._start_us = packed.episode_start_us or default_start(packed.capture_us)
        self._observe(packed)
        stats = self.stats
        stats.frames += 1
        clock = self.clock
        if clock is not None and now - clock.to_remote(packed.capture_us) > self._late_us:
            stats.late += 1
        start_us = packed.episode_start_us or self._start_us
        frame = Frame(packed.seq, packed.capture_us, samples, packed.episode, start_us, now)
        if self._to_inbox:
            self._put(frame)
        else:
            self._on_frame(self, frame)

    def _receive_feedback(self, feedback: Feedback) -> None:
        self._check_seq(feedback.seq)
        if feedback.task not in self.tasks:
            raise ProtocolError(
                "unknown-task",
                f"feedback on task {feedback.task!r}; open are {', '.join(self.tasks) or 'none'}",
            )
        self._observe(feedback)
        self.stats.feedback += 1
        if self._to_inbox:
            self._put(feedback)
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
            for observer in self.observers:
                observer.consented(self)

    def _observe(self, message: PackedFrame | Feedback | Ping | Bye) -> None:
        for observer in self.observers:
            observer.received(self, message)

    def _check_seq(self, seq: int) -> None:
        gap = seq - self.last_seq
        if gap <= 0:
            raise ProtocolError("bad-sequence", f"seq {seq} after {self.last_seq}; count up")
        self.stats.lost += gap - 1
        self.last_seq = seq

    def _put(self, item: Frame | Feedback) -> None:
        self.inbox.put(item)
        self.arrived.set()
        if self.inbox.full and not self._held:
            self._held = True
            self._wire.hold("inbox full")

    def _refuse(self, error: ProtocolError, seq: int) -> None:
        self.stats.refused += 1
        self.notice(error.code, str(error), seq=seq)
        now = self._wire.loop.time()
        self._refusals.append(now)
        if error.code == "garbage":
            self.close(str(error))
        elif len(self._refusals) == _ABUSE and now - self._refusals[0] < _ABUSE_S:
            self.close(f"{_ABUSE} refused messages within {_ABUSE_S:g} s; the last: {error}")

    def _control(self, message: Cue | Notice | Bye) -> None:
        if self.welcome is None:
            # A headset takes whatever comes instead of a welcome for a refusal.
            self._early.append(message)
            return
        for observer in self.observers:
            observer.sent(self, message)
        data = encode(message)
        self.stats.bytes_out += len(data)
        self._outbox.send_control(data)
