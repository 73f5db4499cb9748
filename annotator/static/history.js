// The history of a word: who said what, and when. Opened from anywhere with `showHistory`.

import { inWords, version } from "./versions.js";

const PURPOSES = { second: "a second reading", check: "a check", audit: "an audit" };

export function showHistory(word) {
  window.dispatchEvent(new CustomEvent("charloc:history", { detail: { word } }));
}

export function mountHistory(root) {
  const part = (role) => root.querySelector(`[data-role=${role}]`);
  const dialog = part("history");
  let word = null;

  const listening = new AbortController();
  window.addEventListener("charloc:history", ({ detail }) => {
    if (!root.isConnected) return listening.abort();
    open(detail.word);
  }, { signal: listening.signal }); // prettier-ignore

  async function open(id) {
    const response = await fetch(`/api/words/${id}/history`).catch(() => null);
    const answer = await response?.json().catch(() => null);
    if (!response?.ok) return;
    word = answer;
    dialog.querySelector("h2").textContent = `History of “${word.text}”`;
    part("entries").replaceChildren(...word.history.map(entry), ...(word.history.length ? [] : [nothing()]));
    part("use-check").hidden = word.check !== false || !word.history.some((each) => each.id === word.in_force && each.kind === "boxes");
    part("history-said").textContent = word.check ? "People are checked with this word." : "";
    if (!dialog.open) dialog.showModal();
  }

  function nothing() {
    const made = document.createElement("li");
    made.textContent = "Nobody has said anything about this word yet.";
    return made;
  }

  function entry(each) {
    const made = document.createElement("li");
    const line = document.createElement("p");
    const who = document.createElement("b");
    who.textContent = each.author || "somebody";
    const when = document.createElement("time");
    when.dateTime = each.created_at;
    when.textContent = new Date(each.created_at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    line.append(who, " ", when);
    const holds = each.purpose === "main" && each.id === word.in_force;
    if (holds || PURPOSES[each.purpose]) {
      const sign = document.createElement("small");
      sign.textContent = holds ? "holds now" : PURPOSES[each.purpose];
      sign.className = holds ? "cl-holds" : "";
      line.append(" ", sign);
    }
    const says = document.createElement("p");
    says.textContent = inWords(each);
    made.append(line, says);
    if (each.kind === "boxes") made.append(version(word, each));
    return made;
  }

  part("use-check").addEventListener("click", async () => {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ source: "words", words: [word.id] });
    const response = await fetch("/api/people/checks", { method: "POST", headers, body }).catch(() => null);
    const answer = await response?.json().catch(() => null);
    await open(word.id);
    if (!response?.ok) part("history-said").textContent = answer?.detail ?? "The server cannot be reached.";
  });
  part("history-open").addEventListener("click", () => {
    dialog.close();
    window.dispatchEvent(new CustomEvent("charloc:open", { detail: { words: [word.id], from: "history" } }));
  });
  part("history-close").addEventListener("click", () => dialog.close());
}
