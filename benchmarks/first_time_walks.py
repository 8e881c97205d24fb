"""The two ways of a first-time user that :mod:`benchmarks.first_time` times, walked by a robot."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from playwright.async_api import Browser, Page

from benchmarks.served import address, served

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "fedxr"))

from browser_rig import DOTS
from xr_rig import EMULATE, IWER, PATIENCE_MS, point

JOINTS = 25


class Stopwatch:
    """Seconds of each step since the one before."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, step: str) -> None:
        now = time.monotonic()
        self.seconds[step], self._last = now - self._last, now


async def page_of(browser: Browser, url: str, *scripts: str) -> Page:
    """``url`` in a profile of its own, past the warning about the certificate."""
    context = await browser.new_context(ignore_https_errors=True)
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    for script in scripts:
        await page.add_init_script(script)
    await page.goto(url)
    return page


async def hand_dots(page: Page, hands: int) -> np.ndarray:
    """(25 * hands, 2) px: the joints as they are drawn now, left hand first; empty before."""
    dots = np.array(await page.evaluate("dots")).reshape(-1, 2)
    return dots[-hands * JOINTS :] if len(dots) >= hands * JOINTS else np.zeros((0, 2))


async def until_drawn(page: Page, what: Callable[[np.ndarray], object], hands: int = 2) -> None:
    end = time.monotonic() + PATIENCE_MS / 1000
    while not what(await hand_dots(page, hands)):
        if time.monotonic() > end:
            raise SystemExit("the drawing never came; see the live page's card")
        await asyncio.sleep(0.005)


def check_trust(folder: Path, host: str, port: int) -> None:
    """``root.pem`` alone makes the server trustworthy; raises ssl.SSLError where it does not."""
    context = ssl.create_default_context(cafile=folder / "fedxr" / "root.pem")
    with socket.create_connection((host, port), 30) as plain:
        context.wrap_socket(plain, server_hostname=host).close()


async def with_headset(
    browser: Browser, beside: Browser, folder: Path, python: str
) -> dict[str, float]:
    """The way of who has a headset on the network; the seconds of each step."""
    watch = Stopwatch()
    async with served(folder, "--lan", python=python) as said:
        watch.lap("printed")
        xr, live = address(said, "in a headset"), address(said, "live page")
        if sum(map(said.count, "█▀▄")) < 100:
            raise SystemExit(f"no QR code in what was printed: {said}")
        emulator = IWER.read_text(encoding="utf-8")
        headset = await page_of(browser, xr, emulator, EMULATE % ("metaQuest3", "hand"))
        await headset.wait_for_selector("#enter:enabled")
        watch.lap("page")
        await headset.click("#enter")
        await headset.get_by_text(re.compile(r"^answer \d")).wait_for()
        watch.lap("welcome")

        page = await page_of(beside, live, DOTS)
        await page.wait_for_selector('#connection[data-state="live"]')
        watch.lap("live")
        card = page.locator("article", has_text="quest-3")
        await card.wait_for()
        watch.lap("seen")
        await card.locator("summary").click()
        await until_drawn(page, len)
        watch.lap("opened")
        before = await hand_dots(page, 2)
        await headset.evaluate("device.hands.left.position.set(-0.1, 1.55, -0.45)")
        await until_drawn(page, lambda dots: moved(before, dots))
        watch.lap("moved")
        where = urlsplit(xr)
        await asyncio.to_thread(check_trust, folder, where.hostname, where.port)
        await headset.context.close()
        await page.context.close()
    return watch.seconds


def moved(before: np.ndarray, now: np.ndarray) -> bool:
    """Whether the left hand has gone up and to the right, against the other one."""
    if now.shape != before.shape:
        return False  # a hand is out of sight
    left, right = (now - before).reshape(2, JOINTS, 2).mean(1)
    across, down = left - right
    return bool(across > 10 and down < -10)


async def with_mouse(
    browser: Browser, beside: Browser, folder: Path, python: str
) -> dict[str, float]:
    """The way of who has none, on one computer: two windows, and a mouse."""
    watch = Stopwatch()
    async with served(folder, python=python) as said:
        watch.lap("listens")
        xr = await page_of(browser, address(said, "in a headset"))
        await xr.wait_for_selector("#try:visible")
        watch.lap("offered")
        await xr.click("#try")
        await xr.wait_for_selector("#answers li")
        watch.lap("answered")
        page = await page_of(beside, address(said, "live page"), DOTS)
        card = page.locator("article", has_text="mouse-and-keyboard")
        await card.wait_for()
        watch.lap("shown")
        await card.locator("summary").click()
        await until_drawn(page, len, 1)
        watch.lap("hand drawn")
        before = await hand_dots(page, 1)
        await point(xr, 0.9, 0.9)

        def followed(dots: np.ndarray) -> bool:
            """Whether the hand has gone to the right and up: by more than tracking's noise."""
            return len(dots) == len(before) and bool(
                (dots - before).mean(0)[0] > 10 and (dots - before).mean(0)[1] < -5
            )

        await until_drawn(page, followed, 1)
        watch.lap("followed")
        await xr.context.close()
        await page.context.close()
    return watch.seconds
