// @ts-check
// A small WebGL 2 renderer: lit meshes in one colour, squares with a text on them, and points.

import { multiply } from "./matrix.js";

const VERTEX = `#version 300 es
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec2 place;
uniform mat4 seen;     // projection * view
uniform mat4 model;
uniform float size;    // of a point, metres; pixels per metre at distance 1
out vec3 turned;
out vec2 at;
void main() {
  gl_Position = seen * model * vec4(position, 1.0);
  gl_PointSize = size / gl_Position.w;
  turned = mat3(model) * normal;
  at = place;
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
uniform vec4 colour;
uniform sampler2D picture;
uniform int kind;      // 0 lit, 1 picture, 2 plain, 3 point
in vec3 turned;
in vec2 at;
out vec4 shade;
void main() {
  if (kind == 1) {
    shade = texture(picture, at) * colour.a;
    return;
  }
  float light = 1.0;
  if (kind == 0) light = 0.55 + 0.45 * max(0.0, dot(normalize(turned), normalize(vec3(0.4, 1.0, 0.6))));
  if (kind == 3 && length(gl_PointCoord - 0.5) > 0.5) discard;
  shade = vec4(colour.rgb * light, 1.0) * colour.a;  // premultiplied, as XR layers want it
}`;

/** @typedef {[number, number, number, number]} Colour red, green, blue, opacity: 0..1 */
/** @typedef {{array: WebGLVertexArrayObject, count: number}} Loaded */

const LIT = 0, PICTURE = 1, PLAIN = 2, POINT = 3;

export class Renderer {
  /** @type {Map<import("./shapes.js").Mesh, Loaded>} */
  #loaded = new Map();

  /** @param {WebGL2RenderingContext} gl */
  constructor(gl) {
    this.gl = gl;
    this.program = link(gl, VERTEX, FRAGMENT);
    /** @param {string} name */
    const uniform = (name) => gl.getUniformLocation(this.program, name);
    this.places = {
      seen: uniform("seen"), model: uniform("model"), colour: uniform("colour"),
      kind: uniform("kind"), size: uniform("size"),
    };
    this.points = gl.createBuffer();
    this.pointArray = gl.createVertexArray();
    gl.bindVertexArray(this.pointArray);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.points);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 0, 0);
    gl.bindVertexArray(null);
    this.height = 1;
    /** @type {Float32Array} */
    this.seen = new Float32Array(16);
  }

  /**
   * Clear the frame's buffer once, before its views.
   * @param {WebGLFramebuffer | null} framebuffer
   * @param {Colour} background
   */
  begin(framebuffer, [r, g, b, a]) {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    gl.clearColor(r * a, g * a, b * a, a);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.useProgram(this.program);
  }

  /** @param {XRView} view @param {XRViewport} viewport */
  look(view, viewport) {
    const { gl } = this;
    gl.viewport(viewport.x, viewport.y, viewport.width, viewport.height);
    this.height = viewport.height;
    this.seen = multiply(view.projectionMatrix, view.transform.inverse.matrix);
    this.scale = view.projectionMatrix[5];
    gl.uniformMatrix4fv(this.places.seen, false, this.seen);
  }

  /** How far in front of the eye a place is; for drawing the far before the near. @param {import("./matrix.js").Vector} at */
  depthOf(at) {
    const m = this.seen;
    return m[3] * at[0] + m[7] * at[1] + m[11] * at[2] + m[15];
  }

  /**
   * @param {import("./shapes.js").Mesh} mesh
   * @param {Float32Array} model
   * @param {Colour} colour
   * @param {boolean} [lit]
   */
  mesh(mesh, model, colour, lit = true) {
    this.#draw(mesh, model, colour, lit ? LIT : PLAIN);
  }

  /**
   * @param {import("./shapes.js").Mesh} mesh
   * @param {Float32Array} model
   * @param {WebGLTexture} texture
   * @param {number} opacity
   */
  picture(mesh, model, texture, opacity) {
    this.gl.bindTexture(this.gl.TEXTURE_2D, texture);
    this.#draw(mesh, model, [1, 1, 1, opacity], PICTURE);
  }

  /**
   * Round dots at `places` (3 numbers each).
   * @param {Float32Array} places
   * @param {number} size metres
   * @param {Colour} colour
   */
  dots(places, size, colour) {
    const { gl } = this;
    gl.uniform1f(this.places.size, 0.5 * size * this.height * (this.scale ?? 1));
    this.#stream(places, colour, POINT);
    gl.drawArrays(gl.POINTS, 0, places.length / 3);
    gl.bindVertexArray(null);
  }

  /**
   * Lines between each two of `places` (6 numbers a line).
   * @param {Float32Array} places
   * @param {Colour} colour
   */
  lines(places, colour) {
    const { gl } = this;
    this.#stream(places, colour, PLAIN);
    gl.drawArrays(gl.LINES, 0, places.length / 3);
    gl.bindVertexArray(null);
  }

  /** @param {Float32Array} places @param {Colour} colour @param {number} kind */
  #stream(places, colour, kind) {
    const { gl } = this;
    gl.bindVertexArray(this.pointArray);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.points);
    gl.bufferData(gl.ARRAY_BUFFER, places, gl.DYNAMIC_DRAW);
    this.#shade(UNTURNED, colour, kind);
  }

  /** @param {Float32Array} model @param {Colour} colour @param {number} kind */
  #shade(model, colour, kind) {
    const { gl, places } = this;
    gl.uniformMatrix4fv(places.model, false, model);
    gl.uniform4fv(places.colour, colour);
    gl.uniform1i(places.kind, kind);
  }

  /**
   * @param {import("./shapes.js").Mesh} mesh
   * @param {Float32Array} model
   * @param {Colour} colour
   * @param {number} kind
   */
  #draw(mesh, model, colour, kind) {
    const { gl } = this;
    const { array, count } = this.#load(mesh);
    this.#shade(model, colour, kind);
    gl.bindVertexArray(array);
    gl.drawElements(gl.TRIANGLES, count, gl.UNSIGNED_SHORT, 0);
    gl.bindVertexArray(null);
  }

  /** @param {import("./shapes.js").Mesh} mesh @returns {Loaded} */
  #load(mesh) {
    const known = this.#loaded.get(mesh);
    if (known !== undefined) return known;
    const { gl } = this;
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, mesh.corners, gl.STATIC_DRAW);
    for (const [location, size, offset] of [[0, 3, 0], [1, 3, 12], [2, 2, 24]]) {
      gl.enableVertexAttribArray(location);
      gl.vertexAttribPointer(location, size, gl.FLOAT, false, 32, offset);
    }
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, mesh.indices, gl.STATIC_DRAW);
    gl.bindVertexArray(null);
    const loaded = { array, count: mesh.indices.length };
    this.#loaded.set(mesh, loaded);
    return loaded;
  }
}

const UNTURNED = new Float32Array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);

/**
 * A program of the two shaders; throws with the compiler's words.
 * @param {WebGL2RenderingContext} gl
 * @param {string} vertex
 * @param {string} fragment
 */
export function link(gl, vertex, fragment) {
  const program = gl.createProgram();
  for (const [kind, source] of /** @type {[number, string][]} */ ([[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]])) {
    const shader = gl.createShader(kind);
    if (shader === null) throw new Error("WebGL is lost");
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost()) {
      throw new Error(`shader: ${gl.getShaderInfoLog(shader)}`);
    }
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(`shaders: ${gl.getProgramInfoLog(program)}`);
  }
  return program;
}
