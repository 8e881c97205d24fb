// The numbers that the page shows, as files: JSON as they are, CSV as one long table.

import { everything } from "./history.js";

const HEAD = ["t_s", "what", "headset", "task", "figure", "value"];

function* rowsOf(state) {
  const { t } = state;
  const row = (what, headset, task, figure, value) => [t, what, headset, task, figure, value];
  for (const [figure, value] of Object.entries(state.ledger)) yield row("run", "", "", figure, value);
  yield row("run", "", "", "round", state.round);
  for (const [figure, value] of Object.entries(state.labels)) yield row("labels", "", "", figure, value);
  for (const [figure, value] of Object.entries(state.accuracy)) yield row("accuracy", "", "", figure, value);
  for (const [task, figures] of Object.entries(state.tasks)) {
    for (const [figure, value] of Object.entries(figures)) yield row("accuracy", "", task, figure, value);
  }
  for (const headset of state.headsets) {
    const { id, channels, tasks, drops } = headset;
    for (const figure of ["user", "use_case", "device", "since", "against", "battery", "joules", "epsilon", "cluster", "representative"]) {
      yield row("headset", id, "", figure, headset[figure]);
    }
    for (const { name, hz } of channels) yield row("channel", id, "", `${name} hz`, hz);
    for (const { name, recent, ...figures } of tasks) {
      for (const [figure, value] of Object.entries(figures)) yield row("task", id, name, figure, value);
    }
    for (const { what, count } of drops) yield row("dropped", id, "", what, count);
  }
  for (const { ends, bytes, joules } of state.links) {
    yield row("link", ends.join(" – "), "", "bytes", bytes);
    yield row("link", ends.join(" – "), "", "joules", joules);
  }
  for (const [task, points] of Object.entries(everything())) {
    for (const [at, generic, given, questions] of points) {
      for (const [figure, value] of Object.entries({ generic, given, questions })) yield [at, "curve", "", task, figure, value];
    }
  }
}

// RFC 4180; what a headset calls itself must not become a spreadsheet's formula.
function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "string") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const csvOf = (state) => [HEAD, ...rowsOf(state)].map((row) => `${row.map(cell).join(",")}\r\n`).join("");

export const jsonOf = (state) => JSON.stringify({ taken: new Date().toISOString(), state, history: everything() }, null, 1);

// Hands `text` to the browser as a file.
export function download(text, kind) {
  const now = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  const types = { csv: "text/csv", json: "application/json" };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: types[kind] }));
  link.download = `fedxr-live-${now}.${kind}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
