// @ts-check
// Raw camera access (WebXR Raw Camera Access Module): the session's camera as a texture. It fills the
// view it belongs to, so scaling it to the picture's size keeps what the user sees.

import { Readback } from "../draw/readback.js";

const FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D picture;
in vec2 at;
out vec4 bytes;
void main() {
  bytes = vec4(texture(picture, at).rgb, 1.0);
}`;

export class CameraTexture {
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
   * Ask for the camera's picture; false when there is none now, or the last has not been taken.
   * @param {unknown} camera of a view
   */
  start(camera) {
    if (this.readback.busy) return false;
    const texture = /** @type {any} */ (this.binding).getCameraImage(camera);
    if (!texture) return false;
    this.readback.start(this.gl.TEXTURE_2D, texture);
    return true;
  }

  /** The picture, or null until the GPU is done. */
  take() {
    const bytes = this.readback.take();
    if (bytes === null) return null;
    const { width, height } = this.readback;
    const canvas = new OffscreenCanvas(width, height);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.putImageData(new ImageData(bytes, width, height), 0, 0);
    return canvas;
  }
}
