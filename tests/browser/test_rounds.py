"""Training from the page: people go on correcting meanwhile."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from charloc.methods import DEFAULT, METHODS
from charloc.types import Localization
from db import CharacterMark, NewCorrection, Prequential, RoundStats, Store
from tests.browser.looking import all_saved, marks, open_tab, ready, word
from tests.browser.test_accessible import grave


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


# --- the page of rounds -----------------------------------------------------------------------------------------------


def open_rounds(page: Page) -> Locator:
    open_tab(page, "Rounds")
    rounds = page.locator(".cl-rounds")
    expect(rounds.locator("tbody tr").first).to_be_visible()
    return rounds


def add_rounds(store: Store, project: Path) -> None:
    """Two more rounds: the second moves everything and is clearly worse on ten corrected words."""
    for shift_px, wrong in ((0.0, 1), (25.0, 4)):
        parent = store.seen_round()
        assert parent is not None
        this = store.begin_round("segmental", parent_id=parent.id, settings={}, pid=os.getpid())
        proposals = []
        for id, old in store.proposals(parent.id, store.word_ids()).items():
            boxes = old.boxes + np.array([shift_px, 0, shift_px, 0], np.float32)
            proposals.append((id, Localization(boxes, old.confidence, -1.0, "segmental"), 0.5))
        judged = Prequential(words=10, chars=20, centre_h=0.1 * wrong, wrong=wrong)
        stats = RoundStats(10, 12.5, 80.0, -0.4, 7, prequential=judged, heldback=judged)
        store.finish_round(this.id, proposals, stats, None)
    boxes = store.proposals(parent.id, store.word_ids())
    for id, proposed in boxes.items():
        marks = tuple(CharacterMark("accepted", tuple(map(float, box))) for box in proposed.boxes)
        store.save_correction(NewCorrection(id, f"said {id}", "boxes", marks))


def test_rounds_are_drawn_compared_and_gone_back_to(page: Page, store: Store, project: Path) -> None:
    ready(page)
    add_rounds(store, project)
    rounds = open_rounds(page)
    expect(rounds.locator("tbody tr")).to_have_count(3)
    expect(rounds.locator("tr[aria-current] td").first).to_have_text("2")

    charts = rounds.locator(".cl-chart")
    expect(charts).to_have_count(6)
    changed = charts.filter(has_text="Had to be changed").locator("svg")
    expect(changed).to_have_attribute("role", "img")
    expect(changed.locator("> desc")).to_contain_text("round 2 (segmental) 20.0 %, 4 of 20 characters")
    expect(changed.locator(".cl-mark")).to_have_count(2)

    # What moved: all of it, farthest first, both boxes over the picture.
    cards = rounds.locator(".cl-card")
    expect(rounds.locator("[data-role=found]")).to_contain_text("characters in 10 words moved")
    expect(cards).to_have_count(10)
    first = cards.first
    apart = first.locator(".cl-before").count()
    assert apart and first.locator(".cl-after").count() == apart
    rounds.get_by_role("button", name="Corrections it contradicts").click()
    expect(rounds.locator("[data-role=found]")).to_contain_text("would place them elsewhere")
    expect(cards.first.locator(".cl-said").first).to_be_visible()
    expect(cards.first).to_contain_text("not learned from")
    rounds.get_by_label("Round after").select_option("Round 1 (segmental)")
    expect(rounds.locator("[data-role=found]")).to_contain_text("None.")

    # It says that the round is worse, and offers the way back; the way forward stays open.
    expect(rounds.get_by_role("status").filter(has_text="clearly worse than round 1")).to_contain_text("10 got worse")
    rounds.get_by_role("button", name="Go back to round 1").click()
    expect(rounds.locator("tr[aria-current] td").first).to_have_text("1")
    expect(rounds.locator("[data-role=worse]")).to_be_hidden()
    seen = store.seen_round()
    assert seen is not None and seen.number == 1
    rounds.get_by_role("button", name="Show round 2").click()
    expect(rounds.locator("tr[aria-current] td").first).to_have_text("2")

    # A word opens in the editor.
    rounds.get_by_role("button", name="What moved").click()
    cards.first.get_by_role("button", name="Open").click()
    page.wait_for_function("window.charloc?.entry?.opened?.from === 'rounds'")


def test_a_round_is_begun_paused_resumed_and_cancelled_from_its_page(
    page: Page, store: Store, trainer: Trainer
) -> None:
    ready(page)
    trainer.to(20)
    rounds = open_rounds(page)
    rounds.get_by_label("Method").select_option("ctc")
    rounds.get_by_label("Begins from").select_option("flat")
    rounds.get_by_label("afresh").check()
    rounds.get_by_role("button", name="Begin the round").click()
    rounds.get_by_role("button", name="Pause").click(timeout=20_000)
    expect(rounds.locator("[data-role=now]")).to_contain_text("Round 1 (ctc) was stopped", timeout=10_000)
    stopped = store.unfinished_round()
    assert stopped is not None and stopped.state == "interrupted"
    rounds.get_by_role("button", name="Resume it").click()
    expect(rounds.locator("[data-role=now]")).to_contain_text("is running", timeout=20_000)
    assert store.round(stopped.id).attempt == 2
    rounds.get_by_role("button", name="Cancel it").click()
    expect(rounds.get_by_role("button", name="Begin the round")).to_be_visible(timeout=10_000)
    assert store.round(stopped.id).state == "cancelled"
    rounds.get_by_label("Method").select_option("guess")
    expect(rounds.get_by_label("Begins from")).to_be_disabled()

    rounds.get_by_role("spinbutton", name="Held back").fill("25")
    rounds.get_by_role("button", name="Set").click()
    expect(rounds.locator("[data-role=said]")).to_contain_text("25 % of the corrected words are held back")
    assert store.setting("held_back_share") == 0.25


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_rounds_fits_a_phone(page: Page, store: Store, project: Path, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 760})
    rounds = open_rounds(page)
    header = rounds.locator("thead tr").bounding_box()
    row = rounds.locator("tbody tr").bounding_box()
    assert header and row and header["height"] <= row["height"], "also where a long name stands above dashes"
    add_rounds(store, project)
    page.reload()
    rounds = open_rounds(page)
    expect(rounds.locator(".cl-card").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert not grave(page)
