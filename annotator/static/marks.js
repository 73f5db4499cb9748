// A mark is what is said of one character, and the box it is shown with: {state, box, confidence}. `state` is untouched,
// accepted, pinned or invisible. `confidence` is there only where a new solve under what a person said has moved it.

const ELSEWHERE = 0.5; // disagreement from which on it is told: others' boxes overlap by less than half

// How sure the model is of a character, 0 to 1.
export function sureness(word, mark, index) {
  return mark.confidence ?? word.confidence[index];
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
  return /^\p{M}/u.test(character) ? `◌${character}` : character;
}

// What is known of a character, in words: what a person said, or how sure the method is and whether others agree.
export function standing(word, marks, index) {
  const mark = marks[index];
  if (mark.state !== "untouched") return [{ accepted: "accepted", pinned: "corrected", invisible: "not visible" }[mark.state]];
  if (!mark.box) return ["no box"];
  const sure = `${Math.round(sureness(word, mark, index) * 100)} % sure`;
  if (mark.confidence !== undefined) return [sure, "moved with your corrections"];
  return word.disagreement[index] >= ELSEWHERE ? [sure, "other methods place it elsewhere"] : [sure];
}

// The marks after a solve under them: what is untouched takes its new place, all else stays as a person left it.
export function followed(marks, boxes, confidence) {
  return marks.map((mark, index) =>
    mark.state === "untouched" && boxes[index] ? { state: "untouched", box: boxes[index], confidence: confidence[index] } : mark,
  );
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
