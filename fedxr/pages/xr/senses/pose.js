// @ts-check
// Poses as the layouts want them: position x y z (metres), orientation x y z w.

/**
 * Write a pose into `out` at `at`.
 * @param {XRRigidTransform} transform
 * @param {Float32Array} out
 * @param {number} [at]
 */
export function writePose(transform, out, at = 0) {
  const { position: p, orientation: q } = transform;
  out[at] = p.x;
  out[at + 1] = p.y;
  out[at + 2] = p.z;
  out[at + 3] = q.x;
  out[at + 4] = q.y;
  out[at + 5] = q.z;
  out[at + 6] = q.w;
}

/**
 * Runs something at most every `periodUs` of capture time.
 * @param {number} periodUs
 */
export function every(periodUs) {
  let due = 0;
  return {
    /** @param {number} captureUs @returns {boolean} */
    isDue: (captureUs) => captureUs >= due,
    /** @param {number} captureUs */
    done: (captureUs) => {
      due = captureUs + periodUs;
    },
  };
}
