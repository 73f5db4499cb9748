// The editor: joins the words, the stage, the outbox and the keyboard. Pages hand it their element with `mount`.

import { bindMore, drawSwitches, LOOKING, run } from "./actions.js";
import { bindFlag } from "./flagging.js";
import { KeyDialog } from "./keydialog.js";
import { Keymap } from "./keymap.js";
import { bindKeys } from "./keys.js";
import { Live } from "./live.js";
import { plain, standing, swapped, visible } from "./marks.js";
import { Opening } from "./opening.js";
import { Outbox } from "./outbox.js";
import { mountOnce } from "./mounting.js";
import { cancelStep, follow, nudge, pin } from "./placing.js";
import { Progress } from "./progress.js";
import { QueueBar } from "./queue.js";
import { may } from "./session.js";
import { Stage } from "./stage.js";
import { listen, poll } from "./status.js";
import { drawEmpty, drawSaveState, drawTroubles } from "./notices.js";
import { Transcript } from "./transcript.js";
import { View } from "./view.js";
import { Words } from "./words.js";

export function mount(element) {
  mountOnce("editor", element.querySelector("[data-role=editor]"), (root, signal) => {
    window.charloc = new Editor(root, signal); // also for looking into from the browser's console
  });
}

class Editor {
  // signal: aborts when another editor is mounted.
  constructor(root, signal) {
    this.root = root;
    this.signal = signal;
    this.part = (role) => root.querySelector(`[data-role="${role}"]`);
    this.stage = new Stage(this.part("stage"), this.part("legend"), {
      select: (index) => this.select(index),
      change: (...placed) => pin(this, ...placed),
      cancel: () => cancelStep(this),
    });
    this.live = new Live({
      current: () => this.entry,
      busy: () => this.stage.drag || this.transcript.editing,
      apply: (...solved) => follow(this, ...solved),
      problem: (text) => this.draw(text),
      signal,
    });
    this.status = null;
    this.opening = new Opening(this);
    this.queue = new QueueBar(this);
    this.keymap = new Keymap();
    this.bindButtons();
    drawSwitches(this);
    bindKeys(this, this.keymap);
    this.keyDialog = new KeyDialog(this);
    this.view = new View(this);
    this.transcript = new Transcript(this);
    listen((status) => this.onStatus(status), signal);
  }

  get entry() {
    return this.words?.current ?? null;
  }

  // --- where words come from ---

  async onStatus(status) {
    if (!status) {
      this.unheard = true;
      this.outbox?.changed();
      return;
    }
    if (this.unheard) this.live.wake();
    this.unheard = false;
    const before = this.status;
    this.status = status;
    if (!before) {
      const { id } = status.project;
      this.outbox = new Outbox(id, () => this.drawOutbox(), (decision) => this.onElsewhere(decision), this.signal);
      this.words = new Words(id, this.outbox, this.queue, () => this.onWords());
      this.progress = new Progress(this, id);
      this.drawOutbox(); // what waits from an earlier visit
      this.outbox.sendSoon();
      await this.opening.start();
      await this.words.open();
    } else {
      if (this.outbox.failures) this.outbox.sendSoon(); // it answers again
      if (status.newest && status.newest.id !== before.newest?.id) await this.onNewRound(status.newest, before.newest);
      else if (!this.entry || this.words.failed) {
        await this.words.refill(true); // words may have been imported, or given back by someone
      }
    }
    this.progress.onStatus(status);
    if (!this.entry) drawEmpty(this);
  }

  async onNewRound(round, before) {
    await this.words.refresh();
    const news = round.number > (before?.number ?? -1) ? "has finished" : "is shown again";
    this.toast(`Round ${round.number} ${news}: the next words show its boxes.`);
  }

  // Another tab has decided about a word: it is not asked about here as well.
  onElsewhere({ word_id: id, kind }) {
    if (!this.words || kind === "clear") return;
    if (this.words.leave(id)) {
      this.next();
      this.toast("The word that was here has been decided in another tab.");
    } else if (this.entry?.word.id === id) {
      this.toast("This word has been decided in another tab. What you say here will be shown beside that.");
    }
  }

  onWords() {
    // Only with a word to show: asking for more here would never end while the server is away.
    if (!this.entry && this.words.ahead.length && !this.opening.awaited) this.next();
    else if (!this.entry) this.show();
    this.live.warm([this.entry, ...this.words.ahead].filter(Boolean).map((entry) => entry.word.id));
    this.drawOutbox();
  }

  next() {
    const { words, opening } = this;
    opening.awaited = opening.busy && !words.ahead[0]?.opened;
    words.next(opening.awaited);
    this.open();
  }

  // Show the word that has come into hand.
  open() {
    this.show();
    if (this.entry && may("annotator")) this.live.reopen(this.entry);
  }

  // Show what is in hand: a word, or why there is none.
  show() {
    const { entry } = this;
    this.opening.shown();
    this.part("empty").hidden = Boolean(entry);
    this.part("stage").hidden = !entry;
    this.root.classList.toggle("cl-idle", !entry);
    this.root.classList.toggle("cl-auditing", Boolean(entry?.word.audit));
    if (!entry) {
      this.transcript.show(null);
      this.part("name").textContent = "\u00a0";
      this.part("readout").textContent = "\u00a0";
      drawEmpty(this);
      return;
    }
    const { word } = entry;
    this.transcript.show(word.text);
    this.part("name").textContent = plain(word.name);
    this.part("name").title = word.name;
    this.stage.show(entry);
    this.draw();
    if (entry.versions > 1) this.toast("Two tabs left unfinished work in this word. This is the newer; Undo shows the other.");
    entry.versions = 0;
  }

  // `problem`: why the other characters cannot follow.
  draw(problem = "") {
    const { word, marks, selected } = this.entry;
    const mark = marks[selected];
    const say = [`${selected + 1}/${marks.length} “${visible(word.characters[selected] ?? "")}”`];
    if (mark) say.push(...standing(word, marks, selected));
    if (mark?.box) {
      const [x0, y0, x1, y1] = mark.box;
      const size = [x1 - x0, y1 - y0].map((value) => value.toFixed(1).replace(/\.0$/, ""));
      say.push(`x ${x0.toFixed(1)} y ${y0.toFixed(1)}`, `${size.join(" × ")} px`);
    }
    const wrong = this.contradiction(marks) || problem;
    this.part("readout").textContent = wrong || say.join("  ·  ");
    this.part("readout").classList.toggle("cl-wrong", Boolean(wrong));
    this.button("invisible").setAttribute("aria-pressed", String(mark?.state === "invisible"));
  }

  // What is wrong with the places a person gave, in words; null if nothing is.
  contradiction(marks) {
    const { word } = this.entry;
    const pair = swapped(marks, word.order);
    if (!pair) return null;
    const [left, right] = pair.map((index) => `“${visible(word.characters[index])}”`);
    return `${right} stands left of ${left}, against the transcript. Move one of them, or flag the word.`;
  }

  drawOutbox() {
    drawSaveState(this);
    drawTroubles(this);
    const waiting = this.outbox.waiting().length;
    if (this.waited && !waiting) {
      clearTimeout(this.counting);
      this.counting = setTimeout(poll, 700); // the counts have changed
    }
    this.waited = waiting;
  }

  toast(text) {
    const toast = this.part("toast");
    toast.textContent = text;
    toast.classList.add("cl-shown");
    clearTimeout(this.toasting);
    this.toasting = setTimeout(() => toast.classList.remove("cl-shown"), 2600 + 30 * text.length);
  }

  // --- what a person says about characters ---

  select(index) {
    const { entry } = this;
    if (!entry || index === entry.selected || !entry.marks[index]) return;
    entry.selected = index;
    this.stage.update();
    this.stage.reveal();
    this.draw();
  }

  // The next (+1) or previous (-1) character in reading order; spaces are passed over.
  step(by) {
    const { word, selected } = this.entry;
    const count = word.characters.length;
    for (let k = 1; k <= count; k += 1) {
      const index = (((selected + k * by) % count) + count) % count;
      if (word.characters[index].trim()) return this.select(index);
    }
  }

  // What a step back restores: the word as it is shown (its characters and how sure the model is) and its marks.
  snapshot() {
    const { word, marks } = this.entry;
    return { word, marks };
  }

  // Put a snapshot in place of what is shown.
  put({ word, marks }) {
    const { entry } = this;
    const sameCharacters = word.characters === entry.word.characters;
    Object.assign(entry, { word, marks, selected: Math.min(entry.selected, marks.length - 1) });
    this.nudged = null;
    entry.since = null;
    this.live.drop();
    if (sameCharacters) {
      this.stage.update();
      this.draw();
    } else this.show();
  }

  // Replace the marks; `going`: part of the step before.
  change(marks, going = false) {
    if (!may("annotator")) return this.toast(LOOKING);
    const { entry } = this;
    if (!going) entry.undo.push(this.snapshot());
    entry.redo = [];
    this.words.undone = [];
    entry.marks = marks;
    this.stage.update();
    this.draw();
    if (going) this.rememberSoon(entry); // while dragging, once at the end is enough
    else this.remember(entry);
  }

  rememberSoon(entry) {
    clearTimeout(this.remembering);
    this.remembering = setTimeout(() => this.remember(entry), 100);
  }

  remember(entry) {
    clearTimeout(this.remembering);
    if (entry !== this.entry) return;
    try {
      this.words.drafts.remember(entry);
    } catch {
      this.toast("This browser's storage is full: unfinished work would not outlive a reload.");
    }
  }

  // Unfinished work is what there are steps of.
  rememberSteps(entry) {
    if (entry.undo.length) this.remember(entry);
    else this.words.drafts.forget(entry);
  }

  nudge(handle, dx, dy) {
    nudge(this, handle, dx, dy);
  }

  button(name) {
    return this.root.querySelector(`[data-do=${name}]`);
  }

  run(name) {
    run(this, name);
  }

  bindButtons() {
    this.root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) this.run(button.dataset.do);
    });
    this.part("save").addEventListener("click", () => {
      this.outbox?.sendSoon();
      this.part("troubles").scrollIntoView({ behavior: "smooth", block: "nearest" });
    });
    bindFlag(this);
    bindMore(this);
  }
}
