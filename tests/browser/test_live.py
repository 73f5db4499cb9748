"""While a person moves one character the others follow: what is asked, what of the answers counts, what is saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from db import Store
from tests.browser.looking import all_saved, marks, on_screen, only_correction, ready, selected, word

REALIGN = "**/api/words/*/realign"
SURE = 0.99


class Solver:
    """Stands in for the service: moves all that is untouched 3 px right and 1 px down of where the word was proposed.

    Answers wait while `held`.
    """

    def __init__(self, page: Page) -> None:
        self.asked: list[dict[str, Any]] = []
        self.waiting: list[Route] = []
        self.held = False
        self.status = 200
        self.sure = SURE
        page.route(REALIGN, self.hear)

    def hear(self, route: Route) -> None:
        self.asked.append(route.request.post_data_json)
        if self.held:
            self.waiting.append(route)
        else:
            self.answer(route)

    def answer(self, route: Route) -> None:
        body = route.request.post_data_json
        if self.status != 200:
            route.fulfill(status=self.status, json={"detail": "Nothing fits between “a” and “b”."})
            return
        boxes = [after(mark["box"]) if mark["state"] == "untouched" else mark["box"] for mark in body["marks"]]
        sure = [self.sure] * len(boxes)
        route.fulfill(json={"characters": body["characters"], "boxes": boxes, "confidence": sure, "seq": body["seq"]})

    def release(self) -> None:
        waiting, self.waiting = self.waiting, []
        for route in waiting:
            self.answer(route)


def after(box: list[float] | None) -> list[float] | None:
    return box and [box[0] + 3, box[1] + 1, box[2] + 3, box[3] + 1]


@pytest.fixture
def solver(page: Page) -> Iterator[Solver]:
    yield Solver(page)
    page.unroute_all(behavior="ignoreErrors")


def test_neighbours_move_together_and_only_where_the_model_is_no_less_sure(page: Page) -> None:
    ready(page)
    followed = """([before, after, confidence]) => import(document.querySelector('link[href$="/marks.js"]').href)
      .then(({ followed }) => followed({ confidence: before.map(() => 0.6) }, before.map((each) => ({ ...each })),
        before, after, confidence).map((mark) => [mark.box, mark.confidence ?? null]))"""

    def solved(states: str, after: list[int], confidence: list[float]) -> list[int]:
        """Left edges; every box is 10 px wide and they stood 20 px apart; "p" is pinned where it stands."""
        names = {"p": "pinned", "u": "untouched"}
        before = [{"state": names[each], "box": [20 * k, 0, 20 * k + 10, 10]} for k, each in enumerate(states)]
        boxes = [[x, 0, x + 10, 10] for x in after]
        return [int(box[0]) for box, _ in page.evaluate(followed, [before, boxes, confidence])]

    moved = [5, 25, 40, 65, 85]
    assert solved("uupuu", moved, [0.9, 0.5, 1, 0.5, 0.6]) == [5, 25, 40, 60, 80], "each side as a whole"
    assert solved("uupuu", moved, [0.6, 0.6, 1, 0.6, 0.6]) == moved
    assert solved("upuuu", [0, 45, 58, 60, 80], [0.1, 1, 0.1, 0.1, 0.1]) == [0, 20, 40, 60, 80], "a pin is not moved"
    before = [{"state": "pinned", "box": [22, 0, 32, 10]}, {"state": "untouched", "box": [20, 0, 30, 10]}]
    after = [[22, 0, 32, 10], [34, 0, 44, 10]]
    taken = page.evaluate(followed, [before, after, [1, 0.1]])
    assert taken[1] == [[34, 0, 44, 10], 0.1], "its place is taken: it goes, however unsure"


def settled(page: Page) -> None:
    """Wait until nothing is asked."""
    page.wait_for_function("!charloc.live.asking && !charloc.live.wanted")


def others(page: Page, but: int) -> list[dict[str, Any]]:
    return [mark for index, mark in enumerate(marks(page)) if index != but]


def middle(page: Page, index: int) -> tuple[float, float]:
    x, y, width, height = on_screen(page, index)
    return x + width / 2, y + height / 2


def test_what_follows_is_measured_by_where_it_was_before_the_character_was_touched(page: Page, solver: Solver) -> None:
    ready(page)
    index = selected(page)
    start = others(page, index)
    page.keyboard.press("ArrowDown")
    settled(page)
    assert others(page, index) != start
    solver.sure = 0.01
    page.keyboard.press("ArrowDown")
    settled(page)
    assert others(page, index) == start, "not by where a nudge on the way had led them"


def test_what_is_untouched_follows_and_undo_takes_all_back_in_one_step(
    page: Page, solver: Solver, store: Store
) -> None:
    first = ready(page)
    pinned = selected(page)
    start = marks(page)
    page.keyboard.press("ArrowDown")
    settled(page)
    (said,) = [mark for mark in solver.asked[-1]["marks"] if mark["state"] != "untouched"]
    assert said == {"state": "pinned", "box": marks(page)[pinned]["box"]}, "what moves is a pin"
    assert solver.asked[-1]["word_key"] == first["key"]
    assert marks(page)[pinned]["box"] == [a + b for a, b in zip(start[pinned]["box"], (0, 1, 0, 1), strict=True)]
    for index, mark in enumerate(marks(page)):
        if index != pinned:
            assert mark["state"] == "untouched" and mark["confidence"] == SURE
            assert np.allclose(mark["box"], after(first["boxes"][index]), atol=0.011) or min(mark["box"]) == 0
    page.keyboard.press("Tab")
    expect(page.locator("[data-role=readout]")).to_contain_text("99 % sure  ·  moved with your corrections")
    page.keyboard.press("u")
    assert marks(page) == start
    page.keyboard.press("Control+y")
    shown = marks(page)
    assert shown[pinned]["state"] == "pinned" and others(page, pinned)[0]["confidence"] == SURE

    page.reload()
    assert ready(page)["id"] == first["id"]
    assert marks(page) == shown, "what followed outlives a reload with the pin that it follows"
    page.keyboard.press("Enter")
    all_saved(page)
    row = only_correction(store, first["id"])
    states = ["pinned" if index == pinned else "accepted" for index in range(len(start))]
    assert [mark.state for mark in row.characters] == states
    assert np.allclose([mark.box for mark in row.characters], [mark["box"] for mark in shown]), "as shown"


def test_only_what_is_untouched_moves_while_one_is_dragged(page: Page, solver: Solver) -> None:
    ready(page)
    index = selected(page)
    scale = page.evaluate("charloc.stage.scale")
    accepted = (index + 1) % len(marks(page))
    page.locator(".cl-letter").nth(accepted).click()
    page.keyboard.press("Space")
    page.locator(".cl-letter").nth(index).click()
    before = marks(page)
    solver.held = True
    x, y = middle(page, index)
    image = page.locator(".cl-image").bounding_box()
    page.mouse.move(x, y)
    page.mouse.down()
    for dy in (4, 6, 8):
        page.mouse.move(x, y + dy)
    page.wait_for_function("charloc.live.asking")
    assert len(solver.asked) == 1, "one request at a time, whatever is dragged meanwhile"
    solver.release()
    page.wait_for_function("charloc.entry.marks.some((mark) => mark.confidence)")
    shown = marks(page)
    assert shown[accepted] == before[accepted]
    assert np.allclose(shown[index]["box"][1] - before[index]["box"][1], 8 / scale, atol=0.011), "under the pointer"
    assert page.locator(".cl-image").bounding_box() == image, "the image stands still"
    page.wait_for_function("charloc.live.asking")
    assert len(solver.asked) == 2, "then the latest"
    assert solver.asked[1]["marks"][index]["box"] == shown[index]["box"]
    solver.held = False
    solver.release()
    page.mouse.up()
    settled(page)
    page.keyboard.press("u")
    assert marks(page) == before


def test_an_answer_that_comes_too_late_changes_nothing(page: Page, solver: Solver, store: Store) -> None:
    first = ready(page)
    start = marks(page)
    solver.held = True
    page.keyboard.press("ArrowDown")
    page.wait_for_function("charloc.live.asking")
    page.keyboard.press("u")
    solver.release()
    settled(page)
    assert marks(page) == start, "after an undo"

    page.keyboard.press("ArrowDown")
    page.wait_for_function("charloc.live.asking")
    shown = marks(page)
    page.keyboard.press("Enter")
    second = ready(page)
    solver.release()
    settled(page)
    assert second["id"] != first["id"] and all("confidence" not in mark for mark in marks(page)), "in the next word"
    all_saved(page)
    row = only_correction(store, first["id"])
    assert np.allclose([mark.box for mark in row.characters], [mark["box"] for mark in shown])


def test_without_the_service_all_goes_on_and_it_is_tried_again(page: Page, solver: Solver) -> None:
    ready(page)
    page.evaluate("charloc.live.pauseMs = 1e6")
    for status in (503, 404):
        page.evaluate("charloc.live.pausedUntil = 0")  # as when a while has passed
        solver.status = status
        solver.asked = []
        page.keyboard.press("ArrowDown")
        settled(page)
        page.keyboard.press("ArrowDown")
        settled(page)
        assert len(solver.asked) == 1, "not at every step"
        assert all("confidence" not in mark for mark in marks(page))
        expect(page.locator(".cl-toast")).to_have_text("")
    solver.status = 200
    page.evaluate("charloc.live.pausedUntil = 0")
    page.keyboard.press("ArrowDown")
    settled(page)
    assert len(solver.asked) == 2
    assert sum("confidence" in mark for mark in marks(page)) == len(marks(page)) - 1


def test_why_others_cannot_follow_is_said(page: Page, solver: Solver) -> None:
    ready(page)
    solver.status = 422
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-role=readout]")).to_have_text("Nothing fits between “a” and “b”.")


def press_drag(page: Page, index: int, by: float, during: Callable[[], None]) -> None:
    x, y = middle(page, index)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + by / 2)
    during()
    page.mouse.move(x, y + by)
    page.mouse.up()


def test_alt_holds_the_others_and_a_switch_does_so_for_good(page: Page, solver: Solver) -> None:
    ready(page)
    index = selected(page)
    before = others(page, index)
    page.keyboard.down("Alt")
    press_drag(page, index, 12, lambda: None)
    page.keyboard.up("Alt")
    assert others(page, index) == before and not solver.asked
    press_drag(page, index, -12, lambda: None)
    settled(page)
    assert solver.asked and others(page, index) != before
    page.keyboard.press("l")
    follow = page.locator("[data-do=follow]")
    expect(follow).to_have_attribute("aria-pressed", "false")
    asked = len(solver.asked)
    page.reload()
    ready(page)
    expect(follow).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("ArrowRight")
    assert not page.evaluate("charloc.live.asking") and len(solver.asked) == asked
    follow.click()
    page.keyboard.press("ArrowRight")
    settled(page)
    assert len(solver.asked) == asked + 1
    assert page.evaluate("localStorage.getItem('charloc.live')") == "on"


def test_escape_takes_a_drag_back(page: Page, solver: Solver) -> None:
    ready(page)
    before = marks(page)
    press_drag(page, selected(page), 12, lambda: page.keyboard.press("Escape"))
    settled(page)
    assert marks(page) == before
    assert page.evaluate("charloc.entry.undo.length") == 0
    assert page.evaluate("charloc.words.past.length") == 0


def test_words_are_read_by_the_service_before_they_are_shown(page: Page, solver: Solver) -> None:
    asked: list[int] = []

    def hear(route: Route) -> None:
        asked.extend(route.request.post_data_json["ids"])
        route.fulfill(json={})

    page.route("**/api/realign/warm", hear)
    page.reload()
    ready(page)
    page.wait_for_function("charloc.words.ahead.length >= 6 && charloc.live.warmed.size >= 7")
    assert set(asked) == {word(page)["id"], *page.evaluate("charloc.words.ahead.map((entry) => entry.word.id)")}
    assert len(asked) == len(set(asked)), "each once"
