// @ts-check
// The screen before the session: what is streamed, where to, and one tick box for each sense.

import { make, setText } from "../format.js";

const at = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const USER = "fedxr.user";

/**
 * @typedef {import("./stream.js").Sense} Sense
 * @typedef {import("./headset.js").Mode | "window"} Mode
 * @typedef {Object} Choice
 * @property {Sense[]} senses
 * @property {string} scenario
 * @property {string} user
 * @property {boolean} record whether the server may record it
 * @property {Mode} mode
 * @property {HTMLElement} place where a window's picture is shown
 */

/** Where the stream goes, in words: whose machine, and who can listen on the way. */
export function destination() {
  const here = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  if (here) return `${location.host}: this device, or the computer at the other end of its cable.`;
  return location.protocol === "https:"
    ? `${location.host}, encrypted on the way.`
    : `${location.host}, NOT encrypted: anyone on this network can read it.`;
}

/** A name that says nothing about the person; kept on this device so that their agent knows them again. */
function pseudonym() {
  const known = localStorage.getItem(USER);
  if (known !== null && known !== "") return known;
  const bytes = crypto.getRandomValues(new Uint8Array(3));
  return `guest-${[...bytes].map((b) => b.toString(16).padStart(2, "0")).join("")}`;
}

/** @type {Record<Mode, string>} */
const MODES = {
  "immersive-ar": "my room, with things in it", "immersive-vr": "a virtual place",
  window: "this window: mouse and keyboard stand in for a headset",
};

export class Consent {
  /**
   * @param {Mode[]} modes the first is chosen
   * @param {(mode: Mode) => Sense[]} sensesOf what can be ticked in each
   */
  constructor(modes, sensesOf) {
    setText(at("where"), destination());
    const user = /** @type {HTMLInputElement} */ (at("user"));
    user.value = pseudonym();
    at("mode").replaceChildren(...modes.map((mode) => make("option", { value: mode }, MODES[mode])));
    /** @type {Map<Sense, HTMLInputElement>} */
    this.boxes = new Map();
    const mode = /** @type {HTMLSelectElement} */ (at("mode"));
    /** @type {boolean | null} whether what is offered is of this window */
    let offered = null;
    const offer = () => {
      const here = mode.value === "window";
      if (here === offered) return; // what was ticked stays
      offered = here;
      this.#offer(sensesOf(/** @type {Mode} */ (mode.value)), here);
    };
    mode.addEventListener("change", offer);
    offer();
    const scenario = /** @type {HTMLSelectElement} */ (at("scenario"));
    // Of a mouse and a keyboard the companion's tasks see most: who walks, turns and sits.
    if (modes[0] === "window") scenario.value = "companion";
    const wanted = new URLSearchParams(location.search).get("scenario");
    if ([...scenario.options].some((option) => option.value === wanted)) scenario.value = wanted ?? "";
  }

  /** @param {Sense[]} senses @param {boolean} here without a headset */
  #offer(senses, here) {
    for (const sense of this.boxes.keys()) sense.stop?.();
    this.boxes.clear();
    at("senses").replaceChildren(...senses.map((sense) => this.#item(sense)));
    setText(at("what-title"), here ? "What leaves this computer" : "What leaves this headset");
    setText(at("enter"), here ? "Try it here" : "Enter and stream");
  }

  /** @param {Sense} sense */
  #item(sense) {
    const box = /** @type {HTMLInputElement} */ (make("input", { type: "checkbox", name: sense.name }));
    const problem = make("span", { class: "problem" });
    box.checked = !sense.sensitive;
    if (sense.ask !== undefined) box.addEventListener("change", () => void ask(sense, box, problem));
    this.boxes.set(sense, box);
    return make("li", {}, make("label", {}, box, make("b", {}, sense.title),
      make("span", { class: "tells" }, sense.tells), problem));
  }

  /** What the user has chosen. @returns {Choice} */
  get choice() {
    /** @param {string} id */
    const value = (id) => /** @type {HTMLInputElement | HTMLSelectElement} */ (at(id)).value;
    localStorage.setItem(USER, value("user"));
    return {
      senses: [...this.boxes].filter(([, box]) => box.checked).map(([sense]) => sense),
      scenario: value("scenario"),
      user: value("user"),
      record: /** @type {HTMLInputElement} */ (at("record")).checked,
      mode: /** @type {Mode} */ (value("mode")),
      place: at("view"),
    };
  }

  /** After a session microphone and camera are closed: they are asked for anew. */
  reset() {
    for (const [sense, box] of this.boxes) if (sense.ask !== undefined) box.checked = false;
  }
}

/**
 * Ask the browser for its permission at once: later, the click that must open the session is used up.
 * @param {Sense} sense
 * @param {HTMLInputElement} box
 * @param {HTMLElement} problem
 */
async function ask(sense, box, problem) {
  setText(problem, "");
  if (!box.checked) {
    sense.stop?.();
    return;
  }
  box.disabled = true;
  try {
    await sense.ask?.();
  } catch (error) {
    box.checked = false;
    const refused = error instanceof DOMException && error.name === "NotAllowedError";
    setText(problem, refused ? "The browser was not allowed to." : `Not here: ${error}`);
  } finally {
    box.disabled = false;
  }
}
