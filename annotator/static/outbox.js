// Decisions on their way to the server. Each is written to localStorage before anything else happens, under its own
// key (so that two tabs never overwrite each other's), and is taken out only once the server has it. The server stores
// a uuid once, so sending again is harmless.

const RETRY_S = [1, 2, 4, 8, 15];
const TIMEOUT_MS = 15000;
const MOST_FAILED = 3; // words, then the rest waits, too
const SETTLED_MS = 3000;
// These say something of the server or of who asks, nothing of the decision: it waits.
const PASSING = [401, 403, 408, 421, 425, 429];

export function newUuid() {
  if (crypto.randomUUID) return crypto.randomUUID(); // only where the page came over https or from this machine
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

export class Outbox {
  // project: the name under which this project's decisions wait. changed(): called whenever something here changed.
  // elsewhere(decision): another tab has decided. signal: aborts when another outbox takes over what waits.
  constructor(project, changed, elsewhere, signal) {
    this.prefix = `charloc.${project}.outbox.`;
    this.changed = changed;
    this.elsewhere = elsewhere;
    this.signal = signal;
    this.ids = new Map(); // uuid -> id of the stored correction
    this.failures = 0;
    this.failed = new Set(); // words whose decisions the server could not store
    this.away = false;
    this.problem = ""; // why the last attempt failed
    this.retryAt = 0;
    this.sending = false;
    window.addEventListener("online", () => this.sendSoon(), { signal });
    window.addEventListener("storage", (event) => this.onStorage(event), { signal });
  }

  onStorage({ key, oldValue, newValue }) {
    if (!key?.startsWith(this.prefix)) return;
    this.changed();
    if (newValue && !oldValue) this.elsewhere(JSON.parse(newValue).decision);
  }

  // All that waits, oldest first. `state`: "waiting"; "conflict" and "refused" need a person.
  items() {
    const found = [];
    for (let i = 0; i < localStorage.length; i += 1) {
      const key = localStorage.key(i);
      if (!key.startsWith(this.prefix)) continue;
      try {
        found.push({ ...JSON.parse(localStorage.getItem(key)), key });
      } catch {
        continue; // taken out by another tab between the two lines, or not ours
      }
    }
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  waiting() {
    return this.items().filter((item) => item.state === "waiting");
  }

  troubles() {
    return this.items().filter((item) => item.state !== "waiting");
  }

  // Keep a decision; throws if the browser's storage refuses. `after`: uuid of the decision this one revises, where its
  // id is not known yet. `about` is what a person needs to recognise it. Returns its uuid.
  add(decision, after, about) {
    const uuid = newUuid();
    const item = { state: "waiting", decision: { ...decision, uuid }, after, about };
    // Time first, so that keys sort in the order of decisions; a counter within one millisecond.
    this.count = (this.count ?? 0) + 1;
    const key = `${this.prefix}${String(Date.now()).padStart(15, "0")}.${String(this.count).padStart(6, "0")}.${uuid}`;
    localStorage.setItem(key, JSON.stringify(item));
    this.changed();
    this.sendSoon();
    return uuid;
  }

  // Ids of the words that have a decision here, which the server may not know of yet.
  wordIds() {
    return this.items().map((item) => item.decision.word_id);
  }

  // Wait until the server has what was decided about these words; not for ever, it may be away.
  async settled(ids) {
    const until = Date.now() + SETTLED_MS;
    const open = () => this.waiting().some((item) => ids.includes(item.decision.word_id));
    while (open() && Date.now() < until) await new Promise((done) => setTimeout(done, 20));
  }

  sendSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), 0);
  }

  // Send all that waits, in order; one tab at a time where the browser can arrange that.
  async send() {
    if (this.sending || this.signal.aborted) return;
    this.sending = true;
    try {
      await (navigator.locks ? navigator.locks.request(this.prefix, () => this.sendAll()) : this.sendAll());
    } finally {
      this.sending = false;
      if (!this.failures && this.waiting().length) this.sendSoon();
    }
  }

  async sendAll() {
    clearTimeout(this.timer);
    // A server that cannot store what was said of one word may well store the rest: what failed last is sent last.
    const failed = new Set();
    const next = () => {
      const left = this.waiting().filter((item) => !failed.has(item.decision.word_id));
      return left.find((item) => !this.failed.has(item.decision.word_id)) ?? left[0];
    };
    for (let item = next(); item && failed.size < MOST_FAILED; item = next()) {
      const { word_id: id } = item.decision;
      const answer = await this.post(item);
      if (!answer && this.away) return this.retryLater();
      if (!answer) {
        failed.add(id);
        this.failed.add(id);
        continue;
      }
      this.failed.delete(id);
      try {
        this.settle(item, answer);
      } catch {
        this.problem = "This browser's storage is full";
        return this.retryLater();
      }
      this.changed();
    }
    if (failed.size) return this.retryLater();
    this.failures = 0;
    this.problem = "";
    this.changed();
  }

  settle(item, answer) {
    if (answer.correction && answer.status === 200) this.stored(item, answer.correction);
    else if (answer.status === 409 && item.after && answer.correction?.uuid === item.after) this.revise(item, answer.correction.id);
    else if (answer.status === 409) this.conflict(item, answer);
    else this.keep({ ...item, state: "refused", detail: answer.detail });
  }

  // The server's answer, or null if it did not get as far as an answer. `away`: nor would any other decision.
  async post(item) {
    const decision = { ...item.decision };
    if (item.after) decision.base_id = this.ids.get(item.after) ?? decision.base_id;
    try {
      const response = await fetch(decision.audit ? "/api/audits/answers" : "/api/corrections", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(decision),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      this.away = PASSING.includes(response.status);
      if (response.status >= 500 || this.away) {
        this.problem = (await response.json().catch(() => ({}))).detail ?? `The server answers ${response.status}`;
        return null;
      }
      return { ...(await response.json()), status: response.status };
    } catch {
      this.away = true; // also where it was killed in the middle of its answer
      this.problem = "The server cannot be reached";
      return null;
    }
  }

  stored(item, correction) {
    this.ids.set(item.decision.uuid, correction.id);
    localStorage.removeItem(item.key);
    // Later decisions that build on this one learn its id now, and for good: the page may be gone before they are sent.
    for (const later of this.waiting().filter((each) => each.after === item.decision.uuid)) this.revise(later, correction.id);
  }

  // What a decision builds on is known now. (That another tab had sent it is learned from the conflict with it.)
  revise(item, id) {
    this.keep({ ...item, after: null, decision: { ...item.decision, base_id: id } });
  }

  // Somebody else decided meanwhile: both versions wait for a person. Of several of ours on the word the last counts.
  conflict(item, answer) {
    const ours = this.waiting().filter((each) => each.decision.word_id === item.decision.word_id);
    const last = ours.at(-1) ?? item;
    this.keep({ ...last, state: "conflict", detail: answer.detail, theirs: answer.correction });
    ours.filter((each) => each.key !== last.key).forEach((each) => localStorage.removeItem(each.key));
  }

  // A person chose our version of a conflict: it is said again, on top of theirs.
  insist(item) {
    const { uuid, lease, ...decision } = item.decision;
    this.add({ ...decision, base_id: item.theirs?.id ?? null }, null, item.about);
    this.drop(item);
  }

  // Send one again that was refused.
  again(item) {
    this.keep({ ...item, state: "waiting", detail: undefined });
    this.changed();
    this.sendSoon();
  }

  drop(item) {
    localStorage.removeItem(item.key);
    this.changed();
  }

  keep({ key, ...item }) {
    localStorage.setItem(key, JSON.stringify(item));
  }

  retryLater() {
    const wait = RETRY_S[Math.min(this.failures, RETRY_S.length - 1)];
    this.failures += 1;
    this.retryAt = Date.now() + wait * 1000;
    this.timer = setTimeout(() => this.send(), wait * 1000);
    this.changed();
  }
}
