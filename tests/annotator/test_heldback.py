"""Words held back from learning, pauses, and the line of rounds that one goes on from."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotator import heldback
from annotator.heldback import held_back, is_held_back, set_share, unlearned
from annotator.lines import line_of
from annotator.reporter import RoundPaused
from annotator.rounds import pause_round, run_round
from charloc.types import CharlocError
from db import Store
from tests import fake_method
from tests.annotator.fakes import believed, correct, x0

MORE = 30


@pytest.fixture
def project(fake_project: Path) -> Path:
    return fake_project


@pytest.fixture
def store(fake_store: Store) -> Store:
    fake_store.add_words(fake_method.words(MORE, start=200))
    return fake_store


def correct_all(store: Store, ids: list[int]) -> None:
    """Pin the first character of each, 20 px right of where a round puts it at first."""
    for id in ids:
        correct(store, id, (20.0, 0.0, 50.0, 20.0))


def test_a_share_is_drawn_once_and_a_larger_one_holds_it() -> None:
    keys = [f"{number:064x}" for number in range(4000)]
    small = {key for key in keys if is_held_back(key, 0.1)}
    assert 320 < len(small) < 480
    assert small < {key for key in keys if is_held_back(key, 0.2)}
    assert not any(is_held_back(key, 0.0) for key in keys)


def test_what_is_held_back_is_neither_learned_from_nor_held_fixed(store: Store, project: Path) -> None:
    set_share(store, 0.3)
    first = run_round(store, project, "fake")
    assert (first.heldback, first.heldback_share) == (None, 0.0)
    correct_all(store, store.word_ids())
    corrections = store.corrections_in_force()
    held = held_back(store, corrections, 0.3)
    assert 0 < len(held) < len(corrections) / 2

    second = run_round(store, project, "fake")
    assert second.heldback_share == 0.3
    training = fake_method.M_STEPS[-1]
    for index, id in enumerate(store.word_ids()):
        left = training.localizations[index].boxes[0, 0]
        assert (training.pins[index] == ()) == (id in held)
        assert left == (1.0 if id in held else 20.0), "what people said of a held-back word is not believed"
        assert x0(store, second.id, id) == (2.0 if id in held else 20.0), "and the round says what it would by itself"
        assert store.unaided(second.id, [id])[id].boxes[0, 0] == 2.0
    # Judged by them: 18 px of 20 off.
    assert second.heldback is not None
    assert (second.heldback.words, second.heldback.chars) == (len(held), len(held))
    assert second.heldback.centre_h == pytest.approx((35 - 17) / 20, abs=0.05)
    assert second.heldback.wrong == len(held)
    third = run_round(store, project, "fake")
    assert third.heldback is not None and third.heldback.words == len(held), "the same words in every round"


def test_few_corrections_are_all_learned_from(store: Store, project: Path) -> None:
    set_share(store, 0.5)
    run_round(store, project, "fake")
    correct_all(store, store.word_ids()[: heldback.LEAST_WORDS - 1])
    few = run_round(store, project, "fake")
    assert (few.heldback, few.heldback_share) == (None, 0.0)
    early = {id for id in store.word_ids()[: heldback.LEAST_WORDS - 1] if fake_method.M_STEPS[-1].pins[id - 1]}
    assert len(early) == heldback.LEAST_WORDS - 1

    correct_all(store, store.word_ids()[heldback.LEAST_WORDS - 1 :])
    held = held_back(store, store.corrections_in_force(), 0.5)
    assert held & early and held - early
    later = run_round(store, project, "fake")
    # Those that an earlier round has learned from judge nothing, and are not given what the person said either.
    assert later.heldback is not None and later.heldback.words == len(held - early)
    assert all(fake_method.M_STEPS[-1].localizations[id - 1].boxes[0, 0] == 2.0 for id in held & early)
    assert unlearned(store, line_of(store, later), held) == held - early


def test_nobody_wants_that_share(store: Store) -> None:
    for share in (-0.1, 0.51, float("nan")):
        with pytest.raises(CharlocError, match=r"give a number from 0 to 0\.5"):
            set_share(store, share)
    set_share(store, 0.0)
    correct_all(store, store.word_ids())
    assert heldback.share_in_force(store, store.corrections_in_force()) == 0.0


def test_a_round_goes_on_from_its_own_line(store: Store, project: Path) -> None:
    """After going back, what was learned on the way not taken is left there."""
    word = store.word_ids()[0]
    one = run_round(store, project, "fake")
    two = run_round(store, project, "fake", settings={"shift": 100.0})
    assert (x0(store, one.id, word), x0(store, two.id, word)) == (1.0, 101.0)
    store.go_back_to(one.id)
    three = run_round(store, project, "fake")
    assert (three.number, three.parent_id, x0(store, three.id, word)) == (3, one.id, 2.0)
    assert [each.number for each in line_of(store, three)] == [3, 1, 0]
    # To before anything was learned: it starts anew.
    store.go_back_to(store.rounds()[0].id)
    assert x0(store, run_round(store, project, "fake").id, word) == 1.0
    assert believed()[-1] == "pretrained"


def test_a_flat_start_is_possible_where_nothing_of_the_line_has_learned(store: Store, project: Path) -> None:
    run_round(store, project, "fake")
    with pytest.raises(CharlocError, match="--init flat: fake would go on from what round 1"):
        run_round(store, project, "fake", init="flat")
    store.go_back_to(store.rounds()[0].id)
    assert run_round(store, project, "fake", init="flat").number == 2


def test_a_paused_round_goes_on_where_it_was(store: Store, project: Path) -> None:
    assert not pause_round(store)
    run_round(store, project, "fake")

    def pause(phase: str, done: int, total: int) -> None:
        if (phase, done) == ("localize", 0):
            assert pause_round(store)

    with pytest.raises(RoundPaused):
        run_round(store, project, "fake", pause)
    stopped = store.unfinished_round()
    assert stopped is not None and stopped.state == "interrupted"
    assert not pause_round(store)
    learned = len(fake_method.M_STEPS)
    assert run_round(store, project, "fake").id == stopped.id
    assert len(fake_method.M_STEPS) == learned, "what it had learned is used"
