"""What whoever watches the live page may ask of a run: that it is recorded, and no longer; and to
be shown what some headsets sense.

A watcher has shown the server's token, if it has one, and comes from the server's own page (see
:mod:`bridge.web`). A wish is one binary message of JSON: ``{"record": true}`` or ``false``, or
``{"open": [headset ids]}``: these, and no others from now on (:mod:`fedxr.preview`).
"""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec

from bridge.live import Watcher
from bridge.protocol import BridgeError
from bridge.recording.recorder import Recorder, RecordingStatus
from fedxr.live_state import RecordingState
from fedxr.preview import Preview
from fedxr.scoreboard import Scoreboard

MOST = 4096
"""Bytes of a wish."""
_KNOWN = '{"record": true} or false, or {"open": [ids]}'


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """``record``: whether a recording shall run; ``open``: whose senses shall be shown."""

    record: bool | None = None
    open: Annotated[list[str], msgspec.Meta(max_length=64)] | None = None


class Desk:
    """Takes wishes for ``recorder`` and ``preview``; what comes of recording is shown on
    ``scoreboard``."""

    def __init__(self, recorder: Recorder, scoreboard: Scoreboard, preview: Preview) -> None:
        self._recorder, self._scoreboard, self._preview = recorder, scoreboard, preview
        scoreboard.recording = self.state
        recorder.tell.append(self._over)
        self._stopping: asyncio.Task[None] | None = None
        self._error = ""

    def hear(self, data: bytes, watcher: Watcher) -> None:
        """One wish; asking for what is so already is fine. Raises ValueError for anything else."""
        if len(data) > MOST:
            raise ValueError(f"a wish of {len(data)} bytes; at most {MOST} are read")
        try:
            wish = msgspec.json.decode(data, type=Wish)
        except msgspec.DecodeError as error:
            raise ValueError(f"{error}; send {_KNOWN}") from None
        if wish.open is not None:
            self._preview.open(watcher, wish.open)
        elif wish.record is None:
            raise ValueError(f"nothing is asked for; send {_KNOWN}")
        if wish.record is None or wish.record == self._recorder.status().recording:
            return
        if wish.record:
            self._start()
        elif self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())

    def state(self) -> RecordingState:
        """For the page."""
        status = self._recorder.status()
        return RecordingState(
            on=status.recording,
            file=None if status.path is None else status.path.name,
            seconds=round(status.seconds, 1),
            bytes=status.bytes,
            sessions=status.sessions,
            dropped=status.dropped,
            error=status.error or status.ended or self._error,
        )

    def _start(self) -> None:
        try:
            path = self._recorder.start()
        except (BridgeError, OSError) as error:
            self._error = str(error)
            return
        self._error = ""
        self._tell(f"raw sensor data are recorded to {path.name}")

    async def _stop(self) -> None:
        self._over(await self._recorder.stop())
        self._stopping = None

    def _over(self, status: RecordingStatus) -> None:
        self._tell(f"the recording has ended: {status}")

    def _tell(self, text: str) -> None:
        self._scoreboard.happenings.recording(self._scoreboard.seconds, text)
