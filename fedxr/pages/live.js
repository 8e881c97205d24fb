// Listens on /live and shows the latest state. The state is documented in docs/live_state.md.

import { showClusters } from "./clusters.js";
import { showCurves } from "./curves.js";
import { showEvents } from "./events.js";
import { basis, clock, setAttribute, setClass, setText } from "./format.js";
import { mayPutOut, offerPutOut, showHeadsets } from "./headsets.js";
import { showLatency } from "./latency.js";
import { showMap, watchMap } from "./map.js";
import { arrange } from "./order.js";
import { mayRecord, offerRecording, showRecording } from "./record.js";
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

function sayConnection(state, text) {
  setAttribute(at("connection"), "data-state", state);
  setClass(document.body, "stale", state === "lost");
  setText(at("connection"), text);
}

// Piece by piece, so that a frame is never late however many headsets there are.
function* draw(state) {
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
  yield* showCurves(at("curves"), state);
  const some = arrange(state.headsets, at("sort").value, at("find").value);
  setText(at("shown"), some.length < state.headsets.length ? `${some.length} of ${state.headsets.length} shown` : "");
  yield* showHeadsets(at("cards"), some, state.t);
  settle();
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
  sayConnection("live", "Live");
  drawSoon();
}

function connect() {
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
    const tail = latest === null
      ? " (a server with a token wants ?token=… at the end of this address)"
      : "; below is the last state";
    sayConnection("lost", `Not connected, trying again${tail}`);
    setTimeout(connect, wait);
  });
}

for (const id of ["measure", "find", "sort"]) at(id).addEventListener("input", drawSoon);
watchMap(at("map"), drawSoon);

// The server takes binary messages only, headsets' and pages' alike.
function ask(wish) {
  if (socket.readyState !== WebSocket.OPEN) return false;
  socket.send(new TextEncoder().encode(JSON.stringify(wish)));
  return true;
}

offerRecording(ask);
offerSenses(ask);
offerPutOut(ask);
setInterval(() => {
  if (at("connection").dataset.state === "live" && performance.now() - heard > STALE_MS) {
    sayConnection("waiting", "Connected, but no news for 5 s");
  }
}, 1000);
connect();
