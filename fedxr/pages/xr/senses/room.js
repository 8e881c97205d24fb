// @ts-check
// The room as the device has scanned it: corners of planes and points of meshes, as spatial/points,
// when they change and at least every five seconds.

import { transformPoint } from "../draw/matrix.js";
import { bytesOf } from "../protocol.js";
import { every } from "./pose.js";

const PERIOD_US = 1_000_000;
const ANYWAY_US = 5_000_000;
const MOST_POINTS = 4096;

/**
 * @typedef {{lastChangedTime: number, planeSpace: XRSpace, polygon: DOMPointReadOnly[]}} Plane
 * @typedef {{lastChangedTime: number, meshSpace: XRSpace, vertices: Float32Array}} Mesh
 */

/** @returns {import("../stream.js").Sense} */
export function room() {
  const rhythm = every(PERIOD_US);
  const anyway = every(ANYWAY_US);
  let seen = "";
  return {
    name: "room",
    title: "Room",
    tells: "the outlines of walls, floor and furniture that the headset has scanned",
    features: ["plane-detection", "mesh-detection"],
    sensitive: true,
    offers: () => [{ name: "room", layout: "spatial/points", rate_hz: 1e6 / PERIOD_US, delivery: "latest" }],
    read: (moment, put) => {
      if (!rhythm.isDue(moment.captureUs) || !put.wanted("room")) return;
      rhythm.done(moment.captureUs);
      const planes = /** @type {Iterable<Plane>} */ (granted(moment, "plane-detection", "detectedPlanes"));
      const meshes = /** @type {Iterable<Mesh>} */ (granted(moment, "mesh-detection", "detectedMeshes"));
      const now = [...planes, ...meshes].map((thing) => thing.lastChangedTime).join();
      if (now === "" || (now === seen && !anyway.isDue(moment.captureUs))) return;
      seen = now;
      anyway.done(moment.captureUs);
      const points = thin(pointsOf(moment, planes, meshes), MOST_POINTS);
      if (points.length > 0) {
        put.add("room", bytesOf(new Float32Array(points.flat())), { shape: [points.length, 3] });
      }
    },
  };
}

/**
 * A set of the frame; browsers throw where the feature was not granted.
 * @param {import("../headset.js").Moment} moment
 * @param {string} feature
 * @param {string} name
 */
function granted(moment, feature, name) {
  const features = /** @type {any} */ (moment.session).enabledFeatures;
  if (features !== undefined && ![...features].includes(feature)) return [];
  return /** @type {any} */ (moment.frame)[name] ?? [];
}

/**
 * @param {import("../headset.js").Moment} moment
 * @param {Iterable<Plane>} planes
 * @param {Iterable<Mesh>} meshes
 * @returns {[number, number, number][]}
 */
function pointsOf(moment, planes, meshes) {
  /** @type {[number, number, number][]} */
  const points = [];
  for (const plane of planes) {
    const pose = moment.frame.getPose(plane.planeSpace, moment.space);
    if (pose === undefined) continue;
    for (const p of plane.polygon) points.push(transformPoint(pose.transform.matrix, [p.x, p.y, p.z]));
  }
  for (const mesh of meshes) {
    const pose = moment.frame.getPose(mesh.meshSpace, moment.space);
    if (pose === undefined) continue;
    const v = mesh.vertices;
    for (let i = 0; i + 2 < v.length; i += 3) {
      points.push(transformPoint(pose.transform.matrix, [v[i], v[i + 1], v[i + 2]]));
    }
  }
  return points;
}

/**
 * At most `most` of the points, evenly taken.
 * @template T
 * @param {T[]} points
 * @param {number} most
 */
function thin(points, most) {
  if (points.length <= most) return points;
  return Array.from({ length: most }, (_, i) => points[Math.floor((i * points.length) / most)]);
}
