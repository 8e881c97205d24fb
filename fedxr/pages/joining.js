// The page while nobody is here: the three ways to join, each with what to open or to type.

import { make } from "./format.js";
import { makeCode, makeQr } from "./invitation.js";

const link = (address, text) => make("a", { href: address, target: "_blank", rel: "noopener" }, text);

// In a browser: this computer's, where a mouse stands in, or a headset's.
function inBrowser({ xr, told, network, drawable, qr }) {
  const here = link(told ? xr : "/xr", "Open the headset's page");
  const parts = [
    make("p", {}, here, " on this computer and press ", make("b", {}, "Try it here"),
      ": mouse, keyboard, webcam and microphone stand in for a headset. In a headset's own browser it is:"),
    makeCode(xr),
  ];
  if (qr !== null) parts.push(make("figure", {}, makeQr(qr, `QR code of ${xr}`), make("figcaption", { class: "note" }, "or this, by the headset's camera")));
  else if (!network) parts.push(note("A headset on a cable reaches it by ", code("adb reverse"), "; for one on the network start ", code("fedxr serve --lan"), ", which draws a QR code here."));
  else if (!drawable) parts.push(note("For a QR code here, in the environment of fedxr: ", code('pip install "fedxr[lan]"')));
  else parts.push(note("It wants the token for headsets. The QR code with it stands where the server was started, and here when this page is opened by the address for all rights."));
  return parts;
}

function simulated({ stream, told }) {
  const parts = [make("p", {}, "In a terminal of this computer, for one simulated user who moves, speaks and gives feedback:"), makeCode(stream)];
  if (!told && stream.includes("TOKEN")) parts.push(note(code("TOKEN"), " is the one for headsets; where the server was started it is printed."));
  return parts;
}

function ownClient({ programs }) {
  return [
    make("p", {}, "A Unity project (package ", code("com.fedxr.bridge"), ") or a program of your own connects to:"),
    makeCode(programs),
    note("In Python: ", code(`async with fedxr.connect("${programs}", "ann", "motion/head@72") as headset:`)),
  ];
}

const code = (text) => make("code", {}, text);
const note = (...parts) => make("p", { class: "note" }, ...parts);

let drawn = "";

export function showJoining(parent, invitation) {
  const text = JSON.stringify(invitation);
  if (text === drawn) return;
  drawn = text;
  const way = (title, parts) => make("li", { class: "panel" }, make("h3", {}, title), ...parts);
  parent.replaceChildren(
    way("A browser, with or without a headset", inBrowser(invitation)),
    way("A simulated headset", simulated(invitation)),
    way("Unity, or a client of your own", ownClient(invitation)));
}
