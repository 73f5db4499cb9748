"""The page that lists words, and tags."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from db import NewCorrection, Store
from tests.browser.looking import ready, word


def test_words_are_found_tagged_and_opened(page: Page, store: Store) -> None:
    ids = store.word_ids()
    store.save_correction(NewCorrection(ids[2], "flag", "flag", reason="torn"))
    ready(page)
    page.get_by_role("tab", name="Words").click()
    table = page.locator(".cl-words table")
    rows = table.locator("tbody tr")
    expect(rows).to_have_count(len(ids))
    expect(rows.nth(2)).to_contain_text("flagged")
    bar = page.get_by_role("search", name="Which words to list")
    bar.get_by_label("State").select_option("flagged")
    expect(rows).to_have_count(1)
    bar.get_by_label("State").select_option("any")
    bar.get_by_label("Find text or name").fill("page_1/")
    expect(rows).to_have_count(5)

    # A tag for two, with characters that must stay text.
    name = "<b>${1}</b> {{2}}"
    rows.nth(0).get_by_role("checkbox").check()
    rows.nth(3).get_by_role("checkbox").check()
    page.get_by_label("Tag", exact=True).last.fill(name)
    page.get_by_role("button", name="Add tag").click()
    expect(page.locator(".cl-words [data-role=said]")).to_contain_text("added to 2 words")
    expect(rows.nth(3).locator(".cl-tag")).to_have_text(name)
    assert store.tags() == [(name, 2)]
    page.get_by_role("button", name="Open in the editor", exact=True).click()
    page.wait_for_function("(id) => window.charloc?.entry?.word.id === id", arg=ids[0])
    expect(page.locator("[data-role=opened]")).to_contain_text("From Words, 1 more")

    # In the editor, by key: taken off, another added; keys typed there do nothing to the word.
    page.keyboard.press("g")
    dialog = page.get_by_role("dialog", name="Tags")
    dialog.get_by_role("button", name=name).click()
    expect(dialog.get_by_role("button", name=name)).to_have_attribute("aria-pressed", "false")
    dialog.get_by_label("New tag").fill("safe")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name="safe")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert word(page)["id"] == ids[0]
    assert store.tags_of(ids) == {ids[0]: ["safe"], ids[3]: [name]}


def test_a_list_without_a_match_says_so(page: Page) -> None:
    ready(page)
    page.get_by_role("tab", name="Words").click()
    bar = page.get_by_role("search", name="Which words to list")
    bar.get_by_label("Find text or name").fill("nowhere")
    empty = page.locator(".cl-words .cl-empty")
    expect(empty).to_contain_text("No word matches")
    empty.get_by_role("button", name="Show all words").click()
    expect(page.locator(".cl-words tbody tr")).to_have_count(10)
    page.set_viewport_size({"width": 360, "height": 760})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
