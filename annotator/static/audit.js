// The page of audits: a random sample, how far people have looked at it, and what follows for all words.

import { number, percent } from "./roundstable.js";
import { listen } from "./status.js";

const ROWS = [
  ["boxes", "Characters with a wrong box"],
  ["centres", "Characters with a wrong centre"],
  ["words_boxes", "Words with a wrong box"],
  ["words_centres", "Words with a wrong centre"],
];
const NONE = "–";
const SOON_MS = 700;

export function mount(element) {
  new AuditPage(element.querySelector(".cl-audit"));
}

class AuditPage {
  constructor(root) {
    this.root = root;
    this.part = (role) => root.querySelector(`[data-role=${role}]`);
    this.part("begin").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send("/api/audits", { words: Number(this.part("begin-words").value) });
    });
    this.part("more").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send("/api/audits/current/extend", { words: Number(this.part("more-words").value) });
    });
    this.part("look").addEventListener("click", () => this.look());
    this.part("anew").addEventListener("click", () => this.begin(true));
    this.part("back").addEventListener("click", () => this.begin(false));
    this.part("wanted").addEventListener("change", () => this.load());
    // What people say of the sample shows in no count: it is asked for whenever the page comes into view.
    new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && this.load()).observe(root);
    let shown = "";
    listen((status) => {
      const now = status && JSON.stringify([status.newest?.id, status.counts]);
      if (!now || now === shown) return;
      shown = now;
      this.load();
    });
  }

  async load() {
    const width = (2 * Number(this.part("wanted").value)) / 100;
    const response = await fetch(`/api/audits?width=${width}`).catch(() => null);
    if (!response?.ok) return;
    this.known = await response.json();
    this.draw();
    // What was said a moment ago may still be on its way.
    clearTimeout(this.again);
    if (window.charloc?.outbox?.waiting().some((item) => item.decision.audit)) this.again = setTimeout(() => this.load(), SOON_MS);
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
    this.part("seed").textContent = `Audit ${audit.id}, seed ${audit.seed}, ${number(population, 0)} words to draw from.`;
  }

  row([name, title], audit, scale) {
    const { proposed, exported, population } = audit;
    const made = document.createElement("tr");
    const heading = document.createElement("th");
    heading.scope = "row";
    heading.textContent = title;
    made.append(heading);
    for (const side of [proposed, exported]) made.append(rateCell(side[name], scale));
    made.append(this.needCell(exported[name].needed, audit.words, audit.answered, population));
    return made;
  }

  needCell(needed, drawn, answered, population) {
    const cell = document.createElement("td");
    if (needed === null) cell.textContent = NONE;
    else if (needed <= answered) cell.textContent = "none";
    else {
      const more = needed - answered;
      const toDraw = needed - drawn;
      cell.textContent = number(more, 0);
      const small = document.createElement("small");
      const whole = needed >= population ? "that is all of them" : "";
      small.textContent = whole || (toDraw > 0 ? `${number(toDraw, 0)} still to be drawn` : "drawn already");
      cell.append(small);
    }
    return cell;
  }

  // Show the words that wait in the editor, blind, in the order in which they were drawn.
  async look() {
    const response = await fetch("/api/audits/current/pending").catch(() => null);
    const answer = await response?.json().catch(() => null);
    if (!response?.ok) return this.say(answer?.detail ?? "The server cannot be reached. Start it again, then try once more.");
    this.say("");
    window.dispatchEvent(new CustomEvent("charloc:open", { detail: { words: answer.words, from: "audit", audit: true } }));
  }

  // Another audit: ask how many words first. Nothing happens to the one that is going on until it is begun.
  begin(beginning) {
    this.beginning = beginning;
    this.draw();
    this.part(beginning ? "begin-words" : "anew").focus();
  }

  async send(path, body) {
    const headers = { "content-type": "application/json" };
    const sent = { method: "POST", headers, body: JSON.stringify(body) };
    const response = await fetch(path, sent).catch(() => null);
    const answer = await response?.json().catch(() => null);
    this.say(response?.ok ? "" : (answer?.detail ?? "The server cannot be reached. Start it again, then try once more."));
    if (response?.ok) this.beginning = false;
    await this.load();
  }

  say(text) {
    this.part("said").textContent = text;
    if (text && !this.part("none").hidden) this.part("advice").textContent = text;
  }
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
  const cell = document.createElement("td");
  const { value, low, high, wrong, of } = estimate;
  if (value === null) {
    cell.textContent = NONE;
    return cell;
  }
  const digits = high < 0.1 ? 2 : 1;
  const big = document.createElement("b");
  big.textContent = percent(value, digits);
  const small = document.createElement("small");
  small.textContent = `${number(100 * low, digits)} to ${percent(high, digits)}`;
  small.title = `${number(wrong, 0)} of ${number(of, 0)}`;
  cell.append(big, small, bar(value / scale, low / scale, high / scale, `0 to ${percent(scale, 0)}`));
  return cell;
}

function bar(value, low, high, title) {
  const made = document.createElement("span");
  made.className = "cl-interval";
  made.title = title;
  made.setAttribute("aria-hidden", "true"); // the numbers stand beside it
  made.style.setProperty("--low", low);
  made.style.setProperty("--high", high);
  made.style.setProperty("--value", value);
  made.append(document.createElement("i"), document.createElement("u"));
  return made;
}

function meanRow(...sides) {
  const made = document.createElement("tr");
  const heading = document.createElement("th");
  heading.scope = "row";
  heading.textContent = "Mean distance of centres";
  made.append(heading);
  for (const { mean_h: mean } of sides) {
    const cell = document.createElement("td");
    if (mean.value === null) cell.textContent = NONE;
    else {
      const big = document.createElement("b");
      big.textContent = `${number(mean.value, 3)} h`;
      const small = document.createElement("small");
      small.textContent = `${number(mean.low, 3)} to ${number(mean.high, 3)} h`;
      cell.append(big, small);
    }
    made.append(cell);
  }
  made.append(document.createElement("td"));
  return made;
}

function earlierRow(audit) {
  const made = document.createElement("tr");
  const begun = new Date(audit.created_at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const looked = `${number(audit.answered, 0)} of ${number(audit.words, 0)}`;
  for (const text of [begun, looked, rate(audit.proposed.boxes), rate(audit.exported.boxes)]) {
    const cell = document.createElement("td");
    cell.textContent = text;
    made.append(cell);
  }
  return made;
}
