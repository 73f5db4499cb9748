"""An audit from drawing the words to what follows for all, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from db import Store
from tests.browser.conftest import served, uncomplaining
from tests.browser.looking import all_saved, open_tab, ready
from tests.browser.test_accessible import grave
from tests.projects import make_project


def open_audit(page: Page) -> Locator:
    open_tab(page, "Audit")
    return page.locator(".cl-audit")


def audited(page: Page) -> None:
    """Wait for a word of the audit to be on the stage."""
    page.wait_for_function("window.charloc?.entry?.word.audit && document.querySelector('.cl-letter')")


def test_an_audit_from_the_draw_to_the_interval(page: Page, store: Store) -> None:
    in_hand = ready(page)["id"]
    audit = open_audit(page)
    expect(audit.get_by_role("heading", name="How good is this data set?")).to_be_visible()
    expect(audit).to_contain_text("of 10 words")
    audit.get_by_role("spinbutton", name="Draw").fill("10")
    audit.get_by_role("button", name="Begin the audit").click()
    expect(audit.get_by_role("status").first).to_have_text("0 of 10 words looked at")
    expect(audit.locator("tbody").first).to_contain_text("–")

    audit.get_by_role("button", name="Look at the words").click()
    audited(page)
    expect(page.locator("[data-role=opened]")).to_contain_text("From Audit, 9 more")
    # Blind: no confidence in words, colours or the legend; the order is the one that was drawn.
    expect(page.locator("[data-role=readout]")).to_contain_text("as proposed")
    expect(page.locator("[data-role=readout]")).not_to_contain_text("sure")
    expect(page.locator(".cl-legend").first).to_be_hidden()
    drawn = store.audit_words(1)
    assert page.evaluate("charloc.entry.word.id") == drawn[0]
    assert page.evaluate("[...new Set(charloc.entry.word.confidence)]") == [0.5]

    page.keyboard.press("Enter")
    page.wait_for_function(f"charloc.entry.word.id === {drawn[1]}")
    page.keyboard.press("Enter")
    page.wait_for_function(f"charloc.entry.word.id === {drawn[2]}")
    # Taken back, then said again: one step to the right.
    page.keyboard.press("u")
    page.wait_for_function(f"charloc.entry.word.id === {drawn[1]}")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_function(f"charloc.entry.word.id === {drawn[2]}")
    all_saved(page)
    said = store.opinions("audit", audit_id=1)
    assert [each.word_id for each in said] == drawn[:2]
    assert said[1].characters[0].state == "pinned" and said[0].characters[0].state == "accepted"
    assert store.counts().corrected == 0 and store.corrections_in_force() == {}, "it corrects nothing"

    # Unfinished work of the audit outlives a reload, apart from what the queue has.
    page.keyboard.press("ArrowRight")
    page.wait_for_function("Object.keys(localStorage).some((key) => key.includes('.audit.'))")
    page.reload()
    assert ready(page)["id"] == in_hand
    assert not page.evaluate("charloc.entry.undo.length || charloc.entry.word.audit")
    audit = open_audit(page)
    expect(audit.get_by_role("status").first).to_have_text("2 of 10 words looked at")
    expect(audit.locator("tbody tr").first.locator("td").first).to_contain_text("to")
    audit.get_by_role("button", name="Look at the next words").click()
    audited(page)
    assert page.evaluate("[charloc.entry.word.id, charloc.entry.undo.length]") == [drawn[2], 1]
    for _ in range(8):
        page.keyboard.press("Enter")
    page.get_by_role("button", name="Back to Audit").click()
    expect(audit.get_by_role("status").first).to_have_text("10 of 10 words looked at", timeout=15_000)
    expect(audit.get_by_role("button", name="Look at the next words")).to_be_hidden()
    expect(audit).to_contain_text("the sample is the whole data set")

    audit.get_by_role("button", name="New audit").click()
    audit.get_by_role("button", name="Back").click()
    expect(audit.get_by_role("status").first).to_be_visible()
    audit.get_by_role("button", name="New audit").click()
    audit.get_by_role("button", name="Begin the audit").click()
    expect(audit.get_by_role("status").first).to_have_text("0 of 10 words looked at")
    expect(audit.get_by_role("region", name="Earlier audits").locator("tbody tr")).to_have_count(1)


def test_words_are_drawn_once_however_often_they_are_asked_for(browser: Browser, tmp_path: Path) -> None:
    def lose(route: Route) -> None:  # the server hears it, and the answer never comes
        if route.request.method == "POST":
            route.fetch()
        route.abort()

    project = tmp_path / "project"
    with (
        make_project(project, [letter * 3 for letter in "abcdefghijklmnopqrstuvwxyz"]) as store,
        served(store, project) as url,
        uncomplaining(browser, url) as page,
    ):
        audit = open_audit(page)
        begin = audit.get_by_role("button", name="Begin the audit")
        expect(begin).to_be_enabled()
        page.route("**/api/audits*", lose)
        audit.get_by_role("spinbutton", name="Draw").fill("20")
        begin.click()
        expect(audit.locator("[data-role=advice]")).to_contain_text("try once more")
        assert [each.words for each in store.audits()] == [20]
        page.unroute("**/api/audits*")
        begin.click()
        far = audit.get_by_role("status").first
        expect(far).to_have_text("0 of 20 words looked at")
        assert len(store.audits()) == 1

        audit.get_by_label("Draw more words").fill("2")
        audit.locator("form[data-role=more]").evaluate("(form) => { form.requestSubmit(); form.requestSubmit(); }")
        expect(far).to_have_text("0 of 22 words looked at")
        page.route("**/extend", lose)
        audit.get_by_role("button", name="Add", exact=True).click()
        expect(far).to_have_text("0 of 24 words looked at")
        expect(audit.locator("[data-role=said]")).to_have_text("The words were drawn.")
        page.unroute("**/extend")
        audit.get_by_role("button", name="Add", exact=True).click()
        expect(far).to_have_text("0 of 26 words looked at")
        assert sorted(store.audit_words(1)) == store.word_ids()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_audits_fits_a_phone(page: Page, store: Store, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 760})
    audit = open_audit(page)
    expect(audit.get_by_role("button", name="Begin the audit")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert not grave(page)
    audit.get_by_role("spinbutton", name="Draw").fill("3")
    assert not audit.locator("form").first.evaluate("(form) => form.checkValidity()"), "too few to say anything"
    audit.get_by_role("spinbutton", name="Draw").fill("10")
    audit.get_by_role("button", name="Begin the audit").click()
    expect(audit.get_by_role("button", name="Look at the words")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert not grave(page)
