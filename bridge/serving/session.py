"""One headset's session on the server.

Its parts have rules of their own: `Incoming` and `Outgoing` (messages up and down),
`SequenceGuard` (what comes counts up), `RefusalLimit` (how much may be refused), `Decoding`
(pictures on their way in), `Inbox` (what waits for the application), `Budget` (what it may cost)
and `Health` (what is looked at once a second). The session knows who it is with, and ends."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from fedxr.bridge.channels import Channel
from fedxr.bridge.clock import Estimate
from fedxr.bridge.frames import ChannelCodec, Frame
from fedxr.bridge.protocol import (
    Answer,
    Bye,
    Cue,
    Feedback,
    Hello,
    Notice,
    Reply,
    Welcome,
)
from fedxr.bridge.serving.budget import Budget
from fedxr.bridge.serving.decode_process import Pictures
from fedxr.bridge.serving.decode_queue import Decoding, Ordered
from fedxr.bridge.serving.health import Health
from fedxr.bridge.serving.inbox import Inbox
from fedxr.bridge.serving.incoming import Incoming
from fedxr.bridge.serving.observer import Observer
from fedxr.bridge.serving.outgoing import Outgoing
from fedxr.bridge.serving.sequence import SequenceGuard
from fedxr.bridge.stats import SessionStats
from fedxr.bridge.transport.connection import BridgeConnection
from fedxr.bridge.user_key import fingerprint

_log = logging.getLogger(__name__)


class Session:
    """One headset from its welcome to its end.

    A message arrives in ``incoming``: it is decoded, checked against the advertised channels, and
    handed on or refused with a notice. ``over`` is resolved with the reason when the session ends.
    """

    def __init__(
        self,
        connection: BridgeConnection,
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
        self.user_id = fingerprint(hello.key)
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
        self._connection = connection
        self._guard = SequenceGuard(self.stats)
        self.inbox = Inbox(channels, inbox_bytes, self._guard, connection)
        self.arrived = self.inbox.arrived
        """Set when something was put into the inbox, and at the end."""
        self._outgoing = Outgoing(self, connection, outbox_bytes, self.stats, observers, now)
        drops = [self.inbox.drops, self._outgoing.drops, self.shed]
        decoding: Decoding | None = None
        if any(codec.image for codec in self.codecs.values()):
            decoding = Decoding(
                pictures,
                connection,
                self.codecs,
                self.over,
                self._take_in,
                inbox_bytes,
                self.budget,
            )
            drops.append(decoding.drops)
        self.incoming = Incoming(self, connection, self._guard, decoding, observers, late_us, now)
        """What the connection hands its messages to."""
        self._health = Health(self, connection, self.stats, self.budget, drops)
        self._on_break: Callable[[Session, Exception], object]

    @property
    def user(self) -> str:
        """What the user is called: a label, which others may have as well."""
        return self.hello.user

    @property
    def remote_address(self) -> object:
        return self._connection.remote_address

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
        self.inbox.used = True

    @property
    def acknowledged(self) -> int:
        """Every frame and feedback up to this number is the application's: handed to it, or taken
        from the inbox and done with, which is when the next one is asked for."""
        return self.inbox.acknowledged

    @property
    def settled(self) -> bool:
        """Whether all that arrived has been acknowledged."""
        decoding = self.incoming.decoding
        return not (decoding and decoding.busy) and self.acknowledged == self._guard.last_seq

    def take(self) -> Frame | Feedback | None:
        """The oldest waiting item of the inbox, or None; reading resumes when there is room."""
        return self.inbox.take()

    def close(self, reason: str, again: bool = False) -> None:
        """End the session; the headset is told the reason, and whether to come ``again``."""
        if not self.over.done():
            self._outgoing.send_control(Bye(reason[:2000], self.acknowledged, again))
            self.finish(reason)

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
        self._on_break = on_break
        self.incoming.open(partial(on_frame, self), partial(on_feedback, self))

    def welcomed(self, welcome: Welcome) -> None:
        """Send the welcome, and then what the application had to say in ``joined``."""
        self.welcome = welcome
        self._outgoing.send_welcome(welcome)

    def broke(self, error: Exception) -> None:
        """Something of this session has broken the server or the application: it ends, and no
        other."""
        _log.error("a message of %s broke the server", self.user, exc_info=error)
        self._on_break(self, error)
        self.close(f"the server failed over a message of this headset: {type(error).__name__}")

    def flush(self) -> None:
        self._outgoing.flush()

    def check_health(self, stall_s: float) -> Counter[str]:
        """Called once a second: end a stalled session; tells what was newly dropped, and of each
        kind of absence once. Returns what was newly dropped, and of which channels samples were
        absent (``<channel> absent``)."""
        return self._health.check(self.codecs.values(), stall_s)

    def finish(self, reason: str) -> None:
        """End the session, of which the headset need not be told."""
        self.over.set_result(reason)
        self.arrived.set()

    def _take_in(self, message: Ordered | None) -> None:
        self.incoming.take_in(message)
