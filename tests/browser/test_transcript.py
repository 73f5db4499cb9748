"""The transcript, corrected where it is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from charloc.text import characters, normalise, visual_order
from db import NewCorrection, Store
from tests.browser.conftest import served, uncomplaining
from tests.browser.looking import all_saved, marks, only_correction, ready, selected, word
from tests.browser.test_safety import ILL
from tests.projects import add_round, add_words

INPUT = "[data-role=transcript-input]"
CLUSTERS = "import(document.querySelector('link[href$=\"/clusters.js\"]').href)"


class Realigner:
    """In place of the service: spreads untouched characters evenly; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict] = []

    def __call__(self, route: Route) -> None:
        step = json.loads(route.request.post_data)
        self.asked.append(step)
        characters, said = step["characters"], step["marks"]
        boxes = [
            mark["box"] if mark["state"] != "untouched" else None if not c.strip() else [10 * k, 5, 10 * k + 8, 20]
            for k, (c, mark) in enumerate(zip(characters, said, strict=True))
        ]
        order = list(range(len(characters)))
        answer = {"characters": characters, "order": order, "boxes": boxes, "confidence": [0.7] * len(boxes)}
        route.fulfill(json={**answer, "seq": step["seq"], "ms": 1.0})


@pytest.fixture
def page(fresh_page: Page) -> Page:
    return fresh_page


@pytest.fixture
def store(lasting: tuple[str, Store]) -> Store:
    return lasting[1]


@pytest.fixture
def realigner(page: Page) -> Iterator[Realigner]:
    made = Realigner()
    page.route("**/api/words/*/realign", made)
    yield made
    page.unroute("**/api/words/*/realign")


def edit(page: Page, text: str, key: str = "Enter") -> None:
    page.keyboard.press("t")
    expect(page.locator(INPUT)).to_be_focused()
    page.keyboard.insert_text(text)
    page.keyboard.press(key)
    expect(page.locator(INPUT)).to_be_hidden()


def accept(page: Page) -> None:
    """Accept the word; with boxes on their way that takes as long as they do."""
    decided = word(page)["id"]
    page.keyboard.press("Enter")
    page.wait_for_function("(id) => charloc.entry?.word.id !== id", arg=decided)


def test_an_edit_keeps_what_was_pinned_and_solves_the_rest_at_once(
    page: Page, store: Store, realigner: Realigner
) -> None:
    first = ready(page)
    last = len(first["characters"]) - 1
    page.locator(".cl-letter").nth(last).click()
    page.keyboard.press("ArrowUp")
    pinned = marks(page)[last]["box"]
    changed = "Q" + first["text"][1:-1] + "xx" + first["text"][-1]
    page.locator("[data-role=transcript]").click()
    expect(page.locator(INPUT)).to_have_value(first["text"])
    page.keyboard.insert_text(changed)
    page.wait_for_function("charloc.entry.word.confidence[0] === 0.7")
    assert realigner.asked[-1]["characters"] == list(changed)
    page.keyboard.press("Enter")
    assert word(page)["characters"] == list(changed)
    now = marks(page)
    assert now[-1] == {"state": "pinned", "box": pinned}
    assert [mark["state"] for mark in now[:-1]] == ["untouched"] * (len(changed) - 1)
    assert now[-2]["box"][0] == 10 * (len(changed) - 2), "where the method puts them"
    expect(page.locator("[data-role=transcript]")).to_have_text(changed)
    expect(page.locator(".cl-letter")).to_have_count(len(changed))

    page.keyboard.press("u")
    assert word(page)["text"] == first["text"] and marks(page)[last]["box"] == pinned
    expect(page.locator(".cl-letter")).to_have_count(last + 1)
    page.keyboard.press("Control+y")
    assert marks(page) == now
    accept(page)
    all_saved(page)
    row = only_correction(store, first["id"])
    assert row.text == tuple(changed)
    assert [mark.state for mark in row.characters] == ["accepted"] * (len(changed) - 1) + ["pinned"]
    assert store.words([first["id"]])[0].text == changed

    page.keyboard.press("u")
    assert word(page)["text"] == changed
    page.keyboard.press("u")
    accept(page)
    all_saved(page)
    assert [row.kind for row in store.history(first["id"])] == ["boxes", "clear", "boxes"]
    assert store.words([first["id"]])[0].text == first["text"], "taken back, the imported transcript holds"


def test_escape_leaves_the_transcript_and_unfinished_edits_outlive_a_reload(
    page: Page, store: Store, realigner: Realigner
) -> None:
    first = ready(page)
    before = marks(page)
    edit(page, "other", "Escape")
    assert word(page)["text"] == first["text"] and marks(page) == before
    edit(page, "  ")
    expect(page.locator(".cl-toast")).to_contain_text("cannot be empty")
    assert word(page)["text"] == first["text"]
    edit(page, "other")
    page.wait_for_function("charloc.entry.word.confidence[0] === 0.7")
    page.keyboard.press("Space")
    work = marks(page)
    page.reload()
    again = ready(page)
    assert (again["id"], again["text"], marks(page)) == (first["id"], "other", work)
    page.keyboard.press("s")
    all_saved(page)
    row = only_correction(store, first["id"])
    assert row.text == tuple("other") and "accepted" in [mark.state for mark in row.characters]


def test_without_the_service_boxes_can_be_drawn_and_a_flag_or_skip_keeps_the_text(page: Page, store: Store) -> None:
    first = ready(page)
    edit(page, first["text"] + "z")
    assert marks(page)[-1] == {"state": "untouched", "box": None}
    assert [mark["box"] for mark in marks(page)[:-1]] == first["boxes"]
    assert selected(page) == len(first["text"])
    page.keyboard.press("s")
    second = ready(page)
    page.keyboard.press("f")
    page.get_by_role("button", name="Correct the transcript instead").click()
    expect(page.locator(INPUT)).to_be_focused()
    page.keyboard.insert_text("wrong")
    page.keyboard.press("Enter")
    page.keyboard.press("f")
    page.keyboard.press("2")
    ready(page)
    all_saved(page)
    row = only_correction(store, first["id"])
    assert (row.kind, row.text) == ("skip", tuple(first["text"] + "z"))
    row = only_correction(store, second["id"])
    assert (row.kind, row.text) == ("flag", tuple("wrong"))


def test_boxes_come_once_the_service_has_started(page: Page, realigner: Realigner) -> None:
    ready(page)
    page.route("**/api/words/*/realign", lambda route: route.fulfill(status=503, json={"detail": "starting"}), times=1)
    edit(page, "QQQ")
    page.wait_for_function("charloc.transcript.pending === null")
    assert [mark["box"] for mark in marks(page)] == [None] * 3
    page.wait_for_function("charloc.entry.marks.every((mark) => mark.box)")
    assert len(realigner.asked) == 1


def test_a_corrected_transcript_comes_back_as_it_was_left(page: Page, store: Store, realigner: Realigner) -> None:
    first = ready(page)
    edit(page, "QQQ")
    page.wait_for_function("charloc.entry.word.confidence[0] === 0.7")
    accept(page)
    all_saved(page)
    page.evaluate(
        "(id) => window.dispatchEvent(new CustomEvent('charloc:open', { detail: { words: [id], from: 'test' } }))",
        first["id"],
    )
    page.wait_for_function("(id) => charloc.entry.word.id === id", arg=first["id"])
    assert word(page)["text"] == "QQQ" and word(page)["imported"] == first["characters"]
    assert [mark["box"] for mark in marks(page)] == [[10 * k, 5, 10 * k + 8, 20] for k in range(3)]
    edit(page, first["text"])
    accept(page)  # before the boxes are known: it waits for them
    all_saved(page)
    assert [row.text for row in store.history(first["id"])] == [tuple("QQQ"), None]


def test_characters_are_split_and_joined(browser: Browser, tmp_path: Path) -> None:
    realigner = Realigner()
    with Store.open(tmp_path / "project", create=True) as store:
        add_round(store, add_words(store, ["flûte"]), noise_px=0.5)
        with served(store, tmp_path / "project") as url, uncomplaining(browser, url) as page:
            page.route("**/api/words/*/realign", realigner)
            first = ready(page)
            page.locator(".cl-letter").nth(0).click()
            page.keyboard.press("m")
            assert word(page)["characters"] == ["fl", "û", "t", "e"]
            assert realigner.asked[-1]["marks"][0]["state"] == "untouched"
            page.keyboard.press("Tab")
            page.keyboard.press("Shift+M")
            assert word(page)["characters"] == ["fl", "u", "\u0302", "t", "e"]
            edit(page, "flûtes")
            assert word(page)["characters"] == ["fl", "û", "t", "e", "s"], "what stays keeps its characters"
            page.keyboard.press("Tab")
            page.keyboard.press("Shift+M")
            expect(page.locator(".cl-toast")).to_contain_text("cannot be split")
            accept(page)
            all_saved(page)
            assert only_correction(store, first["id"]).text == ("fl", "û", "t", "e", "s")


def test_what_stays_is_matched(page: Page) -> None:
    def from_old(old: str, now: str) -> list:
        call = f"([a, b]) => {CLUSTERS}.then((all) => all.matched([...a], [...b]))"
        found = page.evaluate(call, [old, now])
        return [match and (match["from"] if match["same"] else -1 - match["from"]) for match in found]

    assert from_old("melody", "melody") == [0, 1, 2, 3, 4, 5]
    assert from_old("melody", "meldy") == [0, 1, 2, 4, 5]
    assert from_old("meldy", "melody") == [0, 1, 2, None, 3, 4]
    assert from_old("melody", "memory") == [0, 1, -3, 3, -5, 5], "another letter in the same place"
    assert from_old("abc", "") == [] and from_old("", "ab") == [None, None]
    assert from_old("aaab", "baaa") == [None, 0, 1, 2] or from_old("aaab", "baaa") == [3, None, None, None]
    rng = np.random.default_rng(3)
    for _ in range(60):
        old, now = ("".join(rng.choice(list("abc"), rng.integers(0, 9))) for _ in range(2))
        found = [index for index in from_old(old, now) if index is not None and index >= 0]
        assert found == sorted(set(found)), (old, now)
        assert all(old[i] == now[k] for k, i in enumerate(from_old(old, now)) if i is not None and i >= 0)
        longest = np.zeros((len(old) + 1, len(now) + 1), int)
        for i, a in enumerate(old):
            for j, b in enumerate(now):
                longest[i + 1, j + 1] = longest[i, j] + 1 if a == b else max(longest[i, j + 1], longest[i + 1, j])
        assert len(found) == longest[-1, -1], (old, now)


HEBREW, MIXED, MARKS = "שלום עולם", "אב 12 cd", "e\u0323\u0301a\u0308"


def test_any_text_typed_in_place_is_shown_as_it_is_and_stays_text(page: Page) -> None:
    ready(page)
    for text in (HEBREW, MIXED, MARKS, "\u202eabc\u2066", *ILL):
        edit(page, text)
        now = word(page)
        assert now["text"] == normalise(text)
        assert now["characters"] == list(characters(normalise(text)))
        assert now["order"] == list(visual_order(now["characters"]))
        expect(page.locator("[data-role=transcript]")).to_have_text(normalise(text), use_inner_text=False)
        lefts = page.evaluate("charloc.stage.letters.map((l) => l.getBoundingClientRect().x)")
        assert sorted(range(len(lefts)), key=lefts.__getitem__) == now["order"]
        assert page.evaluate("window.hacked") is None
        assert page.locator("img[src=x], .cl-editor script").count() == 0


def test_marks_that_turn_text_round_are_shown(page: Page, store: Store) -> None:
    first = ready(page)
    store.save_correction(NewCorrection(first["id"], "turned", "skip", text=("a", "\u202e", "b")))
    page.evaluate(
        "(id) => { charloc.words.current = null;"
        " dispatchEvent(new CustomEvent('charloc:open', { detail: { words: [id], from: 'test' } })); }",
        first["id"],
    )
    expect(page.locator("[data-role=transcript]")).to_have_text("a⟨U+202E⟩b")
    expect(page.locator(".cl-letter").nth(1)).to_contain_text("U+202E")
    page.keyboard.press("t")
    page.keyboard.press("Enter")
    assert word(page)["characters"] == ["a", "\u202e", "b"], "looking changes nothing"
    edit(page, "a\u202ebc")
    assert word(page)["characters"] == ["a", "b", "c"]
    expect(page.locator(".cl-toast")).to_contain_text("Invisible characters")
