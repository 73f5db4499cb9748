// Opening words from elsewhere: other pages, and links. They come before the queue; what was in hand waits after them.
//
//   window.dispatchEvent(new CustomEvent("charloc:open", { detail: { words: [ids], from: "glyphs", character: 2 } }))
//
// `from` names the page to go back to; `character` is selected in the first word. The entry of an opened word keeps the
// detail as `entry.opened`. A link does the same: /?word=12.

import { ask } from "./asking.js";
import { button, make } from "./elements.js";

const AT_ONCE = 8; // words fetched at a time
const MOST = 5000;

export class Opening {
  constructor(editor) {
    this.editor = editor;
    this.waiting = []; // [{ id, character, detail }], not fetched yet
    this.from = null; // the detail of what was opened last, until the person goes on with the queue
    this.fetching = false;
    this.awaited = false; // the person has done all that came, faster than the next
    const { root, signal } = editor;
    window.addEventListener("charloc:open", (event) => root.isConnected && this.open(event.detail), { signal });
  }

  // The editor has its words, none fetched yet: what the address asks for comes first.
  async start() {
    const address = new URL(window.location.href);
    const id = Number(address.searchParams.get("word"));
    if (id) {
      // Once: after a reload the person goes on where they were.
      address.searchParams.delete("word");
      window.history.replaceState(null, "", address);
      this.open({ words: [id], from: "link" });
    }
    if (this.waiting.length) await this.fetch();
  }

  async open(detail) {
    const { words } = this.editor;
    const ids = [...new Set(detail.words)].slice(0, MOST);
    if (!ids.length) return;
    if (this.from) this.drop();
    this.from = detail;
    this.waiting = ids.map((id, k) => ({ id, character: k === 0 ? (detail.character ?? null) : null, detail }));
    showTab("Annotate");
    if (!words) return; // `start` fetches them
    const shown = await this.fetch();
    if (!shown) {
      if (!words.ahead[0]?.opened) return;
      words.putBack();
      this.editor.next();
    }
    this.editor.root.focus({ preventScroll: true });
  }

  // Whether some of what was opened has not come yet.
  get busy() {
    return this.fetching || this.waiting.length > 0;
  }

  // The next of those that wait, put before the queue's own. True where one of them is shown because the person waited.
  async fetch() {
    if (this.fetching || !this.waiting.length) return;
    await this.fetchSome(this.waiting.splice(0, AT_ONCE));
    const { awaited } = this;
    if (awaited) this.editor.next();
    return awaited;
  }

  async fetchSome(some) {
    const { words, outbox } = this.editor;
    this.fetching = true;
    // What was decided a moment ago has to be there before the word is read again.
    await outbox.settled(some.map((each) => each.id));
    const path = some[0].detail.audit ? "/api/audits/current/words" : "/api/words"; // an audit's come blind
    await words.drafts.look(); // what a tab left that is gone by now
    const { ok, answer, detail } = await ask(`${path}?ids=${some.map((each) => each.id).join(",")}`);
    this.fetching = false;
    if (!ok) {
      this.waiting = [];
      this.from = null;
      this.editor.toast(detail);
      return;
    }
    words.openFirst(answer.words, some);
    // Others may have looked at all of these meanwhile, or have them in hand: the next, then.
    if (!answer.words.length && this.waiting.length) await this.fetchSome(this.waiting.splice(0, AT_ONCE));
  }

  // A word is shown, or none: say where it is from, and have the next ones fetched.
  shown() {
    const { words, entry } = this.editor;
    const left = (words?.ahead.filter((each) => each.opened).length ?? 0) + this.waiting.length;
    if (this.waiting.length && left - this.waiting.length < AT_ONCE / 2) this.fetch();
    const place = this.editor.part("opened");
    place.hidden = !this.from;
    if (!this.from) return;
    const from = title(this.from.from);
    const more = left ? `, ${left} more` : "";
    const say = entry?.opened ? `From ${from}${more}` : `That was all from ${from}; the queue goes on`;
    const back = tab(from) ? [button(`Back to ${from}`, () => showTab(from))] : [];
    const queue = entry?.opened ? [button("On with the queue", () => this.leave())] : [];
    const close = entry?.opened ? [] : [button("Close", () => this.leave())];
    place.replaceChildren(make("span", "", say), ...back, ...queue, ...close);
  }

  // Give up what was opened and not looked at, and go on with the word that waits. Unfinished work is kept.
  leave() {
    const { entry, words } = this.editor;
    this.drop();
    this.from = null;
    if (entry?.undo.length) words.putBack();
    if (entry?.opened) this.editor.next();
    else this.shown();
    this.editor.root.focus({ preventScroll: true });
  }

  drop() {
    const { words } = this.editor;
    this.waiting = [];
    if (words) words.ahead = words.ahead.filter((each) => !each.opened || each.undo.length);
  }
}

function title(from) {
  return from === "link" ? "a link" : from.charAt(0).toUpperCase() + from.slice(1);
}

function tab(name) {
  // Where there is not room for all, gradio puts the rest into a menu, whose buttons do the same.
  const tabs = [...document.querySelectorAll("#charloc-tabs :is([role=tab], .overflow-dropdown button)")];
  return tabs.find((each) => each.textContent.trim() === name && each.closest(".visually-hidden") === null);
}

export function showTab(name) {
  tab(name)?.click();
}
