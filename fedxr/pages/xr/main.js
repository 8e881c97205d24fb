// @ts-check
// The page: consent first, then the session, then back.

import { keepChildren, make, setText } from "../format.js";
import { takeToken } from "../token.js";
import { Consent } from "./consent.js";
import { STATES } from "./figures.js";
import { modesHere } from "./headset.js";
import { allSenses } from "./senses/index.js";
import { Visit } from "./visit.js";

const SHOW_MS = 500;
const token = takeToken();
const at = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @type {Visit | null} */
let visit = null;

/** @param {string} state @param {string} text */
function say(state, text) {
  at("state").dataset.state = state;
  setText(at("state"), text);
}

/** @param {Visit} visit @returns {[string, string][]} */
function rows({ figures, connection, stream }) {
  const texts = figures.texts(connection);
  const channels = [...stream.samples].map(([name, n]) => `${name} ${n}`).join(", ");
  return [
    ["connection", texts.connection], ["frames", texts.frames], ["latency", texts.latency],
    ["dropped", texts.drops], ["samples", channels || "none yet"], ["answers", texts.tasks || "none"],
    ["work", texts.work],
  ];
}

const nameOf = (/** @type {[string, string]} */ [name]) => name;
const boxOf = (/** @type {[string, string]} */ [name]) => make("div", {}, make("dt", {}, name), make("dd"));
/** @param {HTMLElement} box @param {[string, string]} row */
const fillBox = (box, [, text]) => setText(box.children[1], text);
const itemOf = (/** @type {string} */ text) => make("li", {}, text);

function show() {
  if (visit === null) return;
  const { connection } = visit;
  const shown = connection.state === "waiting" ? "lost" : connection.state;
  const why = visit.notices.at(-1);
  say(shown, STATES[connection.state] + (connection.state === "refused" && why ? `: ${why}` : ""));
  keepChildren(at("figures"), rows(visit), nameOf, boxOf, fillBox);
  keepChildren(at("notices"), visit.notices, String, itemOf, () => {});
}

/** @param {Consent} consent */
async function enter(consent) {
  const button = /** @type {HTMLButtonElement} */ (at("enter"));
  button.disabled = true;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  try {
    visit = await Visit.begin(
      consent.choice, `${scheme}://${location.host}/`, token || undefined, show);
  } catch (error) {
    say("failed", `The session did not open: ${error instanceof Error ? error.message : error}`);
    button.disabled = false;
    return;
  }
  at("session").hidden = false;
  /** @type {HTMLInputElement} */ (at("record-now")).checked = visit.connection.hello.record;
  at("leave").hidden = false;
  setText(at("session-title"), "The session");
  at("consent").hidden = true;
  const showing = setInterval(show, SHOW_MS);
  visit.headset.session.addEventListener("end", () => {
    clearInterval(showing);
    show();
    say("ready", "The session has ended; nothing is sent any more.");
    setText(at("session-title"), "The last session");
    at("leave").hidden = true;
    at("consent").hidden = false;
    button.disabled = false;
    consent.reset();
  });
  show();
}

async function start() {
  let modes;
  try {
    modes = await modesHere();
  } catch (error) {
    say("failed", error instanceof Error ? error.message : String(error));
    return;
  }
  const consent = new Consent(allSenses(), modes);
  at("consent").addEventListener("submit", (event) => {
    event.preventDefault();
    void enter(consent);
  });
  const recordable = /** @type {HTMLInputElement} */ (at("record-now"));
  recordable.addEventListener("change", () => visit?.connection.allowRecording(recordable.checked));
  at("leave").addEventListener("click", () => void visit?.headset.session.end());
  /** @type {HTMLButtonElement} */ (at("enter")).disabled = false;
  say("ready", "Ready. Look through what is ticked, then enter.");
}

void start();
