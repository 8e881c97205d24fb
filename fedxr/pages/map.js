// The floor plan: who is where, in which cluster, who represents it, and what the links carry.

import { hue } from "./clusters.js";
import { amount, make, makeSvg, setText } from "./format.js";
import { placeNames } from "./names.js";

const MARGIN = 26;
const ROOF = 44; // the server's strip above the floor
const LOWEST = 300;
const LEVELS = 5;
const MANY = 60; // links, from which on they are drawn thin

let width = 0;
let drawn = ""; // what the picture was drawn from

// Metres to picture; both axes share one scale, so that distances stay true. The picture is as high
// as the floor needs.
function projection(headsets) {
  const xs = headsets.map((headset) => headset.position[0]);
  const ys = headsets.map((headset) => headset.position[1]);
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const [wide, high] = [Math.max(...xs) - left, Math.max(...ys) - top];
  const across = (width - 2 * MARGIN) / (wide || 1);
  const height = Math.round(Math.min(560, 0.9 * width, Math.max(LOWEST, ROOF + 2 * MARGIN + high * across)));
  const scale = Math.min(across, (height - ROOF - 2 * MARGIN) / (high || 1));
  const x0 = (width - wide * scale) / 2;
  const y0 = ROOF + (height - ROOF - high * scale) / 2;
  const place = ({ position }) => [x0 + (position[0] - left) * scale, y0 + (position[1] - top) * scale];
  return { place, height };
}

function mark(headset, [x, y]) {
  const group = makeSvg("g", { class: `place ${hue(headset.cluster)}` },
    headset.representative
      ? makeSvg("rect", { x: x - 10, y: y - 10, width: 20, height: 20, rx: 3 })
      : makeSvg("circle", { cx: x, cy: y, r: 9 }),
    makeSvg("title"),
    makeSvg("text", { x, y: y + 4, "text-anchor": "middle" }));
  group.children[1].textContent = `${headset.id}, ${headset.use_case}`;
  group.children[2].textContent = headset.cluster ?? "·";
  return group;
}

function server(x) {
  const group = makeSvg("g", { class: "server" },
    makeSvg("rect", { x: x - 34, y: 8, width: 68, height: 22, rx: 4 }),
    makeSvg("text", { x, y: 23, "text-anchor": "middle" }));
  group.lastChild.textContent = "server";
  return group;
}

function lines(links, places, measure) {
  const most = Math.max(...links.map((link) => link[measure]), 0);
  const level = (link) => (most > 0 ? Math.max(1, Math.ceil((LEVELS * link[measure]) / most)) : 1);
  return links
    .filter(({ ends }) => places.has(ends[0]) && places.has(ends[1]))
    .sort((a, b) => a[measure] - b[measure])
    .map((link) => {
      const [[x1, y1], [x2, y2]] = link.ends.map((end) => places.get(end));
      return makeSvg("line", { class: `link level${level(link)}${link.ends[1] === "server" ? " far" : ""}`, x1, y1, x2, y2 });
    });
}

function draw(state, measure) {
  if (state.headsets.length === 0) return makeSvg("svg", { width, height: LOWEST });
  const { place, height } = projection(state.headsets);
  const many = state.links.length > MANY ? "many" : "";
  const svg = makeSvg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: many });
  const places = new Map(state.headsets.map((headset) => [headset.id, place(headset)]));
  places.set("server", [width / 2, 30]);
  svg.append(...lines(state.links, places, measure), server(width / 2));
  svg.append(...state.headsets.map((headset) => mark(headset, places.get(headset.id))));
  svg.append(...placeNames(state.headsets, places, width, height));
  return svg;
}

// The colours' meaning beside the choice: nothing to the most that one link carried.
function explain(scale, links, measure) {
  if (scale.childElementCount === 0) {
    for (let n = 1; n <= LEVELS; n += 1) scale.append(make("i", { class: `level${n}` }));
    scale.append(make("span"));
  }
  const most = Math.max(...links.map((link) => link[measure]), 0);
  setText(scale.lastChild, links.length ? `to ${amount(most, measure === "bytes" ? "B" : "J")} a link, last round` : "no round yet");
}

// Calls `redraw` when the map's width has changed.
export function watchMap(map, redraw) {
  new ResizeObserver(([entry]) => {
    width = Math.floor(entry.contentRect.width);
    redraw();
  }).observe(map);
}

export function showMap(map, scale, state, measure) {
  if (width === 0) return;
  const who = state.headsets.map((h) => [h.id, h.position, h.cluster, h.representative]);
  const next = JSON.stringify([width, measure, state.round, state.links.length, who]);
  if (next === drawn) return;
  drawn = next;
  map.replaceChildren(draw(state, measure));
  explain(scale, state.links, measure);
}
