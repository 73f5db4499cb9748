"""Several people at one project: logging in, what each may do, sharing words, deciding where they disagree."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from annotator import auditing
from db import CharacterMark, NewCorrection, Store
from db.team_records import NewOpinion
from tests.browser.conftest import served, uncomplaining
from tests.browser.looking import all_saved, open_tab, ready, word
from tests.browser.test_accessible import grave
from tests.projects import TEXTS, make_project
from tests.team import PASSWORD, add_team

Visit = Callable[..., Page]
MORE = ("language", "mountain", "silver", "garden", "history", "paper", "winter", "orange", "window", "letter")


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, str]]:
    """A project with people, and its address; shared by the tests of this module."""
    folder = tmp_path_factory.mktemp("team") / "project"
    with make_project(folder, (*TEXTS, *MORE)) as store:
        add_team(store)
        store.set_setting("double_share", 0.0)
        with served(store, folder) as url:
            yield store, url


@pytest.fixture
def team_store(team: tuple[Store, str]) -> Store:
    return team[0]


@pytest.fixture
def visit(browser: Browser, team: tuple[Store, str]) -> Iterator[Visit]:
    """Opens the project in a browser of its own, as somebody or as nobody."""
    with ExitStack() as open_pages:

        def visit(name: str = "", path: str = "") -> Page:
            page = open_pages.enter_context(uncomplaining(browser, team[1] + path))
            if name:
                log_in(page, name)
            return page

        yield visit
    for each in team[0].people():
        team[0].release(each.name)


def log_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def people_page(page: Page) -> None:
    page.get_by_role("tab", name="People").click()
    expect(page.locator("[data-role=people] tr").first).to_be_visible()


def test_logging_in_by_keyboard_leads_to_what_was_asked_for(visit: Visit, team_store: Store) -> None:
    wanted = team_store.word_ids()[4]
    page = visit(path=f"?word={wanted}")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("Ben")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong horse")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("do not fit together")
    expect(page.get_by_label("Name")).to_have_value("Ben")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    assert ready(page)["id"] == wanted
    menu = page.locator("[data-role=who]")
    menu.locator("summary").click()
    expect(menu).to_contain_text("Ben, annotator")
    menu.get_by_role("button", name="Log out", exact=True).click()
    expect(page.get_by_label("Name")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Name")).to_be_visible()


def test_nothing_grave_on_the_login_and_the_page_of_people(visit: Visit) -> None:
    page = visit()
    found: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.reload()
        found += grave(page)
    log_in(page, "Ada")
    ready(page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.reload()
        people_page(page)
        found += grave(page)
    page.locator("[data-role=who] summary").click()
    page.set_viewport_size({"width": 360, "height": 740})
    found += grave(page)
    assert not found, "\n".join(found)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_reader_looks_at_word_after_word_and_changes_none(visit: Visit, team_store: Store) -> None:
    page = visit("Rea")
    first = ready(page)
    expect(page.get_by_role("tab", name="People")).to_be_hidden()
    for name in ("Train a round", "Accept", "Flag", "Undo", "Not visible", "Correct the transcript"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    before = page.evaluate("charloc.entry.marks")
    for key in ("ArrowRight", "x", "Space", "u"):
        page.keyboard.press(key)
    expect(page.locator("[data-role=toast]")).to_contain_text("you are a reader")
    assert page.evaluate("charloc.entry.marks") == before
    page.keyboard.press("s")
    page.wait_for_function("(id) => charloc.entry.word.id !== id", arg=first["id"])
    page.keyboard.press("Enter")
    assert page.evaluate("charloc.outbox.items().length") == 0
    answer = page.evaluate(
        "fetch('/api/rounds', {method: 'POST', headers: {'content-type': 'application/json'},"
        " body: '{\"method\": \"guess\"}'}).then((answer) => answer.status)"
    )
    assert answer == 403
    assert not team_store.corrections_in_force() and team_store.holding("Rea") == []


def test_an_annotator_has_no_button_that_an_owner_has(visit: Visit) -> None:
    page = visit("Ben")
    ready(page)
    expect(page.get_by_role("button", name="Train a round")).to_have_count(0)
    expect(page.get_by_role("tab", name="People")).to_be_hidden()
    expect(page.get_by_role("button", name=re.compile("Accept"))).to_be_visible()
    page.get_by_role("tab", name="Rounds").click()
    expect(page.get_by_role("button", name="Begin the round")).to_have_count(0)
    # Where the tabs do not fit, they are in a menu, which cannot be thinned out.
    page.evaluate("document.querySelector('#charloc-people-tab-button').click()")
    expect(page.locator("[data-role=refused]")).to_contain_text("This needs an owner")


def test_two_people_at_once_never_see_the_same_word(visit: Visit, team_store: Store) -> None:
    ben, cid = visit("Ben"), visit("Cid")
    seen: dict[str, list[int]] = {"Ben": [], "Cid": []}
    for _ in range(2):
        for name, page in (("Ben", ben), ("Cid", cid)):
            seen[name].append(ready(page)["id"])
            page.keyboard.press("Enter")
            page.wait_for_function("(id) => charloc.entry?.word.id !== id", arg=seen[name][-1])
    for page in (ben, cid):
        all_saved(page)
    assert not set(seen["Ben"]) & set(seen["Cid"])
    for name, ids in seen.items():
        assert [[each.author for each in team_store.history(id)] for id in ids] == [[name]] * 2


def test_who_finds_all_words_in_other_hands_is_told_and_gets_what_is_given_back(
    visit: Visit, team_store: Store
) -> None:
    others = team_store.claim("Ben", team_store.queue(99), 99, most=99)
    page = visit("Cid")
    expect(page.locator("[data-role=empty]")).to_contain_text(f"{len(others)} words are being decided about by others")
    team_store.release("Ben", [others[-1].word_id])
    assert ready(page)["id"] == others[-1].word_id


def test_a_lost_login_loses_no_decision_and_none_is_sent_under_another_name(visit: Visit, team_store: Store) -> None:
    page = visit("Cid")
    said = ready(page)["id"]
    token = page.context.cookies()[0]["value"]
    team_store.close_session(token)
    page.keyboard.press("Enter")
    expect(page.locator("[data-role=save]")).to_contain_text("1 unsaved")
    page.reload()
    log_in(page, "Ben")
    ready(page)
    all_saved(page)
    assert [each.author for each in team_store.history(said)] == []
    page.context.clear_cookies()
    page.reload()
    log_in(page, "Cid")
    ready(page)
    all_saved(page)
    assert [each.author for each in team_store.history(said)] == ["Cid"]


def test_the_history_of_a_word_says_who_and_when(visit: Visit, team_store: Store) -> None:
    page = visit("Ada")
    ready(page)
    page.keyboard.press("i")
    dialog = page.locator("dialog[data-role=history]")
    expect(dialog).to_contain_text("Nobody has said anything about this word yet")
    page.keyboard.press("Escape")
    decided = next(iter(team_store.corrections_in_force()))
    team_store.tag([decided], "hard", "Ben")
    page.evaluate("(id) => window.dispatchEvent(new CustomEvent('charloc:history', {detail: {word: id}}))", decided)
    expect(dialog).to_contain_text(team_store.history(decided)[0].author)
    expect(dialog).to_contain_text("holds now")
    expect(dialog).to_contain_text("gave it the tag “hard”")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_an_owner_overrules_takes_back_and_sets(visit: Visit, team_store: Store) -> None:
    target, other = team_store.words(team_store.queue(2))
    team_store.save_correction(NewCorrection(other.id, str(uuid4()), "flag", reason="smudged", author="Cid"))
    boxes = [(4.0 * k + 1, 1.0, 4.0 * k + 4, 20.0) for k in range(len(target.characters))]
    first = tuple(CharacterMark("pinned", box) for box in boxes)
    second = tuple(CharacterMark("pinned", (x0, 1.0, x0 + 1, 20.0)) for x0, *_ in boxes)
    team_store.save_correction(NewCorrection(target.id, str(uuid4()), "boxes", first, author="Ben"))
    team_store.save_opinion(NewOpinion(target.id, str(uuid4()), "second", "boxes", second, author="Cid"))

    page = visit("Ada")
    people_page(page)
    expect(page.locator("[data-role=people]")).to_contain_text("IoU")
    expect(page.locator("[data-role=pairs]")).to_contain_text("Ben and Cid")
    card = page.locator(".cl-card").filter(has_text=target.text)
    expect(card.locator("svg")).to_have_count(2)  # both versions are drawn over the picture
    card.get_by_role("button", name="Keep Cid’s").click()
    expect(card).to_have_count(0)
    expect(page.locator("[data-role=nothing]")).to_contain_text("Nothing")
    history = team_store.history(target.id)
    assert [(each.author, each.characters) for each in history] == [("Ben", first), ("Ada", second)]

    mine = {id for id, each in team_store.corrections_in_force().items() if each.author == "Cid"}
    assert other.id in mine
    page.get_by_role("button", name="Take back everything Cid decided").click()
    dialog = page.locator("dialog[data-role=revert]")
    expect(dialog).to_contain_text(f"{len(mine)} word")
    dialog.get_by_role("button", name="Back", exact=True).click()
    assert set(team_store.corrections_in_force()) >= mine, "looking takes nothing back"
    page.get_by_role("button", name="Take back everything Cid decided").click()
    dialog.get_by_role("button", name=re.compile("Take back ")).click()
    expect(page.locator(".cl-people [data-role=said]")).to_contain_text(f"Took back {len(mine)} word")
    assert not mine & set(team_store.corrections_in_force())
    assert all([each.author for each in team_store.history(id)] == ["Cid", "Ada"] for id in mine)

    page.locator("[data-role=double]").fill("25")
    page.locator("[data-role=sharing]").get_by_role("button", name="Set").click()
    expect(page.locator(".cl-people [data-role=said]")).to_contain_text("Set.")
    assert team_store.setting("double_share") == 0.25


def test_alone_the_page_says_how_to_begin(page: Page) -> None:
    ready(page)
    expect(page.locator("[data-role=who]")).to_be_hidden()
    page.get_by_role("tab", name="People").click()
    expect(page.locator("[data-role=alone]")).to_contain_text("launch.py user add")
    page.get_by_role("tab", name="Annotate").click()
    assert word(page)


def test_two_people_at_one_audit_never_see_the_same_word_and_both_count(visit: Visit, team_store: Store) -> None:
    audit = auditing.begin(team_store, len(team_store.word_ids()), seed=5)
    pages = {"Ben": visit("Ben"), "Cid": visit("Cid")}
    seen: dict[str, list[int]] = {name: [] for name in pages}

    def look(name: str) -> None:
        open_tab(pages[name], "Audit")
        pages[name].get_by_role("button", name=re.compile("Look at the")).click()

    def answer(name: str) -> bool:
        """Accept the word in hand; whether another one of the audit has come."""
        page = pages[name]
        there = "charloc.words.ahead.some((each) => each.opened) || !charloc.opening.waiting.length"
        page.wait_for_function(f"!charloc.opening.fetching && ({there})")
        seen[name].append(page.evaluate("charloc.entry.word.id"))
        page.keyboard.press("Enter")
        page.wait_for_function("(id) => charloc.entry?.word.id !== id", arg=seen[name][-1])
        return bool(page.evaluate("charloc.entry?.word.audit"))

    for name, page in pages.items():
        ready(page)
        look(name)
    for page in pages.values():
        page.wait_for_function("charloc.entry?.word.audit && document.querySelector('.cl-letter')")
    for _ in range(3):
        assert answer("Ben") and answer("Cid")
    while answer("Cid"):
        pass
    all_saved(pages["Cid"])
    held = {each.word_id for each in team_store.holding("Ben") if each.purpose == "audit"}
    assert pages["Ben"].evaluate("charloc.entry.word.id") in held, "he goes slowly, and keeps what is in his hands"
    assert not held & set(seen["Cid"])
    look("Cid")
    expect(pages["Cid"].locator(".cl-audit [data-role=said]")).to_contain_text("in other people's hands")
    while answer("Ben"):
        pass
    all_saved(pages["Ben"])

    assert not set(seen["Ben"]) & set(seen["Cid"])
    assert sorted(seen["Ben"] + seen["Cid"]) == team_store.word_ids()
    said = team_store.opinions("audit", audit_id=audit.id)
    assert {each.word_id: each.author for each in said} == {id: name for name, ids in seen.items() for id in ids}
    assert auditing.result(team_store, audit, team_store.seen_round()).answered == len(said) == audit.words
    # She has stayed on the page, which learns of his answers by itself.
    pages["Cid"].evaluate("() => { const { now } = Date; Date.now = () => now() + 15000; }")
    far = pages["Cid"].locator(".cl-audit").get_by_role("status").first
    expect(far).to_have_text(f"{audit.words} of {audit.words} words looked at", timeout=15_000)
