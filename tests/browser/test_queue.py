"""Queues and filters above the editor: each has a link, and one that is empty says why."""

from __future__ import annotations

import math
import re

import pytest
from playwright.sync_api import Page, expect

from annotator import turns
from annotator.turns import prepare
from db import NewCorrection, Store, WordTurns
from db.queues import PREPARED
from tests.browser.looking import all_saved, open_tab, ready, word


def shows(page: Page, id: int) -> None:
    page.wait_for_function("(id) => window.charloc?.entry?.word.id === id", arg=id)


def test_queues_are_chosen_filtered_linked_and_empty_ones_say_why(page: Page, store: Store) -> None:
    seen = store.seen_round()
    assert seen is not None
    prepare(store, seen)
    everything = store.word_ids()
    first = ready(page)["id"]
    bar = page.get_by_role("search", name="Which words")
    left = bar.locator(".cl-left")
    expect(left).to_have_text("10 left")

    # By character, with its words only, the least certain of it first; as a link it opens the same.
    bar.get_by_label("Order of the words").select_option("character")
    bar.get_by_label("Character", exact=True).select_option("w")
    expect(left).to_have_text("2 left")
    with_w = [each.id for each in store.words(everything) if "w" in each.text]
    page.wait_for_function("(ids) => ids.includes(charloc.entry.word.id)", arg=with_w)
    assert "queue=character" in page.url and "character=w" in page.url
    shown = word(page)["id"]
    page.goto(page.url)
    shows(page, shown)
    expect(bar.get_by_label("Character", exact=True)).to_have_value("w")
    page.keyboard.press("Enter")
    page.wait_for_function("(id) => charloc.entry && charloc.entry.word.id !== id", arg=shown)
    assert word(page)["id"] in with_w
    page.keyboard.press("Enter")
    expect(page.locator("[data-role=empty]")).to_contain_text("No open word has “w”")
    expect(left).to_have_text("0 left")
    page.get_by_role("button", name="Back to the least certain").click()
    shows(page, first)
    assert "queue=" not in page.url

    # Searching; what cannot be found says what was asked.
    search = bar.get_by_label("Find text or name")
    search.fill("KNIFE")
    expect(left).to_have_text("1 left")
    page.wait_for_function("charloc.entry.word.text === 'knife'")
    search.fill("<img src=x onerror=alert(1)>")
    empty = page.locator("[data-role=empty]")
    expect(empty).to_contain_text("text “<img src=x onerror=alert(1)>”")
    empty.get_by_role("button", name="Clear filters").click()
    shows(page, first)

    # Keys typed into the controls do nothing to the word.
    search.type("afs")
    all_saved(page)
    assert store.counts().flagged == 0 and store.counts().skipped == 0


def test_recent_and_flagged_words_do_not_come_twice_in_a_visit(page: Page, store: Store) -> None:
    ready(page)
    ids = store.word_ids()
    store.save_correction(NewCorrection(ids[0], "flag-0", "flag", reason="torn"))
    store.save_correction(NewCorrection(ids[1], "flag-1", "flag", reason="torn"))
    page.goto(re.sub(r"\?.*", "", page.url) + "?queue=flagged")
    shows(page, ids[1])
    page.keyboard.press("f")
    page.keyboard.press("1")
    shows(page, ids[0])
    page.keyboard.press("Enter")
    expect(page.locator("[data-role=empty]")).to_contain_text("Nothing is flagged")
    all_saved(page)
    assert store.counts().flagged == 1


def test_an_order_that_is_not_the_rounds_yet_is_said_to_be_another(
    page: Page, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "OWN_S", math.inf)  # the server leaves it to the round's process, which is this test
    seen = store.seen_round()
    assert seen is not None
    ids = store.word_ids()
    store.put_turns(seen.id, [WordTurns(id, None, float(place), 0.0, {}) for place, id in enumerate(ids)])
    store.set_setting(PREPARED, seen.id + 1)  # as after going back to another round
    page.goto(re.sub(r"\?.*", "", page.url) + "?queue=both")
    shows(page, ids[0])
    left = page.get_by_role("search", name="Which words").locator(".cl-left")
    said = "This order is still an earlier round's. Its own follows by itself."
    expect(page.locator("[data-role=toast]")).to_contain_text(said)
    expect(left).to_have_attribute("title", said)
    open_tab(page, "Words")
    page.locator(".cl-words").get_by_label("Order of the words").select_option("both")
    where = page.locator(".cl-words [data-role=where]")
    expect(where).to_have_text(f"1–10 of 10. {said}")
    store.put_turns(seen.id, [WordTurns(id, None, -float(place), 0.0, {}) for place, id in enumerate(ids)])
    expect(where).to_have_text("1–10 of 10")
    open_tab(page, "Annotate")
    expect(left).to_have_attribute("title", "")
    page.wait_for_function("(id) => charloc.words.ahead[0].word.id === id", arg=ids[-1])
    assert word(page)["id"] == ids[0], "what is in hand stays"


def test_the_bar_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 760})
    page.reload()
    ready(page)
    bar = page.get_by_role("search", name="Which words")
    bar.get_by_text("Filters", exact=True).click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for control in bar.locator("select:visible, input:visible, button:visible").all():
        box = control.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 360
