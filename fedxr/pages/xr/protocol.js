// @ts-check
// The messages of fedxr.v1 as a headset writes and reads them; bridge/PROTOCOL.md is the
// specification and tests/golden pins the bytes.

import { Decoder } from "../vendor/msgpack/Decoder.mjs";
import { Encoder } from "../vendor/msgpack/Encoder.mjs";

export const SUBPROTOCOL = "fedxr.v1";
export const VERSIONS = [2, 2];

/**
 * @typedef {{name: string, layout: string, rate_hz: number, delivery?: string}} Offer
 * @typedef {Object} Block n samples of one channel
 * @property {number} channel id from the welcome
 * @property {number} t0_us
 * @property {number} n
 * @property {Uint8Array} data
 * @property {number} [period_us]
 * @property {number} [first]
 * @property {number[]} [shape]
 * @property {"png" | "jpeg"} [encoding]
 *
 * @typedef {Object} Hello
 * @property {string} user
 * @property {string} scenario
 * @property {Offer[]} channels
 * @property {string[]} tasks
 * @property {Record<string, string | number | boolean>} [device]
 * @property {string} [token]
 * @property {string} [resume]
 * @property {number} [last_seq]
 * @property {Uint8Array} key the user's public key
 * @property {boolean} record whether the user may be recorded
 *
 * @typedef {Object} Feedback
 * @property {number} seq
 * @property {string} task
 * @property {number} t_us
 * @property {number} [label]
 * @property {number} [episode]
 * @property {"label" | "correction" | "rating" | "undo"} [kind]
 *
 * @typedef {Object} Welcome
 * @property {"welcome"} type
 * @property {number} version
 * @property {string} session
 * @property {Record<string, number>} channels
 * @property {Record<string, string>} refused
 * @property {string[]} tasks
 * @property {number} tick_us
 * @property {number} server_us
 * @property {number} max_message
 * @property {number} last_seq
 *
 * @typedef {{p: Uint8Array, best: number, model: number}} Answer
 * @typedef {{type: "reply", seq: number, capture_us: number, answers: Record<string, Answer>}} Reply
 * @typedef {{type: "cue", kind: string, payload: Record<string, any>}} Cue
 * @typedef {{type: "pong", sent_us: number, received_us: number, answered_us: number,
 *   last_seq: number}} Pong
 * @typedef {{type: "notice", code: string, text: string, counts: Record<string, number>, seq: number}} Notice
 * @typedef {{type: "bye", reason: string, last_seq: number, again: boolean}} Bye
 * @typedef {{type: "challenge", nonce: Uint8Array}} Challenge
 * @typedef {Challenge | Welcome | Reply | Cue | Pong | Notice | Bye} Down
 */

// Strings longer than this come from no server of ours, and depth costs stack.
const LIMITS = { maxStrLength: 2 ** 20, maxBinLength: 2 ** 22, maxDepth: 32 };
const encoder = new Encoder({ ignoreUndefined: true });
const decoder = new Decoder(LIMITS);

/** What must stand in each message that comes down, and what a key that was left out means. */
const DOWN = {
  challenge: { must: { nonce: "bin" }, may: {} },
  welcome: {
    must: { version: "number", session: "string", channels: "map", refused: "map", tasks: "list",
      tick_us: "number", server_us: "number", max_message: "number" },
    may: { last_seq: 0 },
  },
  reply: { must: { seq: "number", capture_us: "number", answers: "map" }, may: {} },
  cue: { must: { kind: "string" }, may: { payload: {} } },
  pong: { must: { sent_us: "number", received_us: "number", answered_us: "number" }, may: { last_seq: 0 } },
  notice: { must: { code: "string", text: "string" }, may: { counts: {}, seq: 0 } },
  bye: { must: {}, may: { reason: "", last_seq: 0, again: false } },
};

/** @param {unknown} value */
function kindOf(value) {
  if (Array.isArray(value)) return "list";
  if (value instanceof Uint8Array) return "bin";
  return value !== null && typeof value === "object" ? "map" : typeof value;
}

/**
 * The message that a server sent. Throws an Error that says what is wrong with it.
 * @param {ArrayBuffer | Uint8Array} data
 * @returns {Down}
 */
export function decodeDown(data) {
  /** @type {any} */
  const message = decoder.decode(data);
  const kind = kindOf(message) === "map" ? message.type : undefined;
  if (!Object.hasOwn(DOWN, kind)) {
    throw new Error(`a message of type ${JSON.stringify(kind)}; a server sends ${Object.keys(DOWN).join(", ")}`);
  }
  const { must, may } = DOWN[/** @type {keyof typeof DOWN} */ (kind)];
  for (const [key, wanted] of Object.entries(must)) {
    const got = kindOf(message[key]);
    if (got !== wanted) throw new Error(`${kind}.${key} is ${got}; due is ${wanted}`);
  }
  for (const [key, least] of Object.entries(may)) {
    if (message[key] === undefined) message[key] = least;
    else if (kindOf(message[key]) !== kindOf(least)) {
      throw new Error(`${kind}.${key} is ${kindOf(message[key])}; due is ${kindOf(least)}`);
    }
  }
  return message;
}

/** @param {Hello} hello */
export function encodeHello(hello) {
  return encoder.encode({
    type: "hello", min_version: VERSIONS[0], max_version: VERSIONS[1], ...hello,
    record: hello.record ? undefined : false,
  });
}

/** @param {Uint8Array} signature */
export function encodeProof(signature) {
  return encoder.encode({ type: "proof", signature });
}

/** @param {boolean} record */
export function encodeConsent(record) {
  return encoder.encode({ type: "consent", record });
}

/**
 * @param {number} seq
 * @param {number} captureUs
 * @param {Block[]} blocks
 * @param {number} episode
 * @param {number} episodeStartUs
 */
export function encodeFrame(seq, captureUs, blocks, episode, episodeStartUs) {
  return encoder.encode({
    type: "frame", seq, capture_us: captureUs, blocks, episode, episode_start_us: episodeStartUs,
  });
}

/** @param {Feedback} feedback */
export function encodeFeedback(feedback) {
  return encoder.encode({ type: "feedback", ...feedback });
}

/**
 * @param {number} sentUs
 * @param {{offset_us: number, drift_ppm: number, uncertainty_us: number} | null} estimate
 */
export function encodePing(sentUs, estimate) {
  return encoder.encode({ type: "ping", sent_us: sentUs, ...estimate });
}

/** @param {string} reason */
export function encodeBye(reason) {
  return encoder.encode({ type: "bye", reason });
}

/**
 * The bytes of many numbers, not copied. Every machine that runs a browser is little-endian.
 * @param {Float32Array | Int16Array | Uint8Array} numbers
 */
export function bytesOf(numbers) {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

/**
 * Probabilities (C,) of an answer.
 * @param {Answer} answer
 */
export function probabilities(answer) {
  return new Float32Array(answer.p.slice().buffer);
}
