// What can be done by key: one table, from which keys are bound, shown on buttons, listed under "?" and changed there.
//
// A key is written as on a keyboard, modifiers first: "s", "Space", "Ctrl+Shift+z", "?". Letters are those of the
// layout, or those printed on a Latin keyboard where the layout has others (Greek, Cyrillic, Hebrew ...).

import { setting } from "./settings.js";

const STORED = "charloc.keys";

// `once`: a key held down does it once. `hold`: the same, and if held, letting go undoes it. `nudge`: Shift, Ctrl and Alt vary it. `fixed`: not to be changed.
export const ACTIONS = [
  { name: "accept", group: "Word", keys: ["Enter"], does: "accept the rest, next word", once: true },
  { name: "skip", group: "Word", keys: ["s"], does: "skip: leave the rest open (what you corrected is kept)", once: true },
  { name: "flag", group: "Word", keys: ["f"], does: "flag: transcript or image is wrong", once: true },
  { name: "undo", group: "Word", keys: ["u", "Ctrl+z"], does: "undo, also back into earlier words" },
  { name: "redo", group: "Word", keys: ["Ctrl+Shift+z", "Ctrl+y"], does: "redo, also forward into later words" },
  { name: "edit", group: "Word", keys: ["t"], does: "correct the transcript (Enter takes it, Esc leaves it as it was)", once: true },
  { name: "history", group: "Word", keys: ["i"], does: "who said what of this word, and when", once: true },
  { name: "tag", group: "Word", keys: ["g"], does: "tags of the word", once: true },
  { name: "acceptOne", group: "Character", keys: ["Space"], does: "accept this character, next character", once: true },
  { name: "nextCharacter", group: "Character", keys: ["Tab"], does: "next character" },
  { name: "previousCharacter", group: "Character", keys: ["Shift+Tab"], does: "previous character" },
  { name: "invisible", group: "Character", keys: ["x", "Delete", "Backspace"], does: "the character is not visible, or is again", once: true },
  { name: "addBox", group: "Character", keys: ["b"], does: "put a box where there is none", once: true },
  { name: "merge", group: "Character", keys: ["m"], does: "join with the next: the two are one character", once: true },
  { name: "split", group: "Character", keys: ["Shift+m"], does: "split into letter and marks, or a ligature into letters", once: true },
  { name: "left", group: "Box", keys: ["ArrowLeft"], does: "move left by 1 pixel of the image", nudge: [-1, 0] },
  { name: "right", group: "Box", keys: ["ArrowRight"], does: "move right", nudge: [1, 0] },
  { name: "up", group: "Box", keys: ["ArrowUp"], does: "move up", nudge: [0, -1] },
  { name: "down", group: "Box", keys: ["ArrowDown"], does: "move down", nudge: [0, 1] },
  { name: "hide", group: "View", keys: ["h"], does: "hide or show the boxes; held down, for as long", once: true, hold: true },
  { name: "overlay", group: "View", keys: ["o"], does: "over the image: boxes and letters, letters only, nothing", once: true },
  { name: "contrast", group: "View", keys: ["c"], does: "contrast: as it is, high, light and dark exchanged", once: true },
  { name: "points", group: "View", keys: ["p"], does: "centres instead of boxes, or boxes again", once: true },
  { name: "follow", group: "View", keys: ["l"], does: "whether the others follow while you move one", once: true },
  { name: "larger", group: "View", keys: ["+", "="], does: "larger; kept from word to word" },
  { name: "smaller", group: "View", keys: ["-"], does: "smaller" },
  { name: "fit", group: "View", keys: ["0"], does: "to fit" },
  { name: "help", group: "View", keys: ["?"], does: "all keys, and changing them", once: true },
  { name: "leave", group: "View", keys: ["Escape"], does: "leave the image: Tab goes through the page again", fixed: true },
]; // prettier-ignore

const KEYS = ["Enter", "Space", "Tab", "Escape", "Backspace", "Delete", "Insert", "Home", "End", "PageUp", "PageDown",
  "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]; // prettier-ignore
const SHOWN = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc", "-": "−" };

// The key of an event without its modifiers; null for one that cannot be bound (a lone modifier, F5 ...).
export function baseKey(event) {
  if (event.key === " ") return "Space";
  if (KEYS.includes(event.key)) return event.key;
  const ascii = /^[\x21-\x7e]$/.test(event.key);
  const [, printed] = /^(?:Key([A-Z])|Digit([0-9]))$/.exec(event.code)?.filter((part) => part !== undefined) ?? [];
  if (ascii && !(event.altKey && printed && !altGr(event))) return event.key.toLowerCase();
  return printed && !["Unidentified", "Process"].includes(event.key) ? printed.toLowerCase() : null;
}

// The key of an event as it is written in the table; null for one that cannot be bound.
export function keyOf(event) {
  const base = baseKey(event);
  if (!base) return null;
  const sign = base.length === 1 && !/[a-z]/.test(base); // Shift is part of a sign, and AltGr may be
  const typed = altGr(event);
  const ctrl = (event.ctrlKey || event.metaKey) && !typed ? "Ctrl+" : "";
  const alt = event.altKey && !typed ? "Alt+" : "";
  return `${ctrl}${alt}${event.shiftKey && !sign ? "Shift+" : ""}${base}`;
}

function altGr(event) {
  return event.getModifierState?.("AltGraph") ?? false;
}

// A key as a person reads it, in parts: ["Ctrl", "Z"].
export function shown(key) {
  const [, modifiers, base] = /^((?:(?:Ctrl|Alt|Shift)\+)*)(.+)$/.exec(key);
  return [...modifiers.split("+").filter(Boolean), SHOWN[base] ?? (base.length === 1 ? base.toUpperCase() : base)];
}

export class Keymap {
  static STORED = STORED;

  constructor() {
    this.load();
  }

  load() {
    this.own = {};
    try {
      const stored = JSON.parse(localStorage.getItem(STORED)) ?? {};
      for (const { name, fixed } of ACTIONS) {
        const keys = stored[name];
        if (!fixed && Array.isArray(keys) && keys.every((key) => typeof key === "string" && key)) this.own[name] = keys;
      }
    } catch {
      // not ours, or damaged: the keys are those of the table
    }
  }

  keys(name) {
    return this.own[name] ?? ACTIONS.find((action) => action.name === name).keys;
  }

  changed(name) {
    return name ? name in this.own : Object.keys(this.own).length > 0;
  }

  // The action an event's key stands for; undefined if none.
  action(event) {
    const key = keyOf(event);
    return key ? (this.named(key) ?? this.nudged(baseKey(event))) : undefined;
  }

  named(key) {
    return ACTIONS.find(({ name }) => this.keys(name).includes(key));
  }

  nudged(base) {
    return ACTIONS.find(({ name, nudge }) => nudge && this.keys(name).includes(base));
  }

  // Why a key cannot be given to an action, in words; "" if it can be.
  refusal(action, key) {
    if (action.nudge && key.length > 1 && key.includes("+")) return "Take a key alone: Shift, Ctrl and Alt vary it.";
    const holder = this.holder(key);
    return holder?.fixed ? "Esc always leaves the image." : "";
  }

  // The action that has a key already; undefined if none.
  holder(key) {
    const base = /([^+]+|\+)$/.exec(key)[0];
    return this.named(key) ?? (key === base ? undefined : this.nudged(base));
  }

  // Give a key to an action in place of its `at`-th; who had it before loses it.
  assign(name, at, key) {
    const holder = this.holder(key);
    if (holder) this.own[holder.name] = this.keys(holder.name).filter((each) => each !== key);
    const keys = [...this.keys(name)];
    keys[at] = key;
    this.own[name] = [...new Set(keys)];
    this.save();
  }

  reset() {
    this.own = {};
    this.save();
  }

  save() {
    if (this.changed()) setting(STORED, JSON.stringify(this.own));
    else localStorage.removeItem(STORED);
  }
}
