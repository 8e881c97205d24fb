"""The headset's page on emulated headsets, against a real bridge."""

from __future__ import annotations

import re

import numpy as np
import pytest
from browser_rig import needs_chromium
from xr_rig import Listener, bridge_of, enter, figures, headset_page, leave, until

pytestmark = [pytest.mark.slow, needs_chromium]


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
const request = XRSession.prototype.requestAnimationFrame;
XRSession.prototype.requestAnimationFrame = function (callback) {
  return request.call(this, (time, frame) => { globalThis.produced += 1; callback(time, frame); });
};
"""
"""Counts the pictures that the session asks the page for."""

HAND = """
new Promise((resolve) => {
  const session = device.activeSession;
  session.requestReferenceSpace("local-floor").then((space) => {
    session.requestAnimationFrame((_, frame) => {
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


async def test_head_and_hands_of_a_quest_3_arrive_as_they_are() -> None:
    app = Listener()
    async with (
        bridge_of(app) as server,
        headset_page(f"http://127.0.0.1:{server.port}/xr", prepare=COUNT) as page,
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
        produced = await page.evaluate("produced")
        await until(lambda: app.over)
        shown = await figures(page)
    assert app.over == ["bye: the user ended the session"]
    seqs = [frame.seq for frame in app.frames]
    assert seqs == list(range(1, len(seqs) + 1))
    assert produced - len(seqs) < 30  # pictures before the welcome
    rate = re.search(r"at (\d+) a second", shown["frames"])
    assert rate is not None
    print(f"\n{len(seqs)} frames of {produced} pictures; {shown['frames']}; {shown['work']}")
    assert shown["dropped"] == "none here"
