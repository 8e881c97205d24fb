// Names beside their marks on the map, where there is room: representatives first.

import { makeSvg } from "./format.js";

const LETTER = 6.4; // px, about the mean width at 11.5 px
const HIGH = 14;

const overlap = (a, b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

// Right of the mark, left of it, under it, above it.
function boxes([x, y], w) {
  return [
    { x: x + 13, y: y - 7, w, h: HIGH },
    { x: x - 13 - w, y: y - 7, w, h: HIGH },
    { x: x - w / 2, y: y + 11, w, h: HIGH },
    { x: x - w / 2, y: y - 11 - HIGH, w, h: HIGH },
  ];
}

// One text for each headset that has room; the others keep their tooltip and the list below.
export function placeNames(headsets, places, width, height) {
  const taken = [...places.values()].map(([x, y]) => ({ x: x - 11, y: y - 11, w: 22, h: 22 }));
  const fits = (box) => box.x > 2 && box.x + box.w < width - 2 && box.y > 34 && box.y + box.h < height - 2;
  const out = [];
  for (const headset of headsets.toSorted((a, b) => b.representative - a.representative)) {
    const w = LETTER * headset.user.length;
    const box = boxes(places.get(headset.id), w).find((one) => fits(one) && !taken.some((other) => overlap(one, other)));
    if (box === undefined) continue;
    taken.push(box);
    const text = makeSvg("text", { class: "name", x: box.x, y: box.y + 11, textLength: w, lengthAdjust: "spacingAndGlyphs" });
    text.textContent = headset.user;
    out.push(text);
  }
  return out;
}
