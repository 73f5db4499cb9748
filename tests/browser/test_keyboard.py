"""By keyboard alone, from page to page."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.looking import ready

TABS = ("Annotate", "Words", "Glyphs", "Rounds", "Suspicious", "Audit", "People")
RING = """() => {
  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
  return outlineStyle === "solid" && parseFloat(outlineWidth) >= 2;
}"""


def test_the_arrows_go_from_tab_to_tab_and_what_has_the_focus_shows_it(page: Page) -> None:
    first = ready(page)["id"]
    page.keyboard.press("Escape")  # Tab goes through the page again
    tab = {name: page.get_by_role("tab", name=name, exact=True) for name in TABS}
    for _ in range(60):
        page.keyboard.press("Tab")
        if tab["Annotate"].evaluate("(tab) => tab === document.activeElement"):
            break
    for name in (*TABS[1:], "Annotate"):
        page.keyboard.press("ArrowRight")
        expect(tab[name]).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(tab["People"]).to_be_focused()
    page.keyboard.press("Home")
    expect(tab["Annotate"]).to_be_focused()
    expect(tab["Annotate"]).to_have_attribute("aria-selected", "true")
    assert page.evaluate("charloc.entry.word.id") == first and not page.evaluate("charloc.entry.undo.length")

    seen = set()
    for name in ("Words", "Rounds"):
        while not tab[name].evaluate("(tab) => tab === document.activeElement"):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        expect(tab[name]).to_have_attribute("aria-selected", "true")
        ticks = page.locator(f"#charloc-{name.lower()} input[type=checkbox]")
        expect(ticks.first).to_be_visible()
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.type") == "checkbox":
                assert page.evaluate(RING), "the focus is seen"
                seen.add(name)
                break
        tab[name].focus()
    assert seen == {"Words", "Rounds"}
