"""How fast: the lattice, import and guess in words per second, the first page after launch, one round on a real set.

python launch.py bench speed [--set irish] [--only lattice guess application]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from charloc.lattice import ctc_posterior, ctc_viterbi
from charloc.methods import make
from tests.bench._sets import ROOT, data_folder, load
from tests.bench.loop import served
from tests.browser.browsers import launch_chromium
from tests.browser.looking import ready

LAUNCH = ROOT / "launch.py"
TIMES = 3
LATTICE_TIMES = 5
BATCHES = 20
"""Of random words, for the lattice."""


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench speed", description=__doc__)
    parser.add_argument("--set", default="irish")
    parser.add_argument("--only", nargs="+", choices=list(ROWS), default=list(ROWS), help="which rows to measure")
    options = parser.parse_args(argv)
    print("| what | asked for | measured |\n|---|---|---|")
    for rows in options.only:
        ROWS[rows](options.set)


def _lattice(_: str) -> None:
    """Random log-probabilities in true batches: 64 words of 100-200 frames and 8-40 of 99 characters, padded."""
    rng = np.random.default_rng(0)
    batches = []
    for _ in range(BATCHES):
        logits = rng.normal(size=(64, 200, 100))
        log_probs = (logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))).astype(np.float32)
        frames, lengths = rng.integers(100, 201, 64), rng.integers(8, 41, 64)
        batches.append((log_probs, frames, rng.integers(1, 100, (64, 40)), lengths))
    for name, asked, search in (("Viterbi", ">= 20,000", ctc_viterbi), ("posterior", "-", ctc_posterior)):
        search(*batches[0])  # compiled code is loaded, or made
        rates = []
        for _ in range(LATTICE_TIMES):
            started = time.perf_counter()
            for batch in batches:
                search(*batch)
            rates.append(64 * BATCHES / (time.perf_counter() - started))
        what = f"CTC {name}, alignments/s on one thread (median of {LATTICE_TIMES})"
        print(f"| {what} | {asked} | {statistics.median(rates):,.0f} |", flush=True)


def _guess(name: str) -> None:
    words = load(name).words
    guess = make("guess")
    guess.e_step(words[:8], [()] * 8)  # compiled code is loaded, or made
    rates = []
    for _ in range(TIMES):
        started = time.perf_counter()
        guess.e_step(words, [()] * len(words))
        rates.append(len(words) / (time.perf_counter() - started))
    print(f"| guess, words/s (median of {TIMES}) | >= 300 | {statistics.median(rates):.0f} |", flush=True)


def _application(name: str) -> None:
    count = len(load(name).words)
    with tempfile.TemporaryDirectory() as folder:
        rates = []
        for turn in range(TIMES):
            project = Path(folder) / f"project{turn}"
            started = time.perf_counter()
            _launch("import", str(data_folder() / name), "--project", str(project), "--quiet")
            rates.append(count / (time.perf_counter() - started))
        print(f"| import, words/s, start included (median of {TIMES}) | >= 1,000 | {statistics.median(rates):.0f} |")

        _launch("guess", "--project", str(project), "--quiet")
        seconds = []
        with sync_playwright() as playwright:
            browser = launch_chromium(playwright)
            for _ in range(TIMES):
                started = time.perf_counter()
                with served(project) as address:
                    page = browser.new_page()
                    page.goto(address)
                    assert ready(page)["round"] is not None
                    seconds.append(time.perf_counter() - started)
                    page.close()
            browser.close()
        middle = statistics.median(seconds)
        print(f"| launch to first word with its boxes, s (median of {TIMES}) | < 15 | {middle:.1f} |", flush=True)

        started = time.perf_counter()
        _launch("train", "--project", str(project), "--quiet")
        minutes = (time.perf_counter() - started) / 60
        print(f"| one round on {name} ({count} words), min | <= 3 | {minutes:.1f} |", flush=True)


def _launch(*words: str) -> None:
    subprocess.run([sys.executable, str(LAUNCH), *words], check=True)


ROWS: dict[str, Callable[[str], None]] = {"lattice": _lattice, "guess": _guess, "application": _application}
