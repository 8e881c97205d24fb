// @ts-check
// The device: what it offers, and one immersive session on it from entering to its end.

/** Where a value is worth a name of its own: what profiles and battery say about the device. */
const MODELS = [[/Quest 3/, "quest-3"], [/Quest Pro/, "quest-pro"]];

/** @typedef {"immersive-ar" | "immersive-vr"} Mode */

/**
 * The modes that this browser and device can enter. Throws an Error that says what to do when there
 * is no WebXR at all.
 * @returns {Promise<Mode[]>}
 */
export async function modesHere() {
  if (!globalThis.isSecureContext) {
    throw new Error(
      "Browsers give WebXR to secure pages only: open this page over https, or on a Quest over the "
      + "cable (adb reverse tcp:8765 tcp:8765) as localhost:8765/xr");
  }
  const xr = navigator.xr;
  if (xr === undefined) {
    throw new Error("This browser has no WebXR. Open this page in the headset's own browser.");
  }
  /** @type {Mode[]} */
  const modes = ["immersive-ar", "immersive-vr"];
  const can = await Promise.all(modes.map((mode) => xr.isSessionSupported(mode).catch(() => false)));
  const here = modes.filter((_, n) => can[n]);
  if (here.length === 0) {
    throw new Error("This browser knows WebXR but finds no headset. Is it switched on and connected?");
  }
  return here;
}

/** What the device says of itself in the hello; the model is a guess from the browser's name. */
async function deviceProfile() {
  const found = MODELS.find(([pattern]) => /** @type {RegExp} */ (pattern).test(navigator.userAgent));
  /** @type {Record<string, string | number | boolean>} */
  const profile = { model: found ? String(found[1]) : "webxr", client: "webxr" };
  const getBattery = /** @type {any} */ (navigator).getBattery;
  if (getBattery !== undefined) {
    const battery = await getBattery.call(navigator).catch(() => null);
    if (battery !== null) profile.battery = battery.level;
  }
  return profile;
}

/**
 * @typedef {Object} Moment one XR frame, as senses and drawing see it
 * @property {XRFrame} frame
 * @property {XRSession} session
 * @property {XRReferenceSpace} space all poses are in it: metres, Y up, -Z forward
 * @property {XRViewerPose} viewer
 * @property {number} time milliseconds, performance.now()'s zero
 * @property {number} captureUs
 * @property {WebGL2RenderingContext} gl
 */

export class Headset {
  /** Told when the picture has gone (the device took the graphics away) and when it is back. @type {(gone: boolean) => void} */
  onPicture = () => {};

  /**
   * @param {XRSession} session
   * @param {XRReferenceSpace} space
   * @param {WebGL2RenderingContext} gl
   * @param {Mode} mode
   */
  constructor(session, space, gl, mode) {
    this.session = session;
    this.space = space;
    this.gl = gl;
    this.mode = mode;
    this.#watch();
  }

  /** When the graphics are taken away, draw anew as soon as the browser gives them back. */
  #watch() {
    const { canvas } = this.gl;
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault(); // or they would never come back
      this.onPicture(true);
    });
    canvas.addEventListener("webglcontextrestored", () => {
      // All that was made with the old context is gone; a new one says so to whoever holds on to it.
      pictureOf(this.session).then((gl) => {
        this.gl = gl;
        this.#watch();
        this.onPicture(false);
      }, (error) => console.warn(`no picture any more: ${error}`)); // the session may have ended
    });
  }

  /**
   * Enter. Must run within a user's click; optional features that are missing are simply not enabled.
   * @param {Mode} mode
   * @param {string[]} features
   */
  static async enter(mode, features) {
    const xr = /** @type {XRSystem} */ (navigator.xr);
    /** @type {any} */
    const init = { optionalFeatures: ["local-floor", ...features] };
    if (features.includes("depth-sensing")) {
      init.depthSensing = {
        usagePreference: ["cpu-optimized", "gpu-optimized"],
        dataFormatPreference: ["luminance-alpha", "float32"],
      };
    }
    const session = await xr.requestSession(mode, init);
    try {
      const gl = await pictureOf(session);
      const space = await session.requestReferenceSpace("local-floor")
        .catch(() => session.requestReferenceSpace("local"));
      return new Headset(session, space, gl, mode);
    } catch (error) {
      await session.end();
      throw error;
    }
  }

  /** The features that the device granted; where it does not say, null. @returns {string[] | null} */
  get features() {
    const enabled = /** @type {any} */ (this.session).enabledFeatures;
    return enabled === undefined ? null : [...enabled];
  }

  profile() {
    return deviceProfile();
  }

  /** Frames a second that the device means to show; 72 where it does not say. */
  get rate() {
    return this.session.frameRate ?? 72;
  }

  /**
   * Call back for every frame in which the head's pose is known, until the session ends.
   * @param {(moment: Moment) => void} each
   * @param {(time: number) => number} toMicros
   */
  run(each, toMicros) {
    let last = 0;
    /** @type {XRFrameRequestCallback} */
    const onFrame = (time, frame) => {
      this.session.requestAnimationFrame(onFrame);
      const viewer = frame.getViewerPose(this.space);
      if (viewer === undefined) return; // tracking is lost for the moment
      // Stamps must not go back, even where a browser's frame times do.
      last = Math.max(last, toMicros(time));
      each({ frame, session: this.session, space: this.space, viewer, time, captureUs: last, gl: this.gl });
    };
    this.session.requestAnimationFrame(onFrame);
  }
}

/**
 * What the session shows from now on: a new drawing context.
 * @param {XRSession} session
 */
async function pictureOf(session) {
  const canvas = document.createElement("canvas"); // the device shows it, not the page
  const gl = canvas.getContext("webgl2", { xrCompatible: true, antialias: true });
  if (gl === null) throw new Error("this browser gives the page no WebGL 2");
  await gl.makeXRCompatible();
  await session.updateRenderState({ baseLayer: new XRWebGLLayer(session, gl) });
  return gl;
}
