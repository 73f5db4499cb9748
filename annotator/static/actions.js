// What the names of buttons and keys do. The names, and their keys, stand in keymap.js.

import * as deciding from "./deciding.js";
import { openFlag } from "./flagging.js";
import { showHistory } from "./history.js";
import { may } from "./session.js";
import { openTags } from "./tagging.js";
import { acceptOne, addBox, toggleInvisible } from "./placing.js";

const ALWAYS = {
  help: (editor) => editor.keyDialog.open(),
  undo: (editor) => editor.words && deciding.undo(editor),
  redo: (editor) => editor.words && deciding.redo(editor),
  points: ({ stage }) => stage.setPoints(!stage.points),
  follow: (editor) => {
    editor.live.setOn(!editor.live.on);
    editor.toast(editor.live.on ? "The others follow while you move one." : "The others stay while you move one.");
  },
};

const WITH_A_WORD = {
  accept: deciding.accept,
  skip: deciding.skip,
  flag: openFlag,
  acceptOne,
  invisible: toggleInvisible,
  addBox,
  tag: openTags,
  edit: ({ transcript }) => transcript.open(),
  merge: ({ transcript }) => transcript.merge(),
  split: ({ transcript }) => transcript.split(),
  nextCharacter: (editor) => editor.step(1),
  previousCharacter: (editor) => editor.step(-1),
  hide: ({ view }) => view.hide(),
  overlay: ({ view }) => view.nextOverlay(),
  contrast: ({ view }) => view.nextContrast(),
  larger: ({ stage }) => stage.setZoom(stage.zoom * 1.25),
  smaller: ({ stage }) => stage.setZoom(stage.zoom / 1.25),
  history: ({ entry }) => showHistory(entry.word.id),
  fit: ({ stage }) => stage.setZoom(1),
};

const CHANGING = ["undo", "redo", "accept", "skip", "flag", "acceptOne", "invisible", "addBox", "edit", "merge", "split", "tag"];
export const LOOKING = "You may look at everything here, and change nothing: you are a reader. Ask an owner.";

export const NAMES = [...Object.keys(ALWAYS), ...Object.keys(WITH_A_WORD)];

// Do what a button or key names. What needs a word does nothing without one.
export function run(editor, name) {
  if (!may("annotator") && CHANGING.includes(name)) return look(editor, name);
  const action = ALWAYS[name] ?? (editor.entry && WITH_A_WORD[name]);
  action?.(editor);
  drawSwitches(editor);
}

// Who may only look goes from word to word, and leaves each as it is.
function look(editor, name) {
  const { entry, words } = editor;
  if (!["accept", "skip"].includes(name)) return editor.toast(LOOKING);
  if (!entry) return;
  words.skipped.add(entry.word.id);
  editor.next();
}

// On a narrow page the actions that are used less are behind a button.
export function bindMore(editor) {
  const [more, rest] = [editor.part("more"), editor.part("rest")];
  const show = (on) => {
    more.setAttribute("aria-expanded", String(on));
    rest.classList.toggle("cl-open", on);
  };
  more.addEventListener("click", () => show(!rest.classList.contains("cl-open")));
  rest.addEventListener("click", (event) => event.target.closest("[data-do=help]") && show(false));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !rest.classList.contains("cl-open")) return;
    show(false);
    more.focus();
    event.stopPropagation();
  }, { capture: true, signal: editor.signal }); // prettier-ignore
  const outside = ({ target }) => more.contains(target) || rest.contains(target) || show(false);
  document.addEventListener("pointerdown", outside, { signal: editor.signal });
}

// Show which switches are on.
export function drawSwitches(editor) {
  for (const [name, on] of [["points", editor.stage.points], ["follow", editor.live.on]]) {
    editor.button(name)?.setAttribute("aria-pressed", String(on));
  }
}
