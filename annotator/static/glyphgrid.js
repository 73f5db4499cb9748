// A grid of a great many crops, of which only the rows in view exist. Each crop is a piece of a picture ("atlas") that
// holds many; pictures are asked for when their rows come to rest in view, not while they fly past.

const GAP = 6;
const OVERSCAN = 3; // rows kept above and below what is in view
const REST_MS = 90; // scrolling slower than this fetches at once
const MARKS = { accepted: "✓", pinned: "●", flagged: "⚑" };

export class GlyphGrid {
  // scroll, room: the elements. chosen(): called when what is chosen changes. open(at): a crop was clicked.
  constructor(scroll, room, { chosen, open }) {
    Object.assign(this, { scroll, room, onChosen: chosen, onOpen: open });
    this.crops = []; // [word id, word key, index, correction, oddity, confidence, state]; a hole is not here yet
    this.count = 0;
    this.chosen = new Set();
    this.cursor = 0;
    this.anchor = 0;
    this.choosing = false;
    this.rows = new Map(); // number of the row -> its element
    this.spare = [];
    this.waiting = new Set();
    scroll.addEventListener("scroll", () => this.later(), { passive: true });
    new ResizeObserver(() => this.layout()).observe(scroll);
    scroll.addEventListener("keydown", (event) => this.key(event));
    room.addEventListener("pointerdown", (event) => this.press(event));
  }

  // Another character. more(at): asks for the crops from `at` on.
  show(sheet, more) {
    Object.assign(this, { sheet, more, count: sheet.count, crops: [...sheet.rows] });
    this.crops.length = sheet.count;
    this.chosen.clear();
    this.cursor = this.anchor = 0;
    this.scroll.scrollTop = 0;
    this.ready = new Set();
    this.asked = new Set();
    this.waiting.clear();
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
    this.spare = [];
    this.layout();
    this.onChosen();
  }

  add(at, rows) {
    rows.forEach((row, k) => (this.crops[at + k] = row));
    this.waiting.delete(at);
    this.redraw();
  }

  layout() {
    if (!this.sheet) return;
    const [wide, high] = this.sheet.cell;
    const across = Math.max(1, Math.floor((this.scroll.clientWidth - GAP) / (wide + GAP)));
    const first = this.across ? Math.floor(this.scroll.scrollTop / this.pitch) * this.across : 0;
    this.pitch = high + GAP;
    if (across !== this.across) {
      this.across = across;
      for (const row of this.rows.values()) row.remove();
      this.rows.clear();
      this.spare = [];
    }
    this.room.style.height = `${Math.ceil(this.count / across) * this.pitch + GAP}px`;
    this.scroll.setAttribute("aria-rowcount", Math.ceil(this.count / across));
    this.scroll.setAttribute("aria-colcount", across);
    if (first && Math.floor(first / across) !== Math.floor(this.scroll.scrollTop / this.pitch)) {
      this.scroll.scrollTop = Math.floor(first / across) * this.pitch;
    }
    this.draw();
  }

  later() {
    const now = performance.now();
    this.fast = now - (this.scrolled ?? 0) < REST_MS && Math.abs(this.scroll.scrollTop - this.was) > 2 * this.scroll.clientHeight;
    this.scrolled = now;
    this.was = this.scroll.scrollTop;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
    clearTimeout(this.resting);
    this.resting = setTimeout(() => ((this.fast = false), this.draw()), REST_MS);
  }

  // The rows in view, and no others.
  draw() {
    if (!this.sheet) return;
    const last = Math.ceil(this.count / this.across) - 1;
    const from = Math.max(0, Math.floor(this.scroll.scrollTop / this.pitch) - OVERSCAN);
    const to = Math.min(last, Math.ceil((this.scroll.scrollTop + this.scroll.clientHeight) / this.pitch) + OVERSCAN);
    for (const [number, row] of this.rows) {
      if (number >= from && number <= to) continue;
      this.rows.delete(number);
      this.spare.push(row);
    }
    for (let number = from; number <= to; number += 1) {
      let row = this.rows.get(number);
      if (!row) {
        row = this.spare.pop() ?? this.makeRow();
        row.style.transform = `translateY(${number * this.pitch + GAP}px)`;
        row.setAttribute("aria-rowindex", number + 1);
        this.rows.set(number, row);
        this.fill(row, number);
      } else if (row.bare && !this.fast) this.fill(row, number);
    }
    for (const row of this.spare.splice(OVERSCAN * 4)) row.remove();
  }

  redraw() {
    for (const [number, row] of this.rows) this.fill(row, number);
  }

  makeRow() {
    const row = document.createElement("div");
    row.className = "cl-glyph-row";
    row.setAttribute("role", "row");
    const [wide, high] = this.sheet.cell;
    for (let k = 0; k < this.across; k += 1) {
      const cell = document.createElement("div");
      cell.className = "cl-glyph-cell";
      cell.setAttribute("role", "gridcell");
      Object.assign(cell.style, { width: `${wide}px`, height: `${high}px`, left: `${GAP + k * (wide + GAP)}px` });
      row.append(cell);
    }
    this.room.append(row);
    return row;
  }

  fill(row, number) {
    const { per_atlas: per, columns, atlases, states, cell: [wide, high] } = this.sheet; // prettier-ignore
    row.bare = false;
    for (let k = 0; k < this.across; k += 1) {
      const at = number * this.across + k;
      const cell = row.children[k];
      cell.hidden = at >= this.count;
      if (cell.hidden) continue;
      const crop = this.crops[at];
      if (!crop) this.askFor(at);
      cell.dataset.at = at;
      cell.id = `cl-crop-${at}`;
      const state = crop ? states[crop[6]] : "";
      cell.dataset.state = state;
      cell.dataset.mark = MARKS[state] ?? "";
      cell.setAttribute("aria-selected", this.chosen.has(at));
      cell.classList.toggle("cl-at", at === this.cursor);
      const name = atlases[Math.floor(at / per)];
      if (this.picture(name, row)) {
        const place = at % per;
        cell.style.backgroundImage = `url(/api/glyphs/atlas/${name})`;
        cell.style.backgroundPosition = `${-(place % columns) * wide}px ${-Math.floor(place / columns) * high}px`;
      } else cell.style.backgroundImage = "none";
      if (crop) cell.setAttribute("aria-label", says(at, crop, state, this.count));
    }
  }

  // Whether a picture is here; if not, it is fetched, unless it is only passed by.
  picture(name, row) {
    if (this.ready.has(name)) return true;
    row.bare = true;
    if (this.fast || this.asked.has(name)) return false;
    this.asked.add(name);
    const image = new Image();
    const { ready, asked } = this;
    image.addEventListener("load", () => {
      ready.add(name);
      if (ready === this.ready) this.frame ??= requestAnimationFrame(() => ((this.frame = null), this.redrawBare()));
    });
    image.addEventListener("error", () => setTimeout(() => asked.delete(name), 2000));
    image.src = `/api/glyphs/atlas/${name}`;
    return false;
  }

  redrawBare() {
    for (const [number, row] of this.rows) if (row.bare) this.fill(row, number);
  }

  askFor(at) {
    const { length } = this.sheet.rows;
    const start = Math.floor(at / length) * length;
    if (this.waiting.has(start) || this.fast) return;
    this.waiting.add(start);
    this.more(start);
  }

  // --- choosing ---

  press(event) {
    const cell = event.target.closest(".cl-glyph-cell");
    if (!cell || event.button !== 0) return;
    const at = Number(cell.dataset.at);
    const touch = event.pointerType === "touch";
    const many = event.shiftKey || event.ctrlKey || event.metaKey || this.choosing;
    const before = new Set(event.ctrlKey || event.metaKey || this.choosing ? this.chosen : []);
    const taken = before.has(at);
    const anchor = event.shiftKey ? this.anchor : at;
    let moved = false;
    const listening = new AbortController();
    const { signal } = listening;
    const over = (moving) => {
      const under = document.elementFromPoint(moving.clientX, moving.clientY)?.closest(".cl-glyph-cell");
      if (!under || (Number(under.dataset.at) === at && !moved)) return;
      moved = true;
      this.choose(anchor, Number(under.dataset.at), before);
    };
    // A finger that moves scrolls.
    if (!touch) document.addEventListener("pointermove", over, { signal });
    document.addEventListener("pointercancel", () => listening.abort(), { signal });
    document.addEventListener("pointerup", (up) => {
      listening.abort();
      if (touch && up.target.closest(".cl-glyph-cell") !== cell) return;
      if (moved) return;
      this.cursor = at;
      if (event.shiftKey) this.choose(anchor, at, before);
      else if (many) {
        if (taken) before.delete(at);
        else before.add(at);
        this.anchor = at;
        this.take(before);
      } else this.onOpen(at);
    }, { signal }); // prettier-ignore
    if (!touch) event.preventDefault(); // no text is selected
    this.scroll.focus({ preventScroll: true });
  }

  // Choose from one to another, in reading order, on top of `before`.
  choose(from, to, before = new Set()) {
    const next = new Set(before);
    for (let at = Math.min(from, to); at <= Math.max(from, to); at += 1) next.add(at);
    this.anchor = from;
    this.cursor = to;
    this.take(next);
  }

  take(next) {
    this.chosen = next;
    this.redraw();
    this.scroll.setAttribute("aria-activedescendant", `cl-crop-${this.cursor}`);
    this.onChosen();
  }

  key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.across, ArrowDown: this.across };
    const pages = Math.max(1, Math.floor(this.scroll.clientHeight / this.pitch)) * this.across;
    Object.assign(steps, { PageUp: -pages, PageDown: pages, Home: -this.count, End: this.count });
    if (event.altKey || !this.count) return;
    if (event.key in steps) {
      const to = Math.min(Math.max(this.cursor + steps[event.key], 0), this.count - 1);
      if (event.shiftKey) this.choose(this.anchor, to);
      else {
        this.cursor = this.anchor = to;
        this.take(this.chosen);
      }
      this.reveal();
    } else if (event.key === " ") {
      const next = new Set(this.chosen);
      if (!next.delete(this.cursor)) next.add(this.cursor);
      this.anchor = this.cursor;
      this.take(next);
    } else if (event.key === "Enter") this.onOpen(this.cursor);
    else if (event.key === "Escape") this.take(new Set());
    else return;
    event.preventDefault();
  }

  reveal() {
    const top = Math.floor(this.cursor / this.across) * this.pitch;
    const { scrollTop, clientHeight } = this.scroll;
    if (top < scrollTop) this.scroll.scrollTop = top;
    else if (top + this.pitch + GAP > scrollTop + clientHeight) this.scroll.scrollTop = top + this.pitch + GAP - clientHeight;
  }
}

function says(at, [, , index, , oddity, confidence], state, count) {
  const parts = [`${at + 1} of ${count}`, `character ${index + 1} of its word`];
  if (oddity !== null) parts.push(`unusual ${oddity.toFixed(1)}`);
  if (confidence !== null) parts.push(`${Math.round(100 * confidence)} % sure`);
  if (state && state !== "untouched") parts.push(state === "pinned" ? "corrected" : state);
  return parts.join(", ");
}
