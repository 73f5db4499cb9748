"""Training from the page: people go on correcting meanwhile."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from charloc.methods import DEFAULT, METHODS
from db import Store
from tests.browser.looking import all_saved, marks, ready, word


class Trainer:
    """Leads the trainer of the test server."""

    def __init__(self, project: Path) -> None:
        self.file = project / "percent"
        self.to(0)

    def to(self, percent: int) -> None:
        """Let it go as far as this; at 100 it finishes."""
        new = self.file.with_suffix(".new")
        new.write_text(str(percent))
        new.replace(self.file)


@pytest.fixture
def trainer(project: Path) -> Trainer:
    return Trainer(project)


def start(page: Page) -> None:
    page.get_by_role("button", name="Train a round").click()
    expect(page.locator("[data-role=phase]")).to_contain_text("learning", timeout=20_000)


def test_a_round_trains_while_people_go_on_and_its_boxes_arrive(page: Page, store: Store, trainer: Trainer) -> None:
    ready(page)
    trainer.to(30)
    start(page)
    expect(page.locator("[data-role=phase]")).to_contain_text("Round 1: learning 30 %", timeout=10_000)

    page.keyboard.press("Enter")
    in_hand = ready(page)
    page.keyboard.press("ArrowRight")
    all_saved(page)
    assert store.counts().corrected == 1, "the keyboard is back, and corrections are stored meanwhile"

    page.reload()
    expect(page.locator("[data-role=phase]")).to_contain_text("Round 1: learning 30 %", timeout=10_000)
    assert ready(page)["id"] == in_hand["id"]
    trainer.to(60)
    expect(page.locator("[data-role=phase]")).to_contain_text("60 %", timeout=10_000)
    assert page.locator("[data-role=progress]").evaluate("(bar) => bar.value") == pytest.approx(0.6)

    work = marks(page)
    trainer.to(100)
    expect(page.get_by_role("button", name="Train a round")).to_be_enabled(timeout=10_000)
    expect(page.locator(".cl-toast")).to_contain_text("Round 1 has finished")
    assert word(page)["id"] == in_hand["id"] and marks(page) == work, "the word in hand is left as it is"
    page.wait_for_function("charloc.words.ahead.length > 0 && charloc.words.ahead.every((e) => e.word.round === 1)")
    page.keyboard.press("Enter")
    shown = ready(page)
    assert shown["round"] == 1
    assert shown["boxes"][0][3] == shown["height"], "the new round's boxes"
    page.get_by_role("tab", name="Rounds").click()
    expect(page.locator(".cl-rounds tbody tr")).to_have_count(2)
    expect(page.locator(".cl-rounds tbody tr").first).to_contain_text("segmental")


def test_every_method_is_in_the_menu_with_what_it_does(page: Page, store: Store) -> None:
    ready(page)
    menu = page.locator("[data-role=method]")
    expect(menu.locator("option")).to_have_count(len(METHODS))
    assert menu.input_value() == DEFAULT
    for group, learns in (("Learn", True), ("Do not learn", False)):
        names = menu.locator(f"optgroup[label='{group}'] option").evaluate_all("all => all.map((each) => each.value)")
        assert sorted(names) == sorted(name for name, entry in METHODS.items() if entry.learns is learns)
    menu.click()
    expect(menu.locator("option[value=guess]")).to_contain_text(METHODS["guess"].summary)
    for width in (1280, 400):
        page.set_viewport_size({"width": width, "height": 800})
        for option in menu.locator("option").all():
            option.scroll_into_view_if_needed()
            box = option.bounding_box()
            assert box and box["x"] >= 0 and box["x"] + box["width"] <= width, "all of it can be read"
    page.keyboard.press("Escape")
    menu.select_option("guess")
    expect(page.get_by_role("button", name="Run a round")).to_be_enabled()
    page.reload()
    ready(page)
    expect(menu).to_have_value("guess")


def test_an_interrupted_round_goes_on_as_it_was_begun_or_is_given_up(page: Page, store: Store) -> None:
    this = store.begin_round("ctc", parent_id=1, settings={"init": "flat"}, pid=os.getpid())
    store.end_round(this.id, "interrupted", "stopped")
    ready(page)
    expect(page.get_by_role("button", name="Resume round 1")).to_have_attribute("title", re.compile("ctc"))
    expect(page.locator("[data-role=method]")).to_be_disabled()
    page.get_by_role("button", name="Give it up").click()
    expect(page.get_by_role("button", name="Train a round")).to_be_enabled(timeout=10_000)
    expect(page.locator("[data-role=method]")).to_be_enabled()
    assert store.rounds()[-1].state == "cancelled"


def test_a_round_is_cancelled(page: Page, store: Store, trainer: Trainer) -> None:
    ready(page)
    trainer.to(10)
    start(page)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Train a round")).to_be_enabled(timeout=10_000)
    assert store.rounds()[-1].state == "cancelled"
    assert ready(page)["round"] == 0
