"""What a live page may ask for, over the real websocket."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from fedxr.bridge.grants import Grant
from fedxr.bridge.recording.recorder import Recorder
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.server import BridgeServer
from fedxr.dashboard.controls import Controls
from fedxr.dashboard.metrics import LiveMetrics
from fedxr.dashboard.preview import Look, Preview


class Nobody(Application):
    """The application of a server that only records."""


def nobody(_: object) -> dict[str, Look]:
    return {}


class Office:
    """A server with a recorder and a desk; its token is ``t``."""

    def __init__(self, folder: Path) -> None:
        self.server = BridgeServer(Nobody(), ServerConfig(port=0, token="t"))
        self.recorder = Recorder(self.server, folder)
        self.metrics = LiveMetrics()
        self.put_out: list[str] = []
        controls = Controls(self.recorder, self.metrics, Preview(nobody), self.put_out.append)
        self.server.hear = controls.hear

    def live(self, grant: Grant = "record") -> str:
        return f"{self.server.url}/live?token={self.server.config.tokens[grant]}"

    async def send(self, *wishes: bytes) -> None:
        async with connect(self.live(), proxy=None) as page:
            for wish in wishes:
                await page.send(wish)

    @property
    def on(self) -> bool:
        state = self.metrics.recording()
        return state is not None and state["on"]

    @property
    def said(self) -> list[str]:
        return [e["text"] for e in self.metrics.events.kept if e["kind"] == "recording"]


async def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end, "still waiting after 60 s"
        await asyncio.sleep(0.005)


async def test_a_recording_starts_and_stops_as_asked(tmp_path: Path) -> None:
    office = Office(tmp_path)
    async with office.server:
        assert office.metrics.recording() == {
            "on": False, "file": None, "seconds": 0.0, "bytes": 0, "sessions": 0, "dropped": 0,
            "error": "", "refused": 0,
        }  # fmt: skip
        await office.send(b'{"record": true}', b'{"record": true}')
        await until(lambda: office.on)
        await office.send(b'{"record": false}')
        await until(lambda: len(office.said) == 2)
        assert not office.on
        (file,) = tmp_path.iterdir()
        assert office.said[0] == f"raw sensor data are recorded to {file.name}"
        assert office.said[1].startswith("the recording has ended: ")


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    office = Office(tmp_path / "file" / "folder")
    async with office.server:
        await office.send(b'{"record": true}')

        def error() -> str:
            state = office.metrics.recording()
            return state["error"] if state is not None else ""

        await until(lambda: bool(error()))
        assert "folder" in error()
        assert not office.on


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (b"bad", 'send {"record": true} or false'),
        (b'{"record": 1}', "Expected `bool"),
        (b"{}", "nothing is asked for"),
        (b'{"open": "everybody"}', "Expected `array"),
        (b'{"open": [' + b'"h",' * 64 + b'"h"]}', "length <= 64"),
        (b'{"open": [1]}', "Expected `str`, got `int` - at `$.open[0]`"),
        (b'{"delete": true}', "unknown field"),
        (b'{"record": true' + bytes(5000), "at most 4096"),
    ],
)
async def test_other_wishes_are_refused_with_the_reason(
    tmp_path: Path, wish: bytes, said: str
) -> None:
    office = Office(tmp_path)
    async with office.server:
        async with connect(office.live(), proxy=None) as page:
            await page.send(wish)
            with pytest.raises(ConnectionClosed) as error:
                await page.recv()
        assert error.value.rcvd is not None
        assert said in error.value.rcvd.reason
        assert not office.on


async def test_each_watcher_is_told_what_it_may_do_and_may_no_more(tmp_path: Path) -> None:
    gives: dict[Grant, list[str]] = {
        "watch": ["watch"],
        "record": ["record", "watch"],
        "administer": ["administer", "record", "watch", "wear"],
    }
    office = Office(tmp_path)
    async with office.server:
        for grant, given in gives.items():
            async with connect(office.live(grant), proxy=None) as page:
                await page.send(b'{"grants": true}')
                assert json.loads(await page.recv()) == {"grants": given}
                await page.send(b'{"put_out": "ann/headset"}')
                if grant == "administer":
                    await until(lambda: office.put_out == ["ann/headset"])
                    continue
                with pytest.raises(ConnectionClosed) as error:
                    await page.recv()
                assert error.value.rcvd is not None
                assert "wants the grant 'administer'" in error.value.rcvd.reason
        async with connect(office.live("watch"), proxy=None) as page:
            await page.send(b'{"record": true}')
            with pytest.raises(ConnectionClosed) as error:
                await page.recv()
        assert error.value.rcvd is not None
        assert "wants the grant 'record'; this token gives watch" in error.value.rcvd.reason
        assert not office.on
        assert office.put_out == ["ann/headset"]
        assert not list(tmp_path.iterdir())


async def test_who_has_no_token_is_not_heard(tmp_path: Path) -> None:
    office = Office(tmp_path)
    async with office.server:
        with pytest.raises(InvalidStatus, match="401"):
            await connect(f"{office.server.url}/live", proxy=None)
        with pytest.raises(InvalidStatus, match="403"):
            await connect(
                f"{office.server.url}/live?token=t", proxy=None, origin="http://evil.example"
            )
