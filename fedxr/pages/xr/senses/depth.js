// @ts-check
// How far things are, five times a second where the device measures it: depth/map.
//
// Phones give depth to the CPU; a Quest only as a texture, which depth-texture.js reads back.

import { bytesOf } from "../protocol.js";
import { DepthTexture } from "./depth-texture.js";
import { every } from "./pose.js";

export const WIDTH = 64, HEIGHT = 48;
const PERIOD_US = 200_000;

/** @returns {import("../stream.js").Sense} */
export function depth() {
  const rhythm = every(PERIOD_US);
  /** @type {DepthTexture | null} */
  let texture = null;
  let startedUs = 0;

  /** @param {import("../headset.js").Moment} moment @param {import("../stream.js").Put} put */
  const readTexture = (moment, put) => {
    if (texture?.gl !== moment.gl) texture = new DepthTexture(moment.session, moment.gl, WIDTH, HEIGHT);
    const map = texture.take();
    if (map !== null) put.add("depth", bytesOf(map), { t0_us: startedUs, shape: [HEIGHT, WIDTH] });
    if (!rhythm.isDue(moment.captureUs) || !put.wanted("depth")) return;
    if (texture.start(moment.viewer.views[0])) {
      startedUs = moment.captureUs;
      rhythm.done(moment.captureUs);
    }
  };

  /** @param {import("../headset.js").Moment} moment @param {import("../stream.js").Put} put */
  const readBuffer = (moment, put) => {
    if (!rhythm.isDue(moment.captureUs) || !put.wanted("depth")) return;
    const info = /** @type {any} */ (moment.frame).getDepthInformation(moment.viewer.views[0]);
    if (!info) return;
    rhythm.done(moment.captureUs);
    const map = sampleDepth(info, /** @type {any} */ (moment.session).depthDataFormat);
    put.add("depth", bytesOf(map), { shape: [HEIGHT, WIDTH] });
  };

  return {
    name: "depth",
    title: "Depth",
    tells: `distances to what is in front of you, ${WIDTH} by ${HEIGHT}, five times a second`,
    features: ["depth-sensing"],
    sensitive: true,
    offers: () => [{ name: "depth", layout: "depth/map", rate_hz: 1e6 / PERIOD_US, delivery: "latest" }],
    stop: () => {
      texture = null; // it belongs to the session that has ended
    },
    read: (moment, put) => {
      const onGpu = /** @type {any} */ (moment.session).depthUsage === "gpu-optimized";
      (onGpu ? readTexture : readBuffer)(moment, put);
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
