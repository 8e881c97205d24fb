// Numbers and small pieces of the page. Text only ever enters the page as text, never as markup.

const PREFIXES = ["", "k", "M", "G", "T"];

export function amount(number, unit) {
  if (number > 0 && number < 0.1) return `${(1000 * number).toPrecision(2)} m${unit}`;
  let step = 0;
  while (Math.abs(number) >= 1000 && step < PREFIXES.length - 1) {
    number /= 1000;
    step += 1;
  }
  const digits = step === 0 && Number.isInteger(number) ? 0 : number < 10 ? 2 : number < 100 ? 1 : 0;
  return `${number.toFixed(digits)} ${PREFIXES[step]}${unit}`;
}

export function hertz(rate) {
  return rate >= 1000 ? `${(rate / 1000).toFixed(1)} kHz` : `${rate.toFixed(rate < 10 ? 1 : 0)} Hz`;
}

export function percent(fraction) {
  return fraction === null ? "–" : `${(100 * fraction).toFixed(0)}\u00a0%`;
}

// "61 → 84 %"
export function change(before, now) {
  return before === null ? "–" : `${(100 * before).toFixed(0)} → ${percent(now)}`;
}

// "[72, 90]": a 95 % interval in percent
export function interval(low, high) {
  return low === null ? "" : `[${(100 * low).toFixed(0)}, ${(100 * high).toFixed(0)}]`;
}

// What an accuracy was measured against, and how far that may be trusted.
export function basis({ against, feedback_errors: errors }) {
  if (against === "truth") return "against the truth";
  return errors === null ? "against feedback, whose errors are unknown" : `against feedback, ${percent(errors)} of it wrong`;
}

export function seconds(value) {
  return value === null ? "–" : `${value.toFixed(value < 9.95 ? 2 : 0)} s`;
}

export function milliseconds(value) {
  return value === null ? "–" : value < 10 ? value.toFixed(1) : value.toFixed(0);
}

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number % 60).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  return hours > 0 ? `${hours}:${two(Math.floor(whole / 60))}:${two(whole)}` : `${Math.floor(whole / 60)}:${two(whole)}`;
}

// What a headset's updates may tell of its user, as differential privacy reckons it.
export const privacy = (epsilon) => (epsilon === null ? "ε: none (no differential privacy)" : `ε: ${epsilon.toPrecision(3)}`);

export const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

export const words = (name) => name.replaceAll("_", " ");

// An element with attributes and children; a string child becomes text.
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function makeSvg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// The setters write only what changed, and never ask the document what is there: writing makes the
// browser lay the page out anew, and disturbs a screen reader or a selection.
const shown = new WeakMap();

function changed(element, what, value) {
  let known = shown.get(element);
  if (known === undefined) shown.set(element, (known = {}));
  if (known[what] === value) return false;
  known[what] = value;
  return true;
}

export function setText(element, text) {
  if (changed(element, "text", text)) element.textContent = text;
}

export function setClass(element, name, on) {
  if (changed(element, `.${name}`, on)) element.classList.toggle(name, on);
}

export function setAttribute(element, name, value) {
  if (changed(element, name, value)) element.setAttribute(name, value);
}

// Stretches a bar to `share` of its width without laying anything out anew.
export function setBar(element, share) {
  const value = Math.min(1, Math.max(0, share)).toFixed(3);
  if (changed(element, "bar", value)) element.style.transform = `scaleX(${value})`;
}

// Keeps one child of `parent` per item, in order; `build(item)` makes it, `update(child, item)`
// fills it. Children whose key has gone are removed. Yields after each item, so that the caller
// may go on in the next frame.
export function* keepEach(parent, items, keyOf, build, update) {
  const present = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const keys = items.map((item) => String(keyOf(item)));
  const wanted = new Set(keys);
  for (const [key, child] of present) if (!wanted.has(key)) child.remove();
  for (const [index, item] of items.entries()) {
    let child = present.get(keys[index]);
    if (child === undefined) {
      child = build(item);
      child.dataset.key = keys[index];
    }
    const there = parent.children[index];
    if (there !== child) parent.insertBefore(child, there ?? null);
    update(child, item);
    yield;
  }
}

export function keepChildren(...all) {
  for (const _ of keepEach(...all));
}
