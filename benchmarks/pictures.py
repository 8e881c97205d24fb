"""Pictures of every page for review, and what axe finds on each: one command.

    python -m benchmarks.pictures --out DIR [--also run=runs/demo/report.html]

``fedxr serve`` runs as typed. Its live page is taken while nobody is here, without a token and
with headsets (a simulated one, and a mouse); ``/xr`` as it opens, while it is tried, and without a
token. A run's report and the site are made and taken (not with ``--no-make``); ``--also NAME=FILE``
or ``NAME=URL`` adds pages. Each is taken at desk (1280) and phone (390) width, light and dark, and
whole: ``live-empty-desk-dark.png``. Exit status 1 where axe finds what keeps somebody from using a
page. Needs Chromium, and Playwright and axe (extra ``test``).
"""

from __future__ import annotations

import asyncio
import os
import subprocess
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

ROOT = Path(__file__).parents[1]
SIZES = {"desk": (1280, 800), "phone": (390, 844)}
SCHEMES = ("light", "dark")
SITE = ("index", "own_data", "api")
TOKEN = "only for pictures"  # noqa: S105 - of a server that is gone a minute later
PATIENCE_MS = 120_000


@dataclass(frozen=True)
class Pictures:
    """Where to, and of what else."""

    out: Path = Path("runs/pictures")
    """Folder of the pictures; made where it is missing."""
    also: tuple[str, ...] = ()
    """Further pages, as NAME=FILE or NAME=URL."""
    make: bool = True
    """Make a run and its report, and the site, and take them too."""
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

    async def take(self, page: Page, name: str, schemes: tuple[str, ...] = SCHEMES) -> None:
        """The page as it stands, at every size and in each of ``schemes``."""
        for size, (width, height) in SIZES.items():
            for scheme in schemes:
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
        print(f"{name}: {len(SIZES) * len(schemes)} pictures", flush=True)


@asynccontextmanager
async def opened(
    browser: Browser, url: str, wanted: str, scheme: str = "light"
) -> AsyncIterator[Page]:
    """``url`` in a profile of its own, once what the selector ``wanted`` names is seen."""
    context = await browser.new_context(
        viewport={"width": 1280, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
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


def made(home: Path) -> dict[str, str]:
    """Pages by name, of what is made in ``home``: a run's report, and some of the site's."""
    fedxr = [sys.executable, "-m", "fedxr.cli.entry"]
    run = "federate --source recorded --data mine --rounds 2 --steps 20 --copies 1 --out run"
    for command in ("data new mine", run):
        subprocess.run([*fedxr, *command.split()], cwd=home, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(home / "site")],
        cwd=ROOT, check=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    site = {f"site-{name}": home / "site" / f"{name}.html" for name in SITE}
    return {
        name: path.as_uri()
        for name, path in {"report": home / "run" / "report.html", **site}.items()
    }


async def of_files(browser: Browser, album: Album, pages: dict[str, str]) -> None:
    """Each of ``pages``, opened anew in each scheme: the site's theme asks for it only once."""
    for name, url in pages.items():
        for scheme in SCHEMES:
            async with opened(browser, url, "body", scheme) as page:
                await album.take(page, name, (scheme,))


async def main(config: Pictures) -> int:
    """0, or 1 where axe finds something."""
    pages, album = config.pages(), Album(config.out)
    async with chromium() as browser:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder).resolve()
            await of_the_pages(browser, album, config.seconds, home)
            if config.make:
                pages |= made(home)
            await of_files(browser, album, pages)
    print(f"in {config.out}; axe finds {len(album.found) or 'nothing'}")
    print("\n".join(album.found), end="\n" if album.found else "")
    return 1 if album.found else 0


if __name__ == "__main__":
    if CHROMIUM is None:
        sys.exit("no chromium on this machine: apt-get install chromium")
    sys.exit(asyncio.run(main(tyro.cli(Pictures, description=__doc__))))
