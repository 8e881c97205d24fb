"""Records a running server: starts and stops, and tells how it goes.

    recorder = Recorder(server, Path("runs/recordings"))
    path = recorder.start()          # sessions that are open are recorded from here on
    recorder.status()                # for a page or a console
    status = await recorder.stop()

What is recorded is what the server accepted and what it sent. A session that was open already when
the recording began starts with the hello and welcome that it had; its replay then lacks what the
model had seen before.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fedxr.bridge.clock import now_us
from fedxr.bridge.protocol import BridgeError, Bye, Cue, Feedback, Notice, PackedFrame, Ping, Reply
from fedxr.bridge.recording.records import Closed, Recorded
from fedxr.bridge.recording.sessions import RecordedSession
from fedxr.bridge.recording.writer import MAX_BYTES, Entry, RecordingWriter
from fedxr.bridge.serving.observer import Observed
from fedxr.bridge.serving.server import BridgeServer

RECORDINGS = Path("runs/recordings")
"""Where recordings go that are not named."""
RECORDED = ("recording", "recording-ended")
"""The codes of the notices that tell a headset."""
_TOLD = (
    "all that you send is recorded from now on, on the server's machine; whoever does not want "
    "that says so (consent: record false) and is left out"
)


@dataclass(frozen=True)
class RecordingStatus:
    """``path`` is the file that is being written, or that was written last (None: none yet).
    ``dropped``: messages that were left out because the disk did not keep up. ``ended``: why it was
    over before it was stopped, though whole: it was as large as it may be, or its disk nearly full.
    ``error``: why writing failed, if it did. ``refused``: headsets that are here and left out,
    because their users do not want to be recorded."""

    recording: bool = False
    path: Path | None = None
    seconds: float = 0.0
    bytes: int = 0
    records: int = 0
    sessions: int = 0
    dropped: int = 0
    ended: str = ""
    error: str = ""
    refused: int = 0

    def __str__(self) -> str:
        text = (
            f"{self.path}: {self.sessions} sessions, {self.records} records, "
            f"{self.bytes / 1e6:.1f} MB, {self.seconds:.0f} s"
        )
        if self.dropped:
            text += f"; {self.dropped} messages left out because the disk was too slow"
        return text + "".join(f"; {why}" for why in (self.ended, self.error) if why)


class Recorder:
    """An observer of ``server`` while a recording runs. ``folder`` is where files go that are not
    named; ``now`` is the server's clock; no file has more than ``max_bytes``.

    When a recording is over before it was stopped, for whatever reason, the server goes on; the
    headsets are told by a notice, and ``tell`` all who have added themselves to it."""

    def __init__(
        self,
        server: BridgeServer,
        folder: Path,
        now: Callable[[], int] = now_us,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._server, self._folder, self._now = server, folder, now
        self._max_bytes = max_bytes
        self.tell: list[Callable[[RecordingStatus], None]] = []
        self._ending: asyncio.Task[RecordingStatus] | None = None
        self._writer: RecordingWriter | None = None
        self._sessions: dict[str, RecordedSession] = {}
        self._count, self._salt = 0, b""
        self._began = 0.0
        self._last = RecordingStatus()

    def start(self, path: Path | None = None) -> Path:
        """Begin a new file, named by the time unless ``path`` says; raises BridgeError."""
        if self._writer is not None:
            raise BridgeError(f"already recording to {self._writer.path}; stop that first")
        if path is None:
            path = self._folder / time.strftime("%Y%m%d-%H%M%S.mcap", time.gmtime())
        loop = asyncio.get_running_loop()
        self._writer = RecordingWriter(
            path,
            max_bytes=self._max_bytes,
            ended=lambda: _call(loop, self._end_early),
        )
        self._began, self._count, self._salt = time.monotonic(), 0, secrets.token_bytes(16)
        self._server.observers.append(self)
        for session in self._server.sessions.values():
            self.opened(session)
        return path

    async def stop(self) -> RecordingStatus:
        """End the file; what waits is written first, beside the event loop."""
        writer = self._writer
        if writer is None or self not in self._server.observers:
            if self._ending is not None:
                await asyncio.wait({self._ending})
            return self._last
        self._server.observers.remove(self)
        told = [s for s in self._server.sessions.values() if s.id in self._sessions]
        self._sessions.clear()
        for session in told:
            session.notice(RECORDED[1], "what you sense is recorded no more")
        await asyncio.get_running_loop().run_in_executor(None, writer.close)
        self._last = self._status(writer, recording=False)
        self._writer = None
        return self._last

    def _end_early(self) -> None:
        """The file is over: say so, and be ready for another."""
        if self._writer is None or not self._writer.over or self not in self._server.observers:
            return
        self._ending = asyncio.create_task(self.stop())

        def say(_: object) -> None:
            for told in self.tell:
                told(self._last)

        self._ending.add_done_callback(say)

    def status(self) -> RecordingStatus:
        """How the present recording goes, or how the last one ended."""
        return self._status(self._writer, recording=True) if self._writer else self._last

    def _status(self, writer: RecordingWriter, recording: bool) -> RecordingStatus:
        counts = writer.counts
        return RecordingStatus(
            recording,
            writer.path,
            time.monotonic() - self._began,
            counts.bytes,
            counts.records,
            counts.sessions,
            writer.dropped + counts.unwritten,
            counts.ended,
            counts.error,
            sum(not s.recordable for s in self._server.sessions.values()) if recording else 0,
        )

    # As an observer

    def opened(self, session: Observed) -> None:
        """The session is written from its welcome on, its token left out and its key replaced; its
        headset is told, and may refuse."""
        if self._writer is None or session.welcome is None or not session.recordable:
            return
        self._count += 1
        recorded = self._sessions[session.id] = RecordedSession(
            self._count,
            msgspec.structs.replace(session.hello, token=None, key=self._alias(session)),
            msgspec.structs.replace(session.welcome, last_seq=session.last_seq),
            self._now(),
            session.clock,
        )
        self._writer.put(recorded)
        session.notice(RECORDED[0], _TOLD)

    def consented(self, session: Observed) -> None:
        """From now on it is written, or written no more; what was written stays."""
        if session.recordable:
            self.opened(session)
        else:
            self.closed(session, "the user does not want to be recorded")

    def received(self, session: Observed, message: PackedFrame | Feedback | Ping | Bye) -> None:
        self._put(session, message, up=True)

    def sent(self, session: Observed, message: Reply | Cue | Notice | Bye) -> None:
        self._put(session, message, up=False)

    def closed(self, session: Observed, reason: str) -> None:
        self._put(session, Closed(reason), up=False)
        self._sessions.pop(session.id, None)

    def _alias(self, session: Observed) -> bytes:
        """Tells the persons of one recording apart, and nobody's from another recording."""
        return hashlib.blake2b(session.hello.key, key=self._salt, digest_size=16).digest()

    def _put(self, session: Observed, message: Recorded, up: bool) -> None:
        recorded = self._sessions.get(session.id)
        if recorded is None or self._writer is None:
            return
        now, about_us = self._now(), None
        if isinstance(message, PackedFrame | Reply):
            about_us = message.capture_us
        elif isinstance(message, Feedback):
            about_us = message.t_us
        capture_us = now
        # Before the first clock estimate the headset's times mean nothing here: arrival must do.
        if about_us is not None and session.clock is not None:
            capture_us = max(0, session.clock.to_remote(about_us))
        self._writer.put(Entry(recorded, now, capture_us, message, up))


def _call(loop: asyncio.AbstractEventLoop, what: Callable[[], None]) -> None:
    """From another thread; a loop that has ended needs to know no more."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(what)
