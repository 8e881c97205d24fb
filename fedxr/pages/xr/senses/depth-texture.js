// @ts-check
// Depth that a device hands over as a texture.
//
// The texture holds what a depth buffer would: r = 1 - near / metres for a far plane at infinity (the
// projective depth of Meta's browser; three.js and IWER read and write it so). Rows count from below.

import { Readback } from "../draw/readback.js";

const FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler2DArray;
uniform sampler2DArray depths;
uniform float layer;
uniform vec2 range;    // near, far; far 0 stands for infinity
uniform mat4 placed;   // from the view (top left 0,0) to the texture's own top left
in vec2 at;
out vec4 bytes;        // millimetres: low byte, high byte
void main() {
  vec2 uv = (placed * vec4(at.x, 1.0 - at.y, 0.0, 1.0)).xy;
  float r = texture(depths, vec3(uv.x, 1.0 - uv.y, layer)).r;
  float left = range.y == 0.0 ? 1.0 - r : 1.0 - r * (range.y - range.x) / range.y;
  float known = step(1e-5, r) * step(r, 0.99999);
  float millimetres = floor(known * min(65535.0, 1000.0 * range.x / max(left, 1e-6)) + 0.5);
  bytes = vec4(mod(millimetres, 256.0), floor(millimetres / 256.0), 0.0, 255.0) / 255.0;
}`;

export class DepthTexture {
  /**
   * @param {XRSession} session
   * @param {WebGL2RenderingContext} gl
   * @param {number} width
   * @param {number} height
   */
  constructor(session, gl, width, height) {
    this.gl = gl;
    this.binding = new XRWebGLBinding(session, gl);
    this.readback = new Readback(gl, width, height, FRAGMENT);
  }

  /**
   * Ask for the view's depth; false when the device has none now, or the last has not been taken.
   * @param {XRView} view
   */
  start(view) {
    const info = /** @type {any} */ (this.binding).getDepthInformation(view);
    if (!info || this.readback.busy) return false;
    if (info.textureType !== "texture-array") {
      throw new Error(`depth as a ${info.textureType}; this page reads texture-array`);
    }
    const { gl } = this;
    const far = Number.isFinite(info.depthFar) ? info.depthFar : 0;
    this.readback.start(gl.TEXTURE_2D_ARRAY, info.texture, (place) => {
      gl.uniform1f(place("layer"), info.imageIndex ?? 0);
      gl.uniform2f(place("range"), info.depthNear, far);
      gl.uniformMatrix4fv(place("placed"), false, info.normDepthBufferFromNormView.matrix);
    });
    return true;
  }

  /** (height, width) metres, top row first, 0 for unknown; null until the GPU is done. */
  take() {
    const bytes = this.readback.take();
    if (bytes === null) return null;
    return Float32Array.from({ length: bytes.length / 4 }, (_, i) => (bytes[4 * i] + 256 * bytes[4 * i + 1]) / 1000);
  }
}
