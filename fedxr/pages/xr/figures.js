// @ts-check
// What the user is told about the stream: rate, latency, drops, the page's own work.

const KEPT = 240; // values that a median is taken over

/** The newest values of one figure. */
export class Recent {
  /** @type {number[]} */
  #values = [];

  /** @param {number} value */
  add(value) {
    this.#values.push(value);
    if (this.#values.length > KEPT) this.#values.shift();
  }

  clear() {
    this.#values = [];
  }

  /** The value below which the share `q` of the recent ones lies; NaN without any. @param {number} q */
  quantile(q) {
    const sorted = [...this.#values].sort((a, b) => a - b);
    return sorted.length === 0 ? NaN : sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  }

  get mean() {
    return this.#values.reduce((a, b) => a + b, 0) / this.#values.length;
  }
}

/**
 * @typedef {Object} Shown all texts ready for a person
 * @property {string} connection
 * @property {string} frames
 * @property {string} latency
 * @property {string} drops
 * @property {string} tasks
 * @property {string} work
 */

export class Figures {
  constructor() {
    this.frames = 0;
    /** Milliseconds between frames. */
    this.gaps = new Recent();
    /** Milliseconds of this page's own work in a frame. */
    this.work = new Recent();
    /** Milliseconds from capture to the reply's arrival. */
    this.latency = new Recent();
    /** What the server said that it dropped, by what. @type {Map<string, number>} */
    this.serverDrops = new Map();
    this.lastTime = NaN;
  }

  /** @param {number} time of the frame, milliseconds @param {number} work milliseconds */
  addFrame(time, work) {
    this.frames += 1;
    if (time > this.lastTime) this.gaps.add(time - this.lastTime);
    this.lastTime = time;
    this.work.add(work);
  }

  /** @param {Record<string, number>} counts of a `dropped` notice */
  addDrops(counts) {
    for (const [what, count] of Object.entries(counts)) {
      this.serverDrops.set(what, (this.serverDrops.get(what) ?? 0) + count);
    }
  }

  /** Frames a second, over the recent ones. */
  get rate() {
    return 1000 / this.gaps.mean;
  }

  /**
   * @param {import("./connection.js").Connection} connection
   * @returns {Shown}
   */
  texts(connection) {
    const { clock } = connection.time;
    const trip = milliseconds(clock.roundTrip / 1000);
    const server = [...this.serverDrops].map(([what, count]) => `${what} ${count}`).join(", ");
    const here = connection.dropped === 0 ? "none here" : `${connection.dropped} here`;
    const times = connection.reconnects === 1 ? "once" : `${connection.reconnects} times`;
    return {
      connection: STATES[connection.state] + (connection.reconnects > 0 ? `, came back ${times}` : ""),
      frames: `${connection.sent} sent at ${number(this.rate, 0)} a second, `
        + `${number(connection.bytes / 1e6, 1)} MB`,
      latency: `answer ${milliseconds(this.latency.quantile(0.5))}, `
        + `slowest of a hundred ${milliseconds(this.latency.quantile(0.99))}, network ${trip}`,
      drops: server === "" ? here : `${here}; at the server: ${server}`,
      tasks: connection.welcome?.tasks.join(", ") ?? "",
      work: `this page takes ${milliseconds(this.work.quantile(0.5))} a frame, at most `
        + milliseconds(this.work.quantile(1)),
    };
  }
}

/** @type {Record<import("./connection.js").State, string>} */
export const STATES = {
  connecting: "connecting", open: "connected", waiting: "not connected, trying again",
  refused: "refused by the server", closed: "closed",
};

/** @param {number} value @param {number} digits */
function number(value, digits) {
  return Number.isFinite(value) ? value.toFixed(digits) : "–";
}

/** @param {number} value */
function milliseconds(value) {
  return Number.isFinite(value) ? `${value.toFixed(value < 10 ? 1 : 0)} ms` : "–";
}
