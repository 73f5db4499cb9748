"""What the stage shows and how it is worked on: by mouse, pen, finger and keys; boxes and centres; long lines."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from db import Store
from tests.browser.conftest import served, uncomplaining
from tests.browser.looking import all_saved, drag, marks, on_screen, only_correction, ready, selected
from tests.projects import TEXTS, make_project

LINE = " ".join(["the quick brown fox jumps over a lazy dog and goes home again", *TEXTS])
ACCURACY_PX = 0.5
"""Of the original image."""


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Store]]:
    """The address of a project whose first word is a long line, and its store."""
    folder: Path = tmp_path_factory.mktemp("lines") / "project"
    with make_project(folder, (LINE, *TEXTS)) as store, served(store, folder) as url:
        yield url, store


@pytest.fixture(scope="module")
def one(browser: Browser, lines: tuple[str, Store]) -> Iterator[Page]:
    with uncomplaining(browser, lines[0]) as page:
        page.route("**/api/**/realign", lambda route: route.abort())  # nothing follows here
        yield page


@pytest.fixture
def page(one: Page) -> Page:
    """One page for all tests here, as if it were new; the first word's last decision is taken back."""
    one.evaluate("clearTimeout(window.charloc?.remembering); localStorage.clear()")
    one.reload()
    ready(one)
    return one


def open_word(page: Page, text: str) -> dict[str, Any]:
    """Go on to the word with that text."""
    for _ in range(len(TEXTS) + 1):
        shown = ready(page)
        if shown["text"] == text:
            return shown
        page.evaluate("charloc.next()")
        page.wait_for_function("charloc.entry")
    raise AssertionError(f"The word '{text}' does not come.")


def centre(page: Page, index: int) -> tuple[float, float]:
    """Where a character's centre is on the screen, whether or not its box is drawn."""
    at = page.evaluate(
        """(i) => { const { stage, entry } = charloc; const r = stage.sheet.getBoundingClientRect();
        const [x, y, w, h] = stage.onScreen(entry.marks[i].box); return [r.x + x + w / 2, r.y + y + h / 2]; }""",
        index,
    )
    return (at[0], at[1])


def sign(page: Page, index: int) -> str:
    """What is drawn of a character besides its colour: the line, and what it is nailed down or marked with."""
    return page.evaluate(
        """(i) => { const group = charloc.stage.boxes[i]; const box = getComputedStyle(group.lastChild);
        const d = group.querySelector('.cl-sign').getAttribute('d').replace(/[-\\d. ]+/g, ' ');
        return JSON.stringify([box.strokeDasharray, box.strokeWidth, box.display, d]); }""",
        index,
    )


def test_states_and_sureness_are_told_without_colour_and_the_legend_is_true(page: Page) -> None:
    open_word(page, "melody")
    page.evaluate(
        """() => { const { entry, stage } = charloc; entry.selected = 5;
        entry.word.confidence = [0.3, 0.6, 0.8, 0.95, 0.95, 0.95];
        entry.marks = entry.marks.map((mark, i) => ({ ...mark, state: i === 4 ? 'accepted' : 'untouched' }));
        stage.update(); }"""
    )
    page.locator(".cl-letter").nth(5).click()
    page.keyboard.press("ArrowUp")
    page.locator(".cl-letter").nth(0).click()
    for points in (False, True):
        signs = [sign(page, index) for index in range(1, 6)] if not points else [sign(page, i) for i in (1, 4, 5)]
        assert len(set(signs)) == len(signs), signs
        legend = page.evaluate(
            """() => [...document.querySelectorAll('[data-role=legend] g')].map((g) => [g.dataset.state,
            getComputedStyle(g.lastChild).strokeDasharray, getComputedStyle(g.lastChild).stroke,
            getComputedStyle(g.lastChild).display, getComputedStyle(g.querySelector('.cl-sign')).stroke])"""
        )
        drawn = page.evaluate(
            """() => [1, 2, 3, 4, 5].map((i) => charloc.stage.boxes[i]).map((g) => [g.dataset.state,
            getComputedStyle(g.lastChild).strokeDasharray, getComputedStyle(g.lastChild).stroke,
            getComputedStyle(g.lastChild).display, getComputedStyle(g.querySelector('.cl-sign')).stroke])"""
        )
        assert legend[1:] == drawn
        page.keyboard.press("p")
    badges = page.locator(".cl-letter").evaluate_all("(all) => all.map((e) => getComputedStyle(e, '::after').content)")
    assert badges[4] != badges[5] and badges[0] == "none"
    page.keyboard.press("x")
    gone = page.locator(".cl-letter").nth(0)
    expect(gone).to_have_attribute("data-state", "invisible")
    assert gone.evaluate("(e) => getComputedStyle(e, '::after').content") not in badges
    assert "not visible" in (gone.get_attribute("title") or "")


def test_points_move_with_their_boxes_size_and_are_remembered(page: Page, lines: tuple[str, Store]) -> None:
    shown = open_word(page, "guard")
    page.keyboard.press("p")
    expect(page.locator("[data-do=points]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".cl-box").first).to_be_hidden()
    expect(page.locator("[data-role=stage] .cl-sign").first).to_be_visible()
    scale = page.evaluate("charloc.stage.scale")
    index = (selected(page) + 1) % 5
    before = marks(page)[index]["box"]
    x, y = centre(page, index)
    drag(page, (x + 4, y - 3), (0, 2 * scale))
    assert selected(page) == index
    moved = marks(page)[index]
    assert moved["state"] == "pinned"
    assert np.allclose(np.subtract(moved["box"], before), [0, 2, 0, 2], atol=0.02), "taken beside its middle"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Control+ArrowUp")
    assert np.allclose(np.subtract(marks(page)[index]["box"], before), 0, atol=0.02), "a centre has no edges"
    page.keyboard.press("x")
    page.mouse.click(x, y)  # puts the point that is missing
    put = marks(page)[index]
    assert put["state"] == "pinned"
    at = np.add(put["box"][:2], put["box"][2:]) / 2
    assert np.allclose(at, np.add(before[:2], before[2:]) / 2, atol=ACCURACY_PX)
    page.keyboard.press("Enter")
    all_saved(page)
    saved = only_correction(lines[1], shown["id"])
    assert np.allclose(saved.characters[index].box, put["box"], atol=0.011), "a point is saved as a box"
    page.reload()
    ready(page)
    expect(page.locator(".cl-box").first).to_be_hidden()
    page.keyboard.press("p")
    expect(page.locator(".cl-box").first).to_be_visible()


def test_a_missing_box_is_put_by_key_between_its_neighbours(page: Page) -> None:
    open_word(page, "number")
    for index in (0, 2, 5):
        page.locator(".cl-letter").nth(index).click()
        there = marks(page)
        page.keyboard.press("b")
        assert marks(page) == there, "where there is a box, none is put"
        expect(page.locator(".cl-toast")).to_contain_text("has its box already")
        page.keyboard.press("x")
        page.keyboard.press("ArrowLeft")
        expect(page.locator(".cl-toast")).to_contain_text("B puts one")
        page.keyboard.press("b")
        put = marks(page)[index]
        assert put["state"] == "pinned"
        x0, y0, x1, y1 = put["box"]
        width = page.evaluate("charloc.entry.word.width")
        height = page.evaluate("charloc.entry.word.height")
        assert 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
        middles = [(mark["box"][0] + mark["box"][2]) / 2 for mark in marks(page)]
        assert middles == sorted(middles), "in its place on the line"
        page.keyboard.press("ArrowRight")
        assert marks(page)[index]["box"][0] == pytest.approx(min(x0 + 1, width - (x1 - x0)), abs=0.02)


def test_a_space_has_no_box(page: Page) -> None:
    shown = open_word(page, LINE)
    index = shown["characters"].index(" ")
    before = marks(page)
    page.locator(".cl-letter").nth(index).click()
    page.keyboard.press("b")
    expect(page.locator(".cl-toast")).to_have_text("A space has no box.")
    assert marks(page) == before
    assert not page.evaluate("charloc.stage.pointer.draws")


def test_letters_stand_at_their_widths_in_order_without_overlap(page: Page) -> None:
    for width, text in ((1280, LINE), (390, "yellow"), (360, "autumn")):
        page.set_viewport_size({"width": width, "height": 800})
        open_word(page, text)
        places = page.locator(".cl-letter").evaluate_all(
            "(all) => all.map((e) => { const r = e.getBoundingClientRect(); return [r.left, r.right, e.scrollWidth]; })"
        )
        assert all(a[1] <= b[0] for a, b in pairwise(places))
        assert all(right - left >= glyph for left, right, glyph in places)
        sheet = page.locator(".cl-sheet").bounding_box()
        assert sheet["x"] <= places[0][0] and places[-1][1] <= sheet["x"] + sheet["width"] + 0.5
    page.set_viewport_size({"width": 1280, "height": 800})


def in_view(page: Page) -> bool:
    """Whether the selected character's box and letter are to be seen."""
    return page.evaluate(
        """() => { const { stage } = charloc; const view = stage.element.getBoundingClientRect();
        const i = charloc.entry.selected;
        return [stage.boxes[i].lastChild, stage.letters[i]].every((each) => { const r = each.getBoundingClientRect();
          return r.left >= view.left && r.right <= view.right; }); }"""
    )


def test_a_long_line_scrolls_with_the_selection_and_draws_only_what_changes(page: Page) -> None:
    shown = open_word(page, LINE)
    assert len(shown["characters"]) > 100
    assert page.evaluate("charloc.stage.size.width > 2 * charloc.stage.element.clientWidth")
    page.evaluate("charloc.select(0)")
    for _ in range(45):
        page.keyboard.press("Tab")
        assert in_view(page)
    assert page.evaluate("charloc.stage.element.scrollLeft") > 0
    count = """() => { window.seen = new Set();
      new MutationObserver((all) => all.forEach((each) => seen.add(each.target)))
        .observe(charloc.stage.sheet, { subtree: true, attributes: true, childList: true }); }"""
    page.evaluate(count)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    touched = page.evaluate("[...seen].filter((each) => each.closest('g, button, path')).length")
    assert 0 < touched < 60, "one character and the letters it pushes, not the whole line"
    page.keyboard.press("Shift+Tab")
    for _ in range(12):
        page.keyboard.press("Shift+ArrowRight")
    assert in_view(page), "what is moved by keys stays in view"


def test_a_drag_to_the_edge_takes_a_long_line_along(page: Page) -> None:
    open_word(page, LINE)
    page.evaluate("charloc.select(5)")
    view = page.locator("[data-role=stage]").bounding_box()
    x, y = centre(page, 5)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y)
    page.mouse.move(view["x"] + view["width"] - 10, y)
    page.wait_for_function("charloc.stage.element.scrollLeft > 300")
    page.keyboard.press("Escape")
    page.mouse.up()
    assert all(mark["state"] == "untouched" for mark in marks(page))


def test_scale_is_bounded(page: Page) -> None:
    open_word(page, LINE)
    for _ in range(12):
        page.keyboard.press("+")
    scale, width = page.evaluate("[charloc.stage.scale, charloc.entry.word.width * charloc.stage.scale]")
    assert scale <= 16 and width <= 30_000
    page.keyboard.press("0")


@pytest.mark.parametrize("density", [1, 1.5, 2])
def test_drags_are_exact_at_every_density_and_zoom(browser: Browser, lines: tuple[str, Store], density: float) -> None:
    with browser.new_context(viewport={"width": 1100, "height": 700}, device_scale_factor=density) as context:
        page = context.new_page()
        page.route("**/api/**/realign", lambda route: route.abort())
        page.goto(lines[0])
        ready(page)
        for zoom, text in ((0, LINE), (-3, "melody"), (2, "melody")):
            word = open_word(page, text)
            for _ in range(abs(zoom)):
                page.keyboard.press("+" if zoom > 0 else "-")
            scale = page.evaluate("charloc.stage.scale")
            page.evaluate("charloc.select(2)")
            before = marks(page)[2]["box"]
            x, y, width, height = on_screen(page, 2)
            assert np.isclose(width, (before[2] - before[0]) * scale, atol=0.1)
            by = np.array([0.4 * min(before[0], 20), -0.4 * min(before[1], 8)])
            drag(page, (x + width / 2, y + height / 2), tuple(by * scale))
            after = marks(page)[2]["box"]
            assert np.allclose(np.subtract(after, before), np.tile(by, 2), atol=ACCURACY_PX)
            x, y, width, height = on_screen(page, 2)
            drag(page, (x + width + 2, y + height / 2), (3 * scale, 0))
            edge = marks(page)[2]["box"]
            grown = min(3, word["width"] - after[2])
            assert np.allclose(np.subtract(edge, after), [0, 0, grown, 0], atol=ACCURACY_PX)
            page.keyboard.press("u")
            page.keyboard.press("u")
            page.keyboard.press("0")


@pytest.fixture
def phone(browser: Browser, lines: tuple[str, Store]) -> Iterator[tuple[Page, CDPSession]]:
    """The word "yellow" on a phone, and its fingers."""
    with browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as context:
        page = context.new_page()
        page.route("**/api/**/realign", lambda route: route.abort())
        page.goto(lines[0])
        open_word(page, "yellow")
        yield page, context.new_cdp_session(page)


def touch(fingers: CDPSession, kind: str, *points: tuple[float, float]) -> None:
    at = [{"x": x, "y": y, "id": index} for index, (x, y) in enumerate(points)]
    fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})


def test_one_finger_draws_a_missing_box_and_two_fingers_draw_nothing(phone: tuple[Page, CDPSession]) -> None:
    page, fingers = phone
    index = selected(page)
    page.keyboard.press("x")
    frame = page.locator(".cl-image").bounding_box()
    x, y = frame["x"] + 1, frame["y"] + frame["height"] - 1
    steps = [(x + 8 * k, y - 5 * k) for k in range(6)]
    touch(fingers, "touchStart", steps[0])
    for at in steps[1:3]:
        touch(fingers, "touchMove", at)
    assert marks(page)[index]["state"] == "pinned", "it is being drawn"
    second = (x + 90, y - 10)
    touch(fingers, "touchStart", steps[2], second)
    assert marks(page)[index] == {"state": "invisible", "box": None}, "two fingers: as if nothing had been drawn"
    touch(fingers, "touchMove", steps[4], (x + 120, y - 30))
    touch(fingers, "touchEnd")
    assert marks(page)[index] == {"state": "invisible", "box": None}

    touch(fingers, "touchStart", steps[0])
    for at in steps[1:]:
        touch(fingers, "touchMove", at)
    touch(fingers, "touchEnd")
    box = marks(page)[index]["box"]
    scale = page.evaluate("charloc.stage.scale")
    assert np.allclose([box[2] - box[0], box[3] - box[1]], [40 / scale, 25 / scale], atol=ACCURACY_PX)


def test_a_pinch_on_the_selected_box_moves_nothing(phone: tuple[Page, CDPSession]) -> None:
    page, fingers = phone
    before = marks(page)
    x, y = centre(page, selected(page))
    touch(fingers, "touchStart", (x, y))
    touch(fingers, "touchMove", (x, y - 8))
    assert marks(page) != before
    touch(fingers, "touchStart", (x, y - 8), (x + 60, y))
    touch(fingers, "touchMove", (x - 20, y - 8), (x + 90, y))
    touch(fingers, "touchEnd")
    assert marks(page) == before
    assert page.evaluate("charloc.entry.undo.length") == 0


def test_nothing_is_cut_off_on_a_phone(phone: tuple[Page, CDPSession]) -> None:
    page, _ = phone
    for width in (390, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        legend = page.locator("[data-role=legend]").bounding_box()
        assert legend["width"] <= width and legend["height"] < 30, "in one line"


def test_a_pen_drags_at_once(page: Page) -> None:
    open_word(page, "melody")
    pen = page.context.new_cdp_session(page)
    index = (selected(page) + 1) % 6
    before = marks(page)[index]["box"]
    scale = page.evaluate("charloc.stage.scale")
    x, y = centre(page, index)

    def send(kind: str, dy: float, pressed: int) -> None:
        event = {"type": kind, "x": x, "y": y + dy, "button": "left" if kind != "mouseMoved" else "none"}
        more = {"buttons": pressed, "clickCount": 1, "pointerType": "pen", "force": 0.5 * pressed}
        pen.send("Input.dispatchMouseEvent", event | more)

    send("mouseMoved", 0, 0)
    assert page.locator(".cl-sheet").evaluate("(e) => getComputedStyle(e).touchAction") == "none", "a pen never scrolls"
    send("mousePressed", 0, 1)
    send("mouseMoved", scale, 1)
    send("mouseMoved", 2 * scale, 1)
    send("mouseReleased", 2 * scale, 0)
    assert selected(page) == index
    assert np.allclose(np.subtract(marks(page)[index]["box"], before), [0, 2, 0, 2], atol=ACCURACY_PX)
