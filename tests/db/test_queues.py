"""Whose turn it is in every queue, and what filters leave of it."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text as sql
from sqlalchemy.exc import IntegrityError

from db import Asked, RecordError, Store, UnknownItem, WordTurns
from db.asked import folded
from tests.db.make import add, correct, finish, item, new


@pytest.fixture
def ids(store: Store) -> list[int]:
    """Four words with turns."""
    pages = [{"page": "1", "source": "a", "tags": "hard, Seen"}, {"page": "2", "source": "a"}, {"page": "2"}, {}]
    store.add_words([
        item(text, name=f"scan/{k}.png", meta=meta)
        for k, (text, meta) in enumerate(zip(["abc", "Bäd", "cab", "xyz"], pages, strict=True))
    ])  # fmt: skip
    ids = store.word_ids()
    this = finish(store, {ids[0]: 0.1, ids[1]: 0.9, ids[2]: 0.5})
    store.put_turns(this.id, [
        WordTurns(ids[0], -0.7, -0.3, 1.0, {"a": 0.2, "b": 0.9, "c": 0.5}),
        WordTurns(ids[1], None, -0.2, 0.0, {"B": 0.3, "ä": 0.4, "d": 0.5}),
        WordTurns(ids[2], -0.8, -0.9, 2.0, {"a": 0.1, "b": 0.3, "c": 0.6}),
    ])  # fmt: skip
    return ids


def test_each_queue_has_its_order(store: Store, ids: list[int]) -> None:
    a, b, c, unseen = ids
    assert store.queue(9) == [b, c, a, unseen]
    assert store.queue(9, asked=Asked("both")) == [c, a, b, unseen]
    assert store.queue(9, asked=Asked("diverse")) == [b, a, c, unseen]
    assert store.queue(9, asked=Asked("apart")) == [c, a], "only where somebody else has looked"
    assert store.queue(9, asked=Asked("character", "a")) == [c, a]
    assert store.queue(9, asked=Asked("character", "x")) == [unseen], "words that no round has seen, too"
    assert store.queue(9, asked=Asked("import")) == ids
    assert sorted(store.queue(9, asked=Asked("random"))) == ids
    assert {tuple(store.queue(9, asked=Asked("random", seed=seed))) for seed in range(9)} != {tuple(ids)}
    with pytest.raises(RecordError, match="name one"):
        store.queue(1, asked=Asked("character"))


def test_skipped_words_come_last_and_decided_ones_are_left_out(store: Store, ids: list[int]) -> None:
    a, b, c, unseen = ids
    correct(store, b, "skip")
    correct(store, unseen)
    for queue in ("uncertain", "both", "diverse"):
        assert store.queue(9, asked=Asked(queue))[-1] == b
    correct(store, c)
    assert store.queue(9, [a], Asked("both")) == [b]
    assert store.queue(9, asked=Asked("recent")) == [c, unseen]
    assert store.queue(9, asked=Asked("import", state="corrected")) == [c, unseen]
    assert store.queue(9, asked=Asked("import", state="skipped")) == [b]
    assert store.listed(Asked("both", state="any"), 1, 2) == [a, b]
    assert store.queue_length(Asked("both", state="any")) == 4


def test_flags_stay_until_the_word_is_corrected(store: Store, ids: list[int]) -> None:
    a, b, *_ = ids
    flag = correct(store, a, "flag")
    correct(store, b, "flag")
    assert store.queue(9, asked=Asked("flagged")) == [b, a]
    assert store.queue_length(Asked("import", state="flagged")) == 2
    store.save_correction(new(a, base_id=flag.id))
    assert store.queue(9, asked=Asked("flagged")) == [b]


def test_filters_and_searches(store: Store, ids: list[int]) -> None:
    a, b, c, unseen = ids
    assert store.queue(9, asked=Asked(page="2")) == [b, c]
    assert store.queue(9, asked=Asked(source="a")) == [b, a]
    assert store.queue(9, asked=Asked("both", source="a", page="1")) == [a]
    assert store.queue(9, asked=Asked(tag="Seen")) == [a], "tags come with what is imported"
    assert store.queue(9, asked=Asked(text="BAD")) == [b], "whatever the case and the accents"
    assert store.queue(9, asked=Asked(text="scan/3")) == [unseen]
    assert store.queue(9, asked=Asked("character", "a", text="cab")) == [c]
    assert store.queue_length(Asked(text="%")) == 0, "no wild cards"
    store.save_correction(new(c, text=("b", "ä", "m")))
    assert store.queue_length(Asked(text="bam", state="any")) == 1, "what is corrected is found as it is now"
    assert store.queue_length(Asked(text="cab", state="any")) == 0
    assert store.places() == (["1", "2"], ["a"])
    assert store.characters()[0] == ("a", 2, pytest.approx(0.15))


def test_tags_are_given_once_and_taken_off(store: Store) -> None:
    first, second = add(store, "abc", "def")
    assert store.tag([first, second, first], "  to   do ") == 2
    assert store.tag([first], "to do") == 0
    store.tag([second], "Ärger")
    assert store.tags() == [("to do", 2), ("Ärger", 1)]
    assert store.tags_of([first, second]) == {first: ["to do"], second: ["to do", "Ärger"]}
    assert store.untag([first], "to do") == 1 and store.untag([first], "to do") == 0
    with pytest.raises(UnknownItem):
        store.tag([first, 999], "x")
    for bad in ("", "  ", "x" * 61, "a\0b"):
        with pytest.raises(RecordError):
            store.tag([first], bad)
    assert store.tags_of([first]) == {}


def test_who_gave_a_tag_and_who_took_it_off_is_kept(store: Store) -> None:
    first, second = add(store, "abc", "def")
    store.tag([first, second], "hard", "Ada")
    store.tag([first], "hard", "Ben")
    store.untag([first, first], "hard", "Ben")
    store.untag([first], "hard", "Cid")
    store.tag([first], "hard")
    kept = store.taggings(first)
    assert [(each.name, each.given, each.author) for each in kept] == [
        ("hard", True, "Ada"), ("hard", False, "Ben"), ("hard", True, ""),
    ]  # fmt: skip
    assert [each.created_at for each in kept] == sorted(each.created_at for each in kept)
    assert [each.author for each in store.taggings(second)] == ["Ada"]
    again = "REPLACE INTO tagging SELECT * FROM tagging"
    for change in ("UPDATE tagging SET author = 'Eve'", "DELETE FROM tagging", again):
        with pytest.raises(IntegrityError, match="append-only"), store.write() as connection:
            connection.execute(sql(change))


SOME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(text=SOME | st.text("abcÁ", max_size=2))
def test_any_text_can_be_searched(store: Store, text: str) -> None:
    if store.word_count() == 0:
        store.add_words([item("abc", name="scan")])
    assert store.queue_length(Asked(text=text)) == int(folded(text) in "abc\nscan")
