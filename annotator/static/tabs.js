// Which tab of the browser this is, and which others are still there. A tab that is reloaded stays the same one.

import { newUuid } from "./outbox.js";

const KEY = "charloc.tab"; // in sessionStorage: a tab's own
const LOCK = "charloc.tab.";
const TRIES = 10; // for the page before, in the same tab, to let go
const TRY_MS = 30;
// Where the browser has no locks (it has them only over https and on this machine), each tab says now and then that it
// lives. Browsers let hidden tabs do so once a minute.
const BEAT = "charloc.beat.";
const BEAT_MS = 15000;
const GONE_MS = 150000;

let known = null;

// This tab's name. One that was duplicated gets another than the tab it was made from.
export function tab() {
  known ??= navigator.locks ? byLock() : byBeat();
  return known;
}

// The names of all tabs that live, this one included.
export async function living() {
  const mine = await tab();
  if (!navigator.locks) return new Set([mine, ...beating()]);
  const { held } = await navigator.locks.query();
  return new Set([mine, ...held.filter(({ name }) => name.startsWith(LOCK)).map(({ name }) => name.slice(LOCK.length))]);
}

async function byLock() {
  const before = sessionStorage.getItem(KEY);
  for (let k = 0; before && k < TRIES; k += 1) {
    if (await hold(before)) return before;
    await new Promise((done) => setTimeout(done, TRY_MS));
  }
  const fresh = named();
  await hold(fresh);
  return fresh;
}

// Take a tab's lock until this page is gone; false if another has it.
function hold(name) {
  return new Promise((taken) => {
    navigator.locks.request(LOCK + name, { ifAvailable: true }, (lock) => {
      taken(Boolean(lock));
      return lock && new Promise(() => {});
    }).catch(() => taken(false)); // the page is going, or the browser keeps nothing for it
  });
}

async function byBeat() {
  const before = sessionStorage.getItem(KEY);
  const mine = before && !beating().has(before) ? before : named();
  const beat = () => {
    try {
      localStorage.setItem(BEAT + mine, Date.now());
    } catch {
      // full: unfinished work cannot be kept either
    }
  };
  beat();
  setInterval(beat, BEAT_MS);
  window.addEventListener("pageshow", beat);
  window.addEventListener("pagehide", () => localStorage.removeItem(BEAT + mine));
  return mine;
}

function beating() {
  const names = Object.keys(localStorage).filter((key) => key.startsWith(BEAT));
  const lives = (key) => Date.now() - Number(localStorage.getItem(key)) < GONE_MS;
  names.filter((key) => !lives(key)).forEach((key) => localStorage.removeItem(key));
  return new Set(names.filter(lives).map((key) => key.slice(BEAT.length)));
}

function named() {
  const name = newUuid();
  try {
    sessionStorage.setItem(KEY, name);
  } catch {
    // full: after a reload this is another tab, which takes over from this one
  }
  return name;
}
