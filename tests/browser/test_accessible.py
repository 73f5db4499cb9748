"""axe-core finds nothing serious on the page, whatever is open on it."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from annotator.oddities import look_for_oddities
from annotator.turns import prepare
from db import Store
from tests.browser.looking import open_tab, ready
from tests.browser.test_safety import someone_else_flags

GRAVE = ("serious", "critical")


def grave(page: Page) -> list[str]:
    """What axe-core complains of, with the elements it means."""
    page.wait_for_function("document.getAnimations().every((each) => each.playState !== 'running')")
    found: dict[str, Any] = Axe().run(page, options={"resultTypes": ["violations"]}).response
    return [
        f"{each['id']}: {[node['html'][:150] for node in each['nodes'][:4]]} {each['nodes'][0]['failureSummary'][:300]}"
        for each in found["violations"]
        if each["impact"] in GRAVE
    ]


def test_nothing_grave_on_the_page_and_its_dialogs(page: Page, store: Store) -> None:
    first = ready(page)
    states: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for key in ("", "?", "f", "t"):
            if key:
                page.keyboard.press(key)
            states += [f"{scheme} {key}: {each}" for each in grave(page)]
            if key:
                page.keyboard.press("Escape")
    for key in ("Space", "x", "ArrowLeft", "+", "+", "+", "+"):
        page.keyboard.press(key)
    page.set_viewport_size({"width": 390, "height": 844})
    someone_else_flags(store, first["id"])
    page.keyboard.press("Enter")
    expect(page.locator(".cl-trouble-card")).to_have_count(1)
    page.keyboard.press("?")
    page.locator(".cl-key[data-action=skip]").click()
    page.keyboard.press("f")
    states += [f"phone, keys: {each}" for each in grave(page)]
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    states += [f"phone, conflict: {each}" for each in grave(page)]
    assert not states, "\n".join(states)


def test_nothing_grave_on_the_lists_of_words_and_glyphs(page: Page, store: Store) -> None:
    newest = store.seen_round()
    assert newest is not None
    prepare(store, newest)
    look_for_oddities(store, newest)
    some = store.word_ids()[:3]
    store.tag(some, "difficult")
    page.reload()
    first = ready(page)
    someone_else_flags(store, first["id"])
    states: list[str] = []
    sizes = {"desktop": (1280, 800), "phone": (390, 844)}
    for name in ("Words", "Glyphs"):
        page.set_viewport_size({"width": 1280, "height": 800})
        open_tab(page, name)
        if name == "Words":
            rows = page.locator(".cl-words tbody tr")
            expect(rows.filter(has_text="difficult")).to_have_count(len(some))
            for at in (0, 2):
                rows.nth(at).get_by_role("checkbox").check()
            page.locator(".cl-words").get_by_text("Filters", exact=True).click()
        else:
            crops = page.locator(".cl-glyph-cell:visible")
            expect(crops.nth(3)).to_be_visible()
            page.get_by_role("grid", name="Crops").focus()
            for key in ("Shift+ArrowRight", "a", "Shift+ArrowRight"):  # accepted ones, and others chosen
                page.keyboard.press(key)
            expect(page.locator(".cl-glyph-cell[data-state=accepted]").first).to_be_visible()
        for size, (width, height) in sizes.items():
            page.set_viewport_size({"width": width, "height": height})
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                states += [f"{name}, {size}, {scheme}: {each}" for each in grave(page)]
    open_tab(page, "Words")
    page.get_by_label("Find text or name").last.fill("no such word")
    expect(page.locator(".cl-words [data-role=none]")).to_contain_text("No word matches")
    states += [f"Words, none: {each}" for each in grave(page)]
    assert not states, "\n".join(states)


def test_the_page_is_gone_through_by_keyboard(page: Page) -> None:
    """After Esc, Tab reaches every control in the order in which they are seen, and none twice."""
    ready(page)
    page.keyboard.press("Escape")
    met: list[str] = []
    names = "[...document.querySelectorAll('.cl-editor :is(button, .cl-stage)')]"
    for _ in range(40):
        page.keyboard.press("Tab")
        at = page.evaluate(f"{names}.indexOf(document.activeElement)")
        if at >= 0:
            met.append(at)
        elif met:
            break
    reachable = "(e) => e.checkVisibility({ visibilityProperty: true }) && e.tabIndex >= 0 && !e.disabled"
    shown = page.evaluate(f"{names}.map((e, i) => ({reachable})(e) ? i : -1).filter((i) => i >= 0)")
    assert met == shown and len(met) > 10
