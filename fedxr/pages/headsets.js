// One card per headset: who it is, what streams in, what is answered and how well.

import { keepChildren, make, milliseconds, percent, setClass, setText } from "./format.js";

const HEAD = ["task", "answer", "truth", "p50 / p99 ms", "accuracy"];

function buildCard(headset) {
  const title = make("h3", { id: `card-${headset.id}` });
  // The roles are said aloud because the phone layout takes `display: table` away.
  const heads = HEAD.map((text) => make("th", { role: "columnheader", scope: "col" }, text));
  const head = make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...heads));
  const table = make("table", { role: "table" }, head, make("tbody", { role: "rowgroup" }));
  return make(
    "article",
    { class: "card", "aria-labelledby": title.id },
    title,
    make("p", { class: "who" }),
    make("ul", { class: "channels", "aria-label": "channels" }),
    make("div", { class: "wide" }, table),
  );
}

function buildTask() {
  const cells = HEAD.slice(1).map(() => make("td", { role: "cell" }));
  return make("tr", { role: "row" }, make("th", { role: "rowheader", scope: "row" }), ...cells);
}

function updateTask(row, task) {
  const [name, answer, truth, latency, accuracy] = row.children;
  setText(name, task.name.replaceAll("_", " "));
  const sure = task.probability === null ? "" : ` ${percent(task.probability)}`;
  setText(answer, task.predicted === null ? "–" : `${task.predicted}${sure}`);
  const known = task.truth !== null && task.predicted !== null;
  const right = known && task.truth === task.predicted;
  setText(truth, task.truth === null ? "–" : known ? `${right ? "✓" : "✗"} ${task.truth}` : task.truth);
  setClass(truth, "right", right);
  setClass(truth, "wrong", known && !right);
  const late = task.p99_ms !== null && task.p99_ms > task.deadline_ms;
  setText(
    latency,
    `${milliseconds(task.p50_ms)} / ${milliseconds(task.p99_ms)} of ${task.deadline_ms}` +
      (late ? " late" : ""),
  );
  setClass(latency, "late", late);
  setText(accuracy, `${percent(task.accuracy_before)} → ${percent(task.accuracy_now)}`);
}

function updateCard(card, headset) {
  const [title, who, channels, wide] = card.children;
  setText(title, `${headset.id} · ${headset.use_case}`);
  const facts = [headset.device, headset.user];
  if (headset.battery !== null) facts.push(`battery ${percent(headset.battery)}`);
  if (headset.cluster !== null) {
    facts.push(`cluster ${headset.cluster}${headset.representative ? ", representative" : ""}`);
  }
  if (headset.drops > 0) facts.push(`${headset.drops} frames dropped`);
  setText(who, facts.join(" · "));
  keepChildren(
    channels,
    headset.channels,
    (channel) => channel.name,
    () => make("li"),
    (item, channel) => setText(item, `${channel.name} ${channel.hz.toFixed(channel.hz < 10 ? 1 : 0)} Hz`),
  );
  keepChildren(
    wide.querySelector("tbody"),
    headset.tasks,
    (task) => task.name,
    buildTask,
    updateTask,
  );
}

export function showHeadsets(parent, headsets) {
  keepChildren(parent, headsets, (headset) => headset.id, buildCard, updateCard);
}
