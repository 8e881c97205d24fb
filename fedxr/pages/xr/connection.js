// @ts-check
// The headset's end of the bridge: a session that comes back by itself.
//
// connecting -> open -> waiting (lost, tries again) -> connecting …, until the page says bye or the
// server refuses. Frames go out only while little waits in the socket, so that what leaves is fresh;
// everything else is small and always goes.

import { offsetAt, TimeKeeper } from "./clock.js";
import {
  decodeDown, encodeBye, encodeConsent, encodeFeedback, encodeFrame, encodeHello, encodePing, encodeProof, SUBPROTOCOL,
} from "./protocol.js";

const WAITING_BYTES = 64 * 1024; // with more than this in the socket a frame is dropped: it would be late
const SYNC_MS = 2000;
const SILENCE_MS = 12_000; // without a sign of the server for so long, the connection is dead
const UNSENT = 0; // a number that no message has
const REMEMBERED = 256; // pieces of feedback that wait for a connection; beyond, the oldest goes
const RETRY_MS = [500, 1000, 2000, 5000];
/** Refusals that pass by themselves. */
const PASSING = new Set(["full", "gone"]);
/** What ends a session for good: another one goes on with the same key. */
const REPLACED = "replaced";

/**
 * @typedef {import("./protocol.js").Hello} Hello
 * @typedef {import("./protocol.js").Welcome} Welcome
 * @typedef {import("./protocol.js").Block} Block
 * @typedef {import("./protocol.js").Feedback} Feedback
 * @typedef {"connecting" | "open" | "waiting" | "refused" | "closed"} State
 * @typedef {Object} Listener what the page does with what comes
 * @property {(state: State, why: string) => void} state
 * @property {(welcome: Welcome, resumed: boolean) => void} welcome
 * @property {(reply: import("./protocol.js").Reply) => void} reply
 * @property {(cue: import("./protocol.js").Cue) => void} cue
 * @property {(notice: import("./protocol.js").Notice) => void} notice
 */

export class Connection {
  /** @type {WebSocket | null} */
  #socket = null;
  #seq = 0;
  #tries = 0;
  #heard = 0;
  #timer = 0;
  #feedback = /** @type {Feedback[]} */ ([]);
  #lastWords = "";

  /**
   * @param {string} url
   * @param {Omit<Hello, "key">} hello
   * @param {import("./user_key.js").UserKey} key whose session it is
   * @param {Listener} listener
   */
  constructor(url, hello, key, listener) {
    this.url = url;
    /** @type {Hello} */
    this.hello = { ...hello, key: key.public };
    this.key = key;
    this.listener = listener;
    /** @type {State} */
    this.state = "closed";
    /** @type {Welcome | null} */
    this.welcome = null;
    this.time = this.#newTime();
    this.sent = 0;
    this.dropped = 0;
    this.reconnects = 0;
    this.bytes = 0;
  }

  open() {
    this.#change("connecting", this.#lastWords);
    this.#heard = performance.now();
    const socket = new WebSocket(this.url, SUBPROTOCOL);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    const before = this.welcome && { resume: this.welcome.session, last_seq: this.#seq };
    socket.onopen = () => socket.send(encodeHello({ ...this.hello, ...before }));
    socket.onmessage = (event) => this.#receive(socket, event.data);
    socket.onclose = (event) => this.#lost(socket, event.reason);
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#tend(), SYNC_MS);
  }

  /** A new connection may take another way, so its time starts anew. */
  #newTime() {
    return new TimeKeeper((sentUs, estimate) => this.#ping(sentUs, estimate));
  }

  /** Bytes that wait in the socket; big and patient samples look at this themselves. */
  get waiting() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /**
   * Send a frame unless the socket is behind. A dropped one uses up its number, which is how the
   * server learns of it.
   * @param {number} captureUs
   * @param {Block[]} blocks
   * @param {number} episode
   * @param {number} episodeStartUs
   * @returns {boolean} whether it was sent
   */
  sendFrame(captureUs, blocks, episode, episodeStartUs) {
    if (this.state !== "open" || this.#socket === null) return false;
    this.#seq += 1;
    if (this.#socket.bufferedAmount > WAITING_BYTES) {
      this.dropped += 1;
      return false;
    }
    this.#send(encodeFrame(this.#seq, captureUs, blocks, episode, episodeStartUs));
    this.sent += 1;
    return true;
  }

  /**
   * Tell what the user says; kept until the server has it, across connections and restarts.
   * @param {Omit<Feedback, "seq">} feedback
   */
  sendFeedback(feedback) {
    this.#feedback = [...this.#feedback, { seq: UNSENT, ...feedback }].slice(-REMEMBERED);
    if (this.state === "open") this.#sendFeedback();
  }

  /** Whether the user may be recorded from now on. @param {boolean} allowed */
  allowRecording(allowed) {
    this.hello.record = allowed;
    if (this.state === "open") this.#send(encodeConsent(allowed));
  }

  /** @param {string} reason */
  close(reason) {
    clearInterval(this.#timer);
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    if (socket?.readyState === WebSocket.OPEN) socket.send(encodeBye(reason));
    socket?.close(1000, reason);
    this.#change("closed", reason);
  }

  /** @param {Uint8Array<ArrayBuffer>} data */
  #send(data) {
    this.bytes += data.length;
    this.#socket?.send(data);
  }

  /**
   * @param {State} state
   * @param {string} why
   */
  #change(state, why) {
    this.state = state;
    this.listener.state(state, why);
  }

  /**
   * @param {WebSocket} socket
   * @param {ArrayBuffer | string} data
   */
  #receive(socket, data) {
    if (socket !== this.#socket) return;
    this.#heard = performance.now();
    let message;
    try {
      if (typeof data === "string") throw new Error("text; due is binary MessagePack");
      message = decodeDown(data);
    } catch (error) {
      this.#lastWords = `the server sent what this page does not understand: ${error}`;
      socket.close(4002, "not fedxr.v1");
      return;
    }
    if (message.type === "challenge") void this.#prove(socket, message.nonce);
    else if (message.type === "welcome") this.#begin(message);
    else if (message.type === "pong") {
      this.#acknowledge(message.last_seq);
      this.time.answered(message);
    } else if (message.type === "cue") this.listener.cue(message);
    else if (message.type === "notice") this.#told(message);
    else if (message.type === "reply") {
      this.#acknowledge(message.seq);
      this.listener.reply(message);
    } else {
      this.#acknowledge(message.last_seq);
      this.#lastWords = message.reason;
    }
  }

  /**
   * @param {WebSocket} socket
   * @param {Uint8Array} nonce
   */
  async #prove(socket, nonce) {
    try {
      const signature = await this.key.prove(nonce, new URL(this.url).host);
      if (socket === this.#socket && socket.readyState === WebSocket.OPEN) this.#send(encodeProof(signature));
    } catch (error) {
      this.#lastWords = `who you are could not be proven: ${error}`;
      socket.close(4002, "no proof");
    }
  }

  /** The server's application has everything up to `seq`. @param {number} seq */
  #acknowledge(seq) {
    this.#feedback = this.#feedback.filter((f) => f.seq === UNSENT || f.seq > seq);
  }

  /** @param {Welcome} welcome */
  #begin(welcome) {
    const resumed = this.welcome?.session === welcome.session;
    if (this.welcome !== null) this.reconnects += 1;
    this.welcome = welcome;
    this.#seq = welcome.last_seq;
    // What was said and may not have arrived is said again, with numbers of its own.
    if (resumed) this.#acknowledge(welcome.last_seq);
    this.#feedback = this.#feedback.map((f) => ({ ...f, seq: UNSENT }));
    this.#tries = 0;
    this.#lastWords = "";
    this.time = this.#newTime();
    this.#change("open", "");
    this.listener.welcome(welcome, resumed);
    this.#sendFeedback();
    this.time.startBurst();
  }

  #sendFeedback() {
    for (const feedback of this.#feedback) {
      if (feedback.seq !== UNSENT) continue;
      this.#seq += 1;
      feedback.seq = this.#seq;
      this.#send(encodeFeedback(feedback));
    }
  }

  /** @param {import("./protocol.js").Notice} notice */
  #told(notice) {
    if (this.state === "connecting") {
      this.#lastWords = notice.text;
      if (!PASSING.has(notice.code)) this.#change("refused", notice.text);
    } else if (notice.code === REPLACED) {
      this.#change("refused", notice.text);
    }
    this.listener.notice(notice);
  }

  /**
   * @param {WebSocket} socket
   * @param {string} reason
   */
  #lost(socket, reason) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    clearInterval(this.#timer);
    if (this.state === "refused") return;
    // By chance up to half as long again, so that not all headsets of a server come back at once.
    const wait = RETRY_MS[Math.min(this.#tries, RETRY_MS.length - 1)] * (1 + Math.random() / 2);
    this.#tries += 1;
    this.#change("waiting", this.#lastWords || reason || "no connection to the server");
    this.#timer = setTimeout(() => this.open(), wait);
  }

  /** Every two seconds: ask for the time, and notice a dead connection. */
  #tend() {
    const socket = this.#socket;
    if (socket === null) return;
    if (performance.now() - this.#heard > SILENCE_MS) {
      this.#lastWords = `nothing heard from the server for ${SILENCE_MS / 1000} s`;
      socket.close();
      this.#lost(socket, "");
    } else if (this.state === "open") {
      this.time.startBurst();
    }
  }

  /** @param {number} sentUs @param {import("./clock.js").Estimate | null} estimate */
  #ping(sentUs, estimate) {
    this.#send(encodePing(sentUs, estimate && {
      offset_us: offsetAt(estimate, sentUs), drift_ppm: estimate.drift * 1e6,
      uncertainty_us: estimate.uncertainty,
    }));
  }
}
