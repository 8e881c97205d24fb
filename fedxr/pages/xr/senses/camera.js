// @ts-check
// A picture a second from a camera that the browser gives to pages: vision/rgb as JPEG, or vision/gray
// where the server takes only that.
//
// getUserMedia: on a Quest the passthrough cameras, on a phone the rear camera, elsewhere any.

import { bytesOf } from "../protocol.js";
import { every } from "./pose.js";

const WIDTH = 320, HEIGHT = 240;
const GRAY_WIDTH = 112, GRAY_HEIGHT = 84; // what models look at is smaller still
const PERIOD_US = 1_000_000;
const QUALITY = 0.8;

/** @typedef {{channel: string, t0Us: number, data: Uint8Array, shape: number[], encoding?: "jpeg"}} Picture */

/** @returns {import("../stream.js").Sense} */
export function camera() {
  const rhythm = every(PERIOD_US);
  /** @type {MediaStream | null} */
  let stream = null;
  const video = document.createElement("video");
  /** @type {Picture | null} */
  let ready = null;

  return {
    name: "camera",
    title: "Camera",
    tells: `a picture of what is in front of you, ${WIDTH} by ${HEIGHT}, once a second`,
    features: [],
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
      [stream, ready] = [null, null];
      video.srcObject = null;
    },
    read: (moment, put) => {
      if (ready !== null && ready.t0Us <= moment.captureUs) {
        const { channel, t0Us, data, shape, encoding } = ready;
        put.add(channel, data, { t0_us: t0Us, shape, ...(encoding && { encoding }) });
        ready = null;
      }
      if (stream === null || video.videoWidth === 0 || !rhythm.isDue(moment.captureUs)) return;
      // Encoding takes longer than a frame may: the picture goes out with a later one.
      if (put.wanted("camera")) {
        rhythm.done(moment.captureUs);
        void jpegOf(video).then((data) => {
          ready = { channel: "camera", t0Us: moment.captureUs, data, shape: [HEIGHT, WIDTH, 3], encoding: "jpeg" };
        });
      } else if (put.wanted("camera-gray")) {
        rhythm.done(moment.captureUs);
        ready = { channel: "camera-gray", t0Us: moment.captureUs, data: grayOf(video), shape: [GRAY_HEIGHT, GRAY_WIDTH] };
      }
    },
  };
}

/**
 * The video's present picture, cut to the canvas's shape about its middle.
 * @param {HTMLVideoElement} video
 * @param {number} width
 * @param {number} height
 */
function drawn(video, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  const scale = Math.min(video.videoWidth / width, video.videoHeight / height);
  const [w, h] = [width * scale, height * scale];
  context.drawImage(video, (video.videoWidth - w) / 2, (video.videoHeight - h) / 2, w, h, 0, 0, width, height);
  return { canvas, context };
}

/** @param {HTMLVideoElement} video */
async function jpegOf(video) {
  const { canvas } = drawn(video, WIDTH, HEIGHT);
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
  return new Uint8Array(await blob.arrayBuffer());
}

/** (GRAY_HEIGHT, GRAY_WIDTH) brightness, ITU-R BT.601. @param {HTMLVideoElement} video */
function grayOf(video) {
  const { context } = drawn(video, GRAY_WIDTH, GRAY_HEIGHT);
  const rgba = context.getImageData(0, 0, GRAY_WIDTH, GRAY_HEIGHT).data;
  const gray = new Uint8Array(GRAY_WIDTH * GRAY_HEIGHT);
  for (let i = 0; i < gray.length; i += 1) {
    gray[i] = Math.round(0.299 * rgba[4 * i] + 0.587 * rgba[4 * i + 1] + 0.114 * rgba[4 * i + 2]);
  }
  return bytesOf(gray);
}
