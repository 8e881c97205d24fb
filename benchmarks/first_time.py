"""A first-time user's path, timed: to one's own hands, or mouse, moving on the live page.

    python -m benchmarks.first_time [--runs 3] [--way headset|mouse] [--install | --python PYTHON]

Two ways. With a headset: ``fedxr serve --lan`` as typed, in a home of its own, so that it makes its
certificate as it does the first time; the headset is IWER's Quest 3 with hands in Chromium, the
live page is opened in a second browser, as on the computer beside it. With a mouse: ``fedxr
serve``, and ``/xr`` in a browser as anyone has it, where the mouse stands in. A robot goes the way
of a user and needs no time to read or to reach for anything: the seconds are the machine's own.
Needs Chromium and Playwright (extra ``test``), and the extra ``lan``.

``--install`` builds the wheel and installs it with ``pip install "WHEEL[lan]"`` into a fresh
environment (minutes, and gigabytes for torch); the path is then that environment's. ``--python`` is
the interpreter of one that is there already. The installation is timed beside the path, not in it.

The certificate is not installed: Chromium is told to go past its warning
(``ignore_https_errors``), as a user does with *Advanced → Proceed*. That ``root.pem`` makes the
server trustworthy is checked beside it, by Python's own TLS.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import numpy as np
from playwright.async_api import async_playwright

from benchmarks.first_time_walks import with_headset, with_mouse

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "fedxr"))

from browser_rig import CHROMIUM
from xr_rig import ARGS

ROOT = Path(__file__).parents[1]
HEADSET = {
    "printed": "`fedxr serve --lan` typed → address, token and QR code are printed",
    "page": "the address opened in the headset's browser → past the warning, the page asks",
    "welcome": "Enter pressed → the server has answered the first frame",
    "live": "the live page opened on the computer → it shows the run",
    "seen": "… → the headset's card is on it",
    "opened": "*Hands, head and gaze* opened → both hands are drawn",
    "moved": "a hand moved → it has moved in the drawing",
}
MOUSE = {
    "listens": "`fedxr serve` typed → addresses are printed",
    "offered": "`/xr` opened → it offers to try it here",
    "answered": "*Try it here* pressed → the agent's first answer is shown",
    "shown": "the live page opened → the mouse's card is on it",
    "hand drawn": "*Hands, head and gaze* opened → the hand is drawn",
    "followed": "the mouse moved → the hand has moved in the drawing",
}
WAYS = {"headset": (with_headset, HEADSET), "mouse": (with_mouse, MOUSE)}
HUMAN = """What a person adds to these seconds:
  - putting the headset on, and opening its browser
  - pointing its camera at the QR code, or typing the address
  - going past the browser's warning once (or installing root.pem: four steps on a Vision Pro)
  - reading what leaves the headset, and ticking what else may
  - the headset's own question whether this page may use hand tracking
  - walking to the computer for the live page"""


def fresh(folder: Path) -> str:
    """The interpreter of a new environment with the wheel of this checkout in it."""
    started = time.monotonic()
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT]
    subprocess.run(build, check=True)
    (wheel,) = folder.glob("fedxr-*.whl")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", f"{wheel}[lan]"],
        check=True,
    )
    print(f"wheel built and installed in {time.monotonic() - started:.0f} s\n", flush=True)
    return str(python)


async def walked(way: str, runs: int, python: str) -> list[dict[str, float]]:
    """The seconds of each step, of each run."""
    found = []
    async with async_playwright() as playwright:
        # Two browsers: a headset's does not stand still because a computer's window is in front.
        first, second = [
            await playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGS])
            for _ in range(2)
        ]
        for _ in range(runs):
            with tempfile.TemporaryDirectory() as home:
                found.append(await WAYS[way][0](first, second, Path(home), python))
        await first.close()
        await second.close()
    return found


def show(way: str, found: list[dict[str, float]]) -> None:
    print(f"| with a {way} | seconds, median of {len(found)} | from, to |\n|---|---|---|")
    for step, text in WAYS[way][1].items():
        values = [seconds[step] for seconds in found]
        print(f"| {text} | {np.median(values):.2f} | {min(values):.2f}, {max(values):.2f} |")
    totals = [sum(seconds.values()) for seconds in found]
    print(f"| all of it | {np.median(totals):.2f} | {min(totals):.2f}, {max(totals):.2f} |\n")


def main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        python = fresh(Path(folder)) if options.install else options.python
        for way in (options.way,) if options.way else WAYS:
            show(way, asyncio.run(walked(way, options.runs, python)))
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n\n{HUMAN}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--way", choices=[*WAYS], help="only this one")
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--python", default=sys.executable)
    asked = parser.parse_args()
    if CHROMIUM is None:
        sys.exit("no chromium on this machine: apt-get install chromium")
    main(asked)
