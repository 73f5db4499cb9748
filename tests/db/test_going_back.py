"""Going back to an earlier round; pausing one; what a round says by itself."""

from __future__ import annotations

import os

import numpy as np
import pytest

from db import RecordError, RoundBusy, Store, StoreError, UnknownItem
from tests.db.make import STATS, add, assert_whole, begin, correct, finish, localization


def test_an_earlier_round_is_the_one_people_see_and_the_next_ones_parent(store: Store) -> None:
    a, b = add(store, "abc", "de")
    first = finish(store, {a: 0.9, b: 0.1}, 1.0)
    second = finish(store, {a: 0.1, b: 0.9}, 2.0)
    assert (store.seen_round(), store.queue(2)) == (second, [b, a])

    assert store.go_back_to(first.id) == first
    assert (store.seen_round(), store.queue(2)) == (first, [a, b]), "the queue follows"
    assert [each.state for each in store.rounds()] == ["finished", "finished"], "nothing is removed"
    assert store.proposals(second.id, [a])[a].boxes[0, 0] == 2.0
    assert_whole(store)
    with Store.open(store.path.parent) as another:
        assert another.seen_round() == first

    third = finish(store, {a: 0.2, b: 0.3})
    assert (third.number, third.parent_id) == (2, first.id)
    assert store.seen_round() == third, "a new round is seen again"
    assert_whole(store)


def test_forward_again(store: Store) -> None:
    (a,) = add(store, "abc")
    first, second = finish(store, {a: 0.5}), finish(store, {a: 0.6})
    store.go_back_to(first.id)
    store.go_back_to(first.id)
    assert store.go_back_to(second.id) == store.seen_round() == second
    assert store.setting("gone_back_to") is None


def test_what_was_begun_from_another_round_is_given_up(store: Store) -> None:
    (a,) = add(store, "abc")
    first, second = finish(store, {a: 0.5}), finish(store, {a: 0.6})
    stopped = begin(store)
    with pytest.raises(RoundBusy):
        store.go_back_to(first.id)
    store.end_round(stopped.id, "interrupted", "Ctrl-C")
    store.go_back_to(second.id)
    assert store.round(stopped.id).state == "interrupted", "that is where people are already"
    store.go_back_to(first.id)
    given_up = store.round(stopped.id)
    assert (given_up.state, given_up.message) == ("cancelled", "given up: round 0 was gone back to")


def test_only_a_finished_round_can_be_gone_back_to(store: Store) -> None:
    (a,) = add(store, "abc")
    finish(store, {a: 0.5})
    failed = begin(store)
    store.end_round(failed.id, "failed", "")
    with pytest.raises(StoreError, match="Round 1 is failed; only a finished one"):
        store.go_back_to(failed.id)
    with pytest.raises(UnknownItem):
        store.go_back_to(99)


def test_a_pause_reaches_the_worker_and_a_cancel_counts_more(store: Store) -> None:
    this = begin(store)
    store.request_pause(this.id)
    assert store.round(this.id).pause_requested
    assert store.progress(this.id, "learn", 1, 2) == "pause"
    store.request_cancel(this.id)
    assert store.progress(this.id, "learn", 1, 2) == "cancel"
    store.end_round(this.id, "interrupted", "paused")
    adopted = store.adopt_round(this.id, os.getpid())
    assert not adopted.pause_requested and store.progress(this.id, "learn", 1, 2) is None


def test_what_a_round_says_by_itself_is_kept_beside_what_it_proposes(store: Store) -> None:
    a, b = add(store, "abc", "de")
    correct(store, a)
    this = begin(store)
    proposals = [(a, localization(3, 5.0), 0.5), (b, localization(2, 6.0), 0.5)]
    with pytest.raises(RecordError, match=r"unaided boxes of shape \(2, 4\)"):
        store.finish_round(this.id, proposals, STATS, None, unaided={a: np.zeros((2, 4), np.float32)})
    store.finish_round(this.id, proposals, STATS, None, unaided={a: np.full((3, 4), 7.0, np.float32)})
    assert [store.proposals(this.id, [a, b])[id].boxes[0, 0] for id in (a, b)] == [5.0, 6.0]
    alone = store.unaided(this.id, [a, b])
    assert [alone[id].boxes[0, 0] for id in (a, b)] == [7.0, 6.0]
    assert np.isnan(alone[a].confidence).all(), "how sure it was is of the boxes that people said"
    assert (alone[b].confidence == store.proposals(this.id, [b])[b].confidence).all()
