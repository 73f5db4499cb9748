// The stage: the image, its boxes, the letters under them, and the pointer.

import { LARGEST_SCALE, between, centres, clamp, fitScale, moved, pick, spread } from "./geometry.js";

const SVG = "http://www.w3.org/2000/svg";
const PADDING = 24; // px around the image, so that boxes at its edge can be taken
const STRIP = 84; // px below it, for the letters
const LETTER_GAP = 4;
const LEAST_LETTER = 26;
const ELSEWHERE = 0.5; // disagreement from which on it is told: others' boxes overlap by less than half
const HANDLES = ["nw", "n", "ne", "w", "e", "sw", "s", "se"];

export class Stage {
  // select(index), change(index, box, dragging), draw(index, box): what the pointer did.
  constructor(element, { select, change }) {
    this.element = element;
    this.select = select;
    this.change = change;
    this.zoom = clamp(Number(localStorage.getItem("charloc.zoom")) || 1, 0.25, 8);
    this.hidden = false;
    this.entry = null;
    this.sheet = make("div", "cl-sheet");
    this.sheet.dir = "ltr"; // image coordinates, whatever the script
    this.frame = make("div", "cl-image");
    this.svg = document.createElementNS(SVG, "svg");
    this.strip = make("div", "cl-letters");
    this.sheet.append(this.frame, this.svg, this.strip);
    this.grip = make("div", "cl-grip"); // where a finger drags the selected box instead of scrolling
    this.sheet.append(this.grip);
    element.replaceChildren(this.sheet);
    this.ruler = document.createElement("canvas").getContext("2d");
    this.sheet.addEventListener("pointerdown", (event) => this.press(event));
    this.sheet.addEventListener("pointermove", (event) => this.hover(event));
    new ResizeObserver(() => this.entry && this.resize()).observe(element);
  }

  // Show another word.
  show(entry) {
    this.cancelDrag?.();
    this.entry = entry;
    this.frame.replaceChildren(entry.image);
    const { characters } = entry.word;
    this.boxes = characters.map(() => svg("g", svg("rect", null, "cl-halo"), svg("rect", null, "cl-box")));
    this.stems = characters.map(() => svg("path", null, "cl-stem"));
    this.handles = svg("g", ...HANDLES.map(() => svg("rect", null, "cl-handle")));
    this.svg.replaceChildren(...this.stems, ...this.boxes, this.handles);
    const font = getComputedStyle(this.strip).font;
    this.ruler.font = font;
    this.letters = characters.map((character, index) => this.letter(character, index));
    this.strip.replaceChildren(...this.letters);
    this.widths = characters.map((each) => Math.max(LEAST_LETTER, this.ruler.measureText(visible(each)).width + 10));
    this.resize();
  }

  letter(character, index) {
    const letter = make("button", "cl-letter");
    letter.type = "button";
    letter.tabIndex = -1;
    const text = make("span", "cl-glyph");
    text.dir = "auto";
    text.textContent = visible(character);
    letter.append(text, make("i", "cl-sure"));
    letter.addEventListener("click", () => this.select(index));
    return letter;
  }

  // The room or the zoom changed.
  resize() {
    const { width, height } = this.entry.word;
    const room = this.element;
    const fitted = fitScale(
      width, height, Math.max(room.clientWidth - 2 * PADDING, 60), Math.max(room.clientHeight - STRIP - 2 * PADDING, 40),
    ); // prettier-ignore
    this.scale = clamp(fitted * this.zoom, 0.01, LARGEST_SCALE);
    const [w, h] = [width * this.scale, height * this.scale];
    Object.assign(this.entry.image.style, { width: `${w}px`, height: `${h}px` });
    this.entry.image.classList.toggle("cl-crisp", this.scale > 5);
    this.update();
    this.reveal();
  }

  setZoom(zoom) {
    this.zoom = clamp(zoom, 0.25, 8);
    localStorage.setItem("charloc.zoom", this.zoom);
    this.resize();
  }

  setHidden(hidden) {
    this.hidden = hidden;
    this.element.classList.toggle("cl-bare", hidden);
  }

  // Something about the word's characters changed: draw it.
  update() {
    const { word, marks, selected } = this.entry;
    const { scale } = this;
    const w = word.width * scale;
    const h = word.height * scale;
    const bottom = h + PADDING + 14;
    const wanted = centres(marks.map((mark) => mark.box), word.order, word.width).map((x) => x * scale);
    // Letters stand in the order of their boxes; characters without one keep their place on the line.
    const place = new Map(word.order.map((index, at) => [index, at]));
    const order = [...word.order].sort((a, b) => wanted[a] - wanted[b] || place.get(a) - place.get(b));
    const at = [];
    const inOrder = spread(order.map((i) => wanted[i]), order.map((i) => this.widths[i]), LETTER_GAP); // prettier-ignore
    order.forEach((index, k) => (at[index] = inOrder[k]));
    const left = Math.max(PADDING, ...at.map((x, i) => this.widths[i] / 2 - x + 4));
    const right = Math.max(PADDING, ...at.map((x, i) => x + this.widths[i] / 2 + 4 - w));
    this.origin = { x: left, y: PADDING };
    const size = { width: `${left + w + right}px`, height: `${h + PADDING * 2 + STRIP - 20}px` };
    Object.assign(this.sheet.style, size);
    this.svg.setAttribute("width", parseFloat(size.width));
    this.svg.setAttribute("height", parseFloat(size.height));
    Object.assign(this.frame.style, { left: `${left}px`, top: `${PADDING}px` });
    marks.forEach((mark, index) => {
      const level = mark.state === "untouched" ? confidenceLevel(word.confidence[index]) : "yours";
      this.drawBox(this.boxes[index], mark, level, index === selected);
      const letter = this.letters[index];
      letter.dataset.level = mark.box || mark.state !== "untouched" ? level : "none";
      letter.dataset.state = mark.state;
      letter.classList.toggle("cl-on", index === selected);
      letter.ariaCurrent = index === selected ? "true" : null;
      letter.title = `${index + 1} of ${marks.length}: ${standing(word, marks, index).join(", ")}`;
      letter.style.width = `${this.widths[index]}px`;
      letter.style.transform = `translate(${left + at[index] - this.widths[index] / 2}px, ${PADDING + bottom}px)`;
      this.drawStem(this.stems[index], mark.box, at[index], bottom, index === selected, level);
    });
    this.drawHandles(marks[selected]?.box);
    this.svg.append(...this.boxes.filter((_, index) => index === selected), this.handles); // on top
  }

  drawBox(group, mark, level, on) {
    group.dataset.level = level;
    group.dataset.state = mark.state;
    group.classList.toggle("cl-on", on);
    group.style.display = mark.box ? "" : "none";
    if (!mark.box) return;
    const [x, y, width, height] = this.onScreen(mark.box);
    for (const rect of group.children) attributes(rect, { x, y, width, height });
  }

  drawStem(path, box, letterX, bottom, on, level) {
    path.style.display = box ? "" : "none";
    path.classList.toggle("cl-on", on);
    path.dataset.level = level;
    if (!box) return;
    const [x, y, width, height] = this.onScreen(box);
    const to = this.origin.x + letterX;
    path.setAttribute("d", `M${x + width / 2} ${y + height} V${PADDING + bottom - 12} L${to} ${PADDING + bottom}`);
  }

  drawHandles(box) {
    this.handles.style.display = box ? "" : "none";
    this.grip.hidden = !box;
    if (!box) return;
    const [x, y, width, height] = this.onScreen(box);
    const side = clamp(Math.min(width, height) / 3, 4, 8);
    [...this.handles.children].forEach((rect, k) => {
      const name = HANDLES[k];
      const cx = name.includes("w") ? x : name.includes("e") ? x + width : x + width / 2;
      const cy = name.includes("n") ? y : name.includes("s") ? y + height : y + height / 2;
      attributes(rect, { x: cx - side / 2, y: cy - side / 2, width: side, height: side });
    });
    const reach = 22;
    Object.assign(this.grip.style, {
      left: `${x - reach}px`, top: `${y - reach}px`, width: `${width + 2 * reach}px`, height: `${height + 2 * reach}px`,
    }); // prettier-ignore
  }

  onScreen([x0, y0, x1, y1]) {
    const { x, y } = this.origin;
    return [x + x0 * this.scale, y + y0 * this.scale, (x1 - x0) * this.scale, (y1 - y0) * this.scale];
  }

  // Scroll so that the selected character is in view, as little as possible.
  reveal() {
    const { marks, selected } = this.entry;
    const letter = this.letters[selected];
    if (!letter || this.drag) return;
    const view = this.element;
    const { box } = marks[selected];
    const [x, y, width, height] = box ? this.onScreen(box) : [0, 0, 0, 0];
    const at = new DOMMatrix(letter.style.transform).m41;
    const low = Math.min(at, box ? x : at);
    const high = Math.max(at + this.widths[selected], box ? x + width : at);
    view.scrollLeft = scrolled(view.scrollLeft, view.clientWidth, low, high);
    if (box) view.scrollTop = scrolled(view.scrollTop, view.clientHeight, y, y + height);
  }

  // --- pointer ---

  place(event) {
    const sheet = this.sheet.getBoundingClientRect();
    const x = (event.clientX - sheet.left - this.origin.x) / this.scale;
    const y = (event.clientY - sheet.top - this.origin.y) / this.scale;
    return [x, y];
  }

  pick(event) {
    const { marks, selected } = this.entry;
    const [x, y] = this.place(event);
    const boxes = this.hidden ? [] : marks.map((mark) => mark.box);
    return pick(x, y, boxes, selected, this.scale, event.pointerType === "touch");
  }

  hover(event) {
    if (!this.entry || this.drag || event.pointerType === "touch") return;
    const inStrip = event.target.closest(".cl-letter");
    const found = inStrip ? null : this.pick(event);
    const { marks, selected } = this.entry;
    const drawing = !found && !marks[selected]?.box && !this.hidden;
    this.sheet.dataset.cursor = found ? found.handle : drawing ? "draw" : "";
  }

  press(event) {
    if (!this.entry || event.button !== 0 || this.drag || event.target.closest(".cl-letter")) return;
    const { entry } = this;
    const found = this.pick(event);
    const touch = event.pointerType === "touch";
    if (found && found.index !== entry.selected) {
      this.select(found.index);
      if (touch) return; // a finger selects first; the next drag moves. Else nothing could be scrolled.
    }
    const drawing = !found && !entry.marks[entry.selected]?.box && !this.hidden;
    if (!found && !drawing) return;
    event.preventDefault();
    this.startDrag(event, found ? { ...found, box: entry.marks[found.index].box } : { index: entry.selected });
  }

  startDrag(event, what) {
    const { word } = this.entry;
    const from = this.place(event);
    const { pointerId } = event;
    const listening = new AbortController();
    const { signal } = listening;
    let changed = false;
    this.drag = true;
    this.sheet.setPointerCapture(pointerId);
    this.sheet.dataset.cursor = what.box ? what.handle : "draw";
    const follow = (moving) => {
      if (moving.pointerId !== pointerId) return;
      const [x, y] = this.place(moving);
      const [dx, dy] = [x - from[0], y - from[1]];
      // A hand that shakes while clicking draws or moves nothing.
      if (!changed && Math.hypot(dx, dy) * this.scale < 3) return;
      const box = what.box
        ? moved(what.box, what.handle, dx, dy, word.width, word.height)
        : between(...from, x, y, word.width, word.height);
      if (!box) return;
      this.change(what.index, box, changed);
      changed = true;
    };
    const end = () => {
      listening.abort();
      this.drag = false;
      this.cancelDrag = null;
    };
    this.sheet.addEventListener("pointermove", follow, { signal });
    this.sheet.addEventListener("pointerup", (up) => { follow(up); end(); }, { signal }); // prettier-ignore
    this.sheet.addEventListener("pointercancel", end, { signal });
    this.cancelDrag = end;
  }
}

export function confidenceLevel(confidence) {
  return confidence < 0.5 ? 0 : confidence < 0.75 ? 1 : confidence < 0.9 ? 2 : 3;
}

// A character as it can be read on its own: a space and a lone combining mark become visible.
export function visible(character) {
  if (!character.trim()) return "␣";
  return /^\p{M}/u.test(character) ? `◌${character}` : character;
}

// What is known of a character, in words: what a person said, or how sure the method is and whether others agree.
export function standing(word, marks, index) {
  const { state, box } = marks[index];
  if (state !== "untouched") return [{ accepted: "accepted", pinned: "corrected", invisible: "not visible" }[state]];
  if (!box) return ["no box"];
  const sure = `${Math.round(word.confidence[index] * 100)} % sure`;
  return word.disagreement[index] >= ELSEWHERE ? [sure, "other methods place it elsewhere"] : [sure];
}

// Where to scroll to so that low..high is seen, with some room around it; the beginning counts more than the end.
function scrolled(from, room, low, high) {
  const margin = Math.min(60, room / 6);
  const end = Math.max(from, high + margin - room);
  return Math.min(end, Math.max(low - margin, 0));
}

function make(tag, name) {
  const made = document.createElement(tag);
  made.className = name;
  return made;
}

function svg(tag, ...rest) {
  const made = document.createElementNS(SVG, tag);
  const name = typeof rest.at(-1) === "string" ? rest.pop() : "";
  if (name) made.setAttribute("class", name);
  made.append(...rest.filter(Boolean));
  return made;
}

function attributes(node, values) {
  for (const [name, value] of Object.entries(values)) node.setAttribute(name, value);
}
