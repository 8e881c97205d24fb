// @ts-check
// Where the eyes look, every frame, on devices whose browser has a gaze input source: gaze/ray in the
// room and gaze/point2 in the picture.
//
// WebXR's target ray mode "gaze" also stands for headsets without any pointer, where the ray is just
// the head's. That is not eye tracking, so a source counts only where the device granted an
// eye-tracking feature or the source's own profile names the eyes.

import { forward } from "../draw/matrix.js";
import { bytesOf } from "../protocol.js";

const FEATURES = ["gaze-tracking", "eye-tracking"];

/** @returns {import("../stream.js").Sense} */
export function gaze() {
  return {
    name: "gaze",
    title: "Eyes",
    tells: "where your eyes look; no pictures of them",
    features: FEATURES,
    sensitive: true,
    offers: (rateHz) => [
      { name: "gaze", layout: "gaze/ray", rate_hz: rateHz },
      { name: "gaze-view", layout: "gaze/point2", rate_hz: rateHz },
    ],
    read: (moment, put) => {
      const pose = gazePose(moment);
      if (pose === null) return;
      const { position: p, matrix } = pose.transform;
      const direction = forward(matrix);
      put.add("gaze", bytesOf(new Float32Array([p.x, p.y, p.z, ...direction])));
      const point = inView(moment.viewer.views, direction);
      if (point !== null) put.add("gaze-view", bytesOf(new Float32Array(point)));
    },
  };
}

/**
 * The eyes' pose now, or null where the device does not track them.
 * @param {import("../headset.js").Moment} moment
 * @returns {XRPose | null}
 */
export function gazePose(moment) {
  const granted = /** @type {string[]} */ (/** @type {any} */ (moment.session).enabledFeatures ?? []);
  const tracked = FEATURES.some((feature) => granted.includes(feature));
  for (const source of moment.session.inputSources) {
    const eyes = tracked || source.profiles.some((profile) => profile.includes("eye"));
    if (source.targetRayMode === "gaze" && eyes) {
      return moment.frame.getPose(source.targetRaySpace, moment.space) ?? null;
    }
  }
  return null;
}

/**
 * Where a far point in `direction` stands in the picture, x right and y up, 0..1 inside: the mean over
 * both eyes' views, whose pictures are cut differently. Null for what lies behind.
 * @param {readonly XRView[]} views
 * @param {[number, number, number]} direction
 */
export function inView(views, direction) {
  let [x, y] = [0, 0];
  for (const view of views) {
    const m = view.transform.inverse.matrix;
    const p = view.projectionMatrix;
    /** @param {number} r */
    const turned = (r) => m[r] * direction[0] + m[r + 4] * direction[1] + m[r + 8] * direction[2];
    const [vx, vy, vz] = [turned(0), turned(1), turned(2)];
    if (vz >= 0) return null;
    x += (p[0] * vx + p[8] * vz) / -vz;
    y += (p[5] * vy + p[9] * vz) / -vz;
  }
  return [0.5 + x / views.length / 2, 0.5 + y / views.length / 2];
}
