// Tags of the word in the editor: a small dialog, opened by a key.

import { ask } from "./asking.js";
import { button, make } from "./elements.js";

export async function openTags(editor) {
  const { word } = editor.entry;
  const dialog = make("dialog", "cl-dialog");
  dialog.setAttribute("aria-label", "Tags");
  const form = make("form", { method: "dialog" });
  const list = make("div", "cl-reasons");
  const input = make("input", { type: "text", maxLength: 60, autocomplete: "off" });
  const label = make("label", "", "New tag ", input);
  const said = make("p");
  said.setAttribute("role", "status");
  const close = button("Close", () => dialog.close());
  const menu = make("menu", "", close, make("button", { type: "submit", className: "cl-primary" }, "Add"));
  form.append(make("h2", "", "Tags of this word"), list, label, said, menu);
  dialog.append(form);
  editor.root.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());

  // Whether it was done.
  async function tag(name, on) {
    const { ok, detail } = await ask("/api/tags", { ids: [word.id], name, on });
    said.textContent = detail;
    return ok;
  }

  async function draw() {
    const { ok, answer, detail } = await ask(`/api/tags?ids=${word.id}`);
    said.textContent = detail;
    if (!ok) return;
    const mine = answer.of[word.id] ?? [];
    list.replaceChildren(
      ...answer.tags.map(({ name }) => {
        const on = mine.includes(name);
        const turn = button(name, async () => (await tag(name, !on)) && draw());
        turn.setAttribute("aria-pressed", String(on));
        turn.prepend(make("b", "", on ? "✓" : "+"));
        return turn;
      }),
    );
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const name = input.value.trim();
    if (!name) return dialog.close();
    if (!(await tag(name, true))) return;
    input.value = "";
    await draw();
  });
  dialog.showModal();
  input.focus();
  await draw();
}
