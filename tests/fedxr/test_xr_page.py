"""The headset's page on emulated headsets, against a real bridge."""

from __future__ import annotations

import numpy as np
import pytest
from browser_rig import needs_chromium
from playwright.async_api import Browser
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

pytestmark = [pytest.mark.slow, needs_chromium, pytest.mark.asyncio(loop_scope="module")]


def _turn(axis: int, angle: float) -> list[float]:
    """The quaternion x y z w of a turn by ``angle`` about ``axis``."""
    q = [0.0, 0.0, 0.0, float(np.cos(angle / 2))]
    q[axis] = float(np.sin(angle / 2))
    return q


def _same_turn(got: np.ndarray, due: list[float]) -> bool:
    """q and -q are one rotation."""
    return bool(abs(np.dot(got, due)) > 1 - 1e-5)


COUNT = """
globalThis.produced = 0;
globalThis.uncounted = XRSession.prototype.requestAnimationFrame;
XRSession.prototype.requestAnimationFrame = function (callback) {
  const counted = (time, frame) => { globalThis.produced += 1; callback(time, frame); };
  return uncounted.call(this, counted);
};
globalThis.WebSocket = class extends WebSocket {
  constructor(...how) {
    super(...how);
    let heard = 0;  // the challenge, then the welcome
    this.addEventListener("message", () => {
      heard += 1;
      if (heard === 2) globalThis.welcomed = produced;
    });
  }
};
"""
"""Counts the pictures that the session asks the page for, and those before the welcome."""

HAND = """
new Promise((resolve) => {
  const session = device.activeSession;
  session.requestReferenceSpace("local-floor").then((space) => {
    uncounted.call(session, (_, frame) => {
      const hand = [...session.inputSources].find((s) => s.handedness === "left").hand;
      const poseOf = (name) => {
        const { position: p, orientation: q } = frame.getJointPose(hand.get(name), space).transform;
        return [p.x, p.y, p.z, q.x, q.y, q.z, q.w];
      };
      resolve({ wrist: poseOf("wrist"), "index-finger-tip": poseOf("index-finger-tip") });
    });
  });
})
"""
"""What the emulator itself says of two joints of the left hand."""

RAW_CAMERA = """
IWER.metaQuest3.supportedFeatures.push("camera-access");
Object.defineProperty(XRView.prototype, "camera", {get: () => ({width: 2, height: 2})});
const Plain = XRWebGLBinding;
globalThis.XRWebGLBinding = class extends Plain {
  constructor(session, gl) {
    super(session, gl);
    this.picture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.picture);
    const [red, blue] = [[255, 0, 0, 255], [0, 0, 255, 255]];  // rows count from below
    const rows = new Uint8Array([...blue, ...blue, ...red, ...red]);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 2, 2, 0, gl.RGBA, gl.UNSIGNED_BYTE, rows);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  }
  getCameraImage() { return this.picture; }
};
"""
"""A session that holds a camera."""

GRIP = """
new Promise((resolve) => {
  const session = device.activeSession;
  session.requestReferenceSpace("local-floor").then((space) => {
    session.requestAnimationFrame((_, frame) => {
      const right = [...session.inputSources].find((s) => s.handedness === "right");
      const { x, y, z } = frame.getPose(right.gripSpace, space).transform.position;
      resolve([x, y, z]);
    });
  });
})
"""
"""Where the emulator holds the right controller."""


async def test_head_and_hands_of_a_quest_3_arrive_as_they_are(browser: Browser) -> None:
    app = Listener()
    async with (
        bridge_of(app) as server,
        headset_page(browser, f"http://127.0.0.1:{server.port}/xr", prepare=COUNT) as page,
    ):
        await enter(page, user="tester", scenario="companion")
        await until(lambda: len(app.frames) > 20)
        hello = app.sessions[0].hello
        assert (hello.user, hello.scenario, hello.tasks) == ("tester", "companion", [])
        assert hello.device["model"] == "quest-3"
        layouts = {c.name: c.layout for c in app.sessions[0].channels.values()}
        assert layouts["head"] == "motion/head"
        assert layouts["hand-left"] == layouts["hand-right"] == "hands/webxr25"
        assert "gaze" not in layouts  # this device tracks no eyes
        assert "microphone" not in layouts  # not ticked

        turn = _turn(1, 0.5)
        await page.evaluate(
            "turn => { device.position.set(0.25, 1.5, -0.125); device.quaternion.set(...turn); }",
            turn,
        )
        await until(lambda: abs(app.newest("head")[0] - 0.25) < 1e-6)
        head = app.newest("head")
        np.testing.assert_allclose(head[:3], [0.25, 1.5, -0.125], atol=1e-5)
        assert _same_turn(head[3:], turn)

        await page.evaluate("device.hands.left.position.set(-0.25, 1.25, -0.5)")
        due = await page.evaluate(HAND)
        await until(lambda: abs(app.newest("hand-left")[0][0] - due["wrist"][0]) < 1e-4)
        joints = app.newest("hand-left")
        assert joints.shape == (25, 7)
        np.testing.assert_allclose(joints[0, :3], due["wrist"][:3], atol=1e-4)
        np.testing.assert_allclose(joints[9, :3], due["index-finger-tip"][:3], atol=1e-4)
        assert _same_turn(joints[9, 3:], due["index-finger-tip"][3:])
        np.testing.assert_allclose(np.linalg.norm(joints[:, 3:], axis=1), 1, atol=1e-5)

        # Every picture of the session became a frame: nothing was dropped, in one numbered row.
        await leave(page)
        produced = await page.evaluate("produced - welcomed")
        await until(lambda: app.over)
        shown = await figures(page)
    assert app.over == ["bye: the user ended the session"]
    seqs = [frame.seq for frame in app.frames]
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) == produced
    assert shown["frames"].startswith(f"{len(seqs)} sent at ")
    print(f"\n{len(seqs)} frames of {produced} pictures; {shown['frames']}; {shown['work']}")
    assert shown["dropped"].startswith("none here")


async def test_a_browser_that_fills_no_poses_has_hands_too(browser: Browser) -> None:
    app = Listener()
    without = "delete XRFrame.prototype.fillPoses;" + COUNT
    async with (
        bridge_of(app) as server,
        headset_page(browser, f"http://127.0.0.1:{server.port}/xr", prepare=without) as page,
    ):
        await enter(page, "gaze")
        await until(lambda: app.samples["hand-left"] > 5)
        due = await page.evaluate(HAND)
        joints = app.newest("hand-left")
        np.testing.assert_allclose(joints[9, :3], due["index-finger-tip"][:3], atol=1e-4)
        assert _same_turn(joints[9, 3:], due["index-finger-tip"][3:])
        await page.get_by_text("not on this device: Eyes").wait_for()
        await leave(page)


async def test_gaze_of_a_quest_pro_arrives_in_the_room_and_in_the_picture(browser: Browser) -> None:
    app = Listener()
    async with (
        bridge_of(app) as server,
        headset_page(
            browser, f"http://127.0.0.1:{server.port}/xr", "metaQuestPro", prepare=ROOM
        ) as page,
    ):
        await enter(page, "gaze", "room", scenario="storytelling")
        await until(lambda: "gaze" in app.samples)
        assert app.sessions[0].hello.device["model"] == "quest-pro"
        # Eyes 0.2 rad to the left of a head that looks 0.3 rad to the left: 0.5 rad in the room.
        await page.evaluate(
            "([head, eyes]) => { device.position.set(0.5, 1.5, 0);"
            "  device.quaternion.set(...head); device.gaze.quaternion.set(...eyes); }",
            [_turn(1, 0.3), _turn(1, 0.2)],
        )
        due = [0.5, 1.5, 0, -np.sin(0.5), 0, -np.cos(0.5)]
        await until(lambda: np.allclose(app.newest("gaze"), due, atol=1e-5))
        # A vertical field of view of 1.2 rad at 16:9; tan(0.2) to the left of the middle.
        x = 0.5 - np.tan(0.2) / (2 * np.tan(0.6) * 16 / 9)
        await until(lambda: np.allclose(app.newest("gaze-view"), [x, 0.5], atol=1e-4))

        await until(lambda: "room" in app.samples)
        corners = [[1, 0, -2], [2, 0, -2], [2, 0, -1], [0, 1, -1], [0, 1.5, -1]]
        np.testing.assert_allclose(app.newest("room"), corners, atol=1e-5)
        await leave(page)


async def test_controllers_bring_pose_buttons_and_stick(browser: Browser) -> None:
    app = Listener()
    async with (
        bridge_of(app) as server,
        headset_page(browser, f"http://127.0.0.1:{server.port}/xr", inputs="controller") as page,
    ):
        await enter(page)
        await until(lambda: "controller-right" in app.samples)
        assert "hand-right" not in app.samples
        await page.evaluate("""() => {
          const right = device.controllers.right;
          right.position.set(0.25, 1.25, -0.5);
          right.updateButtonValue("trigger", 0.75);
          right.updateButtonValue("a-button", 1);
          right.updateAxes("thumbstick", 0.5, -1);
        }""")
        await until(lambda: app.newest("controller-right")[7] == 0.75)
        sample = app.newest("controller-right")
        # A browser's stick counts down as positive, the layout up.
        np.testing.assert_allclose(sample[7:], [0.75, 0, 0.5, 1, 0, 1, 0], atol=1e-6)
        grip = await page.evaluate(GRIP)
        np.testing.assert_allclose(sample[:3], grip, atol=1e-5)
        await leave(page)


@pytest.mark.parametrize("usage", ["cpu-optimized", "gpu-optimized"])
async def test_depth_arrives_in_metres(browser: Browser, usage: str) -> None:
    """A device that gives depth to the CPU, as phones do, and one that only has it as a texture."""
    app = Listener()
    only = f"{ROOM}; const usage = '{usage}'; {ONLY}"
    async with (
        bridge_of(app) as server,
        headset_page(browser, f"http://127.0.0.1:{server.port}/xr", prepare=only) as page,
    ):
        await enter(page, "depth", mode="immersive-ar")
        await until(lambda: app.samples["depth"] > 2)
        await leave(page)
    depth = app.newest("depth")
    assert depth.shape == (48, 64)
    np.testing.assert_allclose(depth[2:22], 2, rtol=0.01)
    np.testing.assert_allclose(depth[26:46, :44], 1, rtol=0.01)
    np.testing.assert_allclose(depth[26:46, 52:], 0, atol=1e-6)  # unknown
    times = np.concatenate([f.samples["depth"].t_us for f in app.frames if "depth" in f.samples])
    assert (np.diff(times) >= 190_000).all()  # five a second, however many pictures


async def test_sound_and_pictures_arrive_with_permission(browser: Browser) -> None:
    """The server takes gray pictures only, as the shipped checkpoint does."""
    app = Picky("camera")
    async with (
        bridge_of(app) as server,
        headset_page(
            browser, f"http://127.0.0.1:{server.port}/xr", permissions=("microphone", "camera")
        ) as page,
    ):
        await enter(page, "microphone", "camera")
        await until(
            lambda: app.samples["microphone"] > 16_000 and app.samples["camera-gray"] > 1, page
        )
        await leave(page)
        # Both are closed with the session: the next one asks anew.
        assert not await page.is_checked("input[name=microphone]")
        assert not await page.is_checked("input[name=camera]")
    sound = np.concatenate(
        [f.samples["microphone"].values for f in app.frames if "microphone" in f.samples]
    )
    times = np.concatenate(
        [f.samples["microphone"].t_us for f in app.frames if "microphone" in f.samples]
    )
    assert sound.dtype == np.int16
    assert np.abs(sound).max() > 1000  # Chromium's pretended microphone beeps
    assert (np.diff(times) >= 0).all()
    assert abs(np.median(np.diff(times)) - 62.5) <= 1.5
    picture = app.newest("camera-gray")
    assert picture.shape == (84, 112)
    assert "camera" not in app.samples
    assert picture.std() > 10  # and its camera shows a moving figure, not a blank


async def test_a_camera_that_the_session_holds_itself_is_read(browser: Browser) -> None:
    """Raw camera access, played by a texture that is red above and blue below."""
    app = Listener()
    async with (
        bridge_of(app) as server,
        headset_page(
            browser,
            f"http://127.0.0.1:{server.port}/xr",
            prepare=RAW_CAMERA,
            permissions=("camera",),
        ) as page,
    ):
        await enter(page, "camera", mode="immersive-ar")
        await until(lambda: app.samples["camera"] > 0)
        await leave(page)
    picture = app.newest("camera")
    assert picture.shape == (240, 320, 3)
    np.testing.assert_allclose(picture[20:100].mean(axis=(0, 1)), (255, 0, 0), atol=8)
    np.testing.assert_allclose(picture[140:220].mean(axis=(0, 1)), (0, 0, 255), atol=8)


async def test_what_the_browser_refuses_is_not_streamed(browser: Browser) -> None:
    app = Listener()
    async with (
        bridge_of(app) as server,
        headset_page(browser, f"http://127.0.0.1:{server.port}/xr") as page,
    ):
        await page.wait_for_selector("#enter:enabled")
        box = page.locator("input[name=microphone]")
        await box.click()
        await page.locator("li", has=box).get_by_text("not allowed").wait_for()
        assert not await box.is_checked()
        await page.uncheck("input[name=hands]")
        await enter(page)
        await until(lambda: len(app.frames) > 10)
        await leave(page)
    assert set(app.sessions[0].channels) == {"head", "controller-left", "controller-right"}
    assert set(app.samples) == {"head"}


async def test_a_device_that_refuses_the_session_is_told_plainly(browser: Browser) -> None:
    refuse = """
    XRSystem.prototype.requestSession = () =>
      Promise.reject(new DOMException("the user said no", "NotAllowedError"));
    """
    app = Listener()
    async with (
        bridge_of(app) as server,
        headset_page(browser, f"http://127.0.0.1:{server.port}/xr", prepare=refuse) as page,
    ):
        await enter(page)
        await page.wait_for_selector('#state[data-state="failed"]')
        assert await page.inner_text("#state") == "The session did not open: the user said no"
        assert await page.is_enabled("#enter")  # another try is one click away
    assert app.sessions == []


async def test_without_webxr_the_page_offers_what_is_there(browser: Browser) -> None:
    none = 'Object.defineProperty(navigator, "xr", {value: undefined});'
    app = Listener()
    async with (
        bridge_of(app) as server,
        headset_page(browser, f"http://127.0.0.1:{server.port}/xr", prepare=none) as page,
    ):
        await page.wait_for_selector("#try:visible")
        assert "headset's own browser" in await page.inner_text("#lead")
        assert await page.locator("#mode option").count() == 1
