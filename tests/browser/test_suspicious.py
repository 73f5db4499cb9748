"""The page of suspicious transcripts: worst first, decided by keys, undone, opened, looked for anew."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Locator, Page, expect

from annotator.suspicions import JOB, STOP
from db import CharacterMark, NewCorrection, Store, StoredSuspicion
from db.liveness import HOST
from tests.browser.looking import ready
from tests.browser.test_accessible import grave

ODD = "<img src=x onerror=\"document.title='owned'\">${document.title='owned'}\u202e"


@pytest.fixture
def suspects(store: Store) -> list[int]:
    """Five suspicious words, worst first; the second is markup, the third has no suggestion."""
    ids = store.word_ids()[:5]
    marks = tuple(CharacterMark("untouched") for _ in ODD)
    store.save_correction(NewCorrection(ids[1], "odd", "boxes", marks, text=tuple(ODD)))
    made = []
    for number, word in enumerate(store.words(ids)):
        suggestion = None if number == 2 else ("X", *word.characters[1:])
        reason = "blank" if number == 2 else "changed"
        score = 0.95 - number / 10
        made.append(StoredSuspicion(word.id, score, reason, word.characters, {reason: score}, suggestion, 6.0))
    store.save_suspicions(1, made)
    return ids


def listed(page: Page) -> Locator:
    page.get_by_role("tab", name="Suspicious").click()
    rows = page.locator(".cl-suspect")
    expect(rows.first).to_be_visible()
    rows.first.focus()
    return rows


def current(page: Page) -> int:
    return int(page.locator(".cl-suspect[aria-current=true]").get_attribute("data-id") or 0)


def test_keys_decide_and_take_back(page: Page, store: Store, suspects: list[int]) -> None:
    rows = listed(page)
    page.evaluate("Crypto.prototype.randomUUID = undefined")  # as over plain http from another machine
    expect(rows).to_have_count(5)
    words = {word.id: word for word in store.words(suspects)}
    expect(rows.first.locator("del")).to_have_text(words[suspects[0]].text[0])
    expect(rows.first.locator("ins")).to_have_text("X")
    assert current(page) == suspects[0]

    page.keyboard.press("a")
    expect(rows.first).to_contain_text("Changed to")
    assert store.words(suspects[:1])[0].text == "X" + words[suspects[0]].text[1:]
    assert current(page) == suspects[1], "and on to the next"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("u")
    expect(rows.first.get_by_role("button", name="It is right")).to_be_visible()
    assert store.words(suspects[:1])[0].text == words[suspects[0]].text
    assert [each.kind for each in store.history(suspects[0])] == ["boxes", "clear"]

    page.keyboard.press("r")
    expect(rows.first).to_contain_text("Said to be right")
    assert store.judged_right() == {suspects[0]}
    page.keyboard.press("ArrowDown")
    page.keyboard.press("a")  # there is no suggestion: nothing happens
    page.keyboard.press("f")
    expect(rows.nth(2)).to_contain_text("Flagged")
    assert store.corrections_in_force([suspects[2]])[suspects[2]].kind == "flag"
    page.get_by_role("tab", name="Annotate").click()
    rows = listed(page)
    page.reload()
    rows = listed(page)
    expect(rows).to_have_count(3)
    expect(page.locator(".cl-summary")).to_contain_text("1 said to be right")


def test_undo_gives_back_what_somebody_had_said_before(page: Page, store: Store, suspects: list[int]) -> None:
    rows = listed(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("f")
    expect(rows.nth(1)).to_contain_text("Flagged")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("u")
    expect(rows.nth(1)).not_to_contain_text("Flagged")
    kept = store.corrections_in_force([suspects[1]])[suspects[1]]
    assert kept.kind == "boxes" and "".join(kept.text or ()) == ODD


def test_markup_is_shown_and_does_nothing(page: Page, suspects: list[int]) -> None:
    rows = listed(page)
    expect(rows.nth(1).locator(".cl-was")).to_contain_text("<img src=x")
    expect(rows.nth(1).locator(".cl-was")).to_contain_text("‹U+202E›")
    assert page.title() != "owned" and rows.nth(1).locator("img").count() == 1


def test_a_word_is_opened_in_the_editor_and_gone_when_one_comes_back(
    page: Page, store: Store, suspects: list[int]
) -> None:
    ready(page)
    listed(page)
    page.keyboard.press("o")
    page.wait_for_function(f"charloc.entry?.word.id === {suspects[0]}")
    expect(page.locator("[data-role=opened]")).to_contain_text("From Suspicious")
    store.save_correction(NewCorrection(suspects[0], "elsewhere", "flag"))
    page.get_by_role("button", name="Back to Suspicious").click()
    expect(page.locator(".cl-suspect")).to_have_count(4)


def test_a_conflict_is_told_and_nothing_is_overwritten(page: Page, store: Store, suspects: list[int]) -> None:
    rows = listed(page)
    store.save_correction(NewCorrection(suspects[0], "meanwhile", "flag"))
    page.keyboard.press("a")
    expect(page.locator(".cl-trouble").first).not_to_be_empty()
    expect(rows.first).not_to_contain_text("Changed to")
    assert store.corrections_in_force([suspects[0]])[suspects[0]].kind == "flag"
    # The list is loaded anew, as it often is by itself: what went wrong is still told.
    page.get_by_label("Show").select_option("0.05")
    expect(rows).to_have_count(4)
    expect(page.locator(".cl-trouble").first).not_to_be_empty()


def test_empty_states_and_looking_with_progress_and_stop(page: Page, store: Store) -> None:
    page.get_by_role("tab", name="Suspicious").click()
    expect(page.locator(".cl-suspicious .cl-empty")).to_contain_text("Not looked at yet")
    now = datetime.now(UTC).isoformat()
    job = {"id": "j", "pid": os.getpid(), "host": HOST, "started_at": now, "heartbeat_at": now}
    store.set_setting(JOB, {**job, "phase": "read", "done": 4, "total": 10})
    page.get_by_role("tab", name="Annotate").click()
    page.get_by_role("tab", name="Suspicious").click()
    expect(page.locator(".cl-looking")).to_contain_text("reading words 40 %")
    expect(page.get_by_role("button", name="Look at the transcripts")).to_be_hidden()
    page.locator(".cl-suspicious").get_by_role("button", name="Stop").click()
    expect(page.locator(".cl-looking")).to_contain_text("stopping")
    assert store.setting(STOP) == "j"
    store.set_setting(JOB, {**job, "ended": True, "message": ""})
    expect(page.get_by_role("button", name="Look at the transcripts")).to_be_visible(timeout=10_000)
    store.save_suspicions(1, [])


@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_is_cut_off(page: Page, suspects: list[int], width: int) -> None:
    rows = listed(page)  # on a narrow page the tab is in a menu
    page.set_viewport_size({"width": width, "height": 800})
    for button in rows.first.get_by_role("button").all():
        box = button.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_nothing_grave_for_those_who_cannot_see_or_use_a_mouse(page: Page, suspects: list[int]) -> None:
    listed(page)
    page.keyboard.press("r")  # a row that is done is on the page as well
    expect(page.locator(".cl-suspect").first).to_contain_text("Said to be right")
    states: list[str] = []
    for scheme, width in (("light", 1280), ("dark", 1280), ("dark", 390)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 844})
        states += [f"{scheme} {width}: {each}" for each in grave(page)]
    assert not states, "\n".join(states)
