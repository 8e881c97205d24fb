// @ts-check
// What the agent answers, task by task, and what the user says to it: a click or a key tells which class
// is right, and the agent learns from that.

import { keepChildren, make, setAttribute, setClass, setText, words } from "../format.js";
import { probabilities } from "./protocol.js";

/**
 * @typedef {import("./protocol.js").Answer} Answer
 * @typedef {(task: string, label: number, kind: "label" | "correction", captureUs: number) => void} Tell
 * @typedef {{answer: Answer, captureUs: number, told: number, label: string}} Standing `told` times, the
 *   last time `label`
 */

const KEYS = "1234567890"; // of the first classes
const MOST_BUTTONS = 14; // beyond that many classes, a list

export class Answers {
  /** @type {Map<string, Standing>} */
  #standing = new Map();
  #chosen = "";

  /**
   * @param {Record<string, {classes: string[]}>} tasks what classes are called
   * @param {Tell} tell
   */
  constructor(tasks, tell) {
    this.tasks = tasks;
    this.tell = tell;
  }

  /** @param {import("./protocol.js").Reply} reply */
  take(reply) {
    for (const [task, answer] of Object.entries(reply.answers)) {
      const before = this.#standing.get(task);
      this.#standing.set(task, { told: 0, label: "", ...before, answer, captureUs: reply.capture_us });
      if (this.#chosen === "") this.#chosen = task;
    }
  }

  /** The classes of a task in words, or numbers where the server does not say. @param {string} task */
  #classes(task) {
    const count = this.#standing.get(task)?.answer.p.length ?? 0;
    return this.tasks[task]?.classes ?? Array.from({ length: count / 4 }, (_, n) => `class ${n + 1}`);
  }

  /** Class `label` is right, for what was just answered. @param {string} task @param {number} label */
  say(task, label) {
    const standing = this.#standing.get(task);
    if (standing === undefined || label >= this.#classes(task).length) return;
    this.#chosen = task;
    standing.told += 1;
    standing.label = this.#classes(task)[label];
    this.tell(task, label, label === standing.answer.best ? "label" : "correction", standing.captureUs);
  }

  /**
   * A digit says which class of the chosen task is right, Y that the answer is, N chooses the next task.
   * @param {string} key
   * @returns {boolean} whether it was for us
   */
  press(key) {
    const tasks = [...this.#standing.keys()];
    const label = KEYS.indexOf(key);
    if (tasks.length === 0) return false;
    if (key === "n") this.#chosen = tasks[(tasks.indexOf(this.#chosen) + 1) % tasks.length];
    else if (key === "y") this.say(this.#chosen, this.#standing.get(this.#chosen)?.answer.best ?? 0);
    else if (key.length === 1 && label >= 0) this.say(this.#chosen, label);
    else return false;
    return true;
  }

  /** @param {HTMLElement} list */
  show(list) {
    const nameOf = (/** @type {[string, Standing]} */ [task]) => task;
    keepChildren(list, [...this.#standing], nameOf, (/** @type {[string, Standing]} */ [task]) => this.#build(task),
      (/** @type {HTMLElement} */ item, /** @type {[string, Standing]} */ [task, standing]) => this.#fill(item, task, standing));
  }

  /** @param {string} task */
  #build(task) {
    const classes = this.#classes(task);
    const choices = make("div", { class: "choices", role: "group", "aria-label": `what is right: ${words(task)}` });
    if (classes.length <= MOST_BUTTONS) {
      choices.append(...classes.map((name, n) => {
        const key = make("kbd", {}, KEYS[n] ?? "");
        const button = make("button", { type: "button", "aria-label": `right is ${words(name)}` }, ...(n < KEYS.length ? [key, " "] : []), words(name));
        button.addEventListener("click", () => this.say(task, n));
        return button;
      }));
    } else {
      const list = /** @type {HTMLSelectElement} */ (make("select", { "aria-label": `right is, for ${words(task)}` },
        make("option", { value: "" }, "right is …"), ...classes.map((name, n) => make("option", { value: n }, words(name)))));
      list.addEventListener("change", () => list.value !== "" && this.say(task, Number(list.value)));
      choices.append(list);
    }
    return make("li", {}, make("h3", {}, words(task)), make("p", { class: "answer" }, make("b"), make("span")), choices, make("p", { class: "note" }));
  }

  /** @param {HTMLElement} item @param {string} task @param {Standing} standing */
  #fill(item, task, { answer, told, label }) {
    const [, said, choices, note] = item.children;
    const sure = probabilities(answer)[answer.best];
    setText(said.children[0], words(this.#classes(task)[answer.best] ?? ""));
    setText(said.children[1], ` ${Math.round(100 * sure)} %`);
    setText(note, told === 0 ? "Is that right? Say what is." : `You said ${words(label)}, ${told === 1 ? "once" : `${told} times`}; this answer is by version ${answer.model} of your agent.`);
    setClass(item, "chosen", task === this.#chosen);
    [...choices.children].forEach((button, n) => {
      if (button.tagName === "BUTTON") setAttribute(button, "aria-pressed", String(told > 0 && label === this.#classes(task)[n]));
    });
  }
}
