// The bar above the editor: which queue its words come from, how many are left, and why there are none.

import { ask } from "./asking.js";
import { make } from "./elements.js";
import { EARLIER, Filters, QUEUES, SOON_MS, filtered, fromAddress, query, toAddress } from "./filters.js";
import { follow } from "./status.js";

const PLAIN = { queue: "uncertain", state: "open" };

export class QueueBar {
  constructor(editor) {
    this.editor = editor;
    this.place = editor.part("queue");
    this.asked = fromAddress(PLAIN);
    this.asked.state = "open";
    if (this.asked.queue === "character" && !this.asked.character) this.asked.queue = PLAIN.queue;
    this.filters = new Filters(this.place, this.asked, PLAIN, false, (asked) => this.change(asked), editor.signal);
    this.left = make("span", "cl-left");
    this.left.setAttribute("role", "status");
    this.place.append(this.left);
    follow((status) => JSON.stringify([status.counts, status.newest?.id]), () => this.count(), editor.signal);
  }

  // What the words are fetched with.
  get search() {
    return query(this.asked, PLAIN).toString();
  }

  // Whether words that are decided may come: then those of this visit are left out, or they would come again at once.
  get again() {
    return ["flagged", "recent"].includes(this.asked.queue);
  }

  get plain() {
    return this.search === "";
  }

  change(asked) {
    this.asked = asked;
    toAddress(asked, PLAIN);
    this.left.textContent = "";
    this.count();
    this.editor.words?.restart();
  }

  async count() {
    const { search } = this;
    const { ok, answer } = await ask(`/api/queue/about?${search}`);
    if (!ok || search !== this.search) return ok;
    const { left, ready } = answer;
    this.left.textContent = `${left.toLocaleString()} ${this.again ? (left === 1 ? "word" : "words") : "left"}`;
    this.left.title = ready ? "" : EARLIER;
    if (!ready && this.unready !== search) this.editor.toast(EARLIER);
    clearTimeout(this.soon);
    if (!ready) this.soon = setTimeout(() => this.count(), SOON_MS);
    else if (this.unready === search) this.editor.words?.refresh(); // what is ahead came in the earlier order
    this.unready = ready ? null : search;
    return true;
  }

  // Why there is no word in this queue, and what to do: [heading, sentence, [button, action] ...].
  empty() {
    const { asked } = this;
    const least = ["Back to the least certain", () => this.filters.set({ ...PLAIN, page: "", source: "", tag: "", q: "" })];
    if (filtered(asked).length) {
      const said = [
        asked.q && `text “${asked.q}”`, asked.page && `page “${asked.page}”`,
        asked.source && `source “${asked.source}”`, asked.tag && `tag “${asked.tag}”`,
      ].filter(Boolean); // prettier-ignore
      const clear = ["Clear filters", () => this.filters.set({ page: "", source: "", tag: "", q: "" })];
      return ["No word matches", `Nothing is left in “${QUEUES[asked.queue][0]}” with ${said.join(", ")}.`, [clear, least]];
    }
    const why = {
      apart: "Methods can only disagree where two have run. Run a round with another method, then with your own again.",
      character: `No open word has “${asked.character}”.`,
      flagged: "Nothing is flagged, or all of it was looked at in this visit. Press F at a word that is wrong.",
      recent: "Nobody has corrected a word yet, or all were looked at in this visit.",
    }[asked.queue];
    return why ? [`Nothing in “${QUEUES[asked.queue][0]}”`, why, [least]] : null;
  }
}
