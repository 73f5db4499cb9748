// What the editor says beside the word: the state of saving, decisions that need a person, and why there is no word.

import { button, make } from "./elements.js";
import { plain } from "./marks.js";

// "All saved", "2 unsaved", or why they cannot be sent. Its room is fixed: nothing moves when it changes.
export function drawSaveState(editor) {
  const { outbox } = editor;
  if (!outbox) return;
  const waiting = outbox.waiting().length;
  const down = outbox.failures > 0 || (editor.words?.failed ?? false);
  const troubles = outbox.troubles().length;
  const sign = editor.part("save");
  sign.dataset.state = down ? "down" : troubles ? "trouble" : waiting ? "sending" : "saved";
  const say = waiting ? [`${waiting} unsaved`] : [];
  if (down) say.push(!waiting ? "No server" : outbox.away ? "no server" : "will retry");
  else if (troubles) say.push(`${troubles} to settle below`);
  editor.part("save-text").textContent = say.join(", ") || "All saved";
  const safe = waiting ? ` ${waiting} ${waiting === 1 ? "decision is" : "decisions are"} kept in this browser and sent when it answers.` : "";
  sign.title = down
    ? `${outbox.problem.replace(/\.$/, "") || "The server cannot be reached"}.${safe} Click to try now.`
    : troubles
    ? "Decisions that need you: click to see them."
    : "Every decision is kept in this browser first, then sent.";
}

// Decisions that need a person: somebody else was faster, or the server refused one.
export function drawTroubles(editor) {
  const { outbox } = editor;
  const troubles = outbox.troubles();
  const key = JSON.stringify(troubles.map((item) => item.key));
  const place = editor.part("troubles");
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  place.replaceChildren(...troubles.map((item) => trouble(editor, item)));
}

function trouble(editor, item) {
  const { outbox } = editor;
  const conflict = item.state === "conflict";
  const card = make("article", "cl-trouble-card");
  card.append(make("h3", "", conflict ? "Two people decided about this word" : "A decision was refused"));
  card.append(make("p", "", `“${plain(item.about.text)}” (${plain(item.about.name)}). ${conflict ? "Which one should hold?" : item.detail}`));
  const choices = make("div", "cl-choices");
  if (conflict) {
    choices.append(
      choice("Theirs", item.theirs, item.about, () => outbox.drop(item)),
      choice("Yours", item.decision, item.about, () => insist(editor, item)),
    );
  } else {
    choices.append(
      button("Send it again", () => outbox.again(item)),
      button("Discard it", () => outbox.drop(item)),
    );
  }
  card.append(choices);
  return card;
}

function insist(editor, item) {
  try {
    editor.outbox.insist(item);
  } catch {
    editor.toast("This browser cannot store anything more. Wait until everything is saved, then try again.");
  }
}

// One side of a conflict: a small picture with its boxes, and the button that keeps it.
function choice(whose, said, about, take) {
  const scale = Math.min(320 / about.width, 90 / about.height, 3);
  const picture = make("div", "cl-picture");
  Object.assign(picture.style, { width: `${about.width * scale}px`, height: `${about.height * scale}px` });
  picture.append(make("img", { alt: "", src: about.image }));
  for (const mark of said?.characters ?? []) {
    if (!mark.box) continue;
    const [x0, y0, x1, y1] = mark.box.map((value) => value * scale);
    const box = make("i");
    Object.assign(box.style, { left: `${x0}px`, top: `${y0}px`, width: `${x1 - x0}px`, height: `${y1 - y0}px` });
    picture.append(box);
  }
  const what = { boxes: "boxes", flag: `flag: ${plain(said?.reason ?? "")}`, skip: "skipped", clear: "taken back" }[said?.kind ?? "clear"];
  const reading = plain(said?.text?.join("") ?? about.imported ?? about.text);
  const text = make("p", { className: "cl-reading", dir: "auto" }, reading);
  const caption = make("figcaption", "", `${whose}: ${what}${by(said)}`);
  return make("figure", "", picture, text, caption, button(`Keep ${whose.toLowerCase()}`, take));
}

// Who said it and when, where that is known.
function by(said) {
  if (!said?.created_at) return "";
  const when = new Date(said.created_at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  return ` (${said.author ? `${said.author}, ` : ""}${when})`;
}

// Why there is no word, and what to do next.
export function drawEmpty(editor) {
  const { words, status } = editor;
  const place = editor.part("empty");
  const counts = status?.counts;
  const state = words?.failed ? "down" : !counts || !words?.exhausted || editor.opening.awaited ? "fetching"
    : !counts.words ? "none" : words.elsewhere ? "elsewhere" : editor.queue.empty() ? "queue" : words.skipped.size || counts.skipped ? "skipped" : "done"; // prettier-ignore
  const key = JSON.stringify([state, counts?.words, counts?.skipped, words?.elsewhere, editor.queue.search]);
  if (place.dataset.state === key) return; // a button someone is about to press stays the same button
  place.dataset.state = key;
  place.replaceChildren(...EMPTY[state](counts, words, editor.queue));
}

const EMPTY = {
  fetching: () => [make("p", "", "Fetching words …")],
  down: () => [
    make("h2", "", "The server does not answer"),
    make("p", "", "Start it again; this page goes on by itself. What you decided is kept in this browser."),
  ],
  none: () => [
    make("h2", "", "No words yet"),
    make("p", "", "Import images of words or lines with their transcripts, each x.png beside its x.gt.txt:"),
    make("pre", "", "python launch.py import FOLDER --project PROJECT"),
    make("p", "", "They appear here by themselves."),
  ],
  elsewhere: (counts, words) => [
    make("h2", "", "Others have the rest in hand"),
    make("p", "", words.elsewhere === 1 ? "One word is being decided about by somebody else." : `${words.elsewhere} words are being decided about by others.`),
    make("p", "", "What they give back comes here by itself."),
  ],
  queue: (counts, words, queue) => {
    const [heading, sentence, actions] = queue.empty();
    const buttons = actions.map(([text, act], at) => button(text, act, at ? "" : "cl-primary"));
    return [make("h2", "", heading), make("p", "", sentence), ...buttons];
  },
  skipped: (counts, words) => {
    const again = button("Go through the skipped words", () => words.skippedAgain(), "cl-primary");
    const left = `Only words that were skipped are open (${counts.skipped || words.skipped.size}).`;
    return [make("h2", "", "Nothing left to look at"), make("p", "", left), again, ...next()];
  },
  done: (counts) => [
    make("h2", "", "Nothing left to look at"), make("p", "", `All ${counts.words} words are decided.`), ...next(),
  ], // prettier-ignore
};

function next() {
  const train = "Next: train a round so that the model learns from your corrections, or write the boxes to a file:";
  return [make("p", "", train), make("pre", "", "python launch.py export --project PROJECT --format jsonl --out FILE")];
}
