"""What people say beside what is in force, and taking back what one of them said."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from db import Conflict, RecordError, Store, UnknownItem
from db.team_records import NewOpinion
from tests.db.make import add, correct, finish, marks, new

BOXES = [(0.0, 0.0, 5.0, 9.0), None, (6.0, 0.0, 9.0, 9.0)]


def opinion(word_id: int, author: str, purpose: str = "second", kind: str = "boxes", uuid: str = "") -> NewOpinion:
    characters = marks("pinned", "accepted", "untouched") if kind == "boxes" else ()
    return NewOpinion(word_id, uuid or str(uuid4()), purpose, kind, characters, author=author)  # type: ignore[arg-type]


def test_an_opinion_is_kept_once_and_changes_nothing(store: Store) -> None:
    (word,) = add(store, "abc")
    said = opinion(word, "Ben")
    kept = store.save_opinion(said)
    assert store.save_opinion(said) == kept
    assert store.opinions_of(word) == [kept] and kept.author == "Ben"
    assert store.history(word) == [] and store.queue(5) == [word]
    with pytest.raises(RecordError, match="other content"):
        store.save_opinion(replace(said, author="Cid"))
    with pytest.raises(RecordError, match="An opinion is for"):
        store.save_opinion(opinion(word, "Ben", "guess"))
    with pytest.raises(UnknownItem):
        store.save_opinion(opinion(99, "Ben"))
    with pytest.raises(RecordError, match="3 characters"):
        store.save_opinion(replace(opinion(word, "Ben"), characters=marks("pinned")))


def test_what_an_opinion_speaks_of_has_to_be_there(store: Store) -> None:
    word, other = add(store, "abc", "def")
    with pytest.raises(UnknownItem, match="no round with id 9"):
        store.save_opinion(replace(opinion(word, "Ben"), round_id=9))
    audit = store.begin_audit(1, 2, [word]).id
    asked = replace(opinion(word, "Ben", "audit"), audit_id=audit)
    with pytest.raises(UnknownItem, match="not in audit"):
        store.save_opinion(replace(asked, word_id=other))
    for wrong in (replace(asked, audit_id=None), replace(opinion(word, "Ben"), audit_id=audit)):
        with pytest.raises(RecordError, match="names its audit"):
            store.save_opinion(wrong)
    assert store.opinions_of(word) == []
    assert store.save_opinion(asked).audit_id == audit


def test_an_opinion_frees_the_word_only_of_what_it_is_for(store: Store) -> None:
    (word,) = add(store, "abc")
    store.claim("Ben", [word], 1)
    audit = store.begin_audit(1, 1, [word]).id
    store.save_opinion(replace(opinion(word, "Ben", "audit"), audit_id=audit))
    assert [each.purpose for each in store.holding("Ben")] == ["main"]
    assert store.claim("Cid", [word], 1) == []


def test_opinions_are_append_only(store: Store) -> None:
    (word,) = add(store, "abc")
    store.save_opinion(opinion(word, "Ben"))
    for change in ("UPDATE opinion SET author = 'Ada'", "DELETE FROM opinion"):
        with pytest.raises(IntegrityError, match="append-only"), store.write() as connection:
            connection.execute(text(change))


def test_the_newest_opinion_of_each_person_counts(store: Store) -> None:
    one, other = add(store, "abc", "def")
    store.save_opinion(opinion(one, "Ben"))
    newest = store.save_opinion(opinion(one, "Ben", kind="flag"))
    store.save_opinion(opinion(other, "Ben"))
    store.save_opinion(opinion(other, "Ben", kind="clear"))
    check = store.save_opinion(opinion(one, "Cid", "check"))
    assert store.opinions("second") == [newest]
    assert store.opinions("check") == store.opinions("check", author="Cid") == [check]
    assert store.opinions("check", author="Ben") == []


def test_a_share_of_what_others_decided_is_read_twice_and_once_only(store: Store) -> None:
    words = add(store, *["abc"] * 60)
    for word in words[:40]:
        correct(store, word, author="Ada")
    correct(store, words[40], author="Ben")
    correct(store, words[41])  # of the time before there were people
    assert store.to_read_twice("Ben", 1, 100) == words[:40]
    assert store.to_read_twice("Ada", 1, 100) == [words[40]]
    assert store.to_read_twice("Ben", 0, 100) == []
    some = store.to_read_twice("Ben", 0.5, 100)
    assert 8 < len(some) < 32 and some == store.to_read_twice("Ben", 0.5, 100)
    assert set(store.to_read_twice("Ben", 0.2, 100)) < set(some)
    store.save_opinion(opinion(words[0], "Cid"))
    assert words[0] not in store.to_read_twice("Ben", 1, 100)
    assert store.to_read_twice("Ben", 1, 2, exclude=[words[1]]) == words[2:4]


def test_a_pair_is_what_the_first_had_said_when_the_second_did(store: Store) -> None:
    (word,) = add(store, "abc")
    first = correct(store, word, author="Ada")
    second = store.save_opinion(opinion(word, "Ben"))
    store.save_correction(new(word, "flag", base_id=first.id, author="Cid"))
    (pair,) = store.pairs()
    assert (pair.first, pair.second) == (first, second)


def test_check_words(store: Store) -> None:
    words = add(store, *["abc"] * 3)
    assert store.add_check_words({words[0]: BOXES, words[1]: BOXES}, "Ada") == 2
    assert store.add_check_words({words[0]: BOXES}, "Ada") == 0
    assert store.check_words()[words[0]].boxes == tuple(BOXES)
    correct(store, words[1], author="Ben")
    assert store.to_check("Ben", 9) == [words[0]], "who decided about a word is not checked with it"
    assert store.to_check("Cid", 9) == words[:2] and store.to_check("Ada", 9) == []
    store.save_opinion(opinion(words[0], "Cid", "check"))
    assert store.to_check("Cid", 9) == [words[1]]
    store.remove_check_words([words[1]])
    assert list(store.check_words()) == [words[0]]
    for wrong in ({99: BOXES}, {words[2]: BOXES[:2]}, {words[2]: [None] * 3}):
        with pytest.raises((RecordError, UnknownItem)):
            store.add_check_words(wrong, "Ada")


def test_who_reads_second_sees_what_was_proposed_before_anybody_said_anything(store: Store) -> None:
    words = add(store, "abc", "def")
    before = finish(store, dict.fromkeys(words, 0.5), 1.0)
    correct(store, words[0], author="Ada")
    after = finish(store, dict.fromkeys(words, 0.5), 2.0)
    found = store.blind_proposals(words)
    assert {word: round_id for word, (round_id, _) in found.items()} == {words[0]: before.id, words[1]: after.id}
    assert float(found[words[0]][1].boxes[0, 0]) == 1.0
    assert store.blind_proposals(add(store, "new")) == {}


# --- taking back -----------------------------------------------------------------------------------------------------


def held(store: Store, word_id: int) -> tuple | None:
    """What holds of a word."""
    found = store.corrections_in_force([word_id]).get(word_id)
    return (found.kind, found.characters, found.text, found.reason) if found else None


def say(store: Store, word_id: int, author: str, kind: str = "boxes", **more: str) -> None:
    in_force = store.corrections_in_force([word_id]).get(word_id)
    store.save_correction(new(word_id, kind, base_id=in_force.id if in_force else None, author=author, **more))  # type: ignore[arg-type]


def test_taking_back_gives_what_held_before_and_deletes_nothing(store: Store) -> None:
    alone, over, under, skipped, cleared = add(store, *["abc"] * 5)
    say(store, alone, "Ben")
    say(store, over, "Ada", "flag", reason="smudged")
    say(store, over, "Ben")
    say(store, over, "Ben", "skip")
    say(store, under, "Ben")
    say(store, under, "Ada")
    say(store, skipped, "Ada", "skip")
    say(store, cleared, "Ada")
    say(store, cleared, "Ben", "clear")
    before = {word: held(store, word) for word in (under, skipped)}
    rows = sum(len(store.history(word)) for word in store.word_ids())
    plan = store.revert_plan("Ben")
    assert (plan.words, plan.boxes, plan.flags, plan.restored, plan.kept) == (3, 1, 0, 2, 1)
    assert store.revert("Ben", by="Ada", uuid=str(uuid4()), upto=plan.upto) == plan
    assert held(store, alone) is None and alone in store.queue(9)
    assert held(store, over) == ("flag", (), None, "smudged")
    found = held(store, cleared)
    assert found is not None and found[0] == "boxes"
    assert {word: held(store, word) for word in (under, skipped)} == before
    assert sum(len(store.history(word)) for word in store.word_ids()) == rows + 3
    assert store.history(alone)[-1].author == "Ada" and "Ben" in store.history(alone)[-1].reason
    again = store.revert_plan("Ben")
    assert again.words == 0
    store.revert("Ben", by="Ada", uuid=str(uuid4()), upto=again.upto)
    assert sum(len(store.history(word)) for word in store.word_ids()) == rows + 3


def test_what_came_since_the_look_is_not_taken_back_unseen(store: Store) -> None:
    one, other = add(store, "abc", "def")
    say(store, one, "Ben")
    plan = store.revert_plan("Ben")
    say(store, other, "Ben")
    with pytest.raises(Conflict, match="Look again"):
        store.revert("Ben", by="Ada", uuid=str(uuid4()), upto=plan.upto)
    assert held(store, one) is not None and len(store.history(one)) == 1
    with pytest.raises(RecordError, match="no UUID"):
        store.revert("Ben", by="Ada", uuid="x", upto=plan.upto)


def test_work_by_author(store: Store) -> None:
    words = add(store, *["abc"] * 4)
    say(store, words[0], "Ada")
    say(store, words[1], "Ben", "flag")
    say(store, words[2], "Ben", "skip")
    say(store, words[0], "Ben")
    store.save_opinion(opinion(words[3], "Ada"))
    assert store.words_by_author() == {"Ben": 2}
    assert {name: len(times) for name, times in store.times_by_author().items()} == {"Ada": 2, "Ben": 3}


people, kinds = st.sampled_from(["Ada", "Ben", "Cid"]), st.sampled_from(["boxes", "flag", "skip", "clear"])
decisions = st.lists(st.tuples(people, st.integers(0, 2), kinds), max_size=14)


@given(decisions)
@settings(max_examples=8)
def test_taking_back_is_as_if_the_person_had_not_been_there_last(
    tmp_path_factory: pytest.TempPathFactory, decisions: list
) -> None:
    with Store.open(tmp_path_factory.mktemp("wild"), create=True) as store:
        words = add(store, "abc", "def", "ghi")
        expected: dict[int, tuple | None] = dict.fromkeys(words)
        for author, which, kind in decisions:
            say(store, words[which], author, kind)
        for word in words:
            others = [each for each in store.history(word) if each.author != "Ben"]
            last = others[-1] if others and others[-1].kind != "clear" else None
            expected[word] = (last.kind, last.characters, last.text, last.reason) if last else None
        histories = [store.history(word) for word in words]
        store.revert("Ben", by="Ada", uuid=str(uuid4()), upto=store.revert_plan("Ben").upto)
        assert {word: held(store, word) for word in words} == expected
        for word, history in zip(words, histories, strict=True):
            assert store.history(word)[: len(history)] == history
        assert store.revert_plan("Ben").words == 0
