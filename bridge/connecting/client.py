"""A headset in Python: connects to a bridge, streams frames, receives replies and cues.

    async with await connect(url, user="u1", scenario="companion", channels=[...]) as headset:
        await headset.send_frame(now_us(), {"wrist": samples})
        async for message in headset: ...

While the socket keeps up, a frame is written within ``send_frame``. When it does not, frames wait
in a `FrameQueue` that thins them by each channel's policy, so that what leaves next is fresh;
``send_frame`` only waits itself when `reliable` data have filled that queue.

With ``retry`` a lost connection is no end: see `fedxr.bridge.connecting.reconnecting`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Self

from numpy.typing import ArrayLike

from fedxr.bridge.channels import Channel, ChannelError, Samples
from fedxr.bridge.clock import BURST, ClockSync, Estimate
from fedxr.bridge.connecting.mailbox import Mailbox
from fedxr.bridge.connecting.pings import Pings
from fedxr.bridge.connecting.stamping import stamped
from fedxr.bridge.connecting.unacknowledged import Unacknowledged
from fedxr.bridge.episodes import Episodes
from fedxr.bridge.frames import ChannelCodec, Frame, pack_frame, pack_samples
from fedxr.bridge.protocol import (
    BridgeError,
    Bye,
    Challenge,
    Consent,
    Cue,
    Feedback,
    Notice,
    PackedFrame,
    Ping,
    Pong,
    ProtocolError,
    Reply,
    Welcome,
    decode_down,
    encode,
)
from fedxr.bridge.transport.connection import ClientBridgeConnection
from fedxr.bridge.transport.queues import FrameQueue

_LEAPT = "went back, or nothing was captured for more than a minute"


class HeadsetClient:
    """One open session; made by `connect`.

    Iterate over it for `Reply`, `Cue` and `Notice` as they come; iteration ends with the session
    and raises BridgeError when the server or the network ended it.
    """

    _kept: Unacknowledged | None = None

    def __init__(
        self,
        channels: Sequence[Channel],
        connection: ClientBridgeConnection,
        welcome: Welcome,
        now: Callable[[], int],
        queue_bytes: int,
    ) -> None:
        self.episodes = Episodes()
        self.reconnects = 0
        """How often a lost connection was taken up again
        (`fedxr.bridge.connecting.reconnecting`)."""
        self.record = True
        """Whether the user may be recorded, as was said last."""
        self._channels = {c.name: c for c in channels if c.name in welcome.channels}
        self._now = now
        self._seq = self._written = welcome.last_seq
        policies = {c.name: c.delivery for c in self._channels.values()}
        self._waiting = FrameQueue(policies, queue_bytes)
        self._mailbox = Mailbox()
        self._pings = Pings(now, self._send_ping)
        self._room = asyncio.Event()
        self._ended: str | None = None
        self._said_bye = False
        self._syncing: asyncio.Task[None] | None = None
        self._take_up(connection, welcome)

    def _take_up(self, connection: ClientBridgeConnection, welcome: Welcome) -> None:
        """Go on over a new connection."""
        self.welcome = welcome
        numbers = welcome.channels
        self.codecs = {
            name: ChannelCodec(channel, numbers[name])
            for name, channel in self._channels.items()
            if name in numbers
        }
        self._connection, self._connected = connection, True
        connection.set_callbacks(self.receive, self.flush, partial(self._lost, connection))
        for data in connection.early:
            self.receive(data)
        if not connection.open:
            self._lost(connection)

    @property
    def session(self) -> str:
        """The session's id: ``connect(resume=…)`` takes it after a lost connection."""
        return self.welcome.session

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(self.welcome.tasks)

    @property
    def clock(self) -> ClockSync:
        """What is known of the server's clock."""
        return self._pings.clock

    @property
    def unread(self) -> int:
        """Messages of the server that went because nobody read them in time."""
        return self._mailbox.unread

    @property
    def drops(self) -> Counter[str]:
        """Blocks that this side dropped because the socket did not keep up, by channel."""
        return self._waiting.drops

    @property
    def ended(self) -> str | None:
        """Why the session is over, or None while it is open."""
        return self._ended

    async def send_frame(
        self,
        capture_us: int,
        samples: Mapping[str, Samples],
        episode: int | None = None,
        episode_start_us: int | None = None,
    ) -> int:
        """Send the tick that closes at ``capture_us``; returns its sequence number.

        Without ``episode`` they are numbered here: a new one begins, and a notice ``new-episode``
        says so the first time, when time goes back or nothing was captured for 60 s. Without
        ``episode_start_us`` it began one tick before its first frame (`fedxr.bridge.episodes`).

        Raises ChannelError for samples that do not fit and BridgeError when the session is over.
        """
        self._check_open()
        # Packed even if it must wait: samples that do not fit are the caller's error, here and now.
        blocks = pack_samples(samples, self.codecs)
        leaps = self.episodes.leaps
        episode, episode_start_us = self.episodes.of(capture_us, episode, episode_start_us)
        if not leaps and self.episodes.leaps:
            self._mailbox.put_message(
                Notice("new-episode", f"capture times {_LEAPT}: episode {episode} begins")
            )
        self._seq += 1
        seq = self._seq
        if self._kept is not None:
            self._kept.keep(Frame(seq, capture_us, dict(samples), episode, episode_start_us))
        if self._ready:
            self._send(PackedFrame(seq, capture_us, blocks, episode, episode_start_us))
        else:
            self._waiting.put(Frame(seq, capture_us, dict(samples), episode, episode_start_us))
        if self._full:
            await self._until_room()
        return seq

    async def send(self, channel: str, values: ArrayLike) -> int:
        """Send ``values`` (n, *shape) of one channel, or one sample; returns the frame's number.

        The newest was taken now, the others a period of the channel apart: send each stretch when
        it is whole. Raises ChannelError for a channel that is not open, or values that do not fit.
        """
        if channel not in self.codecs:
            why = self.welcome.refused.get(channel)
            raise ChannelError(
                f"channel {channel!r} "
                + (f"was refused: {why}" if why else f"is not open; open are {list(self.codecs)}")
            )
        now = self._now()
        return await self.send_frame(now, {channel: stamped(self._channels[channel], values, now)})

    async def send_feedback(
        self,
        task: str,
        t_us: int,
        label: int = 0,
        episode: int | None = None,
        kind: str = "label",
    ) -> int:
        """Tell what the user says of ``task`` at capture time ``t_us``; never dropped.

        Without ``episode`` it is of the one that the time was in, where they are numbered here.
        ``kind`` is label, correction, rating or undo. Returns the sequence number.
        """
        self._check_open()
        if kind not in ("label", "correction", "rating", "undo"):
            raise ProtocolError(
                "bad-feedback", f"kind {kind!r}; allowed are label, correction, rating, undo"
            )
        if episode is None:
            episode = self.episodes.at(t_us)
        self._seq += 1
        feedback = Feedback(self._seq, task, t_us, label, episode, kind)  # type: ignore[arg-type]
        if self._kept is not None:
            self._kept.keep(feedback)
        if self._ready:
            self._send(feedback)
        else:
            self._waiting.put(feedback)
        if self._full:
            await self._until_room()
        return feedback.seq

    async def forward(self, message: PackedFrame | Feedback) -> None:
        """Send a recorded message as it is, its blocks and sequence number included; waits until
        the socket takes it. Raises BridgeError when the session is over."""
        self._check_open()
        while self._connection.congested or len(self._waiting):
            self._room.clear()
            await self._room.wait()
            self._check_open()
        self._seq = message.seq
        self._connection.write(encode(message))

    def allow_recording(self, allowed: bool) -> None:
        """Say whether the user may be recorded from now on; a session that may not is left out."""
        self._check_open()
        self.record = allowed
        if self._connected:
            self._connection.write(encode(Consent(allowed)))

    def abort(self) -> None:
        """Lose the connection, as a headset does whose battery is empty."""
        self._said_bye = True
        self._connection.transport.abort()

    async def sync_clock(self, exchanges: int = BURST) -> Estimate | None:
        """One burst of pings, one after the other; returns the estimate (server minus here)."""
        estimate = await self._pings.burst(exchanges)
        if estimate is not None and self._ended is None:
            self._connection.write(encode(self._pings.ping(self._now())))
        return estimate

    def keep_synced(self, every_s: float) -> None:
        """From now on run a burst every ``every_s`` seconds in the background."""
        self._syncing = asyncio.create_task(self._sync(every_s))

    def __aiter__(self) -> AsyncIterator[Reply | Cue | Notice]:
        return self

    async def __anext__(self) -> Reply | Cue | Notice:
        message = await self._mailbox.next_message()
        if message is not None:
            return message
        if self._said_bye:
            raise StopAsyncIteration
        raise BridgeError(f"the session ended: {self._ended}")

    async def close(self, reason: str = "") -> None:
        """Say bye, once all that waits has been sent or cannot be, and close."""
        if self._syncing is not None:
            self._syncing.cancel()
        self._said_bye = True
        if self._ended is None:
            if not self._connection.congested:
                self._connection.write(encode(Bye(reason)))
            await self._connection.shut(1000, reason)
        self._end("closed here")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    # Called by the wire

    def receive(self, data: bytes) -> None:
        """One message from the server."""
        try:
            message = decode_down(data)
        except ProtocolError as error:
            self._end(f"the server sent what is {error}")
            self._connection.fail(1002, str(error))
            return
        if isinstance(message, Reply):
            self._acknowledge(message.seq)
            self._mailbox.put_message(message)
        elif isinstance(message, Pong):
            self._acknowledge(message.last_seq)
            self._pings.take_pong(message)
        elif isinstance(message, Bye):
            self._acknowledge(message.last_seq)
            self._bye(message)
        elif not isinstance(message, (Welcome, Challenge)):
            self._mailbox.put_message(message)

    def flush(self) -> None:
        """The socket has drained: send what waited, oldest first."""
        while self._ready and (item := self._waiting.take()) is not None:
            self._send(pack_frame(item, self.codecs) if isinstance(item, Frame) else item)
        self._room.set()

    def _lost(self, connection: ClientBridgeConnection) -> None:
        if connection is self._connection:
            self._lose(connection.close_reason or "connection lost")

    def _bye(self, bye: Bye) -> None:
        self._end(bye.reason or "the server said bye")

    def _lose(self, reason: str) -> None:
        self._end(reason)

    # Inside

    @property
    def _ready(self) -> bool:
        return self._connected and not self._connection.congested

    def _send(self, message: PackedFrame | Feedback) -> None:
        self._written = message.seq
        self._connection.write(encode(message))

    @property
    def _full(self) -> bool:
        """Whether the sender must wait for room."""
        return self._waiting.full or (self._kept is not None and self._kept.full)

    def _acknowledge(self, seq: int) -> None:
        """The server has everything up to ``seq``."""
        if self._kept is not None:
            self._kept.acknowledge(seq)
            self._room.set()

    def _send_ping(self, ping: Ping) -> None:
        self._check_open()
        self._connection.write(encode(ping))

    async def _sync(self, every_s: float) -> None:
        # The session's end is told to whoever reads or sends, not to this task.
        with contextlib.suppress(BridgeError):
            while self._ended is None:
                await self.sync_clock()
                await asyncio.sleep(every_s)

    async def _until_room(self) -> None:
        while self._full and self._ended is None:
            self._room.clear()
            await self._room.wait()
        self._check_open()

    def _check_open(self) -> None:
        if self._ended is not None:
            raise BridgeError(f"the session ended: {self._ended}; connect again")

    def _end(self, reason: str) -> None:
        if self._ended is None:
            self._ended = reason
            self._mailbox.close()
            self._room.set()
            self._pings.fail(reason)
