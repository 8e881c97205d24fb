// @ts-check
// The virtual limb: a forearm with a hand, in front of the user, that does what was decoded.

import { chain, scaling, translation, turning } from "./matrix.js";
import { box, lathe } from "./shapes.js";

const PART = box();
const FOREARM = lathe([[0, 0], [0.03, 0], [0.033, 0.1], [0.039, 0.26], [0.036, 0.28], [0, 0.28]]);
/** @type {import("./gl.js").Colour} */
const SKIN = [0.45, 0.66, 0.92, 1];
/** @type {import("./gl.js").Colour} */
const SLEEVE = [0.2, 0.33, 0.55, 1];

/**
 * @typedef {Object} Posture
 * @property {number[]} curl of thumb, index, middle, ring, little: 0 straight, 1 a fist
 * @property {[number, number, number]} move metres to the right, up, and towards the user
 * @property {number} twist of the wrist, radians
 */

/** @type {Posture} */
const REST = { curl: [0.2, 0.3, 0.35, 0.4, 0.4], move: [0, 0, 0], twist: 0 };
const FIST = [1, 1, 1, 1, 1];
const OPEN = [0, 0, 0, 0, 0];
const POINT = [1, 0, 1, 1, 1];

/** What each command looks like; `rest` is left and reached again. @type {Record<string, Posture>} */
const POSTURES = {
  select: { curl: POINT, move: [0, 0, -0.12], twist: 0 },
  tap: { curl: POINT, move: [0, -0.06, -0.06], twist: 0 },
  grab: { curl: FIST, move: [0, 0, -0.05], twist: 0 },
  pinch: { curl: [0.7, 0.7, 0.2, 0.2, 0.2], move: [0, 0, -0.05], twist: 0 },
  expand: { curl: OPEN, move: [0, 0.03, -0.05], twist: 0 },
  "open app": { curl: OPEN, move: [0, 0.05, -0.08], twist: 0 },
  scroll: { curl: OPEN, move: [0, 0.14, 0], twist: 0 },
  back: { curl: OPEN, move: [-0.16, 0, 0.05], twist: 0.5 },
  "rotate clockwise": { curl: FIST, move: [0, 0, 0], twist: -1.2 },
  "rotate counter-clockwise": { curl: FIST, move: [0, 0, 0], twist: 1.2 },
  "swipe right": { curl: OPEN, move: [0.18, 0, 0], twist: 0 },
  "swipe left": { curl: OPEN, move: [-0.18, 0, 0], twist: 0 },
  "swipe up": { curl: OPEN, move: [0, 0.16, 0], twist: 0 },
  "swipe down": { curl: OPEN, move: [0, -0.12, 0], twist: 0 },
};

/** How long a command takes to be shown, seconds at pace 1. */
const LASTS_S = 1.5;

/**
 * Where the limb is, `seconds` into `command`: there and back along half a sine.
 * @param {string} command
 * @param {number} seconds
 * @returns {Posture}
 */
export function postureOf(command, seconds) {
  // Gestures without a picture of their own still show that something was understood.
  const goal = POSTURES[command] ?? POSTURES.expand;
  const way = Math.sin(Math.PI * Math.min(Math.max(seconds / LASTS_S, 0), 1));
  /** @param {number} a @param {number} b */
  const mix = (a, b) => a + (b - a) * way;
  return {
    curl: REST.curl.map((curl, finger) => mix(curl, goal.curl[finger])),
    move: [mix(0, goal.move[0]), mix(0, goal.move[1]), mix(0, goal.move[2])],
    twist: mix(0, goal.twist),
  };
}

/**
 * @param {import("./gl.js").Renderer} renderer
 * @param {Float32Array} at a place in front of the user's right shoulder, -Z away from the user
 * @param {Posture} posture
 */
export function drawLimb(renderer, at, { curl, move, twist }) {
  const wrist = chain(at, translation(move), turning(2, twist));
  /** @param {Float32Array} where @param {number[]} size @param {import("./gl.js").Colour} colour */
  const part = (where, [x, y, z], colour) => renderer.mesh(PART, chain(where, scaling(x, y, z)), colour);
  renderer.mesh(FOREARM, chain(wrist, translation([0, 0, 0.01]), turning(0, Math.PI / 2)), SLEEVE);
  const palm = chain(wrist, translation([0, 0, -0.035]));
  part(palm, [0.085, 0.028, 0.1], SKIN);
  for (let finger = 1; finger < 5; finger += 1) {
    let joint = chain(palm, translation([-0.054 + 0.0215 * finger, 0, -0.05]));
    const lengths = finger === 4 ? [0.03, 0.02, 0.017] : [0.04, 0.026, 0.02];
    for (const length of lengths) {
      joint = chain(joint, turning(0, -1.35 * curl[finger]));
      part(chain(joint, translation([0, 0, -length / 2])), [0.018, 0.018, length], SKIN);
      joint = chain(joint, translation([0, 0, -length]));
    }
  }
  let thumb = chain(palm, translation([-0.042, 0, 0.02]), turning(1, 0.9 - 0.9 * curl[0]));
  for (const length of [0.045, 0.03]) {
    part(chain(thumb, translation([0, 0, -length / 2])), [0.02, 0.02, length], SKIN);
    thumb = chain(thumb, translation([0, 0, -length]), turning(0, -0.6 * curl[0]));
  }
}
