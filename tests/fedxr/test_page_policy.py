"""What a browser lets the pages do: stand in no foreign frame, keep their token out of sight."""

from __future__ import annotations

import pytest
from browser_rig import needs_chromium, page_of
from playwright.async_api import Route
from xr_rig import Listener, bridge_of, chromium, headset_page, until

pytestmark = [pytest.mark.slow, needs_chromium]


async def test_no_page_of_ours_loads_in_a_foreign_frame() -> None:
    async with bridge_of(Listener()) as server, page_of("about:blank") as page:

        async def foreign(route: Route) -> None:
            path = "/xr" if route.request.url.endswith("xr") else "/"
            framed = f'<!doctype html><iframe src="http://127.0.0.1:{server.port}{path}"></iframe>'
            await route.fulfill(body=framed, content_type="text/html")

        await page.route("http://localhost:9/**", foreign)
        for around in ("http://localhost:9/live", "http://localhost:9/xr"):
            await page.goto(around, wait_until="load")
            assert page.frames[1].url == "chrome-error://chromewebdata/"
        assert server.watchers == 0


async def test_the_token_leaves_the_address_and_outlives_a_reload() -> None:
    async with bridge_of(Listener(), token="let me in&out") as server:
        opened = f"http://127.0.0.1:{server.port}/?token=let%20me%20in%26out&x=1"
        async with page_of(opened) as page:
            await page.wait_for_url(f"http://127.0.0.1:{server.port}/?x=1")
            await until(lambda: server.watchers == 1, page)
            again: list[str] = []
            page.on("websocket", lambda socket: again.append(socket.url))
            await page.reload()
            await until(lambda: again and server.watchers == 1, page)
            assert page.url.endswith("/?x=1")
            assert again[0].endswith("/live?token=let%20me%20in%26out")


async def test_the_headsets_page_hides_its_token_too() -> None:
    async with bridge_of(Listener(), token="t") as server, chromium() as browser:
        opened = f"http://127.0.0.1:{server.port}/xr?token=t&scenario=companion"
        async with headset_page(browser, opened) as page:
            await page.wait_for_selector("#enter:enabled")
            assert page.url.endswith("/xr?scenario=companion")
