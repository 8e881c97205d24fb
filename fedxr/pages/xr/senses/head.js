// @ts-check
// Where the head is and where it looks, every frame: motion/head.

import { bytesOf } from "../protocol.js";
import { writePose } from "./pose.js";

/** @returns {import("../stream.js").Sense} */
export function head() {
  const pose = new Float32Array(7);
  return {
    name: "head",
    title: "Head movement",
    tells: "where your head is and how it is turned, with every picture",
    features: [],
    sensitive: false,
    offers: (rateHz) => [{ name: "head", layout: "motion/head", rate_hz: rateHz }],
    read: (moment, put) => {
      writePose(moment.viewer.transform, pose);
      put.add("head", bytesOf(pose)); // encoded before the next frame overwrites it
    },
  };
}
