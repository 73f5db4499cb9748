"""Nothing a person did is lost, done twice or overwritten; no text becomes code."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from uuid import uuid4

from playwright.sync_api import Browser, Page, expect

from db import NewCorrection, Store
from tests.browser.conftest import Server, served
from tests.browser.looking import all_saved, marks, only_correction, ready, selected, word
from tests.projects import add_round, add_words, make_project

ILL = (
    "<img src=x onerror=window.hacked=1>",
    "<script>window.hacked=2</script>",
    "${window.hacked=3}",
    "{{window.hacked=4}}",
    '"><svg/onload=window.hacked=5>',
)


def test_a_killed_server_loses_nothing_and_doubles_nothing(killable_page: Page, killable: Server, store: Store) -> None:
    page, server = killable_page, killable
    first = ready(page)
    page.wait_for_function("charloc.words.ahead.length >= 4")
    server.kill()
    decided = []
    for key in ("Enter", "s", "Enter"):
        decided.append(word(page)["id"])
        page.keyboard.press(key)
    save = page.locator("[data-role=save]")
    expect(save).to_have_attribute("data-state", "down")
    expect(save).to_contain_text("3 unsaved")
    page.keyboard.press("u")
    expect(save).to_contain_text("4 unsaved")
    assert not store.history(first["id"])
    server.start()
    all_saved(page)
    kinds = [[row.kind for row in store.history(each)] for each in decided]
    assert kinds == [["boxes"], ["skip"], ["boxes", "clear"]]
    chained = store.history(decided[2])
    assert chained[1].base_id == chained[0].id, "what revises a decision that was not sent yet names it"


def test_unsent_decisions_outlive_the_page_and_are_sent_by_the_next(
    killable_page: Page, killable: Server, store: Store
) -> None:
    page, server = killable_page, killable
    first = ready(page)
    server.kill()
    page.keyboard.press("Enter")
    expect(page.locator("[data-role=save]")).to_contain_text("1 unsaved")
    page.close()
    server.start()
    again = page.context.new_page()
    again.goto(server.url)
    ready(again)
    all_saved(again)
    assert only_correction(store, first["id"]).kind == "boxes"
    assert word(again)["id"] != first["id"]


def test_an_answer_that_got_lost_does_not_double_the_decision(page: Page, store: Store) -> None:
    first = ready(page)
    lost: list[str] = []

    def lose(route) -> None:
        # The server hears it, the page never learns.
        route.fetch()
        lost.append(route.request.post_data)
        route.abort()

    page.route("**/api/corrections", lose, times=1)
    page.keyboard.press("Enter")
    all_saved(page)
    assert len(lost) == 1
    assert only_correction(store, first["id"]).kind == "boxes"


def test_unfinished_work_outlives_a_reload(page: Page, store: Store) -> None:
    first = ready(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    work = marks(page)
    page.reload()
    assert ready(page)["id"] == first["id"]
    assert marks(page) == work
    page.keyboard.press("Enter")
    all_saved(page)
    page.reload()
    assert ready(page)["id"] != first["id"]
    assert all(mark["state"] == "untouched" for mark in marks(page))


def someone_else_flags(store: Store, word_id: int) -> None:
    store.save_correction(NewCorrection(word_id=word_id, uuid=str(uuid4()), kind="flag", reason="smudged"))


def test_a_conflict_is_shown_and_nothing_is_overwritten(page: Page, store: Store) -> None:
    first = ready(page)
    someone_else_flags(store, first["id"])
    page.keyboard.press("Enter")
    card = page.locator(".cl-trouble-card")
    expect(card).to_contain_text("Two people decided")
    expect(card).to_contain_text("flag: smudged")
    assert only_correction(store, first["id"]).kind == "flag"
    second = ready(page)
    page.reload()
    expect(card).to_contain_text(first["text"])
    card.get_by_role("button", name="Keep yours").click()
    expect(card).to_have_count(0)
    all_saved(page)
    assert [row.kind for row in store.history(first["id"])] == ["flag", "boxes"]

    assert ready(page)["id"] == second["id"]
    someone_else_flags(store, second["id"])
    page.keyboard.press("Enter")
    card.get_by_role("button", name="Keep theirs").click()
    expect(card).to_have_count(0)
    assert only_correction(store, second["id"]).kind == "flag"


def test_decisions_of_one_project_never_reach_another(browser: Browser, tmp_path: Path) -> None:
    """Another project at the same address, as after starting charloc on another folder."""
    one, other = tmp_path / "one", tmp_path / "other"
    with make_project(one) as store, make_project(other, ("other", "words")) as other_store:
        with browser.new_context() as context:
            with served(store, one) as url:
                page = context.new_page()
                page.goto(url)
                ready(page)
                page.route("**/api/corrections", lambda route: route.abort())
                page.keyboard.press("Enter")
                expect(page.locator("[data-role=save]")).to_contain_text("1 unsaved")
                page.close()
            for served_store, project in ((other_store, other), (store, one)):
                with served(served_store, project, int(url.split(":")[2].strip("/"))) as same_url:
                    assert same_url == url
                    page = context.new_page()
                    page.goto(url)
                    ready(page)
                    all_saved(page)
                    page.close()
        assert not other_store.corrections_in_force()
        assert len(store.corrections_in_force()) == 1


def test_transcripts_names_and_reasons_never_become_code(browser: Browser, tmp_path: Path) -> None:
    project = tmp_path / "<b>project"
    with Store.open(project, create=True) as store:
        add_round(store, add_words(store, ILL))
        with served(store, project) as url, browser.new_context() as context:
            page = context.new_page()
            page.goto(url)
            seen = set()
            for _ in ILL:
                text = ready(page)["text"]
                seen.add(text)
                expect(page.locator("[data-role=transcript]")).to_have_text(text, use_inner_text=False)
                someone_else = NewCorrection(word(page)["id"], str(uuid4()), "flag", reason=ILL[0])
                store.save_correction(someone_else)
                page.keyboard.press("Enter")
                expect(page.locator(".cl-trouble-card")).to_have_count(len(seen))
            assert seen == set(ILL)
            page.get_by_role("tab", name="Rounds").click()
            expect(page.locator(".cl-rounds td").first).to_have_text("0")
            assert page.evaluate("window.hacked") is None
            assert page.locator("img[src=x], .cl-editor script, .cl-trouble-card script").count() == 0


def test_right_to_left_and_long_lines_keep_the_selection_in_view(browser: Browser, tmp_path: Path) -> None:
    hebrew = "שלום עולם"
    line = "the quick brown fox jumps over the lazy dog and sleeps until the evening comes"
    project = tmp_path / "project"
    with Store.open(project, create=True) as store:
        add_round(store, add_words(store, [hebrew, line]), noise_px=0.5)
    phone = {"width": 390, "height": 844}
    with (
        Store.open(project) as store,
        served(store, project) as url,
        browser.new_context(viewport=phone, has_touch=True) as context,
    ):
        page = context.new_page()
        page.goto(url)
        for _ in range(2):
            now = ready(page)
            lefts = page.evaluate("charloc.stage.letters.map((l) => l.getBoundingClientRect().x)")
            order = sorted(range(len(lefts)), key=lambda i: lefts[i])
            assert order == now["order"], "letters stand in visual order"
            spans = page.evaluate(
                "charloc.stage.letters.map((l) => { const r = l.getBoundingClientRect(); return [r.x, r.right]; })"
            )
            in_order = [spans[i] for i in order]
            assert all(a[1] <= b[0] + 0.01 for a, b in pairwise(in_order)), "none overlap"
            stage = page.locator(".cl-stage").bounding_box()
            for _ in range(len(lefts)):
                page.keyboard.press("Tab")
                left, right = page.evaluate(
                    "(() => { const r = charloc.stage.letters[charloc.entry.selected].getBoundingClientRect();"
                    " return [r.x, r.right]; })()"
                )
                assert stage["x"] <= left and right <= stage["x"] + stage["width"], selected(page)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
                "the page never scrolls sideways"
            )
            page.keyboard.press("Enter")
        all_saved(page)


def test_an_empty_project_says_how_to_import_and_shows_what_arrives(browser: Browser, tmp_path: Path) -> None:
    project = tmp_path / "project"
    with Store.open(project, create=True) as store:
        with served(store, project) as url, browser.new_context() as context:
            page = context.new_page()
            page.goto(url)
            expect(page.locator("[data-role=empty]").first).to_contain_text("launch.py import")
            page.keyboard.press("Enter")
            add_words(store, ["fire", "ice"])
            assert ready(page)["text"] == "fire", "before any round, in the order of import"
            page.keyboard.press("Enter")
            expect(page.locator(".cl-toast")).to_contain_text("no boxes to accept")
        assert store.counts().corrected == 0
