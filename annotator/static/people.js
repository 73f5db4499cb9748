// The page of people: what each does, how far they agree, where an owner has to decide, how work is shared.

import { ask } from "./asking.js";
import { button, make } from "./elements.js";
import { showHistory } from "./history.js";
import { mountOnce } from "./mounting.js";
import { newUuid } from "./outbox.js";
import { inWords, version } from "./versions.js";

const NONE = "–";
const AT_ONCE = 6;
const AGAIN_MS = 15000;

export function mount(element) {
  mountOnce("people", element.querySelector(".cl-people"), (root, signal) => new People(root).start(signal));
}

class People {
  constructor(root) {
    this.root = root;
    this.part = (role) => root.querySelector(`[data-role=${role}]`);
    this.part("more").addEventListener("click", () => this.loadCards(this.part("cards").children.length));
    this.part("sharing").addEventListener("submit", (event) => this.set(event));
    this.part("checks").addEventListener("submit", (event) => this.addChecks(event));
    this.part("no-checks").addEventListener("click", () => this.change("/api/people/checks/remove", null, () => "People are checked no more; what they answered stays."));
    this.part("revert-no").addEventListener("click", () => this.part("revert").close());
    this.part("revert-yes").addEventListener("click", () => this.revert());
  }

  // Loaded whenever the page comes into sight, and now and then while it is.
  start(signal) {
    new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && this.load()).observe(this.root);
    const timer = setInterval(() => {
      if (this.root.offsetParent && !document.hidden && !document.querySelector("dialog[open]")) this.load();
    }, AGAIN_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  async load() {
    const { ok, answer, detail } = await ask("/api/people");
    this.part("refused").hidden = ok || !this.part("together").hidden;
    this.part("refused").textContent = detail;
    if (!ok) return;
    const alone = answer.people.length === 0;
    this.part("alone").hidden = !alone;
    this.part("together").hidden = alone;
    if (alone) return;
    this.part("people").replaceChildren(...answer.people.map((person) => this.row(person)));
    this.part("pairs-part").hidden = answer.pairs.length === 0;
    this.part("pairs").replaceChildren(...answer.pairs.map(pairRow));
    this.drawSharing(answer);
    this.part("left").textContent = answer.disagreements ? `(${answer.disagreements})` : "";
    // What someone is about to decide stays under their hand.
    if (answer.disagreements !== this.left || !this.part("cards").children.length) await this.loadCards(0);
    this.left = answer.disagreements;
    const two = answer.people.filter((each) => !each.disabled && each.role !== "reader").length > 1;
    this.part("nothing").hidden = answer.disagreements > 0;
    this.part("nothing").textContent = !two
      ? "Two people who may correct are needed before anything can be read twice: launch.py user add NAME --project PROJECT"
      : answer.pairs.length
        ? "Nothing: wherever two people read a word, they agree, or someone has decided."
        : `Nothing yet. ${percent(answer.settings.double_share)} of the words are handed to a second person once a first has decided about them.`;
  }

  row(person) {
    const { agreement, check } = person;
    const made = row([
      person.name,
      person.disabled ? `${person.role}, disabled` : person.role,
      number(person.words),
      person.per_hour ? number(person.per_hour) : NONE,
      agreement ? [`${agreement.iou.toFixed(2)} IoU`, `${distance(agreement)}, ${characters(agreement)}`] : NONE,
      check ? [`${distance(check)}, ${check.iou.toFixed(2)} IoU`, `${percent(check.wrong)} wrong, ${characters(check)}`] : NONE,
    ]);
    const actions = make("td");
    if (person.words) {
      const back = button("Take back …", () => this.askRevert(person.name));
      back.setAttribute("aria-label", `Take back everything ${person.name} decided`);
      actions.append(back);
    }
    made.append(actions);
    return made;
  }

  // --- what they disagree about ---

  async loadCards(offset) {
    const { ok, answer } = await ask(`/api/people/disagreements?offset=${offset}&limit=${AT_ONCE}`);
    if (!ok) return;
    const cards = answer.shown.map((word) => this.card(word));
    if (offset) this.part("cards").append(...cards);
    else this.part("cards").replaceChildren(...cards);
    this.part("more").hidden = this.part("cards").children.length >= answer.all;
    if (offset) cards[0]?.querySelector("button").focus();
  }

  card(word) {
    const title = make("h3", { dir: "auto" }, word.text);
    const sides = make("div", "cl-sides", this.side(word, "first"), this.side(word, "second"));
    const open = button("Open in the editor", () => {
      const detail = { words: [word.id], from: "people", character: word.apart[0] ?? null };
      window.dispatchEvent(new CustomEvent("charloc:open", { detail }));
    });
    const below = make("div", "cl-choices", button("History", () => showHistory(word.id)), open);
    return make("li", "cl-card", title, make("small", "", word.name), sides, below);
  }

  side(word, side) {
    const said = word[side];
    const which = ` ${side === "first" ? "(holds now)" : "(read it second)"}: ${inWords(said)}`;
    const caption = make("figcaption", "", make("b", "", said.author), which);
    const keep = button(`Keep ${said.author}’s`, () => this.overrule(word, side, keep), "cl-primary");
    return make("figure", "", version(word, said, word.apart), caption, keep);
  }

  async overrule(word, keep, pressed) {
    pressed.disabled = true;
    const body = { uuid: newUuid(), opinion_id: word.opinion_id, keep };
    const done = await this.change(`/api/words/${word.id}/overrule`, body, () => `“${word.text}”: ${word[keep].author}’s version holds.`);
    pressed.disabled = false;
    if (done) this.part("nothing").hidden ? this.part("cards").querySelector("button")?.focus() : this.part("said").focus();
  }

  // --- taking back ---

  async askRevert(name) {
    const { ok, answer: plan, detail } = await ask(`/api/people/${encodeURIComponent(name)}/revert`);
    if (!ok) return this.say(detail, true);
    this.plan = plan;
    this.part("revert-who").textContent = name;
    const kept = plan.kept ? ` ${words(plan.kept)} that somebody else decided about later ${plan.kept === 1 ? "stays" : "stay"} as they are.` : "";
    const open = plan.words - plan.restored;
    this.part("revert-plan").textContent = plan.words
      ? `${words(plan.words)} would change: ${number(plan.restored)} get back what was said before, ${number(open)} ${open === 1 ? "is" : "are"} open again.${kept}`
      : `There is nothing to take back.${kept}`;
    this.part("revert-yes").hidden = !plan.words;
    this.part("revert-yes").textContent = `Take back ${words(plan.words)}`;
    this.part("revert").showModal();
  }

  async revert() {
    const { author, upto } = this.plan;
    this.part("revert").close();
    const path = `/api/people/${encodeURIComponent(author)}/revert`;
    await this.change(path, { uuid: newUuid(), upto }, (done) => `Took back ${words(done.words)} of ${author}.`);
  }

  // --- how work is shared ---

  drawSharing({ settings, checks }) {
    const values = { double: 100 * settings.double_share, check: 100 * settings.check_share, minutes: settings.lease_minutes };
    for (const [role, value] of Object.entries(values)) {
      const input = this.part(role);
      if (document.activeElement !== input && !input.dataset.touched) input.value = Math.round(value);
      input.oninput = () => (input.dataset.touched = "1");
    }
    this.part("checks-now").textContent = checks.words
      ? `People are checked with ${words(checks.words)} whose boxes are known.`
      : "There are no check words yet: people are not checked.";
    this.part("source").querySelector("[value=reference]").disabled = !checks.reference;
    this.part("no-checks").hidden = !checks.words;
  }

  set(event) {
    event.preventDefault();
    const value = (role) => Number(this.part(role).value);
    const body = { double_share: value("double") / 100, check_share: value("check") / 100, lease_minutes: value("minutes") };
    for (const role of ["double", "check", "minutes"]) delete this.part(role).dataset.touched;
    this.change("/api/people/settings", body, () => "Set. It holds for the words that are handed out from now on.");
  }

  addChecks(event) {
    event.preventDefault();
    const body = { source: this.part("source").value, count: Number(this.part("count").value) };
    this.change("/api/people/checks", body, ({ added }) => `${words(added)} more, handed out among the others.`);
  }

  async change(path, body, said) {
    const { ok, answer, detail } = await ask(path, body);
    this.say(ok ? said(answer) : detail, !ok);
    await this.load();
    return ok;
  }

  say(message, trouble) {
    this.part("said").textContent = message;
    this.part("said").classList.toggle("cl-trouble", Boolean(trouble));
  }
}

function pairRow({ names, agreement, otherwise }) {
  return row([
    names.join(" and "),
    number(agreement?.words ?? 0),
    number(agreement?.chars ?? 0),
    agreement ? agreement.iou.toFixed(2) : NONE,
    agreement ? distance(agreement) : NONE,
    agreement ? percent(agreement.wrong) : NONE,
    number(otherwise),
  ]);
}

// A row of cells; of two texts in one, the second is smaller.
function row(cells) {
  const made = cells.map((each, index) => {
    const [first, second] = [each].flat();
    return make(index ? "td" : "th", index ? "" : { scope: "row" }, first, ...(second ? [make("small", "", second)] : []));
  });
  return make("tr", "", ...made);
}

function distance({ centre_px, centre_h }) {
  return centre_px === null ? NONE : `${centre_px.toFixed(1)} px (${centre_h.toFixed(3)} h)`;
}

function characters({ chars, words: many }) {
  return `n = ${number(chars)} in ${words(many)}`;
}

function words(count) {
  return `${number(count)} ${count === 1 ? "word" : "words"}`;
}

function percent(share) {
  return `${(100 * share).toLocaleString([], { maximumFractionDigits: share < 0.1 ? 1 : 0 })} %`;
}

function number(value) {
  return value.toLocaleString([], { maximumFractionDigits: 0 });
}
