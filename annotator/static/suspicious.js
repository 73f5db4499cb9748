// Transcripts that are probably wrong, worst first: one row a word, decided by a key or a button.

import { ask } from "./asking.js";
import { mountOnce } from "./mounting.js";
import { newUuid } from "./outbox.js";
import { listen } from "./status.js";
import { draw } from "./suspects.js";

const AT_ONCE = 50;
const WATCHING_MS = 1000;
const PHASES = { read: "reading words", compare: "comparing pictures" };
const KEYS = { a: "accept", r: "right", f: "flag", o: "open", u: "undo" };

export function mount(element) {
  mountOnce("suspicious", element.querySelector(".cl-suspicious"), (root, signal) => new Suspicious(root, signal));
}

class Suspicious {
  constructor(root, signal) {
    this.root = root;
    this.part = (role) => root.querySelector(`[data-role=${role}]`);
    this.words = [];
    this.done = new Map(); // id -> { text, undo() }
    this.role = "owner"; // where nobody logs in
    this.seen = "";
    this.loading = null;
    this.troubles = { act: "", run: "", load: "", job: "" }; // what each of them last complained of
    this.part("look").addEventListener("click", () => this.run("run"));
    this.part("stop").addEventListener("click", () => this.run("stop"));
    this.part("least").addEventListener("change", () => this.load());
    this.part("more").addEventListener("click", () => this.load(this.words.length));
    root.addEventListener("keydown", (event) => this.onKey(event));
    this.part("list").addEventListener("focusin", (event) => this.select(event.target.closest("li"), false));
    this.part("list").addEventListener("click", (event) => {
      const button = event.target.closest("button[data-act]");
      if (button) this.act(button.dataset.act, button.closest("li"));
    });
    listen((status) => this.onStatus(status), signal);
    // What was decided elsewhere meanwhile is gone when the page is looked at again.
    new IntersectionObserver(([entry]) => entry.isIntersecting && this.load()).observe(root);
  }

  get writes() {
    return this.role !== "reader";
  }

  onStatus(status) {
    if (!status) return;
    this.role = status.person?.role ?? "owner";
    const { newest, counts } = status;
    const now = JSON.stringify([newest?.id, counts.words, this.role]);
    const visible = this.root.offsetParent !== null;
    if (visible && (now !== this.seen || this.job?.state === "running")) this.load();
    if (visible) this.seen = now;
  }

  // --- loading ---

  async load(offset = 0) {
    // One at a time; who asks meanwhile is answered by the next.
    if (this.loading) {
      this.again = true;
      return;
    }
    this.loading = this.fetch(offset);
    await this.loading;
    this.loading = null;
    if (this.again) {
      this.again = false;
      await this.load();
    }
  }

  async fetch(offset) {
    const least = this.part("least").value;
    const limit = offset ? AT_ONCE : Math.min(Math.max(AT_ONCE, this.words.length), 100);
    const { ok, answer, detail } = await ask(`/api/suspicions?least=${least}&offset=${offset}&limit=${limit}`);
    this.complain(ok ? "" : detail, "load");
    if (!ok) return;
    const { words, ...rest } = answer;
    Object.assign(this, { state: rest, job: rest.job });
    // What was decided here stays where it is, so that nothing moves under the hand.
    const kept = offset ? this.words : this.words.filter((each) => this.done.has(each.id));
    const known = new Set(kept.map((each) => each.id));
    this.words = [...kept, ...words.filter((each) => !known.has(each.id))].sort((a, b) => b.score - a.score);
    this.draw();
  }

  draw() {
    const { total, round, newest, count, right, job } = this.state;
    const list = this.part("list");
    const chosen = this.chosen()?.dataset.id;
    const focused = list.contains(document.activeElement);
    draw(list, this.words, this.done, this.writes);
    const left = this.words.filter((each) => !this.done.has(each.id)).length;
    const again = [...list.children].find((each) => each.dataset.id === chosen) ?? list.firstElementChild;
    if (again) this.select(again, focused);
    this.part("more").hidden = left >= total;
    this.part("keys").hidden = !this.words.length;
    this.root.querySelectorAll("[data-writes]").forEach((each) => (each.hidden = !this.writes));
    const old = round !== null && round !== newest ? ` There is a newer round, ${newest}: look again.` : "";
    const said = right ? ` ${right} said to be right.` : "";
    this.part("summary").textContent = round === null ? "" : `${total} of ${count} words, read by round ${round}.${said}${old}`;
    this.drawJob(job, newest);
    this.drawNone(total);
  }

  drawJob(job, newest) {
    const busy = job.state === "running" || job.state === "starting";
    const owner = this.role === "owner";
    this.part("look").hidden = busy || !owner;
    this.part("look").disabled = newest === null;
    this.part("look").textContent = this.state.round === null ? "Look at the transcripts" : "Look again";
    this.part("stop").hidden = !busy || !owner;
    this.part("stop").disabled = job.state === "starting" || job.stopping;
    this.part("looking").hidden = !busy;
    const share = job.total ? job.done / job.total : 0;
    const percent = job.total ? ` ${Math.floor(100 * share)} %` : "";
    const doing = job.stopping ? "stopping …" : `${PHASES[job.phase] ?? "starting …"}${percent}`;
    this.part("phase").textContent = `Looking: ${doing}`;
    if (job.phase === "read") this.part("progress").value = share;
    else this.part("progress").removeAttribute("value");
    this.complain(job.state === "failed" ? job.message : "", "job");
    clearTimeout(this.timer);
    if (busy) this.timer = setTimeout(() => this.load(), WATCHING_MS);
  }

  drawNone(total) {
    const { round, newest, count } = this.state;
    const busy = this.job.state === "running" || this.job.state === "starting";
    this.part("none").hidden = this.words.length > 0 || busy;
    const [title, text] = none(round, newest, count, total, this.part("least").value !== "0.05");
    this.part("none-title").textContent = title;
    this.part("none-text").textContent = text;
  }

  // A list that is loaded anew takes nothing back of what went wrong with a word.
  complain(text, by = "act") {
    this.troubles[by] = text;
    const said = [...new Set(Object.values(this.troubles))].filter(Boolean).join(" ");
    this.part("trouble").textContent = said;
    this.part("trouble").hidden = !said;
  }

  async run(what) {
    const { ok, detail } = await ask(`/api/suspicions/${what}`, {});
    this.complain(ok ? "" : detail, "run");
    if (ok) await this.load();
  }

  // --- moving and deciding ---

  chosen() {
    return this.part("list").querySelector("li[aria-current=true]");
  }

  select(row, focus = true) {
    if (!row) return;
    for (const each of this.part("list").children) {
      const mine = each === row;
      each.tabIndex = mine ? 0 : -1;
      if (mine) each.setAttribute("aria-current", "true");
      else each.removeAttribute("aria-current");
    }
    if (!focus) return;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, input, textarea")) return;
    const row = this.chosen();
    const moves = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling", j: "nextElementSibling", k: "previousElementSibling" };
    if (moves[event.key]) {
      this.select(row?.[moves[event.key]]);
    } else if (event.key === "Home" || event.key === "End") {
      const list = this.part("list");
      this.select(event.key === "Home" ? list.firstElementChild : list.lastElementChild);
    } else if (KEYS[event.key.toLowerCase()]) {
      this.act(KEYS[event.key.toLowerCase()], row);
    } else return;
    event.preventDefault();
  }

  async act(what, row) {
    const word = this.words.find((each) => String(each.id) === row?.dataset.id);
    if (!word || row.dataset.busy) return;
    if (what === "open") {
      window.dispatchEvent(new CustomEvent("charloc:open", { detail: { words: [word.id], from: "suspicious" } }));
      return;
    }
    if (!this.writes || (what === "accept" && !word.suggestion)) return;
    if (what !== "undo" && this.done.has(word.id)) return;
    row.dataset.busy = "true";
    const said = what === "undo" ? await this.undo(word) : await this[what](word);
    delete row.dataset.busy;
    if (!said.ok) return this.complain(`${word.name}: ${said.detail}`);
    this.complain("");
    draw(this.part("list"), this.words, this.done, this.writes);
    this.select([...this.part("list").children].find((each) => each.dataset.id === String(word.id)), true);
    if (what !== "undo") this.select(this.next(this.chosen()));
  }

  next(row) {
    let next = row?.nextElementSibling;
    while (next && this.done.has(Number(next.dataset.id))) next = next.nextElementSibling;
    return next;
  }

  async accept(word) {
    const { id, key, suggestion, correction } = word;
    const said = await ask(`/api/suspicions/${id}/accept`, {
      uuid: newUuid(), word_key: key, base_id: correction?.id ?? null, text: suggestion,
    }); // prettier-ignore
    return this.corrected(word, said, `Changed to “${suggestion.join("")}”`);
  }

  async flag(word) {
    const said = await ask("/api/corrections", {
      uuid: newUuid(), word_id: word.id, word_key: word.key, kind: "flag", reason: word.why,
      base_id: word.correction?.id ?? null, text: word.correction?.text ?? null,
    }); // prettier-ignore
    return this.corrected(word, said, "Flagged");
  }

  async right(word) {
    const said = await ask(`/api/suspicions/${word.id}/right`, { value: "right" });
    if (said.ok) this.done.set(word.id, { text: "Said to be right", undo: () => ask(`/api/suspicions/${word.id}/right`, { value: "open" }) });
    return said;
  }

  corrected(word, said, text) {
    if (!said.ok) return said;
    const saved = said.answer.correction;
    const before = word.correction;
    const back = {
      word_id: word.id, word_key: word.key, base_id: saved.id,
      ...(before ? { kind: before.kind, characters: before.characters, reason: before.reason, text: before.text } : { kind: "clear" }),
    }; // prettier-ignore
    this.done.set(word.id, {
      text,
      undo: async () => {
        const undone = await ask("/api/corrections", { uuid: newUuid(), ...back });
        // A cleared word is as if nothing had been said.
        if (undone.ok) word.correction = before ? undone.answer.correction : null;
        return undone;
      },
    });
    return said;
  }

  async undo(word) {
    const done = this.done.get(word.id);
    if (!done) return { ok: true };
    const said = await done.undo();
    if (said.ok) this.done.delete(word.id);
    return said;
  }
}

// What to say where there is nothing to show, and what to do next.
function none(round, newest, count, total, more) {
  if (!count) return ["No words yet", "Import some first: launch.py import SRC --project DIR"];
  if (newest === null) return ["No round yet", "Train a round first: what it learns reads the words."];
  if (round === null) return ["Not looked at yet", "“Look at the transcripts” reads every word and lists those that say something else. You can go on working meanwhile."];
  if (more) return ["Nothing looks wrong", "Show the doubtful ones as well, or look again after the next round."];
  return ["Nothing looks wrong", "Look again after the next round: it reads better."];
}
