// Which words, and in which order: the controls that say so, for the editor's queue and the list of words. What they
// say is also in the address, so that a link shows the same.

import { ask } from "./asking.js";
import { make } from "./elements.js";

// After a round, and after going back to another one, some orders are made a moment later.
export const EARLIER = "This order is still an earlier round's. Its own follows by itself.";
export const SOON_MS = 2000;

// Call `act` once the orders are those of the round that is shown; what comes back ends the waiting.
export function whenReady(act) {
  let waiting = true;
  const look = async () => {
    if (!waiting) return;
    const { answer } = await ask("/api/queue/about?queue=both");
    if (!waiting) return;
    if (answer?.ready) act();
    else setTimeout(look, SOON_MS);
  };
  setTimeout(look, SOON_MS);
  return () => (waiting = false);
}

export const QUEUES = {
  uncertain: ["Least certain", "The words a round is least sure of come first"],
  both: ["Unsure and disputed", "By doubt and by other methods' disagreement together: finds most that is wrong"],
  apart: ["Methods disagree", "Where other methods place characters elsewhere"],
  diverse: ["Varied doubts", "Unsure words that are not like those before them: each teaches something new"],
  character: ["One character", "Words with a chosen character, the least certain of it first"],
  random: ["Random", "A shuffle; everybody with the link sees the same"],
  flagged: ["Flagged", "Words and characters that were flagged, until they are corrected"],
  recent: ["Recently corrected", "What was corrected last comes first"],
  import: ["In order of import", "As the words came in"],
};
export const STATES = {
  any: "All words", open: "Still open", corrected: "Corrected", skipped: "Skipped", flagged: "Flagged",
}; // prettier-ignore
const NAMES = ["queue", "character", "state", "page", "source", "tag", "q", "seed"];
let numbered = 0;

// What the address asks for: { queue, character, page, ... }, only what differs from `plain`.
export function fromAddress(plain) {
  const given = new URL(window.location.href).searchParams;
  const asked = { ...plain };
  for (const name of NAMES) if (given.get(name)) asked[name] = given.get(name);
  if (!(asked.queue in QUEUES)) asked.queue = plain.queue;
  return asked;
}

export function toAddress(asked, plain, more = {}) {
  const address = new URL(window.location.href);
  for (const name of [...NAMES, "tab"]) address.searchParams.delete(name);
  for (const [name, value] of query(asked, plain)) address.searchParams.set(name, value);
  for (const [name, value] of Object.entries(more)) address.searchParams.set(name, value);
  window.history.replaceState(window.history.state, "", address);
}

// As URLSearchParams; what is as in `plain`, or empty, is left out.
export function query(asked, plain = {}) {
  const named = NAMES.filter((name) => asked[name] && asked[name] !== plain[name]);
  if (asked.queue !== "character") named.splice(named.indexOf("character"), named.includes("character") ? 1 : 0);
  return new URLSearchParams(named.map((name) => [name, asked[name]]));
}

export function filtered(asked) {
  return ["page", "source", "tag", "q"].filter((name) => asked[name]);
}

export class Filters {
  // place: where the controls go. asked: what to begin with. plain: what holds where nothing is said.
  // states: whether the state can be chosen. changed(asked): called after each change.
  // signal: aborts when they are not there any more.
  constructor(place, asked, plain, states, changed, signal) {
    Object.assign(this, { place, asked, plain, changed, signal });
    this.id = `cl-filters-${(numbered += 1)}`;
    this.queue = select("Order of the words", Object.entries(QUEUES).map(([name, [text, says]]) => [name, text, says])); // prettier-ignore
    this.character = select("Character", []);
    this.search = make("input", { type: "search", placeholder: "Find text or name", ariaLabel: "Find text or name" });
    this.search.autocomplete = "off";
    this.state = states ? select("State", Object.entries(STATES)) : null;
    this.page = input("Page", `${this.id}-pages`);
    this.source = select("Source", []);
    this.tag = select("Tag", []);
    this.clear = make("button", { type: "button", textContent: "Clear filters" });
    this.more = make("details", { className: "cl-more" });
    const panel = make("div", { className: "cl-panel" });
    panel.append(label("Page", this.page), this.page.list_, label("Source", this.source), label("Tag", this.tag), this.clear);
    this.summary = make("summary");
    this.more.append(this.summary, panel);
    place.append(...[this.queue, this.character, this.state, this.search, this.more].filter(Boolean));
    if (!states) this.fold(panel);
    this.bind();
    this.load();
    this.draw();
  }

  // Above the editor there is no room for the text to find, where the page is narrow or low: it is among the filters then.
  fold(panel) {
    const narrow = window.matchMedia("(max-width: 640px), (max-height: 560px)");
    const place = () => {
      if (narrow.matches) panel.prepend(this.search);
      else this.more.before(this.search);
      this.narrow = narrow.matches;
      if (this.choices) this.draw();
    };
    narrow.addEventListener("change", place, { signal: this.signal });
    place();
  }

  bind() {
    const said = {
      queue: this.queue, character: this.character, state: this.state, page: this.page, source: this.source, tag: this.tag,
    }; // prettier-ignore
    for (const [name, control] of Object.entries(said)) {
      control?.addEventListener("change", () => this.set({ [name]: control.value }));
    }
    this.search.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.set({ q: this.search.value.trim() }), 250);
    });
    this.clear.addEventListener("click", () => this.set({ page: "", source: "", tag: "", q: "" }));
    this.more.addEventListener("toggle", () => this.more.open && this.load());
    this.more.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.more.open = false;
      this.summary.focus();
      event.stopPropagation();
    });
    document.addEventListener("pointerdown", (event) => {
      if (this.more.open && !this.more.contains(event.target)) this.more.open = false;
    }, { signal: this.signal }); // prettier-ignore
  }

  set(change) {
    const asked = { ...this.asked, ...change };
    if (asked.queue === "character" && !asked.character) asked.character = this.choices?.characters[0]?.character ?? "";
    if (asked.queue === "character" && !asked.character) asked.queue = this.plain.queue;
    if (JSON.stringify(asked) === JSON.stringify(this.asked)) return this.draw();
    this.asked = asked;
    this.draw();
    this.changed(asked);
  }

  // What there is to choose from changes with rounds, imports and tags.
  async load() {
    const { ok, answer } = await ask("/api/queue/choices");
    if (!ok) return;
    this.choices = answer;
    const { characters, pages, sources, tags } = this.choices;
    fill(this.character, characters.map((each) => [each.character, `${each.character}  (${each.words})`]));
    fill(this.source, [["", "All sources"], ...sources.map((each) => [each, each])]);
    fill(this.tag, [["", "All tags"], ...tags.map((each) => [each.name, `${each.name} (${each.words})`])]);
    this.page.list_.replaceChildren(...pages.map((each) => make("option", { value: each })));
    this.draw();
  }

  draw() {
    const { asked } = this;
    this.queue.value = asked.queue;
    this.queue.title = QUEUES[asked.queue][1];
    this.character.hidden = asked.queue !== "character";
    for (const name of ["character", "source", "tag"]) keep(this[name], asked[name] ?? "");
    if (this.state) this.state.value = asked.state ?? "any";
    if (document.activeElement !== this.search) this.search.value = asked.q ?? "";
    this.page.value = asked.page ?? "";
    const count = ["page", "source", "tag", this.narrow && "q"].filter((name) => asked[name]).length;
    this.summary.textContent = count ? `Filters (${count})` : "Filters";
    this.clear.disabled = filtered(asked).length === 0;
  }
}

// Show a choice that the list does not have (yet) as well.
function keep(control, value) {
  if (value && ![...control.options].some((each) => each.value === value)) {
    control.append(make("option", { value, textContent: value }));
  }
  control.value = value;
}

function fill(control, rows) {
  const { value } = control;
  control.replaceChildren(...rows.map(([name, text, title]) => make("option", { value: name, textContent: text, title: title ?? "" })));
  control.value = value;
}

function select(says, rows) {
  const made = make("select", { ariaLabel: says });
  fill(made, rows);
  if (rows.length) made.value = rows[0][0];
  return made;
}

function input(says, list) {
  const made = make("input", { ariaLabel: says, placeholder: "All pages", autocomplete: "off" });
  made.setAttribute("list", list);
  made.list_ = make("datalist", { id: list });
  return made;
}

function label(text, control) {
  return make("label", "", text, control);
}
