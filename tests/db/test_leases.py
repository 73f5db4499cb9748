"""A word is in one person's hands at a time."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db import Conflict, Store
from db.leases import MOST_HELD
from db.team_records import NewOpinion
from tests.db.make import add, marks, new


def word_ids(leases: list) -> list[int]:
    return [each.word_id for each in leases]


def test_a_word_is_handed_to_one_person(store: Store) -> None:
    words = add(store, *["abc"] * 10)
    assert word_ids(store.claim("Ada", words, 4)) == words[:4]
    assert word_ids(store.claim("Ben", words, 4)) == words[4:8]
    assert store.held_by_others("Ada") == set(words[4:8])
    assert word_ids(store.claim("Cid", words, 4)) == words[8:]


def test_a_page_that_lost_its_words_gets_them_back_first(store: Store) -> None:
    words = add(store, *["abc"] * 10)
    before = store.claim("Ada", words, 3)
    again = store.claim("Ada", words[1:], 3)
    assert word_ids(again) == words[1:4]
    assert [each.id for each in again[:2]] == [each.id for each in before[1:]]
    assert again[0].expires_at >= before[1].expires_at


def test_nobody_holds_more_than_a_page_fetches(store: Store) -> None:
    words = add(store, *["abc"] * 30)
    assert len(store.claim("Ada", words, 20)) == MOST_HELD
    assert store.claim("Ada", words[MOST_HELD:], 20) == []
    store.save_correction(new(words[0], author="Ada"))
    assert word_ids(store.claim("Ada", words[MOST_HELD:], 20)) == [words[MOST_HELD]]


def test_a_lease_runs_out_and_is_renewed_while_nobody_took_the_word(store: Store) -> None:
    words = add(store, "abc", "def")
    store.claim("Ada", words, 2, minutes=-1)
    assert store.holding("Ada") == []
    assert store.renew("Ada", words) == words
    assert word_ids(store.holding("Ada")) == words
    store.claim("Ada", words, 2, minutes=-1)
    assert word_ids(store.claim("Ben", words[:1], 1)) == words[:1]
    assert store.renew("Ada", words) == words[1:]
    assert store.renew("Ben", words) == words[:1]


def test_words_are_given_back(store: Store) -> None:
    words = add(store, *["abc"] * 3)
    store.claim("Ada", words, 3)
    store.release("Ada", words[:1])
    assert word_ids(store.claim("Ben", words, 3)) == words[:1]
    store.release("Ada")
    assert word_ids(store.claim("Cid", words, 3)) == words[1:]
    assert store.renew("Ada", words) == []


def test_what_for_is_a_lease_of_its_own(store: Store) -> None:
    words = add(store, "abc")
    assert store.claim("Ada", words, 1, purpose="second")
    assert not store.claim("Ben", words, 1, purpose="second")
    assert store.claim("Ben", words, 1, purpose="check") and store.claim("Cid", words, 1, purpose="check")
    assert store.unsettled("Ada", words[0]) is None, "to decide about it, she was not handed it"
    (lease,) = store.claim("Ada", words, 1, minutes=-1)
    assert store.unsettled("Ada", words[0]) == lease, "it may have run out"
    store.release("Ada")
    assert store.unsettled("Ada", words[0]) is None


def test_a_word_stays_blind_until_it_is_answered(store: Store) -> None:
    word, other = add(store, "abc", "def")
    assert store.blind_to("") == store.blind_to("Ada") == {}
    store.claim("Ada", [word, other], 2, purpose="check", minutes=-1)
    store.release("Ada")
    (newest,) = store.claim("Ada", [word], 1, purpose="check")
    assert store.blind_to("Ada")[word] == newest and set(store.blind_to("Ada")) == {word, other}
    assert store.blind_to("Ben") == {}
    store.save_opinion(NewOpinion(word, "1", "second", "skip", author="Ada"))
    store.save_opinion(NewOpinion(word, "2", "check", "skip", author="Ben"))
    assert word in store.blind_to("Ada"), "that was for something else, or by somebody else"
    store.save_opinion(NewOpinion(word, "3", "check", "flag", author="Ada"))
    assert set(store.blind_to("Ada")) == {other}
    store.save_opinion(NewOpinion(word, "4", "check", "clear", author="Ada"))
    assert word in store.blind_to("Ada"), "taken back"
    store.save_correction(new(word, "flag", author="Ada"))
    assert set(store.blind_to("Ada")) == {other}, "whoever decided has seen it"


def test_who_comes_back_after_another_decided_is_told(store: Store) -> None:
    """Even if that one took it back again, so that nothing is in force, as when the first one looked."""
    (word,) = add(store, "abc")
    (old,) = store.claim("Ada", [word], 1, minutes=-1)
    (newer,) = store.claim("Ben", [word], 1)
    assert newer.id > old.id
    said = store.save_correction(new(word, "boxes", marks("pinned", "accepted", "untouched"), author="Ben"), newer.id)
    store.save_correction(new(word, "clear", base_id=said.id, author="Ben"), newer.id)
    late = new(word, "flag", author="Ada")
    with pytest.raises(Conflict, match="somebody else decided"):
        store.save_correction(late, old.id)
    assert store.save_correction(late).author == "Ada", "having looked, she may insist"
    assert len(store.history(word)) == 3


def test_who_comes_back_before_another_decided_is_heard(store: Store) -> None:
    (word,) = add(store, "abc")
    (old,) = store.claim("Ada", [word], 1, minutes=-1)
    (newer,) = store.claim("Ben", [word], 1)
    store.save_correction(new(word, "flag", author="Ada"), old.id)
    with pytest.raises(Conflict):
        store.save_correction(new(word, "skip", author="Ben"), newer.id)


def test_people_who_take_turns_get_as_much_each(store: Store) -> None:
    words = add(store, *["abc"] * 40)
    got: Counter[str] = Counter()
    for name in ("Ada", "Ben", "Cid", "Dee", "Eva") * 4:
        got[name] += len(store.claim(name, words, 100)) - got[name]
    assert set(got.values()) == {MOST_HELD}


def work_through(store: Store, name: str, words: list[int]) -> list[int]:
    """Claim and decide until nothing is left, as a page does. The queue is asked for before, as by a page, too."""
    done: list[int] = []
    while True:
        standing = set(store.queue(len(words)))
        claimed = store.claim(name, [each for each in words if each in standing], 3, undecided=True)
        if not claimed:
            return done  # the last ones are in other hands
        for lease in claimed:
            store.save_correction(new(lease.word_id, "flag", uuid=str(uuid4()), author=name), lease.id)
            done.append(lease.word_id)


def test_threads_never_hold_the_same_word(store: Store) -> None:
    """Each decision would be a conflict if somebody else had made one about the word."""
    words = add(store, *["abc"] * 240)
    names = [f"person {number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda name: work_through(store, name, words), names))
    assert Counter(word for each in done for word in each) == Counter(words)
    assert all(len(store.history(word)) == 1 for word in words)


names = st.sampled_from(["Ada", "Ben", "Cid"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("claim"), names, st.integers(0, 9)),
        st.tuples(st.just("decide"), names, st.integers(0, 9)),
        st.tuples(st.just("release"), names, st.integers(0, 9)),
        st.tuples(st.just("renew"), names, st.integers(0, 9)),
    ),
    max_size=25,
)


@given(steps)
@settings(max_examples=10)
def test_whatever_people_do_no_word_is_in_two_hands(tmp_path_factory: pytest.TempPathFactory, steps: list) -> None:
    with Store.open(tmp_path_factory.mktemp("wild"), create=True) as store:
        words = add(store, *["abc"] * 12)
        for what, name, number in steps:
            if what == "claim":
                assert len(store.claim(name, words, number)) <= min(number, MOST_HELD)
            elif what == "renew":
                store.renew(name, words)
            elif held := store.holding(name):
                lease = held[number % len(held)]
                if what == "release":
                    store.release(name, [lease.word_id])
                else:
                    in_force = store.corrections_in_force([lease.word_id]).get(lease.word_id)
                    base = in_force.id if in_force else None
                    store.save_correction(new(lease.word_id, "skip", base_id=base, author=name), lease.id)
            held_now = [each.word_id for person in ("Ada", "Ben", "Cid") for each in store.holding(person)]
            assert len(held_now) == len(set(held_now))
