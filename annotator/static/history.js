// The history of a word: who said what, and when. Opened from anywhere with `showHistory`.

import { ask } from "./asking.js";
import { make } from "./elements.js";
import { inWords, version } from "./versions.js";

const PURPOSES = { second: "a second reading", check: "a check", audit: "an audit" };

export function showHistory(word) {
  window.dispatchEvent(new CustomEvent("charloc:history", { detail: { word } }));
}

export function mountHistory(root, signal) {
  const part = (role) => root.querySelector(`[data-role=${role}]`);
  const dialog = part("history");
  let word = null;

  window.addEventListener("charloc:history", ({ detail }) => root.isConnected && open(detail.word), { signal });

  async function open(id) {
    const { ok, answer, detail } = await ask(`/api/words/${id}/history`);
    if (!ok) return unknown(detail);
    word = answer;
    part("history-open").hidden = false;
    dialog.querySelector("h2").textContent = `History of “${word.text}”`;
    part("entries").replaceChildren(...word.history.map(entry), ...(word.history.length ? [] : [nothing()]));
    part("use-check").hidden = word.check !== false || !word.history.some((each) => each.id === word.in_force && each.kind === "boxes");
    part("history-said").textContent = word.check ? "People are checked with this word." : "";
    if (!dialog.open) dialog.showModal();
  }

  function unknown(detail) {
    part("history-said").textContent = detail;
    if (dialog.open) return;
    dialog.querySelector("h2").textContent = "History";
    part("entries").replaceChildren();
    part("use-check").hidden = part("history-open").hidden = true;
    dialog.showModal();
  }

  function nothing() {
    return make("li", "", "Nobody has said anything about this word yet.");
  }

  function entry(each) {
    const at = new Date(each.created_at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    const line = make("p", "", make("b", "", each.author || "somebody"), " ", make("time", { dateTime: each.created_at }, at));
    const holds = each.purpose === "main" && each.id === word.in_force;
    if (holds || PURPOSES[each.purpose]) {
      line.append(" ", make("small", holds ? "cl-holds" : "", holds ? "holds now" : PURPOSES[each.purpose]));
    }
    const made = make("li", "", line, make("p", "", inWords(each)));
    if (each.kind === "boxes") made.append(version(word, each));
    return made;
  }

  part("use-check").addEventListener("click", async () => {
    const { ok, detail } = await ask("/api/people/checks", { source: "words", words: [word.id] });
    await open(word.id);
    if (!ok) part("history-said").textContent = detail;
  });
  part("history-open").addEventListener("click", () => {
    dialog.close();
    window.dispatchEvent(new CustomEvent("charloc:open", { detail: { words: [word.id], from: "history" } }));
  });
  part("history-close").addEventListener("click", () => dialog.close());
}
