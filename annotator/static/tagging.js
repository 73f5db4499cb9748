// Tags of the word in the editor: a small dialog, opened by a key.

export async function openTags(editor) {
  const { word } = editor.entry;
  const dialog = make("dialog", "cl-dialog");
  dialog.setAttribute("aria-label", "Tags");
  const form = Object.assign(make("form"), { method: "dialog" });
  const list = make("div", "cl-reasons");
  const label = make("label", "", "New tag ");
  const input = Object.assign(make("input"), { type: "text", maxLength: 60, autocomplete: "off" });
  label.append(input);
  const said = make("p");
  said.setAttribute("role", "status");
  const menu = make("menu");
  const close = Object.assign(make("button", "", "Close"), { type: "button" });
  close.addEventListener("click", () => dialog.close());
  menu.append(close, Object.assign(make("button", "cl-primary", "Add"), { type: "submit" }));
  form.append(make("h2", "", "Tags of this word"), list, label, said, menu);
  dialog.append(form);
  editor.root.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());

  async function ask(body = null) {
    const headers = { "content-type": "application/json" };
    const request = body ? { method: "POST", headers, body: JSON.stringify(body) } : {};
    const response = await fetch(body ? "/api/tags" : `/api/tags?ids=${word.id}`, request).catch(() => null);
    const answer = await response?.json().catch(() => null);
    said.textContent = response?.ok ? "" : (answer?.detail ?? "The server does not answer. Start it again, then try once more.");
    return response?.ok ? answer : null;
  }

  async function draw() {
    const answer = await ask();
    if (!answer) return;
    const mine = answer.of[word.id] ?? [];
    list.replaceChildren(
      ...answer.tags.map(({ name }) => {
        const button = Object.assign(make("button", "", name), { type: "button" });
        const on = mine.includes(name);
        button.setAttribute("aria-pressed", String(on));
        button.prepend(make("b", "", on ? "✓" : "+"));
        button.addEventListener("click", async () => {
          if (await ask({ ids: [word.id], name, on: !on })) await draw();
        });
        return button;
      }),
    );
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const name = input.value.trim();
    if (!name) return dialog.close();
    if (!(await ask({ ids: [word.id], name, on: true }))) return;
    input.value = "";
    await draw();
  });
  dialog.showModal();
  input.focus();
  await draw();
}

function make(tag, name = "", text = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}
