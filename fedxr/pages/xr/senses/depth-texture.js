// @ts-check
// Depth that a device hands over as a texture, brought to the CPU without waiting for the GPU: a small
// picture of it is drawn in millimetres, and fetched some frames later when it is ready.
//
// The texture holds what a depth buffer would: r = 1 - near / metres for a far plane at infinity (the
// projective depth of Meta's browser; three.js and IWER read and write it so). Rows count from below.

import { link } from "../draw/gl.js";

const VERTEX = `#version 300 es
out vec2 at;
void main() {
  at = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0;  // one triangle over everything
  gl_Position = vec4(at * 2.0 - 1.0, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler2DArray;
uniform sampler2DArray depths;
uniform float layer;
uniform vec2 range;    // near, far; far 0 stands for infinity
uniform mat4 placed;   // from the view (top left 0,0) to the texture's own top left
in vec2 at;
out vec4 bytes;
void main() {
  vec2 uv = (placed * vec4(at.x, 1.0 - at.y, 0.0, 1.0)).xy;
  float r = texture(depths, vec3(uv.x, 1.0 - uv.y, layer)).r;
  float left = range.y == 0.0 ? 1.0 - r : 1.0 - r * (range.y - range.x) / range.y;
  float known = step(1e-5, r) * step(r, 0.99999);
  float millimetres = floor(known * min(65535.0, 1000.0 * range.x / max(left, 1e-6)) + 0.5);
  bytes = vec4(mod(millimetres, 256.0), floor(millimetres / 256.0), 0.0, 255.0) / 255.0;
}`;

export class DepthTexture {
  /** @type {WebGLSync | null} */
  #ready = null;

  /**
   * @param {XRSession} session
   * @param {WebGL2RenderingContext} gl
   * @param {number} width
   * @param {number} height
   */
  constructor(session, gl, width, height) {
    this.gl = gl;
    this.width = width;
    this.height = height;
    this.binding = new XRWebGLBinding(session, gl);
    this.program = link(gl, VERTEX, FRAGMENT);
    this.frame = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame);
    const colour = gl.createRenderbuffer();
    gl.bindRenderbuffer(gl.RENDERBUFFER, colour);
    gl.renderbufferStorage(gl.RENDERBUFFER, gl.RGBA8, width, height);
    gl.framebufferRenderbuffer(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.RENDERBUFFER, colour);
    this.buffer = gl.createBuffer();
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, this.buffer);
    gl.bufferData(gl.PIXEL_PACK_BUFFER, 4 * width * height, gl.STREAM_READ);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
  }

  /**
   * Draw the view's depth small and ask for its bytes; false when the device has none now, or the last
   * ones have not been taken.
   * @param {XRView} view
   */
  start(view) {
    const info = /** @type {any} */ (this.binding).getDepthInformation(view);
    if (!info || this.#ready !== null) return false;
    if (info.textureType !== "texture-array") {
      throw new Error(`depth as a ${info.textureType}; this page reads texture-array`);
    }
    const { gl } = this;
    const place = (/** @type {string} */ name) => gl.getUniformLocation(this.program, name);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame);
    gl.viewport(0, 0, this.width, this.height);
    gl.disable(gl.DEPTH_TEST);
    gl.disable(gl.BLEND);
    gl.useProgram(this.program);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, info.texture);
    gl.uniform1f(place("layer"), info.imageIndex ?? 0);
    gl.uniform2f(place("range"), info.depthNear, Number.isFinite(info.depthFar) ? info.depthFar : 0);
    gl.uniformMatrix4fv(place("placed"), false, info.normDepthBufferFromNormView.matrix);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, this.buffer);
    gl.readPixels(0, 0, this.width, this.height, gl.RGBA, gl.UNSIGNED_BYTE, 0);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, null);
    this.#ready = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    return true;
  }

  /** (height, width) metres, top row first, 0 for unknown; null until the GPU is done. */
  take() {
    const { gl, width, height } = this;
    if (this.#ready === null || gl.getSyncParameter(this.#ready, gl.SYNC_STATUS) !== gl.SIGNALED) return null;
    gl.deleteSync(this.#ready);
    this.#ready = null;
    const bytes = new Uint8Array(4 * width * height);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, this.buffer);
    gl.getBufferSubData(gl.PIXEL_PACK_BUFFER, 0, bytes);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
    const map = new Float32Array(width * height);
    for (let row = 0; row < height; row += 1) {
      for (let column = 0; column < width; column += 1) {
        const from = 4 * ((height - 1 - row) * width + column);
        map[row * width + column] = (bytes[from] + 256 * bytes[from + 1]) / 1000;
      }
    }
    return map;
  }
}
