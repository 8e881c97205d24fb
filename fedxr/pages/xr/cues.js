// @ts-check
// Which cues are on, and since when. The server says what begins; `clear` takes a task's cue back, and
// what is told once (a hint, a command) goes by itself.

/**
 * @typedef {Object} ActiveCue
 * @property {string} task
 * @property {string} act
 * @property {Record<string, string | number | boolean>} payload
 * @property {number} confidence
 * @property {number} since milliseconds
 * @property {number} answersUs capture time of the frame that it was said about
 * @property {[number, number, number] | null} anchor where in the room, for what is said of a place
 */

/** Seconds after which a cue goes by itself; those that are not here stay until cleared. @type {Record<string, number>} */
const LASTS_S = { hint: 8, remind: 8, suggest: 30, effector: 3, branch: 8 };

/** Cues that are about what the user looks at. */
const ANCHORED = new Set(["label", "warning"]);

const ACTS = new Set([
  "label", "hint", "warning", "effector", "pace", "suggest", "remind", "navigate", "tone", "intensity",
  "branch", "clear",
]);

export class CueBoard {
  /** By task: a new cue of a task replaces its last. @type {Map<string, ActiveCue>} */
  #on = new Map();
  /** Cues of kinds that this page does not know. */
  unknown = 0;

  /**
   * @param {import("./protocol.js").Cue} cue
   * @param {number} now milliseconds
   * @param {number} answersUs
   * @param {[number, number, number] | null} looked the place that the user looks at
   */
  take(cue, now, answersUs, looked) {
    if (!ACTS.has(cue.kind)) {
      this.unknown += 1;
      return;
    }
    const { task, payload, confidence } = cue.payload;
    const name = typeof task === "string" ? task : cue.kind;
    if (cue.kind === "clear") {
      this.#on.delete(name);
      return;
    }
    this.#on.set(name, {
      task: name,
      act: cue.kind,
      payload: payload !== null && typeof payload === "object" ? payload : {},
      confidence: typeof confidence === "number" ? confidence : NaN,
      since: now,
      answersUs,
      anchor: ANCHORED.has(cue.kind) ? looked : null,
    });
  }

  /** The cues that are on, oldest first. @param {number} now milliseconds @returns {ActiveCue[]} */
  at(now) {
    for (const [task, cue] of this.#on) {
      if (now - cue.since > 1000 * (LASTS_S[cue.act] ?? Infinity)) this.#on.delete(task);
    }
    return [...this.#on.values()].sort((a, b) => a.since - b.since);
  }

  clear() {
    this.#on.clear();
  }
}

/**
 * How fast things move: the slowest pace that is asked for, and whether they move at all.
 * @param {ActiveCue[]} cues
 */
export function paceOf(cues) {
  let [speed, animations] = [1, true];
  for (const { act, payload } of cues) {
    if (act !== "pace") continue;
    if (typeof payload.speed === "number") speed = Math.min(speed, payload.speed);
    if (payload.animations === false) animations = false;
  }
  return { speed, animations };
}

/** How much brighter (above 1) or darker the scene is to be. @param {ActiveCue[]} cues */
export function brightnessOf(cues) {
  const change = cues.filter((cue) => cue.act === "intensity")
    .reduce((sum, { payload }) => sum + (typeof payload.change === "number" ? payload.change : 0), 0);
  return Math.min(Math.max(1 + change, 0.2), 1.6);
}

const percent = (/** @type {number} */ part) => `${Math.round(100 * part)} %`;

/** A cue in words, for a label or a line. @param {ActiveCue} cue */
export function wordsOf({ act, payload }) {
  const text = String(payload.text ?? payload.command ?? payload.to ?? payload.manner ?? "");
  switch (act) {
    case "pace": {
      const still = payload.animations === false ? ", animations off" : "";
      return `pace ${percent(Number(payload.speed ?? 1))}${still}`;
    }
    case "intensity": {
      const change = Number(payload.change ?? 0);
      return `intensity ${change < 0 ? "−" : "+"}${percent(Math.abs(change))}`;
    }
    case "tone": return `companion: ${text}`;
    case "branch": return `the story turns: ${text}`;
    case "remind": return `remember: ${text}`;
    default: return text;
  }
}
