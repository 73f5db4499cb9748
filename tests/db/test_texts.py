"""Transcripts that people corrected: what holds now, what proposals are for, and that nothing is lost."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from db import RecordError, Store
from db.schema import AWAITING, StandingRow
from tests.db.make import STATS, add, assert_whole, begin, finish, localization, marks, new


def test_a_corrected_transcript_replaces_the_imported_one(store: Store) -> None:
    (id,) = add(store, "abc")
    saved = store.save_correction(new(id, characters=marks("pinned", "accepted"), text=("a", "ch")))
    (word,) = store.words([id])
    assert (word.text, word.characters, word.imported) == ("ach", ("a", "ch"), ("a", "b", "c"))
    assert store.history(id) == [saved] and saved.text == ("a", "ch")
    assert_whole(store)


def test_a_correction_without_text_gives_the_imported_one_back(store: Store) -> None:
    (id,) = add(store, "abc")
    first = store.save_correction(new(id, characters=marks("pinned"), text=("x",)))
    store.save_correction(new(id, "clear", base_id=first.id))
    assert store.words([id])[0].text == "abc"
    assert [each.text for each in store.history(id)] == [("x",), None]
    assert_whole(store)


def test_the_imported_text_is_kept_as_none(store: Store) -> None:
    (id,) = add(store, "abc")
    sent = new(id, text=("a", "b", "c"))
    saved = store.save_correction(sent)
    assert saved.text is None
    assert store.save_correction(sent) == saved  # sent again


def test_a_flag_or_skip_keeps_the_corrected_text(store: Store) -> None:
    (id,) = add(store, "abc")
    store.save_correction(new(id, "flag", text=("x", "y")))
    assert store.words([id])[0].text == "xy"


def test_only_a_transcript_leaves_the_word_to_be_looked_at(store: Store) -> None:
    (id,) = add(store, "abc")
    store.save_correction(new(id, characters=marks("untouched", "untouched"), text=("x", "y")))
    with store.read() as connection:
        assert connection.execute(select(StandingRow.place)).scalar_one() == AWAITING
    assert store.queue(5) == [id]
    assert store.counts().corrected == 0
    assert_whole(store)


def test_marks_are_counted_by_the_corrected_text(store: Store) -> None:
    (id,) = add(store, "abc")
    with pytest.raises(RecordError, match="3 marks for the 2 characters of 'xy'"):
        store.save_correction(new(id, characters=marks("pinned", "pinned", "pinned"), text=("x", "y")))


@pytest.mark.parametrize("text", [(), ("",), ("a", ""), (" ", " "), ("a\0",), ("\ud800",)])
def test_what_is_no_transcript_is_refused(store: Store, text: tuple[str, ...]) -> None:
    (id,) = add(store, "abc")
    with pytest.raises(RecordError):
        store.save_correction(new(id, characters=marks(*["pinned"] * len(text)), text=text))
    assert store.words([id])[0].text == "abc"


def test_a_cleared_word_has_no_text_of_its_own(store: Store) -> None:
    (id,) = add(store, "abc")
    with pytest.raises(RecordError, match="clear"):
        store.save_correction(new(id, "clear", text=("x",)))


def test_proposals_for_another_transcript_are_left_out_until_it_holds_again(store: Store) -> None:
    id, other = add(store, "abc", "abc")
    first = finish(store, {id: 0.5, other: 0.4})
    changed = store.save_correction(new(id, characters=marks("pinned", "pinned"), text=("a", "b")))
    assert set(store.proposals(first.id, [id, other])) == {other}
    assert set(store.disagreements(first.id, [id, other])) == {other}

    second = begin(store)
    store.finish_round(second.id, [(id, localization(2), 0.1), (other, localization(3), 0.1)], STATS, None)
    assert len(store.proposals(second.id, [id])[id].boxes) == 2

    store.save_correction(new(id, "clear", base_id=changed.id))
    assert set(store.proposals(second.id, [id, other])) == {other}
    assert set(store.proposals(first.id, [id, other])) == {id, other}
    assert_whole(store)


def test_a_round_proposes_for_the_transcript_it_began_with(store: Store) -> None:
    (id,) = add(store, "abc")
    begun = begin(store)
    store.save_correction(new(id, characters=marks("pinned"), text=("x",)))  # meanwhile
    with pytest.raises(RecordError, match="has 3 characters"):
        store.finish_round(begun.id, [(id, localization(1), 0.1)], STATS, None)
    store.finish_round(begun.id, [(id, localization(3), 0.1)], STATS, None)
    assert store.proposals(begun.id, [id]) == {}
