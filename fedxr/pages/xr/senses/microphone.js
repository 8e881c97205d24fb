// @ts-check
// Sound as 16 kHz mono PCM16: audio/pcm16.
//
// The browser resamples to the rate of the AudioContext. The sound card's clock is not the page's, so
// chunks are laid end to end, each stretched a little towards the time at which it arrived. Arrivals are
// only ever late, so one that is early pulls at once and one that is late pulls gently.

import { nowUs } from "../clock.js";
import { bytesOf } from "../protocol.js";

const RATE_HZ = 16_000;
const PERIOD_US = 1e6 / RATE_HZ;
const MOST_CHUNKS = 50; // one second waits; older sound is dropped
const PULL = 0.001; // of the difference, per chunk
const MOST_PULL = 0.01; // of a chunk's length
const LOST_US = 250_000; // further apart than this, sound was lost (or the device slept): start anew

/** @typedef {{t0Us: number, endUs: number, sound: Int16Array}} Chunk */

/** Puts chunks on the page's clock; stamps never go back. */
export class SoundClock {
  /** Where the next chunk starts, microseconds. */
  endUs = 0;

  /**
   * @param {Int16Array} sound
   * @param {number} arrivedUs
   * @returns {Chunk}
   */
  place(sound, arrivedUs) {
    const length = sound.length * PERIOD_US;
    const late = arrivedUs - (this.endUs + length);
    const t0Us = late > LOST_US ? arrivedUs - length : this.endUs;
    // Nothing can end after it has arrived; else the pull, never more than 1 % of the length.
    const wanted = late > LOST_US ? 0 : late < 0 ? late : PULL * late;
    const pull = Math.min(Math.max(wanted, -MOST_PULL * length), MOST_PULL * length);
    this.endUs = t0Us + length + pull;
    return { t0Us, endUs: this.endUs, sound };
  }
}

/** @returns {import("../stream.js").Sense} */
export function microphone() {
  const clock = new SoundClock();
  /** @type {Chunk[]} */
  let waiting = [];
  /** @type {MediaStream | null} */
  let stream = null;
  /** @type {AudioContext | null} */
  let context = null;

  /** @param {MessageEvent<Int16Array>} event */
  const arrived = (event) => {
    waiting.push(clock.place(event.data, nowUs()));
    if (waiting.length > MOST_CHUNKS) waiting.shift();
  };

  return {
    name: "microphone",
    title: "Microphone",
    tells: "what the microphone hears, as sound",
    features: [],
    sensitive: true,
    offers: () => [{ name: "microphone", layout: "audio/pcm16", rate_hz: RATE_HZ, delivery: "queue 16384" }],
    ask: async () => {
      // Its processing is for telephones: it would remove what a model listens for.
      stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
      });
    },
    start: async () => {
      if (stream === null) return;
      // Nothing is played, so no loudspeaker is opened (browsers that cannot do without ignore this).
      const options = /** @type {any} */ ({ sampleRate: RATE_HZ, sinkId: { type: "none" } });
      context = new AudioContext(options);
      await context.audioWorklet.addModule(new URL("microphone-worklet.js", import.meta.url));
      const node = new AudioWorkletNode(context, "chunks", { numberOfOutputs: 0 });
      node.port.onmessage = arrived;
      context.createMediaStreamSource(stream).connect(node);
      await context.resume();
    },
    stop: () => {
      stream?.getTracks().forEach((track) => track.stop());
      void context?.close();
      [stream, context, waiting] = [null, null, []];
    },
    read: (moment, put) => {
      const ready = waiting.filter((chunk) => chunk.endUs <= moment.captureUs);
      if (ready.length === 0) return;
      waiting = waiting.slice(ready.length);
      const sound = new Int16Array(ready.reduce((sum, chunk) => sum + chunk.sound.length, 0));
      let at = 0;
      for (const chunk of ready) {
        sound.set(chunk.sound, at);
        at += chunk.sound.length;
      }
      const [first, last] = [ready[0].t0Us, ready[ready.length - 1].endUs];
      put.add("microphone", bytesOf(sound), {
        n: sound.length, t0_us: Math.ceil(first), period_us: (last - first) / sound.length, first: 0,
      });
    },
  };
}
