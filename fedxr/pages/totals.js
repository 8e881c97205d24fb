// The run in one line of figures.

import { amount, change, count, keepChildren, make, milliseconds, setClass, setText, words } from "./format.js";

// The task that uses most of its deadline, and whose it is.
function tightest(headsets) {
  let found = null;
  for (const headset of headsets) {
    for (const task of headset.tasks) {
      const share = task.p99_ms === null ? -1 : task.p99_ms / task.deadline_ms;
      if (share > (found?.share ?? -1)) found = { share, task, headset };
    }
  }
  return found;
}

function mean(numbers) {
  return numbers.length ? numbers.reduce((a, b) => a + b, 0) / numbers.length : null;
}

function totals({ headsets, round, clusters, curves, ledger }) {
  const tight = tightest(headsets);
  const last = Object.values(curves).map((points) => points.at(-1)).filter((point) => point && point[2] !== null);
  const counts = headsets.flatMap((headset) => headset.drops).filter((drop) => drop.what !== "late");
  const drops = counts.reduce((sum, drop) => sum + drop.count, 0);
  const late = headsets.filter((headset) => headset.tasks.some((task) => task.p99_ms > task.deadline_ms)).length;
  return [
    ["headsets", String(headsets.length), late ? `${late} beyond a deadline` : "all in time", false],
    ["tightest p99", tight === null ? "–" : `${milliseconds(tight.task.p99_ms)} of ${tight.task.deadline_ms} ms`,
      tight === null ? "" : `${words(tight.task.name)}, ${tight.headset.user}`, tight !== null && tight.share > 1],
    ["accuracy", change(mean(last.map((point) => point[1])), mean(last.map((point) => point[2]))),
      `mean of ${count(last.length, "task")}`, false],
    ["round", String(round), count(clusters.length, "cluster"), false],
    ["device to device", amount(ledger.d2d_bytes, "B"), "since the start", false],
    ["server", `${amount(ledger.up_bytes, "B")} up`, `${amount(ledger.down_bytes, "B")} down`, false],
    ["energy", amount(ledger.joules, "J"), "of all radios", false],
    ledger.epsilon === null
      ? ["privacy", "ε: none", "no differential privacy", false]
      : ["privacy", `ε: ${ledger.epsilon.toPrecision(3)}`, "of all rounds", false],
    ["dropped", String(drops), drops ? "reasons at each headset" : "nothing lost", drops > 0],
  ];
}

export function showTotals(list, state) {
  keepChildren(
    list,
    totals(state),
    ([name]) => name,
    ([name]) => make("div", {}, make("dt", {}, name), make("dd"), make("dd", { class: "note" })),
    (box, [, text, note, warn]) => {
      setText(box.children[1], text);
      setText(box.children[2], note);
      setClass(box, "late", warn);
    },
  );
}
