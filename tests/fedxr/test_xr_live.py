"""The headset's page with the real agents behind it, seen on the live page as well."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_rig import barriers, needs_chromium, picture
from playwright.async_api import Browser, expect
from xr_rig import PATIENCE_MS, enter, headset_page, leave

from fedxr.agent.adaptation.trainer import TrainSteps
from fedxr.agent.checkpoints.checkpoint_file import load_checkpoint
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.learning.learning_rule import LearningRule, TrainSchedule
from fedxr.learning.shipped import CHECKPOINT
from fedxr.live.loops import Tempo
from fedxr.live.serving import serving

pytestmark = [pytest.mark.slow, needs_chromium, pytest.mark.asyncio(loop_scope="module")]
PACE = TrainSchedule(TrainSteps(steps=1, rate=2e-3, batch=2))


async def test_agents_answer_a_headset_in_a_browser(browser: Browser, tmp_path: Path) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    async with (
        serving(
            load_checkpoint(CHECKPOINT),
            tmp_path / "state.db",
            ServerConfig(port=0),
            LearningRule(shared=PACE, personal=PACE),
            Tempo(round=30.0),
        ) as live,
        headset_page(
            browser,
            f"http://127.0.0.1:{live.server.port}/xr",
            "metaQuestPro",
            permissions=("microphone",),
        ) as page,
    ):
        await page.wait_for_selector("#enter:enabled")
        await picture(page, "xr-consent")
        for scheme in ("dark", "light"):
            await page.emulate_media(color_scheme=scheme)
            assert await barriers(page) == [], scheme
        await page.set_viewport_size({"width": 640, "height": 360})
        await enter(page, "gaze", "microphone", scenario="companion", user="tester")
        shown = page.locator("#figures")
        await expect(shown).to_contain_text("doing, mood")
        await expect(shown).to_contain_text("answer ")
        await expect(shown).not_to_contain_text("answer –")
        await expect(page.locator("#notices")).to_contain_text(
            "controller-left"
        )  # not in the checkpoint
        watching = await page.context.new_page()
        await watching.goto(f"http://127.0.0.1:{live.server.port}/")
        await expect(watching.locator("article")).to_have_count(1)
        await expect(watching.locator("article")).to_contain_text("tester")
        await expect(watching.locator("article")).to_contain_text("head")
        await page.bring_to_front()
        await leave(page)
        assert await barriers(page) == []
        await expect(watching.locator("article")).to_have_count(0)
