// The bar at the top: the project's name, and training a round: method, button, progress, cancel.

import { listen, poll } from "./status.js";

const PHASES = { prepare: "reading words", learn: "learning", localize: "finding characters", save: "saving" };

export function mount(element, methods) {
  const part = (role) => element.querySelector(`[data-role=${role}]`);
  const train = part("train");
  let posting = false;
  let complaint = "";
  let job = null;

  part("method").replaceChildren(...methods.map(option));
  part("method").addEventListener("change", () => localStorage.setItem("charloc.method", part("method").value));
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
    train.dataset.state = busy ? "busy" : job.state;
    part("start").disabled = posting || busy;
    part("method").disabled = posting || busy;
    part("start").textContent = job.state === "interrupted" ? `Resume round ${job.number}` : "Train a round";
    part("cancel").textContent = job.state === "interrupted" ? "Give it up" : "Cancel";
    part("cancel").disabled = posting || job.cancelling || job.state === "starting";
    part("phase").textContent = busy ? phaseText(job) : "";
    part("progress").toggleAttribute("data-open", busy && !job.total);
    if (job.total) part("progress").value = job.done / job.total;
    else part("progress").removeAttribute("value");
    const trouble = complaint || (job.state === "failed" ? job.message : "");
    part("note").textContent = trouble || (job.state === "interrupted" ? `Round ${job.number} was interrupted` : "");
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

function option({ name, summary }) {
  const made = document.createElement("option");
  made.value = name;
  made.textContent = name;
  made.title = summary;
  return made;
}

function phaseText(job) {
  if (job.state === "starting") return "Starting …";
  if (job.cancelling) return `Round ${job.number}: stopping …`;
  const share = job.total ? ` ${Math.floor((100 * job.done) / job.total)} %` : "";
  return `Round ${job.number}: ${PHASES[job.phase] ?? (job.phase || "starting")}${share}`;
}
