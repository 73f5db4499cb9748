// Live re-alignment: while a person moves one character, the untouched ones are solved anew under what was said.
//
// One request is under way at a time; what is asked meanwhile waits as one, the latest. An answer counts only for the
// step of the word it was asked in: after an undo, another step or another word it is dropped.

import { ask } from "./asking.js";
import { newUuid } from "./outbox.js";
import { setting } from "./settings.js";

const PAUSE_MS = 2000; // after the service did not answer: it may be starting, or not be there at all
const TIMEOUT_MS = 5000;
const SUPERSEDED = 409; // a newer step of this page came first
const IMPOSSIBLE = 422; // what was said cannot be followed
const MOST_WARMED = 32;
const KEY = "charloc.live";

export class Live {
  // current(): the word in hand. apply(entry, boxes, confidence): what was solved. problem(text): why not.
  constructor({ current, apply, problem }) {
    Object.assign(this, { current, apply, problem });
    this.on = localStorage.getItem(KEY) !== "off";
    this.client = newUuid(); // two pages may show the same word
    this.seq = 0; // of requests
    this.dropped = 0; // up to this one, answers are not wanted any more
    this.wanted = null;
    this.asking = false;
    this.pausedUntil = 0;
    this.warmed = new Set();
  }

  // Switch it on or off, for good.
  setOn(on) {
    this.on = on;
    setting(KEY, on ? "on" : "off");
    this.drop();
  }

  // Something was said about a character of this word.
  ask(entry) {
    const open = (mark, index) => mark.state === "untouched" && entry.word.characters[index].trim();
    if (!this.on || !entry.marks.some(open)) return this.drop();
    this.wanted = entry;
    if (!this.asking) this.run();
  }

  // What is under way is not wanted any more.
  drop() {
    this.wanted = null;
    this.dropped = this.seq;
  }

  async run() {
    this.asking = true;
    while (this.wanted) {
      const entry = this.wanted;
      this.wanted = null;
      if (performance.now() < this.pausedUntil) break;
      const step = entry.undo.at(-1); // the marks before this step: its identity
      const asked = this.solve(entry);
      const { seq } = this;
      const answer = await asked;
      const holds = seq > this.dropped && entry === this.current() && step === entry.undo.at(-1);
      if (!answer || !holds) continue; // an answer that comes late
      if (answer.detail) this.problem(answer.detail);
      if (answer.boxes?.length === entry.marks.length) this.apply(entry, answer.boxes, answer.confidence);
    }
    this.asking = false;
  }

  // Where the characters of a word are under what was said: the answer; {detail} if that cannot be followed; null if there
  // is no service, or the answer is not to this question.
  async solve({ word, marks }) {
    const seq = (this.seq += 1);
    const said = marks.map(({ state, box }) => ({ state, box }));
    const body = { word_key: word.key, characters: word.characters, text: null, marks: said, seq, client: this.client };
    const { ok, answer, status } = await ask(`/api/words/${word.id}/realign`, body, TIMEOUT_MS);
    if (ok) return answer.seq === seq ? answer : null;
    if (status === IMPOSSIBLE) return answer;
    if (status !== SUPERSEDED) this.pausedUntil = performance.now() + PAUSE_MS;
    return null;
  }

  // Have the service read these words before they are shown.
  async warm(ids) {
    if (!this.on || performance.now() < this.pausedUntil) return;
    const fresh = ids.filter((id) => !this.warmed.has(id)).slice(0, MOST_WARMED);
    if (!fresh.length) return;
    fresh.forEach((id) => this.warmed.add(id));
    const { ok } = await ask("/api/realign/warm", { ids: fresh }, TIMEOUT_MS);
    if (!ok) fresh.forEach((id) => this.warmed.delete(id));
  }
}
