"""The page of glyph sheets: choosing by mouse and keys, accepting, flagging, opening."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from annotator.oddities import look_for_oddities
from annotator.turns import prepare
from db import Asked, Store
from tests.browser.looking import ready, selected


def test_crops_are_chosen_accepted_flagged_and_opened(page: Page, store: Store) -> None:
    seen = store.seen_round()
    assert seen is not None
    prepare(store, seen)
    look_for_oddities(store, seen)
    ready(page)
    page.get_by_role("tab", name="Glyphs").click()
    sheet = page.get_by_role("grid", name="Crops")
    menu = page.locator(".cl-glyphs [data-role=character]")
    expect(menu.locator("option").first).to_contain_text("e  in")
    said = page.locator(".cl-glyphs [data-role=said]")
    expect(said).to_contain_text("crops")
    cells = sheet.locator(".cl-glyph-cell:visible")
    count = len([c for word in store.words(store.word_ids()) for c in word.characters if c == "e"])
    expect(cells).to_have_count(count)
    page.wait_for_function("document.querySelector('.cl-glyph-cell').style.backgroundImage.includes('atlas')")

    # By keys: two chosen, accepted; one flagged.
    sheet.focus()
    page.keyboard.press("Shift+ArrowRight")
    expect(said).to_contain_text("2 of")
    page.keyboard.press("a")
    expect(said).to_contain_text("2 accepted")
    expect(cells.nth(0)).to_have_attribute("data-state", "accepted")
    assert store.counts().accepted_characters == 2
    page.keyboard.press("End")
    page.keyboard.press("f")
    expect(cells.nth(count - 1)).to_have_attribute("data-state", "flagged")
    (flagged,) = store.queue(9, asked=Asked("flagged"))
    page.keyboard.press("u")
    expect(cells.nth(count - 1)).to_have_attribute("data-state", "untouched")
    assert store.queue(9, asked=Asked("flagged")) == []

    # By mouse: a stretch by dragging, one more by Ctrl; a plain click opens the word at its character.
    first, third = cells.nth(0).bounding_box(), cells.nth(2).bounding_box()
    assert first and third
    page.mouse.move(first["x"] + 9, first["y"] + 9)
    page.mouse.down()
    page.mouse.move(third["x"] + 9, third["y"] + 9, steps=4)
    page.mouse.up()
    expect(said).to_contain_text("3 of")
    cells.nth(4).click(modifiers=["Control"])
    expect(said).to_contain_text("4 of")
    page.keyboard.press("Escape")
    expect(said).to_have_text(f"{count} crops")
    cells.nth(count - 1).click()
    page.wait_for_function("(id) => window.charloc?.entry?.word.id === id", arg=flagged)
    character = page.evaluate("charloc.entry.word.characters[charloc.entry.selected]")
    assert character == "e" and page.evaluate("charloc.entry.opened.from") == "glyphs" and selected(page) >= 0
    page.get_by_role("button", name="Back to Glyphs").click()
    expect(sheet).to_be_visible()


def test_without_a_round_it_says_what_to_do(page: Page, store: Store) -> None:
    ready(page)
    nothing = {"characters": [], "pages": [], "sources": [], "tags": []}
    page.route("**/api/queue/choices", lambda route: route.fulfill(json=nothing))
    page.get_by_role("tab", name="Glyphs").click()
    expect(page.locator(".cl-glyphs")).to_contain_text("No crops yet")
    expect(page.locator(".cl-glyphs")).to_contain_text("train a round")
