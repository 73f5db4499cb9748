// The page of audits: a random sample, how far people have looked at it, and what follows for all words.

import { ask } from "./asking.js";
import { make } from "./elements.js";
import { mountOnce } from "./mounting.js";
import { number, percent } from "./roundstable.js";
import { follow } from "./status.js";

const ROWS = [
  ["boxes", "Characters with a wrong box"],
  ["centres", "Characters with a wrong centre"],
  ["words_boxes", "Words with a wrong box"],
  ["words_centres", "Words with a wrong centre"],
];
const NONE = "–";
const ELSEWHERE = "The words that are left are in other people's hands. Look again when they are done.";
const SOON_MS = 700;
const SHARED_MS = 15000;

export function mount(element) {
  mountOnce("audit", element.querySelector(".cl-audit"), (root, signal) => new AuditPage(root, signal));
}

class AuditPage {
  constructor(root, signal) {
    this.root = root;
    this.part = (role) => root.querySelector(`[data-role=${role}]`);
    this.part("begin").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send("/api/audits", { words: Number(this.part("begin-words").value) }, (body) => ({ ...body, seed: newSeed() }));
    });
    this.part("more").addEventListener("submit", (event) => {
      event.preventDefault();
      const { id, words } = this.known.current;
      const more = { audit: id, words: Number(this.part("more-words").value) };
      this.send("/api/audits/current/extend", more, (body) => ({ ...body, after: words }));
    });
    this.part("look").addEventListener("click", () => this.look());
    this.part("anew").addEventListener("click", () => this.begin(true));
    this.part("back").addEventListener("click", () => this.begin(false));
    this.part("wanted").addEventListener("change", () => this.load());
    // What people say of the sample shows in no count: it is asked for whenever the page comes into view, and where several
    // share it, now and then while it is.
    const shared = ({ person }) => (person && root.offsetParent ? Math.floor(Date.now() / SHARED_MS) : 0);
    new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && this.load()).observe(root);
    follow((status) => JSON.stringify([status.newest?.id, status.counts, shared(status)]), () => this.load(), signal);
  }

  async load() {
    const width = (2 * Number(this.part("wanted").value)) / 100;
    const { ok, answer } = await ask(`/api/audits?width=${width}`);
    if (!ok) return false;
    this.known = answer;
    if (this.wish && drawn(this.request, answer.current)) this.granted();
    this.draw();
    // What was said a moment ago may still be on its way.
    clearTimeout(this.again);
    if (window.charloc?.outbox?.waiting().some((item) => item.decision.audit)) this.again = setTimeout(() => this.load(), SOON_MS);
    return true;
  }

  draw() {
    const { current, earlier, seen, words } = this.known;
    if (!current) this.beginning = false;
    this.part("none").hidden = Boolean(current) && !this.beginning;
    this.part("some").hidden = !current || this.beginning;
    this.part("back").hidden = !current;
    this.drawBegin(words);
    if (current) this.drawCurrent(current, seen);
    this.part("earlier").hidden = earlier.length === 0;
    this.part("earlier-rows").replaceChildren(...earlier.map((audit) => earlierRow(audit)));
  }

  drawBegin(words) {
    const { usual, least } = this.known;
    const field = this.part("begin-words");
    if (!field.value) field.value = Math.min(usual, words || usual);
    field.min = Math.min(least, words || least);
    this.part("of-all").textContent = `of ${number(words, 0)} words`;
    this.part("begin").querySelector("button").disabled = words === 0;
    this.part("advice").textContent = words
      ? `With ${usual} words an error of 2 % is known to about ± 2 %. More can be drawn later.`
      : "There are no words yet. Import some, then draw: launch.py import SRC --project DIR";
  }

  drawCurrent(audit, seen) {
    const { answered, left, words, population, proposed, exported, doubtful } = audit;
    this.part("how-far").textContent = `${number(answered, 0)} of ${number(words, 0)} words looked at`;
    this.part("bar").value = words ? answered / words : 0;
    this.part("look").hidden = left === 0;
    this.part("look").textContent = answered ? "Look at the next words" : "Look at the words";
    const all = words >= population;
    this.part("more").hidden = all;
    this.part("judged").textContent =
      `${number(proposed.words, 0)} words, ${number(proposed.chars, 0)} characters judged` +
      (all ? "; the sample is the whole data set." : `, of ${number(population, 0)} words in all.`);
    this.part("as-proposed").textContent = seen ? `As round ${seen.number} (${seen.method}) proposes` : "As a round proposes";
    const scale = scaleOf(proposed, exported);
    this.part("rows").replaceChildren(...ROWS.map((each) => this.row(each, audit, scale)), meanRow(proposed, exported));
    const { wrong, of } = doubtful;
    this.part("doubtful").textContent = wrong
      ? `In ${wrong} of ${of} words the transcript or the picture was said to be wrong (${rate(doubtful)} of all words); ` +
        "their boxes are not judged."
      : "";
    this.part("aided").textContent = audit.aided
      ? `Round ${seen.number} was made by an earlier version of charloc: of ${number(audit.aided, 0)} of these words it does not know ` +
        "what it would propose by itself, so what people had corrected before counts as its own, and its errors look rarer than " +
        "they are. Train a round: the same answers then judge that one by itself."
      : "";
    this.part("seed").textContent = `Audit ${audit.id}, seed ${audit.seed}, ${number(population, 0)} words to draw from.`;
  }

  row([name, title], audit, scale) {
    const { proposed, exported, population } = audit;
    const rates = [proposed, exported].map((side) => rateCell(side[name], scale));
    const need = this.needCell(exported[name].needed, audit.words, audit.answered, population);
    return make("tr", "", make("th", { scope: "row" }, title), ...rates, need);
  }

  needCell(needed, drawn, answered, population) {
    if (needed === null) return make("td", "", NONE);
    if (needed <= answered) return make("td", "", "none");
    const toDraw = needed - drawn;
    const whole = needed >= population ? "that is all of them" : "";
    const says = whole || (toDraw > 0 ? `${number(toDraw, 0)} still to be drawn` : "drawn already");
    return make("td", "", number(needed - answered, 0), make("small", "", says));
  }

  // Show the words that wait in the editor, blind, in the order in which they were drawn.
  async look() {
    const { ok, answer, detail } = await ask("/api/audits/current/pending");
    this.say(detail);
    if (!ok) return;
    if (!answer.words.length) this.say(answer.elsewhere ? ELSEWHERE : "");
    window.dispatchEvent(new CustomEvent("charloc:open", { detail: { words: answer.words, from: "audit", audit: true } }));
  }

  // Another audit: ask how many words first. Nothing happens to the one that is going on until it is begun.
  begin(beginning) {
    this.beginning = beginning;
    this.draw();
    this.part(beginning ? "begin-words" : "anew").focus();
  }

  // Have words drawn. `completed(body)`: the request, so that it can be sent again without drawing twice. Until there is an
  // answer, the same wish is the same request.
  async send(path, body, completed) {
    if (this.sending) return;
    this.sending = true;
    const wish = JSON.stringify([path, body]);
    if (this.wish !== wish) Object.assign(this, { wish, request: completed(body) });
    const { ok, detail, status } = await ask(path, this.request);
    if (status && status < 500) this.wish = null;
    this.say(detail);
    if (ok) this.beginning = false;
    await this.load();
    this.sending = false;
  }

  // The words were drawn, though the answer that said so was lost.
  granted() {
    this.wish = null;
    this.beginning = false;
    this.say("The words were drawn.");
  }

  say(text) {
    this.part("said").textContent = text;
    if (text && !this.part("none").hidden) this.part("advice").textContent = text;
  }
}

// Whether what was asked for is there.
function drawn({ audit, after, words, seed }, current) {
  if (!current || (audit === undefined && current.seed !== seed)) return false;
  return audit === undefined || (current.id === audit && current.words >= Math.min(after + words, current.population));
}

function newSeed() {
  return crypto.getRandomValues(new Uint32Array(1))[0] >>> 1; // below 2 ** 31
}

// How far the bars reach: the same for all, so that they can be compared.
function scaleOf(...sides) {
  const most = Math.max(...sides.flatMap((side) => ROWS.map(([name]) => (side[name].value === null ? 0 : side[name].high))));
  return [0.02, 0.05, 0.1, 0.2, 0.5, 1].find((each) => each >= most) ?? 1;
}

function rate({ value, low, high }) {
  if (value === null) return NONE;
  const digits = high < 0.1 ? 1 : 0;
  return `${percent(value, digits)}, ${number(100 * low, digits)} to ${percent(high, digits)}`;
}

function rateCell(estimate, scale) {
  const { value, low, high, wrong, of } = estimate;
  if (value === null) return make("td", "", NONE);
  const digits = high < 0.1 ? 2 : 1;
  const from = { title: `${number(wrong, 0)} of ${number(of, 0)}` };
  return make(
    "td", "", make("b", "", percent(value, digits)),
    make("small", from, `${number(100 * low, digits)} to ${percent(high, digits)}`),
    bar(value / scale, low / scale, high / scale, `0 to ${percent(scale, 0)}`),
  ); // prettier-ignore
}

function bar(value, low, high, title) {
  const made = make("span", { className: "cl-interval", title }, make("i"), make("u"));
  made.setAttribute("aria-hidden", "true"); // the numbers stand beside it
  made.style.setProperty("--low", low);
  made.style.setProperty("--high", high);
  made.style.setProperty("--value", value);
  return made;
}

function meanRow(...sides) {
  const cells = sides.map(({ mean_h: { value, low, high } }) => {
    if (value === null) return make("td", "", NONE);
    return make("td", "", make("b", "", `${number(value, 3)} h`), make("small", "", `${number(low, 3)} to ${number(high, 3)} h`));
  });
  return make("tr", "", make("th", { scope: "row" }, "Mean distance of centres"), ...cells, make("td"));
}

function earlierRow(audit) {
  const begun = new Date(audit.created_at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const looked = `${number(audit.answered, 0)} of ${number(audit.words, 0)}`;
  const cells = [begun, looked, rate(audit.proposed.boxes), rate(audit.exported.boxes)];
  return make("tr", "", ...cells.map((text) => make("td", "", text)));
}
