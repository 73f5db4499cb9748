"""Unfinished work of several tabs: none overwrites another's, and what a closed tab left is gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from db import Store
from tests.browser.conftest import uncomplaining
from tests.browser.looking import all_saved, marks, only_correction, ready, selected, word

KEPT = "Object.keys(localStorage).filter((key) => key.includes('.draft.'))"
NO_LOCKS = "delete Navigator.prototype.locks"


@pytest.fixture(params=["locks", "none"])
def first_tab(browser: Browser, server: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The editor; also where the browser has no locks, as over plain http from another machine."""
    with uncomplaining(browser, server) as page:
        if request.param == "none":
            page.context.add_init_script(NO_LOCKS)
            page.reload()
        yield page


def another(page: Page, url: str) -> Page:
    opened = page.context.new_page()
    opened.goto(url)
    ready(opened)
    return opened


def pin(page: Page, index: int) -> list[dict[str, Any]]:
    """Pin a character of the word in hand; what is said of it then."""
    page.keyboard.press("l") if page.evaluate("charloc.live.on") else None
    page.locator(".cl-letter").nth(index).click()
    page.keyboard.press("ArrowDown")
    page.wait_for_function(f"{KEPT}.length > 0")
    return marks(page)


def test_two_tabs_keep_their_own_work_and_the_next_visit_has_both(first_tab: Page, server: str, store: Store) -> None:
    page = first_tab
    first = ready(page)
    one = pin(page, 0)
    other = another(page, server)
    assert word(other)["id"] == first["id"]
    assert all(mark["state"] == "untouched" for mark in marks(other)), "a living tab's work is its own"
    two = pin(other, 1)
    for each, mine in ((page, one), (other, two), (page, one)):
        each.reload()
        assert ready(each)["id"] == first["id"]
        assert marks(each) == mine
    assert page.evaluate(KEPT + ".length") == 2

    page.goto("about:blank")
    other.goto("about:blank")
    third = another(page, server)
    toast = third.locator(".cl-toast")
    for _ in range(2):
        assert word(third)["id"] == first["id"]
        expect(toast).to_contain_text("Two tabs left unfinished work")
        assert marks(third) == two, "the newer one"
        third.keyboard.press("u")
        assert marks(third) == one
        third.keyboard.press("Control+y")
        assert marks(third) == two
        assert third.evaluate(KEPT + ".length") == 1
        third.reload()
        ready(third)
    third.keyboard.press("u")
    third.keyboard.press("u")
    assert all(mark["state"] == "untouched" for mark in marks(third))
    assert third.evaluate(KEPT) == []
    for _ in range(2):
        third.keyboard.press("Control+y")
    assert marks(third) == two
    third.keyboard.press("Enter")
    all_saved(third)
    assert [mark.state for mark in only_correction(store, first["id"]).characters][:2] == ["accepted", "pinned"]
    assert third.evaluate(KEPT) == []


def test_a_duplicated_tab_is_another_tab(first_tab: Page) -> None:
    page = first_tab
    first = ready(page)
    one = pin(page, 0)
    with page.context.expect_page() as opening:
        page.evaluate("window.open(location.href)")  # with a copy of sessionStorage
    other = opening.value
    assert ready(other)["id"] == first["id"]
    names = [each.evaluate("sessionStorage.getItem('charloc.tab')") for each in (page, other)]
    assert None not in names and len(set(names)) == 2
    two = pin(other, 1)
    page.reload()
    ready(page)
    assert marks(page) == one
    other.reload()
    ready(other)
    assert marks(other) == two and selected(other) >= 0


def test_drafts_of_older_versions_are_gone_on_with(page: Page) -> None:
    first = ready(page)
    mine = pin(page, 0)
    page.evaluate(
        f"for (const key of {KEPT}) {{ const draft = JSON.parse(localStorage.getItem(key));"
        " localStorage.removeItem(key); delete draft.at; delete draft.others;"
        " localStorage.setItem(key.split('.').slice(0, -1).join('.'), JSON.stringify(draft)); }"
    )
    page.reload()
    assert ready(page)["id"] == first["id"]
    assert marks(page) == mine
