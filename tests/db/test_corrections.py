"""What people said: kept once, never changed, never overwritten unseen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

import db.corrections
from db import CharacterMark, Conflict, Correction, Counts, RecordError, Store, UnknownItem
from tests.db.make import add, begin, correct, finish, marks, new


@pytest.fixture
def word(store: Store) -> int:
    return add(store, "abc")[0]


def force(store: Store, word_id: int, upto: int | None = None) -> Correction | None:
    return store.corrections_in_force([word_id], upto).get(word_id)


def test_a_correction_comes_back_as_it_was_given(store: Store, word: int) -> None:
    this = finish(store, {word: 0.5})
    said = (
        CharacterMark("pinned", (0.1, 1e-3, 7.25, 19.999)),
        CharacterMark("accepted", None),
        CharacterMark("invisible"),
    )
    before = datetime.now(UTC)
    saved = store.save_correction(replace(new(word, characters=said, author="Áine", reason="worn"), round_id=this.id))
    assert saved.characters == said
    assert (saved.word_id, saved.kind, saved.round_id, saved.base_id) == (word, "boxes", this.id, None)
    assert (saved.author, saved.reason) == ("Áine", "worn")
    assert before <= saved.created_at <= datetime.now(UTC) and saved.created_at.tzinfo is UTC
    assert store.history(word) == [saved] == [force(store, word)]


# --- exactly once -----------------------------------------------------------------------------------------------------


def test_the_same_decision_sent_again_is_the_stored_one(store: Store, word: int) -> None:
    decision = new(word)
    first = store.save_correction(decision)
    assert store.save_correction(decision) == first
    correct(store, word, "flag")  # also when it is no longer in force
    assert store.save_correction(decision) == first
    assert len(store.history(word)) == 2


def test_a_client_may_send_lists_and_other_numbers_again(store: Store, word: int) -> None:
    sloppy = (CharacterMark("pinned", [1, np.float32(0.1), 5, 6]), *marks("untouched", "untouched"))  # type: ignore[arg-type]
    decision = new(word, characters=sloppy)
    saved = store.save_correction(decision)
    assert saved.characters[0].box == (1.0, float(np.float32(0.1)), 5.0, 6.0)
    assert store.save_correction(decision) == saved


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"reason": "x"}, "reason"),
        ({"author": "x"}, "author"),
        ({"base_id": 7}, "base_id"),
        ({"characters": marks("pinned", "pinned", "pinned")}, "characters"),
        ({"kind": "skip", "characters": ()}, "kind"),
    ],
)
def test_a_uuid_stands_for_one_decision(store: Store, word: int, other: dict, field: str) -> None:
    decision = new(word)
    store.save_correction(decision)
    with pytest.raises(RecordError, match=f"was stored before with another {field}"):
        store.save_correction(replace(decision, **other))
    (elsewhere,) = add(store, "abc")
    with pytest.raises(RecordError, match=f"of word {word} was stored before with another word_id"):
        store.save_correction(replace(decision, word_id=elsewhere))


# --- nobody is overwritten unseen -------------------------------------------------------------------------------------


def test_who_saw_something_else_is_told(store: Store, word: int) -> None:
    first = store.save_correction(new(word))
    for base_id in (None, 99):
        with pytest.raises(Conflict, match="somebody else decided") as caught:
            store.save_correction(new(word, "flag", base_id=base_id))
        assert caught.value.in_force == first
    second = store.save_correction(new(word, "flag", base_id=first.id))
    with pytest.raises(Conflict) as caught:
        store.save_correction(new(word, "skip", base_id=first.id))
    assert caught.value.in_force == second
    assert store.history(word) == [first, second]


def test_after_a_clear_nothing_is_in_force(store: Store, word: int) -> None:
    first = store.save_correction(new(word))
    cleared = store.save_correction(new(word, "clear", base_id=first.id))
    assert force(store, word) is None
    with pytest.raises(Conflict) as caught:
        store.save_correction(new(word, base_id=first.id))
    assert caught.value.in_force is None
    from_nothing = store.save_correction(new(word))
    again = store.save_correction(new(word, "clear", base_id=from_nothing.id))
    from_the_clear = store.save_correction(new(word, base_id=again.id))
    with pytest.raises(Conflict):
        store.save_correction(new(word, base_id=again.id))
    assert [each.id for each in store.history(word)] == sorted(
        each.id for each in (first, cleared, from_nothing, again, from_the_clear)
    )


def test_a_clear_with_nothing_to_clear_is_kept(store: Store, word: int) -> None:
    assert store.save_correction(new(word, "clear")).kind == "clear"
    assert force(store, word) is None


def test_words_do_not_conflict_with_each_other(store: Store) -> None:
    one, two = add(store, "abc", "abc")
    saved = store.save_correction(new(one))
    store.save_correction(new(two))
    cleared = store.save_correction(new(one, "clear", base_id=saved.id))
    with pytest.raises(Conflict):  # a clear of another word is not one of this
        store.save_correction(new(two, base_id=cleared.id))


# --- what is in force -------------------------------------------------------------------------------------------------


def test_what_was_in_force_at_an_earlier_time(store: Store) -> None:
    one, two = add(store, "abc", "abc")
    a = correct(store, one)
    b = correct(store, two, "flag")
    c = correct(store, one, "clear")
    d = correct(store, one, "skip")
    assert store.corrections_in_force(upto=0) == {}
    assert store.corrections_in_force(upto=a.id) == {one: a}
    assert store.corrections_in_force(upto=b.id) == {one: a, two: b}
    assert store.corrections_in_force(upto=c.id) == {two: b}
    assert store.corrections_in_force() == store.corrections_in_force(upto=d.id) == {one: d, two: b}
    assert store.corrections_in_force([two, 99]) == {two: b}
    assert store.corrections_in_force([one], upto=b.id) == {one: a}
    assert store.corrections_in_force([]) == {}


COLUMNS = "word_id, uuid, kind, characters, reason, author, created_at"


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("characters", "says"),
    [
        (marks("pinned"), "1 marks for the 3 characters of 'abc'"),
        ((), "0 marks for the 3"),
        ((*marks("pinned", "pinned"), CharacterMark("pinned")), r"character 3 \('c'\) is pinned, but has no box"),
        ((CharacterMark("invisible", (0, 0, 1, 1)), *marks("pinned", "pinned")), "character 1 .* said to be invisible"),
        ((CharacterMark("moved", (0, 0, 1, 1)), *marks("pinned", "pinned")), "accepted .* not 'moved'"),  # type: ignore[arg-type]
        *(
            ((*marks("untouched", "accepted"), CharacterMark("accepted", box)), r"character 3 .*must be x0 y0 x1 y1")
            for box in (
                (0.0, 0.0, 0.0, 1.0),
                (0.0, 2.0, 1.0, 1.0),
                (0.0, 0.0, float("nan"), 1.0),
                (0.0, 0.0, float("inf"), 1.0),
                (0.0, 0.0, 1e39, 1.0),  # finite, but not in float32
                (1000.0, 0.0, 1000.00001, 1.0),  # of no width in float32
                (0.0, 0.0, 1.0),
            )
        ),
    ],
)
def test_boxes_have_to_fit_the_word(store: Store, word: int, characters: tuple, says: str) -> None:
    with pytest.raises(RecordError, match=says):
        store.save_correction(new(word, characters=characters))
    assert store.history(word) == []


def test_other_refusals(store: Store, word: int) -> None:
    for bad, says in (
        (new(word, "flag", marks("pinned")), "says nothing about single characters"),
        (new(word, "wrong"), "boxes | flag | skip | clear, not 'wrong'"),  # type: ignore[arg-type]
        (new(word, uuid=""), "1 to 64"),
        (new(word, uuid="x" * 65), "1 to 64"),
        (new(word, reason="a\0"), "reason 'a\\x00' has a NUL"),
        (new(word, author="\ud800"), "author '\\ud800' has"),
    ):
        with pytest.raises(RecordError) as caught:
            store.save_correction(bad)
        assert says in str(caught.value)
    with pytest.raises(UnknownItem, match="no word 99"):
        store.save_correction(new(99))
    with pytest.raises(UnknownItem, match="no round with id 99"):
        store.save_correction(replace(new(word), round_id=99))
    with pytest.raises(UnknownItem, match="no word 99"):
        store.history(99)
    assert store.history(word) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE correction SET reason = 'x'",
        "UPDATE correction SET word_id = word_id WHERE id = 1",
        "DELETE FROM correction",
        "INSERT OR REPLACE INTO correction SELECT * FROM correction",
        f"REPLACE INTO correction ({COLUMNS}) SELECT {COLUMNS} FROM correction",
        "INSERT INTO correction SELECT * FROM correction WHERE true ON CONFLICT (id) DO UPDATE SET reason = 'x'",
    ],
)
def test_the_database_itself_refuses_to_change_what_was_said(store: Store, word: int, statement: str) -> None:
    saved = store.save_correction(new(word))
    with pytest.raises(IntegrityError, match="append-only"), store.write() as connection:
        connection.execute(text(statement))
    assert store.history(word) == [saved]


# --- the queue --------------------------------------------------------------------------------------------------------


def test_before_any_round_words_come_in_the_order_of_import(store: Store) -> None:
    assert store.queue(3) == []
    ids = add(store, *"abcde")
    assert store.queue(3) == ids[:3]
    assert store.queue(100) == ids
    assert store.queue(0) == store.queue(-1) == []


def test_the_most_uncertain_word_comes_first(store: Store) -> None:
    a, b, c, d = add(store, *"abcd")
    finish(store, {a: 0.25, b: 0.75, c: 0.0, d: 0.75})
    assert store.queue(10) == [b, d, a, c]
    assert store.queue(2, [b]) == [d, a]
    assert store.queue(10, {a, b, c, d, 99}) == []
    finish(store, {a: 0.5, b: 0.25, c: 1.5, d: -1.0})  # only the newest round counts
    assert store.queue(10) == [c, a, b, d]


def test_a_round_that_is_not_finished_changes_nothing(store: Store) -> None:
    a, b = add(store, *"ab")
    finish(store, {a: 0.25, b: 0.75})
    begin(store)
    assert store.queue(10) == [b, a]


def test_words_the_seen_round_did_not_see_come_after_those_it_did(store: Store) -> None:
    a, b = add(store, *"ab")
    finish(store, {a: 0.25, b: 0.75})
    c, d = add(store, *"cd")
    assert store.queue(10) == [b, a, c, d]
    finish(store, {b: 0.1, d: 0.2})
    assert store.queue(10) == [d, b, a, c]


def test_decided_words_leave_the_queue_and_skipped_ones_go_last(store: Store) -> None:
    a, b, c, d = add(store, *"abcd")
    finish(store, {a: 0.4, b: 0.3, c: 0.2, d: 0.1})
    correct(store, b)
    assert store.queue(10) == [a, c, d]
    correct(store, a, "skip")
    correct(store, c, "skip")
    assert store.queue(10) == [d, a, c]
    correct(store, d, "flag")
    assert store.queue(10) == [a, c]
    correct(store, c, "clear")
    correct(store, d, "clear")
    assert store.queue(10) == [c, d, a]
    finish(store, {a: 0.4, b: 0.3, c: 0.1, d: 0.2})
    assert store.queue(10) == [d, c, a]


def test_counts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store.counts() == Counts(0, 0, 0, 0, 0, 0, 0)
    a, b, c, d, e = add(store, *["abc"] * 5)
    store.save_correction(new(a, characters=marks("pinned", "accepted", "accepted")))
    first = store.save_correction(new(b, characters=marks("pinned", "pinned", "pinned")))
    store.save_correction(new(b, characters=marks("pinned", "invisible", "untouched"), base_id=first.id))
    correct(store, c, "flag")
    correct(store, d, "skip")
    correct(store, e)
    correct(store, e, "clear")
    assert store.counts() == Counts(5, 2, 2, 2, 1, 1, 2)

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(days=1)  # type: ignore[arg-type]

    monkeypatch.setattr(db.corrections, "datetime", Tomorrow)
    assert store.counts().corrected_today == 0
    correct(store, c)
    assert store.counts() == Counts(5, 3, 2, 5, 0, 1, 1)
