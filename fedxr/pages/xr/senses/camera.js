// @ts-check
// A picture a second from a camera that the browser gives to pages: vision/rgb as JPEG, or vision/gray
// where the server takes only that.
//
// Two ways, whichever the platform has: getUserMedia (on a Quest the passthrough cameras) and, on
// phones whose camera the XR session holds itself, WebXR's raw camera access (camera-texture.js).

import { CameraTexture } from "./camera-texture.js";
import { every } from "./pose.js";

export const WIDTH = 320, HEIGHT = 240;
const GRAY_WIDTH = 112, GRAY_HEIGHT = 84; // what models look at is smaller still
const PERIOD_US = 1_000_000;
const QUALITY = 0.8;

/**
 * @typedef {{channel: string, t0Us: number, data: Uint8Array, shape: number[], encoding?: "jpeg"}} Picture
 * @typedef {HTMLVideoElement | OffscreenCanvas} Source
 */

/** @returns {import("../stream.js").Sense} */
export function camera() {
  const rhythm = every(PERIOD_US);
  /** @type {MediaStream | null} */
  let stream = null;
  const video = document.createElement("video");
  /** @type {CameraTexture | null} */
  let texture = null;
  let takenUs = 0;
  /** @type {Picture | null} */
  let ready = null;

  /**
   * Make `ready` of what a source shows. Encoding takes longer than a frame may, so the picture goes
   * out with a later one.
   * @param {Source} source
   * @param {number} t0Us
   * @param {import("../stream.js").Put} put
   */
  const take = (source, t0Us, put) => {
    if (put.wanted("camera")) {
      void jpegOf(source).then((data) => {
        ready = { channel: "camera", t0Us, data, shape: [HEIGHT, WIDTH, 3], encoding: "jpeg" };
      });
    } else if (put.wanted("camera-gray")) {
      ready = { channel: "camera-gray", t0Us, data: grayOf(source), shape: [GRAY_HEIGHT, GRAY_WIDTH] };
    }
  };

  return {
    name: "camera",
    title: "Camera",
    tells: `a picture of what is in front of you, ${WIDTH} by ${HEIGHT}, once a second`,
    features: [],
    optional: ["camera-access"],
    sensitive: true,
    offers: () => [
      { name: "camera", layout: "vision/rgb", rate_hz: 1e6 / PERIOD_US, delivery: "latest" },
      { name: "camera-gray", layout: "vision/gray", rate_hz: 1e6 / PERIOD_US, delivery: "latest" },
    ],
    ask: async () => {
      stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: { ideal: "environment" }, width: { ideal: 640 }, height: { ideal: 480 } },
      });
    },
    start: async () => {
      if (stream === null) return;
      video.srcObject = stream;
      video.muted = true;
      await video.play();
    },
    stop: () => {
      stream?.getTracks().forEach((track) => track.stop());
      [stream, ready, texture] = [null, null, null];
      video.srcObject = null;
    },
    read: (moment, put) => {
      if (ready !== null && ready.t0Us <= moment.captureUs) {
        const { channel, t0Us, data, shape, encoding } = ready;
        put.add(channel, data, { t0_us: t0Us, shape, ...(encoding && { encoding }) });
        ready = null;
      }
      const image = texture?.take() ?? null;
      if (image !== null) take(image, takenUs, put);
      if (stream === null || !rhythm.isDue(moment.captureUs)) return;
      const raw = /** @type {any} */ (moment.viewer.views[0]).camera;
      if (raw) {
        if (texture?.gl !== moment.gl) texture = new CameraTexture(moment.session, moment.gl, WIDTH, HEIGHT);
        if (!texture.start(raw)) return;
        takenUs = moment.captureUs;
      } else if (video.videoWidth > 0) {
        take(video, moment.captureUs, put);
      } else {
        return;
      }
      rhythm.done(moment.captureUs);
    },
  };
}

/**
 * The source's present picture, cut to the canvas's shape about its middle.
 * @param {Source} source
 * @param {number} width
 * @param {number} height
 */
function drawn(source, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  const [w, h] = source instanceof OffscreenCanvas
    ? [source.width, source.height] : [source.videoWidth, source.videoHeight];
  const scale = Math.min(w / width, h / height);
  const [cutW, cutH] = [width * scale, height * scale];
  context.drawImage(source, (w - cutW) / 2, (h - cutH) / 2, cutW, cutH, 0, 0, width, height);
  return { canvas, context };
}

/** @param {Source} source */
async function jpegOf(source) {
  const { canvas } = drawn(source, WIDTH, HEIGHT);
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
  return new Uint8Array(await blob.arrayBuffer());
}

/** (GRAY_HEIGHT, GRAY_WIDTH) brightness, ITU-R BT.601. @param {Source} source */
function grayOf(source) {
  const { context } = drawn(source, GRAY_WIDTH, GRAY_HEIGHT);
  const rgba = context.getImageData(0, 0, GRAY_WIDTH, GRAY_HEIGHT).data;
  const gray = new Uint8Array(GRAY_WIDTH * GRAY_HEIGHT);
  for (let i = 0; i < gray.length; i += 1) {
    gray[i] = Math.round(0.299 * rgba[4 * i] + 0.587 * rgba[4 * i + 1] + 0.114 * rgba[4 * i + 2]);
  }
  return gray;
}
