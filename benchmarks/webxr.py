"""The headset's page on emulated headsets: pictures a second, its own work in each, latency, bytes.

``python -m benchmarks.webxr [--seconds N]``; needs Chromium and Playwright (extra ``test``). The
emulator (IWER) and the drawing run on this machine's processors, by software: the figures say what
the page costs, not what a headset reaches. The last rows lift the browser's limit of 60 pictures a
second.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from playwright.async_api import Browser

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "fedxr"))

from browser_rig import CHROMIUM
from xr_rig import ROOM, Listener, bridge_of, chromium, enter, figures, headset_page, leave, until

CASES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("Quest 3, hands", "metaQuest3", "hand", ()),
    ("Quest 3, controllers", "metaQuest3", "controller", ()),
    ("Quest Pro, hands and gaze", "metaQuestPro", "hand", ("gaze",)),
    ("Quest 3, hands, depth, room, sound", "metaQuest3", "hand", ("depth", "room", "microphone")),
)
UNLIMITED = ("--disable-frame-rate-limit", "--disable-gpu-vsync")
MEASURE = """
globalThis.work = [];
const plain = XRSession.prototype.requestAnimationFrame;
XRSession.prototype.requestAnimationFrame = function (callback) {
  return plain.call(this, (time, frame) => {
    const started = performance.now();
    callback(time, frame);
    work.push(performance.now() - started);
  });
};
"""
"""Milliseconds that the page spends in each picture, reading, sending and drawing."""


async def measure(
    browser: Browser, device: str, inputs: str, senses: Sequence[str], seconds: float
) -> str:
    """One row: pictures and frames a second, dropped, bytes a frame, work, capture to reply."""
    app = Listener()
    async with (
        bridge_of(app) as server,
        headset_page(
            browser,
            f"http://127.0.0.1:{server.port}/xr",
            device,
            inputs,
            prepare=ROOM + MEASURE,
            permissions=("microphone",),
            size=(256, 192),
        ) as page,
    ):
        await enter(page, *senses)
        await until(lambda: len(app.frames) > 60)
        stats = app.sessions[0].stats
        await page.evaluate("work.length = 0")
        frames, sent, started = len(app.frames), stats.bytes_in, time.monotonic()
        await asyncio.sleep(seconds)
        work = np.array(await page.evaluate("work"))
        took = time.monotonic() - started
        frames, sent = len(app.frames) - frames, stats.bytes_in - sent
        shown = await figures(page)
        await leave(page)
    dropped = shown["dropped"].removesuffix(" here")
    reply = shown["latency"].removeprefix("answer ").split(",")[0]
    return (
        f"{len(work) / took:.0f} | {frames / took:.0f} | {dropped} | {sent / frames:.0f} "
        f"| {np.median(work):.2f}, {np.quantile(work, 0.99):.1f} | {reply}"
    )


async def main(seconds: float) -> None:
    print("| device and senses | pictures/s | frames/s | dropped | bytes/frame "
          "| work, ms: p50, p99 | capture to reply, p50 |")  # fmt: skip
    print("|---|---|---|---|---|---|---|")
    for limits, note in (((), ""), (UNLIMITED, ", no limit")):
        async with chromium(*limits) as browser:
            for title, *case in CASES:
                print(f"| {title}{note} | {await measure(browser, *case, seconds)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    if CHROMIUM is None:
        sys.exit("no chromium on this machine: apt-get install chromium")
    asyncio.run(main(options.seconds))
