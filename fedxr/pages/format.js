// Numbers and small pieces of the page. Text only ever enters the page as text, never as markup.

const PREFIXES = ["", "k", "M", "G", "T"];

export function amount(number, unit) {
  let step = 0;
  while (Math.abs(number) >= 1000 && step < PREFIXES.length - 1) {
    number /= 1000;
    step += 1;
  }
  const digits = step === 0 && Number.isInteger(number) ? 0 : number < 10 ? 2 : number < 100 ? 1 : 0;
  return `${number.toFixed(digits)} ${PREFIXES[step]}${unit}`;
}

export function percent(fraction) {
  return fraction === null ? "–" : `${(100 * fraction).toFixed(0)}\u00a0%`;
}

export function milliseconds(value) {
  return value === null ? "–" : value < 10 ? value.toFixed(1) : value.toFixed(0);
}

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// An element with attributes and children; a string child becomes text.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function makeSvg(tag, attributes = {}) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// Writes only what changed, so that a screen reader or a selection is not disturbed.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setClass(element, name, on) {
  if (element.classList.contains(name) !== on) element.classList.toggle(name, on);
}

// Keeps one child of `parent` per item, in order; `build(item)` makes it, `update(child, item)`
// fills it. Children whose key has gone are removed.
export function keepChildren(parent, items, keyOf, build, update) {
  const present = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, index) => {
    const key = String(keyOf(item));
    let child = present.get(key);
    if (child === undefined) {
      child = build(item);
      child.dataset.key = key;
    }
    present.delete(key);
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
    update(child, item);
  });
  for (const child of present.values()) child.remove();
}
