// @ts-check
// How far things are, five times a second where the device measures it: depth/map.
//
// Read on the CPU ("cpu-optimized" usage): a device that only hands depth to the GPU sends none.

import { bytesOf } from "../protocol.js";
import { every } from "./pose.js";

const WIDTH = 64, HEIGHT = 48;
const PERIOD_US = 200_000;

/** @returns {import("../stream.js").Sense} */
export function depth() {
  const rhythm = every(PERIOD_US);
  return {
    name: "depth",
    title: "Depth",
    tells: `distances to what is in front of you, ${WIDTH} by ${HEIGHT}, five times a second`,
    features: ["depth-sensing"],
    sensitive: true,
    offers: () => [{ name: "depth", layout: "depth/map", rate_hz: 1e6 / PERIOD_US, delivery: "latest" }],
    read: (moment, put) => {
      if (!rhythm.isDue(moment.captureUs) || !put.wanted("depth")) return;
      if (/** @type {any} */ (moment.session).depthUsage === "gpu-optimized") return;
      const get = /** @type {any} */ (moment.frame).getDepthInformation;
      const view = moment.viewer.views[0];
      const info = get === undefined ? null : get.call(moment.frame, view);
      if (!info) return;
      rhythm.done(moment.captureUs);
      const map = sampleDepth(info, /** @type {any} */ (moment.session).depthDataFormat);
      put.add("depth", bytesOf(map), { shape: [HEIGHT, WIDTH] });
    },
  };
}

/**
 * (HEIGHT, WIDTH) metres, top row first, 0 where the device does not know.
 *
 * The device's own grid may be turned and cut differently from the view; its matrix says how a point
 * of the view (0..1, from the top left) is found in it.
 * @param {{data: ArrayBuffer, width: number, height: number, rawValueToMeters: number,
 *   normDepthBufferFromNormView: XRRigidTransform}} info
 * @param {string} format
 */
export function sampleDepth(info, format) {
  const raw = format === "float32" ? new Float32Array(info.data) : new Uint16Array(info.data);
  const m = info.normDepthBufferFromNormView.matrix;
  const map = new Float32Array(WIDTH * HEIGHT);
  for (let row = 0; row < HEIGHT; row += 1) {
    for (let column = 0; column < WIDTH; column += 1) {
      const x = (column + 0.5) / WIDTH, y = (row + 0.5) / HEIGHT;
      const u = Math.floor((m[0] * x + m[4] * y + m[12]) * info.width);
      const v = Math.floor((m[1] * x + m[5] * y + m[13]) * info.height);
      if (u < 0 || v < 0 || u >= info.width || v >= info.height) continue;
      const metres = raw[v * info.width + u] * info.rawValueToMeters;
      map[row * WIDTH + column] = Number.isFinite(metres) ? metres : 0;
    }
  }
  return map;
}
