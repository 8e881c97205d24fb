// Learning curves: per task, the model as it came against the answers given, over the stretch of time
// that history.js says.

import { change, clock, interval, keepEach, make, setClass, setText, words } from "./format.js";
import { pointsOf, range } from "./history.js";

const HEIGHT = 112;
const plots = new WeakMap(); // box -> { points, seen: what was drawn of them, drawn: uPlot, width }

// Widths come from an observer: asking for them between two writes would lay out the page twice.
const sizes = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    const plot = plots.get(target);
    if (plot === undefined || contentRect.width < 1) continue;
    plot.width = Math.floor(contentRect.width);
    plot.drawn?.setSize({ width: plot.width, height: HEIGHT });
    refresh(target, plot);
  }
});

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function columns(points) {
  const scaled = (value) => (value === null ? null : 100 * value);
  return [points.map((p) => p[0]), points.map((p) => scaled(p[1])), points.map((p) => scaled(p[2]))];
}

function axis(extra) {
  const font = "11px system-ui, sans-serif";
  return { stroke: colour("--muted"), font, grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, ...extra };
}

function draw(box, width, points) {
  const line = (name, more) => ({ stroke: colour(name), width: 1.75, spanGaps: true, points: { show: points.length < 3 }, ...more });
  const options = {
    width,
    height: HEIGHT,
    padding: [6, 8, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false, range }, y: { range: [0, 100] } },
    axes: [
      axis({ size: 22, gap: 5, space: 56, values: (_, ticks) => ticks.map(clock) }),
      axis({ size: 30, gap: 3, splits: () => [0, 50, 100] }),
    ],
    series: [{}, line("--generic"), line("--adapted")],
  };
  return new window.uPlot(options, columns(points), box);
}

// Draws what has changed since the last time.
function refresh(box, plot) {
  const { points, width, drawn } = plot;
  const seen = `${points.length} ${points.at(-1)} ${range()}`;
  if (width === 0 || points.length === 0 || plot.seen === seen) return;
  plot.seen = seen;
  if (drawn !== null && points.length > 3) {
    drawn.setData(columns(points));
    return;
  }
  drawn?.destroy(); // few points are drawn as dots
  plot.drawn = draw(box, width, points);
}

function buildFigure() {
  const box = make("div", { class: "plot", "aria-hidden": "true" });
  plots.set(box, { points: [], seen: "", drawn: null, width: 0 });
  sizes.observe(box);
  return make("figure", {}, make("figcaption", {}, make("b"), make("span"), make("small")), box);
}

function update(figure, [task, points, so_far]) {
  const [caption, box] = figure.children;
  setText(caption.children[0], words(task));
  setText(caption.children[1], change(so_far.generic, so_far.given));
  setText(caption.children[2], `${interval(so_far.low, so_far.high)} of ${so_far.questions}, last label ${(100 * so_far.last_label).toFixed(0)}`);
  setClass(caption, "better", so_far.generic < so_far.low); // green and red are for what is sure
  setClass(caption, "worse", so_far.generic > so_far.high);
  const plot = plots.get(box);
  plot.points = within(points);
  refresh(box, plot);
}

// The points of the shown stretch, and one beyond either end of it, to which the lines go on.
function within(points) {
  const [from, to] = range();
  const first = points.findIndex((point) => point[0] >= from);
  const last = points.findLastIndex((point) => point[0] <= to);
  return first < 0 ? points.slice(-1) : points.slice(Math.max(0, first - 1), last + 2);
}

export function* showCurves(parent, { curves, tasks }) {
  const known = Object.keys(curves).map((task) => [task, pointsOf(task), tasks[task]]);
  yield* keepEach(parent, known, ([task]) => task, buildFigure, update);
}

// Colours are baked into a canvas: draw anew when the scheme changes.
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const box of document.querySelectorAll(".plot")) {
    const plot = plots.get(box);
    plot.drawn?.destroy();
    Object.assign(plot, { drawn: null, seen: "" });
    refresh(box, plot);
  }
});
