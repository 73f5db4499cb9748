// The rows of suspicious words: picture, transcript, what it more likely says, why. Text only ever as text.

import { make } from "./elements.js";

const BUTTONS = [
  ["accept", "Accept", "Accept the suggestion (A)"],
  ["right", "It is right", "The transcript is right: do not show it again (R)"],
  ["flag", "Flag", "Flag it: it is not learned from, nor exported (F)"],
  ["open", "Open", "Open it in the editor (O)"],
];
const TALLEST_PX = 72;
const LARGEST = 2; // times its own size

// Fill `list` with a row for each of `words`; those in `done` (id -> {text}) say what was done.
export function draw(list, words, done, writes) {
  const known = new Map([...list.children].map((row) => [row.dataset.id, row]));
  list.replaceChildren(
    ...words.map((word) => {
      const row = known.get(String(word.id)) ?? make("li", "cl-suspect");
      fill(row, word, done.get(word.id), writes);
      return row;
    }),
  );
}

function fill(row, word, done, writes) {
  const state = JSON.stringify([done?.text, word.score, word.text, word.suggestion, writes]);
  if (row.dataset.state === state) return;
  row.dataset.state = state;
  row.dataset.id = word.id;
  row.tabIndex = -1;
  row.toggleAttribute("data-done", Boolean(done));
  row.setAttribute("aria-label", label(word, done));
  row.replaceChildren(picture(word), said(word), done ? undone(done, writes) : buttons(word, writes));
}

function picture(word) {
  const frame = make("span", "cl-picture");
  const scale = Math.min(LARGEST, TALLEST_PX / word.height);
  const size = { width: Math.round(word.width * scale), height: Math.round(word.height * scale) };
  const image = make("img", { loading: "lazy", alt: `Picture ${word.name}`, ...size, src: word.image });
  frame.title = word.name;
  frame.append(image);
  return frame;
}

function said(word) {
  const block = make("div", "cl-said");
  const text = make("p", "cl-text");
  text.dir = word.rtl ? "rtl" : "auto";
  const was = make("bdi", "cl-was");
  text.append(was);
  if (!word.suggestion) was.textContent = visible(word.text);
  else {
    const arrow = make("span", "cl-arrow", word.rtl ? "←" : "→");
    arrow.setAttribute("aria-hidden", "true");
    const likely = make("bdi", "cl-likely");
    for (const [kind, run] of word.difference) {
      if (kind !== "new") was.append(kind === "same" ? visible(run) : make("del", "", visible(run)));
      if (kind !== "gone") likely.append(kind === "same" ? visible(run) : make("ins", "", visible(run)));
    }
    text.append(" ", arrow, " ", likely);
  }
  const why = make("p", "cl-why");
  const chance = make("b", "", `${Math.round(100 * word.score)} %`);
  chance.title = "How probable it is that something is wrong";
  const other = word.other ? `: ${word.other.name} “${visible(word.other.text)}”` : "";
  why.append(chance, ` ${[word.why, ...word.also].join("; ")}${other}`, make("span", "cl-name", word.name));
  block.append(text, why);
  return block;
}

function buttons(word, writes) {
  const group = make("div", "cl-acts");
  for (const [act, text, title] of BUTTONS) {
    if (act === "accept" && !word.suggestion) continue;
    if (act !== "open" && !writes) continue;
    group.append(acting(act, text, title));
  }
  return group;
}

function undone(done, writes) {
  const group = make("div", "cl-acts");
  group.append(make("span", "cl-done", visible(done.text)));
  if (writes) group.append(acting("undo", "Undo"));
  return group;
}

// The list hears the click.
function acting(act, text, title = "") {
  const made = make("button", act === "accept" ? "cl-primary" : "", text);
  Object.assign(made, { type: "button", title, tabIndex: -1 }); // keys do it; the row is what Tab reaches
  made.dataset.act = act;
  return made;
}

function label(word, done) {
  const likely = word.suggestion ? `, more likely ${word.suggestion.join("")}` : "";
  return `${word.text}${likely}: ${word.why}${done ? `. ${done.text}` : ""}`;
}

// Characters that steer layout, by their number: they must neither be missed nor turn the line.
function visible(text) {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (c) => (c === "\u200c" || c === "\u200d" ? c : `‹U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}›`));
}
