// What is drawn of a character on its image, and the legend that says what it means: both with the same shapes and
// classes, so that the legend is true.

import { attributes, make, shape } from "./elements.js";

const NAIL = 5; // px, the square on each corner of a box that a person placed

// The drawing of one character, empty.
export function sign() {
  const parts = [["rect", "cl-halo"], ["path", "cl-halo"], ["path", "cl-sign"], ["rect", "cl-box"]];
  return shape("g", {}, ...parts.map(([tag, name]) => shape(tag, { class: name })));
}

// Draw it where its box is (px of the screen): the box, or its centre if `points`.
export function draw(group, [x, y, width, height], state, points, on) {
  const [halo, signHalo, sign, box] = group.children;
  for (const rect of [halo, box]) attributes(rect, { x, y, width, height });
  const d = points ? point(state, x + width / 2, y + height / 2, on ? 9 : 7) : nails(state, x, y, width, height);
  signHalo.setAttribute("d", points ? d : "");
  sign.setAttribute("d", d);
}

// Filled squares on the corners of a box that a person placed.
function nails(state, x, y, width, height) {
  if (state !== "pinned") return "";
  const square = (cx, cy) => `M${cx - NAIL / 2} ${cy - NAIL / 2}h${NAIL}v${NAIL}h${-NAIL}z`;
  return square(x, y) + square(x + width, y) + square(x, y + height) + square(x + width, y + height);
}

// A centre: a cross where nobody has looked, a ring where it was accepted, a full diamond where a person placed it.
function point(state, x, y, r) {
  if (state === "pinned") return `M${x} ${y - r}l${r} ${r}l${-r} ${r}l${-r} ${-r}z`;
  if (state === "accepted") return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0zm${r - 0.5} 0h1`;
  return `M${x - r} ${y}h${2 * r}M${x} ${y - r}v${2 * r}`;
}

const LEGEND = [
  ["unsure", "untouched", "0"], ["", "untouched", "1"], ["", "untouched", "2"], ["sure", "untouched", "3"],
  ["accepted", "accepted", "yours"], ["corrected", "pinned", "yours"],
]; // prettier-ignore

// Write the legend for boxes or for points.
export function drawLegend(place, points) {
  const samples = LEGEND.map(([text, state, level]) => {
    const group = sign();
    Object.assign(group.dataset, { state, level });
    draw(group, points ? [2, 1, 18, 18] : [3, 3, 16, 14], state, points, false);
    const picture = shape("svg", { class: "cl-drawn", width: 22, height: 20, "aria-hidden": "true" }, group);
    return text === "unsure" ? make("span", "", text, picture) : make("span", "", picture, text);
  });
  place.classList.toggle("cl-points", points);
  place.replaceChildren(...samples);
}
