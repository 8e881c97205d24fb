// @ts-check
// The user's own hands, where the room is not seen: dots for joints and lines for bones.

const JOINTS = 25;
/** @type {import("./gl.js").Colour} */
const DOT = [0.85, 0.9, 1, 1];
/** @type {import("./gl.js").Colour} */
const BONE = [0.5, 0.58, 0.72, 1];
/** First and last joint of each finger in hands/webxr25; all hang on the wrist, joint 0. */
const FINGERS = [[1, 4], [5, 9], [10, 14], [15, 19], [20, 24]];
/** Pairs of joints that a bone joins. */
const BONES = FINGERS.flatMap(([first, last]) => [
  [0, first], ...Array.from({ length: last - first }, (_, i) => [first + i, first + i + 1]),
]);

/**
 * @param {import("./gl.js").Renderer} renderer
 * @param {Float32Array} poses (25, 7)
 */
export function drawHand(renderer, poses) {
  const places = new Float32Array(3 * JOINTS);
  for (let j = 0; j < JOINTS; j += 1) places.set(poses.subarray(7 * j, 7 * j + 3), 3 * j);
  const bones = new Float32Array(6 * BONES.length);
  BONES.forEach(([a, b], k) => {
    bones.set(places.subarray(3 * a, 3 * a + 3), 6 * k);
    bones.set(places.subarray(3 * b, 3 * b + 3), 6 * k + 3);
  });
  renderer.lines(bones, BONE);
  renderer.dots(places, 0.009, DOT);
}
