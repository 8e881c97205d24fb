// @ts-check
// The companion: a small figure that walks along, points the way and speaks.

import { chain, scaling, translation, turning } from "./matrix.js";
import { ball, box, lathe } from "./shapes.js";

const BODY = lathe([[0, 0], [0.16, 0.02], [0.19, 0.12], [0.15, 0.34], [0.07, 0.46], [0, 0.5]]);
const HEAD = ball();
const STRIPE = box();

/** The companion's colour by its manner; the first is neutral. @type {Record<string, import("./gl.js").Colour>} */
const MANNERS = {
  "": [0.38, 0.72, 0.63, 1],
  playful: [0.96, 0.72, 0.27, 1],
  gentle: [0.55, 0.62, 0.95, 1],
  brief: [0.6, 0.64, 0.7, 1],
};
/** @type {import("./gl.js").Colour} */
const EYES = [0.08, 0.1, 0.14, 1];
/** @type {import("./gl.js").Colour} */
const WAY = [0.98, 0.82, 0.3, 1];

/**
 * @param {import("./gl.js").Renderer} renderer
 * @param {Float32Array} at on the floor, +Z towards the user
 * @param {{manner: string, leads: boolean, seconds: number}} how `leads`: it walks ahead and points;
 *   `seconds` of its movement, which stand still when animations are off
 */
export function drawCompanion(renderer, at, { manner, leads, seconds }) {
  const bob = 0.02 * Math.sin(2 * Math.PI * (leads ? 1.6 : 0.5) * seconds);
  const place = chain(at, translation([0, 0.55 + bob, 0]), turning(1, leads ? Math.PI : 0));
  const colour = MANNERS[manner] ?? MANNERS[""];
  renderer.mesh(BODY, place, colour);
  const head = chain(place, translation([0, 0.6, 0]), turning(1, leads ? 0.6 * Math.sin(seconds) : 0));
  renderer.mesh(HEAD, chain(head, scaling(0.26, 0.24, 0.25)), colour);
  for (const side of [-0.05, 0.05]) {
    renderer.mesh(HEAD, chain(head, translation([side, 0.02, 0.112]), scaling(0.036, 0.05, 0.03)), EYES);
  }
  if (leads) drawWay(renderer, at, seconds);
}

/**
 * Chevrons on the floor beside the companion that run ahead.
 * @param {import("./gl.js").Renderer} renderer
 * @param {Float32Array} at
 * @param {number} seconds
 */
function drawWay(renderer, at, seconds) {
  const run = (0.8 * seconds) % 0.5;
  for (let k = 0; k < 4; k += 1) {
    const tip = chain(at, translation([0.55, 0.02, 0.5 - 0.5 * k - run]));
    for (const side of [-1, 1]) {
      const stripe = chain(tip, translation([0.1 * side, 0, 0.1]), turning(1, -side * 0.75 * Math.PI));
      renderer.mesh(STRIPE, chain(stripe, scaling(0.07, 0.01, 0.32)), WAY);
    }
  }
}
