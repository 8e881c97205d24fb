"""What whoever watches the live page may ask of a run: that it is recorded, and no longer; and to
be shown what some headsets sense.

A watcher has shown a token that lets watch, if the server wants one, and comes from the server's
own page (see :mod:`fedxr.bridge.serving.web`). A wish is one binary message of JSON, which some
tokens allow and others do not (:mod:`fedxr.bridge.grants`):

    {"grants": true}            what this watcher may do is sent back: {"grants": ["watch", …]}
    {"open": [headset ids]}     these, and no others from now on, are drawn
    (:mod:`fedxr.dashboard.preview`) {"record": true} or false   a recording begins or ends; wants
    the grant ``record`` {"put_out": headset id}     that session ends; wants the grant
    ``administer``
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated

import msgspec

from fedxr.bridge.grants import Grant
from fedxr.bridge.protocol import BridgeError
from fedxr.bridge.recording.recorder import Recorder, RecordingStatus
from fedxr.bridge.serving.watchers import Watcher
from fedxr.dashboard.metrics import LiveMetrics
from fedxr.dashboard.preview import Preview
from fedxr.dashboard.state import RecordingState

MOST = 4096
"""Bytes of a wish."""
_KNOWN = '{"record": true} or false, {"open": [ids]}, {"put_out": id} or {"grants": true}'


class ControlMessage(msgspec.Struct, forbid_unknown_fields=True):
    """``record``: whether a recording shall run; ``open``: whose senses shall be shown;
    ``put_out``: whose session shall end; ``grants``: say what I may do."""

    record: bool | None = None
    open: Annotated[list[str], msgspec.Meta(max_length=64)] | None = None
    put_out: str | None = None
    grants: bool = False


class Controls:
    """Takes wishes for ``recorder`` and ``preview``; what comes of recording is shown on
    ``metrics``. ``put_out`` ends the session of a headset by its id, if it is here."""

    def __init__(
        self,
        recorder: Recorder,
        metrics: LiveMetrics,
        preview: Preview,
        put_out: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._recorder, self._scoreboard, self._preview = recorder, metrics, preview
        self._put_out = put_out
        metrics.recording = self.state
        recorder.tell.append(self._over)
        self._stopping: asyncio.Task[None] | None = None
        self._error = ""

    def hear(self, data: bytes, watcher: Watcher) -> None:
        """One wish; asking for what is so already is fine. Raises ValueError for anything else, and
        for what the watcher's token does not allow."""
        if len(data) > MOST:
            raise ValueError(f"a wish of {len(data)} bytes; at most {MOST} are read")
        try:
            wish = msgspec.json.decode(data, type=ControlMessage)
        except msgspec.DecodeError as error:
            raise ValueError(f"{error}; send {_KNOWN}") from None
        if wish == ControlMessage():
            raise ValueError(f"nothing is asked for; send {_KNOWN}")
        _check("record", wish.record is not None, watcher)
        _check("administer", wish.put_out is not None, watcher)
        if wish.grants:
            watcher.show(msgspec.json.encode({"grants": sorted(watcher.grants)}))
        if wish.open is not None:
            self._preview.open(watcher, wish.open)
        if wish.put_out is not None:
            self._put_out(wish.put_out)
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
            refused=status.refused,
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
        self._scoreboard.events.recording(self._scoreboard.seconds, text)


def _check(grant: Grant, asked: bool, watcher: Watcher) -> None:
    if asked and grant not in watcher.grants:
        has = ", ".join(sorted(watcher.grants))
        raise ValueError(f"that wants the grant {grant!r}; this token gives {has}")
