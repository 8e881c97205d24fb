"""Plays a recording back: each recorded session becomes a headset that connects as any other.

Sessions open and end in the recorded order, and what they sent goes out as it was, byte for byte,
under its sequence number. With a ``speed`` it goes out at the recorded times, divided by it. With
speed 0 the replay goes **in step**: a reply names the newest frame that it has seen, so what was
sent after that frame is held back until the reply has come again, and frames that were answered
together go out together. A server that answers by capture times then sees the same ticks in the
same passes, however fast either side is. Answers are compared with the recorded ones.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fedxr.bridge.clock import now_us
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.protocol import (
    BridgeError,
    Bye,
    Feedback,
    Hello,
    Notice,
    PackedFrame,
    Ping,
    Reply,
)
from fedxr.bridge.recording.reader import Event, Recording
from fedxr.bridge.recording.recorder import RECORDED
from fedxr.bridge.recording.records import Closed
from fedxr.bridge.recording.replayed import Replayed
from fedxr.bridge.recording.sessions import RecordedSession
from fedxr.bridge.user_key import UserKey

_LAST_S = 2.0
PATIENCE_S = 20.0
"""How long a replay in step waits for an answer before it gives up waiting for that session's."""
_SYNC_S = 2.0
_UNMATCHED = 4096
"""Replies kept that the recording has none for."""


@dataclass(frozen=True)
class _Where:
    """Where to replay to: see `fedxr.bridge.connecting.connect.connect`."""

    url: str
    token: str | None = None
    trust: Path | None = None
    keys: dict[bytes | str, UserKey] = field(default_factory=dict)
    """The persons of the recording play as new ones: their own keys are theirs alone."""

    def key_of(self, hello: Hello) -> UserKey:
        who = hello.key or hello.user
        if who not in self.keys:
            self.keys[who] = UserKey.new()
        return self.keys[who]


class _Headset:
    """One recorded session, alive again."""

    def __init__(
        self, session: RecordedSession, total: Replayed, answered: Collection[int] | None
    ) -> None:
        self.session, self.total = session, total
        self._answered = answered
        self._held: list[PackedFrame | Feedback] = []
        self._last_answered = 0
        self.client: HeadsetClient
        self.bye = ""
        self._zero_us: int | None = None
        self._expected: dict[int, Reply] = {}
        self._got: dict[int, Reply] = {}
        self._newest = 0
        self._waits = True
        self._news = asyncio.Event()
        self._listening: asyncio.Task[None]
        self._numbers: dict[int, int] = {}
        self._shift = 0

    async def open(self, where: _Where, resume: str | None) -> None:
        """Connect with the recorded hello. Channels are offered as reliable: what is in the
        recording has been thinned already. Raises BridgeError."""
        hello, welcome = self.session.hello, self.session.welcome
        channels = [
            type(c)(c.name, c.layout, c.rate_hz, "reliable") for c in self.session.channels.values()
        ]
        self.client = await connect(
            where.url,
            user=hello.user,
            scenario=hello.scenario,
            channels=channels,
            tasks=hello.tasks,
            device=hello.device,
            token=where.token,
            trust=where.trust,
            resume=resume,
            key=where.key_of(hello),
            clock_s=None,
            now=self._now,
        )
        opened = self.client.welcome
        self._numbers = {
            old: opened.channels[name]
            for name, old in welcome.channels.items()
            if name in opened.channels
        }
        self._shift = opened.last_seq - welcome.last_seq
        for name, why in opened.refused.items():
            self.trouble(f"channel {name} is refused: {why}")
        self._listening = asyncio.create_task(self._listen())

    def trouble(self, what: str) -> None:
        """Note it, once."""
        line = f"{self.session.name}: {what}"
        if line not in self.total.trouble:
            self.total.trouble.append(line)

    def start_clock(self, ping: Ping) -> None:
        """In real time the clock can be told: from here on this headset's clock shows what the
        recorded one did."""
        if self._zero_us is None:
            self._zero_us = now_us() - ping.sent_us
            self.client.keep_synced(_SYNC_S)

    async def send(self, message: PackedFrame | Feedback) -> None:
        """Send it as it was, but for the numbers that this session has given its channels; in step,
        hold it until the next frame that was answered."""
        self._held.append(message)
        if self._answered is None:
            await self._send_held()
        elif message.seq in self._answered:
            await self._until_answered()
            self._last_answered = message.seq + self._shift
            await self._send_held()

    async def _send_held(self) -> None:
        held, self._held = self._held, []
        for message in held:
            await self._forward(message)

    async def _forward(self, message: PackedFrame | Feedback) -> None:
        if isinstance(message, PackedFrame):
            for block in message.blocks:
                block.channel = self._numbers.get(block.channel, 0)
            message.blocks = [b for b in message.blocks if b.channel]
            self.total.frames += 1
        elif message.task not in self.client.tasks:
            return
        else:
            self.total.feedback += 1
        message.seq += self._shift
        await self.client.forward(message)

    async def expect(self, reply: Reply) -> None:
        """The recorded headset got this now; in step, wait until this one has."""
        seq = reply.seq + self._shift
        self._expected[seq] = reply
        self._match(seq)
        if self._answered is not None:
            await self._until_answered()

    async def _until_answered(self) -> None:
        """Wait for the answer to the newest frame that went out of those that were answered."""
        wanted = self._last_answered
        while self._waits and self._newest < wanted and self.client.ended is None:
            self._news.clear()
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self._news.wait()
            except TimeoutError:
                self._waits = False
                self.trouble(f"no answer within {PATIENCE_S:g} s; not waiting for them any more")

    async def end(self, reason: str) -> None:
        """End as the recorded session did: with a bye, or without."""
        with contextlib.suppress(BridgeError):
            await self._send_held()
        if reason.startswith("bye"):
            await self._last_answers()
            await self.client.close(self.bye)
        else:
            self.client.abort()
        await self._listening
        self.total.missing += len(self._expected)

    async def _last_answers(self) -> None:
        """Wait for answers that are still due, as long as some come."""
        while self._expected and self._waits and self.client.ended is None:
            self._news.clear()
            try:
                async with asyncio.timeout(_LAST_S):
                    await self._news.wait()
            except TimeoutError:
                return

    def _now(self) -> int:
        return now_us() - (self._zero_us or 0)

    async def _listen(self) -> None:
        try:
            async for message in self.client:
                if isinstance(message, Reply):
                    self._newest = max(self._newest, message.seq)
                    self._got[message.seq] = message
                    if len(self._got) > _UNMATCHED:
                        del self._got[next(iter(self._got))]
                    self._match(message.seq)
                elif isinstance(message, Notice) and message.code not in RECORDED:
                    self.trouble(f"{message.code}: {message.text}")
                self._news.set()
        except BridgeError as error:
            self.trouble(str(error))
        self._news.set()

    def _match(self, seq: int) -> None:
        if seq in self._expected and seq in self._got:
            self.total.compare(self._expected.pop(seq), self._got.pop(seq))


async def replay(
    recording: Recording,
    url: str,
    *,
    speed: float = 1.0,
    loop: bool = False,
    token: str | None = None,
    trust: Path | None = None,
    total: Replayed | None = None,
) -> Replayed:
    """Replay, again and again if ``loop``. ``speed`` 0 is in step, as fast as the server answers.

    ``total`` counts, so that it may be looked at meanwhile. Raises BridgeError when the first
    session is not let in; what happens to later ones is noted in ``total.trouble``.
    """
    total = total or Replayed()
    answered = {} if speed else _answered(recording)
    stage = _Stage(_Where(url, token, trust), speed, total, answered)
    while True:
        began_us, first_us = now_us(), None
        try:
            for event in recording.events():
                first_us = event.log_us if first_us is None else first_us
                if speed:
                    due_us = began_us + (event.log_us - first_us) / speed
                    await asyncio.sleep(max(0.0, (due_us - now_us()) / 1e6))
                await stage.play(event)
        finally:
            await stage.clear()
        if not loop:
            return total


def _answered(recording: Recording) -> dict[int, set[int]]:
    """The frames of each session that have a reply of their own; sessions that were answered not
    at all are left out, and need not be in step."""
    found: dict[int, set[int]] = {}
    for event in recording.events():
        if isinstance(event.message, Reply):
            found.setdefault(event.session.number, set()).add(event.message.seq)
    return found


class _Stage:
    """The sessions that are open at this moment of a replay."""

    def __init__(
        self,
        where: _Where,
        speed: float,
        total: Replayed,
        answered: Mapping[int, Collection[int]],
    ) -> None:
        self._where, self._speed, self._total = where, speed, total
        self._answered = answered
        self._here: dict[int, _Headset] = {}
        self._ids: dict[str, str] = {}
        self._left: set[str] = set()

    async def play(self, event: Event) -> None:
        """Let one event happen again."""
        if event.message is None:
            await self._open(event.session)
        elif event.session.number in self._here:
            headset = self._here[event.session.number]
            try:
                await self._do(headset, event)
            except BridgeError as error:
                headset.trouble(str(error))
                self._total.ended += 1
                await self._end(headset, "lost")

    async def clear(self) -> None:
        """End what the recording has left open."""
        for headset in list(self._here.values()):
            await self._end(headset, "bye")

    async def _do(self, headset: _Headset, event: Event) -> None:
        message = event.message
        if isinstance(message, PackedFrame | Feedback):
            await headset.send(message)
        elif isinstance(message, Reply):
            await headset.expect(message)
        elif isinstance(message, Ping) and self._speed == 1.0:
            headset.start_clock(message)
        elif isinstance(message, Bye) and event.up:
            headset.bye = message.reason
        elif isinstance(message, Closed):
            await self._end(headset, message.reason)

    async def _open(self, session: RecordedSession) -> None:
        """Connect. A server may still be busy with the end of the same user's last session, so
        then this is tried for a while."""
        headset = _Headset(session, self._total, self._answered.get(session.number))
        resume = self._ids.get(session.hello.resume or "")
        patience = now_us() + PATIENCE_S * 1e6
        while True:
            try:
                await headset.open(self._where, resume)
                break
            except BridgeError as error:
                if session.hello.user in self._left and now_us() < patience:
                    await asyncio.sleep(0.05)
                    continue
                if not self._total.sessions:
                    raise
                headset.trouble(str(error))
                self._total.ended += 1
                return
        self._here[session.number] = headset
        self._ids[session.welcome.session] = headset.client.session
        self._total.sessions += 1

    async def _end(self, headset: _Headset, reason: str) -> None:
        del self._here[headset.session.number]
        self._left.add(headset.session.hello.user)
        with contextlib.suppress(BridgeError):
            await headset.end(reason)
