// @ts-check
// A made-up right hand of 25 joints, open or pinching, as WebXR would give it: each joint's -Z along its
// bone, +Y out of the back of the hand. Lengths are those of a grown-up's hand, in metres.

import { chain, translation, turning } from "../draw/matrix.js";

/** Knuckles, thumb's side first: how far to the right, and how long palm and bones are. */
const FINGERS = [
  { x: -0.022, bones: [0.062, 0.042, 0.025, 0.021] }, // index
  { x: 0, bones: [0.064, 0.046, 0.029, 0.022] },
  { x: 0.02, bones: [0.059, 0.042, 0.027, 0.022] },
  { x: 0.038, bones: [0.054, 0.033, 0.02, 0.02] },
];
const THUMB = [0.036, 0.034, 0.028];
/** From the wrist to the tip of the index, open: where the hand points. */
export const REACH = /** @type {[number, number, number]} */ ([-0.022, 0.18, 0]);
const ALONG = turning(0, Math.PI / 2); // from fingers up the hand's Y to a joint's -Z

/**
 * (16 * 25,) matrices in the order of `hands/webxr25`.
 * @param {Float32Array} wrist the hand's pose: fingers along +Y, palm to -Z
 * @param {number} pinch 0 open to 1, thumb and index closed
 * @param {Float32Array} out
 */
export function poseHand(wrist, pinch, out) {
  let n = 0;
  const put = (/** @type {Float32Array} */ joint) => {
    out.set(chain(joint, ALONG), 16 * n);
    n += 1;
  };
  put(wrist);
  let joint = chain(wrist, translation([-0.024, 0.025, -0.01]), turning(2, 0.75 - 0.75 * pinch), turning(0, -0.35 - 0.08 * pinch));
  put(joint);
  for (const length of THUMB) {
    joint = chain(joint, translation([0, length, 0]), turning(0, -0.1 - 0.16 * pinch));
    put(joint);
  }
  FINGERS.forEach(({ x, bones }, finger) => {
    const curl = finger === 0 ? 0.06 + 0.783 * pinch : 0.1 + 0.3 * pinch; // the index meets the thumb
    joint = chain(wrist, translation([x, 0.03, 0]));
    put(joint);
    for (const length of bones) {
      joint = chain(joint, translation([0, length, 0]), turning(0, -curl));
      put(joint);
    }
  });
}
