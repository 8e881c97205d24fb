// @ts-check
// Every sense that this page knows, in the order of the consent form.

import { camera } from "./camera.js";
import { controllers } from "./controllers.js";
import { depth } from "./depth.js";
import { gaze } from "./gaze.js";
import { hands } from "./hands.js";
import { head } from "./head.js";
import { microphone } from "./microphone.js";
import { room } from "./room.js";

/** @returns {import("../stream.js").Sense[]} fresh ones: a sense belongs to one page */
export function allSenses() {
  return [head(), hands(), controllers(), gaze(), microphone(), camera(), depth(), room()];
}

/**
 * Whether the device granted what `sense` needs; where it does not say, it may have.
 * @param {import("../stream.js").Sense} sense
 * @param {string[] | null} granted
 */
export function isGranted(sense, granted) {
  return granted === null || sense.features.length === 0
    || sense.features.some((feature) => granted.includes(feature));
}
