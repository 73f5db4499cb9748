// The bar at the top: the project's name, and training a round: method, button, progress, cancel.

import { setting } from "./settings.js";
import { mount as mountSession } from "./session.js";
import { listen, poll } from "./status.js";

const PHASES = {
  prepare: "reading words",
  learn: "learning",
  measure: "measuring",
  localize: "finding characters",
  save: "saving",
};

export function mount(element, methods) {
  const part = (role) => element.querySelector(`[data-role=${role}]`);
  const train = part("train");
  mountSession(element);
  let posting = false;
  let complaint = "";
  let job = null;

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
    try {
      const headers = { "content-type": "application/json" };
      const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
      if (!response.ok) complaint = (await response.json()).detail;
    } catch {
      complaint = "The server cannot be reached. Start it again, then try once more.";
    }
    posting = false;
    await poll();
    draw();
  }

  function draw() {
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
    const trouble = complaint || (job.state === "failed" ? job.message : "");
    part("note").textContent = trouble || (interrupted ? `Round ${job.number} was interrupted` : "");
    part("note").title = part("note").textContent;
    train.classList.toggle("cl-trouble", Boolean(trouble));
  }

  listen((status) => {
    if (!status) return;
    job = status.job;
    part("project").textContent = status.project.name;
    part("project").title = status.project.name;
    if (job.state !== "idle") complaint = "";
    draw();
  });
}

// The menu: methods that learn, then those that do not. What each does stands below its name where a browser can show
// more than a line in a menu, and else is told when the pointer rests on it.
function fill(select, methods) {
  const rich = CSS.supports("appearance", "base-select");
  if (rich) {
    const closed = make("button");
    closed.append(make("selectedcontent"));
    select.append(closed);
  }
  for (const [label, learns] of [["Learn", true], ["Do not learn", false]]) {
    const group = make("optgroup");
    group.label = label;
    group.append(...methods.filter((method) => method.learns === learns).map((method) => option(method, rich)));
    if (group.children.length) select.append(group);
  }
}

function option({ name, summary }, rich) {
  const made = make("option");
  made.value = name;
  made.title = summary;
  made.append(rich ? make("b", name) : name);
  if (rich) made.append(make("small", summary));
  return made;
}

function make(tag, text = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function phaseText(job) {
  if (job.state === "starting") return "Starting …";
  if (job.cancelling) return `Round ${job.number}: stopping …`;
  const share = job.total ? ` ${Math.floor((100 * job.done) / job.total)} %` : "";
  return `Round ${job.number}: ${PHASES[job.phase] ?? (job.phase || "starting")}${share}`;
}
