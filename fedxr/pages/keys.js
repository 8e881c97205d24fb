// @ts-check
// Single keys for what is used often, listed under "?". Everything they do can be reached without them,
// and they can be switched off: who speaks to the page, or leans on a key, would set them off.

import { make } from "./format.js";

const KEPT = "fedxr.keys";

/**
 * @typedef {{key: string, tells: string, run: () => void}} Shortcut
 */

/** Whether keys go to what has the focus. @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && target.closest("input:not([type=checkbox], [type=radio]), select, textarea, dialog") !== null;
}

const isOn = () => localStorage.getItem(KEPT) !== "off";

/**
 * Listens for `shortcuts`, and fills `dialog` with them; `button` and "?" open it.
 * @param {Shortcut[]} shortcuts
 * @param {HTMLDialogElement} dialog
 * @param {HTMLElement} button
 */
export function offerKeys(shortcuts, dialog, button) {
  const box = /** @type {HTMLInputElement} */ (make("input", { type: "checkbox" }));
  box.checked = isOn();
  box.addEventListener("change", () => localStorage.setItem(KEPT, box.checked ? "on" : "off"));
  const show = () => dialog.showModal();
  const all = [...shortcuts, { key: "?", tells: "this list", run: show }];
  const rows = all.map(({ key, tells }) => make("div", {}, make("dt", {}, make("kbd", {}, key)), make("dd", {}, tells)));
  const close = make("button", {}, "Close");
  dialog.replaceChildren(make("form", { method: "dialog" },
    make("h2", { id: "keys-title" }, "Keys"), make("dl", { class: "keys" }, ...rows),
    make("p", {}, make("label", {}, box, " single keys are on")), close));
  button.addEventListener("click", show);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !isOn() || isTyping(event.target)) return;
    const found = all.find(({ key }) => key.toLowerCase() === event.key.toLowerCase());
    if (found === undefined) return;
    event.preventDefault();
    found.run();
  });
}
