// Listens on /live and shows the latest state. The state is documented in docs/live_state.md.

import { showClusters } from "./clusters.js";
import { showCurves } from "./curves.js";
import { showEvents } from "./events.js";
import { csvOf, download, jsonOf } from "./export.js";
import { basis, clock, setAttribute, setClass, setText } from "./format.js";
import { mayPutOut, offerPutOut, showHeadsets } from "./headsets.js";
import { remember } from "./history.js";
import { askInvitation } from "./invitation.js";
import { showJoining } from "./joining.js";
import { offerKeys } from "./keys.js";
import { showLatency } from "./latency.js";
import { showMap, watchMap } from "./map.js";
import { arrange } from "./order.js";
import { mayRecord, offerRecording, showRecording } from "./record.js";
import { live, offerScrolling, scale, showScrolling, step } from "./scrolling.js";
import { forgetSenses, offerSenses, settle, showSenses } from "./senses.js";
import { takeToken } from "./token.js";
import { showTotals } from "./totals.js";

const STALE_MS = 5000; // after which a silent server is said to be silent
const RETRY_MS = [500, 1000, 2000, 5000];
const SLICE_MS = 5; // of a frame's 16 ms, for drawing
const token = takeToken();
const at = (id) => document.getElementById(id);

let socket = null;
let latest = null;
let heard = 0; // when the last message came
let tries = 0;
let drawing = null; // the drawing of one state, under way
let fresh = false; // whether `latest` still has to be drawn
let waiting = false; // for the browser's next frame
let invitation = null; // as the server told it when this page connected

function sayConnection(state, text) {
  setAttribute(at("connection"), "data-state", state);
  setClass(document.body, "stale", state === "lost");
  setText(at("connection"), text);
}

// Piece by piece, so that a frame is never late however many headsets there are.
function* draw(state) {
  showEmpty(state);
  setText(at("clock"), `${clock(state.t)} · round ${state.round}`);
  showTrouble(state.trouble ?? "");
  showRecording(state.recording);
  showTotals(at("totals"), state);
  showEvents(at("events"), at("news"), state.events);
  yield;
  showMap(at("map"), at("scale"), state, document.querySelector("[name=measure]:checked").value);
  yield;
  showClusters(at("clusters"), state);
  showLatency(at("latency"), state.headsets);
  yield;
  setText(at("basis"), basis(state.accuracy));
  showScrolling(state.t);
  yield* showCurves(at("curves"), state);
  const some = arrange(state.headsets, at("sort").value, at("find").value);
  setText(at("shown"), some.length < state.headsets.length ? `${some.length} of ${state.headsets.length} shown` : "");
  yield* showHeadsets(at("cards"), some, state.t);
  settle();
}

// While nobody is here: how to join; and no empty boxes before there is anything to show in them.
function showEmpty({ headsets, round, curves }) {
  const empty = headsets.length === 0 && invitation !== null;
  if (empty) showJoining(at("ways"), invitation);
  if (at("joining").hidden === empty) at("joining").hidden = !empty;
  setClass(document.body, "fresh", empty && round === 0 && Object.keys(curves).length === 0);
}

// What the server cannot do at present; said aloud when it changes.
function showTrouble(text) {
  setText(at("trouble"), text);
  if (at("trouble").hidden !== (text === "")) at("trouble").hidden = text === "";
}

function frame() {
  waiting = false;
  const end = performance.now() + SLICE_MS;
  while (performance.now() < end) {
    if (drawing === null) {
      if (!fresh) return;
      fresh = false;
      drawing = draw(latest);
    }
    let done = true; // also when it throws
    try {
      ({ done } = drawing.next());
    } finally {
      if (done) drawing = null;
    }
  }
  waiting = true;
  requestAnimationFrame(frame);
}

function drawSoon() {
  if (latest === null) return;
  fresh = true;
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(frame);
}

function receive(event) {
  const message = JSON.parse(event.data);
  heard = performance.now();
  tries = 0;
  if (message.grants !== undefined) {
    mayRecord(message.grants.includes("record"));
    mayPutOut(message.grants.includes("administer"));
    return;
  }
  if (message.sensed !== undefined) {
    showSenses(message.sensed);
    return;
  }
  latest = message;
  remember(message.curves, message.t);
  sayConnection("live", "Live");
  drawSoon();
}

// One sentence in the middle instead of boxes that stay empty.
function lock(locked) {
  if (at("locked").hidden === locked) at("locked").hidden = !locked;
  setClass(document.body, "locked", locked);
}

async function connect() {
  invitation = (await askInvitation(token)) ?? invitation;
  const locked = invitation !== null && !invitation.grants.includes("watch");
  lock(locked);
  if (locked) {
    sayConnection("lost", "No token");
    return; // nothing that is asked again becomes allowed
  }
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const shown = token === "" ? "" : `?token=${encodeURIComponent(token)}`;
  socket = new WebSocket(`${scheme}://${location.host}/live${shown}`);
  socket.addEventListener("message", receive);
  socket.addEventListener("open", () => {
    forgetSenses();
    ask({ grants: true });
  });
  socket.addEventListener("close", () => {
    const wait = RETRY_MS[Math.min(tries, RETRY_MS.length - 1)];
    tries += 1;
    const tail = latest === null ? "" : "; below is the last state";
    sayConnection("lost", `Not connected, trying again${tail}`);
    setTimeout(connect, wait);
  });
}

for (const id of ["measure", "find", "sort"]) at(id).addEventListener("input", drawSoon);
watchMap(at("map"), drawSoon);

// The server takes binary messages only, headsets' and pages' alike.
function ask(wish) {
  if (socket?.readyState !== WebSocket.OPEN) return false;
  socket.send(new TextEncoder().encode(JSON.stringify(wish)));
  return true;
}

function save(kind) {
  if (latest !== null) download(kind === "csv" ? csvOf(latest) : jsonOf(latest), kind);
}

function go(id) {
  at(id).focus();
  at(id).scrollIntoView({ block: "nearest" });
}

offerRecording(ask);
offerScrolling(drawSoon);
for (const kind of ["csv", "json"]) at(`save-${kind}`).addEventListener("click", () => save(kind));
offerKeys([
  { key: "/", tells: "find a headset", run: () => go("find") },
  { key: "h", tells: "to the headsets", run: () => go("headsets") },
  { key: "e", tells: "to the events", run: () => go("events") },
  { key: "[", tells: "curves: back in time", run: () => step(-0.25) },
  { key: "]", tells: "curves: forward", run: () => step(0.25) },
  { key: "+", tells: "curves: a shorter stretch", run: () => scale(0.5) },
  { key: "-", tells: "curves: a longer stretch", run: () => scale(2) },
  { key: "l", tells: "curves: live again", run: live },
  { key: "c", tells: "save the numbers as CSV", run: () => save("csv") },
  { key: "j", tells: "save the numbers as JSON", run: () => save("json") },
  { key: "r", tells: "record, or stop recording", run: () => at("record").checkVisibility() && at("record").click() },
], at("keys"), at("help"));
offerSenses(ask);
offerPutOut(ask);
setInterval(() => {
  if (at("connection").dataset.state === "live" && performance.now() - heard > STALE_MS) {
    sayConnection("waiting", "Connected, but no news for 5 s");
  }
}, 1000);
connect();
