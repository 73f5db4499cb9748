// The map of keys under "?": every action with its keys, from the same table that binds them, and a way to change them.

import { button, make } from "./elements.js";
import { ACTIONS, Keymap, keyOf, shown } from "./keymap.js";
import { showKeys } from "./keys.js";

const HELP = "To change a key, press it here, then the new one. Shift with the arrows moves by 5 pixels, "
  + "Ctrl the right or lower edge, Alt the left or upper edge."; // prettier-ignore

export class KeyDialog {
  constructor(editor) {
    this.editor = editor;
    this.keymap = editor.keymap;
    this.asked = null; // { name, at }: the key that is being changed
    this.dialog = editor.part("help");
    this.note = editor.part("key-note");
    this.dialog.addEventListener("keydown", (event) => this.onKey(event), { capture: true });
    this.dialog.addEventListener("close", () => this.stop());
    editor.part("keys-reset").addEventListener("click", () => this.reset());
    const { signal } = editor;
    window.addEventListener("storage", (event) => event.key === Keymap.STORED && this.keysChanged(), { signal });
    showKeys(editor.root, this.keymap);
  }

  open() {
    this.stop();
    this.dialog.showModal();
    this.dialog.scrollTop = 0;
  }

  draw() {
    const groups = [...new Set(ACTIONS.map(({ group }) => group))];
    const made = groups.map((group) => {
      const lines = ACTIONS.filter((action) => action.group === group).map((action) => this.line(action));
      return make("section", "", make("h3", "", group), make("ul", "", ...lines));
    });
    this.editor.part("keys").replaceChildren(...made);
    this.editor.part("keys-reset").disabled = !this.keymap.changed();
  }

  line(action) {
    const keys = this.keymap.keys(action.name);
    const chips = (keys.length ? keys : [null]).map((key, at) => this.chip(action, key, at));
    return make("li", "", make("span", "", ...chips), make("span", "", action.does));
  }

  chip(action, key, at) {
    const text = key ? shown(key).join(" ") : "no key";
    if (action.fixed) return make("kbd", "", text);
    const asked = this.asked?.name === action.name && this.asked.at === at;
    const chip = button(asked ? "press a key" : text, () => (asked ? this.stop() : this.ask(action, at)), "cl-key");
    chip.dataset.action = action.name;
    chip.dataset.at = at;
    chip.ariaLabel = `${text}: ${action.does}. Change this key`;
    chip.ariaPressed = String(asked);
    return chip;
  }

  ask(action, at) {
    this.asked = { name: action.name, at };
    this.draw();
    this.focus(action.name, at);
    this.say(`Press the new key for “${action.does}”. Esc leaves it as it was.`);
  }

  stop(text = HELP) {
    const { asked } = this;
    this.asked = null;
    this.draw();
    if (asked && this.dialog.open) this.focus(asked.name, asked.at);
    this.say(text);
  }

  onKey(event) {
    if (!this.asked || event.isComposing) return;
    if (["Shift", "Control", "Alt", "Meta", "AltGraph"].includes(event.key)) return;
    const choosing = event.target.closest?.("[data-role=key-note] button");
    if (choosing && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") return this.stop();
    if (event.repeat) return;
    const key = keyOf(event);
    const action = ACTIONS.find(({ name }) => name === this.asked.name);
    if (!key) return this.say("That key cannot be used. Press another one, or Esc.");
    const refusal = this.keymap.refusal(action, key);
    if (refusal) return this.say(`${refusal} Press another one, or Esc.`);
    const holder = this.keymap.holder(key);
    if (!holder || holder.name === action.name) return this.assign(key);
    this.conflict(key, holder);
  }

  // Another action has this key: a person says which one keeps it.
  conflict(key, holder) {
    const text = shown(key).join(" ");
    const take = button("Take it", () => this.assign(key));
    const leave = button("Leave it", () => this.stop());
    this.say(`${text} is the key of “${holder.does}”. `, take, leave);
    leave.focus();
  }

  assign(key) {
    const { name, at } = this.asked;
    this.keymap.assign(name, at, key);
    this.stop(`${shown(key).join(" ")}: ${ACTIONS.find((action) => action.name === name).does}. Remembered in this browser.`);
    showKeys(this.editor.root, this.keymap);
  }

  reset() {
    this.keymap.reset();
    this.stop("All keys are as they were at first.");
    showKeys(this.editor.root, this.keymap);
  }

  // Another tab changed them.
  keysChanged() {
    this.keymap.load();
    this.stop();
    showKeys(this.editor.root, this.keymap);
  }

  focus(name, at) {
    this.dialog.querySelector(`.cl-key[data-action=${name}][data-at="${at}"]`)?.focus();
  }

  say(text, ...buttons) {
    this.note.replaceChildren(text, ...buttons);
  }
}
