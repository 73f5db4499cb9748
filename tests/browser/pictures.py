"""Make the guide's pictures of all pages: python tests/browser/pictures.py [FOLDER]

Photographs the editor on the demo project with its first proposals, light, dark and on a phone; then the other pages on
the demo after some work (`scenes`), which takes two rounds of training, a few minutes. Look at the pictures before they
are committed. Those of words, glyphs, rounds and an audit in the guide are of larger projects: they are replaced when a
page has come to look different.
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
from tests.browser import scenes
from tests.browser.browsers import launch_chromium
from tests.browser.looking import open_tab

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
    """Write a picture of each page into the folder."""
    out = Path(folder)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        the_editor(browser, Path(scratch) / "demo-project", out)
        the_other_pages(browser, Path(scratch) / "demo", out)
        browser.close()


def the_editor(browser: Browser, project: Path, out: Path) -> None:
    """annotate.png, annotate-dark.png and annotate-phone.png."""
    demo_project(project)
    with Store.open(project) as store:
        run_round(store, project, FIRST)
        ids = {each.text: each.id for each in store.words(store.word_ids())}
    with served(project) as url:
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


def the_other_pages(browser: Browser, project: Path, out: Path) -> None:
    """words.png, glyphs.png, suspicious.png, audit.png, rounds.png and people.png."""
    scenes.worked_on(project)
    with served(project) as url:
        with page_of(browser, url, WINDOW) as page:
            show(page, "Words", ".cl-words tbody tr")
            page.locator(".cl-words").get_by_label("Order of the words").select_option("recent")
            page.wait_for_timeout(SETTLES_MS)
            page.screenshot(path=out / "words.png")
            show(page, "Glyphs", ".cl-glyph-cell")
            page.get_by_role("grid", name="Crops").focus()
            for _ in range(5):
                page.keyboard.press("Shift+ArrowRight")
            page.wait_for_timeout(SETTLES_MS)
            page.screenshot(path=out / "glyphs.png")
            show(page, "Suspicious", ".cl-suspect")
            page.screenshot(path=out / "suspicious.png")
            show(page, "Audit", ".cl-audit tbody td")
            page.screenshot(path=out / "audit.png", full_page=True)
        scenes.with_a_bad_round(project)
        with page_of(browser, url, WINDOW) as page:
            show(page, "Rounds", ".cl-rounds .cl-card")
            page.screenshot(path=out / "rounds.png", full_page=True)
        scenes.with_people(project)
        with page_of(browser, f"{url}login", WINDOW, shown="input") as page:
            page.get_by_label("Name").fill("Ada")
            page.get_by_label("Password").fill(scenes.PASSWORD)
            page.keyboard.press("Enter")
            page.wait_for_function(SHOWN)
            show(page, "People", ".cl-people .cl-card")
            page.screenshot(path=out / "people.png")


def show(page: Page, name: str, part: str) -> None:
    """Show another page, and wait until it stands still."""
    open_tab(page, name)
    page.locator(part).first.wait_for()
    page.wait_for_timeout(SETTLES_MS)


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
def page_of(
    browser: Browser, url: str, size: dict[str, int], scheme: str = "light", shown: str = ""
) -> Iterator[Page]:
    """The editor, or what has an element like `shown`, in a window of that size; a phone's has twice as many pixels."""
    phone = size is PHONE
    with browser.new_context(
        viewport=size, color_scheme=scheme, has_touch=phone, is_mobile=phone, device_scale_factor=2 if phone else 1
    ) as context:
        page = context.new_page()
        if shown:
            page.goto(url)
            page.locator(shown).first.wait_for()
        else:
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
