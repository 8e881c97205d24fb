// One card per headset: who it is, what streams in, what is answered and how well.

import { makeBullet, setBullet } from "./bullets.js";
import { hue } from "./clusters.js";
import {
  amount, change, clock, hertz, interval, keepChildren, keepEach, make, makeSvg, percent, privacy, setAttribute, setBar, setClass,
  setText, words,
} from "./format.js";
import { makeSenses } from "./senses.js";

const HEAD = ["task", "answer", "user said", "recent", "p50 / p99 ms", "accuracy"];
const LOW = 0.2; // battery
const TURN = 8; // states until a card that is off screen is filled again: few see it, all pay for it

const visible = new WeakSet();
const watch = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) visible.add(target);
    else visible.delete(target);
  }
}, { rootMargin: "200px" });
let turn = 0;

function buildCard(headset) {
  const card = buildParts(headset);
  visible.add(card); // until the observer has looked
  watch.observe(card);
  return card;
}

function buildParts(headset) {
  const title = make("h3", { id: `card-${headset.id}` }, make("b"), " ", make("span"));
  const battery = make("span", { class: "battery" }, make("i", { "aria-hidden": "true" }, make("i")), make("span"));
  const facts = make("p", { class: "facts" }, make("span", { class: "cluster" }), battery, make("span"), make("span"), make("span"));
  // The roles are said aloud because the phone layout takes `display: table` away.
  const heads = HEAD.map((text) => make("th", { role: "columnheader", scope: "col" }, text));
  heads.at(-1).append(" ", make("small"));
  const head = make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...heads));
  const table = make("table", { role: "table", "aria-label": `tasks of ${headset.id}` }, head,
    make("tbody", { role: "rowgroup" }));
  return make("article", { class: "card", "aria-labelledby": title.id },
    make("header", {}, title, facts),
    make("ul", { class: "channels", "aria-label": "channels" }),
    table,
    make("ul", { class: "drops", "aria-label": "dropped" }),
    makeSenses(headset.id),
    makePutOut(headset.id));
}

let send = () => false;

// `ask(wish)` sends a wish to the server.
export function offerPutOut(ask) {
  send = ask;
}

// Whether this page's token lets it end sessions.
export function mayPutOut(may) {
  setClass(document.body, "administers", may);
}

function makePutOut(id) {
  const button = make("button", { type: "button", class: "out", "aria-label": `put ${id} out` }, "Put out");
  button.addEventListener("click", () => send({ put_out: id }));
  return button;
}

function buildTask() {
  const cell = (name, ...inside) => make("td", { role: "cell", class: name }, ...inside);
  const strip = makeSvg("svg", { class: "strip", width: 80, height: 12, role: "img" },
    makeSvg("path", { class: "line", d: "M0 6h80" }), makeSvg("path", { class: "agreed" }), makeSvg("path", { class: "not" }));
  return make("tr", { role: "row" },
    make("th", { role: "rowheader", scope: "row" }),
    cell("answer", make("span"), " ", make("small")),
    cell("said"),
    cell("recent", strip),
    cell("bullet", ...makeBullet()),
    cell("accuracy", make("span"), " ", make("small")));
}

// The latest 20 pieces of feedback: agreed stands up, disagreed hangs down.
function setStrip(strip, recent) {
  const ticks = (wanted, y) => recent.map((ok, n) => (ok === wanted ? `M${4 * n + 2} ${y}v5` : "")).join("");
  setAttribute(strip.children[1], "d", ticks(true, 0.5));
  setAttribute(strip.children[2], "d", ticks(false, 6.5));
  const agreed = recent.filter(Boolean).length;
  setAttribute(strip, "aria-label", recent.length ? `${agreed} of the latest ${recent.length} agreed` : "no feedback yet");
}

function updateTask(row, task) {
  const [name, answer, said, recent, latency, accuracy] = row.children;
  setText(name, words(task.name));
  setText(answer.children[0], task.predicted === null ? "–" : words(task.predicted));
  setText(answer.children[1], percent(task.probability));
  const known = task.truth !== null && task.predicted !== null;
  const right = known && task.truth === task.predicted;
  setText(said, task.truth === null ? "–" : `${known ? (right ? "✓ " : "✗ ") : ""}${words(task.truth)}`);
  setClass(said, "right", right);
  setClass(said, "wrong", known && !right);
  setStrip(recent.firstElementChild, task.recent);
  setBullet(latency, task.p50_ms, task.p99_ms, task.deadline_ms);
  setText(accuracy.children[0], change(task.accuracy_before, task.accuracy_now));
  setText(accuracy.children[1], task.questions ? `${interval(task.low, task.high)} of ${task.questions}` : "");
}

function updateFacts(facts, headset, now) {
  const [cluster, battery, energy, epsilon, since] = facts.children;
  setAttribute(cluster, "class", `cluster ${hue(headset.cluster)}`);
  const place = headset.cluster === null ? "no cluster yet" : `cluster ${headset.cluster}`;
  setText(cluster, headset.representative ? `${place}, representative` : place);
  setBar(battery.children[0].firstElementChild, headset.battery ?? 0);
  setClass(battery, "low", headset.battery !== null && headset.battery < LOW);
  setText(battery.children[1], headset.battery === null ? "on mains" : `battery ${percent(headset.battery)}`);
  setText(energy, `${amount(headset.joules, "J")} spent`);
  setText(epsilon, privacy(headset.epsilon));
  setText(since, `here ${clock(now - headset.since)}`);
}

function updateCard(card, headset, now) {
  const [header, channels, table, drops] = card.children;
  const [title, facts] = header.children;
  setText(title.children[0], headset.user);
  setText(title.children[1], `${headset.device}, ${headset.use_case}`);
  updateFacts(facts, headset, now);
  setText(table.tHead.rows[0].cells[5].lastElementChild, headset.against === "truth" ? "of truth" : "of feedback");
  keepChildren(channels, headset.channels, (channel) => channel.name,
    () => make("li", {}, make("span"), " ", make("b")),
    (item, channel) => {
      setText(item.children[0], words(channel.name));
      setText(item.children[1], hertz(channel.hz));
      setClass(item, "silent", channel.hz < 0.05);
    });
  keepChildren(table.tBodies[0], headset.tasks, (task) => task.name, buildTask, updateTask);
  keepChildren(drops, headset.drops, (drop) => drop.what,
    () => make("li"), (item, drop) => {
      setText(item, `${drop.what} ${drop.count}: ${drop.why}`);
      setClass(item, "used", drop.what === "late");
    });
}

export function* showHeadsets(parent, headsets, now) {
  turn += 1;
  let place = turn;
  yield* keepEach(parent, headsets, (headset) => headset.id, buildCard, (card, headset) => {
    place += 1;
    if (visible.has(card) || place % TURN === 0) updateCard(card, headset, now);
  });
}
