"""What an opened headset senses, over the real websockets of headset and live page."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import live_rig
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket

from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.bridge.channels import TICK_US, Channel, Samples
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.frames import Frame
from fedxr.bridge.recording.recorder import Recorder
from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.server import BridgeServer, ServerConfig
from fedxr.bridge.serving.session import Session
from fedxr.bridge.serving.watchers import Watcher
from fedxr.dashboard.controls import Controls
from fedxr.dashboard.preview import AWAY, MANY, MOST, OFF, Look, Preview

START = 10**15
HAND = Channel("hand", "hands/webxr25", 30.0)
WRIST = Channel("wrist", "motion/wrist", 50.0)


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return live_rig.checkpoint_of(live_rig.cast_of(seconds=4.0))


async def until(what: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end, "still waiting after 60 s"
        await asyncio.sleep(0.005)


class Shop:
    """A live server whose loops are not started, and the preview that its pages are shown."""

    def __init__(self, rig: live_rig.Rig, allowed: bool = True) -> None:
        self.rig = rig
        self.preview = Preview(rig.live.look_at, allowed)
        recorder = Recorder(rig.server, Path("not used"))
        rig.server.hear = Controls(recorder, rig.live.metrics, self.preview).hear

    @asynccontextmanager
    async def page(self, *opened: str) -> AsyncIterator[ClientConnection]:
        async with open_websocket(f"{self.rig.server.url}/live", proxy=None) as page:
            if opened:
                before = dict(self.preview._opened)
                await page.send(json.dumps({"open": opened}).encode())
                await until(lambda: self.preview._opened != before)
            yield page

    async def headset(self, user: str, channel: Channel) -> HeadsetClient:
        scenario = "neuroadaptive" if channel is HAND else "companion"
        who = {"user": user, "scenario": scenario, "device": {"model": "quest-3"}}
        return await connect(self.rig.server.url, channels=[channel], **who)

    def looks(self) -> dict[str, Look | None]:
        return {here.session.user: here.look for here in self.rig.live._here.values()}


@asynccontextmanager
async def shop_of(
    checkpoint: Checkpoint, folder: Path, allowed: bool = True
) -> AsyncIterator[Shop]:
    async with live_rig.Rig(checkpoint, folder / "s.db") as rig:
        yield Shop(rig, allowed)


async def wave(shop: Shop, client: HeadsetClient, n: int) -> np.ndarray:
    """Send the ``n``-th of a waving hand's samples, and wait until it is there; its joints."""
    joints = np.zeros((1, 25, 7), np.float32)
    joints[0, :, :3] = np.arange(75).reshape(25, 3) / 300 + 0.1 * np.sin(n)
    joints[0, :, 6] = 1
    t_us = START + n * TICK_US
    await client.send_frame(t_us, {"hand": Samples(np.array([t_us]), joints)}, 0, START)
    sessions = shop.rig.server.sessions.values()
    await until(lambda: any(s.last_seq == client._seq for s in sessions))
    return joints[0, :, :3]


async def told(page: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(page.recv(), 60))["sensed"]


async def test_a_page_is_shown_what_it_has_opened_and_nothing_else(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    async with (
        shop_of(checkpoint, tmp_path) as shop,
        await shop.headset("ann", HAND) as ann,
        await shop.headset("bob", HAND) as bob,
        shop.page("ann/quest-3") as page,
        shop.page() as other,
    ):
        shop.preview.beat()
        assert await told(page) == {"ann/quest-3": {"senses": [], "error": ""}}
        for n in (1, 2):
            joints = await wave(shop, ann, n)
            await wave(shop, bob, n)
            shop.preview.beat()
            shop.preview.beat()  # nothing new, so nothing is sent
            (sense,) = (await told(page))["ann/quest-3"]["senses"]
            assert (sense["name"], sense["layout"]) == ("hand", "hands/webxr25")
            assert sense["age_ms"] >= 0
            np.testing.assert_allclose(sense["values"], joints, atol=0.0005 + 1e-6)
        assert shop.looks()["bob"] is None  # nothing of him is kept
        await page.send(b'{"open": []}')
        await until(lambda: not any(shop.preview._opened.values()))
        shop.preview.beat()
        assert shop.looks() == {"ann": None, "bob": None}
        assert not shop.preview.wanted.is_set()
        await wave(shop, ann, 3)
        shop.preview.beat()
        for one in (page, other):  # the next that both are told is the common state
            shop.rig.server.publish(b'{"t": 1}')
            assert json.loads(await asyncio.wait_for(one.recv(), 60)) == {"t": 1}


async def test_what_cannot_be_shown_is_refused_with_the_reason(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    many = [f"nobody-{n}" for n in range(MOST)]
    async with (
        shop_of(checkpoint, tmp_path) as shop,
        await shop.headset("cat", WRIST),
        shop.page("cat/quest-3", *many) as page,
    ):
        shop.preview.beat()
        said = {name: state["error"] for name, state in (await told(page)).items()}
        assert said.pop("cat/quest-3") == ("it sends neither hands nor head nor gaze, only wrist")
        assert said == {**dict.fromkeys(many[:-1], AWAY), many[-1]: MANY}
        await page.send(b'{"open": ["dan/quest-3"]}')
        await until(lambda: ("dan/quest-3",) in shop.preview._opened.values())
        shop.preview.beat()
        assert (await told(page))["dan/quest-3"]["error"] == AWAY
        async with await shop.headset("dan", HAND):  # who comes later is shown then
            shop.preview.beat()
            assert (await told(page))["dan/quest-3"]["error"] == ""


async def test_a_server_without_previews_says_so_and_keeps_nothing(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    async with (
        shop_of(checkpoint, tmp_path, allowed=False) as shop,
        await shop.headset("ann", HAND) as ann,
        shop.page("ann/quest-3") as page,
    ):
        shop.preview.beat()
        await wave(shop, ann, 1)
        assert (await told(page))["ann/quest-3"] == {"senses": [], "error": OFF}
        assert shop.looks() == {"ann": None}


class Puppet(Application):
    """A headset's look that changes as often as the test likes."""

    def __init__(self) -> None:
        self.look: Look | None = None

    def joined(self, session: Session) -> tuple[str, ...]:
        self.look = Look(session)
        return ()

    def look_at(self, names: object) -> dict[str, Look]:
        return {"h": self.look} if "h" in names and self.look else {}  # type: ignore[operator]


async def test_a_page_that_does_not_read_costs_nothing() -> None:
    """Thousands of messages for two pages of which one has stalled: what waits for it stays within
    its socket's bounds, and the other page gets every one."""
    app = Puppet()
    preview, pages = Preview(app.look_at), list[Watcher]()
    async with BridgeServer(app, ServerConfig(port=0, stall_s=600)) as server:

        def hear(_: bytes, watcher: Watcher) -> None:
            pages.append(watcher)
            preview.open(watcher, ["h"])

        server.hear = hear
        async with (
            await connect(server.url, user="u", scenario="companion", channels=[HAND]) as client,
            open_websocket(f"{server.url}/live", proxy=None) as stalled,
            open_websocket(f"{server.url}/live", proxy=None) as reads,
        ):
            await stalled.send(b"1")
            await until(lambda: len(pages) == 1)
            await reads.send(b"2")
            await until(lambda: len(pages) == 2)
            stalled.transport.pause_reading()
            await client.send_frame(START, {"hand": _still()}, 0, START)
            await until(lambda: app.look is not None)
            assert app.look is not None
            codec, most, sent = pages[0]._connection, 0, 0
            while not codec.congested or sent < 200:
                app.look.take(_frame())
                preview.beat()
                most = max(most, codec.transport.get_write_buffer_size())
                assert len((await told(reads))["h"]["senses"][0]["values"]) == 25
                sent += 1
                assert sent < 50_000, "its socket never filled"
            full = codec.transport.get_write_buffer_size()
            for _ in range(500):
                app.look.take(_frame())
                preview.beat()
                await told(reads)
            assert codec.transport.get_write_buffer_size() <= full
            assert most < 64 * 1024 + 4096  # the bound, and the message that went over it
            codec.transport.abort()
            await until(lambda: server.watchers == 1)
            preview.beat()
            assert set(preview._opened) == set(preview._shown) == {pages[1]}


def _still() -> Samples:
    return Samples(np.array([START]), np.full((1, 25, 7), 0.123, np.float32))


def _frame() -> Frame:
    return Frame(1, START, {"hand": _still()})
