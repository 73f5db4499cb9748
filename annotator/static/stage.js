// The stage: the image, its boxes or their centres, and the letters under them. What the pointer does is in pointer.js.

import { attributes, button, make, shape } from "./elements.js";
import { bounded, centres, clamp, fitScale, pick, pickPoint, spread } from "./geometry.js";
import { level, standing, visible } from "./marks.js";
import { Pointer } from "./pointer.js";
import { setting } from "./settings.js";
import { draw, drawLegend, sign } from "./signs.js";

// px around the image, so that boxes at its edge can be taken; px more from there to the letters, for the stems; and px
// that are left free below them. A low stage, on a phone held across, has little of all.
const ROOMY = { padding: 24, stems: 14, free: 20 };
const TIGHT = { padding: 16, stems: 4, free: 0 };
const LOW = 260; // px
const STRIP = 50; // px from where the letters begin
const LETTER_GAP = 4;
const LEAST_LETTER = 26;
const BORDER = 1;
const HANDLES = ["nw", "n", "ne", "w", "e", "sw", "s", "se"];
const POINTS = "charloc.points";

export class Stage {
  // What the pointer did: select(index), change(index, box, going, alone), cancel() (take the drag back).
  constructor(element, legend, { select, change, cancel }) {
    this.element = element;
    this.legend = legend;
    this.select = select;
    this.zoom = clamp(Number(localStorage.getItem("charloc.zoom")) || 1, 0.25, 8);
    this.hidden = false;
    this.entry = null;
    this.sheet = make("div", "cl-sheet");
    this.sheet.dir = "ltr"; // image coordinates, whatever the script
    this.frame = make("div", "cl-image");
    this.svg = shape("svg", { class: "cl-drawn" });
    this.strip = make("div", "cl-letters");
    this.grip = make("div", "cl-grip"); // where a finger drags the selected box instead of scrolling
    this.sheet.append(this.frame, this.svg, this.strip, this.grip);
    element.replaceChildren(this.sheet);
    this.known = new Map(); // widths of letters, px
    this.ruler = document.createElement("canvas").getContext("2d");
    this.pointer = new Pointer(this, { select, change, cancel });
    this.setPoints(localStorage.getItem(POINTS) === "on");
    this.room = { width: 0, height: 0 }; // px; known before a word is drawn, for asking then would make it wait for layout
    new ResizeObserver(() => this.measure() && this.entry && this.resize()).observe(element, { box: "border-box" });
  }

  // Whether something is being dragged.
  get drag() {
    return Boolean(this.pointer.drag);
  }

  // Take the stage's size, scrollbars or not; false if there is none.
  measure() {
    const { offsetWidth, offsetHeight } = this.element;
    this.room = { width: offsetWidth - 2 * BORDER, height: offsetHeight - 2 * BORDER };
    return offsetWidth > 0;
  }

  // Show another word.
  show(entry) {
    this.pointer.cancel();
    this.entry = entry;
    this.frame.replaceChildren(entry.image);
    const { characters } = entry.word;
    this.stems = characters.map(() => shape("path", { class: "cl-stem" }));
    this.boxes = characters.map(() => sign());
    this.handles = shape("g", {}, ...HANDLES.map(() => shape("rect", { class: "cl-handle" })));
    this.svg.replaceChildren(...this.stems, ...this.boxes, this.handles);
    this.letters = characters.map((character, index) => this.letter(character, index));
    this.strip.replaceChildren(...this.letters);
    this.widths = characters.map((each) => this.letterWidth(each));
    this.resize();
  }

  letterWidth(character) {
    if (!this.known.size) this.ruler.font = getComputedStyle(this.strip).font;
    if (!this.known.has(character)) {
      this.known.set(character, Math.max(LEAST_LETTER, this.ruler.measureText(visible(character)).width + 10));
    }
    return this.known.get(character);
  }

  letter(character, index) {
    const made = button("", () => this.select(index), "cl-letter");
    made.tabIndex = -1;
    made.append(make("span", { className: "cl-glyph", dir: "auto" }, visible(character)), make("i", "cl-sure"));
    return made;
  }

  // The room or the zoom changed. The sheet's size depends on nothing else: while boxes move, the image stands still.
  resize() {
    const { width, height } = this.entry.word;
    if (this.room.width <= 0) this.measure();
    const letters = this.widths.reduce((sum, each) => sum + each + LETTER_GAP, 0);
    const { padding, stems, free } = this.room.height < LOW ? TIGHT : ROOMY;
    const below = padding + stems + STRIP;
    const roomWidth = Math.max(this.room.width - 2 * padding, 60);
    const roomHeight = Math.max(this.room.height - padding - below - free, 40);
    const fitted = fitScale(width, height, roomWidth, roomHeight, letters);
    this.scale = bounded(fitted * this.zoom, width);
    const [w, h] = [width * this.scale, height * this.scale];
    const side = Math.max(padding, (letters - w) / 2 + LETTER_GAP);
    this.origin = { x: side, y: padding };
    this.size = { width: w + 2 * side, height: padding + h + below };
    this.bottom = padding + h + padding + stems; // where the letters begin
    Object.assign(this.sheet.style, { width: `${this.size.width}px`, height: `${this.size.height}px` });
    attributes(this.svg, this.size);
    Object.assign(this.frame.style, { left: `${side}px`, top: `${padding}px` });
    Object.assign(this.entry.image.style, { width: `${w}px`, height: `${h}px` });
    this.entry.image.classList.toggle("cl-crisp", this.scale > 5);
    this.redraw();
    this.reveal();
  }

  setZoom(zoom) {
    this.zoom = clamp(zoom, 0.25, 8);
    setting("charloc.zoom", this.zoom);
    this.resize();
  }

  setHidden(hidden) {
    this.hidden = hidden;
    this.element.classList.toggle("cl-bare", hidden);
  }

  // Show the boxes' centres instead of the boxes; remembered.
  setPoints(points) {
    this.points = points;
    setting(POINTS, points ? "on" : "off");
    this.element.classList.toggle("cl-points", points);
    drawLegend(this.legend, points);
    if (this.entry) this.redraw();
  }

  redraw() {
    this.drawn = [];
    this.top = null;
    this.update();
  }

  // Something about the word's characters changed: draw those that it is about. `following`: let them glide.
  update(following = false) {
    const { marks, selected } = this.entry;
    const at = this.letterPlaces();
    marks.forEach((mark, index) => this.drawCharacter(index, mark, at[index], following && index !== selected));
    this.drawHandles(marks[selected]?.box);
    this.frame.classList.toggle("cl-draws", this.pointer.draws);
    if (this.top === selected) return;
    this.top = selected;
    this.svg.append(...[this.boxes[selected]].filter(Boolean), this.handles); // on top
  }

  // The x of every letter's centre: in the order of their boxes, under them as far as there is room.
  letterPlaces() {
    const { word, marks } = this.entry;
    const wanted = centres(marks.map((mark) => mark.box), word.order, word.width).map((x) => this.origin.x + x * this.scale);
    // Characters without a box keep their place on the line.
    const place = new Map(word.order.map((index, k) => [index, k]));
    const order = [...word.order].sort((a, b) => wanted[a] - wanted[b] || place.get(a) - place.get(b));
    const inOrder = spread(
      order.map((i) => wanted[i]), order.map((i) => this.widths[i]), LETTER_GAP, LETTER_GAP, this.size.width - LETTER_GAP,
    ); // prettier-ignore
    const at = [];
    order.forEach((index, k) => (at[index] = inOrder[k]));
    return at;
  }

  drawCharacter(index, mark, at, following) {
    const { word, marks, selected } = this.entry;
    const on = index === selected;
    const of = level(word, mark, index);
    const says = standing(word, marks, index).join(", ");
    const key = [mark.state, mark.box, of, says, on, at.toFixed(2)].join("|");
    if (this.drawn[index] === key) return; // in a line of a hundred, one moves
    this.drawn[index] = key;
    this.letters[index].classList.toggle("cl-glide", following);
    this.boxes[index].classList.toggle("cl-glide", following);
    this.drawBox(this.boxes[index], mark, of, on);
    this.drawStem(this.stems[index], mark.box, at, on, of);
    this.drawLetter(this.letters[index], index, mark, at, on, of, says);
  }

  drawLetter(letter, index, mark, at, on, of, says) {
    letter.dataset.level = mark.box || mark.state !== "untouched" ? of : "none";
    letter.dataset.state = mark.state;
    letter.classList.toggle("cl-on", on);
    letter.ariaCurrent = on ? "true" : null;
    letter.title = `${index + 1} of ${this.letters.length}: ${says}`;
    letter.style.width = `${this.widths[index]}px`;
    letter.style.transform = `translate(${at - this.widths[index] / 2}px, ${this.bottom}px)`;
  }

  drawBox(group, mark, of, on) {
    group.dataset.level = of;
    group.dataset.state = mark.state;
    group.classList.toggle("cl-on", on);
    group.style.display = mark.box ? "" : "none";
    if (mark.box) draw(group, this.onScreen(mark.box), mark.state, this.points, on);
  }

  drawStem(path, box, letterX, on, of) {
    path.style.display = box ? "" : "none";
    path.classList.toggle("cl-on", on);
    path.dataset.level = of;
    if (!box) return;
    const [x, y, width, height] = this.onScreen(box);
    const from = this.points ? y + height / 2 + 12 : y + height;
    path.setAttribute("d", `M${x + width / 2} ${from} V${this.bottom - 12} L${letterX} ${this.bottom}`);
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
    const fits = this.size.width <= this.room.width && this.size.height <= this.room.height;
    if (fits) return;
    const view = this.element;
    const { box } = marks[selected];
    const [x, y, width, height] = box ? this.onScreen(box) : [0, 0, 0, 0];
    const at = new DOMMatrix(letter.style.transform).m41;
    const low = Math.min(at, box ? x : at);
    const high = Math.max(at + this.widths[selected], box ? x + width : at);
    view.scrollLeft = scrolled(view.scrollLeft, view.clientWidth, low, high);
    if (box) view.scrollTop = scrolled(view.scrollTop, view.clientHeight, y, y + height);
  }

  // Where in the image (its px) a pointer is.
  place(event) {
    const sheet = this.sheet.getBoundingClientRect();
    const x = (event.clientX - sheet.left - this.origin.x) / this.scale;
    const y = (event.clientY - sheet.top - this.origin.y) / this.scale;
    return [x, y];
  }

  // What of the word is under a pointer: {index, handle}, or null.
  pick(event) {
    const { marks, selected } = this.entry;
    const [x, y] = this.place(event);
    const boxes = this.hidden ? [] : marks.map((mark) => mark.box);
    const find = this.points ? pickPoint : pick;
    return find(x, y, boxes, selected, this.scale, event.pointerType === "touch");
  }
}

// Where to scroll to so that low..high is seen, with some room around it; the beginning counts more than the end.
function scrolled(from, room, low, high) {
  const margin = Math.min(60, room / 6);
  const end = Math.max(from, high + margin - room);
  return Math.min(end, Math.max(low - margin, 0));
}
