// The run in one line of figures.

import {
  amount, basis, change, count, interval, keepChildren, make, milliseconds, percent, seconds, setClass, setText, words,
} from "./format.js";

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

const LATE_S = 1; // a label should be known to answers by then

// How sure the accuracy is, and what mere repeating would reach.
function accuracyNote(accuracy) {
  if (accuracy.questions === 0) return "no question yet";
  const sure = `${interval(accuracy.low, accuracy.high)} of ${accuracy.questions}`;
  return `${sure}; last label ${percent(accuracy.last_label)}; ${basis(accuracy)}`;
}

function labelNote(labels) {
  if (labels.count === 0) return `p95; no label known yet, ${labels.waiting} waiting`;
  const met = labels.in_rounds ? `; ${seconds(labels.in_rounds_p95_s)} during rounds` : "";
  return `p95 of ${count(labels.count, "label")}; p50 ${seconds(labels.p50_s)}${met}; ${labels.waiting} waiting`;
}

function totals({ headsets, round, clusters, accuracy, labels, ledger }) {
  const tight = tightest(headsets);
  const counts = headsets.flatMap((headset) => headset.drops).filter((drop) => drop.what !== "late");
  const drops = counts.reduce((sum, drop) => sum + drop.count, 0);
  const late = headsets.filter((headset) => headset.tasks.some((task) => task.p99_ms > task.deadline_ms)).length;
  return [
    ["headsets", String(headsets.length), late ? `${late} beyond a deadline` : "all in time", false],
    ["tightest p99", tight === null ? "–" : `${milliseconds(tight.task.p99_ms)} of ${tight.task.deadline_ms} ms`,
      tight === null ? "" : `${words(tight.task.name)}, ${tight.headset.user}`, tight !== null && tight.share > 1],
    ["accuracy", change(accuracy.generic, accuracy.given), accuracyNote(accuracy), false],
    ["label to answer", seconds(labels.p95_s), labelNote(labels), labels.p95_s > LATE_S],
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
