// The keyboard: from the first moment, with nothing clicked, and never while someone types or a dialog is open.

import { keyOf, shown } from "./keymap.js";

const TYPED_IN = "input, textarea, select, [contenteditable]:not([contenteditable=false])";
const OWN_KEYS = ["Enter", "Space", "Tab", "Shift+Tab", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]; // a focused button's or tab's

const HELD_MS = 350;

export function bindKeys(editor, keymap) {
  const { signal } = editor;
  let released = false; // Esc gave Tab back to the page

  document.addEventListener("keydown", (event) => {
    if (!editor.root.isConnected) return;
    const away = editor.root.offsetParent === null || document.querySelector("dialog[open]");
    if (away || event.defaultPrevented || event.isComposing || editor.stage.drag) return;
    // For a moment after a dialog was closed, the focus is still on what is no longer there.
    const active = document.activeElement;
    const focused = active?.checkVisibility() ? active : null;
    if (focused?.closest(TYPED_IN)) return;
    const key = keyOf(event);
    if (focused?.closest("button, a, summary, [role=tab]") && OWN_KEYS.includes(key)) return;
    const action = keymap.action(event);
    if (!action || (released && /Tab$/.test(key))) return;
    if (action.name === "leave") {
      released = true;
      editor.root.focus({ preventScroll: true });
      return;
    }
    // Without a word, arrows scroll and Tab goes through the page.
    if (!editor.entry && (action.nudge || /Tab$/.test(key))) return;
    released = false;
    event.preventDefault();
    // A key held down moves a box, but never decides about word after word.
    if (event.repeat && action.once) return;
    act(editor, action, event);
    if (action.hold) whenLetGo(event, () => act(editor, action, event));
  }, { signal }); // prettier-ignore

  // A mouse click on a button leaves the keyboard with the editor; a keyboard's own press leaves the focus where it is.
  document.addEventListener("click", (event) => {
    if (!editor.root.isConnected) return;
    const button = event.target.closest?.("button, [role=tab]");
    if (event.detail > 0 && button && !document.querySelector("dialog[open]")) button.blur();
  }, { signal }); // prettier-ignore
}

function act(editor, action, event) {
  if (!action.nudge) return editor.run(action.name);
  const [dx, dy] = action.nudge.map((value) => value * (event.shiftKey ? 5 : 1));
  const ctrl = event.ctrlKey || event.metaKey;
  editor.nudge(ctrl ? (dx ? "e" : "s") : event.altKey ? (dx ? "w" : "n") : "move", dx, dy);
}

// Call `then` once the key of an event is let go, if it was held rather than tapped.
function whenLetGo(pressed, then) {
  const since = performance.now();
  const listening = new AbortController();
  const letGo = (event) => {
    if (event.type === "keyup" && event.code !== pressed.code) return;
    listening.abort();
    if (performance.now() - since >= HELD_MS) then();
  };
  document.addEventListener("keyup", letGo, { signal: listening.signal });
  window.addEventListener("blur", letGo, { signal: listening.signal });
}

// Write on the buttons which key does the same.
export function showKeys(root, keymap) {
  for (const button of root.querySelectorAll("[data-do]")) {
    const keys = keymap.keys(button.dataset.do);
    const hint = button.querySelector("kbd");
    if (hint) hint.textContent = keys.length ? shown(keys[0]).join(" ") : "";
    button.ariaKeyShortcuts = keys.map((key) => key.replace("Ctrl", "Control")).join(" ") || null;
  }
}
