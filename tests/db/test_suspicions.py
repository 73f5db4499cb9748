"""What looks wrong after a round, what people said to that, and what is left to look at."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy.exc import DBAPIError

from db import CharacterMark, NewCorrection, RecordError, Store, StoredSuspicion, UnknownItem
from tests.db.make import add, finish


def suspicion(word_id: int, score: float, text: str = "abc", **more: object) -> StoredSuspicion:
    return StoredSuspicion(word_id, score, "changed", tuple(text), {"changed": score}, **more)  # type: ignore[arg-type]


def left(store: Store, round_id: int, least: float = 0.0) -> list[int]:
    return [each.word_id for each in store.suspicions(round_id, least)]


def correct(store: Store, word_id: int, uuid: str, text: str | None, kind: str = "boxes") -> None:
    marks = tuple(CharacterMark("untouched") for _ in text or "abc") if kind == "boxes" else ()
    base = store.corrections_in_force([word_id]).get(word_id)
    changed = None if text is None else tuple(text)
    store.save_correction(
        NewCorrection(word_id, uuid, kind, marks, text=changed, base_id=base.id if base else None)  # type: ignore[arg-type]
    )


def test_the_worst_come_first_and_come_back_as_they_were(store: Store) -> None:
    ids = add(store, "abc", "abc", "abc")
    this = finish(store, dict.fromkeys(ids, 0.5)).id
    assert store.suspicious_round() is None and not store.has_suspicions(this)
    found = [
        suspicion(ids[0], 0.2),
        suspicion(ids[1], 0.9, suggestion=("a", "b", "ç"), gain=3.5),
        suspicion(ids[2], 0.6, other=ids[0]),
    ]
    store.save_suspicions(this, found)
    assert store.suspicions(this) == [found[1], found[2], found[0]]
    assert left(store, this, 0.5) == [ids[1], ids[2]]
    assert store.suspicious_round() == this and store.has_suspicions(this)
    store.save_suspicions(this, found[:1])
    assert left(store, this) == [ids[0]], "looking again takes the place of what was found before"
    assert left(store, this + 1) == []


def test_what_was_decided_is_not_shown_again(store: Store) -> None:
    right, flagged, changed, same = ids = add(store, "abc", "abc", "abc", "abc")
    this = finish(store, dict.fromkeys(ids, 0.5)).id
    store.save_suspicions(this, [suspicion(id, 0.9) for id in ids])
    store.judge_transcript(right, "right", "ann")
    correct(store, flagged, "1", None, "flag")
    correct(store, changed, "2", "abd")
    correct(store, same, "3", None)
    assert left(store, this) == [same]
    store.judge_transcript(right, "open", "ann")
    assert left(store, this) == [right, same]
    correct(store, changed, "4", "abc")
    assert left(store, this) == [right, changed, same], "the imported transcript is back"


def test_a_verdict_holds_until_the_transcript_is_changed(store: Store) -> None:
    (word,) = add(store, "abc")
    this = finish(store, {word: 0.5}).id
    store.judge_transcript(word, "right")
    store.judge_transcript(word, "right")
    assert store.judged_right() == {word} == store.judged_right([word]) and store.judged_right([word + 1]) == set()
    correct(store, word, "1", "abd")
    assert store.judged_right() == set()
    store.save_suspicions(this, [suspicion(word, 0.9, "abd")])
    assert left(store, this) == [word]
    store.judge_transcript(word, "right")
    assert left(store, this) == []


def test_only_another_transcript_voids_a_verdict(store: Store) -> None:
    (word,) = add(store, "abc")
    correct(store, word, "1", "abd")
    store.judge_transcript(word, "right", "ann")
    correct(store, word, "2", "abd")
    assert store.judged_right() == {word}, "corrected again, with the same transcript"
    correct(store, word, "3", None)
    assert store.judged_right() == set(), "the imported one came back"
    correct(store, word, "4", "abd")
    assert store.judged_right() == {word}, "what was said to be right is there again"
    correct(store, word, "5", None, "clear")
    assert store.judged_right() == set()


def test_verdicts_are_only_ever_added(store: Store) -> None:
    (word,) = add(store, "abc")
    store.judge_transcript(word, "right", "ann")
    for statement in ("UPDATE verdict SET value = 'open'", "DELETE FROM verdict"):
        with pytest.raises((DBAPIError, sqlite3.IntegrityError)), store.write() as connection:
            connection.exec_driver_sql(statement)


def test_what_does_not_fit_is_refused_and_nothing_of_it_is_kept(store: Store) -> None:
    (word,) = add(store, "abc")
    this = finish(store, {word: 0.5}).id
    store.save_suspicions(this, [suspicion(word, 0.5)])
    with pytest.raises(UnknownItem, match="no word 99"):
        store.save_suspicions(this, [suspicion(word, 0.7), suspicion(99, 0.5)])
    with pytest.raises(UnknownItem, match="no round"):
        store.save_suspicions(77, [])
    with pytest.raises(RecordError, match=r"0\.\.1"):
        store.save_suspicions(this, [suspicion(word, 1.5)])
    with pytest.raises(RecordError, match="said to be right"):
        store.judge_transcript(word, "maybe")  # type: ignore[arg-type]
    with pytest.raises(UnknownItem):
        store.judge_transcript(99, "right")
    assert [each.score for each in store.suspicions(this)] == [0.5]
