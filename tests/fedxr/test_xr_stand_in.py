"""The headset's page without a headset: mouse, keyboard, webcam and microphone, named as such."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from browser_rig import barriers, needs_chromium
from playwright.async_api import Browser, Page, expect
from xr_rig import PATIENCE_MS, Listener, Picky, bridge_of, point, until

from fedxr.bridge.channels import TICK_US
from fedxr.bridge.grants import Tokens

pytestmark = [pytest.mark.slow, needs_chromium, pytest.mark.asyncio(loop_scope="module")]
INDEX_TIP = 9
"""Of `hands/webxr25`."""


async def opened(browser: Browser, url: str) -> Page:
    """The page in a browser as anyone has it: no emulator, a camera and a microphone."""
    context = await browser.new_context(
        viewport={"width": 640, "height": 480}, permissions=["camera", "microphone"]
    )
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    await page.goto(url)
    return page


async def test_a_mouse_is_eyes_hand_and_head_and_says_so(browser: Browser) -> None:
    app = Picky("web-camera")  # as the shipped checkpoint: gray pictures only
    async with bridge_of(app) as server:
        page = await opened(browser, f"http://127.0.0.1:{server.port}/xr")
        await page.wait_for_selector("#enter:enabled")
        for scheme in ("dark", "light"):
            await page.emulate_media(color_scheme=scheme)
            assert await barriers(page) == [], scheme
        for name in ("web-camera", "microphone"):
            await page.check(f"input[name={name}]")
            await page.wait_for_selector(f"input[name={name}]:enabled")
        await page.click("#try")
        await until(lambda: len(app.frames) > 2, page)
        device = app.sessions[0].hello.device
        assert (device["model"], device["stand_in"]) == ("mouse-and-keyboard", True)
        mouse = {"mouse-head", "mouse-gaze", "mouse-gaze-view", "mouse-hand-right"}
        assert set(app.sessions[0].channels) == {*mouse, "web-camera-gray", "microphone"}

        await point(page, 0.25, 0.5)
        await until(
            lambda: np.allclose(app.newest("mouse-gaze-view"), [0.25, 0.5], atol=0.01), page
        )
        left = app.newest("mouse-hand-right")[INDEX_TIP, 0]
        await point(page, 0.75, 0.75)
        await until(
            lambda: np.allclose(app.newest("mouse-gaze-view"), [0.75, 0.75], atol=0.01), page
        )
        await until(lambda: app.newest("mouse-hand-right")[INDEX_TIP, 0] > left + 0.2, page)
        before = app.newest("mouse-head")[2]
        await page.keyboard.down("w")
        await until(lambda: app.newest("mouse-head")[2] < before - 0.5, page)
        await page.keyboard.up("w")
        await until(lambda: {"web-camera-gray", "microphone"} <= set(app.samples), page)
        await page.click("#leave")
        await until(lambda: bool(app.over), page)
        await page.context.close()


async def test_an_answer_is_shown_and_a_key_corrects_it(browser: Browser) -> None:
    """The listener answers the first class of `intent`, wholly sure."""
    app = Listener()
    async with bridge_of(app) as server:
        page = await opened(browser, f"http://127.0.0.1:{server.port}/xr")
        await page.wait_for_selector("#enter:enabled")
        await page.click("#try")
        said = page.locator("#answers li")
        await expect(said.locator(".answer")).to_have_text("rest 100 %", timeout=PATIENCE_MS)
        await page.keyboard.press("3")
        await page.keyboard.press("y")
        await said.get_by_role("button", name="right is back").click()
        await until(lambda: len(app.told) == 3, page)
        assert [(f.task, f.kind, f.label) for f in app.told] == [
            ("intent", "correction", 2),
            ("intent", "label", 0),
            ("intent", "correction", 3),
        ]
        frames = {f.capture_us for f in app.frames}
        assert all(f.t_us + TICK_US in frames for f in app.told)  # the tick that the frame closed
        await expect(said.locator(".note")).to_contain_text("You said back, 3 times")
        app.cue("intent", "effector", command="open app")
        assert await barriers(page) == []
        await page.get_by_label("What I send may be recorded").focus()
        await page.keyboard.press("w")  # moves nobody: the picture has not the focus
        await asyncio.sleep(0.2)
        assert abs(app.newest("mouse-head")[2]) < 1e-6
        await page.context.close()


async def test_without_the_token_there_is_one_sentence(browser: Browser) -> None:
    app = Listener()
    async with bridge_of(app, token="a secret") as server:
        for query, locked in (("", True), ("?token=wrong", True), ("wear", False)):
            asked = f"?token={Tokens('a secret')['wear']}" if query == "wear" else query
            page = await opened(browser, f"http://127.0.0.1:{server.port}/xr{asked}")
            if locked:
                await page.wait_for_selector("#locked:visible")
                assert (
                    (await page.inner_text("main")).strip().startswith("This page lets nobody in")
                )
                assert await barriers(page) == []
            else:
                await page.wait_for_selector("#try:visible")
            await page.context.close()
    assert app.sessions == []
