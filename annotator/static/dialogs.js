// The dialogs: what is wrong with a word, and the keys.

import { flag } from "./deciding.js";
import { ACTIONS, shown } from "./keymap.js";

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
  editor.part("flag-no").addEventListener("click", () => dialog.close());
  reason.addEventListener("keydown", (event) => {
    const number = Number(/^Digit([1-9])$/.exec(event.code)?.[1] ?? event.key);
    const choice = dialog.querySelectorAll(".cl-reasons button")[number - 1];
    if (!choice || reason.value || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    say(choice.value);
  });
}

export function openHelp(editor) {
  const list = editor.part("keys");
  list.replaceChildren();
  for (const { name, does } of ACTIONS) {
    const keys = make("dt", "");
    for (const key of editor.keymap.keys(name)) keys.append(make("kbd", shown(key).join(" ")), " ");
    list.append(keys, make("dd", does));
  }
  editor.part("help").showModal();
}

function make(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}
