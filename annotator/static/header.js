// The bar at the top: the project's name, and training a round: method, button, progress, cancel.

import { ask } from "./asking.js";
import { make } from "./elements.js";
import { mountOnce } from "./mounting.js";
import { bindPageTabs } from "./pagetabs.js";
import { setting } from "./settings.js";
import { mount as mountSession } from "./session.js";
import { listen, poll } from "./status.js";

const AWAY = "The server cannot be reached. This page goes on when it is there again.";
const PHASES = {
  look: "looking at pictures",
  prepare: "reading words",
  learn: "learning",
  measure: "measuring",
  localize: "finding characters",
  save: "saving",
};

export function mount(element, methods) {
  mountOnce("header", element.querySelector("header"), (root, signal) => bind(root, methods, signal));
}

function bind(element, methods, signal) {
  const part = (role) => element.querySelector(`[data-role=${role}]`);
  const train = part("train");
  mountSession(element, signal);
  bindPageTabs(signal);
  let posting = false;
  let complaint = "";
  let job = null;
  let away = false;

  fill(part("method"), methods);
  part("method").addEventListener("change", () => {
    setting("charloc.method", part("method").value);
    draw();
  });
  const remembered = localStorage.getItem("charloc.method");
  if (methods.some((method) => method.name === remembered)) part("method").value = remembered;

  part("start").addEventListener("click", () => send("/api/rounds", { method: part("method").value }));
  part("cancel").addEventListener("click", () => send("/api/rounds/current/cancel", {}));

  async function send(path, body) {
    if (posting) return;
    posting = true;
    complaint = "";
    draw();
    complaint = (await ask(path, body)).detail;
    posting = false;
    await poll();
    draw();
  }

  function draw() {
    drawNote();
    if (!job) return;
    const busy = job.state === "running" || job.state === "starting";
    const interrupted = job.state === "interrupted";
    train.dataset.state = busy ? "busy" : job.state;
    part("start").disabled = posting || busy;
    // The interrupted round goes on as it was begun: there is nothing to choose.
    part("method").disabled = posting || busy || interrupted;
    const chosen = methods.find((method) => method.name === part("method").value);
    part("method").title = `Method of the next round: ${chosen.summary}`;
    const begin = chosen.learns ? "Train a round" : "Run a round";
    part("start").textContent = interrupted ? `Resume round ${job.number}` : begin;
    part("start").title = interrupted ? `Round ${job.number} (${job.method}) goes on as it was begun` : "";
    part("cancel").textContent = interrupted ? "Give it up" : "Cancel";
    part("cancel").disabled = posting || job.cancelling || job.state === "starting";
    part("phase").textContent = busy ? phaseText(job) : "";
    part("progress").toggleAttribute("data-open", busy && !job.total);
    if (job.total) part("progress").value = job.done / job.total;
    else part("progress").removeAttribute("value");
  }

  function drawNote() {
    const trouble = away ? AWAY : complaint || (job?.state === "failed" ? job.message : "");
    const interrupted = job?.state === "interrupted" ? `Round ${job.number} was interrupted` : "";
    part("note").textContent = part("note").title = trouble || interrupted;
    train.classList.toggle("cl-trouble", Boolean(trouble));
    train.toggleAttribute("data-away", away);
  }

  listen((status) => {
    away = !status;
    if (away) return draw();
    job = status.job;
    part("project").textContent = status.project.name;
    part("project").title = status.project.name;
    if (job.state !== "idle") complaint = "";
    draw();
  }, signal);
}

// The menu: methods that learn, then those that do not. What each does stands below its name where a browser can show
// more than a line in a menu, and else is told when the pointer rests on it.
function fill(select, methods) {
  const rich = CSS.supports("appearance", "base-select");
  if (rich) {
    select.append(make("button", "", make("selectedcontent")));
  }
  for (const [label, learns] of [["Learn", true], ["Do not learn", false]]) {
    const those = methods.filter((method) => method.learns === learns).map((method) => option(method, rich));
    const group = make("optgroup", { label }, ...those);
    if (group.children.length) select.append(group);
  }
}

function option({ name, summary }, rich) {
  const says = rich ? [make("b", "", name), make("small", "", summary)] : [name];
  return make("option", { value: name, title: summary }, ...says);
}

function phaseText(job) {
  if (job.state === "starting") return "Starting …";
  if (job.cancelling) return `Round ${job.number}: stopping …`;
  const share = job.total ? ` ${Math.floor((100 * job.done) / job.total)} %` : "";
  return `Round ${job.number}: ${PHASES[job.phase] ?? (job.phase || "starting")}${share}`;
}
