// Which headsets are shown, and in which order.

const RESORT_MS = 5000; // cards that changed places with every message could not be read

const share = (task) => (task.p99_ms === null ? 0 : task.p99_ms / task.deadline_ms);
const accuracy = (headset) => {
  const known = headset.tasks.map((task) => task.accuracy_now).filter((value) => value !== null);
  return known.length ? known.reduce((a, b) => a + b, 0) / known.length : 2;
};
const KEYS = {
  joined: (headset) => headset.since,
  latency: (headset) => -Math.max(0, ...headset.tasks.map(share)),
  accuracy,
  battery: (headset) => headset.battery ?? 2,
  drops: (headset) => -headset.drops.reduce((sum, drop) => sum + drop.count, 0),
};

let places = new Map(); // id -> place
let sortedBy = "";
let sortedAt = -Infinity;

export function arrange(headsets, sort, find) {
  const now = performance.now();
  if (sort !== sortedBy || now - sortedAt > RESORT_MS) {
    const key = KEYS[sort];
    places = new Map(headsets.toSorted((a, b) => key(a) - key(b)).map((headset, n) => [headset.id, n]));
    [sortedBy, sortedAt] = [sort, now];
  }
  const place = (headset) => places.get(headset.id) ?? Infinity; // who came since then comes last
  const wanted = find.trim().toLowerCase();
  const text = (headset) => [headset.id, headset.use_case, ...headset.tasks.map((task) => task.name)].join(" ").toLowerCase();
  return headsets
    .filter((headset) => wanted === "" || text(headset).includes(wanted))
    .sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b)));
}
