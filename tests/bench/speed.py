"""How fast: import and guess in words per second, the first page after launch, one round on a real set.

python launch.py bench speed [--set irish]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import sync_playwright

from charloc.methods import make
from tests.bench._sets import ROOT, data_folder, load
from tests.bench.loop import served
from tests.browser.browsers import launch_chromium
from tests.browser.looking import ready

LAUNCH = ROOT / "launch.py"
TIMES = 3


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench speed", description=__doc__)
    parser.add_argument("--set", default="irish")
    options = parser.parse_args(argv)
    data = load(options.set)
    count = len(data.words)
    print("| what | asked for | measured |\n|---|---|---|")

    guess = make("guess")
    guess.e_step(data.words[:8], [()] * 8)  # compiled code is loaded, or made
    rates = []
    for _ in range(TIMES):
        started = time.perf_counter()
        guess.e_step(data.words, [()] * count)
        rates.append(count / (time.perf_counter() - started))
    print(f"| guess, words/s (median of {TIMES}) | >= 300 | {statistics.median(rates):.0f} |", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        rates = []
        for turn in range(TIMES):
            project = Path(folder) / f"project{turn}"
            started = time.perf_counter()
            _launch("import", str(data_folder() / options.set), "--project", str(project), "--quiet")
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
        print(f"| one round on {options.set} ({count} words), min | <= 3 | {minutes:.1f} |", flush=True)


def _launch(*words: str) -> None:
    subprocess.run([sys.executable, str(LAUNCH), *words], check=True)
