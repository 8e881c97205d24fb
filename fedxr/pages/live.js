// Listens on /live and shows the latest state. The state is documented in docs/live_state.md.

import { showClusters } from "./clusters.js";
import { showCurves } from "./curves.js";
import { amount, clock, keepChildren, make, setClass, setText } from "./format.js";
import { showHeadsets } from "./headsets.js";

const STALE_MS = 5000; // after which a silent server is said to be silent
const RETRY_MS = [500, 1000, 2000, 5000];
const at = (id) => document.getElementById(id);

let latest = null;
let heard = 0; // when the last message came
let tries = 0;
let scheduled = false;

function sayConnection(state, text) {
  const place = at("connection");
  place.dataset.state = state;
  setText(place, text);
}

// The task that uses most of its deadline.
function slowest(headsets) {
  const tasks = headsets.flatMap((headset) => headset.tasks).filter((task) => task.p99_ms !== null);
  const share = (task) => task.p99_ms / task.deadline_ms;
  return tasks.reduce((a, b) => (a === null || share(b) > share(a) ? b : a), null);
}

function totals(state) {
  const drops = state.headsets.reduce((sum, headset) => sum + headset.drops, 0);
  const tight = slowest(state.headsets);
  const latency = tight === null
    ? "–"
    : `${tight.p99_ms.toFixed(0)} of ${tight.deadline_ms} ms, ${tight.name.replaceAll("_", " ")}`;
  return [
    ["time", clock(state.t), false],
    ["headsets", String(state.headsets.length), false],
    ["round", String(state.round), false],
    ["tightest p99", latency, tight !== null && tight.p99_ms > tight.deadline_ms],
    ["device to device", amount(state.ledger.d2d_bytes, "B"), false],
    ["up", amount(state.ledger.up_bytes, "B"), false],
    ["down", amount(state.ledger.down_bytes, "B"), false],
    ["energy", amount(state.ledger.joules, "J"), false],
    ["frames dropped", String(drops), drops > 0],
  ];
}

function showTotals(state) {
  keepChildren(
    at("totals"),
    totals(state),
    ([name]) => name,
    ([name]) => make("div", {}, make("dt", {}, name), make("dd")),
    (box, [, text, warn]) => {
      setText(box.children[1], text);
      setClass(box, "late", warn);
    },
  );
}

function show() {
  scheduled = false;
  showTotals(latest);
  showClusters(at("map"), at("clusters"), latest);
  showCurves(at("curves"), latest.curves);
  showHeadsets(at("cards"), latest.headsets);
}

function receive(event) {
  latest = JSON.parse(event.data);
  heard = Date.now();
  tries = 0;
  sayConnection("live", "Live");
  // A hidden page may get many messages between two pictures: draw only the newest.
  if (!scheduled) {
    scheduled = true;
    requestAnimationFrame(show);
  }
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  // ?token=… of the page's own address is passed on to a server that wants one.
  const socket = new WebSocket(`${scheme}://${location.host}/live${location.search}`);
  socket.addEventListener("message", receive);
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

setInterval(() => {
  if (at("connection").dataset.state === "live" && Date.now() - heard > STALE_MS) {
    sayConnection("waiting", "Connected, but no news for 5 s");
  }
}, 1000);
connect();
