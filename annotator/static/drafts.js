// Unfinished work, kept in this browser until it is decided: one draft for each word and tab, so that no tab overwrites
// another's. What tabs left that are gone is taken over by the one that asks for it first.

import { living, tab } from "./tabs.js";

export class Drafts {
  constructor(project) {
    this.drafts = `charloc.${project}.draft.`;
    this.audits = `charloc.${project}.audit.`; // of what an audit asks
    this.tab = null;
    this.living = new Set();
  }

  // See which tabs live; before that, nothing is known of drafts.
  async look() {
    this.tab = await tab();
    this.living = await living().catch(() => this.living);
  }

  // Ids of the words with drafts that are ours to go on with.
  ids() {
    return [...new Set(this.keys(this.drafts).map(({ id }) => id))];
  }

  // The keys of our own drafts and of those that tabs left which are gone. (Those of older versions name no tab.)
  keys(prefix) {
    if (!this.tab) return [];
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(prefix))
      .map((key) => {
        const [id, ...owner] = key.slice(prefix.length).split(".");
        return { key, id: Number(id), owner: owner.join(".") };
      })
      .filter(({ owner }) => owner === this.tab || !this.living.has(owner));
  }

  prefix(word) {
    return word.audit ? this.audits : this.drafts;
  }

  key(word) {
    return `${this.prefix(word)}${word.id}.${this.tab}`;
  }

  // Keep what is said of a word so far. Throws if the browser's storage refuses.
  remember({ word, marks, base, fetched, held, others = [] }) {
    const touched = marks.map((mark) => (mark.state === "untouched" && mark.confidence === undefined ? null : mark));
    // Under another transcript than the server's, the boxes were found here.
    const { characters, order, boxes, confidence } = word;
    const text = fetched.join("\0") === characters.join("\0") ? null : { characters, order, boxes, confidence, marks };
    this.write(word, [{ key: word.key, base: base.id, touched, text, characters, held, at: Date.now() }, ...others]);
  }

  // It is decided, or all of it was taken back. What did not fit the word is not about that.
  forget({ word, unfit = [] }) {
    if (unfit.length) this.write(word, unfit);
    else localStorage.removeItem(this.key(word));
  }

  // There is no such word any more.
  drop(id) {
    const found = this.keys(this.drafts).filter((each) => each.id === id);
    found.forEach(({ key }) => localStorage.removeItem(key));
  }

  write(word, [newest, ...others]) {
    localStorage.setItem(this.key(word), JSON.stringify({ ...newest, others }));
  }

  // All drafts of a word, the newest first. They are this tab's from now on.
  take(word) {
    const found = this.keys(this.prefix(word)).filter(({ id }) => id === word.id);
    const drafts = found.flatMap(({ key }) => read(key)).sort((a, b) => (b.at ?? 0) - (a.at ?? 0));
    const same = (a, b) => JSON.stringify([a.key, a.base, a.touched, a.text]) === JSON.stringify([b.key, b.base, b.touched, b.text]);
    const all = drafts.filter((draft, k) => !drafts.slice(0, k).some((newer) => same(newer, draft)));
    const mine = this.key(word);
    if (all.length && found.some(({ key }) => key !== mine)) {
      try {
        this.write(word, all);
        found.filter(({ key }) => key !== mine).forEach(({ key }) => localStorage.removeItem(key));
      } catch {
        // no room: they stay where they are
      }
    }
    return all;
  }

  // Put unfinished work back onto a freshly fetched word: the newest, and what is older one step back. False if none fits.
  restore(entry) {
    const drafts = this.take(entry.word);
    const bare = { word: entry.word, marks: entry.marks };
    const steps = drafts.map((draft) => ({ draft, step: applied(draft, bare, entry.base) }));
    const fit = steps.filter(({ step }) => step);
    entry.unfit = steps.filter(({ step }) => !step).map(({ draft }) => draft);
    entry.others = drafts.filter((draft) => draft !== fit[0]?.draft);
    if (!fit.length) return false;
    entry.undo.push(bare, ...fit.slice(1).reverse().map(({ step }) => step));
    Object.assign(entry, fit[0].step);
    entry.selected = Math.min(entry.selected, entry.marks.length - 1);
    entry.held = fit[0].draft.held; // Alt: what nobody touched stays where it is
    entry.versions = fit.length;
    return true;
  }
}

// The drafts that a key holds: that one, and older ones that were taken over with it.
function read(key) {
  try {
    const { others = [], ...draft } = JSON.parse(localStorage.getItem(key));
    return [draft, ...others];
  } catch {
    return []; // not ours
  }
}

// A word and its marks with a draft put onto them; null if it is about another state of the word.
function applied(draft, { word, marks }, base) {
  if (draft.key !== word.key || draft.base !== base.id) return null;
  if (draft.text) {
    const { marks: all, ...changes } = draft.text;
    const disagreement = changes.characters.map(() => null);
    return { word: { ...word, ...changes, disagreement, text: changes.characters.join("") }, marks: all };
  }
  if (draft.touched.length !== marks.length) return null;
  return { word, marks: marks.map((mark, index) => draft.touched[index] ?? mark) };
}
