// How far the project is, how fast this person works, and how far the model's errors have fallen.

import { ask } from "./asking.js";
import { make } from "./elements.js";
import { setting } from "./settings.js";

const SITTING_MS = 30 * 60 * 1000; // after a longer gap, another sitting has begun
const PAUSE_MS = 5 * 60 * 1000; // a longer gap is no work: the word after it counts with the usual time
const LEAST_GAPS = 4;
const MOST_KEPT = 500;
const FEW = 50; // characters checked
const CHOSEN = "The queue chose these words, mostly hard ones: it is not the error of the whole set, which an audit measures.";

export class Progress {
  constructor(editor, project) {
    this.editor = editor;
    this.key = `charloc.${project}.pace`;
    this.errors = null;
    this.errorsOf = undefined; // the round they were asked for
  }

  // --- this person's pace ---

  times() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.key));
      return Array.isArray(kept) ? kept.filter(Number.isFinite) : [];
    } catch {
      return [];
    }
  }

  decided() {
    this.keep([...this.times(), Date.now()]);
  }

  takenBack() {
    this.keep(this.times().slice(0, -1));
  }

  keep(times) {
    setting(this.key, JSON.stringify(times.slice(-MOST_KEPT)));
    this.draw();
  }

  // --- the model's errors ---

  async onStatus(status) {
    const round = status.newest?.id ?? null;
    if (round !== this.errorsOf && round !== null) {
      const { ok, answer } = await ask("/api/progress");
      if (ok) Object.assign(this, { errors: answer, errorsOf: round });
    }
    this.draw();
  }

  draw() {
    const { editor } = this;
    const counts = editor.status?.counts;
    if (!counts) return;
    const done = counts.corrected + counts.flagged;
    const pace = wordsPerHour(this.times(), Date.now());
    const parts = [
      [`${done} of ${counts.words} words done`, "Corrected or flagged"],
      [`${counts.corrected_today} today`, "Corrected since midnight, by anyone"],
      counts.flagged && [`${counts.flagged} flagged`, "Left out of training until someone has looked at them"],
      counts.skipped && [`${counts.skipped} skipped`, "Put off: they come again at the end"],
      pace && [`${pace} words an hour`, "You, in this sitting; pauses of more than five minutes do not count"],
      errorsText(this.errors),
    ].filter(Boolean);
    const key = JSON.stringify(parts);
    if (key === this.drawn) return;
    this.drawn = key;
    editor.part("counts").replaceChildren(...parts.map(([text, title]) => make("li", { title }, text)));
    const bar = editor.part("bar");
    bar.style.width = `${counts.words ? (100 * done) / counts.words : 0}%`;
    bar.parentElement.ariaValueMax = counts.words;
    bar.parentElement.ariaValueNow = done;
  }
}

// Words an hour in the sitting that goes on at `now`, from the times (ms) of decisions; null as long as there are too
// few. The time of a decision is that since the one before, so n decisions have n - 1 times.
export function wordsPerHour(times, now) {
  const sitting = [];
  for (let k = times.length - 1, next = now; k >= 0 && next - times[k] <= SITTING_MS; k -= 1) sitting.unshift((next = times[k]));
  const gaps = sitting.slice(1).map((time, k) => time - sitting[k]);
  const worked = gaps.filter((gap) => gap <= PAUSE_MS).sort((a, b) => a - b);
  if (worked.length < LEAST_GAPS) return null;
  const usual = worked[Math.floor(worked.length / 2)];
  const total = gaps.reduce((sum, gap) => sum + (gap <= PAUSE_MS ? gap : usual), 0);
  const rate = (3600000 * gaps.length) / Math.max(total, 1);
  return rate < 20 ? Math.max(1, Math.round(rate)) : Math.round(rate / 10) * 10;
}

// What is told of the model's errors: short, and in full; null if nothing was measured.
export function errorsText(errors) {
  const { first, latest } = errors ?? {};
  if (!latest?.chars) return null;
  const how = latest.measure === "heldback"
    ? "Judged by words you corrected that it did not learn from." : "Each judged by what you corrected before it learned from that."; // prettier-ignore
  const few = Math.min(latest.chars, first?.chars ?? Infinity) < FEW ? " These are few characters: a rough figure." : "";
  const whose = `${how} ${CHOSEN}${few}`;
  if (!first?.chars) return [`model wrong: ${percent(latest)}`, `${told(latest)} ${whose}`];
  return [`model wrong: ${percent(first)} → ${percent(latest)}`, `${told(first)} ${told(latest)} ${whose}`];
}

function told(error) {
  return `Round ${error.round} had ${error.wrong} of ${error.chars} checked characters wrong.`;
}

function percent({ wrong, chars }) {
  const share = (100 * wrong) / chars;
  return `${share < 10 ? Number(share.toFixed(1)) : Math.round(share)} %`;
}
