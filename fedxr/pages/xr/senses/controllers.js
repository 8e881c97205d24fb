// @ts-check
// Grip pose, buttons and stick of each controller, every frame: motion/controller.
// Buttons and axes are those of WebXR's "xr-standard" mapping (WebXR Gamepads Module, section 3.3).

import { bytesOf } from "../protocol.js";
import { writePose } from "./pose.js";

const TRIGGER = 0, SQUEEZE = 1, STICK = 3, LOWER = 4, UPPER = 5;
const STICK_X = 2, STICK_Y = 3;

/** @returns {import("../stream.js").Sense} */
export function controllers() {
  return {
    name: "controllers",
    title: "Controllers",
    tells: "where the controllers are, their buttons and sticks",
    features: [],
    sensitive: false,
    offers: (rateHz) => ["left", "right"].map((side) => (
      { name: `controller-${side}`, layout: "motion/controller", rate_hz: rateHz })),
    read: (moment, put) => {
      for (const source of moment.session.inputSources) {
        // A tracked hand may bring a gamepad for its pinch; it has no grip to speak of.
        if (source.hand || !source.gamepad || !source.gripSpace || source.handedness === "none") continue;
        const pose = moment.frame.getPose(source.gripSpace, moment.space);
        if (pose === undefined) continue;
        put.add(`controller-${source.handedness}`, bytesOf(sampleOf(pose, source.gamepad)));
      }
    },
  };
}

/**
 * (14,): the pose, trigger, squeeze, stick x (right) and y (up), stick pressed, lower and upper button.
 * @param {XRPose} pose
 * @param {Gamepad} gamepad
 */
function sampleOf(pose, gamepad) {
  const sample = new Float32Array(14);
  writePose(pose.transform, sample);
  /** @param {number} n */
  const button = (n) => gamepad.buttons[n]?.value ?? 0;
  sample.set([
    button(TRIGGER), button(SQUEEZE),
    gamepad.axes[STICK_X] ?? 0, -(gamepad.axes[STICK_Y] ?? 0), // browsers count down as positive
    button(STICK), button(LOWER), button(UPPER),
  ], 7);
  return sample;
}
