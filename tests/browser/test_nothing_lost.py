"""Decisions made fast, in two tabs, without room, by someone not logged in: each is stored once, none is lost."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, Page, Route, expect

from db import NewCorrection, Store
from tests.browser.conftest import served, uncomplaining
from tests.browser.looking import all_saved, marks, only_correction, ready, word
from tests.browser.test_safety import someone_else_flags
from tests.projects import make_project

PRESSES, PERIOD_MS = 20, 20
# Presses as fast as a key repeats, timed in the page: the driver's own way to it is not that even. A press
# while the next words are still on their way has nothing to decide; so many are made that the asked number met a word.
HURRY = """([presses, period]) => new Promise((done) => {
  const met = [];
  let left = 50 * presses, late = 0;
  const timer = setInterval(() => {
    if (charloc.entry) met.push(charloc.entry.word.id);
    const press = { key: "Enter", code: "Enter", bubbles: true, cancelable: true };
    document.dispatchEvent(new KeyboardEvent("keydown", press));
    left -= 1;
    late += !charloc.words.fetching && charloc.words.ahead.length < 6;
    if (met.length === presses || !left) { clearInterval(timer); done([met, late]); }
  }, period);
})"""


def test_twenty_presses_at_fifty_a_second_are_twenty_saves(browser: Browser, tmp_path: Path) -> None:
    texts = ["".join(pair) * 2 for pair in product("abcdef", "mnopqr")]
    project = tmp_path / "project"
    with make_project(project, texts) as store, served(store, project) as url, uncomplaining(browser, url) as page:
        ready(page)
        met, late = page.evaluate(HURRY, [PRESSES, PERIOD_MS])
        all_saved(page)
        decided = [each for each in store.word_ids() if store.history(each)]
        assert sorted(decided) == sorted(set(met)) and len(met) == len(decided) == PRESSES
        assert not late, "more words are asked for while there are some"
        assert all(only_correction(store, each).kind == "boxes" for each in decided)
        assert word(page)["id"] not in decided


def fill_storage(page: Page) -> None:
    page.evaluate(
        """() => {
          for (let size = 1 << 20; size >= 1; size >>= 1) {
            for (let k = 0; ; k += 1) {
              try { localStorage.setItem(`ballast.${size}.${k}`, "x".repeat(size)); } catch { break; }
            }
          }
        }"""
    )


def test_without_room_nothing_is_decided_and_nothing_breaks(page: Page, store: Store) -> None:
    first = ready(page)
    fill_storage(page)
    page.keyboard.press("ArrowDown")
    toast = page.locator(".cl-toast")
    expect(toast).to_contain_text("storage is full")
    for key in ("Enter", "s"):
        page.keyboard.press(key)
        expect(toast).to_contain_text("cannot store anything more")
        assert word(page)["id"] == first["id"] and "pinned" in [mark["state"] for mark in marks(page)]
    for key in ("+", "c", "o", "p", "l"):
        page.keyboard.press(key)
    assert page.evaluate("charloc.stage.zoom") == 1.25, "settings hold, unremembered"
    page.evaluate("Object.keys(localStorage).forEach((k) => k.startsWith('ballast') && localStorage.removeItem(k))")
    page.keyboard.press("Enter")
    all_saved(page)
    assert "pinned" in [mark.state for mark in only_correction(store, first["id"]).characters]


def test_a_word_decided_in_one_tab_leaves_the_other(page: Page, server: str, store: Store) -> None:
    first = ready(page)
    other = page.context.new_page()
    other.goto(server)
    assert ready(other)["id"] == first["id"], "both begin with the same"
    page.keyboard.press("Enter")
    second = ready(page)
    other.wait_for_function("(id) => charloc.entry.word.id !== id", arg=first["id"])
    assert word(other)["id"] == second["id"]
    expect(other.locator(".cl-toast")).to_contain_text("decided in another tab")

    other.keyboard.press("ArrowDown")
    page.keyboard.press("s")
    expect(other.locator(".cl-toast")).to_contain_text("shown beside")
    assert word(other)["id"] == second["id"], "work in it is kept"
    all_saved(page)
    other.keyboard.press("Enter")
    card = other.locator(".cl-trouble-card")
    expect(card).to_contain_text("Two people decided")
    card.get_by_role("button", name="Keep yours").click()
    all_saved(other)
    assert [row.kind for row in store.history(second["id"])] == ["skip", "boxes"]
    assert only_correction(store, first["id"]).kind == "boxes"


def test_what_another_tab_has_sent_is_built_upon_without_a_conflict(page: Page, server: str, store: Store) -> None:
    first = ready(page)
    page.route("**/api/corrections", lambda route: route.abort())
    page.keyboard.press("Enter")
    expect(page.locator("[data-role=save]")).to_have_attribute("data-state", "down")
    other = page.context.new_page()
    other.goto(server)
    ready(other)
    all_saved(other)
    assert only_correction(store, first["id"]).kind == "boxes"
    page.keyboard.press("u")
    page.unroute("**/api/corrections")
    page.locator("[data-role=save]").click()
    all_saved(page)
    assert [row.kind for row in store.history(first["id"])] == ["boxes", "clear"]
    expect(page.locator(".cl-trouble-card")).to_have_count(0)


def test_decisions_wait_for_a_login_and_a_refused_one_can_be_sent_again(page: Page, store: Store) -> None:
    first = ready(page)
    answers = [(403, "You may not."), (401, "Log in first."), (422, "Not like this.")]

    def refuse(route: Route) -> None:
        status, detail = answers.pop(0)
        route.fulfill(status=status, json={"detail": detail})

    page.route("**/api/corrections", refuse, times=3)
    page.keyboard.press("Enter")
    save = page.locator("[data-role=save]")
    # After the second time it waits for two seconds.
    expect(save).to_have_attribute("title", re.compile(r"^Log in first\. 1 decision is kept in this browser"))
    expect(page.locator(".cl-trouble-card")).to_have_count(0)
    save.click()
    card = page.locator(".cl-trouble-card")
    expect(card).to_contain_text("Not like this.")
    assert not store.history(first["id"])
    card.get_by_role("button", name="Send it again").click()
    all_saved(page)
    expect(card).to_have_count(0)
    assert only_correction(store, first["id"]).kind == "boxes"


def test_a_conflict_shows_both_readings(page: Page, store: Store) -> None:
    first = ready(page)
    page.route("**/api/words/*/realign", lambda route: route.fulfill(status=503, json={"detail": "not ready"}))
    page.keyboard.press("t")
    page.keyboard.insert_text(first["text"] + "mine")
    page.keyboard.press("Enter")
    someone_else_flags(store, first["id"])
    base = only_correction(store, first["id"]).id
    theirs = NewCorrection(first["id"], "another", "flag", reason="torn", base_id=base, text=tuple("theirs"))
    store.save_correction(theirs)
    page.keyboard.press("Enter")
    sides = page.locator(".cl-trouble-card figure")
    expect(sides.nth(0)).to_contain_text("theirs")
    expect(sides.nth(0)).to_contain_text("flag: torn")
    expect(sides.nth(1)).to_contain_text(first["text"] + "mine")
    page.get_by_role("button", name="Keep yours").click()
    all_saved(page)
    assert store.words([first["id"]])[0].text == first["text"] + "mine"
    assert len(store.history(first["id"])) == 3


def test_unfinished_work_is_shown_where_somebody_decided_meanwhile(page: Page, store: Store) -> None:
    first = ready(page)
    page.keyboard.press("ArrowRight")
    (pinned,) = [index for index, mark in enumerate(marks(page)) if mark["state"] == "pinned"]
    mine = marks(page)[pinned]["box"]
    page.wait_for_function("Object.keys(localStorage).some((key) => key.includes('.draft.'))")
    someone_else_flags(store, first["id"])
    page.reload()
    card = page.locator(".cl-trouble-card")
    expect(card).to_contain_text("Two people decided about this word")
    page.get_by_role("button", name="Keep yours").click()
    all_saved(page)
    theirs, ours = store.history(first["id"])
    assert (theirs.kind, ours.kind, ours.base_id) == ("flag", "boxes", theirs.id)
    assert [mark.state for mark in ours.characters].count("pinned") == 1
    assert list(ours.characters[pinned].box or ()) == mine


def test_a_decision_outlives_any_number_of_refusals(page: Page, store: Store) -> None:
    first = ready(page)
    tries: list[str] = []

    def refuse(route: Route) -> None:
        tries.append(route.request.url)
        route.fulfill(status=503, json={"detail": "The store is being moved."})

    page.route("**/api/corrections", refuse)
    page.keyboard.press("Enter")
    sign = page.locator("[data-role=save]")
    for count in range(1, 15):
        page.evaluate("dispatchEvent(new Event('online'))")
        page.wait_for_function("(count) => charloc.outbox.failures > count", arg=count)
    assert len(tries) > 14
    expect(sign).to_have_text("1 unsaved, will retry")
    expect(sign).to_have_attribute("title", re.compile("being moved.*kept in this browser"))
    page.reload()
    assert ready(page)["id"] != first["id"], "it is decided"
    expect(sign).to_have_text("1 unsaved, will retry")
    page.unroute("**/api/corrections")
    all_saved(page)  # of itself, when the server answers again
    assert only_correction(store, first["id"]).kind == "boxes"


def test_what_the_server_cannot_store_keeps_nothing_else_from_being_stored(page: Page, store: Store) -> None:
    broken: set[int] = set()

    def some(route: Route) -> None:
        if route.request.post_data_json["word_id"] in broken:
            route.fulfill(status=500, json={"detail": "Something went wrong on the server."})
        else:
            route.continue_()

    page.route("**/api/corrections", some)
    words = []
    for _ in range(6):
        words.append(ready(page)["id"])
        if len(words) <= 4:
            broken.add(words[-1])
        page.keyboard.press("Enter")
        page.wait_for_function("(id) => charloc.entry?.word.id !== id", arg=words[-1])
    for id in words[4:]:
        page.wait_for_function("(id) => !charloc.outbox.wordIds().includes(id)", arg=id)
        assert only_correction(store, id).kind == "boxes"
    expect(page.locator("[data-role=save]")).to_have_text("4 unsaved, will retry")
    broken.clear()
    all_saved(page)
    assert all(only_correction(store, id).kind == "boxes" for id in words)
