// The page that lists words: search and filters, pages of 50, tags for many, opening in the editor.

import { Filters, filtered, query } from "./filters.js";
import { listen } from "./status.js";

const PLAIN = { queue: "import", state: "any" };
const PAGE = 50;
const STATES = { open: "open", partly: "partly accepted", corrected: "corrected", skipped: "skipped", flagged: "flagged" };
const SIGNS = { open: "○", partly: "◐", corrected: "●", skipped: "→", flagged: "⚑" };

export function mount(element) {
  new WordList(element.querySelector("[data-role=words]"));
}

class WordList {
  constructor(root) {
    this.root = root;
    this.part = (role) => root.querySelector(`[data-role="${role}"]`);
    this.offset = 0;
    this.chosen = new Set();
    this.words = [];
    this.filters = new Filters(this.part("filters"), { ...PLAIN }, PLAIN, true, () => {
      this.offset = 0;
      this.load();
    });
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) this.run(button.dataset.do);
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
    let shown = "";
    listen((status) => {
      if (!status || !root.isConnected) return;
      const now = JSON.stringify([status.newest?.id, status.counts]);
      if (now === shown) return;
      shown = now;
      this.load();
    });
  }

  async load() {
    const asked = query(this.filters.asked, {});
    asked.set("offset", this.offset);
    asked.set("limit", PAGE);
    const address = (this.asked = `/api/list?${asked}`);
    const answer = await this.fetch(address);
    if (!answer || address !== this.asked) return;
    if (!answer.words.length && this.offset) {
      this.offset = Math.max(0, Math.floor((answer.count - 1) / PAGE) * PAGE);
      return this.load();
    }
    this.words = answer.words;
    this.count = answer.count;
    this.draw();
  }

  draw() {
    const { words, count, offset } = this;
    this.part("rows").replaceChildren(...words.map((word) => this.row(word)));
    this.root.querySelector("table").hidden = count === 0;
    this.part("none").hidden = count > 0;
    if (!count) this.drawNone();
    const end = offset + words.length;
    this.part("where").textContent = count ? `${(offset + 1).toLocaleString()}–${end.toLocaleString()} of ${count.toLocaleString()}` : "";
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
    const more = narrowed ? make("button", "", "Show all words") : make("pre", "", "python launch.py import FOLDER --project PROJECT");
    if (narrowed) {
      more.type = "button";
      more.addEventListener("click", () => this.filters.set({ ...PLAIN, page: "", source: "", tag: "", q: "" }));
    }
    this.part("none").replaceChildren(heading, next, more);
  }

  row(word) {
    const row = make("tr");
    row.dataset.state = word.state;
    const check = make("input");
    Object.assign(check, { type: "checkbox", checked: this.chosen.has(word.id), ariaLabel: `Choose ${word.text}` });
    check.dataset.id = word.id;
    const image = new Image();
    Object.assign(image, { src: word.image, alt: "", loading: "lazy" });
    const scale = Math.min(44 / word.height, 260 / word.width);
    Object.assign(image.style, { width: `${word.width * scale}px`, height: `${word.height * scale}px` });
    const open = make("button", "cl-open");
    Object.assign(open, { type: "button", title: "Open in the editor", ariaLabel: `Open ${word.text} in the editor` });
    open.dataset.open = word.id;
    open.append(image);
    const text = make("span", "cl-script", word.text);
    text.dir = "auto";
    const state = make("span", "cl-state", `${SIGNS[word.state]} ${STATES[word.state]}`);
    const sure = word.sure === null ? "–" : `${Math.round(100 * word.sure)} %`;
    const tags = make("span", "cl-tags");
    tags.append(...word.tags.map((name) => make("span", "cl-tag", name)));
    for (const cell of [check, open, text, state, sure, tags, make("span", "cl-name", word.name)]) {
      const made = make("td");
      made.append(cell);
      row.append(made);
    }
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
    const answer = await this.fetch("/api/tags", { ids: [...this.chosen], name: tag, on: name === "add" });
    if (!answer) return;
    await Promise.all([this.load(), this.filters.load()]);
    this.part("tags").replaceChildren(...(this.filters.choices?.tags ?? []).map((each) => Object.assign(make("option"), { value: each.name })));
    const words = `${answer.changed.toLocaleString()} ${answer.changed === 1 ? "word" : "words"}`;
    this.say(name === "add" ? `“${tag}” added to ${words}` : `“${tag}” taken off ${words}`);
  }

  open(ids) {
    window.dispatchEvent(new CustomEvent("charloc:open", { detail: { words: ids, from: "words" } }));
  }

  async fetch(path, body = null) {
    const headers = { "content-type": "application/json" };
    const request = body ? { method: "POST", headers, body: JSON.stringify(body) } : {};
    const response = await fetch(path, request).catch(() => null);
    const answer = await response?.json().catch(() => null);
    if (response?.ok) return answer;
    this.say(answer?.detail ?? "The server does not answer. Start it again, then try once more.");
    return null;
  }
}

function make(tag, name = "", text = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}
