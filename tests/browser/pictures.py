"""Make the guide's pictures of the editor: python tests/browser/pictures.py [FOLDER]

Makes the demo project and photographs the annotate page with its first proposals in Chromium: light, dark, on a phone.
Look at the pictures before they are committed.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playwright.sync_api import Browser, Page, sync_playwright

from annotator.demo import demo_project
from annotator.rounds import run_round
from charloc.em import FIRST
from db import Store
from tests.browser.browsers import launch_chromium

ROOT = Path(__file__).resolve().parents[2]
WORD = "morning"
SETTLES_MS = 4000  # what glides has arrived, messages are gone
WINDOW = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
READY = """fetch("/api/realign/warm", {
  method: "POST", body: '{"ids": []}', headers: { "content-type": "application/json" }
}).then((answer) => answer.json()).then((answer) => answer.ready)"""
SHOWN = "window.charloc?.entry?.image.complete && charloc.entry.word.round !== null"


def main(folder: str = str(ROOT / "docs" / "images")) -> None:
    """Write annotate.png, annotate-dark.png and annotate-phone.png."""
    out = Path(folder)
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch) / "demo-project"
        demo_project(project)
        with Store.open(project) as store:
            run_round(store, project, FIRST)
            ids = {each.text: each.id for each in store.words(store.word_ids())}
        with served(project) as url, sync_playwright() as playwright:
            browser = launch_chromium(playwright)
            with page_of(browser, url, WINDOW) as page:
                for _ in range(4):  # too few for a pace
                    page.keyboard.press("Enter")
                    page.wait_for_function(SHOWN)
                correct(page, url, ids[WORD])
                page.screenshot(path=out / "annotate.png")
            with page_of(browser, url, WINDOW, "dark") as page:
                correct(page, url, ids[WORD])
                page.screenshot(path=out / "annotate-dark.png")
            with page_of(browser, url, PHONE) as page:
                page.screenshot(path=out / "annotate-phone.png")
            browser.close()


@contextmanager
def served(project: Path) -> Iterator[str]:
    """The application on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(ROOT / "launch.py"), "annotate", "--project", str(project), "--no-browser"]
    process = subprocess.Popen([*command, "--port", str(port)])
    url = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait()


@contextmanager
def page_of(browser: Browser, url: str, size: dict[str, int], scheme: str = "light") -> Iterator[Page]:
    """The editor in a window of that size; a phone's has twice as many pixels."""
    phone = size is PHONE
    with browser.new_context(
        viewport=size, color_scheme=scheme, has_touch=phone, is_mobile=phone, device_scale_factor=2 if phone else 1
    ) as context:
        page = context.new_page()
        opened(page, url)
        yield page


def opened(page: Page, url: str, word: int | None = None) -> None:
    """Open the page, at a word, and wait until it stands still and the service that re-aligns is there."""
    page.goto(url if word is None else f"{url}?word={word}")
    page.wait_for_function(SHOWN)
    if word is not None:
        page.wait_for_function("(id) => charloc.entry.word.id === id", arg=word)
    page.wait_for_function(READY, timeout=300_000, polling=500)
    page.wait_for_timeout(SETTLES_MS)


def correct(page: Page, url: str, word: int) -> None:
    """A word some of whose characters a person has looked at."""
    opened(page, url, word)
    page.locator(".cl-letter").nth(0).click()
    for key in ("Space", "Space", "ArrowRight", "Tab"):
        page.keyboard.press(key)
    page.wait_for_function("!charloc.live.asking")
    page.wait_for_timeout(SETTLES_MS)


if __name__ == "__main__":
    main(*sys.argv[1:])
