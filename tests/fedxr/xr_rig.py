"""An emulated headset for the tests of its page: IWER in Chromium, against a real bridge.

IWER (Meta's emulator of WebXR devices, tests/webxr/vendor) replaces ``navigator.xr``; its
``device`` is then the headset that a test moves about. Drawing is by software, so the views are
small: a picture of 640 x 360 costs a millisecond or two.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from browser_rig import CHROMIUM
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from fedxr.bridge.frames import Frame
from fedxr.bridge.protocol import Answer, Feedback
from fedxr.bridge.serving.application import Application
from fedxr.bridge.serving.server import BridgeServer, ServerConfig
from fedxr.bridge.serving.session import Session
from fedxr.dashboard.door import Door

IWER = Path(__file__).parents[1] / "webxr" / "vendor" / "iwer.min.js"
ARGS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--use-fake-device-for-media-stream",
)
ROOM = """
device.installSEM(class {
  version = "test";
  environmentCanvas = document.createElement("canvas");
  trackedPlanes = new Set([new IWER.NativePlane(
    new XRRigidTransform({x: 1, y: 0, z: -2}),
    [{x: 0, y: 0, z: 0}, {x: 1, y: 0, z: 0}, {x: 1, y: 0, z: 1}], "floor")]);
  trackedMeshes = new Set([new IWER.NativeMesh(
    new XRRigidTransform({x: 0, y: 1, z: 0}),
    new Float32Array([0, 0, -1, 0, 0.5, -1]), new Uint32Array([0, 1]), "table")]);
  render() {}
  computeHitTestResults() { return []; }
  // The upper half is 2 m away, the lower 1 m; its rightmost quarter unknown.
  computeDepthBuffer() {
    const map = new Float32Array(16 * 8);
    for (let i = 0; i < map.length; i += 1) map[i] = i % 16 >= 12 && i >= 64 ? 0 : i < 64 ? 2 : 1;
    return {data: map.buffer, width: 16, height: 8, rawValueToMeters: 1};
  }
});
"""
"""A made-up room: three corners of a plane, two points of a mesh, a depth map."""

ONLY = """
const request = XRSystem.prototype.requestSession;
XRSystem.prototype.requestSession = function (mode, options) {
  options.depthSensing.usagePreference = [usage];
  return request.call(this, mode, options);
};
"""
"""Depth in one way only; the emulator would take the one that is asked for first."""

PATIENCE_MS = 180_000
"""How long anything may take: pictures are drawn by processors that others use as well."""
EMULATE = """
globalThis.device = new IWER.XRDevice(IWER.%s, {stereoEnabled: false, fovy: 1.2});
device.installRuntime({forceInstall: true});
device.primaryInputMode = "%s";
"""


class Listener(Application):
    """Keeps what headsets send and answers every frame at once."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.frames: list[Frame] = []
        self.told: list[Feedback] = []
        self.over: list[str] = []

    def joined(self, session: Session) -> Sequence[str]:
        self.sessions.append(session)
        return ("intent",)

    def frame(self, session: Session, frame: Frame) -> None:
        self.frames.append(frame)
        session.send_reply(frame.seq, frame.capture_us, {"intent": Answer(b"\0\0\x80\x3f", 0)})

    def feedback(self, session: Session, feedback: Feedback) -> None:
        self.told.append(feedback)

    def left(self, session: Session, reason: str) -> None:
        self.over.append(reason)

    def cue(self, task: str, act: str, **payload: Any) -> None:
        """Tell the newest headset's scene to do something, as fedxr.live.live does."""
        whole = {"task": task, "act": act, "payload": payload, "confidence": 0.9}
        self.sessions[-1].send_cue(act, whole)

    @property
    def samples(self) -> Counter[str]:
        """Samples that arrived, by channel."""
        counts: Counter[str] = Counter()
        for frame in self.frames:
            counts.update({name: len(samples) for name, samples in frame.samples.items()})
        return counts

    def newest(self, channel: str) -> Any:
        """The values of the newest sample of ``channel``."""
        return next(
            f.samples[channel].values[-1] for f in reversed(self.frames) if channel in f.samples
        )


class Picky(Listener):
    """Does not take one channel."""

    def __init__(self, unwanted: str) -> None:
        super().__init__()
        self.unwanted = unwanted

    def joined(self, session: Session) -> Sequence[str]:
        session.refuse(self.unwanted, "this server does not read it")
        return super().joined(session)


def bridge_of(app: Application, port: int = 0, **config: Any) -> BridgeServer:
    door = Door(ServerConfig(port=port, **config), "127.0.0.1")
    server = BridgeServer(app, door.config, door.pages(lambda: server.port))
    return server


@asynccontextmanager
async def chromium(*more: str) -> AsyncIterator[Browser]:
    """Chromium as the tests of the headset's page need it: WebGL by software, pretended media;
    ``more`` are further arguments."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*ARGS, *more], timeout=PATIENCE_MS
        )
        yield browser
        await browser.close()


@asynccontextmanager
async def headset_page(
    browser: Browser,
    url: str,
    device: str = "metaQuest3",
    inputs: str = "hand",
    *,
    prepare: str = "",
    permissions: Sequence[str] = (),
    size: tuple[int, int] = (640, 360),
) -> AsyncIterator[Page]:
    """``url`` opened on an emulated ``device`` (a name of IWER's) with hands or controllers.

    ``prepare`` is JavaScript that runs before the page's own; ``permissions`` are granted, all
    others are refused. What the page throws or logs as an error fails the test.
    """
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]}, permissions=list(permissions)
    )
    try:
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if _is_fault(said) else None)
        await page.add_init_script(path=IWER)
        await page.add_init_script(EMULATE % (device, inputs) + prepare)
        await page.goto(url)
        yield page
        assert not wrong, wrong
    finally:
        await context.close()


def _is_fault(said: ConsoleMessage) -> bool:
    """The emulator logs what a frame's callback throws; a lost server is no fault of the page."""
    return said.type == "error" and not said.text.startswith(("WebSocket connection", "Failed to"))


async def enter(page: Page, *senses: str, mode: str = "immersive-vr", **fields: str) -> None:
    """Tick ``senses`` besides those ticked already, fill the form's ``fields``, and enter."""
    await page.wait_for_selector("#enter:enabled")
    await page.select_option("#mode", mode)
    for sense in senses:
        await page.check(f"input[name={sense}]")
        await page.wait_for_selector(f"input[name={sense}]:enabled")
    for name, value in fields.items():
        box = page.locator(f"#{name}")
        if await box.evaluate("box => box.tagName") == "SELECT":
            await box.select_option(value)
        else:
            await box.fill(value)
    await page.click("#enter")


async def point(page: Page, x: float, y: float) -> None:
    """The pointer to a place in the stand-in's picture, 0 to 1 from its left and lower edge."""
    box = await page.locator("#view canvas").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + x * box["width"], box["y"] + (1 - y) * box["height"])


async def leave(page: Page) -> None:
    """End the session as the headset's own button does."""
    await page.evaluate("device.activeSession.end()")
    await page.wait_for_selector("#leave", state="hidden")


async def figures(page: Page) -> dict[str, str]:
    """What the page shows about the stream, by name."""
    rows: list[list[str]] = await page.eval_on_selector_all(
        "#figures > div", "rows => rows.map(row => [...row.children].map(c => c.textContent))"
    )
    return {row[0]: row[1] for row in rows}


async def until(what: Callable[[], Any], page: Page | None = None) -> None:
    """Wait for ``what`` to become true; fail when it does not in time, with what ``page``
    shows then."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not what():
        if time.monotonic() > end:
            shown = "" if page is None else await page.inner_text("body")
            raise AssertionError(f"still waiting after {PATIENCE_MS / 1000:.0f} s; {shown}")
        await asyncio.sleep(0.02)
