// Who is logged in: what they may do, the menu with their name, and keeping the words of this page in their hands.
// Where nobody logs in, everybody may do what an owner may.

import { ask } from "./asking.js";
import { mountHistory } from "./history.js";
import { listen } from "./status.js";

const RENEW_MS = 60000;
const RESTING_MS = 300000; // who touches nothing for so long may have gone

const RANKS = ["reader", "annotator", "owner"];
let role = null;
let touched = Date.now();

// Whether the person may do what `least` may; as long as the server has not said who it is, there is nothing to do it to.
export function may(least) {
  return role === null || RANKS.indexOf(role) >= RANKS.indexOf(least);
}

export function mount(element, signal) {
  const part = (name) => element.querySelector(`[data-role=${name}]`);
  const menu = part("who");
  mountHistory(element, signal);
  listen((status) => {
    if (!status) return;
    role = status.person?.role ?? "owner";
    document.documentElement.dataset.clMay = role; // frame.css hides what needs more
    menu.hidden = !status.person;
    if (!status.person) return;
    part("who-name").textContent = status.person.name;
    part("who-role").textContent = `${status.person.name}, ${status.person.role}`;
  }, signal);
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  document.addEventListener("pointerdown", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  }, { signal });
  for (const name of ["keydown", "pointerdown", "pointermove"]) {
    document.addEventListener(name, () => (touched = Date.now()), { passive: true, capture: true, signal });
  }
  const timer = setInterval(renew, RENEW_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}

function renew() {
  const words = window.charloc?.words;
  if (!words || !document.querySelector("[data-role=who]:not([hidden])") || Date.now() - touched > RESTING_MS) return;
  const ids = [words.current, ...words.ahead].filter((entry) => entry?.word.lease).map((entry) => entry.word.id);
  if (!ids.length) return;
  ask("/api/leases/renew", { ids: ids.slice(0, 100) }); // if it is not heard, the next one may be
}

// Decisions and unfinished work from the time before there were people: they are whoever logs in first in this browser.
export function adopt({ project, person }) {
  if (!person) return;
  const before = `charloc.${project.id.slice(0, project.id.lastIndexOf("."))}.`;
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(before) && /^(outbox|draft)\./.test(key.slice(before.length)));
  for (const key of keys) {
    const mine = `charloc.${project.id}.${key.slice(before.length)}`;
    if (localStorage.getItem(mine) === null) localStorage.setItem(mine, localStorage.getItem(key));
    localStorage.removeItem(key);
  }
}
