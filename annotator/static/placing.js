// What a person says of the selected character: where it is, that it is right, that it is not to be seen. Each is a step
// to undo, together with where the others go because of it.

import { defaultBox, moved, tidy } from "./geometry.js";
import { followed } from "./marks.js";

const SAME_STEP_MS = 700; // nudges closer than this are one step to undo

// Put a character's box; `going`: a part of the step before. `alone`: the others stay where they are.
export function pin(editor, index, box, going, alone = false) {
  begin(editor.entry, index);
  mark(editor, index, { state: "pinned", box }, going);
  editor.entry.held = alone;
  if (alone) editor.live.drop();
  else editor.live.ask(editor.entry);
}

// What follows is measured by where it stood before this character was touched: a nudge to the right place leads through
// wrong ones.
function begin(entry, index) {
  if (entry.since?.index !== index) entry.since = { index, marks: entry.marks };
}

function mark(editor, index, said, going = false) {
  editor.change(editor.entry.marks.map((each, i) => (i === index ? said : each)), going);
}

// Move the selected box (handle "move") or one of its edges by image pixels.
export function nudge(editor, handle, dx, dy) {
  const { entry, stage } = editor;
  const { width, height } = entry.word;
  const { box } = entry.marks[entry.selected];
  if (!box) return lacks(editor);
  const now = performance.now();
  const before = editor.nudged;
  const same = before?.entry === entry && before.index === entry.selected;
  const going = same && entry.undo.length === before.steps && now - before.at < SAME_STEP_MS;
  const edge = stage.points ? "move" : handle; // a centre has no edges
  pin(editor, entry.selected, moved(box, edge, dx, dy, width, height), going);
  editor.nudged = { entry, index: entry.selected, at: now, steps: entry.undo.length };
  stage.reveal();
}

function lacks(editor) {
  const { word, selected } = editor.entry;
  const space = !word.characters[selected]?.trim();
  editor.toast(space ? "A space has no box." : "This character has no box yet. B puts one; or drag over the image.");
}

// A box for a character without one, between its neighbours; from there the keys move it.
export function addBox(editor) {
  const { word, marks, selected } = editor.entry;
  if (marks[selected]?.box) return editor.toast("This character has its box already: the arrows move it.");
  if (!word.characters[selected]?.trim()) return lacks(editor);
  const boxes = marks.map((each) => each.box);
  pin(editor, selected, defaultBox(selected, boxes, word.order, word.width, word.height), false);
  editor.stage.reveal();
}

export function acceptOne(editor) {
  const { marks, selected } = editor.entry;
  const { state, box } = marks[selected];
  if (!box && state === "untouched") return lacks(editor);
  if (state === "untouched") mark(editor, selected, { state: "accepted", box });
  editor.step(1);
}

export function toggleInvisible(editor) {
  const { word, marks, selected } = editor.entry;
  const gone = marks[selected].state === "invisible";
  begin(editor.entry, selected);
  mark(editor, selected, gone ? { state: "untouched", box: word.boxes[selected] } : { state: "invisible", box: null });
  editor.live.ask(editor.entry);
}

// The untouched characters take the places they have under what was said: a part of the same step.
export function follow(editor, entry, boxes, confidence) {
  const { word, marks, since } = entry;
  const within = boxes.map((box) => box && tidy(box, word.width, word.height));
  entry.marks = followed(word, marks, since?.marks ?? marks, within, confidence);
  editor.stage.update(true);
  editor.draw();
  if (entry.undo.length) editor.rememberSoon(entry); // a word that was only looked at is no unfinished work
}

// A drag that was none after all: as if it had not been.
export function cancelStep(editor) {
  const { entry } = editor;
  editor.put(entry.undo.pop());
  if (entry.undo.length) editor.remember(entry);
  else editor.words.drafts.forget(entry);
}
