// The words a person works on: the one in hand, those fetched ahead with their images, and those already decided.

import { ask } from "./asking.js";
import { Drafts } from "./drafts.js";

const AHEAD = 16; // at fifty decisions a second there is still one in hand
const REFILL_BELOW = 12;
const MOST_EXCLUDED = 2000;

// A word in hand. `marks` holds what is said of each character and the box it is shown with; steps back and forward are
// {word, marks} as they were, so undoing is putting one back.
export function makeEntry(word) {
  const said = word.correction?.kind === "boxes" ? word.correction.characters : [];
  const marks = word.boxes.map((box, index) => {
    const mark = said[index];
    if (!mark || mark.state === "untouched") return { state: "untouched", box: box ?? mark?.box ?? null };
    return { state: mark.state, box: mark.state === "invisible" ? null : (mark.box ?? box) };
  });
  const image = new Image(word.width, word.height);
  image.decoding = "sync"; // paint it with the boxes, not after them
  image.draggable = false;
  image.alt = word.text;
  let tries = 0;
  image.addEventListener("error", () => {
    tries += 1;
    setTimeout(() => (image.src = word.image), Math.min(1000 * 2 ** tries, 60000));
  });
  image.src = word.image;
  image.decode().catch(() => {}); // it stays blank until it can be had
  return {
    word,
    fetched: word.characters, // as the server has them
    image,
    marks,
    selected: leastCertain(word, marks),
    undo: [],
    redo: [],
    base: { id: word.correction?.id ?? null, uuid: null },
    before: word.correction,
  };
}

function leastCertain(word, marks) {
  let least = -1;
  marks.forEach((mark, index) => {
    if (mark.state !== "untouched" || !mark.box) return;
    if (least < 0 || word.confidence[index] < word.confidence[least]) least = index;
  });
  if (least >= 0) return least;
  return Math.max(0, word.characters.findIndex((character) => character.trim()));
}

export class Words {
  // outbox: its words are left out of what is fetched. queue: says which words are (QueueBar). changed(): called when
  // words have arrived or a fetch failed.
  constructor(project, outbox, queue, changed) {
    this.drafts = new Drafts(project);
    this.outbox = outbox;
    this.queue = queue;
    this.changed = changed;
    this.current = null;
    this.ahead = [];
    this.past = []; // {entry, said} decided in this visit, oldest first
    this.undone = []; // the same, taken back since, newest last
    this.skipped = new Set();
    this.exhausted = false;
    this.elsewhere = 0; // words in other people's hands
    this.failed = false;
    this.generation = 0;
  }

  // First words of a visit: those with unfinished work come before the queue.
  async open() {
    await this.drafts.look();
    const sent = this.outbox.wordIds(); // what is on its way comes first; the draft stays until then
    for (const id of this.drafts.ids().filter((each) => !this.holds(each) && !sent.includes(each))) {
      const { ok, answer, status } = await ask(`/api/words/${id}`);
      if (status === 404) this.drafts.drop(id);
      if (!ok || this.holds(id)) continue;
      const entry = makeEntry(answer);
      if (this.drafts.restore(entry)) this.ahead.push(entry);
      this.dispute(entry);
    }
    await this.refill();
  }

  holds(id) {
    return this.current?.word.id === id || this.ahead.some((entry) => entry.word.id === id);
  }

  // Fetch more if few are left. Never asks for a word that is in hand, ahead, on its way to the server, or was skipped
  // in this visit: else one word would be done twice. `again`: even if there were none the last time.
  async refill(again = false) {
    if (this.ahead.length >= REFILL_BELOW || this.fetching || (this.exhausted && !again)) return;
    await this.fetch((words) => this.add(words));
  }

  // Words of the queue, with what a tab left of them that is gone.
  add(words) {
    const fresh = words.filter((word) => !this.holds(word.id)).map(makeEntry);
    fresh.forEach((entry) => this.drafts.restore(entry));
    this.ahead.push(...fresh);
  }

  // Words opened from elsewhere come before all others; one that is in hand or ahead comes with what was done to it.
  openFirst(found, wanted) {
    // What an audit asks of a word is another matter than what the queue asks.
    const same = (a, b) => a.id === b.id && a.audit === b.audit;
    const opened = found.map((word, k) => {
      const known = [this.current, ...this.ahead].find((entry) => entry && same(entry.word, word));
      const entry = known ?? makeEntry(word);
      if (!known) this.drafts.restore(entry);
      if (wanted[k].character in entry.marks) entry.selected = wanted[k].character;
      entry.opened = wanted[k].detail;
      return entry;
    });
    const others = (entry) => !opened.includes(entry);
    // What was decided about it before stays; undo goes back to what holds now.
    this.past = this.past.filter(({ entry }) => !found.some((word) => same(word, entry.word)));
    this.undone = this.undone.filter(({ entry }) => !found.some((word) => same(word, entry.word)));
    const rest = this.ahead.filter(others);
    const before = rest.filter((entry) => entry.opened);
    this.ahead = [...before, ...opened, ...rest.filter((entry) => !entry.opened)];
  }

  // What is in hand waits as the first after what was opened.
  putBack() {
    const { current } = this;
    this.current = null;
    if (!current || this.ahead.includes(current)) return;
    this.ahead.splice(this.ahead.filter((entry) => entry.opened).length, 0, current);
  }

  // A new round has proposals: fetch the words ahead anew, keeping the one in hand and those with work in them. One in
  // hand that has no boxes, because it came before the first round, is fetched anew as well.
  async refresh(other = false) {
    this.generation += 1; // what is being fetched now is old
    const touched = (entry) => entry.undo.length > 0 || entry.opened;
    const stays = (entry) => touched(entry) || (entry === this.current && !other && entry.word.round !== null);
    await this.fetch((words) => {
      this.ahead = this.ahead.filter(touched);
      if (this.current && !stays(this.current)) this.current = null;
      this.add(words);
    }, stays);
  }

  // Another queue: what is ahead comes from that, what was begun or opened stays.
  async restart() {
    this.exhausted = false;
    await this.refresh(true);
  }

  async fetch(take, keep = () => true) {
    const generation = this.generation;
    const held = [this.current, ...this.ahead].filter((entry) => entry && keep(entry)).map((entry) => entry.word.id);
    const excluded = [...new Set([...held, ...this.outbox.wordIds(), ...this.skipped, ...this.seen()])].slice(0, MOST_EXCLUDED);
    this.fetching = true;
    await this.drafts.look();
    const asked = this.queue.search ? `&${this.queue.search}` : "";
    const { ok, answer } = await ask(`/api/queue?limit=${AHEAD}&exclude=${excluded.join(",")}${asked}`);
    if (generation !== this.generation) return;
    this.fetching = false;
    this.failed = !ok;
    if (ok) {
      take(answer.words);
      this.exhausted = answer.words.length === 0 && !answer.full;
      this.elsewhere = answer.elsewhere ?? 0;
    }
    this.changed();
  }

  // Words decided in this visit, where the queue would give them again.
  seen() {
    return this.queue.again ? this.past.map((entry) => entry.word.id) : [];
  }

  // Put the next word in hand; null if there is none (yet), or one that comes before the queue is on its way (`waits`).
  next(waits = false) {
    this.current = waits ? null : (this.ahead.shift() ?? null);
    this.refill();
    return this.current;
  }

  // Leave out a word that was decided elsewhere, unless there is work in it. True if it is the one in hand.
  leave(id) {
    const gone = (entry) => entry?.word.id === id && !entry.undo.length && !entry.redo.length;
    this.ahead = this.ahead.filter((entry) => !gone(entry));
    return gone(this.current);
  }

  // A decision about the word in hand is in the outbox: later ones build on it.
  decided(entry, uuid, said) {
    entry.base = { id: null, uuid };
    if (said.kind === "skip") this.skipped.add(entry.word.id);
    entry.redo = [];
    this.past.push({ entry, said });
    this.drafts.forget(entry);
  }

  // Take up the last decided word again, as the decision `uuid` takes back what was said of it. What is in hand waits as
  // the next one.
  back(uuid) {
    const last = this.past.pop();
    const { entry } = last;
    if (this.current) this.ahead.unshift(this.current);
    this.current = entry;
    this.undone.push(last);
    this.skipped.delete(entry.word.id);
    entry.base = { id: null, uuid };
  }

  skippedAgain() {
    if (this.fetching) return;
    this.skipped.clear();
    return this.refill(true);
  }

  // Somebody else decided about a word with unfinished work in it: that is sent like a decision, and shown beside theirs.
  // Where there are several drafts, the others wait for the next visit; where there is no room, all of them.
  dispute(entry) {
    const [draft, ...later] = entry.unfit;
    if (!draft) return;
    const { word } = entry;
    if (draft.key === word.key && draft.characters) {
      const marks = draft.text?.marks ?? draft.touched.map((mark) => mark ?? { state: "untouched", box: null });
      const imported = draft.characters.join("\0") === word.imported.join("\0");
      const said = { kind: "boxes", characters: marks.map(({ state, box }) => ({ state, box })), reason: "" };
      const about = { ...word, text: draft.characters.join(""), imported: word.imported.join("") };
      const decision = { word_id: word.id, word_key: word.key, ...said, text: imported ? null : draft.characters, base_id: draft.base };
      try {
        this.outbox.add({ ...decision, round_id: word.round_id }, null, about);
      } catch {
        return;
      }
    } // else it is of another project, or of an older page
    entry.unfit = later;
    entry.others = entry.others.filter((each) => each !== draft);
    if (entry.undo.length) this.drafts.remember(entry);
    else this.drafts.forget(entry);
  }
}
