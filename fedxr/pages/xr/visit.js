// @ts-check
// One visit: from entering the session to its end.
//
// Each XR frame: senses are read and sent, then the cues that are on are drawn. What the server says
// arrives between frames.

import { Answers } from "./answers.js";
import { micros, nowUs } from "./clock.js";
import { Connection } from "./connection.js";
import { CueBoard } from "./cues.js";
import { add, forward } from "./draw/matrix.js";
import { Scene } from "./draw/scene.js";
import { Figures, STATES } from "./figures.js";
import { Headset } from "./headset.js";
import { gazePose } from "./senses/gaze.js";
import { readJoints } from "./senses/hands.js";
import { isGranted } from "./senses/index.js";
import { WindowHeadset } from "./stand_in/window.js";
import { Stream } from "./stream.js";
import { UserKey } from "./user_key.js";

const STATUS_MS = 500; // between repaints of the panel in the headset
const LOOK_M = 1.5; // how far away labels are put, along the look

/** @typedef {import("./headset.js").Moment} Moment @typedef {import("./draw/matrix.js").Vector} Vector */

export class Visit {
  figures = new Figures();
  cues = new CueBoard();
  /** What the server told, for a person; newest last. @type {string[]} */
  notices = [];
  /** @type {Vector | null} */
  #looked = null;
  #repliedUs = 0;
  #status = { lines: ["connecting"], good: false };
  #painted = -Infinity;
  #joints = new Float32Array(16 * 25);

  /**
   * @param {Headset | WindowHeadset} headset
   * @param {Connection} connection
   * @param {Stream} stream
   * @param {Record<string, {classes: string[]}>} tasks what the classes of tasks are called
   */
  constructor(headset, connection, stream, tasks) {
    this.headset = headset;
    this.connection = connection;
    this.stream = stream;
    // An answer is about the last tick that its frame has closed: one that is still open would be
    // known only with the next frame.
    this.answers = new Answers(tasks, (task, label, kind, captureUs) => connection.sendFeedback({
      task, kind, label, episode: stream.episode, t_us: captureUs - (connection.welcome?.tick_us ?? 0),
    }));
    this.scene = new Scene(headset.gl);
  }

  /**
   * Enter, within the user's click, and stream until the session ends.
   * @param {import("./consent.js").Choice} choice
   * @param {string} url
   * @param {string | undefined} token
   * @param {Record<string, {classes: string[]}>} tasks
   * @param {() => void} changed called when there is something new to show
   * @returns {Promise<Visit>}
   */
  static async begin(choice, url, token, tasks, changed) {
    const features = choice.senses.flatMap((s) => [...s.features, ...(s.optional ?? [])]);
    const headset = choice.mode === "window"
      ? await WindowHeadset.enter(choice.place) : await Headset.enter(choice.mode, features);
    const senses = choice.senses.filter((sense) => isGranted(sense, headset.features));
    /** @type {Visit} */
    let visit;
    const key = await UserKey.kept(choice.user);
    const connection = new Connection(url, {
      user: choice.user, scenario: choice.scenario, tasks: [], token, device: await headset.profile(),
      channels: senses.flatMap((sense) => sense.offers(headset.rate)), record: choice.record,
    }, key, {
      state: () => changed(),
      welcome: (welcome) => visit.#welcomed(welcome, changed),
      reply: (reply) => {
        visit.#repliedUs = reply.capture_us;
        visit.answers.take(reply);
        visit.figures.latency.add((nowUs() - reply.capture_us) / 1000);
      },
      cue: (cue) => visit.cues.take(cue, performance.now(), visit.#repliedUs, visit.#looked),
      notice: (notice) => visit.#told(notice, changed),
    });
    visit = new Visit(headset, connection, new Stream(connection, senses), tasks);
    headset.session.addEventListener("end", () => {
      connection.close("the user ended the session");
      for (const sense of senses) sense.stop?.();
      changed();
    });
    headset.session.addEventListener("select", () => visit.#agreed());
    // The user has moved the room's origin: what came before stands elsewhere now.
    headset.space.addEventListener("reset", () => visit.#anew());
    headset.onPicture = (gone) => {
      visit.#note(gone ? "the device took the picture away; what is ticked is still streamed" : "the picture is back");
      changed();
    };
    const missing = choice.senses.filter((sense) => !senses.includes(sense)).map((sense) => sense.title);
    if (missing.length > 0) visit.#note(`not on this device: ${missing.join(", ")}`);
    for (const sense of senses) void sense.start?.().catch((error) => visit.#failed(sense.name, error, changed));
    connection.open();
    headset.run((moment) => visit.#frame(moment), micros);
    return visit;
  }

  /** @param {Moment} moment */
  #frame(moment) {
    const started = performance.now();
    this.#looked = lookedAt(moment);
    this.stream.send(moment);
    if (!moment.gl.isContextLost()) this.#draw(moment, started);
    this.figures.addFrame(moment.time, performance.now() - started);
  }

  /** @param {Moment} moment @param {number} started milliseconds */
  #draw(moment, started) {
    if (this.scene.renderer.gl !== moment.gl) this.scene = new Scene(moment.gl);
    if (started - this.#painted > STATUS_MS) {
      this.#painted = started;
      this.#status = this.#statusLines();
    }
    const seesRoom = moment.session.environmentBlendMode !== undefined && moment.session.environmentBlendMode !== "opaque";
    const hands = seesRoom ? [] : this.#hands(moment);
    this.scene.draw(moment, this.cues.at(moment.time), this.#status, hands, seesRoom);
  }

  /** (25, 7) of each hand in sight, for drawing them. @param {Moment} moment */
  #hands(moment) {
    return [...moment.session.inputSources]
      .map((source) => (source.hand ? readJoints(moment, source.hand, this.#joints) : null))
      .filter((poses) => poses !== null);
  }

  #statusLines() {
    const { connection, figures } = this;
    const texts = figures.texts(connection);
    return {
      lines: [STATES[connection.state], `answer ${ms(figures.latency.quantile(0.5))} · ${Math.round(figures.rate) || "–"} frames/s`,
        `drops: ${texts.drops}`],
      good: connection.state === "open",
    };
  }

  /** @param {import("./protocol.js").Welcome} welcome @param {() => void} changed */
  #welcomed(welcome, changed) {
    this.#anew();
    const refused = Object.entries(welcome.refused);
    if (refused.length > 0) {
      this.#note(`not read by this server: ${refused.map(([channel]) => channel).join(", ")}`);
      for (const why of new Set(refused.map(([, reason]) => reason))) this.#note(why);
    }
    changed();
  }

  #anew() {
    this.stream.startEpisode();
    this.cues.clear();
  }

  /** @param {import("./protocol.js").Notice} notice @param {() => void} changed */
  #told(notice, changed) {
    if (notice.code === "dropped") this.figures.addDrops(notice.counts);
    else this.#note(notice.text);
    changed();
  }

  /** @param {string} name @param {unknown} error @param {() => void} changed */
  #failed(name, error, changed) {
    this.stream.failed.set(name, String(error));
    this.#note(`${name} does not work here: ${error}`);
    changed();
  }

  /** @param {string} text */
  #note(text) {
    if (!this.notices.includes(text)) this.notices = [...this.notices, text].slice(-6);
  }

  /** A pinch or trigger says yes to the newest suggestion. */
  #agreed() {
    const suggested = this.cues.at(performance.now()).findLast((cue) => cue.act === "suggest");
    if (suggested === undefined) return;
    this.connection.sendFeedback({
      task: suggested.task, t_us: suggested.answersUs, kind: "rating", label: 10, episode: this.stream.episode,
    });
    this.cues.take({ type: "cue", kind: "clear", payload: { task: suggested.task } }, 0, 0, null);
  }
}

/**
 * A place along the look of the eyes, or of the head where the eyes are not tracked.
 * @param {Moment} moment
 * @returns {Vector}
 */
function lookedAt(moment) {
  const m = (gazePose(moment)?.transform ?? moment.viewer.transform).matrix;
  return add([m[12], m[13], m[14]], forward(m), LOOK_M);
}

/** @param {number} value */
function ms(value) {
  return Number.isFinite(value) ? `${Math.round(value)} ms` : "–";
}
