// The table of rounds, newest first.

import { listen } from "./status.js";

const NONE = "–";

export function mount(element) {
  const rows = element.querySelector("[data-role=rows]");
  const none = element.querySelector("[data-role=none]");
  let shown = "";

  async function load() {
    const response = await fetch("/api/rounds").catch(() => null);
    if (!response?.ok) return;
    const { rounds } = await response.json();
    rows.replaceChildren(...rounds.map(row));
    element.querySelector("table").hidden = rounds.length === 0;
    none.hidden = rounds.length > 0;
    none.textContent = "No round yet. “Train a round” makes first proposals, then learns from them.";
  }

  listen((status) => {
    if (!status) return;
    // What is shown changes only with these; the header shows the progress itself.
    const now = JSON.stringify([status.newest?.id, status.job.state, status.job.number, status.job.phase]);
    if (now === shown) return;
    shown = now;
    load();
  });
}

function row(round) {
  const made = document.createElement("tr");
  made.dataset.state = round.state;
  const judged = round.prequential;
  const cells = [
    String(round.number),
    round.method,
    round.state,
    round.finished_at ? new Date(round.finished_at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) : NONE,
    number(round.words || null, 0),
    number(round.moved, 0),
    number(round.log_likelihood, 2),
    judged?.chars ? `${judged.wrong} of ${judged.chars} (${number((100 * judged.wrong) / judged.chars, 0)} %)` : NONE,
    judged?.chars ? `${number(judged.centre_h, 3)} h` : NONE,
    duration(round.seconds),
    number(round.words_per_s, 0),
  ];
  made.append(
    ...cells.map((text) => {
      const cell = document.createElement("td");
      cell.textContent = text;
      return cell;
    }),
  );
  if (round.message) made.title = round.message;
  return made;
}

function number(value, digits) {
  if (value === null || value === undefined) return NONE;
  return value.toLocaleString([], { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function duration(seconds) {
  if (seconds === null) return NONE;
  return seconds < 60 ? `${number(seconds, 1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
