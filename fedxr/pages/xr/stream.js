// @ts-check
// From senses to frames: asks every sense what it has at this moment and sends it as one frame.

import { LAYOUTS } from "./channels.js";

/**
 * @typedef {import("./headset.js").Moment} Moment
 * @typedef {import("./connection.js").Connection} Connection
 * @typedef {import("./protocol.js").Block} Block
 * @typedef {import("./protocol.js").Offer} Offer
 *
 * @typedef {Object} Sense one thing a headset can perceive; every file in senses/ makes one
 * @property {string} name
 * @property {string} title as the consent form names it
 * @property {string} tells what leaves the headset, for the user
 * @property {string[]} features of WebXR that it needs, any of which is enough
 * @property {string[]} [optional] features of WebXR that it uses where they are granted
 * @property {boolean} sensitive not ticked unless the user does so
 * @property {(rateHz: number) => Offer[]} offers its channels, at the device's frame rate
 * @property {() => Promise<void>} [ask] get the user's permission; throws when it is refused
 * @property {() => Promise<void>} [start] when the session begins
 * @property {() => void} [stop] when it ends
 * @property {(moment: Moment, put: Put) => void} read
 *
 * @typedef {Object} Put how a sense hands over samples
 * @property {(channel: string) => boolean} wanted whether the server takes this channel and the
 *   socket has room; ask before costly work
 * @property {(channel: string, data: Uint8Array, more?: Partial<Block>) => void} add one block; n is
 *   1 and its time the moment's unless `more` says otherwise
 */

const EPISODE_GAP_US = 30_000_000; // the server wants a new episode after 60 s without frames
const BIG_BYTES = 16 * 1024; // pictures, depth and clouds wait until the socket is nearly empty

export class Stream {
  /**
   * @param {Connection} connection
   * @param {Sense[]} senses
   */
  constructor(connection, senses) {
    this.connection = connection;
    this.senses = senses;
    this.episode = -1;
    this.episodeStartUs = 0;
    this.lastUs = 0;
    /** Senses that threw, with the reason; they are left out from then on. @type {Map<string, string>} */
    this.failed = new Map();
    /** Samples sent since the start, by channel. @type {Map<string, number>} */
    this.samples = new Map();
    this.layouts = new Map(connection.hello.channels.map((c) => [c.name, c.layout]));
  }

  /** Context starts anew: a new session does not know what came before. */
  startEpisode() {
    this.lastUs = 0;
  }

  /**
   * Read every sense and send one frame.
   * @param {Moment} moment
   */
  send(moment) {
    const { connection } = this;
    if (connection.state !== "open") return;
    if (moment.captureUs - this.lastUs > EPISODE_GAP_US) {
      this.episode += 1;
      this.episodeStartUs = moment.captureUs;
    }
    this.lastUs = moment.captureUs;
    /** @type {Block[]} */
    const blocks = [];
    const put = this.#put(moment, blocks);
    for (const sense of this.senses) {
      if (this.failed.has(sense.name)) continue;
      try {
        sense.read(moment, put);
      } catch (error) {
        // One broken sense (a permission taken back, a browser's bug) must not stop the others. One
        // that misses the graphics, which the device has taken away, works again when they are back.
        if (!moment.gl.isContextLost()) this.failed.set(sense.name, String(error));
      }
    }
    connection.sendFrame(moment.captureUs, blocks, this.episode, this.episodeStartUs);
  }

  /**
   * @param {Moment} moment
   * @param {Block[]} blocks
   * @returns {Put}
   */
  #put(moment, blocks) {
    const ids = this.connection.welcome?.channels ?? {};
    return {
      wanted: (channel) => {
        if (ids[channel] === undefined) return false;
        const big = LAYOUTS[this.layouts.get(channel) ?? ""]?.shape.includes(0);
        return !big || this.connection.waiting < BIG_BYTES;
      },
      add: (channel, data, more) => {
        if (ids[channel] === undefined) return;
        // Sound from before the connection came back would lie before its episode.
        if ((more?.t0_us ?? moment.captureUs) < this.episodeStartUs) return;
        const block = { channel: ids[channel], t0_us: moment.captureUs, n: 1, data, ...more };
        blocks.push(block);
        this.samples.set(channel, (this.samples.get(channel) ?? 0) + block.n);
      },
    };
  }
}
