"""How far the model's error has fallen, as the page is told."""

from __future__ import annotations

import os

from starlette.testclient import TestClient

from db import Prequential, RoundStats, Store


def error(wrong: int, chars: int) -> Prequential:
    return Prequential(words=chars // 5, chars=chars, centre_h=0.1, wrong=wrong)


def finish(store: Store, parent: int, prequential: Prequential | None, heldback: Prequential | None = None) -> int:
    this = store.begin_round("fake", parent_id=parent, settings={}, pid=os.getpid())
    stats = RoundStats(
        words=0, seconds=1, words_per_s=1, log_likelihood=-1, moved=0, prequential=prequential, heldback=heldback
    )
    store.finish_round(this.id, [], stats, None, {})
    return this.id


def test_the_first_and_the_latest_error_of_the_line_people_see(client: TestClient, store: Store) -> None:
    assert client.get("/api/progress").json() == {"first": None, "latest": None}
    zero = store.seen_round()
    one = finish(store, zero.id, error(30, 100))
    assert client.get("/api/progress").json() == {
        "first": None,
        "latest": {"measure": "prequential", "round": 0, "words": 20, "chars": 100, "wrong": 30},
    }
    two = finish(store, one, None)
    finish(store, two, error(4, 80))
    told = client.get("/api/progress").json()
    assert (told["first"]["round"], told["first"]["wrong"]) == (0, 30)
    assert (told["latest"]["round"], told["latest"]["wrong"], told["latest"]["chars"]) == (2, 4, 80)


def test_errors_of_words_held_back_are_taken_where_there_are_two(client: TestClient, store: Store) -> None:
    zero = store.seen_round()
    one = finish(store, zero.id, error(30, 100), error(5, 20))
    assert client.get("/api/progress").json()["latest"]["measure"] == "prequential", "one is nothing to compare with"
    finish(store, one, error(20, 100), error(2, 25))
    told = client.get("/api/progress").json()
    assert [(told[which]["measure"], told[which]["round"], told[which]["wrong"]) for which in ("first", "latest")] == [
        ("heldback", 1, 5),
        ("heldback", 2, 2),
    ]
