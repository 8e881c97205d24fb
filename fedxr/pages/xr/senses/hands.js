// @ts-check
// 25 joints of each tracked hand, every frame: hands/webxr25.

import { writeQuaternion } from "../draw/matrix.js";
import { bytesOf } from "../protocol.js";

const JOINTS = 25;

/** @returns {import("../stream.js").Sense} */
export function hands() {
  const matrices = new Float32Array(16 * JOINTS);
  return {
    name: "hands",
    title: "Hands",
    tells: "the positions of 25 joints of each hand that the headset sees; no pictures of them",
    features: ["hand-tracking"],
    sensitive: false,
    offers: (rateHz) => ["left", "right"].map((side) => (
      { name: `hand-${side}`, layout: "hands/webxr25", rate_hz: rateHz })),
    read: (moment, put) => {
      for (const source of moment.session.inputSources) {
        if (source.hand === undefined || source.hand === null || source.handedness === "none") continue;
        if (source.hand.size !== JOINTS) continue;
        const joints = readJoints(moment, source.hand, matrices);
        if (joints !== null) put.add(`hand-${source.handedness}`, bytesOf(joints));
      }
    },
  };
}

/**
 * (25, 7) poses, or null while a joint is out of sight: a hand is taken whole or not at all.
 * @param {import("../headset.js").Moment} moment
 * @param {XRHand} hand
 * @param {Float32Array} matrices scratch, 16 numbers a joint
 * @returns {Float32Array | null}
 */
export function readJoints(moment, hand, matrices) {
  const fill = /** @type {any} */ (moment.frame).fillPoses;
  const known = fill === undefined
    ? fillEach(moment, hand, matrices) : fill.call(moment.frame, hand.values(), moment.space, matrices);
  if (!known) return null;
  const joints = new Float32Array(7 * JOINTS);
  for (let j = 0; j < JOINTS; j += 1) {
    joints.set(matrices.subarray(16 * j + 12, 16 * j + 15), 7 * j);
    writeQuaternion(matrices, 16 * j, joints, 7 * j + 3);
  }
  return joints;
}

/**
 * What `fillPoses` does, for browsers that lack it.
 * @param {import("../headset.js").Moment} moment
 * @param {XRHand} hand
 * @param {Float32Array} matrices
 */
function fillEach(moment, hand, matrices) {
  let j = 0;
  for (const joint of hand.values()) {
    const pose = moment.frame.getJointPose?.(joint, moment.space);
    if (!pose) return false;
    matrices.set(pose.transform.matrix, 16 * j);
    j += 1;
  }
  return true;
}
