// The page of glyph sheets: a character is chosen, its crops are shown, many can be accepted or flagged at once.

import { LOOKING } from "./actions.js";
import { ask } from "./asking.js";
import { make } from "./elements.js";
import { whenReady } from "./filters.js";
import { GlyphGrid } from "./glyphgrid.js";
import { mountOnce } from "./mounting.js";
import { newUuid } from "./outbox.js";
import { may } from "./session.js";
import { follow, poll } from "./status.js";

const AT_ONCE = 2000; // crops in one request

export function mount(element) {
  mountOnce("glyphs", element.querySelector("[data-role=glyphs]"), (root, signal) => new Glyphs(root, signal));
}

class Glyphs {
  constructor(root, signal) {
    this.root = root;
    this.part = (role) => root.querySelector(`[data-role="${role}"]`);
    this.grid = new GlyphGrid(this.part("scroll"), this.part("room"), {
      chosen: () => this.drawChosen(),
      open: (at) => this.open([at]),
    });
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) this.run(button.dataset.do);
    });
    this.part("scroll").addEventListener("keydown", (event) => {
      const name = { a: "accept", f: "flag", u: "unflag", o: "open" }[event.key.toLowerCase()];
      if (!name || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      event.preventDefault();
      this.run(name);
    });
    this.part("character").addEventListener("change", () => this.load());
    this.part("order").addEventListener("change", () => this.load());
    const what = ({ newest, counts }) => JSON.stringify([newest?.id, counts.words]);
    follow(what, () => this.characters(), signal);
  }

  async characters() {
    const found = await this.ask("/api/queue/choices");
    if (!found) return false;
    const { characters } = found;
    const menu = this.part("character");
    const before = menu.value;
    menu.replaceChildren(
      ...characters.map(({ character, words, confidence }) => {
        const says = `${character}  in ${words.toLocaleString()} words, ${Math.round(100 * confidence)} % sure`;
        return make("option", { value: character }, says);
      }),
    );
    if (before) menu.value = before;
    this.empty(characters.length === 0);
    return characters.length ? this.load() : false; // they are counted a moment after a round has finished
  }

  empty(nothing) {
    this.part("none").hidden = !nothing;
    this.part("scroll").hidden = this.part("hint").hidden = nothing;
    if (!nothing) return;
    this.say("");
    const next = "Crops are cut where a round says that characters are. Import words, then train a round; they appear here by themselves.";
    this.part("none").replaceChildren(make("h2", "", "No crops yet"), make("p", "", next));
  }

  async load() {
    const character = this.part("character").value;
    const order = this.part("order").value;
    const asked = (this.asked = `/api/glyphs?character=${encodeURIComponent(character)}&order=${order}`);
    this.say("Fetching crops …");
    const sheet = await this.ask(`${asked}&limit=${AT_ONCE}`);
    if (!sheet || asked !== this.asked) return Boolean(sheet);
    this.sheet = sheet;
    this.grid.show(sheet, async (start) => {
      const more = await this.ask(`${asked}&sheet=${sheet.sheet}&start=${start}&limit=${AT_ONCE}`);
      if (more && asked === this.asked) this.grid.add(start, more.rows);
    });
    this.stopWaiting?.();
    this.stopWaiting = sheet.ready ? null : whenReady(() => this.characters());
    if (!sheet.ready) {
      this.hint("The crops of the round that is shown are being gathered; they appear here by themselves.");
    } else if (order === "unusual" && !sheet.compared && sheet.count) {
      this.hint("How unusual each crop is, is still being worked out, or was not for this round: they stand in order of import.");
    } else this.hint("");
    return true;
  }

  hint(text) {
    this.plain ??= this.part("hint").textContent;
    this.part("hint").textContent = text || this.plain;
  }

  // The answer; null where there is none, and the page says why.
  async ask(path, body) {
    const { ok, answer, detail } = await ask(path, body);
    if (ok) return answer;
    this.say(detail);
    return null;
  }

  say(text) {
    this.part("said").textContent = text;
    this.part("said").title = text;
  }

  drawChosen() {
    const { size } = this.grid.chosen;
    const crops = `${this.grid.count.toLocaleString()} ${this.grid.count === 1 ? "crop" : "crops"}`;
    this.say(size ? `${size.toLocaleString()} of ${crops} chosen` : crops);
    for (const name of ["accept", "flag", "unflag", "open"]) this.button(name).disabled = !size && name !== "open";
    this.button("open").disabled = !this.grid.count;
  }

  button(name) {
    return this.root.querySelector(`[data-do=${name}]`);
  }

  run(name) {
    if (name === "choose") {
      this.grid.choosing = !this.grid.choosing;
      this.button("choose").setAttribute("aria-pressed", String(this.grid.choosing));
      return;
    }
    if (name !== "open" && !may("annotator")) return this.say(LOOKING);
    const chosen = [...this.grid.chosen].sort((a, b) => a - b);
    if (name === "open") return this.open(chosen.length ? chosen : [this.grid.cursor]);
    // Keys act on the crop they stand at where none is chosen.
    const at = chosen.length ? chosen : this.grid.count ? [this.grid.cursor] : [];
    if (at.length) this.decide(name, at);
  }

  open(at) {
    const crops = at.map((each) => this.grid.crops[each]).filter(Boolean);
    if (!crops.length) return;
    const detail = { words: crops.map((crop) => crop[0]), from: "glyphs", character: crops[0][2] };
    window.dispatchEvent(new CustomEvent("charloc:open", { detail }));
  }

  async decide(name, at) {
    if (this.busy) return;
    this.busy = true;
    const known = at.filter((each) => this.grid.crops[each]);
    let conflicts = 0;
    let detail = "";
    for (let start = 0; start < known.length; start += AT_ONCE) {
      const part = known.slice(start, start + AT_ONCE);
      const glyphs = part.map((each) => {
        const [word_id, word_key, index, correction] = this.grid.crops[each];
        return { word_id, word_key, index, correction };
      });
      const answer = name === "accept" ? await this.accept(part, glyphs) : await this.flag(part, glyphs, name);
      if (!answer) break;
      conflicts += answer.conflicts?.length ?? 0;
      detail ||= answer.conflicts?.[0]?.detail ?? "";
    }
    this.busy = false;
    this.grid.redraw();
    if (conflicts) this.say(conflicts === 1 ? detail : `${detail} (and ${conflicts - 1} more)`);
    poll();
  }

  async accept(at, glyphs) {
    const body = { uuid: newUuid(), round_id: this.sheet.round_id, glyphs };
    const answer = await this.ask("/api/glyphs/accept", body);
    if (!answer) return null;
    const { states } = this.sheet;
    // Other crops of these words build on the decision as well.
    for (const crop of this.grid.crops) if (crop && answer.accepted[crop[0]]) crop[3] = answer.accepted[crop[0]];
    for (const each of at) {
      const crop = this.grid.crops[each];
      if (answer.accepted[crop[0]] && ["untouched", "flagged"].includes(states[crop[6]])) crop[6] = states.indexOf("accepted");
    }
    this.grid.take(new Set());
    this.say(`${at.length.toLocaleString()} accepted`);
    return answer;
  }

  async flag(at, glyphs, name) {
    const answer = await this.ask("/api/glyphs/flag", { value: name === "flag" ? "wrong" : "right", glyphs });
    if (!answer) return null;
    const { states } = this.sheet;
    for (const each of at) {
      const crop = this.grid.crops[each];
      if (name === "flag") crop[6] = states.indexOf("flagged");
      else if (states[crop[6]] === "flagged") crop[6] = 0;
    }
    this.grid.take(new Set());
    this.say(`${at.length.toLocaleString()} ${name === "flag" ? "flagged" : "not flagged any more"}`);
    return answer;
  }
}
