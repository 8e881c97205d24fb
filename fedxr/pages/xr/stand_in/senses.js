// @ts-check
// What mouse, keyboard, webcam and microphone give, read by the senses of a headset, under names that
// say what it is: a hand that a mouse moves is `mouse-hand-right`, in every log and recording.

import { camera } from "../senses/camera.js";
import { gaze } from "../senses/gaze.js";
import { hands } from "../senses/hands.js";
import { head } from "../senses/head.js";
import { microphone } from "../senses/microphone.js";

/** @typedef {import("../stream.js").Sense} Sense */

/**
 * `sense`, its channels beginning with `prefix`.
 * @param {Sense} sense
 * @param {string} prefix
 * @param {Partial<Sense>} words
 * @returns {Sense}
 */
function standIn(sense, prefix, words) {
  return {
    ...sense,
    ...words,
    name: `${prefix}${sense.name}`,
    offers: (rateHz) => sense.offers(rateHz)
      .filter(({ name }) => name !== "hand-left")
      .map((offer) => ({ ...offer, name: `${prefix}${offer.name}` })),
    read: (moment, put) => sense.read(moment, {
      wanted: (channel) => put.wanted(`${prefix}${channel}`),
      add: (channel, data, more) => put.add(`${prefix}${channel}`, data, more),
    }),
  };
}

/** @returns {Sense[]} */
export function standIns() {
  return [
    standIn(head(), "mouse-", {
      title: "Head, by keys and pointer",
      tells: "W A S D walk, arrow keys turn, C sits down; it follows the pointer a little",
    }),
    standIn(gaze(), "mouse-", { title: "Eyes, by the pointer", tells: "the pointer's place in the picture", sensitive: false }),
    standIn(hands(), "mouse-", {
      title: "Right hand, by the pointer",
      tells: "a made-up hand of 25 joints at the pointer; mouse button or space pinches",
    }),
    standIn(camera(), "web-", { title: "Webcam", tells: "a picture of what it sees, 320 by 240, once a second" }),
    microphone(),
  ];
}
