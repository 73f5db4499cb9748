// The keyboard: from the first moment, with nothing clicked, and never while someone types or a dialog is open.

const NAMED = {
  enter: "accept", " ": "acceptOne", s: "skip", f: "flag", u: "undo", h: "hide", x: "invisible", delete: "invisible",
  backspace: "invisible", "+": "larger", "=": "larger", "-": "smaller", 0: "fit", "?": "help",
}; // prettier-ignore
const ARROWS = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] };
const TYPED_IN = "input, textarea, select, [contenteditable]:not([contenteditable=false])";
const OWN_KEYS = ["enter", " ", "tab", ...Object.keys(ARROWS)]; // what a focused button or link uses itself

export function bindKeys(editor) {
  const listening = new AbortController();
  const { signal } = listening;
  let released = false; // Esc gave Tab back to the page

  document.addEventListener("keydown", (event) => {
    if (!editor.root.isConnected) return listening.abort();
    const away = editor.root.offsetParent === null || document.querySelector("dialog[open]");
    if (away || event.defaultPrevented || event.isComposing || editor.stage.drag) return;
    // For a moment after a dialog was closed, the focus is still on what is no longer there.
    const active = document.activeElement;
    const focused = active?.checkVisibility() ? active : null;
    if (focused?.closest(TYPED_IN)) return;
    const key = event.key.toLowerCase();
    if (focused?.closest("button, a, summary, [role=tab]") && OWN_KEYS.includes(key)) return;
    if (key === "escape") {
      released = true;
      editor.root.focus({ preventScroll: true });
      return;
    }
    if (key === "tab" && released) return;
    if (handle(editor, event, key)) {
      released = false;
      event.preventDefault();
    }
  }, { signal }); // prettier-ignore

  // A mouse click on a button leaves the keyboard with the editor; a keyboard's own press leaves the focus where it is.
  document.addEventListener("click", (event) => {
    if (!editor.root.isConnected) return listening.abort();
    const button = event.target.closest?.("button, [role=tab]");
    if (event.detail > 0 && button && !document.querySelector("dialog[open]")) button.blur();
  }, { signal }); // prettier-ignore
}

function handle(editor, event, key) {
  const { shiftKey, altKey } = event;
  const ctrl = event.ctrlKey || event.metaKey;
  const arrow = ARROWS[key];
  if (arrow) {
    if (!editor.entry) return false;
    const [dx, dy] = arrow.map((value) => value * (shiftKey ? 5 : 1));
    const edge = ctrl ? (dx ? "e" : "s") : altKey ? (dx ? "w" : "n") : "move";
    editor.nudge(edge, dx, dy);
    return true;
  }
  if (ctrl && key === "z") return done(editor, shiftKey ? "redo" : "undo");
  if (ctrl && key === "y") return done(editor, "redo");
  if (ctrl || altKey) return false;
  if (key === "tab") return editor.entry ? done(editor, shiftKey ? "previousCharacter" : "nextCharacter") : false;
  const name = NAMED[key];
  // A key held down moves a box, but never decides about word after word.
  if (event.repeat && ["accept", "skip", "flag", "acceptOne", "invisible"].includes(name)) return true;
  return name ? done(editor, name) : false;
}

function done(editor, name) {
  editor.run(name);
  return true;
}
