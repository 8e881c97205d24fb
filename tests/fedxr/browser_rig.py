"""A real browser for the tests of the pages: the system's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_MS = 60_000
"""How long anything on a page may take; a busy machine is slow, and waiting costs nothing."""

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"
)


@asynccontextmanager
async def page_of(url: str, **context: Any) -> AsyncIterator[Page]:
    """The page at ``url`` in a fresh browser; ``context`` as for Playwright's ``new_context``.

    What the page throws or logs as an error fails the test.
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
            await page.goto(url)
            yield page
            assert not wrong, wrong
        finally:
            await browser.close()
