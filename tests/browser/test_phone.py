"""On a phone the word and all that is done with it are in view at once; what is used less is one touch away."""

from __future__ import annotations

from itertools import combinations

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import uncomplaining
from tests.browser.looking import ready, word

ALWAYS = ("Accept", "Undo", "Skip", "Flag", "Not visible", "More")
FOLDED = ("Follow", "Points", "Hide", "Contrast", "Smaller", "Larger", "Keys and help")
Box = dict[str, float]


def seen(each: Locator, width: int, height: int) -> Box:
    """Where a control is: wholly in the window, large enough for a thumb, and nothing over it."""
    box = each.bounding_box()
    assert box, each
    assert box["x"] >= 0 and box["y"] >= 0, box
    assert box["x"] + box["width"] <= width and box["y"] + box["height"] <= height, (each, box)
    on_top = "(e) => { const r = e.getBoundingClientRect();"
    on_top += " const top = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);"
    on_top += " return e.contains(top) || top.matches('.cl-grip'); }"  # the selected box's, on the image
    assert each.evaluate(on_top), each
    return box


def apart(boxes: list[Box]) -> bool:
    return all(
        a["x"] + a["width"] <= b["x"] + 0.5 or b["x"] + b["width"] <= a["x"] + 0.5
        or a["y"] + a["height"] <= b["y"] + 0.5 or b["y"] + b["height"] <= a["y"] + 0.5
        for a, b in combinations(boxes, 2)
    )  # fmt: skip


def actions(page: Page, names: tuple[str, ...]) -> list[Locator]:
    return [page.locator(".cl-actions").get_by_role("button", name=name, exact=True) for name in names]


def test_all_that_is_done_with_a_word_is_in_view(browser: Browser, server: str) -> None:
    with uncomplaining(browser, server) as page:
        for scheme, (width, height) in (("light", (390, 844)), ("dark", (360, 740)), ("dark", (360, 640))):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": height})
            ready(page)
            page.evaluate("document.fonts.ready.then(() => scrollTo(0, 0))")
            boxes = [seen(each, width, height) for each in actions(page, ALWAYS)]
            assert all(box["height"] >= 44 for box in boxes)
            boxes += [seen(page.locator(each), width, height) for each in (".cl-stage", "[data-role=save]")]
            boxes.append(seen(page.locator(".cl-editor summary"), width, height))
            assert apart(boxes)
            image = seen(page.locator(".cl-image"), width, height)
            assert image["width"] > 100
            assert page.evaluate("document.documentElement.scrollWidth") <= width

            more = page.get_by_role("button", name="More", exact=True)
            more.click()
            expect(more).to_have_attribute("aria-expanded", "true")
            folded = [seen(each, width, height) for each in actions(page, FOLDED)]
            assert apart([*folded, *boxes[: len(ALWAYS)]])
            page.keyboard.press("Escape")
            expect(more).to_have_attribute("aria-expanded", "false")
            expect(more).to_be_focused()


def test_across_the_whole_word_is_in_view_with_what_is_done_with_it(browser: Browser, server: str) -> None:
    with uncomplaining(browser, server) as page:
        for scheme, (width, height) in (("light", (844, 390)), ("dark", (667, 375)), ("dark", (740, 330))):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": height})
            ready(page)
            page.evaluate("document.fonts.ready.then(() => scrollTo(0, 0))")
            buttons = [seen(each, width, height) for each in actions(page, ALWAYS)]
            parts = ("div.cl-transcript", "[data-role=save]", ".cl-filters select:visible", ".cl-filters summary",
                     ".cl-stage", ".cl-readout")  # fmt: skip
            assert apart([*buttons, *(seen(page.locator(each).first, width, height) for each in parts)])
            for each in (page.locator(".cl-image"), *page.locator(".cl-letter").all()):
                seen(each, width, height)
            assert page.locator(".cl-stage").evaluate("(e) => e.scrollHeight <= e.clientHeight"), "none of it scrolled"
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            # The next word, and correcting the transcript, leave all in its place.
            places = "[...document.querySelectorAll('.cl-stage, .cl-actions')].map((e) => e.getBoundingClientRect().y)"
            before = page.evaluate(places)
            page.get_by_role("button", name="Correct the transcript").first.click()
            expect(page.get_by_role("button", name="Split")).to_be_visible()
            assert page.evaluate(places) == before
            page.keyboard.press("Escape")
            page.get_by_role("button", name="Skip", exact=True).click()
            ready(page)
            assert page.evaluate(places) == before
            page.get_by_text("Filters", exact=True).click()
            seen(page.get_by_label("Find text or name"), width, height)
            seen(page.locator(".cl-filters .cl-panel"), width, height)
            page.get_by_text("Filters", exact=True).click()


def test_across_an_opened_word_is_in_view_too(browser: Browser, server: str) -> None:
    with uncomplaining(browser, server) as page:
        page.set_viewport_size({"width": 844, "height": 390})
        id = ready(page)["id"]
        detail = "{ detail: { words: [id, id + 1], from: 'audit' } }"
        page.evaluate(f"(id) => dispatchEvent(new CustomEvent('charloc:open', {detail}))", id)
        expect(page.locator(".cl-opened")).to_be_visible()
        ready(page)
        for each in (page.locator(".cl-opened"), page.locator(".cl-image"), *page.locator(".cl-letter").all()):
            seen(each, 844, 390)


def test_the_actions_stay_in_view_and_help_is_reached(browser: Browser, server: str) -> None:
    with uncomplaining(browser, server) as page:
        for width, height in ((390, 500), (844, 390)):
            page.set_viewport_size({"width": width, "height": height})
            first = ready(page)
            for to in ("0", "document.body.scrollHeight"):
                page.evaluate(f"scrollTo(0, {to})")
                for each in actions(page, ALWAYS):
                    seen(each, width, height)
            page.get_by_role("button", name="More", exact=True).click()
            page.get_by_role("button", name="Keys and help").click()
            expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
            page.keyboard.press("Escape")
            expect(page.get_by_role("button", name="Keys and help")).to_be_hidden()
            page.get_by_role("button", name="Accept", exact=True).click()
            assert ready(page)["id"] != first["id"]


def test_on_a_phone_the_text_to_find_is_among_the_filters(browser: Browser, server: str) -> None:
    with uncomplaining(browser, server) as page:
        page.set_viewport_size({"width": 390, "height": 844})
        ready(page)
        bar = page.get_by_role("search", name="Which words")
        find = bar.get_by_label("Find text or name")
        expect(find).to_be_hidden()
        bar.get_by_text("Filters", exact=True).click()
        text = word(page)["text"]
        find.fill(text)
        expect(bar.get_by_text("Filters (1)", exact=True)).to_be_visible()
        page.wait_for_function("(text) => charloc.entry?.word.text === text", arg=text)
        page.set_viewport_size({"width": 1280, "height": 800})
        expect(find).to_be_visible()
        expect(find).to_have_value(text)
