// The table of rounds, newest first, and how its numbers are written.

import { button as pressed, make } from "./elements.js";

const NONE = "–";

// `rows` is the table's body; act: { goBack(round), compare(round) }.
export function fillTable(rows, rounds, seen, act) {
  const focused = rows.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  rows.replaceChildren(...rounds.map((round) => row(round, round.id === seen, act)));
  if (focused) rows.querySelector(`[data-key="${focused}"]`)?.focus();
}

function row(round, seen, act) {
  const made = make("tr");
  made.dataset.state = round.state;
  if (seen) made.setAttribute("aria-current", "true");
  const parent = round.parent !== null && round.parent !== round.number - 1 ? ` from ${round.parent}` : "";
  const begun = [round.begun.init === "flat" ? "flat" : "", round.begun.fresh ? "afresh" : ""].filter(Boolean);
  const cells = [
    [`${round.number}`, parent],
    [round.method, begun.join(", ")],
    [round.state, seen ? "shown" : ""],
    round.finished_at ? when(round.finished_at) : [NONE],
    [number(round.words || null, 0)],
    [number(round.moved, 0)],
    [number(round.log_likelihood, 2)],
    [wrong(round.prequential), off(round.prequential)],
    [wrong(round.heldback), off(round.heldback)],
    [duration(round.seconds), round.words_per_s === null ? "" : `${number(round.words_per_s, 0)} words/s`],
  ];
  made.append(...cells.map(([text, more]) => cell(text, more)));
  made.append(actions(round, seen, act));
  if (round.message) made.title = round.message;
  return made;
}

function cell(text, more = "") {
  return make("td", "", text, ...(more ? [" ", make("small", "", more)] : []));
}

function actions(round, seen, act) {
  const made = make("td");
  if (round.state !== "finished") return made;
  made.append(button("Compare", `compare${round.id}`, `Compare round ${round.number}`, () => act.compare(round)));
  if (!seen) {
    const title = "People see it then, and the next round starts from it. Nothing is removed.";
    const back = button("Show", `back${round.id}`, `Show round ${round.number}`, () => act.goBack(round));
    back.dataset.least = "owner";
    back.title = title;
    made.append(back);
  }
  return made;
}

function button(text, key, label, act) {
  const made = pressed(text, act);
  made.dataset.key = key;
  made.setAttribute("aria-label", label);
  return made;
}

function wrong(judged) {
  return judged?.chars ? `${judged.wrong} of ${judged.chars} (${percent(judged.wrong / judged.chars, 0)})` : NONE;
}

function off(judged) {
  return judged?.chars ? `off by ${number(judged.centre_h, 3)} h` : "";
}

function when(time) {
  const at = new Date(time);
  return [at.toLocaleDateString([], { dateStyle: "medium" }), at.toLocaleTimeString([], { timeStyle: "short" })];
}

export function percent(share, digits) {
  return `${number(100 * share, digits)} %`;
}

export function number(value, digits) {
  if (value === null || value === undefined) return NONE;
  return value.toLocaleString([], { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function duration(seconds) {
  if (seconds === null) return NONE;
  if (seconds < 60) return `${number(seconds, Number.isInteger(seconds) ? 0 : 1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
