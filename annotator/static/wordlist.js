// The page that lists words: search and filters, pages of 50, tags for many, opening in the editor.

import { ask } from "./asking.js";
import { button, make } from "./elements.js";
import { EARLIER, Filters, filtered, query, whenReady } from "./filters.js";
import { mountOnce } from "./mounting.js";
import { follow } from "./status.js";

const PLAIN = { queue: "import", state: "any" };
const PAGE = 50;
const STATES = { open: "open", partly: "partly accepted", corrected: "corrected", skipped: "skipped", flagged: "flagged" };
const SIGNS = { open: "○", partly: "◐", corrected: "●", skipped: "→", flagged: "⚑" };

export function mount(element) {
  mountOnce("words", element.querySelector("[data-role=words]"), (root, signal) => new WordList(root, signal));
}

class WordList {
  constructor(root, signal) {
    this.root = root;
    this.part = (role) => root.querySelector(`[data-role="${role}"]`);
    this.offset = 0;
    this.chosen = new Set();
    this.words = [];
    this.filters = new Filters(this.part("filters"), { ...PLAIN }, PLAIN, true, () => {
      this.offset = 0;
      this.load();
    }, signal);
    root.addEventListener("click", (event) => {
      const pressed = event.target.closest("[data-do]");
      if (pressed) this.run(pressed.dataset.do);
      const open = event.target.closest("[data-open]");
      if (open) this.open([Number(open.dataset.open)]);
    });
    root.addEventListener("change", (event) => {
      const { id } = event.target.dataset;
      if (id) this.choose([Number(id)], event.target.checked);
      if (event.target === this.part("all")) this.choose(this.words.map((word) => word.id), event.target.checked);
    });
    this.part("tag").addEventListener("input", () => this.drawChosen());
    this.part("tag").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || this.button("add").disabled) return;
      event.preventDefault();
      this.run("add");
    });
    follow(({ newest, counts }) => JSON.stringify([newest?.id, counts]), () => this.load(), signal);
  }

  async load() {
    const asked = query(this.filters.asked, {});
    asked.set("offset", this.offset);
    asked.set("limit", PAGE);
    const address = (this.asked = `/api/list?${asked}`);
    const answer = await this.ask(address);
    if (!answer || address !== this.asked) return Boolean(answer);
    if (!answer.words.length && this.offset) {
      this.offset = Math.max(0, Math.floor((answer.count - 1) / PAGE) * PAGE);
      return this.load();
    }
    this.words = answer.words;
    this.count = answer.count;
    this.ready = answer.ready;
    this.draw();
    this.stopWaiting?.();
    this.stopWaiting = answer.ready ? null : whenReady(() => this.load());
    return true;
  }

  draw() {
    const { words, count, offset } = this;
    this.part("rows").replaceChildren(...words.map((word) => this.row(word)));
    this.root.querySelector("table").hidden = count === 0;
    this.part("none").hidden = count > 0;
    if (!count) this.drawNone();
    const end = offset + words.length;
    const where = `${(offset + 1).toLocaleString()}–${end.toLocaleString()} of ${count.toLocaleString()}`;
    this.part("where").textContent = !count ? "" : this.ready ? where : `${where}. ${EARLIER}`;
    this.button("before").disabled = offset === 0;
    this.button("after").disabled = end >= count;
    this.drawChosen();
  }

  drawNone() {
    const { asked } = this.filters;
    const narrowed = filtered(asked).length > 0 || (asked.state ?? "any") !== "any" || asked.queue !== "import";
    const heading = make("h2", "", narrowed ? "No word matches" : "No words yet");
    const next = narrowed
      ? make("p", "", "Nothing has all of that. Choose another state or order, or clear the filters.")
      : make("p", "", "Import images of words or lines with their transcripts; they appear here by themselves.");
    const more = narrowed
      ? button("Show all words", () => this.filters.set({ ...PLAIN, page: "", source: "", tag: "", q: "" }))
      : make("pre", "", "python launch.py import FOLDER --project PROJECT");
    this.part("none").replaceChildren(heading, next, more);
  }

  row(word) {
    const check = make("input", { type: "checkbox", checked: this.chosen.has(word.id), ariaLabel: `Choose ${word.text}` });
    check.dataset.id = word.id;
    const image = make("img", { loading: "lazy", alt: "", src: word.image });
    const scale = Math.min(44 / word.height, 260 / word.width);
    Object.assign(image.style, { width: `${word.width * scale}px`, height: `${word.height * scale}px` });
    const says = { type: "button", className: "cl-open", title: "Open in the editor", ariaLabel: `Open ${word.text} in the editor` };
    const open = make("button", says, image);
    open.dataset.open = word.id;
    const text = make("span", { className: "cl-script", dir: "auto" }, word.text);
    const state = make("span", "cl-state", `${SIGNS[word.state]} ${STATES[word.state]}`);
    const sure = word.sure === null ? "–" : `${Math.round(100 * word.sure)} %`;
    const tags = make("span", "cl-tags", ...word.tags.map((name) => make("span", "cl-tag", name)));
    const cells = [check, open, text, state, sure, tags, make("span", "cl-name", word.name)];
    const row = make("tr", "", ...cells.map((each) => make("td", "", each)));
    row.dataset.state = word.state;
    return row;
  }

  choose(ids, on) {
    for (const id of ids) on ? this.chosen.add(id) : this.chosen.delete(id);
    for (const box of this.part("rows").querySelectorAll("[data-id]")) box.checked = this.chosen.has(Number(box.dataset.id));
    this.drawChosen();
  }

  drawChosen() {
    const { size } = this.chosen;
    const here = this.words.filter((word) => this.chosen.has(word.id)).length;
    const all = this.part("all");
    all.checked = this.words.length > 0 && here === this.words.length;
    all.indeterminate = here > 0 && !all.checked;
    this.button("open").disabled = size === 0;
    const named = this.part("tag").value.trim() !== "";
    this.button("add").disabled = this.button("remove").disabled = size === 0 || !named;
    this.say(size ? `${size.toLocaleString()} chosen` : "");
  }

  say(text) {
    this.part("said").textContent = text;
  }

  button(name) {
    return this.root.querySelector(`[data-do=${name}]`);
  }

  async run(name) {
    if (name === "before" || name === "after") {
      this.offset = Math.max(0, this.offset + (name === "after" ? PAGE : -PAGE));
      await this.load();
      this.root.querySelector(".cl-words-scroll").scrollTop = 0;
      return;
    }
    if (name === "open") return this.open([...this.chosen]);
    const tag = this.part("tag").value.trim();
    const answer = await this.ask("/api/tags", { ids: [...this.chosen], name: tag, on: name === "add" });
    if (!answer) return;
    await Promise.all([this.load(), this.filters.load()]);
    this.part("tags").replaceChildren(...(this.filters.choices?.tags ?? []).map((each) => make("option", { value: each.name })));
    const words = `${answer.changed.toLocaleString()} ${answer.changed === 1 ? "word" : "words"}`;
    this.say(name === "add" ? `“${tag}” added to ${words}` : `“${tag}” taken off ${words}`);
  }

  open(ids) {
    window.dispatchEvent(new CustomEvent("charloc:open", { detail: { words: ids, from: "words" } }));
  }

  // The answer; null where there is none, and the page says why.
  async ask(path, body) {
    const { ok, answer, detail } = await ask(path, body);
    if (ok) return answer;
    this.say(detail);
    return null;
  }
}
