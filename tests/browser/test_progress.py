"""What the strip below the editor says: how far, how fast, and what it was good for."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from db import Store
from tests.annotator.test_progress import error, finish
from tests.browser.looking import all_saved, ready

MODULE = "import(document.querySelector('link[href$=\"/progress.js\"]').href)"
MINUTE = 60_000


def test_it_says_how_far_how_fast_and_how_the_errors_fell(page: Page, store: Store) -> None:
    ready(page)
    counts, bar = page.locator("[data-role=counts] li"), page.get_by_role("progressbar", name="Words done")
    expect(counts).to_have_text(["0 of 10 words done", "0 today"])
    for key in ("Enter", "s", "Enter", "f"):
        page.keyboard.press(key)
    page.keyboard.press("2")
    all_saved(page)
    expect(counts).to_have_text(["3 of 10 words done", "2 today", "1 flagged", "1 skipped"], timeout=10_000)
    expect(bar).to_have_attribute("aria-valuenow", "3")
    one = finish(store, store.seen_round().id, error(45, 150))
    finish(store, one, error(6, 40))
    fell = counts.filter(has_text="model wrong")
    expect(fell).to_have_text("model wrong: 30 % → 15 %", timeout=15_000)
    title = fell.get_attribute("title") or ""
    assert "Round 0 had 45 of 150 checked characters wrong. Round 1 had 6 of 40" in title and "few characters" in title
    assert "The queue chose these words" in title and "an audit" in title
    page.keyboard.press("u")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(counts.filter(has_text="words an hour")).to_have_count(1)
    page.reload()
    ready(page)
    expect(counts.filter(has_text="words an hour")).to_have_count(1)


def test_the_pace_leaves_out_pauses_and_earlier_sittings(page: Page) -> None:
    ready(page)

    def pace(minutes: list[float], now: float) -> int | None:
        call = f"([times, now]) => {MODULE}.then((all) => all.wordsPerHour(times, now))"
        return page.evaluate(call, [[1e12 + MINUTE * each for each in minutes], 1e12 + MINUTE * now])

    steady = [0.5 * k for k in range(9)]
    assert pace(steady, 4) == 120
    assert pace(steady, 20) == 120, "looking away is no work"
    assert pace(steady, 40) is None, "another sitting"
    assert pace(steady[:4], 2) is None, "too few to say"
    assert pace([*steady, *(14 + each for each in steady)], 18) == 120, "a pause does not count, the word after it does"
    assert pace([*(each - 200 for each in steady), *(2 * each for each in steady)], 8) == 60
    assert pace([4 * k for k in range(9)], 32) == 15
    assert pace([], 0) is None
