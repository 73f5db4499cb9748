"""The editor in a real Chromium: key to painted word, what follows a drag, how exact drags are, keys per word.

python launch.py bench editor [--set rendered_hard] [--presses 150] [--words 200] [--only keys follow ...]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from tests.bench._painted import WATCH, MainThread, round_trip_ms, slow_network, spread
from tests.bench._person import true_pins
from tests.bench._sets import ROOT, data_folder, load
from tests.bench._typist import Box, Work, correct
from tests.bench.loop import served
from tests.browser.browsers import launch_chromium
from tests.browser.looking import all_saved, drag, marks, on_screen, ready, selected, word
from tests.projects import make_project

LAUNCH = ROOT / "launch.py"
BETWEEN_MS = 250
"""Between two key presses of the latency runs: four words a second, faster than anyone looks."""

DRAGGED_WORDS = 30
STEPS = 12
"""Of the pointer, in each drag."""

STEP_MS = 16
LONG_LINE = " ".join(["the quick brown fox jumps over a lazy dog and then goes home"] * 4 + ["at last it sleeps"])
Row = tuple[str, str, str]


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench editor", description=__doc__)
    parser.add_argument("--set", default="rendered_hard")
    parser.add_argument("--presses", type=int, default=150, help="key presses of each latency run")
    parser.add_argument("--words", type=int, default=200, help="words of each session")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="which parts to measure")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        base = Path(folder) / "base"
        _launch("import", str(data_folder() / options.set), "--project", str(base), "--quiet")
        _launch("train", "--method", "pretrained", "--project", str(base), "--quiet")
        browser = launch_chromium(playwright)
        print(f"{options.set}; Chromium {browser.version}; load of the machine {os.getloadavg()[0]:.1f}\n")
        print("| what | asked for | measured |\n|---|---|---|")
        for name in options.only:
            for row in PARTS[name](browser, base, options):
                print(f"| {' | '.join(row)} |", flush=True)
        browser.close()


def _keys(browser: Browser, base: Path, options: argparse.Namespace) -> Iterator[Row]:
    """Enter and S by turns; each must show another word, whole, in the first frame."""
    for latency_ms in (0, 80):
        with _editor(browser, base) as page:
            if latency_ms:
                slow_network(page, latency_ms)
            trip = round_trip_ms(page)
            page.evaluate(WATCH)
            working = MainThread(page)
            for press in range(options.presses):
                page.keyboard.press("Enter" if press % 2 else "s")
                page.wait_for_timeout(BETWEEN_MS)
            own_ms = working.ms() / options.presses
            painted = page.evaluate("painted")
            bad = sum(not (each["changed"] and each["whole"]) for each in painted)
            all_saved(page)
        what = f"key -> next word painted, ms, p50 / p95 / p99; requests take {trip:.0f} ms"
        yield what, "p95 <= 33", spread([each["ms"] for each in painted]) + (f", {bad} NOT WHOLE" if bad else "")
        yield "the page's own work for each key, polls and prefetch too, ms of processor time", "-", f"{own_ms:.1f}"


def _follow(browser: Browser, base: Path, options: argparse.Namespace) -> Iterator[Row]:
    """A character of each word is dragged in steps; the others follow."""
    with _editor(browser, base) as page:
        _wait_for_service(page)
        page.evaluate(WATCH)
        for _ in range(DRAGGED_WORDS):
            ready(page)
            _drag_in_steps(page)
            _next(page)
        yield from _steps(page, f"{DRAGGED_WORDS} words dragged in {STEPS} steps, {STEP_MS} ms apart")


def _long(browser: Browser, base: Path, options: argparse.Namespace) -> Iterator[Row]:
    """The same in a rendered line of more than 4,000 px, at characters all along it."""
    project = base.with_name("long")
    make_project(project, (LONG_LINE,)).close()
    with _editor(browser, project) as page:
        _wait_for_service(page)
        shown = ready(page)
        page.evaluate(WATCH)
        count = len(shown["characters"])
        for turn in range(DRAGGED_WORDS // 2):
            page.evaluate("(index) => charloc.select(index)", 1 + turn * count // (DRAGGED_WORDS // 2))
            if shown["characters"][selected(page)].strip():
                _drag_in_steps(page)
                page.keyboard.press("u")
        yield from _steps(page, f"a line of {count} characters, {shown['width']} px wide")


def _drag_in_steps(page: Page) -> None:
    x, y, width, height = on_screen(page, selected(page))
    at = (x + width / 2, y + height / 2)
    page.mouse.move(*at)
    page.mouse.down()
    for step in range(1, STEPS + 1):
        page.mouse.move(at[0] + 3 * step, at[1] + step)
        page.wait_for_timeout(STEP_MS)
    page.mouse.up()
    page.wait_for_function("!charloc.live.asking && !charloc.live.wanted")


def _steps(page: Page, what: str) -> Iterator[Row]:
    steps, moves = page.evaluate("[steps, moves]")
    yield f"{what}: step sent -> answer in the page, ms", "p95 <= 50", spread([each["solved"] for each in steps])
    yield "pointer moved -> others painted there, ms", "-", spread([each["painted"] for each in steps])
    yield "pointer moved -> the dragged one painted there, ms", "-", spread(moves)


def _drags(browser: Browser, base: Path, options: argparse.Namespace) -> Iterator[Row]:
    """The difference between where the pointer went and where the box did, in px of the original image."""
    with served(base) as address:
        for density in (1, 1.5, 2):
            off: list[float] = []
            with browser.new_context(viewport={"width": 1280, "height": 800}, device_scale_factor=density) as context:
                page = context.new_page()
                page.add_init_script("localStorage.setItem('charloc.live', 'off')")
                page.goto(address)
                for turn in range(DRAGGED_WORDS):
                    ready(page)
                    page.evaluate("(zoom) => charloc.stage.setZoom(zoom)", (0.6, 1, 1.7)[turn % 3])
                    off.append(_one_drag(page))
                    _next(page)
            yield f"drags, {density} device px per px, zoom 0.6 to 1.7: largest error, px", "<= 0.5", f"{max(off):.2f}"


def _one_drag(page: Page) -> float:
    index = selected(page)
    before = np.array(marks(page)[index]["box"])
    shown = word(page)
    x, y, width, height = on_screen(page, index)
    scale = page.evaluate("charloc.stage.scale")
    by = np.array([11.0, -7.0])
    drag(page, (x + width / 2, y + height / 2), (by[0], by[1]))
    room = np.array([shown["width"], shown["height"]])
    moved = np.clip(by / scale, -before[:2], np.maximum(room - before[2:], -before[:2]))
    return float(np.abs(np.array(marks(page)[index]["box"]) - before - np.tile(moved, 2)).max())


def _session(browser: Browser, base: Path, options: argparse.Namespace) -> Iterator[Row]:
    """The head of the queue, corrected by keys alone, with the others following and without."""
    truth = _true_boxes(options.set)
    for live in (True, False):
        done: list[Work] = []
        with _editor(browser, base, live) as page:
            if live:
                _wait_for_service(page)
            while len(done) < options.words:
                boxes = truth.get(ready(page)["name"])
                if boxes:
                    done.append(correct(page, boxes, live))
                elif not _next(page):
                    break
            all_saved(page)
        changed = [each for each in done if each.wrong_before]
        what = f"{len(done)} words by keys, others {'follow' if live else 'stay'}"
        keys = np.array([each.keys for each in changed])
        yield f"{what}: keys per corrected word, mean (median)", "-", f"{keys.mean():.1f} ({np.median(keys):.0f})"
        placed, wrong = (sum(getattr(each, name) for each in done) for name in ("placed", "wrong_before"))
        left, keys_in_all = (sum(getattr(each, name) for each in done) for name in ("wrong_after", "keys"))
        repaired, spoilt = (sum(getattr(each, name) for each in done) for name in ("repaired", "spoilt"))
        if live:
            yield f"{what}: characters that became right / wrong by following", "-", f"{repaired} / {spoilt}"
        yield (
            f"{what}: characters placed / wrong at first / wrong at the end",
            "-",
            f"{placed} / {wrong} / {left}, in {len(changed)} corrected words; {keys_in_all:,} keys in all",
        )


def _true_boxes(name: str) -> dict[str, dict[int, Box]]:
    """The true boxes of each word whose every character has one, by the word's name and the character."""
    of_set = load(name)
    pins = [true_pins(word, truth) for word, truth in zip(of_set.words, of_set.truth, strict=True)]
    return {
        word.name: {pin.index: pin.box for pin in found if pin.box is not None}
        for word, found in zip(of_set.words, pins, strict=True)
        if found
    }


@contextmanager
def _editor(browser: Browser, base: Path, live: bool = True) -> Iterator[Page]:
    """The editor on a fresh copy of the project."""
    project = base.with_name("work")
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(base, project)
    with (
        served(project) as address,
        browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB") as context,
    ):
        page = context.new_page()
        page.add_init_script(f"localStorage.setItem('charloc.live', '{'on' if live else 'off'}')")
        page.goto(address)
        ready(page)
        page.wait_for_function("charloc.words.ahead.length >= 6 || charloc.words.exhausted || !charloc.words.fetching")
        yield page


def _wait_for_service(page: Page) -> None:
    """Until steps are answered."""
    ask = """() => fetch('/api/realign/warm', { method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ids: [charloc.entry.word.id] }) }).then((r) => r.json()).then((answer) => answer.ready)"""
    page.wait_for_function(ask, polling=300, timeout=120_000)


def _next(page: Page) -> bool:
    """Leave the word in hand; whether there is another one."""
    page.evaluate("charloc.words.skipped.add(charloc.entry.word.id), charloc.next()")
    page.wait_for_function("charloc.entry || charloc.words.exhausted")
    return bool(page.evaluate("Boolean(charloc.entry)"))


def _launch(*words: str) -> None:
    subprocess.run([sys.executable, str(LAUNCH), *words], check=True)


PARTS: dict[str, Callable[[Browser, Path, argparse.Namespace], Iterator[Row]]] = {
    "keys": _keys, "follow": _follow, "long": _long, "drags": _drags, "session": _session,
}  # fmt: skip
