"""A real browser for the tests of the pages: the system's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import ConsoleMessage, Page, async_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_MS = 60_000
"""How long anything on a page may take; a busy machine is slow, and waiting costs nothing."""

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"
)


@asynccontextmanager
async def page_of(url: str, **context: Any) -> AsyncIterator[Page]:
    """The page at ``url`` in a fresh browser; ``context`` as for Playwright's ``new_context``.

    What the page throws, and what its policy forbids, fails the test.
    """
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
            timeout=2 * PATIENCE_MS,
        )
        try:
            page = await (await browser.new_context(**context)).new_page()
            page.set_default_timeout(PATIENCE_MS)
            wrong: list[str] = []
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("console", lambda said: wrong.append(said.text) if _breaks(said) else None)
            await page.goto(url)
            yield page
            assert not wrong, wrong
        finally:
            await browser.close()


def _breaks(said: ConsoleMessage) -> bool:
    """Whether the page tried what its own policy forbids."""
    return "Content Security Policy" in said.text


SCREENS = Path(__file__).parents[2] / "runs" / "screens"
"""Where tests leave pictures of the pages for people to look at."""
SIZES = {"desk": (1440, 900), "phone": (390, 844)}


async def picture(page: Page, name: str) -> list[Path]:
    """Pictures of the whole page at both :data:`SIZES`, light and dark: ``name-desk-dark.png``…"""
    SCREENS.mkdir(parents=True, exist_ok=True)
    taken = []
    for size, (width, height) in SIZES.items():
        await page.set_viewport_size({"width": width, "height": height})
        whole = await page.evaluate("document.documentElement.scrollHeight")
        # As high as the page, because what is not on screen is not drawn.
        await page.set_viewport_size({"width": width, "height": max(height, whole)})
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            taken.append(SCREENS / f"{name}-{size}-{scheme}.png")
            await page.screenshot(path=taken[-1])
    return taken


async def barriers(page: Page) -> list[str]:
    """What axe-core finds that keeps somebody from using the page as it is now."""
    found = await Axe().run(page)
    return [
        f"{one['id']}: {one['help']}: {node['html'][:200]}"
        for one in found.response["violations"]
        for node in one["nodes"]
    ]


DOTS = """
globalThis.dots = [];
const { arc, clearRect } = CanvasRenderingContext2D.prototype;
CanvasRenderingContext2D.prototype.clearRect = function (...all) {
  if (this.canvas.closest("details.senses")) globalThis.dots = [];
  return clearRect.apply(this, all);
};
CanvasRenderingContext2D.prototype.arc = function (x, y, ...more) {
  if (this.canvas.closest("details.senses")) globalThis.dots.push([x, y]);
  return arc.call(this, x, y, ...more);
};
"""
"""A script for the live page: notes where the latest drawing of what a headset senses has its dots,
in px; the hands' joints come last."""
