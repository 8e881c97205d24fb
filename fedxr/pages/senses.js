// Hands, head and gaze of the headsets whose cards are opened, and of no others: which those are is
// told to the server, which then sends what they sense some twelve times a second.

import { count, make, setText } from "./format.js";
import { bordersOf, draw, figureOf, isHand } from "./skeleton.js";

const SAY_MS = 500; // between two tellings in words
const SPAN_MS = 1000; // in which a sense has moved, or has not
const MOVED = 0.01; // metres; less is the tracking's own noise
const OLD_MS = 1500;
const MOST = [64, 4000]; // ids and bytes of a wish: the server refuses longer ones

const opened = new Set(); // ids, also of headsets that are away for the moment
const shown = new Map(); // id -> {sensed, came, borders, past}
let asked = "[]";

// The part of a headset's card that is opened by click, touch or keyboard.
export function makeSenses(id) {
  const part = make("details", { class: "senses" }, make("summary", {}, "Hands, head and gaze"));
  part.dataset.headset = id;
  if (opened.has(id)) open(part);
  part.addEventListener("toggle", () => {
    if (part.open) {
      opened.add(id);
      open(part);
    } else {
      opened.delete(id);
    }
    settle();
  });
  return part;
}

// What stands in it is made when it is first opened: most never are.
function open(part) {
  part.open = true;
  if (part.querySelector("canvas") === null) {
    const id = part.dataset.headset;
    const canvas = make("canvas", { role: "img", "aria-label": `hands, head and gaze of ${id}, drawn; in words below` });
    part.append(canvas, make("ul", { class: "note" }));
    new ResizeObserver(() => redraw(id, part)).observe(canvas);
  }
  sayOf(part);
}

let send = () => false;

// `ask(wish)` sends a wish to the server, and says whether it could.
export function offerSenses(ask) {
  send = ask;
  document.addEventListener("visibilitychange", settle);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => parts().forEach((part) => redraw(part.dataset.headset, part)));
  setInterval(() => parts().forEach(sayOf), SAY_MS);
}

// A new connection has been asked nothing.
export function forgetSenses() {
  asked = "[]";
}

// Open, and filled: `toggle` comes a moment after the click.
const parts = () => [...document.querySelectorAll("details.senses[open]:has(canvas)")];

// Ask for what is open on this page now, if that is not what was asked last. Nothing is asked for while
// nobody sees the page.
export function settle() {
  const ids = document.hidden ? [] : parts().map((part) => part.dataset.headset);
  while (ids.length > MOST[0] || new TextEncoder().encode(JSON.stringify(ids)).length > MOST[1]) ids.pop();
  const wish = JSON.stringify(ids);
  if (wish === asked || !send({ open: ids })) return;
  asked = wish;
  for (const id of [...shown.keys()]) if (!ids.includes(id)) shown.delete(id);
}

export function showSenses(all) {
  const now = performance.now();
  for (const part of parts()) {
    const id = part.dataset.headset;
    if (all[id] === undefined) continue;
    const before = shown.get(id);
    shown.set(id, { sensed: all[id], came: now, borders: before?.borders, past: pastOf(before, all[id], now) });
    if (before === undefined) sayOf(part);
  }
  requestAnimationFrame(() => parts().forEach((part) => redraw(part.dataset.headset, part, true)));
}

// What was sensed during the last second: by name, the values with their time, oldest first.
function pastOf(before, sensed, now) {
  return new Map(sensed.senses.map(({ name, values, age_ms }) => {
    const known = before?.past.get(name) ?? [];
    return [name, [...known.filter(({ at }) => now - at < SPAN_MS), { at: now - age_ms, values }]];
  }));
}

const ageOf = (known, sense, now) => sense.age_ms + now - known.came;

function redraw(id, part, news = false) {
  const known = shown.get(id);
  const canvas = part.querySelector("canvas");
  if (known === undefined || canvas.clientWidth === 0) return;
  const dense = Math.min(2, devicePixelRatio);
  const [width, height] = [Math.round(dense * canvas.clientWidth), Math.round(dense * canvas.clientHeight)];
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const figure = figureOf(known.sensed.senses);
  if (news || known.borders === undefined) known.borders = bordersOf(figure, known.borders);
  const now = performance.now();
  const old = new Set(known.sensed.senses.filter((sense) => ageOf(known, sense, now) > OLD_MS).map((sense) => sense.name));
  draw(canvas, figure, known.borders, (name) => old.has(name));
}

// The same in words, for who cannot see the drawing and for who wants to know how fresh it is.
function sayOf(part) {
  const known = shown.get(part.dataset.headset);
  const list = part.querySelector("ul");
  const lines = known === undefined ? ["waiting for the server"] : wordsOf(known, performance.now());
  while (list.children.length > lines.length) list.lastElementChild.remove();
  while (list.children.length < lines.length) list.append(make("li"));
  lines.forEach((text, n) => setText(list.children[n], text));
}

function wordsOf(known, now) {
  const { senses, error } = known.sensed;
  if (error) return [error];
  if (senses.length === 0) return ["nothing has come yet"];
  return senses.map((sense) => {
    const age = ageOf(known, sense, now);
    const state = age > OLD_MS ? "not seen for" : `${hasMoved(known.past.get(sense.name)) ? "moving" : "still"}, updated`;
    return `${nameOf(sense)}${whatOf(sense)}, ${state} ${(age / 1000).toFixed(1)} s${age > OLD_MS ? "" : " ago"}`;
  });
}

// "hand-left" is the left hand.
function nameOf({ name }) {
  const side = /^(.+)-(left|right)$/.exec(name);
  return (side === null ? name : `${side[2]} ${side[1]}`).replaceAll("-", " ");
}

function whatOf(sense) {
  if (isHand(sense)) return `: ${count(sense.values.length, "joint")}`;
  if (sense.layout === "motion/head") return `: ${sense.values[1].toFixed(2)} m up`;
  if (sense.layout === "gaze/point2") {
    const [x, y] = sense.values.map((share) => `${(100 * share).toFixed(0)} %`);
    return `: ${x} from the left, ${y} from below`;
  }
  return ": in the room";
}

function hasMoved(past) {
  const first = past[0].values.flat();
  return past.some(({ values }) => values.flat().some((value, n) => Math.abs(value - first[n]) > MOVED));
}
