// A latency beside its deadline: a thin bar to p99, a thick one to p50, a line at the deadline.

import { make, milliseconds, setBar, setClass, setText } from "./format.js";

const SPAN = 1.5; // deadlines that fit into a bar's width

export function makeBullet() {
  const bars = make("span", { class: "bars", "aria-hidden": "true" },
    make("i", { class: "p99" }), make("i", { class: "p50" }), make("i", { class: "deadline" }));
  return [bars, make("span", { class: "figures" }, make("span"), make("span", { class: "hidden" }))];
}

export function setBullet(parent, p50, p99, deadline) {
  const [bars, figures] = parent.children;
  const late = p99 !== null && p99 > deadline;
  setBar(bars.children[0], (p99 ?? 0) / deadline / SPAN);
  setBar(bars.children[1], (p50 ?? 0) / deadline / SPAN);
  setClass(parent, "late", late);
  setText(figures.firstChild, `${milliseconds(p50)} / ${milliseconds(p99)} of ${deadline}`);
  setText(figures.lastChild, late ? " late" : ""); // the eye sees the bar beyond the line
}
