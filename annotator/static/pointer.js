// The pointer on the stage: a mouse, a pen or a finger selects, drags, resizes and draws.

import { between, defaultBox, moved } from "./geometry.js";

const STILL_PX = 3; // a hand that shakes while clicking draws or moves nothing
const EDGE_PX = 36; // from here to the stage's edge a drag scrolls a long line
const SCROLL_PX = 14; // a frame

export class Pointer {
  // select(index), change(index, box, going, alone), cancel(): see Stage. `alone`: nothing is to follow (Alt).
  constructor(stage, { select, change, cancel }) {
    Object.assign(this, { stage, select, change, takeBack: cancel });
    this.drag = null;
    const { sheet } = stage;
    sheet.addEventListener("pointerdown", (event) => this.press(event));
    sheet.addEventListener("pointermove", (event) => this.hover(event));
  }

  hover(event) {
    const { stage } = this;
    if (!stage.entry || this.drag) return;
    const touch = event.pointerType === "touch";
    // A pen shows itself before it presses: it draws and drags, and only fingers scroll.
    stage.sheet.classList.toggle("cl-pen", event.pointerType === "pen");
    if (touch) return;
    const found = event.target.closest(".cl-letter") ? null : stage.pick(event);
    stage.sheet.dataset.cursor = found ? found.handle : this.draws ? "draw" : "";
  }

  // Whether a press on empty paper draws a box: the selected character has none.
  get draws() {
    const { entry, hidden } = this.stage;
    const mark = entry.marks[entry.selected];
    return Boolean(mark) && !mark.box && !hidden && Boolean(entry.word.characters[entry.selected].trim());
  }

  press(event) {
    const { stage } = this;
    const { entry } = stage;
    const touch = event.pointerType === "touch";
    if (!entry || this.drag) return;
    if (event.button !== 0 || event.target.closest(".cl-letter") || (touch && !event.isPrimary)) return;
    const found = stage.pick(event);
    if (found && found.index !== entry.selected) {
      this.select(found.index);
      if (touch) return; // a finger selects first; the next drag moves. Else nothing could be scrolled.
    }
    if (!found && !this.draws) return;
    event.preventDefault();
    this.start(event, found ? { ...found, box: entry.marks[found.index].box } : { index: entry.selected });
  }

  start(event, what) {
    const { sheet } = this.stage;
    const { pointerId } = event;
    const listening = new AbortController();
    const { signal } = listening;
    const from = this.stage.place(event);
    const drag = { what, from, changed: false, last: event, listening };
    this.drag = drag;
    sheet.setPointerCapture(pointerId);
    sheet.dataset.cursor = what.box ? what.handle : "draw";
    if (!what.box && this.stage.points) this.put(event, from); // a point has no size to draw
    const mine = (handler) => (moving) => moving.pointerId === pointerId && handler(moving);
    sheet.addEventListener("pointermove", mine((moving) => this.follow(moving)), { signal });
    sheet.addEventListener("pointerup", mine((up) => { this.follow(up); this.cancel(); }), { signal }); // prettier-ignore
    sheet.addEventListener("pointercancel", mine(() => this.cancel(true)), { signal });
    // A second finger: this is a pinch or a scroll, not a drag.
    document.addEventListener("pointerdown", (other) => other.pointerType === "touch" && this.cancel(true), { signal, capture: true }); // prettier-ignore
    document.addEventListener("keydown", (key) => this.key(key), { signal, capture: true });
    document.addEventListener("keyup", (key) => key.key === "Alt" && key.preventDefault(), { signal, capture: true });
  }

  // A point for a character that has none; from then on it is dragged.
  put(event, at) {
    const { word, marks } = this.stage.entry;
    const { what } = this.drag;
    const box = defaultBox(what.index, marks.map((mark) => mark.box), word.order, word.width, word.height, at); // prettier-ignore
    Object.assign(what, { box, handle: "move" });
    this.drag.changed = true;
    this.change(what.index, box, false, event.altKey);
  }

  follow(moving) {
    const { stage, drag } = this;
    const { word } = stage.entry;
    const { what, from } = drag;
    const [x, y] = stage.place(moving);
    const [dx, dy] = [x - from[0], y - from[1]];
    drag.last = moving;
    if (!drag.changed && Math.hypot(dx, dy) * stage.scale < STILL_PX) return;
    const box = what.box
      ? moved(what.box, what.handle, dx, dy, word.width, word.height)
      : between(...from, x, y, word.width, word.height);
    if (!box) return;
    this.change(what.index, box, drag.changed, moving.altKey);
    drag.changed = true;
    this.scrollAlong();
  }

  // Near the edge of a stage that shows a part of a long line, the line comes along under the pointer.
  scrollAlong() {
    const { drag, stage } = this;
    if (drag.frame) return;
    const view = stage.element;
    const { left, right } = view.getBoundingClientRect();
    const by = drag.last.clientX > right - EDGE_PX ? SCROLL_PX : drag.last.clientX < left + EDGE_PX ? -SCROLL_PX : 0;
    const before = view.scrollLeft;
    if (!by) return;
    view.scrollLeft += by;
    if (view.scrollLeft === before) return;
    drag.frame = requestAnimationFrame(() => {
      drag.frame = null;
      if (this.drag === drag) this.follow(drag.last);
    });
  }

  key(event) {
    if (event.key === "Alt") event.preventDefault(); // else the browser's menu takes the keyboard
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    this.cancel(true);
  }

  // The drag is over; `back`: as if it had not been.
  cancel(back = false) {
    const { drag } = this;
    if (!drag) return;
    drag.listening.abort();
    this.drag = null;
    if (back && drag.changed) this.takeBack();
  }
}
