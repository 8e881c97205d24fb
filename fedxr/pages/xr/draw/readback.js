// @ts-check
// Bringing a texture to the CPU without waiting for the GPU: it is drawn small, asked for, and fetched
// some frames later when it is ready.

import { link } from "./gl.js";

const VERTEX = `#version 300 es
out vec2 at;           // 0..1, from below
void main() {
  at = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0;  // one triangle over everything
  gl_Position = vec4(at * 2.0 - 1.0, 0.0, 1.0);
}`;

export class Readback {
  /** @type {WebGLSync | null} */
  #ready = null;

  /**
   * @param {WebGL2RenderingContext} gl
   * @param {number} width
   * @param {number} height
   * @param {string} fragment a shader from `in vec2 at` to four bytes
   */
  constructor(gl, width, height, fragment) {
    this.gl = gl;
    this.width = width;
    this.height = height;
    this.program = link(gl, VERTEX, fragment);
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

  /** Whether bytes were asked for and not taken yet. */
  get busy() {
    return this.#ready !== null;
  }

  /**
   * Draw and ask for the bytes.
   * @param {number} target where the texture is bound: TEXTURE_2D or TEXTURE_2D_ARRAY
   * @param {WebGLTexture} texture
   * @param {(place: (name: string) => WebGLUniformLocation | null) => void} [set] sets uniforms
   */
  start(target, texture, set) {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame);
    gl.viewport(0, 0, this.width, this.height);
    gl.disable(gl.DEPTH_TEST);
    gl.disable(gl.BLEND);
    gl.useProgram(this.program);
    gl.bindTexture(target, texture);
    set?.((name) => gl.getUniformLocation(this.program, name));
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, this.buffer);
    gl.readPixels(0, 0, this.width, this.height, gl.RGBA, gl.UNSIGNED_BYTE, 0);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
    gl.bindTexture(target, null);
    this.#ready = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
  }

  /** (height, width, 4) bytes, top row first; null until the GPU is done. */
  take() {
    const { gl, width, height } = this;
    if (this.#ready === null || gl.getSyncParameter(this.#ready, gl.SYNC_STATUS) !== gl.SIGNALED) return null;
    gl.deleteSync(this.#ready);
    this.#ready = null;
    const below = new Uint8Array(4 * width * height);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, this.buffer);
    gl.getBufferSubData(gl.PIXEL_PACK_BUFFER, 0, below);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
    const bytes = new Uint8ClampedArray(below.length);
    for (let row = 0; row < height; row += 1) {
      bytes.set(below.subarray(4 * width * (height - 1 - row), 4 * width * (height - row)), 4 * width * row);
    }
    return bytes;
  }
}
