// @ts-check
// This browser window in a headset's place: of the same shape as `Headset`, so that senses, stream and
// drawing do not know the difference. What it gives is moved by mouse and keyboard, which its profile
// and the names of its channels say.

import { Body, FOV_Y } from "./body.js";
import { perspective } from "./pose.js";

const RATE_HZ = 60;
const LEAST_MS = 12; // between frames, on screens that show more of them
const MOST_S = 0.1; // that pass at once for the body: a tab that slept does not leap
const MOVES = new Set(["w", "a", "s", "d", "arrowup", "arrowdown", "arrowleft", "arrowright"]);

/** What stands for an XRSession: events, sources of input, and the picture that is drawn into. */
class WindowSession extends EventTarget {
  environmentBlendMode = "opaque";
  enabledFeatures = ["hand-tracking", "gaze-tracking"];
  frameRate = RATE_HZ;
  ended = false;
  /** @type {any[]} */
  inputSources = [];

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super();
    const getViewport = () => ({ x: 0, y: 0, width: canvas.width, height: canvas.height });
    this.renderState = { baseLayer: { framebuffer: null, getViewport } };
  }

  async end() {
    if (this.ended) return;
    this.ended = true;
    this.dispatchEvent(new Event("end"));
  }
}

export class WindowHeadset {
  /** @type {(gone: boolean) => void} */
  onPicture = () => {};
  mode = "window";
  rate = RATE_HZ;
  body = new Body();
  space = new EventTarget();

  /** @param {HTMLCanvasElement} canvas @param {WebGL2RenderingContext} gl */
  constructor(canvas, gl) {
    this.canvas = canvas;
    this.gl = gl;
    this.session = new WindowSession(canvas);
    const joints = { size: 25, values: () => [] };
    this.session.inputSources = [
      { handedness: "right", hand: joints, targetRayMode: "tracked-pointer", profiles: ["mouse"] },
      { handedness: "none", targetRayMode: "gaze", profiles: ["mouse"], targetRaySpace: "eyes" },
    ];
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.onPicture(true);
    });
    canvas.addEventListener("webglcontextrestored", () => void this.session.end()); // another click, and it is new
    this.#listen();
  }

  /** A picture in `place`, with the focus, so that keys move the body. @param {HTMLElement} place */
  static async enter(place) {
    const canvas = document.createElement("canvas");
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", "what you would see in a headset; pointer and keys move you, as listed below");
    const gl = canvas.getContext("webgl2", { antialias: true });
    if (gl === null) throw new Error("this browser gives the page no WebGL 2");
    place.replaceChildren(canvas);
    canvas.focus({ preventScroll: true });
    return new WindowHeadset(canvas, gl);
  }

  get features() {
    return this.session.enabledFeatures;
  }

  /** Nobody takes this for a headset's data. */
  async profile() {
    return { model: "mouse-and-keyboard", client: "webxr", stand_in: true };
  }

  #listen() {
    const { body, canvas } = this;
    /** @param {PointerEvent} event */
    const follow = (event) => {
      const box = canvas.getBoundingClientRect();
      const at = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      body.pointer = [2 * at[0] - 1, 1 - 2 * at[1]].map((value) => Math.min(Math.max(value, -1), 1));
    };
    canvas.addEventListener("pointermove", follow);
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      follow(event);
      body.pressed = true;
    });
    const release = () => {
      if (body.pressed) this.session.dispatchEvent(new Event("select"));
      body.pressed = false;
    };
    for (const over of ["pointerup", "pointercancel"]) canvas.addEventListener(over, release);
    canvas.addEventListener("keydown", (event) => {
      const key = event.key.toLowerCase();
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (MOVES.has(key)) body.held.add(key);
      else if (key === " ") body.pressed = true;
      else if (key === "c" && !event.repeat) body.sitting = !body.sitting;
      else return;
      event.preventDefault();
    });
    canvas.addEventListener("keyup", (event) => {
      body.held.delete(event.key.toLowerCase());
      if (event.key === " ") release();
    });
    canvas.addEventListener("blur", () => body.held.clear());
  }

  /**
   * As a headset does: call back for every picture until the session ends.
   * @param {(moment: import("../headset.js").Moment) => void} each
   * @param {(time: number) => number} toMicros
   */
  run(each, toMicros) {
    let last = -Infinity;
    const onFrame = (/** @type {number} */ time) => {
      if (this.session.ended) return;
      requestAnimationFrame(onFrame);
      if (time - last < LEAST_MS) return;
      this.body.advance(Math.min((time - last) / 1000, MOST_S));
      last = time;
      this.#fit();
      each(this.#moment(time, toMicros(time)));
    };
    requestAnimationFrame(onFrame);
  }

  /** The picture is as large as it is shown. */
  #fit() {
    const { canvas } = this;
    const dense = Math.min(2, devicePixelRatio);
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((n) => Math.max(1, Math.round(dense * n)));
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    this.body.aspect = width / height;
  }

  /** @param {number} time @param {number} captureUs @returns {import("../headset.js").Moment} */
  #moment(time, captureUs) {
    const { body } = this;
    const head = body.head;
    const view = { eye: "none", transform: head, projectionMatrix: perspective(FOV_Y, body.aspect) };
    const frame = {
      getPose: (/** @type {unknown} */ what) => (what === "eyes" ? { transform: body.eyes } : undefined),
      fillPoses: (/** @type {unknown} */ _joints, /** @type {unknown} */ _space, /** @type {Float32Array} */ out) => {
        out.set(body.hand);
        return true;
      },
    };
    const like = { frame, session: this.session, space: this.space, viewer: { transform: head, views: [view] } };
    return /** @type {any} */ ({ ...like, time, captureUs, gl: this.gl });
  }
}

