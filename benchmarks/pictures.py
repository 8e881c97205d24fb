"""Pictures of every page for review, and what axe finds on each: one command.

    python -m benchmarks.pictures --out DIR [--also report=runs/demo/report.html] [--also site=URL]

``fedxr serve`` runs as typed. Its live page is taken while nobody is here, without a token and
with headsets (a simulated one, and a mouse); ``/xr`` as it opens, while it is tried, and without a
token. ``--also NAME=FILE`` or ``NAME=URL`` adds pages: the report of a run, the site once it is
built. Each is taken at desk (1280) and phone (390) width, light and dark, whole:
``live-empty-desk-dark.png``. Exit status 1 where axe finds what keeps somebody from using a page.
Needs Chromium, and Playwright and axe (extra ``test``).
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import tyro
from playwright.async_api import Browser, Page

from benchmarks.served import address, served

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "fedxr"))

from browser_rig import CHROMIUM, barriers
from xr_rig import chromium, point

SIZES = {"desk": (1280, 800), "phone": (390, 844)}
SCHEMES = ("light", "dark")
TOKEN = "only for pictures"  # noqa: S105 - of a server that is gone a minute later
PATIENCE_MS = 120_000


@dataclass(frozen=True)
class Pictures:
    """Where to, and of what else."""

    out: Path = Path("runs/pictures")
    """Folder of the pictures; made where it is missing."""
    also: tuple[str, ...] = ()
    """Further pages, as NAME=FILE or NAME=URL."""
    seconds: float = 15.0
    """Seconds that headsets stream before they are taken."""

    def pages(self) -> dict[str, str]:
        """Further pages by name. Raises SystemExit for what is no NAME=… or no file."""
        found = {}
        for one in self.also:
            name, _, where = one.partition("=")
            if not where or "/" in name:
                raise SystemExit(f"--also {one!r}: give NAME=FILE or NAME=URL, such as site=URL")
            if "://" not in where and not Path(where).is_file():
                raise SystemExit(f"--also {one!r}: there is no file {where}")
            found[name] = where if "://" in where else Path(where).resolve().as_uri()
        return found


class Album:
    """Takes pictures into ``out``; ``found`` is what axe has found on them."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.found: list[str] = []
        out.mkdir(parents=True, exist_ok=True)

    async def take(self, page: Page, name: str) -> None:
        """The page as it stands, at every size and in both schemes."""
        for size, (width, height) in SIZES.items():
            for scheme in SCHEMES:
                await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                await page.set_viewport_size({"width": width, "height": height})
                await asyncio.sleep(0.5)
                whole = await page.evaluate("document.documentElement.scrollHeight")
                # As high as the page, because what is not on screen is not drawn.
                await page.set_viewport_size({"width": width, "height": max(height, whole)})
                await asyncio.sleep(0.5)
                view = f"{name}-{size}-{scheme}"
                await page.screenshot(path=self.out / f"{view}.png")
                self.found += [f"{view}: {one}" for one in await barriers(page)]
        await page.set_viewport_size({"width": 1280, "height": 800})
        print(f"{name}: {len(SIZES) * len(SCHEMES)} pictures", flush=True)


@asynccontextmanager
async def opened(browser: Browser, url: str, wanted: str) -> AsyncIterator[Page]:
    """``url`` in a profile of its own, once what the selector ``wanted`` names is seen."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        await page.goto(url)
        await page.wait_for_selector(wanted)
        yield page
    finally:
        await context.close()


@asynccontextmanager
async def streaming(url: str) -> AsyncIterator[None]:
    """A simulated headset, by the command."""
    command = [sys.executable, "-m", "fedxr.cli.entry", "stream", "--url", url, "--seconds", "600"]
    quiet = asyncio.subprocess.DEVNULL
    headset = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)
    try:
        yield
    finally:
        headset.terminate()
        await headset.wait()


async def tried(page: Page) -> None:
    """Press "Try it here", look about, and walk on."""
    await page.click("#try")
    await page.wait_for_selector("#answers li")
    for k in range(10):
        await point(page, 0.3 + 0.04 * k, 0.5)
        await asyncio.sleep(0.1)
    await page.keyboard.down("w")
    await asyncio.sleep(2)
    await page.keyboard.press("2")


async def of_the_pages(browser: Browser, album: Album, seconds: float, home: Path) -> None:
    async with served(home) as said:
        live, xr = address(said, "live page"), address(said, "in a headset")
        async with opened(browser, live, "#joining:visible") as page:
            await album.take(page, "live-empty")
        async with opened(browser, xr, "#try:visible") as trying:
            await album.take(trying, "xr-idle")
            await tried(trying)
            async with streaming(address(said, "programs")):
                await asyncio.sleep(seconds)
                await album.take(trying, "xr-trying")
                async with opened(browser, live, "article + article") as page:
                    await page.locator("article summary").first.click()
                    await album.take(page, "live")
    async with served(home, "--token", TOKEN) as said:
        for name, what in (("live-no-token", "live page"), ("xr-no-token", "in a headset")):
            url = address(said, what).partition("?")[0]
            async with opened(browser, url, "#locked:visible") as page:
                await album.take(page, name)


async def main(config: Pictures) -> int:
    """0, or 1 where axe finds something."""
    pages, album = config.pages(), Album(config.out)
    async with chromium() as browser:
        with tempfile.TemporaryDirectory() as home:
            await of_the_pages(browser, album, config.seconds, Path(home))
        for name, url in pages.items():
            async with opened(browser, url, "body") as page:
                await album.take(page, name)
    print(f"in {config.out}; axe finds {len(album.found) or 'nothing'}")
    print("\n".join(album.found), end="\n" if album.found else "")
    return 1 if album.found else 0


if __name__ == "__main__":
    if CHROMIUM is None:
        sys.exit("no chromium on this machine: apt-get install chromium")
    sys.exit(asyncio.run(main(tyro.cli(Pictures, description=__doc__))))
