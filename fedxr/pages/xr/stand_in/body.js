// @ts-check
// Whoever sits at a mouse and a keyboard, as a body with a head, eyes and a right hand: keys walk, turn
// and sit down, the pointer is where the eyes look and the hand is.

import { add, chain, forward, translation, turning } from "../draw/matrix.js";
import { poseHand, REACH } from "./hand.js";
import { Pose } from "./pose.js";

/** @typedef {import("../draw/matrix.js").Vector} Vector */

export const FOV_Y = 1.2; // radians, of the picture
const STANDING_M = 1.6, SITTING_M = 1.15;
const WALK_M_S = 1.2, TURN_S = 1.4; // metres and radians a second
const STEP_HZ = 1.9, BOB_M = 0.02; // steps of who walks, and how far the head rises with each
const FOLLOWS = [0.35, 0.22]; // radians that the head turns towards a pointer at the picture's rim
const SMOOTH_S = 0.12, SIT_S = 0.35, PINCH_S = 0.06; // how soon head, height and fingers are where they should be
const HAND_M = 0.45; // from the eyes to the tip of the index
const MOST_TILT = 1.2;

export class Body {
  /** Keys that are held, lower case. @type {Set<string>} */
  held = new Set();
  /** Where the pointer is in the picture, -1 to 1, right and up; the middle before it has come. */
  pointer = [0, 0];
  /** @type {number} width over height of the picture */
  aspect = 16 / 9;
  pressed = false;
  sitting = false;
  #at = [0, 0]; // on the floor, x and z
  #turn = 0;
  #tilt = 0;
  #follow = [0, 0];
  #height = STANDING_M;
  #pinch = 0;
  #walked = 0;
  #joints = new Float32Array(16 * 25);

  /** @param {number} seconds since the last time */
  advance(seconds) {
    const is = (/** @type {string[]} */ ...keys) => (keys.some((key) => this.held.has(key)) ? 1 : 0);
    this.#turn += TURN_S * seconds * (is("arrowleft") - is("arrowright"));
    this.#tilt += TURN_S * seconds * (is("arrowup") - is("arrowdown"));
    this.#tilt = Math.min(Math.max(this.#tilt, -MOST_TILT), MOST_TILT);
    const [ahead, right] = [is("w") - is("s"), is("d") - is("a")];
    const length = Math.hypot(ahead, right) || 1;
    const metres = this.sitting ? 0 : (WALK_M_S * seconds) / length;
    const [sin, cos] = [Math.sin(this.#turn), Math.cos(this.#turn)];
    this.#at[0] += metres * (cos * right - sin * ahead);
    this.#at[1] += metres * (-sin * right - cos * ahead);
    this.#walked += ahead !== 0 || right !== 0 ? metres * length : 0;
    const near = (/** @type {number} */ now, /** @type {number} */ due, /** @type {number} */ soon) => due + (now - due) * Math.exp(-seconds / soon);
    this.#follow = this.#follow.map((now, n) => near(now, (n === 0 ? -1 : 1) * FOLLOWS[n] * this.pointer[n], SMOOTH_S));
    this.#height = near(this.#height, this.sitting ? SITTING_M : STANDING_M, SIT_S);
    this.#pinch = near(this.#pinch, this.pressed ? 1 : 0, PINCH_S);
  }

  /** Where the head is and looks. */
  get head() {
    const bob = BOB_M * (1 - Math.cos((2 * Math.PI * STEP_HZ * this.#walked) / WALK_M_S)) / 2;
    const place = translation([this.#at[0], this.#height + bob, this.#at[1]]);
    return new Pose(chain(place, turning(1, this.#turn + this.#follow[0]), turning(0, this.#tilt + this.#follow[1])));
  }

  /** From the eyes towards the pointer. */
  get eyes() {
    const up = Math.tan(FOV_Y / 2);
    const [x, y] = [this.pointer[0] * up * this.aspect, this.pointer[1] * up];
    return new Pose(chain(this.head.matrix, turning(1, -Math.atan(x)), turning(0, Math.atan2(y, Math.hypot(1, x)))));
  }

  /** (16 * 25,) matrices of the right hand's joints; the index points at the pointer. */
  get hand() {
    const { matrix } = this.eyes;
    const tip = add([matrix[12], matrix[13], matrix[14]], forward(matrix), HAND_M);
    const upright = chain(translation(tip), turning(1, this.#turn + this.#follow[0]), turning(0, -0.25));
    poseHand(chain(upright, translation([-REACH[0], -REACH[1], -REACH[2]])), this.#pinch, this.#joints);
    return this.#joints;
  }
}
