// Live re-alignment: while a person moves one character, the untouched ones are solved anew under what was said.
//
// One request is under way at a time; what is asked meanwhile waits as one, the latest. An answer counts only for the
// step of the word it was asked in: after an undo, another step or another word it is dropped. Where the service is not
// there (yet), the same is asked again a while later, as long as it counts; after many tries, when the page hears from the
// server again, or the person comes back to it.

import { ask } from "./asking.js";
import { newUuid } from "./outbox.js";
import { setting } from "./settings.js";

const PAUSE_MS = 2000; // after the service did not answer: it may be starting, or not be there at all
const TRIES = 12; // the first of them at this pace, then each after twice the time
const TRIES_AT_PACE = 6;
const AWAY = "The others do not follow: the server does not answer. What you said is kept.";
const TIMEOUT_MS = 5000;
const SUPERSEDED = 409; // a newer step of this page came first
const IMPOSSIBLE = 422; // what was said cannot be followed
const MOST_WARMED = 32;
const KEY = "charloc.live";

export class Live {
  // current(): the word in hand. busy(): whether a hand is at it just now. apply(entry, boxes, confidence): what was
  // solved. problem(text): why not. signal: aborts when the editor is not there any more.
  constructor({ current, busy, apply, problem, signal }) {
    Object.assign(this, { current, busy, apply, problem });
    this.on = localStorage.getItem(KEY) !== "off";
    this.client = newUuid(); // two pages may show the same word
    this.seq = 0; // of requests
    this.dropped = 0; // up to this one, answers are not wanted any more
    this.wanted = null;
    this.asking = false;
    this.away = false; // the last answer was none, and there may be one soon
    this.pauseMs = PAUSE_MS;
    this.pausedUntil = 0;
    this.warmed = new Set();
    this.given = null; // what was given up
    this.inputs = 0; // of the person: keys and presses
    for (const name of ["keydown", "pointerdown"]) {
      document.addEventListener(name, () => (this.inputs += 1), { capture: true, passive: true, signal });
    }
    for (const name of ["online", "focus"]) window.addEventListener(name, () => this.wake(), { signal });
  }

  // Switch it on or off, for good.
  setOn(on) {
    this.on = on;
    setting(KEY, on ? "on" : "off");
    this.drop();
  }

  // Something was said about a character of this word.
  ask(entry, inputs = null) {
    const open = (mark, index) => mark.state === "untouched" && entry.word.characters[index].trim();
    if (!this.on || !entry.marks.some(open)) return this.drop();
    clearTimeout(this.retrying);
    this.given = null;
    this.want({ entry, step: entry.undo.at(-1), inputs, tries: 0 });
  }

  // A word is shown with characters that were placed earlier, and nothing has followed that yet. Once the person has begun
  // to do something with it, nothing moves because of that any more.
  reopen(entry) {
    const placed = entry.marks.some(({ state }) => state === "pinned" || state === "invisible");
    const followed = entry.marks.some(({ state, confidence }) => state === "untouched" && confidence !== undefined);
    if (placed && !followed && !entry.held) this.ask(entry, this.inputs);
  }

  // What is under way is not wanted any more.
  drop() {
    clearTimeout(this.retrying);
    this.wanted = this.given = null;
    this.dropped = this.seq;
  }

  want(question) {
    this.wanted = question;
    if (!this.asking) this.run();
  }

  // Whether an answer to it still counts. `step` are the marks before the step it was asked in: its identity.
  counts({ entry, step, inputs }) {
    return this.on && entry === this.current() && step === entry.undo.at(-1) && (inputs ?? this.inputs) === this.inputs;
  }

  later(question) {
    if (question.tries >= TRIES) return this.giveUp(question);
    const wait = this.pauseMs * 2 ** Math.max(0, question.tries - TRIES_AT_PACE);
    clearTimeout(this.retrying);
    this.retrying = setTimeout(() => {
      if (!this.counts(question)) return;
      if (this.busy()) this.later(question);
      else this.want({ ...question, tries: question.tries + 1 });
    }, wait);
  }

  // Only the following is given up: what was said is kept.
  giveUp(question) {
    this.given = question;
    if (this.counts(question)) this.problem(AWAY);
  }

  // The service may be there again.
  wake() {
    const { given } = this;
    this.given = null;
    if (given && this.counts(given)) this.later({ ...given, tries: 1 });
  }

  async run() {
    this.asking = true;
    while (this.wanted) {
      const question = this.wanted;
      const { entry } = question;
      this.wanted = null;
      if (performance.now() < this.pausedUntil) {
        this.later(question);
        break;
      }
      const asked = this.solve(entry);
      const { seq } = this;
      const answer = await asked;
      if (seq <= this.dropped || !this.counts(question)) continue; // an answer that comes late
      const again = answer ? question.tries > 0 && this.busy() : this.away; // nothing moves under a hand
      if (again && !this.wanted) this.later(question);
      if (again || !answer) continue;
      if (answer.detail) this.problem(answer.detail);
      if (answer.boxes?.length === entry.marks.length) this.apply(entry, answer.boxes, answer.confidence);
    }
    this.asking = false;
  }

  // Where the characters of a word are under what was said: the answer; {detail} if that cannot be followed; null if there
  // is no service, or the answer is not to this question.
  async solve({ word, marks }) {
    const seq = (this.seq += 1);
    this.away = false;
    const said = marks.map(({ state, box }) => ({ state, box }));
    const body = { word_key: word.key, characters: word.characters, text: null, marks: said, seq, client: this.client };
    const { ok, answer, status } = await ask(`/api/words/${word.id}/realign`, body, TIMEOUT_MS);
    if (ok) return answer.seq === seq ? answer : null;
    if (status === IMPOSSIBLE) return answer;
    this.away = status === 0 || status >= 500;
    if (status !== SUPERSEDED) this.pausedUntil = performance.now() + this.pauseMs;
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
