"""The whole loop on a real set: import, guess, rounds, corrections in a real browser, one more round, export.

The person is simulated: for each word the queue offers they look at the true boxes, drag the edges of every character
whose box overlaps its true one by less than 0.7, and accept the rest. Nothing else ever sees a true box.

python launch.py bench loop [--set irish] [--rounds 2] [--corrections 20] [--project DIR]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from charloc.formats.jsonl import parse_row, parse_truth
from charloc.metrics import iou, scores, word_errors
from charloc.types import Box
from tests.bench._sets import ROOT, data_folder
from tests.browser.browsers import launch_chromium
from tests.browser.looking import all_saved, drag, marks, on_screen, ready

LAUNCH = ROOT / "launch.py"
GOOD_ENOUGH = 0.7
Truth = dict[str, tuple[str, Sequence[Box | None], frozenset[int]]]


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench loop", description=__doc__)
    parser.add_argument("--set", default="irish")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--corrections", type=int, default=20)
    parser.add_argument("--project", type=Path, help="keep the project here (a new folder)")
    options = parser.parse_args(argv)
    source = data_folder() / options.set
    truth = _truth(source / "words.jsonl")
    with tempfile.TemporaryDirectory() as temporary:
        project = options.project or Path(temporary) / "project"
        print("| step | seconds | word50 | r50 | pck25 |\n|---|---|---|---|---|")
        _step("import", project, truth, "import", str(source))
        _step("guess", project, truth, "guess")
        for number in range(options.rounds):
            _step(f"round {number + 1}", project, truth, "train")
        started = time.perf_counter()
        edges = _correct(project, truth, options.corrections)
        seconds = time.perf_counter() - started
        name = f"{options.corrections} words corrected in Chromium, {edges} edges dragged"
        print(f"| {name} | {seconds:.1f} | {_score(project, truth)} |")
        _step("one more round", project, truth, "train")
        subprocess.run([sys.executable, str(LAUNCH), "status", "--project", str(project)], check=True)


def _truth(path: Path) -> Truth:
    found: Truth = {}
    for line in path.read_bytes().splitlines():
        row = parse_row(line)
        text, boxes, approx = parse_truth(row)
        if boxes:
            found[str(row["image"])] = (text, boxes, frozenset(approx))
    return found


def _step(name: str, project: Path, truth: Truth, command: str, *more: str) -> None:
    started = time.perf_counter()
    subprocess.run([sys.executable, str(LAUNCH), command, *more, "--project", str(project), "--quiet"], check=True)
    seconds = time.perf_counter() - started
    print(f"| {name} | {seconds:.1f} | {_score(project, truth) if command != 'import' else ' |  | '} |", flush=True)


def _score(project: Path, truth: Truth) -> str:
    """Scores of what `export` writes, as cells of a row."""
    out = project / "export.jsonl"
    command = [sys.executable, str(LAUNCH), "export", "--project", str(project), "--out", str(out), "--quiet"]
    subprocess.run(command, check=True)
    per_word = []
    for line in out.read_text().splitlines():
        row = json.loads(line)
        if row["image"] in truth:
            _, boxes, approx = truth[row["image"]]
            per_word.append(word_errors(boxes, row["boxes"], tuple(approx)))
    found = scores(per_word)
    return f"{found.word50:.4f} | {found.r50:.4f} | {found.pck25:.4f}"


def _correct(project: Path, truth: Truth, count: int) -> int:
    """Correct `count` words in the browser; returns how many edges were dragged."""
    dragged = 0
    with served(project) as address, sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        for _ in range(count):
            word = ready(page)
            dragged += _correct_word(page, word, truth[word["name"]][1])
            page.keyboard.press("Enter")
            page.wait_for_function("(id) => window.charloc.entry?.word.id !== id", arg=word["id"])
        all_saved(page)
        browser.close()
    return dragged


def _correct_word(page: Page, word: dict[str, Any], boxes: Sequence[Box | None]) -> int:
    """Drag the edges of characters that are off; `boxes` are per code point, irish has one per character."""
    dragged = 0
    if len(boxes) != len(word["characters"]):
        return 0
    for index, true in enumerate(boxes):
        shown = marks(page)[index]["box"]
        if true is None or shown is None or float(iou([shown], [true])[0]) >= GOOD_ENOUGH:
            continue
        page.locator(".cl-letter").nth(index).click()
        # Outward moves first: an edge must not be dragged across its opposite.
        order = sorted(range(4), key=lambda edge: (true[edge] - shown[edge]) * (-1 if edge >= 2 else 1))
        for edge in order:
            shown = marks(page)[index]["box"]
            x, y, width, height = on_screen(page, index)
            by = (true[edge] - shown[edge]) * width / (shown[2] - shown[0])
            if abs(by) < 1:
                continue
            at = (x + width * (0, 0.5, 1, 0.5)[edge], y + height * (0.5, 0, 0.5, 1)[edge])
            drag(page, at, (by, 0) if edge in (0, 2) else (0, by))
            dragged += 1
    return dragged


@contextlib.contextmanager
def served(project: Path) -> Iterator[str]:
    """The application on a free port; yields its address."""
    command = [sys.executable, "-u", str(LAUNCH), "annotate", "--project", str(project), "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        for line in server.stdout:
            found = re.search(r"https?://\S+", line)
            if found:
                yield found[0]
                break
    finally:
        server.terminate()
        server.wait(60)
