// The record button: what the server says of its recording, and what it is asked.

import { amount, clock, count, setAttribute, setClass, setText } from "./format.js";

const at = (id) => document.getElementById(id);
let recording = null; // as the server said last
let allowed = false; // whether this page's token lets it record

function describe({ on, file, seconds, bytes, dropped, error, refused }) {
  if (error) return error;
  if (file === null) return "";
  const lost = dropped ? `, ${dropped} messages left out: the disk is too slow` : "";
  const without = refused ? `, without ${count(refused, "headset")} that may not be recorded` : "";
  return `${on ? "" : "recorded: "}${file}, ${clock(seconds)}, ${amount(bytes, "B")}${lost}${without}`;
}

export function mayRecord(may) {
  allowed = may;
  if (recording !== null) showRecording(recording);
}

export function showRecording(state) {
  recording = state;
  if (at("recording").hidden !== (state === null)) at("recording").hidden = state === null;
  if (state === null) return;
  at("record").hidden = !allowed;
  setText(at("record"), state.on ? "Stop recording" : "Record");
  setAttribute(at("record"), "aria-pressed", String(state.on));
  setClass(at("recording"), "on", state.on);
  setClass(at("recording"), "late", state.error !== "" || state.dropped > 0);
  setText(at("recorded"), describe(state));
}

// `ask(wish)` sends a wish to the server. Stopping needs no second thought, starting does.
export function offerRecording(ask) {
  at("record").addEventListener("click", () => {
    if (recording?.on) ask({ record: false });
    else at("ask").showModal();
  });
  at("ask").addEventListener("close", () => {
    if (at("ask").returnValue === "record") ask({ record: true });
    at("ask").returnValue = "";
  });
}
