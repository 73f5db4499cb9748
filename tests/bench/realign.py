"""Re-alignment while a character is dragged: how long a step takes, over HTTP, and what one pin repairs.

The person is simulated: of each word they take the character whose box is worst, or any where all are right, and drag
it in steps to where it truly is; every step waits for its answer, as the page does. Nothing else ever sees a true box.

python launch.py bench realign [--sets rendered_hard,rendered_line] [--words 60] [--steps 12] [--method pretrained]
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from annotator.rounds import cancel_round, start_round
from charloc.images import probe
from charloc.metrics import iou, to_array
from charloc.types import CharlocError, Pin
from db import Store
from tests.bench._person import true_pins
from tests.bench._sets import RIGHT_IOU, Set, load
from tests.bench.loop import LAUNCH, served

SETS = ("rendered_hard", "rendered_line", "lines_greek")
PEOPLE = 4
TRAINED_WORDS = 200
"""Of the project that is trained beside: enough for a round to outlast the steps."""
Json = dict[str, Any]


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench realign", description=__doc__)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--words", type=int, default=60, help="of each set, evenly spread")
    parser.add_argument("--steps", type=int, default=12, help="of each drag")
    parser.add_argument("--repeat", type=int, default=1, help="on a busy machine: of so many times the quickest counts")
    parser.add_argument("--no-training", action="store_true", help="leave out the steps beside a training round")
    parser.add_argument("--method", default="pretrained", help="whose proposals are corrected")
    options = parser.parse_args(argv)
    print("| set | what | steps | p50 ms | p95 ms | p99 ms | most ms | refused |\n|---|---|---|---|---|---|---|---|")
    worth: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.sets.split(","):
            data = load(name, options.words)
            project = Path(folder) / name
            _make(data, project, options.method)
            with served(project) as address:
                worth += _measure(data, address, options.steps, options.repeat)
                if not options.no_training:
                    _beside(data, address, options.steps, options.repeat, Path(folder) / f"{name}_trained")
    print("\n| set | words | wrong but for the one dragged | repaired | broken | right boxes moved by accepting one |")
    print("|---|---|---|---|---|---|")
    print("\n".join(worth))


def _make(data: Set, project: Path, method: str) -> None:
    """A project with the set's words, without their true boxes, and proposals."""
    with Store.open(project, create=True) as store:
        store.add_words((replace(each, boxes=None), *probe(each.image, each.name)) for each in data.truth)
    _launch("train", "--project", str(project), "--method", method, "--quiet")


def _launch(*words: str) -> None:
    subprocess.run([sys.executable, str(LAUNCH), *words], check=True)


class Page:
    """As much of the page as asks: one connection, its packets sent at once as a browser sends them."""

    def __init__(self, address: str) -> None:
        self._where = urlsplit(address)
        self._connect()

    def _connect(self) -> None:
        self._http = http.client.HTTPConnection(self._where.hostname or "", self._where.port)
        self._http.connect()
        self._http.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, method: str, path: str, body: Json | None = None) -> tuple[int, Json, float]:
        """Status, answer, seconds from the key to the answer."""
        started = time.perf_counter()
        try:
            self._http.request(method, path, None if body is None else json.dumps(body), _HEADERS)
            response = self._http.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):
            self._connect()  # the server closes a connection that nothing was asked on for seconds
            return self.ask(method, path, body)
        answer = json.loads(response.read())
        return response.status, answer, time.perf_counter() - started


_HEADERS = {"content-type": "application/json"}


@dataclass
class Times:
    """Seconds of the steps that were answered, and how many were refused (pins that contradict each other)."""

    seconds: list[float] = field(default_factory=list)
    refused: int = 0

    def add(self, page: Page, drag: Drag, request: Json, repeat: int = 1) -> None:
        """Ask; of a step that is repeated the quickest counts."""
        asked = [page.ask("POST", drag.path, request) for _ in range(repeat)]
        status, answer, _ = asked[0]
        if status not in (200, 422):
            raise CharlocError(f"A step was answered with {status}: {answer}")
        self.seconds.append(min(seconds for _, _, seconds in asked))
        self.refused += status == 422

    def row(self, name: str, what: str) -> str:
        steps = len(self.seconds)
        p50, p95, p99, most = 1e3 * np.percentile(self.seconds or [np.nan], [50, 95, 99, 100])
        return f"| {name} | {what} | {steps} | {p50:.1f} | {p95:.1f} | {p99:.1f} | {most:.0f} | {self.refused} |"


@dataclass(frozen=True, eq=False)
class Drag:
    """A word on the page, the character that is dragged, and where it truly is."""

    word: Json
    pin: Pin
    pins: Sequence[Pin]

    @property
    def path(self) -> str:
        return f"/api/words/{self.word['id']}/realign"

    def step(self, share: float) -> Json:
        """The request when the character is that far on its way."""
        at = self.word["boxes"][self.pin.index] or self.pin.box
        assert self.pin.box is not None
        box = [a + share * (b - a) for a, b in zip(at, self.pin.box, strict=True)]
        marks: list[Json] = [{"state": "untouched"} for _ in self.word["characters"]]
        marks[self.pin.index] = {"state": "pinned", "box": box}
        return {"word_key": self.word["key"], "marks": marks, "seq": round(1000 * share)}

    def right(self, boxes: Sequence[Sequence[float] | None]) -> np.ndarray:
        """Of the characters with a true box, which are right."""
        overlap = iou(to_array([boxes[pin.index] for pin in self.pins]), to_array([pin.box for pin in self.pins]))
        return overlap >= RIGHT_IOU


def _drags(data: Set, page: Page) -> list[Drag]:
    """One for each word whose true boxes are known; where no set has them, the middle character goes 8 px right."""
    drags = []
    for index, (word, truth) in enumerate(zip(data.words, data.truth, strict=True)):
        shown = page.ask("GET", f"/api/words/{index + 1}")[1]
        assert shown["name"] == truth.name, (shown["name"], truth.name)
        pins = true_pins(word, truth)
        if pins:
            overlap = iou(to_array([shown["boxes"][pin.index] for pin in pins]), to_array([pin.box for pin in pins]))
            drags.append(Drag(shown, pins[int(np.argmin(overlap))], pins))
            continue
        placed = [i for i, box in enumerate(shown["boxes"]) if box is not None]
        if placed:
            x0, y0, x1, y1 = shown["boxes"][placed[len(placed) // 2]]
            right = min(8.0, shown["width"] - x1)
            drags.append(Drag(shown, Pin(placed[len(placed) // 2], (x0 + right, y0, x1 + right, y1)), ()))
    return drags


def _measure(data: Set, address: str, steps: int, repeat: int) -> list[str]:
    page = Page(address)
    drags = _drags(data, page)
    while not page.ask("POST", "/api/realign/warm", {"ids": []})[1]["ready"]:
        page.ask("POST", "/api/realign/warm", {"ids": [drags[0].word["id"]]})
        time.sleep(0.05)
    first, again, edits, together = Times(), Times(), Times(), Times()
    for drag in drags:
        first.add(page, drag, drag.step(1 / steps))
    shares = [(i + 1) / steps for i in range(steps)]
    for drag in drags:
        for share in shares:
            again.add(page, drag, drag.step(share), repeat)
    for drag in drags:
        text = drag.word["text"][1:] + drag.word["text"][:1]
        if text.strip():
            edits.add(page, drag, {"word_key": drag.word["key"], "text": text}, repeat)
    with ThreadPoolExecutor(PEOPLE) as pool:
        for times in pool.map(lambda i: _person(address, drags[i::PEOPLE], shares), range(PEOPLE)):
            together.seconds += times.seconds
            together.refused += times.refused
    print(first.row(data.name, "a word's first step, not made ready"))
    print(again.row(data.name, "later steps"))
    print(edits.row(data.name, "another transcript"))
    print(together.row(data.name, f"{PEOPLE} people at once"), flush=True)
    return [_worth(data.name, drags, page)] if any(drag.pins for drag in drags) else []


def _beside(data: Set, address: str, steps: int, repeat: int, trained: Path) -> None:
    """The same steps while a round learns, as the page starts one."""
    page, times = Page(address), Times()
    drags = _drags(data, page)
    _make(load(data.name, TRAINED_WORDS), trained, "guess")
    training = start_round(trained, "segmental")
    _wait_for_learning(trained)
    for drag in drags:
        for step in range(steps):
            if training.poll() is None:
                times.add(page, drag, drag.step((step + 1) / steps), repeat)
    with Store.open(trained) as store:
        cancel_round(store)
    training.wait()
    print(times.row(data.name, "beside a training round"), flush=True)


def _person(address: str, drags: Sequence[Drag], shares: Sequence[float]) -> Times:
    page, times = Page(address), Times()
    for drag in drags:
        for share in shares:
            times.add(page, drag, drag.step(share))
    return times


def _wait_for_learning(project: Path) -> None:
    with Store.open(project) as store:
        while True:
            unfinished = store.unfinished_round()
            if unfinished is not None and unfinished.phase == "learn":
                return
            time.sleep(0.1)


def _worth(name: str, drags: Sequence[Drag], page: Page) -> str:
    """What one pin in its true place does to a word's other characters, and what accepting a right box does to them."""
    words = wrong = repaired = broken = moved = right = 0
    for drag in drags:
        before = drag.word["boxes"]
        others = np.array([pin.index != drag.pin.index for pin in drag.pins])
        was = drag.right(before)
        if was.all():
            # Nothing to repair: the person accepts what is shown.
            marks: list[Json] = [{"state": "untouched"} for _ in before]
            marks[drag.pin.index] = {"state": "accepted", "box": before[drag.pin.index]}
            status, answer, _ = page.ask("POST", drag.path, {"word_key": drag.word["key"], "marks": marks})
            if status == 200:
                overlap = iou(to_array(answer["boxes"]), to_array(before))
                placed = [i for i, box in enumerate(before) if box is not None and i != drag.pin.index]
                moved += int((overlap[placed] < 0.9).sum())
                right += len(placed)
            continue
        status, answer, _ = page.ask("POST", drag.path, drag.step(1.0))
        words += 1
        wrong += int((~was & others).sum())
        if status == 200:
            now = drag.right(answer["boxes"])
            repaired += int((~was & now & others).sum())
            broken += int((was & ~now & others).sum())
    return f"| {name} | {words} | {wrong} | {repaired} | {broken} | {moved} of {right} |"
