// @ts-check
// One time base for headset and server, as in bridge/clock.py: of a burst of exchanges only the one
// with the shortest round trip counts, and a line through the bursts gives offset and drift.

const BURST = 8;
const KEPT = 64;
const MIN_SPAN_US = 500_000; // over a shorter span noise looks like drift
const MAX_DRIFT = 1e-3; // quartz keeps within 1e-4; more is a clock that was set

/**
 * @typedef {{sent: number, received: number, answered: number, back: number}} Exchange microseconds;
 *   `sent` and `back` by this clock, the others by the server's
 * @typedef {{offset: number, drift: number, at: number, uncertainty: number}} Estimate server minus
 *   headset clock at `at`, growing by `drift` per microsecond
 */

/**
 * A time of the browser (performance.now(), requestAnimationFrame) in whole microseconds since 1970.
 * @param {number} milliseconds
 */
export function micros(milliseconds) {
  return Math.round((performance.timeOrigin + milliseconds) * 1000);
}

export function nowUs() {
  return micros(performance.now());
}

/** @param {Exchange} x */
const delayOf = (x) => x.back - x.sent - (x.answered - x.received);
/** @param {Exchange} x */
const offsetOf = (x) => (x.received - x.sent + (x.answered - x.back)) / 2;
/** @param {Exchange} x */
const middleOf = (x) => (x.sent + x.back) / 2;

/**
 * Whether no clock that was left alone gives both exchanges: then one was set, or the device slept,
 * and the history is worthless.
 * @param {Exchange} one
 * @param {Exchange} other
 */
function contradict(one, other) {
  const allowed = (delayOf(one) + delayOf(other)) / 2 + 1000; // 1 ms: readings are rounded
  const elapsed = Math.abs(middleOf(other) - middleOf(one));
  return Math.abs(offsetOf(other) - offsetOf(one)) > allowed + MAX_DRIFT * elapsed;
}

/**
 * @param {Estimate} estimate
 * @param {number} localUs
 */
export function offsetAt(estimate, localUs) {
  return estimate.offset + estimate.drift * (localUs - estimate.at);
}

export class ClockSync {
  constructor() {
    /** @type {Exchange[]} */
    this.best = [];
    /** @type {Estimate | null} */
    this.estimate = null;
    /** The shortest round trip of the last burst, microseconds. */
    this.roundTrip = NaN;
    this.resets = 0;
  }

  /**
   * Take the exchanges of one burst; impossible ones (a negative delay) are skipped.
   * @param {Exchange[]} burst
   */
  addBurst(burst) {
    const usable = burst.filter((x) => delayOf(x) >= 0);
    if (usable.length === 0) return;
    const best = usable.reduce((a, b) => (delayOf(b) < delayOf(a) ? b : a));
    this.roundTrip = delayOf(best);
    if (this.best.some((kept) => contradict(kept, best))) {
      this.best = [];
      this.resets += 1;
    }
    this.best.push(best);
    if (this.best.length > KEPT) this.best.shift();
    this.estimate = this.#fit();
  }

  /**
   * Weighted least squares; an exchange errs by up to half its delay, and the estimate never leaves
   * what the newest one allows. @returns {Estimate}
   */
  #fit() {
    const last = this.best[this.best.length - 1];
    const at = middleOf(last);
    const base = offsetOf(last);
    const points = this.best.map((x) => ({
      x: middleOf(x) - at, y: offsetOf(x) - base, w: 1 / (delayOf(x) / 2 + 20) ** 2,
    }));
    const total = points.reduce((sum, p) => sum + p.w, 0);
    /** @param {(p: {x: number, y: number}) => number} of */
    const mean = (of) => points.reduce((sum, p) => sum + p.w * of(p), 0) / total;
    const x0 = mean((p) => p.x);
    const y0 = mean((p) => p.y);
    let drift = 0;
    if (points.length >= 3 && points[points.length - 1].x - points[0].x >= MIN_SPAN_US) {
      drift = mean((p) => (p.x - x0) * (p.y - y0)) / mean((p) => (p.x - x0) ** 2);
      drift = Math.min(Math.max(drift, -MAX_DRIFT), MAX_DRIFT);
    }
    const scatter = Math.sqrt(mean((p) => (p.y - y0 - drift * (p.x - x0)) ** 2));
    const least = Math.min(...this.best.map(delayOf));
    const half = delayOf(last) / 2;
    const ahead = Math.min(Math.max(y0 - drift * x0, -half), half);
    return { offset: base + ahead, drift, at, uncertainty: least / 2 + scatter };
  }
}

/** Asks the server for its time: bursts of eight, each question as soon as the last is answered. */
export class TimeKeeper {
  clock = new ClockSync();
  #burst = /** @type {Exchange[]} */ ([]);
  #asked = 0;

  /** @param {(sentUs: number, estimate: Estimate | null) => void} ask sends a ping */
  constructor(ask) {
    this.ask = ask;
  }

  startBurst() {
    this.#burst = [];
    this.#ask();
  }

  #ask() {
    this.#asked = Math.max(nowUs(), this.#asked + 1);
    this.ask(this.#asked, this.clock.estimate);
  }

  /** @param {import("./protocol.js").Pong} pong */
  answered(pong) {
    if (pong.sent_us !== this.#asked) return; // of an older burst
    const { sent_us: sent, received_us: received, answered_us: answered } = pong;
    this.#burst.push({ sent, received, answered, back: nowUs() });
    if (this.#burst.length < BURST) {
      this.#ask();
    } else if (this.#burst.length === BURST) {
      this.clock.addBurst(this.#burst);
      this.#ask(); // tells the server the new estimate
    }
  }
}
