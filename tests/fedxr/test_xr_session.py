"""The headset's page through a session's troubles, on emulated headsets against a real bridge."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from browser_rig import needs_chromium
from playwright.async_api import Browser, Page
from xr_rig import (
    ONLY,
    ROOM,
    Listener,
    Picky,
    bridge_of,
    enter,
    figures,
    headset_page,
    leave,
    until,
)

from fedxr.bridge.serving.session import Session

pytestmark = [pytest.mark.slow, needs_chromium, pytest.mark.asyncio(loop_scope="module")]


async def _shows(page: Page, state: str) -> str:
    """Wait until the page says that it is in ``state``; its words."""
    place = page.locator(f'#state[data-state="{state}"]')
    await place.wait_for()
    return await place.inner_text()


async def test_a_lost_connection_is_resumed_where_it_was(browser: Browser) -> None:
    app = Listener()
    async with (
        bridge_of(app) as server,
        headset_page(browser, f"http://127.0.0.1:{server.port}/xr") as page,
    ):
        await enter(page)
        await until(lambda: len(app.frames) > 10)
        first = app.sessions[0]
        first._connection.transport.abort()
        await until(lambda: len(app.sessions) == 2)
        before = len(app.frames)
        await until(lambda: len(app.frames) > before + 10)
        await leave(page)
        assert (await figures(page))["connection"].endswith("came back once")
    again = app.sessions[1]
    assert (again.id, again.resumed) == (first.id, True)
    seqs = [frame.seq for frame in app.frames]
    assert all(b > a for a, b in pairwise(seqs))  # counted on, not anew
    assert app.frames[-1].episode == app.frames[0].episode + 1  # context starts anew
    assert app.frames[-1].episode_start_us > app.frames[0].episode_start_us


LOSE = """
globalThis.contexts = [];
const { getContext } = HTMLCanvasElement.prototype;
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  const context = getContext.call(this, kind, ...more);
  if (kind === "webgl2") globalThis.contexts.push(context);
  return context;
};
// The emulator reads this at every frame, and trips over the null that a lost context gives.
const { getParameter } = WebGL2RenderingContext.prototype;
WebGL2RenderingContext.prototype.getParameter = function (what) {
  return getParameter.call(this, what) ?? (what === this.COLOR_CLEAR_VALUE ? [0, 0, 0, 0] : null);
};
globalThis.drawings = 0;
const { drawElements } = WebGL2RenderingContext.prototype;
WebGL2RenderingContext.prototype.drawElements = function (...all) {
  if (!this.isContextLost()) globalThis.drawings += 1;
  return drawElements.apply(this, all);
};
"""
"""Keeps the drawing contexts, and counts what is drawn by those that are not lost."""


@pytest.mark.parametrize(("sense", "channel"), [("hands", "hand-left"), ("depth", "depth")])
async def test_graphics_that_are_taken_away_stop_neither_stream_nor_session(
    browser: Browser, sense: str, channel: str
) -> None:
    """As on a device whose driver restarts: frames go on, the user is told, and drawing goes on
    when the graphics are back; depth that is read by them as well."""
    app = Listener()
    gpu = f"{ROOM}; const usage = 'gpu-optimized'; {ONLY}" if sense == "depth" else ""
    async with (
        bridge_of(app) as server,
        headset_page(browser, f"http://127.0.0.1:{server.port}/xr", prepare=LOSE + gpu) as page,
    ):
        await enter(page, sense, mode="immersive-ar")
        await until(lambda: app.samples[channel] > 2)
        await page.evaluate("globalThis.taken = contexts.at(-1).getExtension('WEBGL_lose_context')")
        await page.evaluate("taken.loseContext()")
        await page.locator("#notices", has_text="took the picture away").wait_for()
        drawn, before = await page.evaluate("drawings"), len(app.frames)
        await until(lambda: len(app.frames) > before + 20)
        assert {"head", "hand-left"} <= set(app.frames[-1].samples)
        assert await page.evaluate("drawings") == drawn
        await page.evaluate("taken.restoreContext()")
        await page.locator("#notices", has_text="the picture is back").wait_for()
        samples = app.samples[channel]
        await until(lambda: app.samples[channel] > samples + 2)
        assert await page.evaluate("drawings") > drawn
        if sense == "hands":  # with depth the emulator itself goes on using what was lost
            assert await page.evaluate("contexts.at(-1).getError()") == 0
        assert len(app.sessions) == 1
        await leave(page)
    assert [frame.seq for frame in app.frames] == list(range(1, len(app.frames) + 1))


async def test_context_starts_anew_when_the_user_recentres(browser: Browser) -> None:
    app = Listener()
    async with (
        bridge_of(app) as server,
        headset_page(browser, f"http://127.0.0.1:{server.port}/xr") as page,
    ):
        await enter(page)
        await until(lambda: len(app.frames) > 5)
        await page.evaluate("device.recenter()")
        await until(lambda: app.frames[-1].episode == 1)
        await leave(page)
    first = next(frame for frame in app.frames if frame.episode == 1)
    assert first.episode_start_us == first.capture_us
    assert [frame.seq for frame in app.frames] == list(range(1, len(app.frames) + 1))


async def test_a_restarted_server_gets_a_new_session(browser: Browser) -> None:
    app, later = Listener(), Listener()
    async with bridge_of(app) as server:
        port = server.port
        opened = headset_page(browser, f"http://127.0.0.1:{port}/xr", inputs="controller")
        page = await opened.__aenter__()
        await enter(page)
        await until(lambda: len(app.frames) > 10)
        app.cue("intent", "suggest", text="name what is in reach")
        before = app.frames[-1].seq
        await until(lambda: app.frames[-1].seq > before + 20)
    try:
        assert "trying again" in await _shows(page, "lost")
        await _pull_trigger(page)  # said while nobody listens
        async with bridge_of(later, port):
            await until(lambda: len(later.frames) > 10)
            await until(lambda: later.told)
            await _shows(page, "open")
            await leave(page)
            await until(lambda: later.over)
    finally:
        await opened.__aexit__(None, None, None)
    assert later.sessions[0].id != app.sessions[0].id
    assert not later.sessions[0].resumed
    assert later.frames[0].seq > app.frames[-1].seq  # it counts on
    assert [(said.task, said.kind, said.label) for said in later.told] == [("intent", "rating", 10)]
    assert later.over == ["bye: the user ended the session"]


async def test_without_the_token_the_page_says_so_and_does_not_insist(browser: Browser) -> None:
    """Also where the page could not ask beforehand, and learns it only from the hello's refusal."""
    deaf = """
    const plain = globalThis.fetch;
    globalThis.fetch = (url, ...more) =>
      url.startsWith("/invitation") ? Promise.reject(new Error("gone")) : plain(url, ...more);
    """
    app = Listener()
    async with bridge_of(app, token="let me in") as server:
        url = f"http://127.0.0.1:{server.port}/xr"
        async with headset_page(browser, url, prepare=deaf) as page:
            await enter(page)
            assert "no token" in await _shows(page, "refused")
            await leave(page)
        assert app.sessions == []
        async with headset_page(browser, f"{url}?token=let%20me%20in") as page:
            await enter(page)
            await until(lambda: len(app.frames) > 3)
            await leave(page)


async def test_what_the_socket_does_not_take_is_dropped_not_queued(browser: Browser) -> None:
    """While the socket says that it is behind nothing is sent; then the newest goes first."""
    behind = """
    globalThis.behind = 0;
    Object.defineProperty(WebSocket.prototype, "bufferedAmount", {get: () => globalThis.behind});
    """
    app = Listener()
    async with (
        bridge_of(app) as server,
        headset_page(browser, f"http://127.0.0.1:{server.port}/xr", prepare=behind) as page,
    ):
        await enter(page)
        await until(lambda: len(app.frames) > 5)
        await page.evaluate("globalThis.behind = 1e6")
        await page.get_by_text(re.compile(r"\d\d here")).wait_for()
        before = len(app.frames)
        await page.evaluate("device.position.set(0.5, 1.6, 0); globalThis.behind = 0")
        await until(lambda: len(app.frames) > before)
        assert app.frames[before].samples["head"].values[-1][0] == pytest.approx(0.5)
        # The server counts the gap and tells it; both sides are shown.
        await until(lambda: app.sessions[0].stats.lost >= 10)
        await page.locator("#figures dd", has_text="at the server: lost").wait_for()
        await leave(page)


async def test_channels_that_the_server_refuses_are_named_and_not_sent(browser: Browser) -> None:
    app = Picky("controller-left")
    async with (
        bridge_of(app) as server,
        headset_page(browser, f"http://127.0.0.1:{server.port}/xr", inputs="controller") as page,
    ):
        await enter(page)
        await until(lambda: app.samples["controller-right"] > 5)
        await page.get_by_text("not read by this server: controller-left").wait_for()
        await leave(page)
    assert app.samples["controller-left"] == 0


async def test_a_notice_from_the_beginning_comes_after_the_welcome(browser: Browser) -> None:
    """As when a user's saved state is damaged: the session goes on, and the page says it."""

    class Sorry(Listener):
        def joined(self, session: Session) -> Sequence[str]:
            session.notice("state", "the saved state is damaged; starting anew")
            return super().joined(session)

    app = Sorry()
    async with (
        bridge_of(app) as server,
        headset_page(browser, f"http://127.0.0.1:{server.port}/xr") as page,
    ):
        await enter(page)
        await page.get_by_text("the saved state is damaged; starting anew").wait_for()
        await until(lambda: app.samples["head"] > 5)
        await leave(page)


async def test_a_pinch_agrees_to_a_suggestion(browser: Browser) -> None:
    app = Listener()
    async with (
        bridge_of(app) as server,
        headset_page(browser, f"http://127.0.0.1:{server.port}/xr", inputs="controller") as page,
    ):
        await enter(page)
        await until(lambda: len(app.frames) > 20)
        # A trigger without a suggestion says nothing.
        await _pull_trigger(page)
        app.cue("intent", "suggest", text="name what is in reach")
        before = app.frames[-1].seq
        await until(lambda: app.frames[-1].seq > before + 20)
        await _pull_trigger(page)
        await until(lambda: app.told)
        await _pull_trigger(page)  # the suggestion is gone
        before = app.frames[-1].seq
        await until(lambda: app.frames[-1].seq > before + 20)
        await leave(page)
    (said,) = app.told
    assert (said.task, said.kind, said.label) == ("intent", "rating", 10)
    # It refers to a frame that was answered, in that frame's own time.
    assert said.t_us in {frame.capture_us for frame in app.frames}
    assert said.episode == app.frames[0].episode


async def _pull_trigger(page: Page) -> None:
    """Press and release, each held for some pictures."""
    for value in (1, 0):
        await page.evaluate(
            """(value) => new Promise((done) => {
              device.controllers.right.updateButtonValue("trigger", value);
              let left = 4;
              const wait = () => (left-- > 0 ? requestAnimationFrame(wait) : done());
              wait();
            })""",
            value,
        )
