"""What the browser tests read off the page and the store, and how they wait."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from playwright.sync_api import Page, TimeoutError, expect

from db import Correction, Store


def ready(page: Page) -> dict[str, Any]:
    """Wait for a word to be on the stage; returns it."""
    page.wait_for_function("window.charloc?.entry?.image.complete && document.querySelector('.cl-letter')")
    return word(page)


def open_tab(page: Page, name: str) -> None:
    """Show a page; on a narrow screen the last ones are in a menu, into which they go a moment after it narrowed."""
    shown, more = page.get_by_role("tab", name=name, exact=True), page.get_by_role("button", name="More tabs")
    expect(shown.or_(more).first).to_be_visible()
    if shown.is_visible():
        with suppress(TimeoutError):
            shown.click(timeout=2_000)
            return
    if not shown.is_visible():
        more.click()
        shown = page.locator(".overflow-dropdown").get_by_role("button", name=name, exact=True)
    shown.click()


def word(page: Page) -> dict[str, Any]:
    """The word in hand."""
    return page.evaluate("charloc.entry.word")


def marks(page: Page) -> list[dict[str, Any]]:
    """What is said of its characters at the moment."""
    return page.evaluate("charloc.entry.marks")


def selected(page: Page) -> int:
    """The selected character."""
    return page.evaluate("charloc.entry.selected")


def all_saved(page: Page) -> None:
    """Wait until nothing waits in the outbox."""
    expect(page.locator("[data-role=save]")).to_have_attribute("data-state", "saved", timeout=20_000)
    page.wait_for_function("charloc.outbox.waiting().length === 0")


def on_screen(page: Page, index: int) -> tuple[float, float, float, float]:
    """x, y, width, height of a character's box, in px of the window."""
    box = page.evaluate("(i) => { const r = charloc.stage.boxes[i].lastChild.getBoundingClientRect();"
                        " return [r.x, r.y, r.width, r.height]; }", index)  # fmt: skip
    return tuple(box)


def drag(page: Page, start: tuple[float, float], by: tuple[float, float]) -> None:
    """Drag with the mouse, in several moves."""
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + by[0] / 2, start[1] + by[1] / 2)
    page.mouse.move(start[0] + by[0], start[1] + by[1])
    page.mouse.up()


def only_correction(store: Store, word_id: int) -> Correction:
    """The one row of a word's history."""
    (row,) = store.history(word_id)
    return row
