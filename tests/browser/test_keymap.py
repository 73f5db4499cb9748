"""Keys: one table binds them, shows them and lets them be changed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from db import Store
from tests.browser.looking import all_saved, marks, only_correction, ready, selected, word

GUIDE = Path(__file__).parents[2] / "docs" / "guide.md"
TABLE = "import(document.querySelector('link[href$=\"/keymap.js\"]').href)"
HELP = "dialog[data-role=help]"


@pytest.fixture
def page(fresh_page: Page) -> Page:
    return fresh_page


@pytest.fixture
def store(lasting: tuple[str, Store]) -> Store:
    return lasting[1]


def chip(page: Page, action: str, at: int = 0):
    return page.locator(f"{HELP} .cl-key[data-action={action}]").nth(at)


def press(page: Page, key: str, code: str, **modifiers: bool) -> None:
    """A key of a keyboard layout that the driver does not have."""
    page.evaluate(
        "([key, code, more]) => document.dispatchEvent("
        "new KeyboardEvent('keydown', { key, code, bubbles: true, cancelable: true, ...more }))",
        [key, code, modifiers],
    )


def test_every_action_has_a_key_is_listed_and_does_something(page: Page) -> None:
    ready(page)
    page.keyboard.press("?")
    actions = page.evaluate(f"{TABLE}.then((map) => map.ACTIONS)")
    keys = [key for action in actions for key in action["keys"]]
    assert all(action["keys"] for action in actions) and len(keys) == len(set(keys))
    lines = page.locator(f"{HELP} li").all_inner_texts()
    assert len(lines) == len(actions)
    assert all(any(action["does"] in line for line in lines) for action in actions)
    names = [action["name"] for action in actions if "nudge" not in action and not action.get("fixed")]
    known = page.evaluate("import(document.querySelector('link[href$=\"/actions.js\"]').href).then((all) => all.NAMES)")
    assert sorted(names) == sorted(known)
    page.keyboard.press("Escape")
    buttons = page.locator(".cl-editor [data-do]").evaluate_all("all => all.map((each) => each.dataset.do)")
    assert set(buttons) <= set(names), "what a button does, a key does"

    # The guide's table is the same.
    rows_of = "map.ACTIONS.map((a) => [a.keys.map((k) => map.shown(k).join(' + ')), a.does])"
    told = page.evaluate(f"{TABLE}.then((map) => {rows_of})")
    tables = re.findall(r"^\| key \| does \|\n\|---\|---\|\n((?:\|.*\n)+)", GUIDE.read_text("utf-8"), re.M)
    (table,) = [each for each in tables if actions[0]["does"] in each]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]
    assert [[keys.split(", "), does] for keys, does in rows] == told


def test_a_key_is_changed_remembered_and_reset(page: Page, store: Store) -> None:
    first = ready(page)
    page.keyboard.press("?")
    chip(page, "skip").click()
    page.keyboard.press("q")
    expect(page.locator("[data-role=key-note]")).to_contain_text("Remembered")
    expect(chip(page, "skip")).to_be_focused()
    expect(chip(page, "skip")).to_have_text("Q")
    page.keyboard.press("Escape")
    expect(page.locator(HELP)).to_be_hidden()
    expect(page.locator("[data-do=skip] kbd")).to_have_text("Q")
    page.reload()
    ready(page)
    page.keyboard.press("s")
    assert word(page)["id"] == first["id"]
    page.keyboard.press("q")
    second = ready(page)
    assert second["id"] != first["id"]
    page.keyboard.press("?")
    page.get_by_role("button", name="Reset all keys").click()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("q")
    assert word(page)["id"] == second["id"]
    page.keyboard.press("s")
    all_saved(page)
    assert [only_correction(store, each["id"]).kind for each in (first, second)] == ["skip", "skip"]


def test_a_key_that_is_taken_is_told_and_given_only_when_asked(page: Page) -> None:
    first = ready(page)
    note = page.locator("[data-role=key-note]")
    page.keyboard.press("?")
    chip(page, "hide").click()
    page.keyboard.press("Shift+ArrowLeft")
    expect(note).to_contain_text("Shift ← is the key of “move left")
    page.keyboard.press("Enter")
    expect(chip(page, "hide")).to_have_text("H")
    chip(page, "hide").click()
    page.keyboard.press("s")
    expect(note).to_contain_text("S is the key of “skip")
    page.get_by_role("button", name="Take it").click()
    expect(chip(page, "hide")).to_have_text("S")
    expect(chip(page, "skip")).to_have_text("no key")
    chip(page, "left").click()
    page.keyboard.press("Control+j")
    expect(note).to_contain_text("Take a key alone")
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    expect(page.locator(HELP)).to_be_hidden()
    page.keyboard.press("s")
    expect(page.locator(".cl-box").first).to_be_hidden()
    assert word(page)["id"] == first["id"]
    before = marks(page)[selected(page)]["box"]
    page.keyboard.press("Shift+J")
    assert marks(page)[selected(page)]["box"][0] < before[0] or before[0] == 0

    page.keyboard.press("?")
    chip(page, "flag").click()
    page.keyboard.press("Escape")
    expect(page.locator(HELP)).to_be_visible()
    expect(chip(page, "flag")).to_have_text("F")
    page.keyboard.press("Escape")
    expect(page.locator(HELP)).to_be_hidden()


def test_keys_are_found_on_other_layouts(page: Page) -> None:
    first = ready(page)
    press(page, "ы", "KeyS")
    second = ready(page)
    assert second["id"] != first["id"], "Cyrillic: the key where S is printed"
    press(page, "s", "Semicolon")
    third = ready(page)
    assert third["id"] != second["id"], "Dvorak: the key that gives an s"
    press(page, "o", "KeyS")
    assert word(page)["id"] == third["id"], "Dvorak: not the key where S would be"
    press(page, "?", "Minus", shiftKey=True)
    expect(page.locator(HELP)).to_be_visible()


def test_contrast_and_overlay_are_kept_from_word_to_word_and_over_reloads(page: Page) -> None:
    ready(page)
    image, box, letters = page.locator(".cl-image img"), page.locator(".cl-box").first, page.locator(".cl-letter").first
    expect(image).to_have_css("filter", "none")
    page.keyboard.press("c")
    expect(image).to_have_css("filter", re.compile("contrast"))
    page.keyboard.press("o")
    expect(box).to_be_hidden()
    expect(letters).to_be_visible()
    page.keyboard.press("c")
    page.keyboard.press("o")
    for again in (lambda: page.keyboard.press("Enter"), page.reload):
        again()
        ready(page)
        expect(image).to_have_css("filter", re.compile("invert"))
        expect(box).to_be_hidden()
        expect(letters).to_be_hidden()
    page.keyboard.press("o")
    page.keyboard.press("c")
    expect(image).to_have_css("filter", "none")
    expect(box).to_be_visible()


    page.keyboard.down("h")
    expect(box).to_be_hidden()
    page.wait_for_timeout(400)  # held, not tapped
    page.keyboard.up("h")
    expect(box).to_be_visible()
    page.keyboard.press("h")
    expect(box).to_be_hidden()
