// Runs the page's pure modules in Node on cases made by tests/fedxr/test_xr_protocol.py: JSON in on
// stdin, results as JSON on stdout. The test copies the page's files beside this one.

import { readFileSync } from "node:fs";

import { Decoder } from "./vendor/msgpack/Decoder.mjs";
import { JOINTS, LAYOUTS } from "./xr/channels.js";
import { ClockSync } from "./xr/clock.js";
import { CueBoard, brightnessOf, paceOf, wordsOf } from "./xr/cues.js";
import { writeQuaternion } from "./xr/draw/matrix.js";
import * as protocol from "./xr/protocol.js";
import { sampleDepth } from "./xr/senses/depth.js";
import { inView } from "./xr/senses/gaze.js";
import { SoundClock } from "./xr/senses/microphone.js";
import { Body } from "./xr/stand_in/body.js";
import { poseHand } from "./xr/stand_in/hand.js";
import { prove } from "./xr/user_key.js";

const cases = JSON.parse(readFileSync(0, "utf8"));
const fromHex = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
const toHex = (bytes) => Buffer.from(bytes).toString("hex");

/** As tests/golden/make.py writes messages: bytes become {"hex": …}. */
function plain(value) {
  if (value instanceof Uint8Array) return { hex: toHex(value) };
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

function revive(value) {
  if (Array.isArray(value)) return value.map(revive);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.hex === "string" && Object.keys(value).length === 1) return fromHex(value.hex);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revive(item)]));
}

const ENCODE = {
  hello: ({ type, min_version, max_version, record = true, ...hello }) => protocol.encodeHello({ record, ...hello }),
  frame: (m) => protocol.encodeFrame(m.seq, m.capture_us, m.blocks, m.episode ?? 0, m.episode_start_us ?? 0),
  feedback: ({ type, ...feedback }) => protocol.encodeFeedback(feedback),
  // 2^53 itself is the one time that JavaScript reads but cannot write as an integer.
  ping: ({ type, sent_us, ...estimate }) =>
    protocol.encodePing(Math.min(sent_us, Number.MAX_SAFE_INTEGER), estimate),
  proof: ({ signature }) => protocol.encodeProof(signature),
  consent: ({ record }) => protocol.encodeConsent(record),
  bye: ({ reason }) => protocol.encodeBye(reason ?? ""),
};

function failureOf(run) {
  try {
    run();
    return null;
  } catch (error) {
    return error.message;
  }
}

const generic = new Decoder();
const vectors = Object.fromEntries(cases.golden.map(({ name, hex, message }) => {
  const value = revive(message);
  const down = message.type in ENCODE && message.type !== "bye" ? null : plain(protocol.decodeDown(fromHex(hex)));
  const up = message.type in ENCODE ? toHex(ENCODE[message.type](value)) : null;
  return [name, { decoded: plain(generic.decode(fromHex(hex))), down, up }];
}));

const userKey = await crypto.subtle.importKey(
  "jwk", cases.proof.key, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, true, ["sign"]);
const proof = toHex(await prove(userKey, fromHex(cases.proof.nonce), cases.proof.host));

const clock = new ClockSync();
const estimates = cases.bursts.map((burst) => {
  clock.addBurst(burst.map(([sent, received, answered, back]) => ({ sent, received, answered, back })));
  return { ...clock.estimate, resets: clock.resets };
});

const sound = new SoundClock();
const chunks = cases.arrivals.map((us) => {
  const { t0Us, endUs } = sound.place(new Int16Array(320), us);
  return [t0Us, endUs];
});

const quaternions = cases.rotations.map((matrix) => {
  const out = new Float32Array(4);
  writeQuaternion(matrix, 0, out, 0);
  return [...out];
});

const views = cases.views.map(({ projection, inverse }) => (
  { projectionMatrix: projection, transform: { inverse: { matrix: inverse } } }));

const { width, height, raw, scale, matrix } = cases.depth;
const map = sampleDepth({
  data: new Uint16Array(raw).buffer, width, height, rawValueToMeters: scale,
  normDepthBufferFromNormView: { matrix },
}, "luminance-alpha");

const board = new CueBoard();
const board_says = cases.cues.map(({ at, kind, payload }) => {
  if (kind !== null) board.take({ type: "cue", kind, payload }, at, 7, [0, 1, -2]);
  const on = board.at(at);
  return { on: on.map((cue) => `${cue.task}: ${wordsOf(cue)}`), pace: paceOf(on), brightness: brightnessOf(on) };
});

const IDENTITY = new Float32Array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
const hands = [0, 1].map((pinch) => {
  const out = new Float32Array(16 * 25);
  poseHand(IDENTITY, pinch, out);
  return [...out];
});

/** A body's head after each of `seconds`, in which `keys` are held; with its eyes and its index's tip. */
const bodies = cases.bodies.map(({ keys, pointer, sitting, steps }) => {
  const body = new Body();
  Object.assign(body, { held: new Set(keys), pointer, sitting });
  for (let n = 0; n < steps; n += 1) body.advance(0.02);
  const { head, eyes, hand } = body;
  return { head: [...head.matrix], eyes: [...eyes.matrix], inverse: [...head.inverse.matrix], tip: [...hand.slice(16 * 9 + 12, 16 * 9 + 15)] };
});

console.log(JSON.stringify({
  hands, bodies, vectors, proof, estimates, chunks, quaternions, map: [...map], board: board_says, unknown: board.unknown,
  points: cases.directions.map((direction) => inView(views, direction)),
  failures: cases.wrong.map((hex) => failureOf(() => protocol.decodeDown(fromHex(hex)))),
  layouts: LAYOUTS, joints: JOINTS,
}));
