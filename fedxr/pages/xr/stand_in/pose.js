// @ts-check
// A rigid transform with what senses and drawing read of WebXR's own, which browsers without WebXR
// lack: metres, Y up, -Z forward.

import { chain, translation, writeQuaternion } from "../draw/matrix.js";

export class Pose {
  /** @param {Float32Array} matrix rigid, 4 x 4 */
  constructor(matrix) {
    this.matrix = matrix;
    const q = new Float32Array(4);
    writeQuaternion(matrix, 0, q, 0);
    this.orientation = { x: q[0], y: q[1], z: q[2], w: q[3] };
    this.position = { x: matrix[12], y: matrix[13], z: matrix[14], w: 1 };
  }

  /** @returns {Pose} */
  get inverse() {
    const m = this.matrix;
    const turned = new Float32Array([m[0], m[4], m[8], 0, m[1], m[5], m[9], 0, m[2], m[6], m[10], 0, 0, 0, 0, 1]);
    return new Pose(chain(turned, translation([-m[12], -m[13], -m[14]])));
  }
}

/** What a camera of this vertical field of view sees. @param {number} fovY radians @param {number} aspect */
export function perspective(fovY, aspect, near = 0.05, far = 100) {
  const f = 1 / Math.tan(fovY / 2);
  const out = new Float32Array(16);
  [out[0], out[5], out[10], out[11], out[14]] = [f / aspect, f, (far + near) / (near - far), -1, (2 * far * near) / (near - far)];
  return out;
}
