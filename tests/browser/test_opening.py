"""Words opened from other pages and from links come before the queue, and nothing is lost by it."""

from __future__ import annotations

from playwright.sync_api import Page, Route, expect

from db import Store
from tests.browser.looking import all_saved, marks, ready, selected, word


def open_words(page: Page, ids: list[int], origin: str = "rounds", character: int | None = None) -> None:
    page.evaluate(
        "(detail) => window.dispatchEvent(new CustomEvent('charloc:open', { detail }))",
        {"words": ids, "from": origin, "character": character},
    )


def shows(page: Page, id: int) -> None:
    page.wait_for_function("(id) => window.charloc?.entry?.word.id === id", arg=id)


def test_opened_words_come_next_and_the_word_in_hand_waits(page: Page, store: Store) -> None:
    first = ready(page)["id"]
    page.keyboard.press("ArrowRight")
    work = marks(page)
    others = [id for id in store.word_ids() if id != first]
    page.get_by_role("tab", name="Rounds").click()
    open_words(page, [others[3], others[1]], character=2)
    shows(page, others[3])
    expect(page.locator("[data-role=editor]")).to_be_visible()
    assert selected(page) == 2
    note = page.locator("[data-role=opened]")
    expect(note).to_contain_text("From Rounds, 1 more")
    page.keyboard.press("Enter")
    shows(page, others[1])
    page.keyboard.press("Enter")
    shows(page, first)
    assert marks(page) == work, "what was begun is as it was left"
    expect(note).to_contain_text("That was all from Rounds")
    all_saved(page)
    assert store.counts().corrected == 2
    note.get_by_role("button", name="Back to Rounds").click()
    expect(page.locator(".cl-rounds")).to_be_visible()
    page.get_by_role("tab", name="Annotate").click()
    note.get_by_role("button", name="Close").click()
    expect(note).to_be_hidden()

    # A word decided a moment ago is opened as it stands, and can be decided again.
    open_words(page, [others[1], others[2]])
    shows(page, others[1])
    assert {mark["state"] for mark in marks(page)} == {"accepted"}
    note.get_by_role("button", name="On with the queue").click()
    shows(page, first)
    expect(note).to_be_hidden()
    page.keyboard.press("u")
    page.keyboard.press("Enter")
    all_saved(page)
    assert word(page)["id"] != others[2], "what was given up does not come back"


def test_a_link_opens_its_word_once(page: Page, store: Store) -> None:
    ready(page)
    wanted = store.queue(5)[4]
    page.goto(page.url + f"?word={wanted}")
    shows(page, wanted)
    assert "word=" not in page.url
    expect(page.locator("[data-role=opened]")).to_contain_text("From a link")
    page.keyboard.press("Enter")
    shows(page, store.queue(1)[0])
    all_saved(page)


def test_a_word_that_is_not_there_is_said(page: Page) -> None:
    in_hand = ready(page)["id"]
    open_words(page, [987_654])
    expect(page.locator(".cl-toast")).to_contain_text("no word 987654")
    assert word(page)["id"] == in_hand


def test_who_is_faster_than_what_was_opened_waits_for_it(fresh_page: Page, lasting: tuple[str, Store]) -> None:
    page = fresh_page
    first = ready(page)["id"]
    ids = [id for id in lasting[1].word_ids() if id != first][:14]
    held: list[Route] = []
    page.route("**/api/words?ids=*", lambda route: held.append(route) if f"ids={ids[8]}," in route.request.url
               else route.continue_())  # fmt: skip
    open_words(page, ids)
    shows(page, ids[0])
    for id in ids[:8]:
        shows(page, id)
        page.keyboard.press("Enter")
    expect(page.locator("[data-role=empty]")).to_contain_text("Fetching words")
    page.keyboard.press("Enter")
    assert len(held) == 1
    held[0].continue_()
    page.unroute("**/api/words?ids=*")
    for id in ids[8:]:
        shows(page, id)
        page.keyboard.press("Enter")
    shows(page, first)
    all_saved(page)
    assert sorted(lasting[1].corrections_in_force()) == sorted(ids)


def test_the_word_in_hand_may_be_among_what_is_opened_and_comes_once(page: Page, store: Store) -> None:
    first = ready(page)["id"]
    others = [id for id in store.word_ids() if id != first]
    note = page.locator("[data-role=opened]")
    open_words(page, [first, others[0]])
    expect(note).to_contain_text("From Rounds, 1 more")
    shows(page, first)
    note.get_by_role("button", name="On with the queue").click()
    expect(note).to_be_hidden()
    in_hand = ready(page)["id"]
    ids = [next(id for id in others[1:] if id != in_hand), in_hand]
    open_words(page, ids)
    for id in ids:
        shows(page, id)
        page.keyboard.press("Enter")
    expect(note).to_contain_text("That was all from Rounds")
    assert word(page)["id"] not in ids
    all_saved(page)
    assert [len(store.history(id)) for id in ids] == [1, 1]
