// The dialog that asks what is wrong with a word.

import { flag } from "./deciding.js";

export function openFlag(editor) {
  editor.part("reason").value = "";
  editor.part("flag").showModal();
  editor.part("reason").focus();
}

export function bindFlag(editor) {
  const dialog = editor.part("flag");
  const reason = editor.part("reason");
  const say = (text) => {
    dialog.close();
    flag(editor, text);
  };
  dialog.addEventListener("click", (event) => {
    const button = event.target.closest(".cl-reasons button");
    if (button) say(button.value);
  });
  dialog.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    say(reason.value);
  });
  editor.part("flag-edit").addEventListener("click", () => {
    dialog.close();
    editor.run("edit");
  });
  editor.part("flag-no").addEventListener("click", () => dialog.close());
  reason.addEventListener("keydown", (event) => {
    const number = Number(/^Digit([1-9])$/.exec(event.code)?.[1] ?? event.key);
    const choice = dialog.querySelectorAll(".cl-reasons button")[number - 1];
    if (!choice || reason.value || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    say(choice.value);
  });
}
