// @ts-check
// The layouts of bridge/channels.py that this page can send, checked against that table by
// tests/fedxr/test_xr_protocol.py.

/**
 * @typedef {{shape: number[], dtype: "float32" | "int16" | "uint8"}} Layout a 0 in `shape` is a
 *   size that the sample brings
 * @type {Record<string, Layout>}
 */
export const LAYOUTS = {
  "motion/head": { shape: [7], dtype: "float32" },
  "motion/controller": { shape: [14], dtype: "float32" },
  "hands/webxr25": { shape: [25, 7], dtype: "float32" },
  "gaze/ray": { shape: [6], dtype: "float32" },
  "gaze/point2": { shape: [2], dtype: "float32" },
  "depth/map": { shape: [0, 0], dtype: "float32" },
  "spatial/points": { shape: [0, 3], dtype: "float32" },
  "audio/pcm16": { shape: [], dtype: "int16" },
  "vision/gray": { shape: [0, 0], dtype: "uint8" },
  "vision/rgb": { shape: [0, 0, 3], dtype: "uint8" },
};

/** The 25 joints of a WebXR hand in the order of `hands/webxr25`, which is the specification's. */
export const JOINTS = [
  "wrist",
  ...["metacarpal", "phalanx-proximal", "phalanx-distal", "tip"].map((part) => `thumb-${part}`),
  ...["index", "middle", "ring", "pinky"].flatMap((finger) =>
    ["metacarpal", "phalanx-proximal", "phalanx-intermediate", "phalanx-distal", "tip"].map(
      (part) => `${finger}-finger-${part}`)),
];
