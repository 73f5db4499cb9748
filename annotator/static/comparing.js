// Two rounds over the pictures: what moved between them, and which corrections one of them contradicts.

import { ask } from "./asking.js";
import { button, make, shape } from "./elements.js";

const AT_ONCE = 12;
const KINDS = {
  before: ["rect", "cl-before"],
  after: ["rect", "cl-after"],
  said: ["rect", "cl-said"],
};

export class Comparing {
  constructor(root) {
    this.root = root;
    this.part = (role) => root.querySelector(`[data-role=${role}]`);
    this.mode = "moved";
    this.asked = 0;
    for (const role of ["before", "after"]) this.part(role).addEventListener("change", () => this.load());
    for (const each of root.querySelectorAll("[data-mode]")) each.addEventListener("click", () => this.show(each.dataset.mode));
    this.part("more").addEventListener("click", () => this.load(this.shown));
  }

  // The finished rounds, newest first. What is chosen stays, or is the round people see and its parent.
  update(rounds, seen) {
    this.rounds = rounds;
    const chosen = ["before", "after"].map((role) => Number(this.part(role).value));
    for (const role of ["before", "after"]) {
      this.part(role).replaceChildren(...rounds.map((each) => option(each)));
    }
    const after = rounds.find((each) => each.id === seen);
    const before = rounds.find((each) => each.number === after?.parent);
    if (!this.chosen || !chosen.every((id) => rounds.some((each) => each.id === id))) {
      this.choose(before ?? rounds.at(-1), after);
    } else {
      this.part("before").value = chosen[0];
      this.part("after").value = chosen[1];
    }
    this.root.hidden = rounds.length === 0;
    if (rounds.length) this.load();
  }

  choose(before, after, chosen = false) {
    this.chosen = chosen;
    this.part("before").value = before?.id ?? "";
    this.part("after").value = after?.id ?? "";
  }

  // What a button in the table asks for: this round beside the one it started from.
  compare(round) {
    const before = this.rounds.find((each) => each.number === round.parent) ?? this.rounds.at(-1);
    this.choose(before, round, true);
    this.show("moved");
    this.root.scrollIntoView({ behavior: "smooth", block: "start" });
    this.part("before").focus({ preventScroll: true });
  }

  show(mode) {
    this.mode = mode;
    for (const each of this.root.querySelectorAll("[data-mode]")) each.setAttribute("aria-pressed", String(each.dataset.mode === mode));
    this.load();
  }

  async load(offset = 0) {
    const [before, after] = ["before", "after"].map((role) => this.part(role).value);
    const moved = this.mode === "moved";
    this.part("from").hidden = !moved;
    this.part("to").textContent = moved ? "to" : "in";
    this.part("legend").dataset.mode = this.mode;
    if (!after || (moved && !before)) return;
    const page = `offset=${offset}&limit=${AT_ONCE}`;
    const path = moved ? `compare?before=${before}&after=${after}&${page}` : `${after}/contradictions?${page}`;
    this.asked += 1;
    const mine = this.asked;
    const { ok, answer, detail } = await ask(`/api/rounds/${path}`);
    if (mine !== this.asked) return; // something else was asked for meanwhile
    if (!ok) {
      this.part("found").textContent = detail;
      return;
    }
    const cards = answer.shown.map((word) => card(word, moved));
    if (offset) this.part("cards").append(...cards);
    else this.part("cards").replaceChildren(...cards);
    this.shown = offset + cards.length;
    this.part("more").hidden = this.shown >= answer.words;
    this.part("more").textContent = `Show more (${(answer.words - this.shown).toLocaleString()} left)`;
    this.part("found").textContent = moved ? saidMoved(answer, before === after, this.rounds.length) : saidContradicted(answer);
    if (offset) cards[0]?.querySelector("button").focus();
  }
}

function saidMoved({ words, characters }, same, rounds) {
  if (rounds < 2) return "There is one round so far. Train another, and see here what it moves.";
  if (same) return "That is the same round twice. Choose two.";
  if (!words) return "No character moved by more than a tenth of the word's height.";
  return `${count(characters, "character")} in ${count(words, "word")} moved by more than a tenth of the word's height.`;
}

function saidContradicted({ words, characters }) {
  if (!words) return "None. By itself, this round places every character that people corrected where they did.";
  return (
    `${count(characters, "character")} in ${count(words, "word")}: without what people said of these words, the round ` +
    "would place them elsewhere. It may not have learned them yet, or the correction may be wrong."
  );
}

function count(number, what) {
  return `${number.toLocaleString()} ${what}${number === 1 ? "" : "s"}`;
}

function option(round) {
  return make("option", { value: round.id }, `Round ${round.number} (${round.method})`);
}

// A word with the boxes of both sides; characters that are apart are drawn strongly, the others faintly.
function card(word, moved) {
  const apart = word.apart.map(({ index }) => `“${word.characters[index]}”`).join(" ");
  const most = Math.max(...word.apart.map(({ h }) => h));
  const title = word.apart.map(({ index, h }) => `${word.characters[index]}: ${h.toFixed(2)} h`).join(", ");
  const facts = make("p", "", make("b", { dir: "auto" }, word.text), make("span", { title }, `${apart} up to ${most.toFixed(2)}\u00a0h`));
  if (!moved) facts.append(make("small", "", word.learned ? "learned from" : "not learned from"));
  const open = button("Open", () => {
    const detail = { words: [word.id], from: "rounds", character: word.apart[0].index };
    window.dispatchEvent(new CustomEvent("charloc:open", { detail }));
  });
  open.setAttribute("aria-label", `Open ${word.text} in the editor`);
  return make("li", "cl-card", picture(word), make("div", "", facts, open));
}

function picture(word) {
  const image = shape("svg", { viewBox: `-3 -3 ${word.width + 6} ${word.height + 6}`, role: "img" });
  image.append(shape("title", {}, `${word.text}, both boxes of what is apart`));
  image.style.aspectRatio = `${word.width + 6} / ${word.height + 6}`;
  image.append(shape("image", { href: word.image, width: word.width, height: word.height }));
  const apart = new Set(word.apart.map(({ index }) => index));
  for (const [side, [tag, style]] of Object.entries(KINDS)) {
    (word[side] ?? []).forEach((box, index) => {
      if (!box) return;
      const [x0, y0, x1, y1] = box;
      const faint = apart.has(index) ? "" : " cl-faint";
      if (faint && side === "before") return;
      image.append(shape(tag, { x: x0, y: y0, width: x1 - x0, height: y1 - y0, class: style + faint }));
    });
  }
  return image;
}
