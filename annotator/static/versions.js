// What somebody said of a word, drawn over its picture.

import { shape } from "./elements.js";

// word: {image, width, height, text}. said: {kind, characters, reason}. apart: indices of characters to draw strongly.
export function version(word, said, apart = null) {
  const drawing = shape("svg", { viewBox: `-3 -3 ${word.width + 6} ${word.height + 6}`, role: "img", class: "cl-version" });
  drawing.style.aspectRatio = `${word.width + 6} / ${word.height + 6}`;
  drawing.style.maxWidth = `${Math.min(3, 110 / word.height) * word.width}px`;
  const title = shape("title", {}, `${word.text}: ${inWords(said)}`);
  drawing.append(title, shape("image", { href: word.image, width: word.width, height: word.height }));
  (said.characters ?? []).forEach((mark, index) => {
    if (!mark.box || mark.state === "untouched") return;
    const [x0, y0, x1, y1] = mark.box;
    const style = !apart ? "" : apart.includes(index) ? "cl-apart" : "cl-faint";
    drawing.append(shape("rect", { x: x0, y: y0, width: x1 - x0, height: y1 - y0, class: style }));
  });
  return drawing;
}

// What a decision says, in a few words.
export function inWords({ kind, characters, reason, text }) {
  const count = (state) => (characters ?? []).filter((mark) => mark.state === state).length;
  const reading = text ? [`reads “${text.join("")}”`] : [];
  if (kind === "flag") return [`flagged: ${reason || "no reason given"}`, ...reading].join(", ");
  if (kind === "skip") return "skipped";
  if (kind === "tagged") return `gave it the tag “${reason}”`;
  if (kind === "untagged") return `took the tag “${reason}” off`;
  if (kind === "clear") return reason || "taken back";
  const parts = [["pinned", "moved"], ["accepted", "accepted"], ["invisible", "not visible"], ["untouched", "left open"]];
  const said = parts.map(([state, name]) => [count(state), name]).filter(([number]) => number);
  return [...said.map(([number, name]) => `${number} ${name}`), ...reading, ...(reason ? [reason] : [])].join(", ");
}
