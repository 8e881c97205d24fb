// Learning curves: per task, the model as it came against the model as it has learned.

import { keepChildren, make, percent, setText } from "./format.js";

const HEIGHT = 130;
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const plots = new Map(); // task -> uPlot

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function columns(points) {
  const scaled = (value) => (value === null ? null : 100 * value);
  return [points.map((p) => p[0]), points.map((p) => scaled(p[1])), points.map((p) => scaled(p[2]))];
}

function axis(extra) {
  return { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, ...extra };
}

function plot(parent, points) {
  const options = {
    width: parent.clientWidth || 240,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false }, y: { range: [0, 100] } },
    axes: [
      axis({ size: 26, values: (_, ticks) => ticks.map((t) => `${t} s`) }),
      axis({ size: 34, splits: () => [0, 25, 50, 75, 100] }),
    ],
    series: [
      {},
      { stroke: colour("--generic"), width: 2, spanGaps: true, points: { show: points.length < 3 } },
      { stroke: colour("--adapted"), width: 2, spanGaps: true, points: { show: points.length < 3 } },
    ],
  };
  return new window.uPlot(options, columns(points), parent);
}

function update(figure, [task, points]) {
  const [title, box] = figure.children;
  const last = points.at(-1) ?? [0, null, null];
  setText(title, `${task.replaceAll("_", " ")}: ${percent(last[1])} → ${percent(last[2])}`);
  const drawn = plots.get(task);
  if (drawn === undefined || points.length < 4) {
    drawn?.destroy();
    plots.set(task, plot(box, points));
    return;
  }
  drawn.setData(columns(points));
  const width = box.clientWidth;
  if (width > 0 && width !== drawn.width) drawn.setSize({ width, height: HEIGHT });
}

export function showCurves(parent, curves) {
  for (const task of plots.keys()) {
    if (!(task in curves)) {
      plots.get(task).destroy();
      plots.delete(task);
    }
  }
  keepChildren(
    parent,
    Object.entries(curves),
    ([task]) => task,
    () => make("figure", {}, make("figcaption"), make("div", { class: "plot", "aria-hidden": "true" })),
    update,
  );
}

// Colours are baked into a canvas: draw anew when the scheme changes.
dark.addEventListener("change", () => {
  for (const drawn of plots.values()) drawn.destroy();
  plots.clear();
});
