"""Rounds from the page: begun in every way, paused, compared, gone back to; whether one is clearly worse."""

from __future__ import annotations

import os
from threading import Event

import numpy as np
import pytest
from starlette.testclient import TestClient

from annotator import turns
from annotator.comparison import clearly_worse, contradictions, moved, shifts_h
from annotator.heldback import LEAST_WORDS, held_back
from annotator.terminal import show_status
from annotator.turns import prepare
from charloc.types import Localization
from db import CharacterMark, NewCorrection, Prequential, Round, RoundStats, Store
from tests.annotator.conftest import Starter
from tests.projects import add_words

HELD = 0.5


def finish(store: Store, shift_px: dict[int, float], share: float = 0.0, **kept: dict[int, np.ndarray]) -> int:
    """A finished round that places every character 10 px wide and 20 high, moved right by `shift_px` of its word."""
    parent = store.seen_round()
    this = store.begin_round("fake", parent_id=parent.id if parent else None, settings={}, pid=os.getpid())
    proposals = []
    for word in store.words(store.word_ids()):
        boxes = boxes_of(len(word.characters), shift_px.get(word.id, 0.0))
        proposals.append((word.id, Localization(boxes, np.ones(len(boxes), np.float32), -1.0, "fake"), 0.5))
    stats = RoundStats(words=1, seconds=1.0, words_per_s=1.0, log_likelihood=-1.0, moved=0, heldback_share=share)
    store.finish_round(this.id, proposals, stats, None, **kept)
    return this.id


def boxes_of(length: int, shift_px: float = 0.0) -> np.ndarray:
    left = np.arange(length, dtype=np.float32) * 10 + np.float32(shift_px)
    return np.stack([left, np.zeros_like(left), left + 10, np.full_like(left, 20)], 1)


def pin(store: Store, word_id: int) -> None:
    """Say that a word's first character stands where a round without a shift has it."""
    (word,) = store.words([word_id])
    marks = (
        CharacterMark("pinned", (0.0, 0.0, 10.0, 20.0)),
        *[CharacterMark("untouched")] * (len(word.characters) - 1),
    )
    store.save_correction(NewCorrection(word_id, f"pin {word_id}", "boxes", marks))


@pytest.fixture
def words(store: Store) -> list[int]:
    add_words(store, [f"more{number}" for number in range(LEAST_WORDS + 4)], size_px=20)
    return store.word_ids()


def test_a_round_begins_as_asked(client: TestClient, starter: Starter) -> None:
    asked = {"method": "ctc", "init": "flat", "fresh": True}
    assert client.post("/api/rounds", json=asked).status_code == 202
    assert (starter.asked, starter.settings) == (["ctc"], [{"init": "flat", "fresh": True}])
    starter.code = 0
    client.post("/api/rounds", json={"method": "guess", "init": "flat", "fresh": True})
    assert starter.settings[-1] == {}, "a method that does not learn has no start"
    client.post("/api/rounds", json={"method": "segmental"})
    assert starter.settings[-1] == {}
    assert client.post("/api/rounds", json={"method": "ctc", "init": "nowhere"}).status_code == 422


def test_a_start_that_would_not_be_one_is_refused_at_once(client: TestClient, store: Store, starter: Starter) -> None:
    this = store.begin_round("ctc", parent_id=1, settings={"init": "pretrained"}, pid=os.getpid())
    store.finish_round(this.id, [], RoundStats(0, 1.0, 1.0, 0.0, 0), "round_1")
    answer = client.post("/api/rounds", json={"method": "ctc", "init": "flat"})
    assert answer.status_code == 422 and "--fresh" in answer.json()["detail"]
    assert starter.asked == []


def test_a_running_round_is_paused(client: TestClient, store: Store) -> None:
    assert client.post("/api/rounds/current/pause", json={}).status_code == 409
    this = store.begin_round("guess", parent_id=1, settings={}, pid=os.getpid())
    assert client.post("/api/rounds/current/pause", json={}).json()["job"]["pausing"]
    assert store.progress(this.id, "learn", 1, 2) == "pause"


def test_another_round_is_shown(client: TestClient, store: Store, words: list[int], starter: Starter) -> None:
    first = store.seen_round()
    assert first is not None
    second = finish(store, {})
    answer = client.get("/api/rounds").json()
    assert (answer["seen"], answer["rounds"][0]["parent"]) == (second, 0)
    back = client.post(f"/api/rounds/{first.id}/go-back", json={})
    assert back.json() == {"seen": first.id, "number": 0}
    assert client.get("/api/rounds").json()["seen"] == first.id
    assert client.get("/api/status").json()["newest"]["id"] == first.id
    assert client.get(f"/api/words/{words[0]}").json()["round"] == 0
    assert client.post("/api/rounds/99/go-back", json={}).status_code == 404
    client.post("/api/rounds", json={"method": "guess"})
    assert client.post(f"/api/rounds/{second}/go-back", json={}).status_code == 409, "one is being started"


def test_after_going_back_every_order_is_that_rounds_or_said_to_be_another(
    client: TestClient, store: Store, words: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = store.seen_round()
    assert first is not None
    prepare(store, first)
    second = store.round(finish(store, {}))
    prepare(store, second)
    begun, go_on = Event(), Event()

    def slow(store: Store, this: Round) -> None:
        begun.set()
        assert go_on.wait(10)
        prepare(store, this)

    def about(queue: str) -> bool:
        return client.get("/api/queue/about", params={"queue": queue, "character": "e"}).json()["ready"]

    assert about("both")
    monkeypatch.setattr(turns, "prepare", slow)
    client.post(f"/api/rounds/{first.id}/go-back", json={})
    assert begun.wait(10), "it is begun at once, however lately the round has finished"
    assert [about(queue) for queue in ("both", "character", "uncertain", "import")] == [False, False, True, True]
    assert not client.get("/api/list", params={"queue": "diverse"}).json()["ready"]
    assert not client.get("/api/glyphs", params={"character": "e"}).json()["ready"]
    client.post(f"/api/rounds/{second.id}/go-back", json={})  # while the other is worked out
    go_on.set()
    with turns._WORKING[store]:
        assert store.queues_of() == second.id
    assert about("both") and client.get("/api/glyphs", params={"character": "e"}).json()["ready"]


def test_the_command_line_says_which_round_people_see(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    first = store.seen_round()
    assert first is not None
    this = store.begin_round("fake", parent_id=first.id, settings={}, pid=os.getpid())
    judged = Prequential(words=3, chars=12, centre_h=0.1, wrong=2)
    store.finish_round(this.id, [], RoundStats(0, 1.0, 1.0, 0.0, 0, heldback=judged), None)
    show_status(store)
    told = capsys.readouterr().out
    assert "of 12 characters held back from it 2 are wrong" in told and "gone back to" not in told
    store.go_back_to(first.id)
    show_status(store)
    assert "Round 0 was gone back to: it is the one people see." in capsys.readouterr().out


def test_what_moved_is_listed_by_size(client: TestClient, store: Store, words: list[int]) -> None:
    one = finish(store, {})
    other = finish(store, {words[3]: 5.0, words[7]: 12.0, words[8]: 1.0})
    found = moved(store, store.round(one), store.round(other))
    assert [(each.word_id, each.most_h) for each in found] == [(words[7], 0.6), (words[3], 0.25)]
    asked = {"before": one, "after": other, "limit": 1}
    answer = client.get("/api/rounds/compare", params=asked).json()
    characters = sum(len(word.characters) for word in store.words([words[3], words[7]]))
    assert (answer["words"], answer["characters"]) == (2, characters)
    (shown,) = answer["shown"]
    assert shown["id"] == words[7] and shown["before"][0] == [0, 0, 10, 20] and shown["after"][0] == [12, 0, 22, 20]
    assert shown["apart"][0] == {"index": 0, "h": 0.6}
    (rest,) = client.get("/api/rounds/compare", params=asked | {"offset": 1}).json()["shown"]
    assert rest["id"] == words[3]
    running = store.begin_round("guess", parent_id=other, settings={}, pid=os.getpid())
    assert client.get("/api/rounds/compare", params=asked | {"after": running.id}).status_code == 409


def test_a_box_that_came_or_went_has_moved_far() -> None:
    gone = boxes_of(3)
    gone[1] = np.nan
    assert shifts_h(boxes_of(3), gone).tolist() == [0.0, 1.0, 0.0]
    assert shifts_h(gone, gone).tolist() == [0.0, 0.0, 0.0]
    assert shifts_h(np.full((2, 4), np.nan, np.float32), np.full((2, 4), np.nan, np.float32)).tolist() == [0.0, 0.0]


def test_corrections_are_contradicted_by_what_a_round_says_itself(
    client: TestClient, store: Store, words: list[int]
) -> None:
    finish(store, {})
    for id in words[:3]:
        pin(store, id)
    # It learned from all three; by itself it has two of them elsewhere.
    lengths = [len(word.characters) for word in store.words(words[:2])]
    alone = {words[k]: boxes_of(lengths[k], 8.0 + 10 * k) for k in (0, 1)}
    this = finish(store, {}, unaided=alone)
    pin(store, words[3])  # later, and as the round has it
    found = contradictions(store, store.round(this))
    assert [(each.word_id, each.by_h) for each in found] == [(words[1], {0: 0.9}), (words[0], {0: 0.4})]
    answer = client.get(f"/api/rounds/{this}/contradictions").json()
    assert (answer["words"], answer["characters"]) == (2, 2)
    shown = answer["shown"][0]
    assert shown["said"][0] == [0, 0, 10, 20] and shown["after"][0] == [18, 0, 28, 20] and shown["learned"]
    assert shown["said"][1] is None


def test_a_clearly_worse_round_is_told_by_words_that_neither_learned_from(
    client: TestClient, store: Store, words: list[int]
) -> None:
    finish(store, {}, HELD)
    for id in words:
        pin(store, id)
    held = sorted(held_back(store, store.corrections_in_force(), HELD))
    learned = [id for id in words if id not in held]
    assert len(held) >= 8

    finish(store, dict.fromkeys(learned, 18.0), HELD)
    assert client.get("/api/rounds").json()["worse"] is None, "those it learned from are no judges"
    finish(store, dict.fromkeys(held[:4], 18.0), HELD)
    assert client.get("/api/rounds").json()["worse"] is None, "4 of 4: one in 16 by chance"
    this = finish(store, dict.fromkeys(held[:4], 0.0) | dict.fromkeys(held[4:], 18.0), HELD)
    if len(held) < 13:
        assert clearly_worse(store, store.round(this)) is None, "better in 4"
    good = finish(store, {}, HELD)
    bad = finish(store, dict.fromkeys(held[:5], 18.0), HELD)
    found = clearly_worse(store, store.round(bad))
    assert found is not None
    assert (found.parent.id, found.worse, found.better, found.words) == (good, 5, 0, len(held))
    assert (found.wrong_before, found.wrong_after, found.chars) == (0, 5, len(held))
    told = client.get("/api/rounds").json()["worse"]
    assert (told["parent"]["id"], told["worse"]) == (good, 5)
    store.go_back_to(good)
    assert client.get("/api/rounds").json()["worse"] is None


def test_the_share_that_is_held_back_is_set(client: TestClient) -> None:
    assert client.get("/api/rounds").json()["held_back"] == {"share": 0.1, "least_words": LEAST_WORDS}
    assert client.post("/api/rounds/held-back", json={"share": 0.25}).json()["held_back"]["share"] == 0.25
    assert client.post("/api/rounds/held-back", json={"share": 0.9}).status_code == 422
    assert client.get("/api/rounds").json()["held_back"]["share"] == 0.25
