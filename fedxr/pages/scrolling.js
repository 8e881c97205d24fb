// What moves the curves back and forth in time: a slider, a choice of span, the pointer, and "Live".

import { clock, setText } from "./format.js";
import { goLive, isLive, pan, range, setNow, showUntil, view, zoom } from "./history.js";

const at = (id) => document.getElementById(id);
let redraw = () => {};
let now = 0;

export function step(share) {
  const [from, to] = range();
  pan(share * (Number.isFinite(view.span) ? to - from : now / 2));
  changed();
}

export function scale(factor) {
  zoom(factor);
  changed();
}

export function live() {
  goLive();
  changed();
}

function changed() {
  showScrolling(now);
  redraw();
}

// `drawSoon()` draws the page anew.
export function offerScrolling(drawSoon) {
  redraw = drawSoon;
  at("until").addEventListener("input", () => {
    // The slider goes over the whole run, so there must be a stretch that is shorter.
    const until = Number(at("until").value);
    if (!Number.isFinite(view.span) && until < now) view.span = Math.max(10, now / 2);
    showUntil(until);
    changed();
  });
  at("span").addEventListener("input", () => {
    view.span = at("span").value === "all" ? Infinity : Number(at("span").value);
    if (view.span === Infinity) goLive();
    changed();
  });
  at("live").addEventListener("click", live);
  dragged(at("curves"));
}

// A plot is drawn along by the pointer; shift and the wheel show more or less.
function dragged(curves) {
  let from = null;
  curves.addEventListener("pointerdown", (event) => {
    const plot = event.target.closest(".plot");
    if (plot === null || event.button !== 0) return;
    from = { x: event.clientX, width: plot.clientWidth };
  });
  addEventListener("pointermove", (event) => {
    if (from === null) return;
    const [start, end] = range();
    const seconds = ((from.x - event.clientX) / from.width) * (end - start);
    if (Math.abs(event.clientX - from.x) < 2) return;
    from.x = event.clientX;
    pan(seconds);
    changed();
  });
  for (const over of ["pointerup", "pointercancel"]) addEventListener(over, () => (from = null));
  curves.addEventListener("wheel", (event) => {
    if (!event.shiftKey) return;
    event.preventDefault();
    scale((event.deltaY || event.deltaX) > 0 ? 1.25 : 0.8);
  }, { passive: false });
}

export function showScrolling(t) {
  now = t;
  setNow(t);
  const [from, to] = range();
  const slider = at("until");
  slider.max = Math.ceil(t);
  slider.value = isLive() ? slider.max : to;
  const said = isLive() ? `newest, ${clock(to)}` : `until ${clock(to)}`;
  if (slider.getAttribute("aria-valuetext") !== said) slider.setAttribute("aria-valuetext", said);
  setText(at("window"), `${clock(from)} to ${clock(to)}`);
  const live = at("live");
  if (live.disabled !== isLive()) live.disabled = isLive();
  const choice = Number.isFinite(view.span) ? String(view.span) : "all";
  const known = [...at("span").options].some((option) => option.value === choice);
  at("span").value = known ? choice : "own";
}
