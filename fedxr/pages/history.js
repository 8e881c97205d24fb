// The stretch of time that the curves show, and the points of which they are made.
//
// The server keeps a curve of its whole run, thinned out as it grows; this page also keeps every point
// that it has been told since it was opened, so that what is scrolled back to is not coarser than it was.

const MOST = 7200; // points kept of one task: two hours of one a second
const LEAST_S = 10;

const known = new Map(); // task -> points [t, generic, given, questions], oldest first

// Adds what the server says now; a run that started anew begins with nothing.
export function remember(curves, t) {
  for (const [task, points] of known) {
    if (points.length > 0 && points.at(-1)[0] > t + 1) known.delete(task);
  }
  for (const [task, told] of Object.entries(curves)) {
    const points = known.get(task) ?? [];
    const newest = points.at(-1)?.[0] ?? -Infinity;
    points.push(...told.filter((point) => point[0] > newest));
    if (points.length > MOST) points.splice(0, MOST / 2, ...points.slice(0, MOST / 2).filter((_, n) => n % 2 === 0));
    known.set(task, points);
  }
}

export const pointsOf = (task) => known.get(task) ?? [];

export const everything = () => Object.fromEntries(known);

// `end` null follows the run; `span` Infinity is all of it. Seconds of the run.
export const view = { span: Infinity, end: null };
let now = 0;

export function setNow(t) {
  now = t;
}

export function range() {
  const end = view.end ?? now;
  return [Number.isFinite(view.span) ? Math.max(0, end - view.span) : 0, Math.max(end, 1)];
}

export const isLive = () => view.end === null;

export function goLive() {
  view.end = null;
}

// Where the shown stretch ends; at the newest moment it follows the run again.
export function showUntil(t) {
  const least = Math.min(Number.isFinite(view.span) ? view.span : LEAST_S, now);
  view.end = t >= now ? null : Math.max(t, least);
}

export function pan(seconds) {
  if (!Number.isFinite(view.span)) view.span = Math.max(LEAST_S, now / 2); // all of it cannot be moved
  showUntil((view.end ?? now) + seconds);
}

export function zoom(factor) {
  const span = factor * Math.min(view.span, Math.max(now, LEAST_S));
  view.span = span >= now && factor > 1 ? Infinity : Math.max(LEAST_S, span);
  if (view.end !== null) showUntil(view.end);
}
