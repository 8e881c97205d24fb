"""The live page in a real browser during a real run: simulated headsets stream over the websocket,
agents answer, learn and meet. Pictures are left in runs/screens/."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from browser_rig import SIZES, barriers, needs_chromium, page_of, picture
from playwright.async_api import Page, expect

from fedxr.agent.adaptation.trainer import TrainSteps
from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint
from fedxr.bridge.protocol import BridgeError
from fedxr.bridge.recording.reader import Recording
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.learning.learning_rule import LearningRule, TrainSchedule
from fedxr.learning.shipped import CHECKPOINT
from fedxr.live import serving as serve
from fedxr.live.loops import Tempo
from fedxr.live.serving import Serving, serving
from fedxr.virtual.headsets import simulated_cast
from fedxr.virtual.streaming import VirtualHeadset, play

PATIENCE_MS = 180_000
PACE = TrainSchedule(TrainSteps(steps=1, rate=2e-3, batch=2))
SECONDS = 240.0
"""How long headsets would stream if the test did not end them."""
USERS = [f"persona-{n:04}" for n in range(4)]


@asynccontextmanager
async def run_of(folder: Path) -> AsyncIterator[Serving]:
    """A live server with the demo's checkpoint, light rounds and steps."""
    async with serving(
        load_checkpoint(CHECKPOINT),
        folder / "state.db",
        ServerConfig(port=0),
        LearningRule(shared=PACE, personal=PACE),
        Tempo(round=5.0),
    ) as live:
        yield live


@asynccontextmanager
async def streaming(url: str) -> AsyncIterator[list[asyncio.Task[object]]]:
    """Four of the demo's headsets; a cancelled one says goodbye."""
    cast = simulated_cast(len(USERS), SECONDS, seed=0)
    tasks: list[asyncio.Task[object]] = [asyncio.create_task(stay(url, actor)) for actor in cast]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def stay(url: str, actor: VirtualHeadset) -> None:
    """Stream until cancelled. A machine that is too busy to welcome in time is asked again."""
    while True:
        with contextlib.suppress(BridgeError):
            await play(url, actor, SECONDS)


async def names(page: Page) -> list[str]:
    return await page.locator("article h3 b").all_inner_texts()


@pytest.mark.slow
@needs_chromium
async def test_the_page_follows_a_real_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headsets join, stream, are answered, learn, meet and leave, and the page shows it; what it
    was asked to record can be read back."""
    expect.set_options(timeout=PATIENCE_MS)
    monkeypatch.setattr(serve, "RECORDINGS", tmp_path)
    async with run_of(tmp_path) as live, page_of(f"http{live.server.url[2:]}/") as page:
        await expect(page.locator("#totals")).to_contain_text("0 B")
        assert await barriers(page) == []
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        async with streaming(live.server.url) as headsets:
            await expect(page.locator("article")).to_have_count(len(USERS))
            await shows_what_streams(page)
            await page.get_by_role("button", name="Record").click()
            await expect(page.get_by_role("dialog", name="Record this run?")).to_be_visible()
            assert await barriers(page) == []
            await page.keyboard.press("Enter")
            await expect(page.locator("#recorded")).to_contain_text(".mcap")
            await shows_what_is_learned(page)
            await picture(page, "live")
            for size in ("phone", "desk"):
                width, height = SIZES[size]
                await page.set_viewport_size({"width": width, "height": height})
                for scheme in ("dark", "light"):
                    await page.emulate_media(color_scheme=scheme)
                    assert await barriers(page) == [], (size, scheme)
                wide = await page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{size}: the page would have to be pushed sideways"
            await finds_and_sorts(page)
            await page.get_by_role("button", name="Stop recording").click()
            await expect(page.locator("#recorded")).to_contain_text("recorded: ")
            ended = page.locator("#events .recording").filter(has_text="has ended")
            await expect(ended).to_be_attached()
            (file,) = tmp_path.glob("*.mcap")
            assert {e.session.hello.user for e in Recording(file).events()} == set(USERS)
            headsets[1].cancel()
            await expect(page.locator("article")).to_have_count(len(USERS) - 1)
            assert USERS[1] not in await names(page)
            await expect(page.locator("#events .left b")).to_contain_text(USERS[1])
            await expect(page.locator("#news")).to_contain_text(f"{USERS[1]}/")
            await expect(page.locator("#news")).to_contain_text("left")


async def shows_what_streams(page: Page) -> None:
    """Rates, latencies and answers of every headset, and that it has joined."""
    rates = page.locator("article .channels b")
    await expect(rates.filter(has_text="60 Hz").first).to_be_visible()
    await expect(page.locator("article").filter(has_text="battery")).to_have_count(len(USERS))
    private = page.locator("article .facts").get_by_text("ε: none (no differential privacy)")
    await expect(private).to_have_count(len(USERS))
    await expect(page.locator("article .answer").filter(has_text="%").first).to_be_visible()
    await expect(page.locator("article .figures").filter(has_text=" of ").first).to_be_visible()
    assert sorted(await names(page)) == USERS
    await expect(page.locator("#events .joined").first).to_contain_text(USERS[0][:8])


async def shows_what_is_learned(page: Page) -> None:
    """Feedback, a curve, and a round's clusters and links."""
    await expect(page.locator("article [aria-label*='agreed']").first).to_be_visible()
    await expect(page.locator(".curves canvas").first).to_be_visible()
    await expect(page.locator("#map rect")).not_to_have_count(1)  # the server's alone
    await expect(page.locator("#map line").first).to_be_attached()
    await expect(page.locator("#clusters")).to_contain_text("represented by")
    await page.get_by_label("energy").check()
    await expect(page.locator("#scale")).to_contain_text("J a link")


async def finds_and_sorts(page: Page) -> None:
    """By keyboard alone: skip to the headsets, find one, and sort."""
    await page.locator(".skip").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#headsets")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.type(USERS[2])
    await expect(page.locator("article")).to_have_count(1)
    await expect(page.locator("#shown")).to_have_text(f"1 of {len(USERS)} shown")
    for _ in USERS[2]:
        await page.keyboard.press("Backspace")
    await page.keyboard.press("Tab")
    for _ in range(3):
        await page.keyboard.press("ArrowDown")
    await expect(page.locator("#sort")).to_have_value("battery")
    await expect(page.locator("article")).to_have_count(len(USERS))
