// What the names of buttons and keys do. The names, and their keys, stand in keymap.js.

import * as deciding from "./deciding.js";
import { openFlag } from "./flagging.js";

const ALWAYS = {
  help: (editor) => editor.keyDialog.open(),
  undo: (editor) => editor.words && deciding.undo(editor),
  redo: (editor) => editor.words && deciding.redo(editor),
};

const WITH_A_WORD = {
  accept: deciding.accept,
  skip: deciding.skip,
  flag: openFlag,
  acceptOne: (editor) => editor.acceptOne(),
  invisible: (editor) => editor.toggleInvisible(),
  nextCharacter: (editor) => editor.step(1),
  previousCharacter: (editor) => editor.step(-1),
  hide: ({ view }) => view.hide(),
  overlay: ({ view }) => view.nextOverlay(),
  contrast: ({ view }) => view.nextContrast(),
  larger: ({ stage }) => stage.setZoom(stage.zoom * 1.25),
  smaller: ({ stage }) => stage.setZoom(stage.zoom / 1.25),
  fit: ({ stage }) => stage.setZoom(1),
};

export const NAMES = [...Object.keys(ALWAYS), ...Object.keys(WITH_A_WORD)];

// Do what a button or key names. What needs a word does nothing without one.
export function run(editor, name) {
  const action = ALWAYS[name] ?? (editor.entry && WITH_A_WORD[name]);
  action?.(editor);
}
