// One poll of /api/status for the whole page: how far the project is, and the round that is running.

import { adopt } from "./session.js";

const RESTING_MS = 5000;
const WATCHING_MS = 1000;

const listeners = new Set();
let latest = null; // the last answer; null until there is one
let timer = null;
let asking = null;

// Call `listener(status)` on every answer, and with null when the server cannot be reached; until `signal` aborts.
export function listen(listener, signal) {
  if (signal.aborted) return;
  listeners.add(listener);
  signal.addEventListener("abort", () => listeners.delete(listener));
  if (latest) listener(latest);
  if (!timer && !asking) poll();
}

// Call `load()` whenever `what(status)`, a text, is another one; at the next answer again where it resolves to false.
export function follow(what, load, signal) {
  let loaded = "";
  listen(async (status) => {
    const now = status && what(status);
    if (!now || now === loaded) return;
    loaded = now;
    if ((await load()) === false && loaded === now) loaded = "";
  }, signal);
}

// Ask now, and from then on as usual.
export function poll() {
  asking ??= ask().finally(() => {
    asking = null;
    clearTimeout(timer);
    const busy = latest && ["running", "starting"].includes(latest.job.state);
    timer = setTimeout(poll, busy ? WATCHING_MS : RESTING_MS);
  });
  return asking;
}

async function ask() {
  if (document.hidden && latest) return;
  let status = null;
  try {
    const response = await fetch("/api/status", { signal: AbortSignal.timeout(10000) });
    if (response.ok) status = await response.json();
    if (status && !latest) adopt(status);
  } catch {
    // told to the listeners as null
  }
  if (status) latest = status;
  listeners.forEach((listener) => listener(status));
}

document.addEventListener("visibilitychange", () => !document.hidden && poll());
