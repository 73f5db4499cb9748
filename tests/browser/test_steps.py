"""Undo and redo: within a word, back into earlier ones, and forward again."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from db import Store
from tests.browser.looking import all_saved, marks, ready, word


def test_redo_goes_forward_again_through_the_words_that_were_taken_back(page: Page, store: Store) -> None:
    words = []
    page.wait_for_function("window.charloc?.words?.ahead.length >= 5")
    for keys in (["ArrowRight", "Enter"], ["s"], ["f", "2"]):
        words.append(ready(page)["id"])
        for key in keys:
            page.keyboard.press(key)
    last = ready(page)["id"]
    for expected in reversed(words):
        page.keyboard.press("u")
        assert word(page)["id"] == expected
    page.keyboard.press("u")
    assert all(mark["state"] == "untouched" for mark in marks(page)), "the step before the first decision"
    page.keyboard.press("Control+y")
    assert "pinned" in [mark["state"] for mark in marks(page)]
    for key in ("Control+y", "Control+Shift+z", "Control+y"):
        page.keyboard.press(key)
    assert word(page)["id"] == last, "one redo for the step, one for each decision"
    page.keyboard.press("Control+y")
    expect(page.locator(".cl-toast")).to_contain_text("Nothing to redo")
    all_saved(page)
    assert [[row.kind for row in store.history(each)] for each in words] == [
        ["boxes", "clear", "boxes"],
        ["skip", "clear", "skip"],
        ["flag", "clear", "flag"],
    ]
    for each in words:
        first, _, again = store.history(each)
        assert (again.characters, again.reason) == (first.characters, first.reason)


def test_what_was_taken_back_is_not_done_again_after_something_new(page: Page, store: Store) -> None:
    first = ready(page)["id"]
    page.keyboard.press("Enter")
    ready(page)
    page.keyboard.press("u")
    page.keyboard.press("Tab")
    page.keyboard.press("x")
    page.keyboard.press("Control+y")
    assert word(page)["id"] == first
    page.keyboard.press("u")
    page.keyboard.press("Control+y")
    assert word(page)["id"] == first and "invisible" in [mark["state"] for mark in marks(page)]
    page.keyboard.press("Enter")
    all_saved(page)
    assert "invisible" in [mark.state for mark in store.history(first)[-1].characters]
