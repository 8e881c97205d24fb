// @ts-check
// The page: consent first, then the session, then back.

import { keepChildren, make, setText } from "../format.js";
import { askInvitation } from "../invitation.js";
import { takeToken } from "../token.js";
import { Consent } from "./consent.js";
import { STATES } from "./figures.js";
import { modesHere } from "./headset.js";
import { allSenses } from "./senses/index.js";
import { standIns } from "./stand_in/senses.js";
import { Visit } from "./visit.js";

const SHOW_MS = 500, ANSWERS_MS = 200;
const token = takeToken();
const at = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @type {Visit | null} */
let visit = null;
/** What the classes of tasks are called. @type {Record<string, {classes: string[]}>} */
let tasks = {};

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

function showAnswers() {
  visit?.answers.show(at("answers"));
  at("no-answers").hidden = at("answers").childElementCount > 0;
}

/** @param {Consent} consent */
async function enter(consent) {
  const button = /** @type {HTMLButtonElement} */ (at("enter"));
  button.disabled = true;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  try {
    visit = await Visit.begin(
      consent.choice, `${scheme}://${location.host}/`, token || undefined, tasks, show);
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
  at("lead").hidden = true;
  const here = visit.headset.mode === "window";
  at("view-part").hidden = !here;
  document.body.classList.toggle("trying", here);
  if (here) at("view").querySelector("canvas")?.focus();
  const showing = [setInterval(show, SHOW_MS), setInterval(showAnswers, ANSWERS_MS)];
  visit.headset.session.addEventListener("end", () => {
    showing.forEach(clearInterval);
    show();
    at("view").replaceChildren();
    at("view-part").hidden = true;
    document.body.classList.remove("trying");
    say("ready", "The session has ended; nothing is sent any more.");
    at("lead").hidden = at("why").textContent === "";
    setText(at("session-title"), "The last session");
    at("leave").hidden = true;
    at("consent").hidden = false;
    button.disabled = false;
    consent.reset();
  });
  show();
}

/** Keys speak for the session as long as nothing else is typed into. @param {KeyboardEvent} event */
function press(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (visit?.connection.state !== "open" || at("session").hidden || event.ctrlKey || event.altKey || event.metaKey) return;
  if (target.closest("input:not([type=checkbox]), select") !== null) return;
  if (!visit.answers.press(event.key.toLowerCase())) return;
  event.preventDefault();
  showAnswers();
}

/**
 * The modes that can be entered here: a headset's if there is one, and always this window.
 * @returns {Promise<{modes: import("./consent.js").Mode[], why: string}>} and why there is no headset
 */
async function modesAndWhy() {
  try {
    return { modes: [...await modesHere(), "window"], why: "" };
  } catch (error) {
    if (!globalThis.isSecureContext) throw error; // without a key nobody can be known again
    return { modes: ["window"], why: error instanceof Error ? error.message : String(error) };
  }
}

async function start() {
  const [invitation, known] = await Promise.all([
    askInvitation(token), fetch("/tasks.json").then((response) => (response.ok ? response.json() : {})).catch(() => ({}))]);
  tasks = known;
  if (invitation !== null && !invitation.grants.includes("wear")) {
    at("locked").hidden = false;
    at("consent").hidden = true;
    say("failed", "No token");
    return;
  }
  let found;
  try {
    found = await modesAndWhy();
  } catch (error) {
    say("failed", error instanceof Error ? error.message : String(error));
    return;
  }
  const { modes, why } = found;
  const consent = new Consent(modes, (mode) => (mode === "window" ? standIns() : allSenses()));
  at("consent").addEventListener("submit", (event) => {
    event.preventDefault();
    void enter(consent);
  });
  at("lead").hidden = why === "";
  setText(at("why"), why);
  at("try").addEventListener("click", () => /** @type {HTMLFormElement} */ (at("consent")).requestSubmit());
  document.addEventListener("keydown", press);
  const recordable = /** @type {HTMLInputElement} */ (at("record-now"));
  recordable.addEventListener("change", () => visit?.connection.allowRecording(recordable.checked));
  at("leave").addEventListener("click", () => void visit?.headset.session.end());
  /** @type {HTMLButtonElement} */ (at("enter")).disabled = false;
  say("ready", why === "" ? "Ready. Look through what is ticked, then enter." : "No headset here; this window can stand in.");
}

void start();
