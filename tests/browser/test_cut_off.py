"""A server that is killed in the middle of its answers: no page breaks, each says what is the matter and goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from annotator.turns import prepare
from db import Store
from tests.browser.conftest import uncomplaining
from tests.browser.cutting import Cutter, cutter
from tests.browser.looking import all_saved, only_correction, open_tab, ready

PAGES = ("Rounds", "Audit", "Suspicious", "Glyphs", "Words", "People")
AWAY = "The server cannot be reached"


@pytest.fixture
def cutting(server: str) -> Iterator[Cutter]:
    with cutter(server) as made:
        yield made


def data(path: str) -> bool:
    return path.startswith("/api/")


def test_answers_that_break_off_break_no_page(browser: Browser, cutting: Cutter, store: Store) -> None:
    with uncomplaining(browser, cutting.url) as page:
        first = ready(page)
        for name in PAGES:
            open_tab(page, name)
        open_tab(page, "Annotate")
        cutting.cuts = data
        page.keyboard.press("Enter")
        save, note = page.locator("[data-role=save]"), page.locator(".cl-header [data-role=note]")
        expect(save).to_have_attribute("data-state", "down")
        expect(note).to_contain_text(AWAY, timeout=15_000)
        page.set_viewport_size({"width": 360, "height": 740})
        assert note.evaluate("(e) => e.scrollHeight <= e.clientHeight && e.scrollWidth <= e.clientWidth"), "all of it"
        page.set_viewport_size({"width": 1280, "height": 800})
        asked_everywhere(page)
        cutting.cuts = lambda path: False
        open_tab(page, "Annotate")
        all_saved(page)
        assert only_correction(store, first["id"]).kind == "boxes", "stored once, though its answer never came"
        expect(note).to_be_empty(timeout=15_000)
    heard = {path.split("?")[0] for path in cutting.cut}
    assert heard >= {
        "/api/status", "/api/corrections", "/api/tags", "/api/audits", "/api/suspicions", "/api/queue/about",
        "/api/list", "/api/glyphs", "/api/people", "/api/rounds/held-back",
    }, sorted(heard)  # fmt: skip
    assert any(path.endswith("/history") for path in heard) and any(path.endswith("/realign") for path in heard)


def asked_everywhere(page: Page) -> None:
    """Do on every page what asks the server something; each says that nothing came back."""
    dialog = page.locator("[data-role=history]")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("i")
    expect(dialog).to_contain_text(AWAY)
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    tags = page.get_by_role("dialog", name="Tags")
    expect(tags).to_contain_text(AWAY)
    page.keyboard.press("Escape")
    page.locator("[data-role=queue] select").first.select_option("random")
    open_tab(page, "Rounds")
    page.locator("[data-role=hold-back] button").click()
    expect(page.locator(".cl-rounds [data-role=said]")).to_contain_text(AWAY)
    open_tab(page, "Audit")
    page.get_by_role("button", name="Begin the audit").click()
    expect(page.locator(".cl-audit [data-role=advice]")).to_contain_text(AWAY)
    open_tab(page, "Suspicious")
    page.locator(".cl-suspicious [data-role=least]").select_option(index=1)
    expect(page.locator(".cl-suspicious [data-role=trouble]")).to_contain_text(AWAY)
    open_tab(page, "Glyphs")
    page.locator(".cl-glyphs [data-role=order]").select_option(index=1)
    expect(page.locator(".cl-glyphs [data-role=said]")).to_contain_text(AWAY)
    open_tab(page, "Words")
    page.locator(".cl-words [aria-label='State']").select_option("open")
    expect(page.locator(".cl-words [data-role=said]")).to_contain_text(AWAY)
    open_tab(page, "People")
    expect(page.locator(".cl-people [data-role=refused]")).to_contain_text(AWAY)


def test_what_did_not_come_is_asked_for_again(browser: Browser, cutting: Cutter, store: Store) -> None:
    """All but the status breaks off at first; nothing of the project changes, and yet the pages fill."""
    seen = store.seen_round()
    assert seen is not None
    prepare(store, seen)
    cutting.cuts = lambda path: data(path) and path != "/api/status"
    with uncomplaining(browser, cutting.url) as page:
        expect(page.locator("[data-role=empty]").first).to_contain_text("does not answer")
        for name in ("Rounds", "Glyphs", "Words"):
            open_tab(page, name)
        expect(page.locator(".cl-words tbody tr")).to_have_count(0)
        cutting.cuts = lambda path: False
        expect(page.locator(".cl-words tbody tr").first).to_be_visible(timeout=15_000)
        open_tab(page, "Rounds")
        expect(page.locator(".cl-rounds tbody tr").first).to_be_visible(timeout=15_000)
        open_tab(page, "Glyphs")
        expect(page.locator(".cl-glyph-cell").first).to_be_visible(timeout=15_000)
        open_tab(page, "Annotate")
        ready(page)
