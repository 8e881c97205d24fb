"""The preview on the live page: an emulated headset's hands, head and gaze, as they are drawn."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser_rig import DOTS, SIZES, barriers, needs_chromium, picture
from numpy.typing import NDArray
from playwright.async_api import Browser, Page, WebSocket, expect
from xr_rig import PATIENCE_MS, enter, headset_page, leave, until

from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint
from fedxr.bridge.channels import Channel, Samples
from fedxr.bridge.clock import now_us
from fedxr.bridge.connecting.client import HeadsetClient
from fedxr.bridge.connecting.connect import connect
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.learning.learning_rule import LIVE
from fedxr.learning.shipped import CHECKPOINT
from fedxr.live.loops import Tempo
from fedxr.live.serving import Serving, serving

pytestmark = [pytest.mark.slow, needs_chromium, pytest.mark.asyncio(loop_scope="module")]
Points = NDArray[np.float64]
SENSED = """
new Promise((resolve) => {
  const session = device.activeSession;
  session.requestReferenceSpace("local-floor").then((space) => {
    session.requestAnimationFrame((_, frame) => {
      const hands = ["left", "right"].map((side) => {
        const { hand } = [...session.inputSources].find((s) => s.handedness === side);
        return [...hand.values()].map((joint) => {
          const { x, y, z } = frame.getJointPose(joint, space).transform.position;
          return [x, y, z];
        });
      });
      const { position: p, orientation: q } = frame.getViewerPose(space).transform;
      resolve({ hands, head: [p.x, p.y, p.z, q.x, q.y, q.z, q.w] });
    });
  });
})
"""
"""What the emulator itself says of every joint of both hands, and of the head."""


class Spy:
    """What went over the live page's websocket."""

    def __init__(self, page: Page) -> None:
        self.sensed: list[dict[str, Any]] = []
        self.longest = 0
        page.on("websocket", self._watch)

    def _watch(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._take)

    def _take(self, data: Any) -> None:
        message = json.loads(data)
        if "sensed" in message:
            self.longest = max(self.longest, len(data))
            self.sensed.append(message["sensed"])

    def newest(self, headset: str, channel: str) -> Points:
        senses = self.sensed[-1][headset]["senses"] if self.sensed else []
        found = [sense["values"] for sense in senses if sense["name"] == channel]
        return np.array(found[0]) if found else np.full((25, 3), np.nan)


@asynccontextmanager
async def run_of(folder: Path) -> AsyncIterator[Serving]:
    config, tempo = ServerConfig(port=0, token="t"), Tempo(round=60.0)
    checkpoint = load_checkpoint(CHECKPOINT)
    async with serving(checkpoint, folder / "state.db", config, LIVE, tempo) as live:
        yield live


@asynccontextmanager
async def watching(headset: Page, live: Serving) -> AsyncIterator[tuple[Page, Spy]]:
    """The live page beside the headset's, and what it is told."""
    page = await headset.context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    await page.add_init_script(DOTS)
    spy = Spy(page)
    await page.goto(f"http://127.0.0.1:{live.server.port}/?token=t")
    yield page, spy
    await page.close()


async def stream_other(client: HeadsetClient) -> None:
    """Another headset whose hand never rests."""
    for n in range(10**6):
        t_us = now_us()
        joints = np.full((1, 25, 7), np.sin(n), np.float32)
        await client.send_frame(t_us, {"hand": Samples(np.array([t_us]), joints)}, 0, 0)
        await asyncio.sleep(0.03)


def seen_from_behind(places: Points, head: Points) -> Points:
    """``(N, 2)`` right and down, in metres: places from behind a head that is turned by its yaw
    alone, by someone who looks down by 0.6 radians."""
    x, y, z, w = head[3:]
    # The third column of the rotation matrix is where +Z goes; forward is -Z.
    ahead = -np.array([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)])
    ahead[1] = 0
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, [0, 1, 0])
    away = places - head[:3]
    return np.stack([away @ right, -(away[:, 1] * np.cos(0.6) + away @ ahead * np.sin(0.6))], 1)


def misfit(drawn: Points, due: Points) -> float:
    """Pixels by which the worst dot is off, after the best scale and shift (no turn)."""
    a, b = drawn - drawn.mean(0), due - due.mean(0)
    scale = (a * b).sum() / (b * b).sum()
    assert scale > 0
    return float(np.abs(a - scale * b).max())


async def agrees(watching: Page, headset: Page) -> float:
    """How many pixels the drawn joints are off from what the emulator says now."""
    sensed = await headset.evaluate(SENSED)
    dots = await watching.evaluate("dots")
    if len(dots) < 50:
        return float("inf")
    drawn = np.array(dots[-50:])
    due = seen_from_behind(np.array(sensed["hands"]).reshape(50, 3), np.array(sensed["head"]))
    return misfit(drawn, due)


async def follows(watching: Page, headset: Page) -> None:
    for _ in range(400):
        off = await agrees(watching, headset)
        if off < 1.0:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the drawing is {off} px off")


async def test_own_hands_move_on_the_live_page(browser: Browser, tmp_path: Path) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    channel = Channel("hand", "hands/webxr25", 30.0)
    async with (
        run_of(tmp_path) as live,
        headset_page(browser, f"http://127.0.0.1:{live.server.port}/xr?token=t") as headset,
        watching(headset, live) as (page, spy),
        await connect(
            live.server.url, user="other", scenario="neuroadaptive", channels=[channel], token="t"
        ) as client,
    ):
        other = asyncio.create_task(stream_other(client))
        await enter(headset, user="me", scenario="neuroadaptive")
        await expect(page.locator("article")).to_have_count(2)
        assert spy.sensed == []  # nobody is open, so nothing has been sent
        card = page.locator("article", has=page.locator("#card-me\\/quest-3"))
        await card.locator("summary").focus()
        await page.keyboard.press("Enter")  # by keyboard
        await until(lambda: np.isfinite(spy.newest("me/quest-3", "hand-left")).all())
        await follows(page, headset)

        for place in ("0.1, 1.3, -0.4", "-0.4, 1.0, -0.3"):
            await headset.evaluate(f"device.hands.left.position.set({place})")
            joints = np.array((await headset.evaluate(SENSED))["hands"][0])

            def came(joints: Points = joints) -> bool:
                return bool(np.abs(spy.newest("me/quest-3", "hand-left") - joints).max() < 6e-4)

            await until(came)
            await follows(page, headset)
        words = card.locator("details li").filter(has_text="left hand")
        await expect(words).to_contain_text("left hand: 25 joints, still, updated 0.")
        moving = asyncio.create_task(wave(headset))
        await expect(words).to_contain_text("left hand: 25 joints, moving, updated 0.")
        moving.cancel()
        await headset.evaluate(  # the head turns: what is before it stays before it
            "device.quaternion.set(0, Math.sin(0.4), 0, Math.cos(0.4))"
        )
        await follows(page, headset)
        await expect(card.locator("details")).to_contain_text("head: 1.")
        assert all(set(sensed) == {"me/quest-3"} for sensed in spy.sensed)  # of nobody else
        print(f"\n{spy.longest} bytes a message at most")

        await page.keyboard.press("Enter")
        await until(lambda: all(here.look is None for here in live.live._here.values()))
        other.cancel()
        await leave(headset)


async def wave(headset: Page) -> None:
    for n in range(10**6):
        y = 1.2 + 0.1 * np.sin(0.3 * n)
        await headset.evaluate(f"device.hands.left.position.set(-0.3, {y}, -0.4)")
        await asyncio.sleep(0.02)


async def test_hands_head_and_gaze_are_drawn_for_everyone(browser: Browser, tmp_path: Path) -> None:
    """At both sizes, light and dark, without barriers; it opens again when its headset is back."""
    expect.set_options(timeout=PATIENCE_MS)
    async with (
        run_of(tmp_path) as live,
        headset_page(
            browser, f"http://127.0.0.1:{live.server.port}/xr?token=t", "metaQuestPro"
        ) as headset,
        watching(headset, live) as (page, _),
    ):
        await enter(headset, "gaze", user="me", scenario="neuroadaptive")
        await headset.evaluate("device.hands.left.poseId = 'pinch'")
        await page.locator("article summary").click()
        details = page.locator("article details")
        for text in ("left hand: 25", "right hand: 25", "head: 1.", "gaze view: 50"):
            await expect(details).to_contain_text(text)
        await has_dots(page, 51)  # two hands, and the gaze's place in the view
        await picture(page, "preview")
        for width, height in SIZES.values():
            await page.set_viewport_size({"width": width, "height": height})
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                assert await barriers(page) == [], (width, scheme)
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, "the page would have to be pushed sideways"
        await leave(headset)
        await expect(page.locator("article")).to_have_count(0)
        await enter(headset, "gaze")
        await expect(page.locator("article details[open]")).to_contain_text("right hand: 25")
        await leave(headset)


async def has_dots(page: Page, count: int) -> None:
    for _ in range(400):
        if len(await page.evaluate("dots")) == count:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{len(await page.evaluate('dots'))} dots instead of {count}")
