"""Plays a recording back: each recorded session becomes a headset that connects as any other.

Sessions open and end in the recorded order, and what they sent goes out as it was, byte for byte,
under its sequence number. With a ``speed`` it goes out at the recorded times, divided by it. With
speed 0 the replay goes **in step**: a session sends on when the answers that it had got by then
have come again, so that a server that answers by capture times sees the same ticks in the same
passes, however fast either side is. Answers are compared with the recorded ones.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bridge.client import HeadsetClient, connect
from bridge.clock import now_us
from bridge.protocol import BridgeError, Bye, Feedback, Notice, PackedFrame, Ping, Reply
from bridge.recording.reader import Event, Recording
from bridge.recording.records import Closed
from bridge.recording.sessions import RecordedSession

CLOSE = 1e-6
"""Probabilities no further apart than this count as the same: headsets that are answered in one
pass instead of two are so by rounding."""
_LAST_S = 2.0
PATIENCE_S = 20.0
"""How long a replay in step waits for an answer before it gives up waiting for that session's."""
_SYNC_S = 2.0
_UNMATCHED = 4096
"""Replies kept that the recording has none for."""


@dataclass
class Replayed:
    """What became of a replay. Of the recorded replies, ``equal`` came again bit for bit, ``close``
    within `CLOSE`, ``different`` with other probabilities (``changed`` of them with another best
    class), ``missing`` not at all. ``trouble``: refusals, endings and notices, a line each."""

    sessions: int = 0
    frames: int = 0
    feedback: int = 0
    equal: int = 0
    close: int = 0
    different: int = 0
    changed: int = 0
    missing: int = 0
    furthest: float = 0.0
    ended: int = 0
    trouble: list[str] = field(default_factory=list)

    def compare(self, recorded: Reply, replayed: Reply) -> None:
        """Count one reply that came again."""
        furthest, changed = 0.0, recorded.answers.keys() != replayed.answers.keys()
        for task, before in recorded.answers.items():
            after = replayed.answers.get(task)
            if after is None or len(after.p) != len(before.p):
                furthest, changed = 1.0, True
                continue
            changed |= before.best != after.best
            gap = np.abs(before.probabilities - after.probabilities)
            furthest = max(furthest, float(gap.max(initial=0.0)))
        self.furthest = max(self.furthest, furthest)
        if furthest == 0.0 and not changed:
            self.equal += 1
        elif furthest <= CLOSE and not changed:
            self.close += 1
        else:
            self.different += 1
            self.changed += changed

    def __str__(self) -> str:
        text = f"{self.sessions} sessions, {self.frames} frames, {self.feedback} feedback"
        if not self.equal + self.close + self.different + self.missing:
            return text + "; no answers were recorded to compare with"
        return (
            f"{text}; answers: {self.equal} equal bit for bit, {self.close} within {CLOSE:g}, "
            f"{self.different} different ({self.changed} with another best class, furthest "
            f"{self.furthest:.2g}), {self.missing} missing"
        )


@dataclass(frozen=True)
class _Where:
    """Where to replay to: see `bridge.client.connect`."""

    url: str
    token: str | None = None
    trust: Path | None = None


class _Headset:
    """One recorded session, alive again."""

    def __init__(self, session: RecordedSession, total: Replayed) -> None:
        self.session, self.total = session, total
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
        """Send it as it was, but for the numbers that this session has given its channels."""
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

    async def expect(self, reply: Reply, in_step: bool) -> None:
        """The recorded headset got this now; ``in_step`` waits until this one has."""
        seq = reply.seq + self._shift
        self._expected[seq] = reply
        self._match(seq)
        while in_step and self._waits and self._newest < seq and self.client.ended is None:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), PATIENCE_S)
            except TimeoutError:
                self._waits = False
                self.trouble(f"no answer within {PATIENCE_S:g} s; not waiting for them any more")

    async def end(self, reason: str) -> None:
        """End as the recorded session did: with a bye, or without."""
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
                await asyncio.wait_for(self._news.wait(), _LAST_S)
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
                elif isinstance(message, Notice):
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
    stage = _Stage(_Where(url, token, trust), speed, total)
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


class _Stage:
    """The sessions that are open at this moment of a replay."""

    def __init__(self, where: _Where, speed: float, total: Replayed) -> None:
        self._where, self._speed, self._total = where, speed, total
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
            await headset.expect(message, in_step=not self._speed)
        elif isinstance(message, Ping) and self._speed == 1.0:
            headset.start_clock(message)
        elif isinstance(message, Bye) and event.up:
            headset.bye = message.reason
        elif isinstance(message, Closed):
            await self._end(headset, message.reason)

    async def _open(self, session: RecordedSession) -> None:
        """Connect. A server may still be busy with the end of the same user's last session, so
        then this is tried for a while."""
        headset = _Headset(session, self._total)
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
