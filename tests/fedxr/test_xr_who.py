"""Who the headset's page is: the key that its browser keeps, and what its user allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browser_rig import needs_chromium
from xr_rig import Listener, bridge_of, enter, headset_page, leave, until

if TYPE_CHECKING:
    from playwright.async_api import Browser

TOGGLE = "document.getElementById('record-now').click()"
"""The emulator's view lies over the page while a session is open."""
pytestmark = [pytest.mark.slow, needs_chromium, pytest.mark.asyncio(loop_scope="module")]


async def test_a_browser_keeps_a_key_for_each_name(browser: Browser) -> None:
    """The same over visits and reloads; another for another name, and in another browser."""
    app = Listener()
    async with bridge_of(app) as server:
        url = f"http://127.0.0.1:{server.port}/xr"
        async with headset_page(browser, url) as page:
            for n, name in enumerate(("ann", "ann", "bob"), 1):
                await enter(page, user=name)
                await until(lambda n=n: len(app.sessions) == n, page)
                await leave(page)
                await page.reload()
        async with headset_page(browser, url) as page:
            await enter(page, user="ann")
            await until(lambda: len(app.sessions) == 4, page)
    ann, again, bob, elsewhere = (session.user_id for session in app.sessions)
    assert ann == again
    assert len({ann, bob, elsewhere}) == 3


async def test_the_private_key_cannot_be_taken_out(browser: Browser) -> None:
    app = Listener()
    async with (
        bridge_of(app) as server,
        headset_page(browser, f"http://127.0.0.1:{server.port}/xr") as page,
    ):
        await enter(page, user="ann")
        await until(lambda: app.sessions, page)
        said = await page.evaluate(
            """async () => {
              const { UserKey } = await import("/xr/user_key.js");
              const { private: key } = await UserKey.kept("ann");
              try {
                await crypto.subtle.exportKey("pkcs8", key);
                return "exported";
              } catch (error) {
                return error.name;
              }
            }"""
        )
    assert said == "InvalidAccessError"


async def test_the_user_says_whether_they_may_be_recorded(browser: Browser) -> None:
    """Before the session, and in it."""
    app = Listener()
    async with (
        bridge_of(app) as server,
        headset_page(browser, f"http://127.0.0.1:{server.port}/xr") as page,
    ):
        await page.wait_for_selector("#enter:enabled")
        await page.uncheck("#record")
        await enter(page)
        await until(lambda: app.sessions, page)
        assert not app.sessions[0].recordable
        assert not await page.is_checked("#record-now")
        await page.evaluate(TOGGLE)
        await until(lambda: app.sessions[0].recordable, page)
        app.sessions[0].notice("recording", "all of it is recorded")
        await page.wait_for_selector("text=all of it is recorded")
        await page.evaluate(TOGGLE)
        await until(lambda: not app.sessions[0].recordable, page)


async def test_a_replaced_session_does_not_come_back(browser: Browser) -> None:
    """Two pages of one user would else throw each other out for ever."""
    app = Listener()
    async with (
        bridge_of(app) as server,
        headset_page(browser, f"http://127.0.0.1:{server.port}/xr") as page,
    ):
        await enter(page)
        await until(lambda: app.sessions, page)
        app.sessions[0].notice("replaced", "the same key has opened another session")
        app.sessions[0].close("the same key has opened another session")
        await page.wait_for_selector('#state[data-state="refused"]')
        await page.wait_for_timeout(1500)
        assert len(app.sessions) == 1
        assert "the same key has opened another session" in await page.inner_text("#state")
