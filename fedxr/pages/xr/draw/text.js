// @ts-check
// Text as textures: a panel of lines is painted once on a 2D canvas and kept while it is shown.

const SCALE = 640; // pixels a metre: sharp at an arm's length, small enough to upload in a frame
const LINE = 0.052; // metres from line to line
const PAD = 0.022;
const KEPT = 32; // panels; the one that was drawn longest ago goes

/**
 * @typedef {Object} Panel
 * @property {WebGLTexture} texture
 * @property {number} width metres
 * @property {number} height
 *
 * @typedef {Object} Style
 * @property {string} accent CSS colour of the bar at the left
 * @property {number} [size] times the usual letter size
 */

export class Panels {
  /** @type {Map<string, Panel>} */
  #known = new Map();

  /** @param {WebGL2RenderingContext} gl */
  constructor(gl) {
    this.gl = gl;
    this.canvas = document.createElement("canvas");
  }

  /**
   * The panel of these lines; the first is the title.
   * @param {string[]} lines
   * @param {Style} style
   * @returns {Panel}
   */
  of(lines, style) {
    const key = JSON.stringify([lines, style]);
    const known = this.#known.get(key);
    if (known !== undefined) {
      this.#known.delete(key); // and back in as the newest
      this.#known.set(key, known);
      return known;
    }
    const panel = this.#paint(lines, style);
    this.#known.set(key, panel);
    if (this.#known.size > KEPT) {
      const [oldest, { texture }] = /** @type {[string, Panel]} */ (this.#known.entries().next().value);
      this.gl.deleteTexture(texture);
      this.#known.delete(oldest);
    }
    return panel;
  }

  /** @param {string[]} lines @param {Style} style @returns {Panel} */
  #paint(lines, { accent, size = 1 }) {
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    const line = LINE * size * SCALE;
    const pad = PAD * size * SCALE;
    /** @param {number} n */
    const font = (n) => `${n === 0 ? 600 : 400} ${0.66 * line}px system-ui, sans-serif`;
    const widths = lines.map((text, n) => {
      context.font = font(n);
      return context.measureText(text).width;
    });
    const width = Math.ceil(Math.max(...widths) + 3.2 * pad);
    const height = Math.ceil(line * lines.length + 1.2 * pad);
    this.canvas.width = width;
    this.canvas.height = height;
    context.fillStyle = "rgba(34, 42, 60, 0.94)";
    context.strokeStyle = "rgba(255, 255, 255, 0.22)";
    context.lineWidth = 2;
    context.beginPath();
    context.roundRect(1, 1, width - 2, height - 2, 0.6 * pad);
    context.fill();
    context.stroke();
    context.clip();
    context.fillStyle = accent;
    context.fillRect(0, 0, 0.45 * pad, height);
    context.textBaseline = "middle";
    lines.forEach((text, n) => {
      context.font = font(n);
      context.fillStyle = n === 0 ? "#ffffff" : "#c4ccda";
      context.fillText(text, 1.6 * pad, 0.6 * pad + line * (n + 0.5));
    });
    return { texture: this.#upload(), width: width / SCALE, height: height / SCALE };
  }

  #upload() {
    const { gl } = this;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, true);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, this.canvas);
    gl.generateMipmap(gl.TEXTURE_2D);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    return texture;
  }
}
