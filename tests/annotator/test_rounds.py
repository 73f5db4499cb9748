"""Rounds: what is frozen, what is kept, what is visible, whatever stops them."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import launch
from annotator import rounds
from annotator.background import LOG
from annotator.rounds import RoundCancelled, cancel_round, run_round, start_round
from charloc import checkpoint as on_disk
from charloc.types import CharlocError, CheckpointError
from db import CharacterMark, NewCorrection, RoundBusy, Store
from tests import fake_method
from tests.annotator.fakes import WORDS, correct, stop_at, x0


@pytest.fixture
def project(fake_project: Path) -> Path:
    return fake_project


@pytest.fixture
def store(fake_store: Store) -> Store:
    return fake_store


def test_the_first_learning_round_comes_after_first_proposals(store: Store, project: Path) -> None:
    finished = run_round(store, project, "fake")
    zero, first = store.rounds()
    assert (zero.number, zero.method, zero.state, zero.moved) == (0, "pretrained", "finished", 0)
    assert (first.number, first.method, first.parent_id) == (1, "fake", zero.id)
    assert finished == first == store.seen_round()
    assert first.words == WORDS
    assert first.learned == {"loss": 1.0}
    assert first.log_likelihood == -1.0
    assert first.prequential is None
    assert first.checkpoint == "round_1"
    assert on_disk.read(project / "checkpoints" / "round_1", "fake").tensors["shift_px"] == 1.0
    assert [each.name for each in (project / "checkpoints").iterdir()] == ["round_1"]
    assert store.proposals(first.id, store.word_ids()).keys() == set(store.word_ids())
    assert fake_method.M_STEPS[0].localizations[3].boxes[0, 0] == 0.0  # not moved


def test_rounds_start_from_what_the_last_one_learned(store: Store, project: Path) -> None:
    first, second = run_round(store, project, "fake"), run_round(store, project, "fake", settings={"shift": 4.0})
    word = store.word_ids()[0]
    assert (x0(store, first.id, word), x0(store, second.id, word)) == (1.0, 5.0)
    assert second.settings == {"shift": 4.0, "init": "pretrained"}
    assert second.moved == sum(len(each.characters) for each in store.words(store.word_ids()))
    fresh = run_round(store, project, "fake", fresh=True)
    assert x0(store, fresh.id, word) == 1.0


def test_corrections_are_frozen_learned_from_and_held(store: Store, project: Path) -> None:
    run_round(store, project, "fake")
    word, other = store.word_ids()[:2]
    correct(store, word, (4.0, 2.0, 24.0, 18.0))

    def correct_meanwhile(phase: str, done: int, total: int) -> None:
        if (phase, done) == ("learn", 0):
            correct(store, other, (8.0, 2.0, 24.0, 18.0))

    second = run_round(store, project, "fake", correct_meanwhile)
    training = fake_method.M_STEPS[-1]
    assert training.pins[0][0].box == (4.0, 2.0, 24.0, 18.0)
    assert training.pins[1] == ()
    assert training.localizations[0].boxes[0].tolist() == [4.0, 2.0, 24.0, 18.0]
    assert x0(store, second.id, word) == 4.0
    assert x0(store, second.id, other) == 2.0
    third = run_round(store, project, "fake")
    assert x0(store, third.id, other) == 8.0


def test_the_parent_is_judged_by_corrections_it_has_not_seen(store: Store, project: Path) -> None:
    first = run_round(store, project, "fake")
    word, other = store.word_ids()[:2]
    # Proposed: x 1..31 and 31..61, y 0..20. One character half off, one as it is.
    correct(store, word, (11.0, 0.0, 41.0, 20.0), (31.0, 0.0, 61.0, 20.0))
    second = run_round(store, project, "fake")
    seen = second.prequential
    assert seen is not None
    assert (seen.words, seen.chars, seen.wrong) == (1, 2, 0)
    assert seen.centre_h == pytest.approx((10 / 20 + 0) / 2)
    # A word that was learned from no longer counts, even when it is corrected again; one corrected since does.
    correct(store, word, (0.0, 0.0, 5.0, 20.0))
    assert run_round(store, project, "fake").prequential is None
    correct(store, other, (62.0, 0.0, 92.0, 20.0))
    last = run_round(store, project, "fake").prequential
    assert last is not None
    assert (last.words, last.chars, last.wrong) == (1, 1, 1)
    assert store.round(first.id).prequential is None


def test_words_imported_later_are_in_the_next_round(store: Store, project: Path) -> None:
    run_round(store, project, "fake")
    store.add_words(fake_method.words(3, start=100))
    second = run_round(store, project, "fake")
    assert second.words == WORDS + 3
    assert store.proposals(second.id, store.word_ids()).keys() == set(store.word_ids())
    assert fake_method.M_STEPS[-1].localizations[-1].boxes[0, 0] == 0.0  # not moved


def test_a_corrected_transcript_is_what_a_round_learns_and_proposes(store: Store, project: Path) -> None:
    run_round(store, project, "fake")
    changed, meanwhile = store.word_ids()[:2]
    marks = (CharacterMark("pinned", (4.0, 2.0, 24.0, 18.0)), CharacterMark("untouched"))
    store.save_correction(NewCorrection(changed, "first", "boxes", marks, text=("x", "yz")))

    def change_another(phase: str, done: int, total: int) -> None:
        if (phase, done) == ("learn", 0):
            store.save_correction(NewCorrection(meanwhile, "second", "boxes", marks[1:], text=("w",)))

    second = run_round(store, project, "fake", change_another)
    learned = fake_method.M_STEPS[-1].words
    assert [learned[0].characters, learned[1].text] == [("x", "yz"), store.words([meanwhile])[0].reading(None).text]
    assert [len(each.boxes) for each in store.proposals(second.id, [changed]).values()] == [2]
    assert x0(store, second.id, changed) == 4.0
    assert store.proposals(second.id, [meanwhile]) == {}  # it is for the transcript of before
    third = run_round(store, project, "fake")
    assert [len(each.boxes) for each in store.proposals(third.id, [meanwhile]).values()] == [1]


# --- stopped and gone on with -----------------------------------------------------------------------------------------


def test_stopped_while_localizing_learns_only_once(store: Store, project: Path) -> None:
    run_round(store, project, "fake")
    with pytest.raises(KeyboardInterrupt):
        run_round(store, project, "fake", stop_at("localize", 5))
    unfinished, seen = store.unfinished_round(), store.seen_round()
    assert unfinished is not None
    assert seen is not None
    assert (unfinished.state, unfinished.number, seen.number) == ("interrupted", 2, 1)
    resumed = run_round(store, project, "fake")
    assert (resumed.id, resumed.number, resumed.attempt) == (unfinished.id, 2, 2)
    assert len(fake_method.M_STEPS) == 2
    assert x0(store, resumed.id, store.word_ids()[0]) == 2.0
    assert sorted(each.name for each in (project / "checkpoints").iterdir()) == ["round_1", "round_2"]


def test_a_word_that_was_skipped_meanwhile_changes_nothing(store: Store, project: Path) -> None:
    run_round(store, project, "fake")
    with pytest.raises(KeyboardInterrupt):
        run_round(store, project, "fake", stop_at("localize", 5))
    store.save_correction(NewCorrection(store.word_ids()[0], "0" * 32, "skip", ()))
    assert run_round(store, project, "fake").attempt == 2
    assert len(fake_method.M_STEPS) == 2, "learned again"


@pytest.mark.parametrize("change", ["correction", "setting", "words", "restart", "damage"])
def test_stopped_and_then_something_changed_learns_again(store: Store, project: Path, change: str) -> None:
    run_round(store, project, "fake")
    with pytest.raises(KeyboardInterrupt):
        run_round(store, project, "fake", stop_at("localize", 5))
    settings = {}
    if change == "correction":
        correct(store, store.word_ids()[0], (4.0, 2.0, 24.0, 18.0))
    elif change == "setting":
        settings = {"shift": 1.0}
    elif change == "words":
        store.add_words(fake_method.words(1, start=100))
    elif change == "damage":
        (project / "checkpoints" / "round_2.learned" / on_disk.TENSORS).write_bytes(b"")
    finished = run_round(store, project, "fake", resume=change != "restart", settings=settings)
    assert (finished.number, finished.state) == (2, "finished")
    assert len(fake_method.M_STEPS) == 3
    assert x0(store, finished.id, store.word_ids()[1]) == 2.0
    assert store.unfinished_round() is None


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ({"settings": {"shift": 4.0}}, {"shift": 4.0, "init": "pretrained"}),
        ({"init": "guess"}, {"init": "guess"}),
        ({"init": "flat", "fresh": True}, {"init": "flat", "fresh": True}),
        ({"fresh": True, "settings": {"shift": 0.5}}, {"shift": 0.5, "fresh": True, "init": "pretrained"}),
    ],
)
def test_a_round_keeps_all_that_is_needed_to_go_on_with_it(
    store: Store, project: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], settings: dict[str, object]
) -> None:
    run_round(store, project, "fake")
    with pytest.raises(KeyboardInterrupt):
        run_round(store, project, "fake", stop_at("localize", 5), **options)
    stopped = store.unfinished_round()
    assert stopped is not None
    assert stopped.settings == settings
    commands: list[list[str]] = []
    monkeypatch.setattr(os, "nice", lambda more: 0)
    monkeypatch.setattr(subprocess, "Popen", lambda command, **how: commands.append(command))
    start_round(project, stopped.method, stopped.settings)
    assert launch.main([*commands[0][2:], "--quiet"]) == 0
    rounds_now = store.rounds()
    assert (rounds_now[-1].id, rounds_now[-1].attempt, rounds_now[-1].state) == (stopped.id, 2, "finished")
    assert len(fake_method.M_STEPS) == 2, "learned again"


def test_stopped_while_learning_begins_again(store: Store, project: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_round(store, project, "fake", stop_at("learn", 2))
    assert store.seen_round() is not None  # round 0, which was finished
    assert run_round(store, project, "fake").number == 1
    assert len(fake_method.M_STEPS) == 2


def test_stopped_during_round_0(store: Store, project: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_round(store, project, "fake", stop_at("localize", 5))
    assert store.seen_round() is None
    assert run_round(store, project, "fake").number == 1


def test_cancelled_leaves_nothing(store: Store, project: Path) -> None:
    run_round(store, project, "fake")

    def cancel(phase: str, done: int, total: int) -> None:
        if (phase, done) == ("learn", fake_method.STEPS):
            assert cancel_round(store)

    with pytest.raises(RoundCancelled):
        run_round(store, project, "fake", cancel)
    assert store.rounds()[-1].state == "cancelled"
    assert store.unfinished_round() is None
    assert [each.name for each in (project / "checkpoints").iterdir()] == ["round_1"]
    assert not cancel_round(store)
    assert run_round(store, project, "fake").number == 2


def test_an_interrupted_round_can_be_given_up(store: Store, project: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_round(store, project, "guess", stop_at("localize", 5))
    assert cancel_round(store)
    assert store.rounds()[-1].state == "cancelled"


@pytest.mark.parametrize("error", [CharlocError, RuntimeError])
def test_a_failure_is_recorded(store: Store, project: Path, error: type[Exception]) -> None:
    with pytest.raises(error):
        run_round(store, project, "guess", stop_at("localize", 5, error))
    (failed,) = store.rounds()
    assert failed.state == "failed"
    assert "stopped by the test" in failed.message
    assert run_round(store, project, "guess").number == 0


def test_only_one_round_runs(store: Store, project: Path) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def wait(phase: str, done: int, total: int) -> None:
        if (phase, done) == ("localize", 3):
            inside.set()
            assert go_on.wait(60)

    first = threading.Thread(target=run_round, args=(store, project, "guess", wait))
    first.start()
    try:
        assert inside.wait(60)
        with Store.open(project) as other, pytest.raises(RoundBusy):
            run_round(other, project, "guess")
    finally:
        go_on.set()
        first.join()
    assert [each.state for each in store.rounds()] == ["finished"]


def test_damaged_parent_checkpoint_says_what_to_do(store: Store, project: Path) -> None:
    run_round(store, project, "fake")
    (project / "checkpoints" / "round_1" / on_disk.TENSORS).write_bytes(b"")
    with pytest.raises(CheckpointError, match="--fresh"):
        run_round(store, project, "fake")
    assert store.rounds()[-1].state == "failed"
    assert run_round(store, project, "fake", fresh=True).number == 2


def test_what_cannot_be_run(project: Path, store: Store, tmp_path: Path) -> None:
    with pytest.raises(CharlocError, match="no method 'magic'"):
        run_round(store, project, "magic")
    with pytest.raises(CharlocError, match="no setting 'epochs'"):
        run_round(store, project, "fake", settings={"epochs": 3})
    with pytest.raises(CharlocError, match=r"'shift' .* is 'far'; expected a number, such as 1.0"):
        run_round(store, project, "fake", settings={"shift": "far"})
    with pytest.raises(CharlocError, match=r"no init 'round'\. Choose one of: guess, flat, pretrained"):
        run_round(store, project, "fake", init="round")
    with Store.open(tmp_path / "empty", create=True) as empty, pytest.raises(CharlocError, match="no words yet"):
        run_round(empty, tmp_path / "empty", "guess")
    assert store.rounds() == []


def test_words_are_decoded_once_and_dropped_when_there_are_too_many(store: Store) -> None:
    ids = store.word_ids()
    words = rounds.StoreWords(store, ids)
    assert [each.id for each in words] == ids
    assert words[3] is words[3]
    assert [each.id for each in words[-2:]] == ids[-2:]
    assert words[-1].pixels.dtype == np.uint8
    with pytest.raises(IndexError):
        words[WORDS]
    small = rounds.StoreWords(store, ids, cache_bytes=3000, chunk=4)
    order = [*range(WORDS), 7, 0, 11, *range(WORDS)]
    for index in order:
        assert small[index].id == ids[index]
        np.testing.assert_array_equal(small[index].pixels, words[index].pixels)
        assert sum(each.pixels.nbytes for each in small._cache.values()) == small._cached_bytes <= 3000


def test_start_round_runs_elsewhere(store: Store, project: Path) -> None:
    process = start_round(project, "guess")
    assert isinstance(process, subprocess.Popen)
    assert process.wait(120) == 0, (project / LOG).read_text()
    seen = store.seen_round()
    assert seen is not None
    assert (seen.number, seen.method, seen.pid) == (0, "guess", process.pid)
    assert "Round 0 (guess)" in (project / LOG).read_text()
