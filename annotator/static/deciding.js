// What a person decides about words, and taking it back: each decision goes into the outbox before the next word comes.

import { changedText } from "./transcript.js";

export function accept(editor) {
  const { entry, transcript } = editor;
  if (transcript.pending) return acceptSoon(editor);
  const rest = entry.marks.map((mark) => (mark.state === "untouched" && mark.box ? { ...mark, state: "accepted" } : mark));
  if (rest.every((mark) => mark.state === "untouched")) {
    return editor.toast("There are no boxes to accept yet. Train a round for a first guess, or draw them.");
  }
  decide(editor, "boxes", rest);
}

// The boxes of a changed transcript are on their way: what is accepted is what is shown then.
async function acceptSoon(editor) {
  const { entry, transcript } = editor;
  if (editor.acceptsSoon === entry) return;
  editor.acceptsSoon = entry;
  editor.toast("Finding the new characters …");
  while (transcript.pending) await transcript.pending;
  editor.acceptsSoon = null;
  if (entry === editor.entry) accept(editor);
}

export function skip(editor) {
  const { marks, word } = editor.entry;
  const yours = marks.filter((mark) => mark.state !== "untouched").length;
  if (yours) editor.toast(`Kept what you said about ${yours} ${yours === 1 ? "character" : "characters"}; the rest is open.`);
  else if (changedText(word)) editor.toast("Kept the transcript; the boxes are open.");
  decide(editor, yours ? "boxes" : "skip", marks);
}

export function flag(editor, reason) {
  if (editor.entry) decide(editor, "flag", [], reason.trim() || "Flagged");
}

function decide(editor, kind, marks, reason = "") {
  const wrong = kind === "boxes" ? editor.contradiction(marks) : null;
  if (wrong) return editor.toast(wrong);
  if (post(editor, { kind, marks, reason })) editor.words.undone = []; // what was taken back before is not done again
}

// Put a decision about the word in hand into the outbox and go on; false if this browser cannot keep it.
function post(editor, said) {
  const { entry } = editor;
  const marks = said.kind === "boxes" ? said.marks : [];
  const uuid = keep(editor, entry, said.kind, marks, said.reason, changedText(entry.word));
  if (!uuid) return false;
  editor.words.decided(entry, uuid, said);
  editor.progress.decided();
  editor.next();
  return true;
}

// A decision's uuid once it is in the outbox, or null if this browser cannot keep it.
function keep(editor, entry, kind, marks, reason, text) {
  const { word, base } = entry;
  const characters = marks.map(({ state, box }) => ({ state, box }));
  const decision = { word_id: word.id, word_key: word.key, kind, characters, reason, text, round_id: word.round_id, base_id: base.id };
  if (word.lease) decision.lease = word.lease; // what it was handed out under
  if (word.audit) decision.audit = word.audit; // what is said there corrects nothing
  const about = { name: word.name, text: word.text, imported: word.imported.join(""), image: word.image, width: word.width, height: word.height };
  for (const making of [() => {}, () => editor.words.drafts.forget(entry)]) {
    try {
      making(); // room: what is decided is no unfinished work
      return editor.outbox.add(decision, base.uuid, about);
    } catch {
      // storage is full
    }
  }
  editor.toast("This browser cannot store anything more. Wait until everything is saved, then try again.");
  return null;
}

// Take back the last step; in a word without any, the decision about the word before.
export function undo(editor) {
  const { entry, words } = editor;
  if (entry?.undo.length) {
    entry.redo.push(editor.snapshot());
    return restore(editor, entry.undo.pop());
  }
  const last = words.past.at(-1);
  if (!last) return editor.toast("Nothing to undo.");
  const before = last.entry.before ?? { kind: "clear", characters: [], reason: "", text: null };
  const uuid = keep(editor, last.entry, before.kind, before.characters, before.reason, before.text);
  if (!uuid) return;
  words.back(uuid);
  editor.progress.takenBack();
  if (last.entry.undo.length) editor.remember(last.entry);
  editor.open();
  editor.toast("Back to the word before; what was said about it is taken back.");
}

// Do again what was taken back last: a step, or the decision about the word.
export function redo(editor) {
  const { entry, words } = editor;
  if (entry?.redo.length) {
    entry.undo.push(editor.snapshot());
    return restore(editor, entry.redo.pop());
  }
  const again = words.undone.at(-1);
  if (!again || again.entry !== entry) return editor.toast("Nothing to redo.");
  if (post(editor, again.said)) words.undone.pop();
}

function restore(editor, step) {
  editor.put(step);
  editor.rememberSteps(editor.entry);
}
