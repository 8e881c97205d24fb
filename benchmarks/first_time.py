"""A first-time user's path, timed: from ``fedxr serve --lan`` to one's own hands on the live page.

    python -m benchmarks.first_time [--runs 3]

The command is run as typed, in a home of its own, so that it makes its certificate as it does the
first time. The headset is IWER's Quest 3 with hands in Chromium; the live page is opened in a
second browser, as on the computer beside it. A robot goes the way of a user and needs no time to
read or to reach for anything: the seconds are the machine's own. Needs Chromium and Playwright
(extra ``test``), and the extra ``lan``.

The certificate is not installed: Chromium is told to go past its warning
(``ignore_https_errors``), as a user does with *Advanced → Proceed*. That ``root.pem`` makes the
server trustworthy is checked beside it, by Python's own TLS.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from playwright.async_api import Browser, Page, async_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "fedxr"))

from browser_rig import CHROMIUM, DOTS
from xr_rig import ARGS, EMULATE, IWER, PATIENCE_MS

STEPS = {
    "printed": "`fedxr serve --lan` typed → address, token and QR code are printed",
    "page": "the address opened in the headset's browser → past the warning, the page asks",
    "welcome": "Enter pressed → the server has answered the first frame",
    "live": "the live page opened on the computer → it shows the run",
    "seen": "… → the headset's card is on it",
    "opened": "*Hands, head and gaze* opened → both hands are drawn",
    "moved": "a hand moved → it has moved in the drawing",
}
HUMAN = """What a person adds to these seconds:
  - putting the headset on, and opening its browser
  - pointing its camera at the QR code, or typing the address
  - going past the browser's warning once (or installing root.pem: four steps on a Vision Pro)
  - reading what leaves the headset, and ticking what else may
  - the headset's own question whether this page may use hand tracking
  - walking to the computer for the live page"""
JOINTS = 25


class Stopwatch:
    """Seconds of each step since the one before."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, step: str) -> None:
        now = time.monotonic()
        self.seconds[step], self._last = now - self._last, now


@asynccontextmanager
async def served(folder: Path, watch: Stopwatch):
    """The command as a user types it; yields what it has printed."""
    env = {**os.environ, "PYTHONUNBUFFERED": "1", "XDG_CONFIG_HOME": str(folder)}
    command = ["serve", "--lan", "--port", "0", "--state", str(folder / "state.db")]
    server = subprocess.Popen(
        [sys.executable, "-m", "fedxr.cli.entry", *command],
        stdout=subprocess.PIPE, env=env, text=True,
    )  # fmt: skip
    try:
        said = ""
        while "Ctrl-C" not in said:
            line = await asyncio.to_thread(server.stdout.readline)
            if not line:
                raise SystemExit(f"the server ended: {said}")
            said += line
        watch.lap("printed")
        yield said
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


async def page_of(browser: Browser, url: str, *scripts: str) -> Page:
    """``url`` in a profile of its own, past the warning about the certificate."""
    context = await browser.new_context(ignore_https_errors=True)
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    for script in scripts:
        await page.add_init_script(script)
    await page.goto(url)
    return page


async def hand_dots(page: Page) -> np.ndarray:
    """(50, 2) px: the joints as they are drawn now, left hand first; empty before."""
    dots = np.array(await page.evaluate("dots")).reshape(-1, 2)
    return dots[-2 * JOINTS :] if len(dots) >= 2 * JOINTS else np.zeros((0, 2))


async def until_drawn(page: Page, what) -> None:
    end = time.monotonic() + PATIENCE_MS / 1000
    while not what(await hand_dots(page)):
        if time.monotonic() > end:
            raise SystemExit("the drawing never came; see the live page's card")
        await asyncio.sleep(0.005)


def check_trust(folder: Path, host: str, port: int) -> None:
    """``root.pem`` alone makes the server trustworthy; raises ssl.SSLError where it does not."""
    context = ssl.create_default_context(cafile=folder / "fedxr" / "root.pem")
    with socket.create_connection((host, port), 30) as plain:
        context.wrap_socket(plain, server_hostname=host).close()


async def walk(browser: Browser, beside: Browser, folder: Path) -> dict[str, float]:
    """One user's way; the seconds of each step."""
    watch = Stopwatch()
    async with served(folder, watch) as said:
        xr = re.search(r"in a headset: *(\S+)", said)
        live = re.search(r"live page: *(\S+)", said)
        if xr is None or live is None or sum(map(said.count, "█▀▄")) < 100:
            raise SystemExit(f"no addresses or no QR code in what was printed: {said}")
        emulator = IWER.read_text(encoding="utf-8")
        headset = await page_of(browser, xr[1], emulator, EMULATE % ("metaQuest3", "hand"))
        await headset.wait_for_selector("#enter:enabled")
        watch.lap("page")
        await headset.click("#enter")
        await headset.get_by_text(re.compile(r"^answer \d")).wait_for()
        watch.lap("welcome")

        page = await page_of(beside, live[1], DOTS)
        await page.wait_for_selector('#connection[data-state="live"]')
        watch.lap("live")
        card = page.locator("article", has_text="quest-3")
        await card.wait_for()
        watch.lap("seen")
        await card.locator("summary").click()
        await until_drawn(page, len)
        watch.lap("opened")
        before = await hand_dots(page)
        await headset.evaluate("device.hands.left.position.set(-0.1, 1.55, -0.45)")
        await until_drawn(page, lambda dots: moved(before, dots))
        watch.lap("moved")
        where = urlsplit(xr[1])
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


async def main(runs: int) -> None:
    found = []
    async with async_playwright() as playwright:
        # Two browsers: a headset's does not stand still because a computer's window is in front.
        headset, computer = [
            await playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGS])
            for _ in range(2)
        ]
        for _ in range(runs):
            with tempfile.TemporaryDirectory() as folder:
                found.append(await walk(headset, computer, Path(folder)))
        await headset.close()
        await computer.close()
    print(f"| step | seconds, median of {runs} | from, to |\n|---|---|---|")
    for step, text in STEPS.items():
        values = [seconds[step] for seconds in found]
        print(f"| {text} | {np.median(values):.2f} | {min(values):.2f}, {max(values):.2f} |")
    totals = [sum(seconds.values()) for seconds in found]
    print(f"| all of it | {np.median(totals):.2f} | {min(totals):.2f}, {max(totals):.2f} |")
    print(f"\nload average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n\n{HUMAN}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if CHROMIUM is None:
        sys.exit("no chromium on this machine: apt-get install chromium")
    asyncio.run(main(options.runs))
