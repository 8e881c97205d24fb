// @ts-check
// Everything that the user sees: the cues that are on, their own hands, and how the stream is doing.

import { brightnessOf, paceOf, wordsOf } from "../cues.js";
import { drawCompanion } from "./companion.js";
import { Renderer } from "./gl.js";
import { drawHand } from "./hand.js";
import { drawLimb, postureOf } from "./limb.js";
import { add, chain, facing, forward, scaling, translation, turning } from "./matrix.js";
import { floorGrid, marker, square } from "./shapes.js";
import { Panels } from "./text.js";

/**
 * @typedef {import("../cues.js").ActiveCue} ActiveCue
 * @typedef {import("./matrix.js").Vector} Vector
 * @typedef {import("./text.js").Style} Style
 * @typedef {{lines: string[], style: Style, at: Vector, opacity: number}} Sign a text in the room
 */

const SQUARE = square();
const FLOOR = floorGrid(6);
const MARKER = marker();
/** @type {import("./gl.js").Colour} */
const GRID = [0.3, 0.36, 0.48, 1];
/** @type {import("./gl.js").Colour} */
const DANGER = [0.95, 0.22, 0.2, 1];
/** @type {Record<string, string>} */
const ACCENT = {
  label: "#5ea9ff", hint: "#8fd0ff", warning: "#ff4d45", effector: "#6fa8eb", pace: "#c79aec",
  suggest: "#61b8a1", remind: "#61b8a1", navigate: "#f5d24c", tone: "#61b8a1", intensity: "#c79aec",
  branch: "#c79aec",
};
const COMPANION = new Set(["suggest", "remind", "navigate", "tone"]);
const FOLLOW = 0.08; // of the way, per frame: panels trail the head, so that they can be read
const MARKED = 0.3; // metres from a warning's place up to its text: its marker stands between
const AHEAD = 1.3; // metres to panels that go with the head

export class Scene {
  /** @type {Vector} */
  #facing = [0, 0, -1];
  #moved = 0;
  #last = NaN;

  /** @param {WebGL2RenderingContext} gl */
  constructor(gl) {
    this.renderer = new Renderer(gl);
    this.panels = new Panels(gl);
  }

  /**
   * @param {import("../headset.js").Moment} moment
   * @param {ActiveCue[]} cues
   * @param {{lines: string[], good: boolean}} status
   * @param {Float32Array[]} hands (25, 7) each; empty where the room is seen
   * @param {boolean} seesRoom
   */
  draw(moment, cues, status, hands, seesRoom) {
    const { renderer } = this;
    const layer = /** @type {XRWebGLLayer} */ (moment.session.renderState.baseLayer);
    const head = moment.viewer.transform.matrix;
    const eye = /** @type {Vector} */ ([head[12], head[13], head[14]]);
    this.#follow(forward(head));
    const seconds = this.#advance(moment.time, cues);
    const level = brightnessOf(cues);
    renderer.begin(layer.framebuffer, seesRoom ? [0, 0, 0, 0] : [0.055 * level, 0.07 * level, 0.11 * level, 1]);
    const signs = this.#signs(cues, status, eye);
    for (const view of moment.viewer.views) {
      const viewport = layer.getViewport(view);
      if (!viewport || viewport.width === 0) continue;
      renderer.look(view, viewport);
      if (!seesRoom) renderer.mesh(FLOOR, scaling(1, 1, 1), dim(GRID, level), false);
      for (const poses of hands) drawHand(renderer, poses);
      this.#drawFigures(cues, eye, seconds, moment.time);
      this.#drawSigns(signs, eye);
    }
  }

  /** Turn the panels' direction after the head's, level with the floor. @param {Vector} look */
  #follow([x, , z]) {
    const length = Math.hypot(x, z);
    if (length < 0.2) return; // straight up or down says nothing about sideways
    const [a, , b] = this.#facing;
    const [u, w] = [a + FOLLOW * (x / length - a), b + FOLLOW * (z / length - b)];
    const turned = Math.hypot(u, w) || 1;
    this.#facing = [u / turned, 0, w / turned];
  }

  /** Seconds that moving things have moved, at the pace that was asked for. @param {number} time @param {ActiveCue[]} cues */
  #advance(time, cues) {
    const { speed, animations } = paceOf(cues);
    if (animations && time > this.#last) this.#moved += (speed * (time - this.#last)) / 1000;
    this.#last = time;
    return this.#moved;
  }

  /** A place before the user. @param {Vector} eye @param {number} right @param {number} up @param {number} ahead @returns {Vector} */
  #before(eye, right, up, ahead) {
    const [x, , z] = this.#facing;
    return [eye[0] + ahead * x - right * z, eye[1] + up, eye[2] + ahead * z + right * x];
  }

  /** @param {ActiveCue[]} cues @param {{lines: string[], good: boolean}} status @param {Vector} eye @returns {Sign[]} */
  #signs(cues, status, eye) {
    /** @type {Sign[]} */
    const signs = [{
      lines: status.lines, style: { accent: status.good ? "#54c98a" : "#ff8a3d", size: 0.62 },
      at: this.#before(eye, 0, -0.66, AHEAD), opacity: 0.92,
    }];
    const companion = this.#companion(eye, cues);
    let [row, spoken] = [0, 0];
    for (const cue of cues) {
      const lines = [wordsOf(cue), ...detailOf(cue)];
      const style = { accent: ACCENT[cue.act] };
      /** @type {Vector} */
      let at;
      if (cue.anchor !== null) at = this.#above(cue.anchor, signs, cue.act === "warning" ? MARKED : 0);
      else if (cue.act === "effector") at = this.#before(eye, 0.3, -0.02, 0.9);
      else if (COMPANION.has(cue.act)) at = add(companion, [0, 1.45 + 0.18 * spoken++, 0]);
      else at = this.#before(eye, 0, -0.24 - 0.11 * row++, AHEAD);
      signs.push({ lines, style, at, opacity: 1 });
    }
    return signs;
  }

  /** A free place at or above an anchor: signs about the same thing stand one above the other. @param {Vector} anchor @param {Sign[]} signs @param {number} start @returns {Vector} */
  #above(anchor, signs, start) {
    let at = add(anchor, [0, start, 0]);
    while (signs.some((sign) => Math.hypot(...add(sign.at, at, -1)) < 0.12)) at = add(at, [0, 0.13, 0]);
    return at;
  }

  /** Where the companion stands: at the user's left, further ahead where it leads. @param {Vector} eye @param {ActiveCue[]} cues @returns {Vector} */
  #companion(eye, cues) {
    const at = this.#before(eye, -0.75, 0, cues.some((cue) => cue.act === "navigate") ? 2.4 : 1.8);
    return [at[0], 0, at[2]];
  }

  /** @param {ActiveCue[]} cues @param {Vector} eye @param {number} seconds @param {number} time */
  #drawFigures(cues, eye, seconds, time) {
    const limb = cues.findLast((cue) => cue.act === "effector");
    if (limb !== undefined) {
      const at = this.#before(eye, 0.24, -0.22, 0.62);
      const [x, , z] = this.#facing;
      const upright = chain(translation(at), turning(1, Math.atan2(-x, -z)));
      drawLimb(this.renderer, upright, postureOf(String(limb.payload.command ?? ""), (time - limb.since) / 1000));
    }
    const acts = cues.filter((cue) => COMPANION.has(cue.act));
    if (acts.length > 0) {
      const leads = acts.some((cue) => cue.act === "navigate");
      const manner = String(acts.findLast((cue) => cue.act === "tone")?.payload.manner ?? "");
      const place = this.#companion(eye, cues);
      drawCompanion(this.renderer, facing(place, [eye[0], place[1], eye[2]]), { manner, leads, seconds });
    }
    for (const cue of cues) {
      if (cue.act !== "warning" || cue.anchor === null) continue;
      const above = add(cue.anchor, [0, 0.1 + 0.02 * Math.sin(4 * seconds), 0]);
      this.renderer.mesh(MARKER, chain(translation(above), scaling(0.08, 0.12, 0.08)), DANGER, false);
    }
  }

  /** Far ones first: they are partly transparent. @param {Sign[]} signs @param {Vector} eye */
  #drawSigns(signs, eye) {
    const { renderer } = this;
    const sorted = [...signs].sort((a, b) => renderer.depthOf(b.at) - renderer.depthOf(a.at));
    for (const { lines, style, at, opacity } of sorted) {
      const panel = this.panels.of(lines, style);
      const model = chain(facing(at, eye), scaling(panel.width, panel.height, 1));
      renderer.picture(SQUARE, model, panel.texture, opacity);
    }
  }
}

/** @param {import("./gl.js").Colour} colour @param {number} level @returns {import("./gl.js").Colour} */
function dim([r, g, b, a], level) {
  return [r * level, g * level, b * level, a];
}

/** What stands under a cue's words. @param {ActiveCue} cue @returns {string[]} */
function detailOf(cue) {
  if (cue.act === "suggest") return ["pinch or pull the trigger to say yes"];
  const sure = Number.isFinite(cue.confidence) ? `, ${Math.round(100 * cue.confidence)} % sure` : "";
  return cue.anchor === null ? [] : [`${cue.task}${sure}`];
}
