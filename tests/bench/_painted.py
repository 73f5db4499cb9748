"""What the page shows and when: from a key or a step of the pointer to the first frame that shows what came of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from playwright.sync_api import Page

# A frame is painted after the callbacks of requestAnimationFrame; the first message after them comes after the paint.
WATCH = """() => {
  const log = window.painted = [];
  const afterPaint = (then) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => then(performance.now());
    port2.postMessage(0);
  });
  addEventListener('keydown', (event) => {
    const from = event.timeStamp, before = charloc.entry?.word.id;
    afterPaint((now) => log.push({ ms: now - from, changed: charloc.entry?.word.id !== before,
      whole: Boolean(charloc.entry?.image.complete && charloc.stage.entry === charloc.entry) }));
  }, true);

  const moves = window.moves = [], steps = window.steps = [];
  let latest = 0;
  addEventListener('pointermove', (event) => {
    latest = event.timeStamp;
    if (charloc.stage.drag) afterPaint((now) => moves.push(now - event.timeStamp));
  }, true);
  const { live } = charloc, solve = live.solve.bind(live), apply = live.apply;
  let begun = 0, step = 0;
  live.solve = async (entry) => {
    begun = performance.now(); step = latest;
    const answer = await solve(entry);
    return answer;
  };
  live.apply = (...solved) => {
    const solvedIn = performance.now() - begun, since = step;
    apply(...solved);
    afterPaint((now) => steps.push({ solved: solvedIn, painted: now - since }));
  };
}"""


class MainThread:
    """The time that the page's main thread works, by its own clock: what else the machine does is not in it."""

    def __init__(self, page: Page) -> None:
        self._devtools = page.context.new_cdp_session(page)
        self._devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._begun = self._now()

    def _now(self) -> float:
        metrics = self._devtools.send("Performance.getMetrics")["metrics"]
        return next(float(each["value"]) for each in metrics if each["name"] == "TaskDuration")

    def ms(self) -> float:
        """Since it was made."""
        return 1000 * (self._now() - self._begun)


def slow_network(page: Page, latency_ms: float) -> None:
    """Every answer comes that much later, as over a network (Chromium's own emulation)."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    conditions = {"offline": False, "latency": latency_ms, "downloadThroughput": -1, "uploadThroughput": -1}
    devtools.send("Network.emulateNetworkConditions", conditions)


def round_trip_ms(page: Page, times: int = 9) -> float:
    """Median time of an empty request, as the page sees it."""
    script = """async (times) => { const all = []; for (let k = 0; k < times; k += 1) { const from = performance.now();
      await fetch('/api/status').then((r) => r.text()); all.push(performance.now() - from); } return all; }"""
    return float(np.median(page.evaluate(script, times)))


def spread(values: Sequence[float]) -> str:
    """p50, p95 and p99, and of how many."""
    p50, p95, p99 = np.percentile(values, [50, 95, 99])
    return f"{p50:.1f} / {p95:.1f} / {p99:.1f} (n = {len(values)})"
