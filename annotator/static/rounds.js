// The page of rounds: how the next one begins, whether the last one was worth it, charts, the table, and comparing two.

import { ask } from "./asking.js";
import { chart, sign } from "./charts.js";
import { Comparing } from "./comparing.js";
import { button, make } from "./elements.js";
import { mountOnce } from "./mounting.js";
import { follow, listen, poll } from "./status.js";
import { duration, fillTable, number, percent } from "./roundstable.js";

export function mount(element, methods) {
  mountOnce("rounds", element.querySelector(".cl-rounds"), (root, signal) => new Rounds(root, methods, signal));
}

class Rounds {
  constructor(root, methods, signal) {
    this.root = root;
    this.methods = methods;
    this.part = (role) => root.querySelector(`[data-role=${role}]`);
    this.comparing = new Comparing(this.part("comparing"));
    this.bindNext();
    listen((status) => this.onStatus(status), signal);
    // What is shown changes only with these; the header shows the progress itself.
    const what = ({ newest, job, counts }) => JSON.stringify([newest?.id, job.state, job.number, job.phase, counts.corrected]);
    follow(what, () => this.load(), signal);
  }

  onStatus(status) {
    if (!status) return;
    this.job = status.job;
    this.words = status.counts.words;
    this.drawNext();
  }

  async load() {
    const { ok, answer } = await ask("/api/rounds");
    if (!ok) return false;
    const { rounds, seen, worse, held_back } = answer;
    const finished = rounds.filter((each) => each.state === "finished");
    fillTable(this.part("rows"), rounds, seen, {
      goBack: (round) => this.goBack(round),
      compare: (round) => this.comparing.compare(round),
    });
    this.part("table").hidden = rounds.length === 0;
    this.part("none").hidden = rounds.length > 0;
    this.part("charts").hidden = finished.length < 2;
    if (finished.length > 1) this.drawCharts(finished, seen);
    this.drawWorse(worse);
    this.comparing.update(finished, seen);
    if (document.activeElement !== this.part("share")) this.part("share").value = Math.round(100 * held_back.share);
    this.part("share-from").textContent = `From ${held_back.least_words} corrected words on.`;
    return true;
  }

  // --- how the next round begins ---

  bindNext() {
    const select = this.part("next-method");
    select.append(...this.methods.map(({ name, summary }) => make("option", { value: name, title: summary }, name)));
    select.addEventListener("change", () => this.drawNext());
    this.part("next").addEventListener("submit", (event) => {
      event.preventDefault();
      const learns = this.chosen().learns;
      const asked = learns ? { init: this.part("init").value, fresh: this.part("fresh").checked } : {};
      this.send("/api/rounds", { method: select.value, ...asked });
    });
    this.part("pause").addEventListener("click", () => this.send("/api/rounds/current/pause", {}));
    this.part("stop").addEventListener("click", () => this.send("/api/rounds/current/cancel", {}));
    this.part("resume").addEventListener("click", () => this.send("/api/rounds", { method: this.job.method }));
    this.part("hold-back").addEventListener("submit", async (event) => {
      event.preventDefault();
      const share = Number(this.part("share").value) / 100;
      const answer = await this.send("/api/rounds/held-back", { share });
      if (answer) this.say(`From the next round on, ${percent(share, 0)} of the corrected words are held back.`);
    });
  }

  chosen() {
    return this.methods.find((method) => method.name === this.part("next-method").value);
  }

  drawNext() {
    const { state, number: round, method, pausing, cancelling, phase } = this.job ?? {};
    const busy = state === "running" || state === "starting";
    const interrupted = state === "interrupted";
    const { learns, summary } = this.chosen();
    this.part("begin").hidden = busy || interrupted;
    this.part("controls").hidden = !busy && !interrupted;
    this.part("begin-button").disabled = this.words === 0;
    for (const role of ["init", "fresh"]) this.part(role).disabled = !learns;
    this.part("summary").textContent = summary;
    this.part("pause").hidden = !busy;
    this.part("pause").disabled = pausing || cancelling || state === "starting";
    this.part("resume").hidden = !interrupted;
    this.part("stop").textContent = interrupted ? "Give it up" : "Cancel it";
    this.part("stop").disabled = cancelling || state === "starting";
    if (busy && state === "starting") this.part("now").textContent = "A round is starting …";
    else if (busy && cancelling) this.part("now").textContent = `Round ${round} (${method}) is being cancelled …`;
    else if (busy && pausing) this.part("now").textContent = `Round ${round} (${method}) is being paused …`;
    else if (busy) {
      const again = phase === "learn" ? " Paused now, it learns again from the start; later, it goes on where it was." : "";
      this.part("now").textContent = `Round ${round} (${method}) is running.${again}`;
    } else if (interrupted) {
      this.part("now").textContent = `Round ${round} (${method}) was stopped. It can go on; what was corrected meanwhile it learns, too.`;
    }
  }

  // --- going back ---

  drawWorse(worse) {
    const place = this.part("worse");
    place.hidden = !worse;
    if (!worse) return;
    const { parent } = worse;
    const [before, after] = [worse.wrong_before, worse.wrong_after].map((wrong) => percent(wrong / worse.chars, 1));
    const says =
      `Round ${worse.number} (${worse.method}) is clearly worse than round ${parent.number} (${parent.method}), which it ` +
      `started from: of ${worse.words} corrected words that neither has learned from, ${worse.worse} got worse and ` +
      `${worse.better} better; wrong boxes went from ${before} to ${after}.`;
    const back = button(`Go back to round ${parent.number}`, () => this.goBack(parent), "cl-primary");
    back.dataset.least = "owner";
    place.replaceChildren(make("p", "", says), back);
  }

  async goBack(round) {
    const stopped = this.job?.state === "interrupted" ? this.job.number : null;
    const question = `Round ${stopped} was stopped and started from another round. Going back gives it up. Go back?`;
    if (stopped !== null && !window.confirm(question)) return;
    const answer = await this.send(`/api/rounds/${round.id}/go-back`, {});
    if (answer) this.say(`Round ${round.number} is shown now, and the next round starts from it. The others stay here.`);
  }

  // Whether the server did it; if not, the page says why.
  async send(path, body) {
    this.say("");
    const { ok, detail } = await ask(path, body);
    this.say(detail, !ok);
    await poll();
    return ok;
  }

  say(text, trouble = false) {
    this.part("said").textContent = text;
    this.part("said").classList.toggle("cl-trouble", trouble);
  }

  // --- charts ---

  drawCharts(newestFirst, seen) {
    const rounds = [...newestFirst].reverse();
    const methods = [...new Set(rounds.map((each) => each.method))];
    const labels = rounds.map((each) => String(each.number));
    const column = new Map(rounds.map((each, k) => [each.number, k]));
    const ring = rounds.findIndex((each) => each.id === seen);
    // A line leads from the round that another started from, or from the nearest before that has a value.
    const series = (name, value, say, { dashed = false, sameMethod = false } = {}) => ({
      name,
      dashed,
      points: rounds.flatMap((round, k) => {
        const found = value(round);
        if (found === null || found === undefined) return [];
        let from = round.parent === null ? null : (column.get(round.parent) ?? null);
        while (from !== null && (value(rounds[from]) === null || (sameMethod && rounds[from].method !== round.method))) {
          from = rounds[from].parent === null ? null : (column.get(rounds[from].parent) ?? null);
        }
        const shape = methods.indexOf(round.method);
        return [{ column: k, value: found, from, shape, say: `round ${round.number} (${round.method}) ${say(round)}` }];
      }),
    });
    const judged = (kind) => (round) => (round[kind]?.chars ? round[kind].wrong / round[kind].chars : null);
    const off = (kind) => (round) => (round[kind]?.chars ? round[kind].centre_h : null);
    const of = (kind) => (round) =>
      `${percent(judged(kind)(round), 1)}, ${round[kind].wrong} of ${round[kind].chars} characters`;
    const far = (kind) => (round) => `${number(off(kind)(round), 3)} h`;
    const minutes = rounds.some((each) => each.seconds > 120) ? 60 : 1;
    const moved = (round) => (round.parent === null ? null : round.moved);
    const charts = [
      {
        title: "Had to be changed",
        note: "Of the characters corrected since the round before, how many it had wrong.",
        series: [series("Had to be changed", judged("prequential"), of("prequential"))],
        format: (value) => percent(value, 0),
      },
      {
        title: "Wrong in held-back words",
        note: "Of the characters of corrected words that no round learned from, how many the round has wrong.",
        series: [series("Wrong in held-back words", judged("heldback"), of("heldback"))],
        format: (value) => percent(value, 0),
      },
      {
        title: "Centres off by, in word heights",
        note: "Newly corrected words: full line. Held-back words: dashed.",
        series: [
          series("Newly corrected", off("prequential"), far("prequential")),
          series("Held back", off("heldback"), far("heldback"), { dashed: true }),
        ],
        format: (value) => number(value, 2),
      },
      {
        title: "Characters moved",
        note: "Whose centre moved by more than a tenth of the word's height.",
        series: [series("Moved", moved, (round) => number(round.moved, 0))],
        format: (value) => number(value, 0),
      },
      {
        title: "Log-likelihood",
        note: "Mean of a character, in nats. Comparable within one method only.",
        series: [
          series("Log-likelihood", (round) => round.log_likelihood, (round) => number(round.log_likelihood, 3), { sameMethod: true }),
        ],
        format: (value) => number(value, Math.abs(value) < 10 ? 1 : 0),
      },
      {
        title: "Time",
        note: "Wall clock of the whole round.",
        series: [series("Time", (round) => (round.seconds === null ? null : round.seconds / minutes), (round) => duration(round.seconds))],
        format: (value) => duration(value * minutes),
        tick: (value) => `${number(value, Number.isInteger(value) ? 0 : 1)} ${minutes > 1 ? "min" : "s"}`,
      },
    ];
    this.part("charts").replaceChildren(...charts.map((each) => chart({ ...each, labels, ring })), legend(methods, ring >= 0));
  }
}

function legend(methods, ring) {
  const signs = methods.map((name, shape) => make("span", "", sign(shape), name));
  if (ring) signs.push(make("span", "", make("i", "cl-ring-sign"), "the round people see"));
  return make("p", "cl-signs", ...signs);
}
