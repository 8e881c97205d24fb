// Every task's latency over all headsets, beside its deadline.

import { makeBullet, setBullet } from "./bullets.js";
import { keepChildren, make, setText, words } from "./format.js";

const HEAD = ["task", "p50 / p99 of deadline", "headsets late"];

function buildTable() {
  const heads = HEAD.map((text) => make("th", { scope: "col" }, text));
  return make("table", { class: "latency" }, make("thead", {}, make("tr", {}, ...heads)), make("tbody"));
}

function buildRow() {
  return make("tr", {}, make("th", { scope: "row" }), make("td", { class: "bullet" }, ...makeBullet()), make("td"));
}

function updateRow(row, { name, deadline, p50, p99, late }) {
  const [title, bullet, count] = row.children;
  setText(title, words(name));
  setBullet(bullet, p50, p99, deadline);
  setText(count, `${late} of ${p50 === null ? 0 : row.dataset.headsets}`);
}

function gather(headsets) {
  const tasks = new Map();
  for (const task of headsets.flatMap((headset) => headset.tasks)) {
    if (!tasks.has(task.name)) tasks.set(task.name, { name: task.name, deadline: task.deadline_ms, known: [] });
    if (task.p99_ms !== null) tasks.get(task.name).known.push(task);
  }
  return [...tasks.values()]
    .map(({ name, deadline, known }) => ({
      name,
      deadline,
      headsets: known.length,
      p50: known.length ? known.map((task) => task.p50_ms).sort((a, b) => a - b)[known.length >> 1] : null,
      p99: known.length ? Math.max(...known.map((task) => task.p99_ms)) : null,
      late: known.filter((task) => task.p99_ms > deadline).length,
    }))
    .sort((a, b) => a.deadline - b.deadline || a.name.localeCompare(b.name));
}

export function showLatency(parent, headsets) {
  const table = parent.firstElementChild ?? parent.appendChild(buildTable());
  keepChildren(table.tBodies[0], gather(headsets), (task) => task.name, buildRow, (row, task) => {
    row.dataset.headsets = task.headsets;
    updateRow(row, task);
  });
}
