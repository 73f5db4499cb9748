// The transcript, corrected where it is shown. What a person said of characters that stay is kept; the boxes of the
// others are found anew at once. A step to undo like any other.

import { matched, normalise, parts, recluster, visualOrder } from "./clusters.js";
import { tidy } from "./geometry.js";
import { plain } from "./marks.js";

const TYPING_MS = 120; // typed faster than this, it is solved once
const AGAIN_MS = 2500; // after nobody answered

export class Transcript {
  constructor(editor) {
    this.editor = editor;
    this.shown = editor.part("transcript");
    this.input = editor.part("transcript-input");
    this.seq = 0;
    this.pending = null;
    this.before = null; // the step that a running edit began with
    this.input.addEventListener("input", (event) => event.isComposing || this.typed());
    this.input.addEventListener("compositionend", () => this.typed());
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("blur", () => this.close());
    const bar = editor.part("transcript-bar");
    bar.addEventListener("pointerdown", (event) => event.preventDefault()); // the caret stays where it is
  }

  get editing() {
    return this.before !== null;
  }

  // Show a word's transcript, or nothing.
  show(text) {
    this.shown.textContent = text ? plain(text) : "\u00a0";
    if (this.editing && this.editor.entry !== this.entry) this.close();
  }

  open() {
    const { editor } = this;
    this.entry = editor.entry;
    this.before = editor.snapshot();
    this.steps = this.entry.undo.length;
    this.input.value = this.opened = this.entry.word.text;
    this.toggle(true);
    this.input.focus();
    this.input.select();
  }

  toggle(on) {
    this.shown.hidden = on;
    this.input.hidden = !on;
    this.editor.part("transcript-bar").hidden = !on;
    this.editor.root.classList.toggle("cl-typing", on);
  }

  onKey(event) {
    if (event.isComposing) return;
    if (event.key === "Enter") this.close();
    else if (event.key === "Escape") this.cancel();
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.editor.root.focus({ preventScroll: true });
  }

  typed() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.take(), TYPING_MS);
  }

  // Make what stands in the text box the transcript.
  take() {
    clearTimeout(this.typing);
    const { entry } = this;
    const text = normalise(this.input.value);
    if (!text || text === entry.word.text) return;
    const old = entry.word.characters;
    const now = recluster(old, text);
    const from = matched(old, now);
    const stays = (match, k) => match && (match.same || (old[match.from].trim() && now[k].trim()));
    const marks = from.map((match, k) => (stays(match, k) ? entry.marks[match.from] : { state: "untouched", box: null }));
    const changed = from.findIndex((match) => !match?.same);
    this.replace(entry, now, marks, changed < 0 ? Math.min(entry.selected, now.length - 1) : changed);
  }

  close() {
    if (!this.editing) return;
    const { value } = this.input;
    const typed = value !== this.opened;
    if (typed && this.entry === this.editor.entry) this.take();
    this.stop();
    if (!typed) return;
    if (!normalise(value)) this.editor.toast("A transcript cannot be empty. If nothing is to be read, flag the word.");
    else if (normalise(value) !== value.trim()) this.editor.toast("Invisible characters and double spaces were left out.");
  }

  // As it was before the text box was opened.
  cancel() {
    const { editor, entry, before, steps } = this;
    this.stop();
    if (entry.undo.length <= steps) return;
    entry.undo.length = steps;
    editor.put(before);
    editor.rememberSteps(entry);
  }

  stop() {
    clearTimeout(this.typing);
    this.before = null;
    this.toggle(false);
  }

  // --- characters that were counted wrongly ---

  split() {
    const { entry } = this.editor;
    const { word, marks, selected } = entry;
    const found = parts(word.characters[selected]);
    if (!found) return this.editor.toast(`“${word.characters[selected]}” is one character: it cannot be split.`);
    const pieces = slices(marks[selected].box, found.length, rightToLeft(word, selected));
    const characters = word.characters.toSpliced(selected, 1, ...found);
    this.replace(entry, characters, marks.toSpliced(selected, 1, ...pieces.map((box) => ({ state: "untouched", box }))), selected);
  }

  // Join the selected character with the next one.
  merge() {
    const { entry } = this.editor;
    const { word, marks, selected } = entry;
    const pair = word.characters.slice(selected, selected + 2);
    if (pair.length < 2) return this.editor.toast("There is no character after it to join with.");
    if (pair.some((each) => !each.trim())) return this.editor.toast("A space separates words: it cannot be joined.");
    const two = marks.slice(selected, selected + 2);
    const said = two.every(({ state, box }) => box && ["accepted", "pinned"].includes(state));
    const mark = { state: said ? "pinned" : "untouched", box: around(two.map(({ box }) => box)) };
    this.replace(entry, word.characters.toSpliced(selected, 2, pair.join("")), marks.toSpliced(selected, 2, mark), selected);
  }

  // --- putting it in place ---

  // Show other characters with these marks, then find the places of those that have none of their own.
  replace(entry, characters, marks, selected) {
    const { editor } = this;
    if (!this.editing || entry.undo.length === this.steps) entry.undo.push(editor.snapshot());
    entry.redo = [];
    editor.words.undone = [];
    this.put(entry, {
      characters, order: visualOrder(characters), boxes: marks.map(({ box }) => box),
      confidence: marks.map(() => 0), disagreement: marks.map(() => null),
    }, marks, selected); // prettier-ignore
    this.solve(entry);
    if (this.editing && normalise(this.input.value) !== entry.word.text) this.input.value = entry.word.text;
  }

  put(entry, changes, marks, selected = entry.selected) {
    entry.selected = selected;
    this.editor.put({ word: { ...entry.word, ...changes, text: changes.characters.join("") }, marks });
    this.editor.remember(entry);
  }

  // Ask for the places of these characters. `pending` is there until they are known, or nobody answers.
  solve(entry) {
    const pending = this.ask(entry).finally(() => this.pending === pending && (this.pending = null));
    this.pending = pending;
  }

  async ask(entry) {
    const seq = (this.seq += 1);
    const { word, marks } = entry;
    this.editor.live.drop(); // what was asked about the characters before
    const answer = await this.editor.live.solve(entry);
    const holds = () => seq === this.seq && entry === this.editor.entry && entry.marks === marks;
    if (!holds()) return; // it comes late
    if (!answer) setTimeout(() => holds() && this.solve(entry), AGAIN_MS); // the service may be starting
    if (answer?.detail) this.editor.toast(answer.detail);
    if (answer?.boxes?.length !== marks.length) return;
    const { confidence, order } = answer;
    const boxes = answer.boxes.map((box) => box && tidy(box, word.width, word.height));
    const placed = marks.map((mark, k) => (mark.state === "untouched" ? { state: "untouched", box: boxes[k] } : mark));
    this.put(entry, { characters: word.characters, order, boxes, confidence }, placed);
  }
}

function rightToLeft({ order }, index) {
  const at = order.indexOf(index);
  return order[at + 1] === index - 1 || order[at - 1] === index + 1;
}

function slices(box, count, backwards) {
  if (!box) return Array(count).fill(null);
  const [x0, y0, x1, y1] = box;
  const edge = (k) => Math.round(100 * (x0 + ((x1 - x0) * k) / count)) / 100;
  const all = Array.from({ length: count }, (_, k) => [edge(k), y0, edge(k + 1), y1]);
  return backwards ? all.reverse() : all;
}

function around(boxes) {
  const found = boxes.filter(Boolean);
  if (!found.length) return null;
  const edge = (at, pick) => pick(...found.map((box) => box[at]));
  return [edge(0, Math.min), edge(1, Math.min), edge(2, Math.max), edge(3, Math.max)];
}

// What is sent as a word's transcript: null where it is the one that was imported.
export function changedText({ characters, imported }) {
  const same = characters.length === imported.length && characters.every((each, k) => each === imported[k]);
  return same ? null : characters;
}
