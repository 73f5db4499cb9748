"""The editor in a real browser: keys, mouse, and the rows they make."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from db import Store
from tests.browser.looking import all_saved, drag, marks, on_screen, only_correction, ready, selected, word
from tests.projects import add_round


def test_keys_work_right_after_load(page: Page, store: Store) -> None:
    first = ready(page)
    confidence = first["confidence"]
    assert selected(page) == int(np.argmin(confidence)), "starts on the least certain character"
    assert first["id"] == store.queue(1)[0], "starts on the least certain word"
    before = marks(page)[selected(page)]["box"]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    now = marks(page)[selected(page)]
    assert now["state"] == "pinned"
    assert np.allclose(np.subtract(now["box"], before), [1, -5, 1, -5], atol=0.011)
    page.keyboard.press("Control+ArrowRight")
    page.keyboard.press("Alt+ArrowUp")
    resized = marks(page)[selected(page)]["box"]
    assert np.allclose(np.subtract(resized, now["box"]), [0, -1, 1, 0], atol=0.011)
    page.keyboard.press("Enter")
    all_saved(page)
    row = only_correction(store, first["id"])
    assert row.kind == "boxes" and row.round_id == first["round_id"]
    pinned = int(np.argmin(confidence))
    assert [mark.state for mark in row.characters] == [
        "pinned" if index == pinned else "accepted" for index in range(len(confidence))
    ]
    assert np.allclose(row.characters[pinned].box, resized)
    for index, mark in enumerate(row.characters):
        if index != pinned:
            assert np.allclose(mark.box, first["boxes"][index])
    assert ready(page)["id"] != first["id"]


def test_it_says_where_other_methods_disagree_and_moves_nothing(page: Page, store: Store) -> None:
    words = store.words(store.word_ids())
    truth = {each.text: np.tile([3.0, 2.0, 9.0, 20.0], (len(each.characters), 1)) for each in words}
    add_round(store, truth, noise_px=0.5, method="segmental", apart=0.75)
    page.reload()
    shown = ready(page)
    assert shown["round"] == 1
    says = "other methods place it elsewhere"
    letters, readout = page.locator(".cl-letter"), page.locator("[data-role=readout]")
    letters.nth(1).click()
    expect(readout).to_contain_text("% sure")
    expect(readout).not_to_contain_text(says)
    letters.nth(0).click()
    expect(readout).to_contain_text(says)
    assert says in (letters.nth(0).get_attribute("title") or "")
    assert says not in (letters.nth(1).get_attribute("title") or "")
    assert [mark["state"] for mark in marks(page)] == ["untouched"] * len(shown["boxes"])
    page.keyboard.press("Space")
    letters.nth(0).click()
    expect(readout).to_contain_text("accepted")
    expect(readout).not_to_contain_text(says)


def test_tab_space_and_letters_select_and_accept_single_characters(page: Page, store: Store) -> None:
    first = ready(page)
    length = len(first["characters"])
    start = selected(page)
    page.keyboard.press("Tab")
    assert selected(page) == (start + 1) % length
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    assert selected(page) == (start - 1) % length
    page.locator(".cl-letter").nth(0).click()
    assert selected(page) == 0
    page.keyboard.press("Space")
    assert selected(page) == 1, "accepting one goes on to the next"
    page.keyboard.press("x")
    page.keyboard.press("s")
    all_saved(page)
    row = only_correction(store, first["id"])
    states = [mark.state for mark in row.characters]
    assert row.kind == "boxes", "a skipped word keeps what was said of single characters"
    assert states == ["accepted", "invisible", *["untouched"] * (length - 2)]
    assert row.characters[1].box is None


def test_skip_flag_and_undo_make_the_right_rows(page: Page, store: Store) -> None:
    first = ready(page)
    page.keyboard.press("s")
    second = ready(page)
    page.keyboard.press("f")
    expect(page.locator("dialog[data-role=flag]")).to_be_visible()
    page.keyboard.type("torn off u h s")
    page.keyboard.press("Enter")
    third = ready(page)
    assert len({first["id"], second["id"], third["id"]}) == 3
    page.keyboard.press("f")
    page.keyboard.press("2")
    fourth = ready(page)
    all_saved(page)
    assert only_correction(store, first["id"]).kind == "skip"
    flagged = only_correction(store, second["id"])
    assert (flagged.kind, flagged.reason) == ("flag", "torn off u h s")
    assert only_correction(store, third["id"]).reason == "Unreadable"

    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Control+z")
    assert all(mark["state"] == "untouched" for mark in marks(page)), "first the step within the word"
    page.keyboard.press("u")
    assert word(page)["id"] == third["id"], "then back into the word before"
    page.keyboard.press("u")
    assert word(page)["id"] == second["id"]
    page.keyboard.press("Enter")
    all_saved(page)
    assert [row.kind for row in store.history(third["id"])] == ["flag", "clear"]
    assert [row.kind for row in store.history(second["id"])] == ["flag", "clear", "boxes"]
    assert word(page)["id"] == third["id"], "what was in hand comes again"
    page.keyboard.press("Enter")
    assert word(page)["id"] == fourth["id"]
    all_saved(page)
    assert [row.kind for row in store.history(third["id"])] == ["flag", "clear", "boxes"]


def test_undo_restores_steps_and_redo_takes_them_again(page: Page) -> None:
    ready(page)
    start = marks(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    end = marks(page)
    page.keyboard.press("u")
    page.keyboard.press("Control+z")
    assert marks(page) == start
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("Control+y")
    assert marks(page) == end


@pytest.mark.parametrize("zoom", [0, 3, -2])
def test_a_drag_moves_a_box_by_the_right_number_of_pixels(page: Page, store: Store, zoom: int) -> None:
    first = ready(page)
    for _ in range(abs(zoom)):
        page.keyboard.press("+" if zoom > 0 else "-")
    scale = page.evaluate("charloc.stage.scale")
    index = next(i for i in range(len(first["boxes"])) if i != selected(page))
    page.locator(".cl-letter").nth(index).click()
    x, y, width, height = on_screen(page, index)
    before = marks(page)[index]["box"]
    assert np.isclose(width / scale, before[2] - before[0], atol=0.05)
    by = (9.0, -5.0)
    drag(page, (x + width / 2, y + height / 2), by)
    after = marks(page)[index]["box"]
    room = np.array([by[0] / scale, by[1] / scale] * 2)
    low = -np.array(before[:2] * 2)
    high = np.array([first["width"] - before[2], first["height"] - before[3]] * 2)
    assert np.allclose(np.subtract(after, before), np.clip(room, low, high), atol=0.02)

    x, y, width, height = on_screen(page, index)
    drag(page, (x + width + 2, y + height / 2), (-4.0, 30.0))
    edged = marks(page)[index]["box"]
    assert np.allclose(np.subtract(edged, after), [0, 0, -4 / scale, 0], atol=0.02), "an edge moves alone"
    page.evaluate("(i) => charloc.stage.boxes[i].lastChild.scrollIntoView({ block: 'end' })", index)
    x, y, width, height = on_screen(page, index)
    drag(page, (x + 1, y + height - 1), (-2.0, -3.0))
    cornered = marks(page)[index]["box"]
    assert np.allclose(np.subtract(cornered, edged), [-2 / scale, 0, 0, -3 / scale], atol=0.02), "a corner, two edges"

    page.keyboard.press("u")
    assert marks(page)[index]["box"] == edged, "a drag is one step to undo"
    page.keyboard.press("Enter")
    all_saved(page)
    assert np.allclose(only_correction(store, first["id"]).characters[index].box, edged, atol=0.01)
    assert page.evaluate("charloc.stage.zoom") == pytest.approx(1.25**zoom), "zoom is kept between words"


def test_a_click_moves_nothing_and_a_box_stays_inside_the_image(page: Page) -> None:
    first = ready(page)
    index = (selected(page) + 1) % len(first["boxes"])
    x, y, width, height = on_screen(page, index)
    page.mouse.click(x + width / 2, y + height / 2)
    assert selected(page) == index
    assert all(mark["state"] == "untouched" for mark in marks(page))
    drag(page, (x + width / 2, y + height / 2), (3000, -3000))
    x0, y0, x1, y1 = marks(page)[index]["box"]
    assert x1 == first["width"] and y0 == 0 and x0 < x1 and y0 < y1


def test_a_character_without_a_box_is_drawn(page: Page, store: Store) -> None:
    first = ready(page)
    page.keyboard.press("x")
    index = selected(page)
    assert marks(page)[index] == {"state": "invisible", "box": None}
    frame = page.locator(".cl-image").bounding_box()
    scale = page.evaluate("charloc.stage.scale")
    boxes = [on_screen(page, i) for i in range(len(first["boxes"])) if i != index]
    # In the image's lower left corner, unless another character's box is there.
    start = (frame["x"] + 1, frame["y"] + frame["height"] - 1)
    assert all(x > start[0] + 12 or y + h < start[1] - 12 for x, y, _, h in boxes)
    drag(page, start, (6 * scale, -4 * scale))
    box = marks(page)[index]["box"]
    assert np.allclose([box[2] - box[0], box[3] - box[1]], [6, 4], atol=0.05)
    assert marks(page)[index]["state"] == "pinned"


def test_a_contradiction_is_shown_and_not_saved(page: Page, store: Store) -> None:
    first = ready(page)
    page.locator(".cl-letter").nth(0).click()
    x, y, width, height = on_screen(page, 0)
    drag(page, (x + width / 2, y + height / 2), (on_screen(page, len(first["boxes"]) - 1)[0] - x, 0))
    page.locator(".cl-letter").nth(1).click()
    page.keyboard.press("Space")
    expect(page.locator("[data-role=readout]")).to_contain_text("against the transcript")
    page.keyboard.press("Enter")
    assert word(page)["id"] == first["id"]
    page.keyboard.press("u")
    page.keyboard.press("u")
    page.keyboard.press("Enter")
    all_saved(page)
    assert only_correction(store, first["id"]).kind == "boxes"


def test_the_next_words_are_there_before_they_are_asked_for(page: Page) -> None:
    ready(page)
    page.wait_for_function("charloc.words.ahead.length >= 6 && charloc.words.ahead.every((e) => e.image.complete)")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/images/" in request.url else None)
    ahead = page.evaluate("charloc.words.ahead.map((entry) => entry.word.image)")
    for image in ahead[:3]:
        page.keyboard.press("Enter")
        assert word(page)["image"] == image
    all_saved(page)
    assert not [url for url in asked if any(url.endswith(image) for image in ahead)]


def test_keys_are_left_alone_in_text_boxes_and_dialogs(page: Page, store: Store) -> None:
    first = ready(page)
    page.keyboard.press("?")
    expect(page.locator("dialog[data-role=help]")).to_be_visible()
    page.keyboard.press("s")
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    page.keyboard.type("sssu")
    page.keyboard.press("Escape")
    page.keyboard.press("h")
    expect(page.locator("dialog[data-role=flag]")).to_be_hidden()
    expect(page.locator(".cl-box").first).to_be_hidden()
    page.keyboard.press("h")
    page.locator("[data-role=method]").focus()
    page.keyboard.press("s")
    page.keyboard.press("Enter")
    assert word(page)["id"] == first["id"]
    assert not store.history(first["id"])
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Enter")
    all_saved(page)
    assert only_correction(store, first["id"]).kind == "boxes"


def test_the_keyboard_comes_back_after_a_click_on_a_tab_or_button(page: Page, store: Store) -> None:
    first = ready(page)
    page.get_by_role("tab", name="Rounds").click()
    expect(page.locator(".cl-rounds td").first).to_have_text("0")
    page.keyboard.press("Enter")
    page.keyboard.press("s")
    assert not store.history(first["id"]), "no keys for an editor that is not seen"
    page.get_by_role("tab", name="Annotate").click()
    page.get_by_role("button", name="Hide").click()
    expect(page.locator(".cl-box").first).to_be_hidden()
    page.keyboard.press("h")
    expect(page.locator(".cl-box").first).to_be_visible()
    page.keyboard.press("Enter")
    all_saved(page)
    assert only_correction(store, first["id"]).kind == "boxes"


def test_when_all_is_done_it_says_what_to_do_next(page: Page, store: Store) -> None:
    ready(page)
    count = store.word_count()
    page.keyboard.press("s")
    for _ in range(count - 1):
        page.keyboard.press("Enter")
        page.wait_for_function("charloc.entry || charloc.words.exhausted")
    empty = page.locator("[data-role=empty]").first
    expect(empty).to_contain_text("Nothing left to look at")
    expect(empty).to_contain_text("export")
    page.get_by_role("button", name="Go through the skipped words").click()
    skipped = ready(page)
    assert [row.kind for row in store.history(skipped["id"])] == ["skip"]
    page.keyboard.press("Enter")
    all_saved(page)
    assert [row.kind for row in store.history(skipped["id"])] == ["skip", "boxes"]
    expect(empty).to_contain_text(f"All {count} words are decided")
    page.keyboard.press("u")
    assert word(page)["id"] == skipped["id"]
    all_saved(page)
    assert [row.kind for row in store.history(skipped["id"])] == ["skip", "boxes", "skip"], "back to what held before"


def test_a_finger_selects_first_then_drags(browser: Browser, server: str) -> None:
    with browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as context:
        page = context.new_page()
        page.goto(server)
        first = ready(page)
        devtools = context.new_cdp_session(page)

        def swipe(start: tuple[float, float], by: tuple[float, float]) -> None:
            def send(kind: str, share: float) -> None:
                at = {"x": start[0] + by[0] * share, "y": start[1] + by[1] * share}
                points = [] if kind == "touchEnd" else [at]
                devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

            send("touchStart", 0)
            for share in (0.3, 0.6, 1):
                send("touchMove", share)
            send("touchEnd", 1)

        index = max((i for i in range(len(first["boxes"])) if i != selected(page)), key=lambda i: on_screen(page, i)[2])
        before = marks(page)[index]["box"]
        x, y, width, height = on_screen(page, index)
        middle = (x + width / 2, y + height / 2)
        swipe(middle, (0, -12))
        assert marks(page)[index]["box"] == before, "what is not selected is not dragged: it may be scrolled"
        page.touchscreen.tap(*middle)
        assert selected(page) == index
        swipe(middle, (0, -12))
        scale = page.evaluate("charloc.stage.scale")
        dy = -min(12 / scale, before[1])
        assert np.allclose(np.subtract(marks(page)[index]["box"], before), [0, dy, 0, dy], atol=0.05)
