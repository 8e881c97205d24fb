// @ts-check
// Meshes: position (3), normal (3) and texture place (2) of each corner, in metres about the origin.

/** @typedef {{corners: Float32Array, indices: Uint16Array}} Mesh */

/** A unit square in x, y facing +Z, for text. @returns {Mesh} */
export function square() {
  const corners = [[-0.5, -0.5, 0, 1], [0.5, -0.5, 1, 1], [0.5, 0.5, 1, 0], [-0.5, 0.5, 0, 0]]
    .flatMap(([x, y, u, v]) => [x, y, 0, 0, 0, 1, u, v]);
  return { corners: new Float32Array(corners), indices: new Uint16Array([0, 1, 2, 0, 2, 3]) };
}

/** A unit cube. @returns {Mesh} */
export function box() {
  const corners = [];
  const indices = [];
  for (let axis = 0; axis < 3; axis += 1) {
    for (const sign of [-1, 1]) {
      const from = corners.length / 8;
      const [u, v] = [(axis + 1) % 3, (axis + 2) % 3];
      for (const [a, b] of [[-1, -1], [1, -1], [1, 1], [-1, 1]]) {
        const p = [0, 0, 0];
        p[axis] = sign / 2;
        p[u] = a / 2;
        p[v] = b / 2;
        const n = [0, 0, 0];
        n[axis] = sign;
        corners.push(...p, ...n, 0, 0);
      }
      indices.push(...[0, 1, 2, 0, 2, 3].map((i) => from + i));
    }
  }
  return { corners: new Float32Array(corners), indices: new Uint16Array(indices) };
}

/**
 * A body of revolution about Y through the profile's points [radius, height], from bottom to top.
 * @param {[number, number][]} profile
 * @param {number} [around] corners in a ring
 * @returns {Mesh}
 */
export function lathe(profile, around = 20) {
  /** @type {number[]} */
  const corners = [];
  const indices = [];
  profile.forEach(([r, y], row) => {
    const [r0, y0] = profile[Math.max(0, row - 1)];
    const [r1, y1] = profile[Math.min(profile.length - 1, row + 1)];
    const length = Math.hypot(r1 - r0, y1 - y0) || 1;
    const [out, up] = [(y1 - y0) / length, -(r1 - r0) / length];
    for (let i = 0; i <= around; i += 1) {
      const angle = (2 * Math.PI * i) / around;
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      corners.push(r * c, y, r * s, out * c, up, out * s, 0, 0);
    }
  });
  const ring = around + 1;
  for (let row = 0; row + 1 < profile.length; row += 1) {
    for (let i = 0; i < around; i += 1) {
      const [a, b] = [row * ring + i, (row + 1) * ring + i];
      indices.push(a, b, a + 1, a + 1, b, b + 1);
    }
  }
  return { corners: new Float32Array(corners), indices: new Uint16Array(indices) };
}

/** A ball of radius 0.5. @returns {Mesh} */
export function ball() {
  const rows = 12;
  return lathe(Array.from({ length: rows + 1 }, (_, i) => {
    const angle = Math.PI * (i / rows - 0.5);
    return [0.5 * Math.cos(angle), 0.5 * Math.sin(angle)];
  }));
}

/** A cone of radius 0.5 and height 1, its tip at the origin pointing down: a marker. @returns {Mesh} */
export function marker() {
  return lathe([[0, 0], [0.001, 0.001], [0.5, 1], [0.499, 1.001], [0, 1.001]]);
}

/** Lines of a floor, `half` metres each way, one a metre, as thin strips facing up. @param {number} half @returns {Mesh} */
export function floorGrid(half) {
  const corners = [];
  const indices = [];
  const thin = 0.006;
  for (let k = -half; k <= half; k += 1) {
    for (const turned of [false, true]) {
      const from = corners.length / 8;
      for (const [a, b] of [[-half, -thin], [half, -thin], [half, thin], [-half, thin]]) {
        const [x, z] = turned ? [k - b, a] : [a, k + b];
        corners.push(x, 0, z, 0, 1, 0, 0, 0);
      }
      indices.push(...[0, 2, 1, 0, 3, 2].map((i) => from + i));
    }
  }
  return { corners: new Float32Array(corners), indices: new Uint16Array(indices) };
}
