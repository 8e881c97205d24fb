// What the server says of its door: what this page's token allows, and how others may join.

import { make, makeSvg } from "./format.js";

// What /invitation tells, or null where it cannot be had.
export async function askInvitation(token) {
  const shown = token === "" ? "" : `?token=${encodeURIComponent(token)}`;
  try {
    const response = await fetch(`/invitation${shown}`);
    return response.ok ? await response.json() : null;
  } catch {
    return null; // not reachable: whoever asks tries again
  }
}

// A QR code as the server has drawn it: always dark on light, with the quiet zone that cameras need.
export function makeQr({ size, path }, name) {
  const quiet = 4;
  const side = size + 2 * quiet;
  return makeSvg("svg", { class: "qr", viewBox: `${-quiet} ${-quiet} ${side} ${side}`, role: "img", "aria-label": name },
    makeSvg("rect", { x: -quiet, y: -quiet, width: side, height: side, fill: "#ffffff" }),
    makeSvg("path", { d: path, stroke: "#000000", "stroke-width": 1 }));
}

// A command or an address, with a button that copies it.
export function makeCode(text) {
  const button = make("button", { type: "button", "aria-label": `copy ${text}` }, "Copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(text);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  // Browsers give the clipboard to secure pages only; the text can be selected everywhere.
  return make("span", { class: "code" }, make("code", {}, text), ...(navigator.clipboard ? [button] : []));
}
