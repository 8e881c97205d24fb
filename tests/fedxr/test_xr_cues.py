"""Cues that a real server sends are seen in the emulated headset: in the pixels of a screenshot.

The head stands still, the hands are put away and the text of the connection's panel is left out of
the comparison, so that a picture only changes where a cue is drawn.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import numpy as np
import pytest
from browser_rig import needs_chromium
from numpy.typing import NDArray
from PIL import Image
from playwright.async_api import Browser, Page
from xr_rig import PATIENCE_MS, Listener, bridge_of, enter, headset_page, leave, until

from fedxr.agent.tasks import ACTS, TASKS

pytestmark = [pytest.mark.slow, needs_chromium, pytest.mark.asyncio(loop_scope="module")]

Picture = NDArray[np.int16]
"""(360, 640, 3) red, green, blue; signed, so that differences are not cut."""


async def _seen(page: Page) -> Picture:
    """What the headset shows, without the strip at the bottom where the connection's panel is."""
    shot = Image.open(io.BytesIO(await page.screenshot())).convert("RGB")
    picture = np.asarray(shot).astype(np.int16)
    picture[290:] = 0
    return picture


async def _seen_when(
    page: Page, fits: Callable[[Picture], Any], say: Callable[[], None] = lambda: None
) -> Picture:
    """The first picture that ``fits``; fails when none does in time. ``say`` is repeated
    before each: some cues go by themselves after seconds, and a picture may take as long."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while True:
        say()
        picture = await _seen(page)
        if fits(picture):
            return picture
        assert time.monotonic() < end, "the scene does not show what was cued"
        await asyncio.sleep(0.05)


def _changed(a: Picture, b: Picture) -> NDArray[np.bool_]:
    """(360, 640): where two pictures differ by more than the emulator's noise."""
    return np.asarray(np.abs(a - b).max(axis=2) > 24)


def _part(rows: slice, columns: slice) -> Callable[[Picture], Picture]:
    return lambda picture: picture[rows, columns]


MIDDLE = _part(slice(120, 220), slice(240, 400))
BELOW = _part(slice(205, 260), slice(200, 440))
RIGHT = _part(slice(180, 360), slice(360, 600))
LEFT = _part(slice(80, 340), slice(60, 300))


@asynccontextmanager
async def _still(
    browser: Browser, mode: str = "immersive-vr"
) -> AsyncIterator[tuple[Listener, Page]]:
    """A headset that stands still, without hands, in a session."""
    app = Listener()
    async with (
        bridge_of(app) as server,
        headset_page(browser, f"http://127.0.0.1:{server.port}/xr", inputs="controller") as page,
    ):
        await enter(page, mode=mode)
        await until(lambda: len(app.frames) > 10)
        yield app, page
        await leave(page)


async def test_each_act_is_drawn_where_it_belongs_and_taken_back(browser: Browser) -> None:
    cues: list[tuple[str, str, dict[str, Any], Callable[[Picture], Picture]]] = [
        ("target", "label", {"text": "valve"}, MIDDLE),
        ("fault", "warning", {"text": "stop this machine", "urgency": 1.0}, MIDDLE),
        ("warning", "hint", {"text": "plan maintenance"}, BELOW),
        ("workload", "pace", {"speed": 0.5, "animations": False}, BELOW),
        ("engagement", "branch", {"to": "surprise"}, BELOW),
        ("intent", "effector", {"command": "select"}, RIGHT),
        ("doing", "suggest", {"text": "name what is in reach"}, LEFT),
        ("activity", "remind", {"text": "what was planned"}, LEFT),
        ("doing", "navigate", {"text": "co-navigate"}, LEFT),
        ("mood", "tone", {"manner": "playful"}, LEFT),
    ]
    async with _still(browser) as (app, page):
        empty = await _seen(page)
        for task, act, payload, part in cues:

            def drawn(picture: Picture, part: Callable[[Picture], Picture] = part) -> bool:
                return bool(_changed(part(picture), part(empty)).sum() > 200)

            await _seen_when(page, drawn, partial(app.cue, task, act, **payload))
            app.cue(task, "clear")
            await _seen_when(page, lambda picture: _changed(picture, empty).sum() < 20)
    assert {act for _, act, _, _ in cues} | {"clear", "intensity"} == set(ACTS)


async def test_colours_say_what_a_cue_is(browser: Browser) -> None:
    """Danger is red; a playful companion is orange, a gentle one blue."""
    async with _still(browser) as (app, page):

        def count(picture: Picture, red: int, green: int, blue: int) -> int:
            return int((np.abs(picture - (red, green, blue)).max(axis=2) < 40).sum())

        app.cue("fault", "warning", text="stop this machine", urgency=1.0)
        await _seen_when(page, lambda p: count(MIDDLE(p), 242, 56, 51) > 60)
        app.cue("mood", "tone", manner="playful")
        await _seen_when(page, lambda p: count(LEFT(p), 210, 160, 60) > 100)
        app.cue("mood", "tone", manner="gentle")
        gentle = await _seen_when(page, lambda p: count(LEFT(p), 120, 135, 205) > 100)
        assert count(LEFT(gentle), 210, 160, 60) < 20


async def test_intensity_changes_the_light_and_every_rule_can_be_drawn(browser: Browser) -> None:
    async with _still(browser) as (app, page):
        empty = await _seen(page)
        app.cue("engagement", "intensity", change=-0.5)
        sky = _part(slice(0, 60), slice(0, 640))
        await _seen_when(page, lambda p: sky(p).mean() < 0.7 * sky(empty).mean())
        # Whatever fedxr.live.live can send, the page draws: it throws at nothing (the rig would
        # fail).
        for task in TASKS.values():
            assert task.cues
            for act, payload in task.cues.acts.values():
                app.cue(task.name, act, **payload)
                app.cue(task.name, "clear")
        for strange in ({}, {"task": 3, "payload": None}, {"task": "x", "payload": [1]}):
            for act in ACTS:
                app.sessions[-1].send_cue(act, strange)
        app.sessions[-1].send_cue("fireworks", {"task": "x"})
        before = app.frames[-1].seq
        await until(lambda: app.frames[-1].seq > before + 20)


async def test_a_label_stays_in_the_room_when_the_head_turns(browser: Browser) -> None:
    async with _still(browser) as (app, page):
        await page.evaluate("device.position.set(0, 1.6, 0); device.quaternion.set(0, 0, 0, 1)")
        await until(lambda: abs(app.newest("head")[6] - 1) < 1e-6)
        empty = await _seen(page)
        app.cue("target", "label", text="valve")
        shown = await _seen_when(page, lambda p: _changed(p, empty)[120:220].sum() > 200)
        middle = np.argwhere(_changed(shown, empty)).mean(axis=0)
        assert abs(middle[1] - 320) < 20
        # 0.1 rad to the left: a field of view of 1.2 rad is 360 pixels high, so tan(0.1) is
        # 0.1003 / 0.6841 * 180 = 26 pixels, by which what stands still moves to the right.
        await page.evaluate("device.quaternion.set(0, Math.sin(0.05), 0, Math.cos(0.05))")
        await until(lambda: abs(app.newest("head")[4]) > 0.04)
        before = app.frames[-1].seq
        await until(lambda: app.frames[-1].seq > before + 5)
        turned = await _seen(page)
        app.cue("target", "clear")
        without = await _seen_when(page, lambda p: _changed(p, turned)[120:220].sum() > 200)
        moved = np.argwhere(_changed(turned, without)).mean(axis=0) - middle
        assert abs(moved[1] - 26) < 6
        assert abs(moved[0]) < 4


async def test_with_the_room_in_sight_the_scene_is_transparent(browser: Browser) -> None:
    """In passthrough nothing but the cues is painted: the page behind shows through."""
    async with _still(browser, "immersive-ar") as (app, page):
        empty = await _seen(page)
        np.testing.assert_allclose(empty[2, 2], (246, 247, 249), atol=2)  # style.css: --page

        def blue(picture: Picture) -> int:
            return int((RIGHT(picture)[..., 2] > RIGHT(picture)[..., 0] + 60).sum())

        grab = partial(app.cue, "intent", "effector", command="grab")
        await _seen_when(page, lambda p: blue(p) > blue(empty) + 300, grab)
