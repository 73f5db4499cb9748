"""A word of which something was said earlier: where the rest is under that, is asked when it is shown, and once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from db import CharacterMark, NewCorrection, Store
from tests.browser.looking import all_saved, marks, on_screen, ready, selected, word
from tests.browser.test_live import SURE, Solver, after, settled

DRAFTS = "Object.keys(localStorage).filter((key) => key.includes('.draft.'))"


@pytest.fixture
def solver(page: Page) -> Iterator[Solver]:
    yield Solver(page)
    page.unroute_all(behavior="ignoreErrors")


def pinned_before(store: Store, shown: dict[str, Any], index: int) -> tuple[float, float, float, float]:
    """Somebody placed one character of a word 2 px lower, and left the others open."""
    x0, y0, x1, y1 = shown["boxes"][index]
    box = (x0, y0 + 2, x1, y1 + 2)
    said = [CharacterMark("pinned", box) if k == index else CharacterMark("untouched", None)
            for k in range(len(shown["boxes"]))]  # fmt: skip
    store.save_correction(NewCorrection(shown["id"], str(uuid4()), "boxes", tuple(said)))
    return box


def open_word(page: Page, shown: dict[str, Any]) -> None:
    opening = "new CustomEvent('charloc:open', { detail: { words: [id], from: 'history' } })"
    page.evaluate(f"(id) => dispatchEvent({opening})", shown["id"])
    page.wait_for_function("(id) => charloc.entry.word.id === id && charloc.entry.word.correction", arg=shown["id"])


def ahead(page: Page, at: int) -> dict[str, Any]:
    page.wait_for_function("(at) => charloc.words.ahead.length > at", arg=at)
    return page.evaluate("(at) => charloc.words.ahead.splice(at, 1)[0].word", at)


def test_its_other_characters_stand_where_they_are_under_what_was_said(
    page: Page, solver: Solver, store: Store
) -> None:
    ready(page)
    shown = ahead(page, 2)
    box = pinned_before(store, shown, 1)
    asked = len(solver.asked)
    assert not asked, "of words about which nothing was said nothing is asked"
    open_word(page, shown)
    page.wait_for_function("charloc.entry.marks.some((mark) => mark.confidence)")
    (question,) = solver.asked
    assert [mark["state"] for mark in question["marks"]].count("pinned") == 1
    now = marks(page)
    assert np.allclose(now[1]["box"], box) and now[1]["state"] == "pinned", "what was placed stays"
    for index, mark in enumerate(now):
        if index != 1:
            assert mark["state"] == "untouched" and mark["confidence"] == SURE
            moved = np.clip(after(shown["boxes"][index]), 0, [shown["width"], shown["height"]] * 2)
            assert np.allclose(mark["box"], moved, atol=0.011)
    assert page.evaluate(DRAFTS) == [] and page.evaluate("charloc.remembering === undefined"), "nothing was done"
    assert page.evaluate("charloc.entry.undo.length") == 0

    page.locator(".cl-letter").nth(0).click()
    page.keyboard.press("ArrowDown")
    settled(page)
    assert len(solver.asked) == 2
    page.keyboard.press("u")
    assert marks(page) == now, "undo goes back to what was shown"
    page.keyboard.press("Enter")
    ready(page)
    all_saved(page)
    page.keyboard.press("u")
    assert word(page)["id"] == shown["id"] and marks(page) == now
    settled(page)
    assert len(solver.asked) == 2, "it was followed already"


def test_nothing_moves_once_the_person_has_begun(page: Page, solver: Solver, store: Store) -> None:
    ready(page)
    shown, held, dragged = (ahead(page, 2) for _ in range(3))
    for each in (shown, held, dragged):
        pinned_before(store, each, 0)
    solver.held = True
    open_word(page, shown)
    page.wait_for_function("charloc.live.asking")
    page.keyboard.press("Tab")
    solver.release()
    settled(page)
    assert all("confidence" not in mark for mark in marks(page))

    open_word(page, dragged)
    page.wait_for_function("charloc.live.asking")
    x, y, width, height = on_screen(page, selected(page))
    page.mouse.move(x + width / 2, y + height / 2)
    page.mouse.down()
    solver.release()
    settled(page)
    page.mouse.up()
    assert all("confidence" not in mark for mark in marks(page))

    page.keyboard.press("l")
    asked = len(solver.asked)
    open_word(page, held)
    settled(page)
    assert len(solver.asked) == asked, "the others do not follow at all"


def test_unfinished_work_is_followed_unless_alt_held_the_others(page: Page, solver: Solver) -> None:
    first = ready(page)
    solver.status = 404
    page.keyboard.press("ArrowDown")
    settled(page)
    before = marks(page)
    solver.status = 200
    page.reload()
    ready(page)
    page.wait_for_function("charloc.entry.marks.some((mark) => mark.confidence)")
    assert word(page)["id"] == first["id"] and marks(page) != before
    page.keyboard.press("u")
    assert all(mark["state"] == "untouched" and "confidence" not in mark for mark in marks(page))

    asked = len(solver.asked)
    x, y, width, height = on_screen(page, selected(page))
    page.keyboard.down("Alt")
    page.mouse.move(x + width / 2, y + height / 2)
    page.mouse.down()
    page.mouse.move(x + width / 2, y + height / 2 + 12, steps=3)
    page.mouse.up()
    page.keyboard.up("Alt")
    held = marks(page)
    kept = f"{DRAFTS}.map((key) => JSON.parse(localStorage.getItem(key)).touched[index]?.box + '')[0]"
    index = selected(page)
    page.wait_for_function(f"([index, box]) => {kept} === box + ''", arg=[index, held[index]["box"]])
    page.reload()
    ready(page)
    settled(page)
    assert marks(page) == held and len(solver.asked) == asked


def test_what_was_done_before_the_service_was_there_is_followed_once_it_is(page: Page, solver: Solver) -> None:
    ready(page)
    page.evaluate("charloc.live.pauseMs = 100")
    start = marks(page)
    solver.status = 503
    page.keyboard.press("ArrowDown")
    page.wait_for_function("charloc.live.seq >= 3")
    assert all("confidence" not in mark for mark in marks(page))
    page.keyboard.press("Tab")  # to look at another one is nothing done
    solver.status = 200
    page.wait_for_function("charloc.entry.marks.some((mark) => mark.confidence)")
    page.keyboard.press("u")
    assert marks(page) == start, "one step, with what followed"

    page.evaluate(
        "() => { const { live } = charloc, { counts } = live; live.no = 0;"
        " live.counts = (asked) => counts.call(live, asked) || ((live.no += 1), false); }"
    )
    solver.status = 503
    page.keyboard.press("ArrowDown")
    page.wait_for_function("charloc.live.away")
    for key in ("Tab", "Space"):  # something else is done: the next one is accepted
        page.keyboard.press(key)
    solver.status = 200
    page.wait_for_function("charloc.live.no > 0")
    settled(page)
    assert all("confidence" not in mark for mark in marks(page))


def test_what_was_given_up_is_asked_again_when_the_network_or_the_person_is_back(page: Page, solver: Solver) -> None:
    ready(page)
    page.evaluate("charloc.live.pauseMs = 0.01")
    solver.status = 503
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-role=readout]")).to_contain_text("What you said is kept", timeout=15_000)
    settled(page)
    placed, asked = marks(page), len(solver.asked)
    assert page.evaluate(f"{DRAFTS}.length") == 1
    page.wait_for_timeout(300)
    assert len(solver.asked) == asked, "it was given up"
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_function("(seq) => charloc.live.seq > seq", arg=asked)
    expect(page.locator("[data-role=readout]")).to_contain_text("What you said is kept", timeout=15_000)
    settled(page)
    solver.status = 200
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.wait_for_function("charloc.entry.marks.some((mark) => mark.confidence)")
    at = selected(page)
    assert marks(page)[at] == placed[at], "what was placed stays"
