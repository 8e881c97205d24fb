// The floor plan: who is in which cluster, and who represents it.

import { keepChildren, make, makeSvg, setText } from "./format.js";

const WIDTH = 400;
const HEIGHT = 260;
const MARGIN = 28;

// Metres to picture; both axes share one scale, so that distances stay true.
function projection(headsets) {
  const xs = headsets.map((headset) => headset.position[0]);
  const ys = headsets.map((headset) => headset.position[1]);
  const left = Math.min(...xs);
  const top = Math.min(...ys);
  const wide = Math.max(...xs) - left;
  const high = Math.max(...ys) - top;
  const scale = Math.min((WIDTH - 2 * MARGIN) / (wide || 1), (HEIGHT - 2 * MARGIN) / (high || 1));
  const x0 = (WIDTH - wide * scale) / 2;
  const y0 = (HEIGHT - high * scale) / 2;
  return (headset) => [
    x0 + (headset.position[0] - left) * scale,
    y0 + (headset.position[1] - top) * scale,
  ];
}

function mark(headset, [x, y]) {
  const group = makeSvg("g", { class: `place hue${(headset.cluster ?? 5) % 6}` });
  const shape = headset.representative
    ? makeSvg("rect", { x: x - 8, y: y - 8, width: 16, height: 16, rx: 2 })
    : makeSvg("circle", { cx: x, cy: y, r: 7 });
  // Under its mark, but inside the picture.
  const anchor = x < 40 ? "start" : x > WIDTH - 40 ? "end" : "middle";
  const edge = { start: Math.max(4, x - 24), middle: x, end: Math.min(WIDTH - 4, x + 24) };
  const name = makeSvg("text", { x: edge[anchor], y: y + 20, "text-anchor": anchor });
  name.textContent = headset.id;
  group.append(shape, name);
  return group;
}

function drawMap(headsets, clusters) {
  const svg = makeSvg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" });
  if (headsets.length === 0) return svg;
  const place = projection(headsets);
  const places = new Map(headsets.map((headset) => [headset.id, place(headset)]));
  for (const cluster of clusters) {
    const end = places.get(cluster.representative);
    if (end === undefined) continue;
    for (const member of cluster.members) {
      const start = places.get(member);
      if (start === undefined || member === cluster.representative) continue;
      svg.append(
        makeSvg("line", {
          class: `link hue${cluster.id % 6}`,
          x1: start[0], y1: start[1], x2: end[0], y2: end[1],
        }),
      );
    }
  }
  for (const headset of headsets) svg.append(mark(headset, places.get(headset.id)));
  return svg;
}

// The picture is for the eye; the list under it says the same in words.
function describe(cluster) {
  const chosen = cluster.representative === null ? "no representative" : `represented by ${cluster.representative}`;
  return `Cluster ${cluster.id}: ${cluster.members.join(", ")}; ${chosen}; Γ = ${cluster.gamma}`;
}

export function showClusters(map, list, state) {
  map.replaceChildren(drawMap(state.headsets, state.clusters));
  keepChildren(
    list,
    state.clusters,
    (cluster) => cluster.id,
    (cluster) => make("li", { class: `hue${cluster.id % 6}` }),
    (item, cluster) => setText(item, describe(cluster)),
  );
}
