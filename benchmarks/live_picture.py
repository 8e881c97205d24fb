"""Pictures of the live page for the documents, from a real demo.

    python -m benchmarks.live_picture [--seconds 60] [--out docs]

``fedxr demo`` streams, answers, learns and meets; from its first headset on Chromium has the page
open and takes ``live_page.webp``, a clip ten times as fast as it was; at the end ``live_page.png``
(its top, on a desk) and ``live_headset.png`` (the card of one headset, opened). The demo is then
interrupted, as by Ctrl-C.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import tyro
from PIL import Image
from playwright.async_api import Page, async_playwright

WIDTH, HEIGHT = 1440, 900
CLIP = (960, 600)
"""Pixels of the clip."""
STEP_S, SHOWN_MS = 2.0, 200
"""A picture of the clip each so many seconds, and how long it is shown."""
OPENED = "quest-3, "
"""Of the card that is opened: a headset with hands."""


@dataclass(frozen=True)
class LivePicture:
    """When, and where to."""

    seconds: float = 60.0
    """Seconds of streaming after which the pictures are taken."""
    headsets: int = 8
    """Headsets of the demo."""
    seed: int = 1
    """Seed of the demo."""
    out: Path = Path("docs")
    """Folder of the pictures."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


async def take(page: Page, out: Path) -> None:
    """The top of the page, down to the second row of headsets; then one headset, opened."""
    whole = await page.evaluate("document.documentElement.scrollHeight")
    # As high as the page, because what is not on screen is not drawn.
    await page.set_viewport_size({"width": WIDTH, "height": max(HEIGHT, whole)})
    await asyncio.sleep(1)
    cards = page.locator("article")
    last = cards.nth(min(4, await cards.count()) - 1)
    height = await last.evaluate("card => card.getBoundingClientRect().bottom") + 5
    top = await page.screenshot(clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
    keep(top, out / "live_page.png")
    opened = page.locator("article", has_text=OPENED)
    await opened.locator("summary").first.click()
    await asyncio.sleep(3)
    keep(await opened.screenshot(), out / "live_headset.png")


async def film(page: Page, seconds: float, out: Path) -> None:
    """The page's top while it fills, for ``seconds``."""
    pictures, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        picture = Image.open(BytesIO(await page.screenshot())).convert("RGB")
        pictures.append(picture.resize(CLIP, Image.Resampling.LANCZOS))
        await asyncio.sleep(STEP_S)
    first, *others = pictures
    first.save(out / "live_page.webp", save_all=True, append_images=others, duration=SHOWN_MS,
               loop=0, quality=60, method=6)  # fmt: skip


def keep(png: bytes, path: Path) -> None:
    """In 128 colours, which a page like this one hardly exceeds: a third of the bytes."""
    Image.open(BytesIO(png)).convert("RGB").quantize(128).save(path, optimize=True)


async def main(config: LivePicture) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("no chromium on this machine: apt-get install chromium")
    port, folder = free_port(), tempfile.mkdtemp()
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fedxr.cli.entry", "demo", "--no-open", "--port", str(port),
        "--seconds", str(config.seconds + 30), "--headsets", str(config.headsets),
        "--seed", str(config.seed), "--out", folder,
    )  # fmt: skip
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            page = await browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            while demo.returncode is None:
                with contextlib.suppress(Exception):
                    await page.goto(f"http://127.0.0.1:{port}/")
                    break
                await asyncio.sleep(0.5)
            await page.wait_for_selector("article", timeout=120_000)
            await film(page, config.seconds, config.out)
            await take(page, config.out)
            await browser.close()
    finally:
        if demo.returncode is None:
            demo.send_signal(signal.SIGINT)
            await demo.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    asyncio.run(main(tyro.cli(LivePicture, description=__doc__)))
