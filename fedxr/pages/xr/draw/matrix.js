// @ts-check
// 4 x 4 matrices as WebGL keeps them (column by column), quaternions x y z w, vectors [x, y, z].

/** @typedef {[number, number, number]} Vector @typedef {ArrayLike<number>} Numbers */

/**
 * a * b.
 * @param {Numbers} a
 * @param {Numbers} b
 */
export function multiply(a, b) {
  const out = new Float32Array(16);
  for (let c = 0; c < 16; c += 4) {
    for (let r = 0; r < 4; r += 1) {
      out[c + r] = a[r] * b[c] + a[r + 4] * b[c + 1] + a[r + 8] * b[c + 2] + a[r + 12] * b[c + 3];
    }
  }
  return out;
}

/** @param {Vector} p */
export function translation(p) {
  return new Float32Array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, p[0], p[1], p[2], 1]);
}

/** @param {number} x @param {number} y @param {number} z */
export function scaling(x, y, z) {
  return new Float32Array([x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0, 0, 0, 0, 1]);
}

/** Turn by `angle` (radians) about one of the axes 0 x, 1 y, 2 z. @param {number} axis @param {number} angle */
export function turning(axis, angle) {
  const out = scaling(1, 1, 1);
  const [a, b] = [(axis + 1) % 3, (axis + 2) % 3];
  out[5 * a] = out[5 * b] = Math.cos(angle);
  out[4 * a + b] = Math.sin(angle);
  out[4 * b + a] = -Math.sin(angle);
  return out;
}

/** The product of several, the first applied last. @param {...Numbers} matrices @returns {Float32Array} */
export function chain(...matrices) {
  return /** @type {Float32Array} */ (matrices.reduce((a, b) => multiply(a, b)));
}

/** @param {Numbers} m @param {Vector} p @returns {Vector} */
export function transformPoint(m, p) {
  return [
    m[0] * p[0] + m[4] * p[1] + m[8] * p[2] + m[12],
    m[1] * p[0] + m[5] * p[1] + m[9] * p[2] + m[13],
    m[2] * p[0] + m[6] * p[1] + m[10] * p[2] + m[14],
  ];
}

/** The direction that -Z of a pose's matrix looks along. @param {Numbers} m @returns {Vector} */
export function forward(m) {
  return [-m[8], -m[9], -m[10]];
}

/** @param {Vector} a @param {Vector} b @param {number} [times] a + times * b @returns {Vector} */
export function add(a, b, times = 1) {
  return [a[0] + times * b[0], a[1] + times * b[1], a[2] + times * b[2]];
}

/**
 * A matrix at `at` whose +Z looks at `eye`, upright: for panels that face the reader.
 * @param {Vector} at
 * @param {Vector} eye
 */
export function facing(at, eye) {
  const angle = Math.atan2(eye[0] - at[0], eye[2] - at[2]);
  const flat = Math.hypot(eye[0] - at[0], eye[2] - at[2]);
  const tilt = Math.atan2(at[1] - eye[1], flat);
  return chain(translation(at), turning(1, angle), turning(0, tilt));
}

/**
 * Write the rotation of matrix `m` (starting at `from`) as a quaternion into `out` at `at`.
 * Shepperd's method: divide by the largest of the four, so that nothing cancels.
 * @param {Numbers} m
 * @param {number} from
 * @param {Float32Array} out
 * @param {number} at
 */
export function writeQuaternion(m, from, out, at) {
  const xx = m[from], yy = m[from + 5], zz = m[from + 10];
  const trace = xx + yy + zz;
  const q = [
    [m[from + 6] - m[from + 9], 1 + xx - yy - zz, m[from + 4] + m[from + 1], m[from + 8] + m[from + 2]],
    [m[from + 8] - m[from + 2], m[from + 4] + m[from + 1], 1 - xx + yy - zz, m[from + 9] + m[from + 6]],
    [m[from + 1] - m[from + 4], m[from + 8] + m[from + 2], m[from + 9] + m[from + 6], 1 - xx - yy + zz],
    [1 + trace, m[from + 6] - m[from + 9], m[from + 8] - m[from + 2], m[from + 1] - m[from + 4]],
  ];
  // Row k holds 4 q_k (w, x, y, z), so the row with the largest own entry is the safe one.
  const own = [q[0][1], q[1][2], q[2][3], q[3][0]];
  const [w, x, y, z] = q[own.indexOf(Math.max(...own))];
  const length = Math.hypot(x, y, z, w);
  out[at] = x / length;
  out[at + 1] = y / length;
  out[at + 2] = z / length;
  out[at + 3] = w / length;
}
