// What a headset senses as a moving drawing: hands joint by joint, the head as its visor, the gaze as a
// line. Seen from behind and above the head, which stays in the middle and is always turned away.
//
// Places are in metres, right-handed, Y up, -Z forward; quaternions x y z w.

const TILT = 0.6; // radians that the viewer looks down
const LEAST = 0.5; // metres that the drawing is wide at least, so that a hand alone does not fill it
const CALM = 0.03; // of the way that the borders come in, per message; they go out at once
const LOOK = 0.45; // metres of the gaze that are drawn
const AHEAD = 0.12; // metres of the line that shows where the head is turned
const INSET = [72, 45]; // px of the user's view, where the gaze is a point in it

const runs = (root, first, each) => Array.from({ length: 5 }, (_, finger) =>
  Array.from({ length: each(finger) }, (_, k) => {
    const joint = first(finger) + k;
    return [k === 0 ? root : joint - 1, joint];
  })).flat();

// Pairs of joints that a bone joins, by layout; the thumb of the longer ones has a joint less.
const BONES = {
  "hands/webxr25": runs(0, (f) => (f === 0 ? 1 : 5 * f), (f) => (f === 0 ? 4 : 5)),
  "hands/openxr26": [[1, 0], ...runs(1, (f) => (f === 0 ? 2 : 1 + 5 * f), (f) => (f === 0 ? 4 : 5))],
  "hands/shrec22": [[0, 1], ...runs(0, (f) => 2 + 4 * f, () => 4)],
};
const ROOT = { "hands/openxr26": 1 };
const VISOR = [[-0.09, 0.05, -0.06], [0.09, 0.05, -0.06], [0.09, -0.05, -0.06], [-0.09, -0.05, -0.06]];

export const isHand = (sense) => sense.layout in BONES;

// v turned by the quaternion q.
function turn([x, y, z, w], [a, b, c]) {
  const [u, v, t] = [2 * (y * c - z * b), 2 * (z * a - x * c), 2 * (x * b - y * a)];
  return [a + w * u + y * t - z * v, b + w * v + z * u - x * t, c + w * t + x * v - y * u];
}

const plus = ([a, b, c], [x, y, z], times = 1) => [a + times * x, b + times * y, c + times * z];

// From a place to the drawing, in metres right and down: the head's own, level with the floor.
function viewOf(head) {
  const [x, , z] = head === undefined ? [0, 0, -1] : turn(head.values.slice(3), [0, 0, -1]);
  const flat = Math.hypot(x, z) || 1;
  const [ax, az] = Math.hypot(x, z) < 1e-3 ? [0, -1] : [x / flat, z / flat];
  const origin = head === undefined ? [0, 0, 0] : head.values;
  return ([px, py, pz]) => {
    const [dx, dy, dz] = [px - origin[0], py - origin[1], pz - origin[2]];
    const ahead = dx * ax + dz * az;
    return [dz * ax - dx * az, -(dy * Math.cos(TILT) + ahead * Math.sin(TILT))];
  };
}

const camera = viewOf(undefined); // a hand before a camera is drawn as if that were the head

// All that is drawn, in metres of the drawing.
export function figureOf(senses) {
  const by = (layout) => senses.find((sense) => sense.layout === layout);
  const head = by("motion/head");
  const room = viewOf(head);
  const hands = senses.filter(isHand).map((sense) => ({
    name: sense.name,
    root: ROOT[sense.layout] ?? 0,
    bones: BONES[sense.layout],
    joints: sense.values.map(sense.layout === "hands/shrec22" ? camera : room),
  }));
  const onHead = (place) => room(plus(head.values, turn(head.values.slice(3), place)));
  const visor = head === undefined ? [] : VISOR.map(onHead);
  const ahead = head === undefined ? [] : [[0, 0, -0.06], [0, 0, -0.06 - AHEAD]].map(onHead);
  const ray = by("gaze/ray")?.values;
  const gaze = ray === undefined ? [] : [room(ray), room(plus(ray, ray.slice(3), LOOK))];
  return { hands, visor, ahead, gaze, point: by("gaze/point2")?.values };
}

// Borders that hold all of the figure: they widen at once and come in slowly, so that what moves is
// seen to move.
export function bordersOf(figure, last) {
  const places = [...figure.hands.flatMap((hand) => hand.joints), ...figure.visor, ...figure.ahead, ...figure.gaze];
  if (places.length === 0) return last;
  const of = (n, pick) => pick(...places.map((place) => place[n]));
  const tight = { left: of(0, Math.min), right: of(0, Math.max), top: of(1, Math.min), bottom: of(1, Math.max) };
  if (last === undefined) return tight;
  const ease = (side, pick) => pick(tight[side], last[side] + CALM * (tight[side] - last[side]));
  return {
    left: ease("left", Math.min), right: ease("right", Math.max), top: ease("top", Math.min), bottom: ease("bottom", Math.max),
  };
}

// From the drawing's metres to pixels.
function fit({ left, right, top, bottom }, width, height) {
  const scale = Math.min(width / Math.max(LEAST, 1.15 * (right - left)), height / Math.max(LEAST, 1.15 * (bottom - top)));
  return ([x, y]) => [width / 2 + scale * (x - (left + right) / 2), height / 2 + scale * (y - (top + bottom) / 2)];
}

function line(context, places, closed = false) {
  context.beginPath();
  places.forEach(([x, y], n) => (n === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
  if (closed) context.closePath();
  context.stroke();
}

function dot(context, [x, y], radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

// `old(name)`: whether a channel's news is so old that it is drawn faintly.
export function draw(canvas, figure, borders, old) {
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(name);
  const context = canvas.getContext("2d");
  const dense = Math.min(2, devicePixelRatio);
  const [width, height] = [canvas.width / dense, canvas.height / dense];
  context.setTransform(dense, 0, 0, dense, 0, 0);
  context.clearRect(0, 0, width, height);
  if (borders === undefined) return;
  const at = fit(borders, width, height);
  context.lineJoin = context.lineCap = "round";
  context.lineWidth = 2;
  context.strokeStyle = colour("--muted");
  if (figure.visor.length > 0) {
    line(context, figure.visor.map(at), true);
    line(context, figure.ahead.map(at));
    label(context, "head", at(figure.visor[3]), 0, 15, colour("--muted"));
  }
  context.strokeStyle = context.fillStyle = colour("--hue3");
  if (figure.gaze.length > 0) {
    context.setLineDash([5, 4]);
    line(context, figure.gaze.map(at));
    context.setLineDash([]);
    dot(context, at(figure.gaze[1]), 4);
  }
  if (figure.point !== undefined) drawView(context, figure.point, width, colour);
  for (const hand of figure.hands) drawHand(context, hand, at, colour, old(hand.name));
  context.globalAlpha = 1;
}

function drawHand(context, { name, root, bones, joints }, at, colour, isOld) {
  const places = joints.map(at);
  const right = name.includes("right");
  context.globalAlpha = isOld ? 0.35 : 1;
  context.strokeStyle = context.fillStyle = colour(right ? "--hue1" : "--hue0");
  context.lineWidth = 1.5;
  for (const [a, b] of bones) line(context, [places[a], places[b]]);
  for (const place of places) dot(context, place, 2.2);
  // Not by colour alone.
  label(context, right ? "R" : name.includes("left") ? "L" : "", places[root], -4, 17, context.fillStyle);
}

function label(context, text, [x, y], right, down, colour) {
  context.font = "600 12px system-ui, sans-serif";
  context.fillStyle = colour;
  context.fillText(text, x + right, y + down);
}

// The user's view as a small frame, with the place in it that they look at (0..1, y up).
function drawView(context, [x, y], width, colour) {
  const [w, h] = INSET;
  const within = (share) => Math.min(1, Math.max(0, share));
  context.lineWidth = 1;
  context.strokeStyle = colour("--muted");
  context.strokeRect(width - w - 6.5, 6.5, w, h);
  dot(context, [width - w - 6.5 + w * within(x), 6.5 + h * (1 - within(y))], 3.5);
  label(context, "looks at", [width - w - 6.5, h + 6.5], 0, 15, colour("--muted"));
}
