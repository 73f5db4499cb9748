// A mark is what is said of one character, and the box it is shown with: {state, box, confidence}. `state` is untouched,
// accepted, pinned or invisible. `confidence` is there only where a new solve under what a person said has moved it.

import { overlap } from "./geometry.js";

const SAME_PLACE = 0.95; // boxes that overlap by so much are the same place
const BLIND = 0.5; // what an audit shows of every character: people are to judge without the model's own opinion
const ELSEWHERE = 0.5; // disagreement from which on it is told: others' boxes overlap by less than half

// How sure the model is of a character, 0 to 1.
export function sureness(word, mark, index) {
  return word.audit ? BLIND : (mark.confidence ?? word.confidence[index]);
}

// The step of the colour scale: 0 (unsure) to 3, or "yours" where a person has spoken.
export function level(word, mark, index) {
  if (mark.state !== "untouched") return "yours";
  const sure = sureness(word, mark, index);
  return sure < 0.5 ? 0 : sure < 0.75 ? 1 : sure < 0.9 ? 2 : 3;
}

// A character as it can be read on its own: a space and a lone combining mark become visible.
export function visible(character) {
  if (!character.trim()) return "␣";
  if (/^[\p{Cf}\p{Cc}]+$/u.test(character)) return plain(character);
  return /^\p{M}/u.test(character) ? `◌${character}` : character;
}

// A text with the marks that steer its direction made visible, so that none turns round what stands beside it.
export function plain(text) {
  return text.replace(/[\u200B\u200E\u200F\u202A-\u202E\u2060-\u2069\uFEFF\p{Cc}]/gu, (mark) => `⟨U+${code(mark)}⟩`);
}

function code(character) {
  return character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
}

// What is known of a character, in words: what a person said, or how sure the method is and whether others agree.
export function standing(word, marks, index) {
  const mark = marks[index];
  if (mark.state !== "untouched") return [{ accepted: "accepted", pinned: "corrected", invisible: "not visible" }[mark.state]];
  if (!mark.box) return ["no box"];
  if (word.audit) return [mark.confidence === undefined ? "as proposed" : "moved with your corrections"];
  const sure = `${Math.round(sureness(word, mark, index) * 100)} % sure`;
  if (mark.confidence !== undefined) return [sure, "moved with your corrections"];
  return word.disagreement[index] >= ELSEWHERE ? [sure, "other methods place it elsewhere"] : [sure];
}

// The marks after a solve under them: what is untouched takes its new place, all else stays as a person left it.
//
// Neighbours move together, and only if the model is no less sure of their new places than of those they had `before`
// the character that is being placed was touched, or if these are taken by what a person placed: a pin says little about
// what stands elsewhere. Measured by the last answer instead, where they are would depend on how the pin came there.
export function followed(word, marks, before, boxes, confidence) {
  const open = (index) => marks[index].state === "untouched" && Boolean(boxes[index]);
  const now = marks.map((mark, index) =>
    open(index) ? { state: "untouched", box: boxes[index], confidence: confidence[index] } : mark,
  );
  const was = (index) => (before[index]?.state === "untouched" ? before[index].box : null);
  const moves = (index) => open(index) && was(index) && overlap(was(index), boxes[index]) < SAME_PLACE;
  const placed = marks.filter((mark) => mark.state !== "untouched" && mark.box);
  for (const run of runs(marks.length, moves)) {
    const gain = run.reduce((sum, index) => sum + confidence[index] - sureness(word, before[index], index), 0);
    const taken = run.some((index) => placed.some(({ box }) => covers(was(index), box)));
    if (gain < 0 && !taken) run.forEach((index) => (now[index] = before[index]));
  }
  return now;
}

// The stretches of 0..count-1 for which `holds`.
function runs(count, holds) {
  const found = [];
  for (let index = 0; index < count; index += 1) {
    if (!holds(index)) continue;
    if (found.at(-1)?.at(-1) === index - 1) found.at(-1).push(index);
    else found.push([index]);
  }
  return found;
}

// Whether two boxes share more than a third of the narrower one's width.
function covers(a, b) {
  const shared = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  return shared > Math.min(a[2] - a[0], b[2] - b[0]) / 3;
}

// Two characters a person placed against the order of the line, as [earlier, later]; null if there are none. The same
// rule as the server's: one lies wholly on the wrong side of the other's middle.
export function swapped(marks, order) {
  const placed = order.filter((index) => marks[index].box && ["accepted", "pinned"].includes(marks[index].state));
  for (let k = 1; k < placed.length; k += 1) {
    const [a, b] = [marks[placed[k - 1]], marks[placed[k]]];
    if (a.state === "accepted" && b.state === "accepted") continue; // as the model showed them
    const middle = ([x0, , x1]) => (x0 + x1) / 2;
    if (b.box[2] <= middle(a.box) || a.box[0] >= middle(b.box)) return [placed[k - 1], placed[k]];
  }
  return null;
}
