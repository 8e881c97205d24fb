// What happened, newest first; who came and went is said aloud to those who listen.

import { clock, keepChildren, make, setText } from "./format.js";

const SIGNS = { joined: "+", left: "−", dropped: "!", round: "↻", recording: "●", trouble: "⚠" };
const PAUSE_MS = 3000; // between two announcements

let said = null; // number of the last event that was announced
let quietUntil = 0;

function buildEvent(event) {
  return make("li", { class: event.kind },
    make("span", { class: "when" }, clock(event.t)),
    make("span", { class: "sign", "aria-hidden": "true" }, SIGNS[event.kind] ?? "·"),
    make("span", { class: "what" }, event.headset === null ? "" : make("b", {}, event.headset), ` ${event.text}`));
}

function announce(place, events) {
  const last = events.at(-1)?.number ?? 0;
  if (said === null || last < said) said = last; // a page that opens, or a server that started anew
  if (last === said || performance.now() < quietUntil) return;
  const fresh = events.filter((event) => event.number > said && event.headset !== null);
  const news = ["joined", "left"].flatMap((kind) => {
    const who = fresh.filter((event) => event.kind === kind).map((event) => event.headset);
    return who.length ? [`${who.join(", ")} ${kind}`] : [];
  });
  said = last;
  if (news.length) {
    setText(place, `${news.join("; ")}.`);
    quietUntil = performance.now() + PAUSE_MS;
  }
}

export function showEvents(list, news, events) {
  keepChildren(list, events.toReversed(), (event) => `${event.number} ${event.t}`, buildEvent, () => {});
  announce(news, events);
}
