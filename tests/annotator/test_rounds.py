"""Rounds: what is frozen, what is kept, what is visible, whatever stops them."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from annotator import disagreements, rounds
from annotator.rounds import RoundCancelled, cancel_round, run_round, start_round
from charloc import checkpoint as on_disk
from charloc.methods import METHODS, Entry
from charloc.types import CharlocError, CheckpointError, Localization
from db import CharacterMark, Correction, NewCorrection, RoundBusy, Store
from tests import fake_method

WORDS = 12


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("fake", "guess"):
        monkeypatch.setitem(METHODS, name, METHODS["guess"])  # put back what register changes
    monkeypatch.setitem(METHODS, "nephew", Entry("tests.fake_method", "Nephew", True, "for tests", kin=("fake",)))
    fake_method.register()
    fake_method.M_STEPS.clear()
    return tmp_path


@pytest.fixture
def store(project: Path) -> Iterator[Store]:
    with Store.open(project, create=True) as opened:
        opened.add_words(fake_method.words(WORDS))
        yield opened


def correct(store: Store, word_id: int, *boxes: tuple[float, float, float, float] | None) -> Correction:
    """Pin the first characters of a word; None leaves one untouched."""
    (word,) = store.words([word_id])
    marks = [CharacterMark("pinned", box) if box else CharacterMark("untouched") for box in boxes]
    marks += [CharacterMark("untouched")] * (len(word.characters) - len(marks))
    in_force = store.corrections_in_force([word_id]).get(word_id)
    base = in_force.id if in_force else None
    return store.save_correction(NewCorrection(word_id, str(uuid4()), "boxes", tuple(marks), base_id=base))


def stop_at(phase: str, done: int, error: type[BaseException] = KeyboardInterrupt) -> fake_method.Progress:
    def progress(now: str, count: int, total: int) -> None:
        if (now, count) == (phase, done):
            raise error("stopped by the test")

    return progress


def x0(store: Store, round_id: int, word_id: int) -> float:
    return float(store.proposals(round_id, [word_id])[word_id].boxes[0, 0])


def test_the_first_learning_round_comes_after_a_guess(store: Store, project: Path) -> None:
    finished = run_round(store, project, "fake")
    guess, first = store.rounds()
    assert (guess.number, guess.method, guess.state, guess.moved) == (0, "guess", "finished", 0)
    assert (first.number, first.method, first.parent_id) == (1, "fake", guess.id)
    assert finished == first == store.newest_round()
    assert first.words == WORDS
    assert first.learned == {"loss": 1.0}
    assert first.log_likelihood == -1.0
    assert first.prequential is None
    assert first.checkpoint == "round_1"
    assert on_disk.read(project / "checkpoints" / "round_1", "fake").tensors["shift_px"] == 1.0
    assert [each.name for each in (project / "checkpoints").iterdir()] == ["round_1"]
    assert store.proposals(first.id, store.word_ids()).keys() == set(store.word_ids())
    assert fake_method.M_STEPS[0].localizations[3].boxes[0, 0] == 0.0  # the guess's


def test_rounds_start_from_what_the_last_one_learned(store: Store, project: Path) -> None:
    first, second = run_round(store, project, "fake"), run_round(store, project, "fake", settings={"shift": 4.0})
    word = store.word_ids()[0]
    assert (x0(store, first.id, word), x0(store, second.id, word)) == (1.0, 5.0)
    assert second.settings == {"shift": 4.0}
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
    assert fake_method.M_STEPS[-1].localizations[-1].boxes[0, 0] == 0.0  # the guess's


# --- flat starts ------------------------------------------------------------------------------------------------------


def believed() -> list[str]:
    """The methods whose boxes each M-step was given, M-step by M-step."""
    return ["+".join(sorted({each.method for each in step.localizations})) for step in fake_method.M_STEPS]


def test_a_flat_start_needs_no_guess_and_later_rounds_go_on_from_it(store: Store, project: Path) -> None:
    word = store.word_ids()[0]
    correct(store, word, (4.0, 2.0, 24.0, 18.0))
    first, second = (run_round(store, project, "fake", init="flat", settings={"shift": 4.0}) for _ in range(2))
    assert [each.method for each in store.rounds()] == ["fake", "fake"]
    assert (first.number, first.parent_id, first.moved) == (0, None, 0)
    assert first.settings == {"shift": 4.0, "init": "flat"}
    assert fake_method.M_STEPS[0].localizations[0].boxes[0].tolist() == [4.0, 2.0, 24.0, 18.0]
    assert believed() == ["even", "fake"]
    assert x0(store, second.id, store.word_ids()[1]) == 8.0


def test_a_flat_start_uses_nothing_of_the_rounds_before(store: Store, project: Path) -> None:
    run_round(store, project, "fake")
    flat = run_round(store, project, "fake", init="flat", fresh=True)
    assert believed() == ["guess", "even"]
    assert flat.number == 2
    assert flat.moved == 0, "counted from the round before"
    store.add_words(fake_method.words(2, start=100))
    run_round(store, project, "fake", init="flat")
    assert believed()[-1] == "even+fake", "words that came later are split evenly, too"


def test_a_method_that_does_not_learn_has_no_start(store: Store, project: Path) -> None:
    assert run_round(store, project, "guess", init="flat").settings == {}


def test_a_stopped_flat_start_is_gone_on_with(store: Store, project: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_round(store, project, "fake", stop_at("localize", 5), init="flat")
    resumed = run_round(store, project, "fake", init="flat")
    assert (resumed.number, resumed.attempt, believed()) == (0, 2, ["even"])


# --- kin --------------------------------------------------------------------------------------------------------------


def test_a_method_starts_from_the_newest_that_it_or_its_kin_learned(store: Store, project: Path) -> None:
    word = store.word_ids()[0]
    run_round(store, project, "fake", settings={"shift": 3.0})
    assert x0(store, run_round(store, project, "nephew").id, word) == 4.0
    assert x0(store, run_round(store, project, "nephew").id, word) == 5.0
    fake = run_round(store, project, "fake", settings={"shift": 7.0})
    assert x0(store, fake.id, word) == 10.0, "a nephew is not its uncle's kin"
    assert x0(store, run_round(store, project, "nephew").id, word) == 11.0, "the newest: its uncle's"
    with pytest.raises(CheckpointError, match="learned by the method 'nephew', not by 'fake'"):
        on_disk.read(project / "checkpoints" / "round_2", "fake", kin=("guess",))
    assert on_disk.read(project / "checkpoints" / "round_1", "nephew", kin=("fake",)).settings["method"] == "fake"


# --- disagreement -----------------------------------------------------------------------------------------------------


def test_disagreement_is_with_the_newest_round_of_every_other_method(store: Store, project: Path) -> None:
    word, other = store.word_ids()[:2]
    first = run_round(store, project, "fake", settings={"shift": 10.0})
    found = store.disagreements(first.id, [word])[word]
    assert found is not None
    assert found[0] == pytest.approx(1 - 20 / 40)  # 30 px wide, 10 px from the guess
    assert store.disagreements(store.rounds()[0].id, [word]) == {word: None}
    correct(store, word, (4.0, 2.0, 24.0, 18.0))
    store.add_words(fake_method.words(1, start=100))
    new = store.word_ids()[-1]
    second = run_round(store, project, "fake", settings={"shift": 5.0})
    found = store.disagreements(second.id, [word, other, new])
    assert found[word] is not None and found[other] is not None
    assert found[word][0] == 0, "nobody disagrees with a person"
    assert found[other][0] == pytest.approx(1 - 15 / 45)
    assert found[new] is None, "no other method has seen it"


def test_disagreement_is_found_some_words_at_a_time(
    store: Store, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_round(store, project, "guess")
    asked: list[int] = []
    shown: list[tuple[str, int, int]] = []
    real = Store.proposals

    def proposals(self: Store, round_id: int, word_ids: Sequence[int]) -> dict[int, Localization]:
        asked.append(len(word_ids))
        return real(self, round_id, word_ids)

    monkeypatch.setattr(disagreements, "CHUNK", 5)
    monkeypatch.setattr(Store, "proposals", proposals)
    finished = run_round(store, project, "fake", lambda *progress: shown.append(progress))
    assert asked[-3:] == [5, 5, 2]
    assert [each for each in shown if each[0] == "save"] == [("save", done, WORDS) for done in (0, 5, 10, WORDS)]
    assert all(each is not None for each in store.disagreements(finished.id, store.word_ids()).values())
    with pytest.raises(RoundCancelled):
        run_round(store, project, "fake", stop_at("save", 10, RoundCancelled))
    assert [each.name for each in (project / "checkpoints").iterdir()] == ["round_1"]


# --- stopped and gone on with -----------------------------------------------------------------------------------------


def test_stopped_while_localizing_learns_only_once(store: Store, project: Path) -> None:
    run_round(store, project, "fake")
    with pytest.raises(KeyboardInterrupt):
        run_round(store, project, "fake", stop_at("localize", 5))
    unfinished, newest = store.unfinished_round(), store.newest_round()
    assert unfinished is not None
    assert newest is not None
    assert (unfinished.state, unfinished.number, newest.number) == ("interrupted", 2, 1)
    resumed = run_round(store, project, "fake")
    assert (resumed.id, resumed.number, resumed.attempt) == (unfinished.id, 2, 2)
    assert len(fake_method.M_STEPS) == 2
    assert x0(store, resumed.id, store.word_ids()[0]) == 2.0
    assert sorted(each.name for each in (project / "checkpoints").iterdir()) == ["round_1", "round_2"]


@pytest.mark.parametrize("change", ["correction", "setting", "init", "words", "restart", "damage"])
def test_stopped_and_then_something_changed_learns_again(store: Store, project: Path, change: str) -> None:
    run_round(store, project, "fake")
    with pytest.raises(KeyboardInterrupt):
        run_round(store, project, "fake", stop_at("localize", 5))
    settings, init = {}, "guess"
    if change == "correction":
        correct(store, store.word_ids()[0], (4.0, 2.0, 24.0, 18.0))
    elif change == "setting":
        settings = {"shift": 1.0}
    elif change == "init":
        init = "flat"
    elif change == "words":
        store.add_words(fake_method.words(1, start=100))
    elif change == "damage":
        (project / "checkpoints" / "round_2.learned" / on_disk.TENSORS).write_bytes(b"")
    finished = run_round(store, project, "fake", resume=change != "restart", init=init, settings=settings)
    assert (finished.number, finished.state) == (2, "finished")
    assert len(fake_method.M_STEPS) == 3
    assert x0(store, finished.id, store.word_ids()[1]) == 2.0
    assert store.unfinished_round() is None


def test_stopped_while_learning_begins_again(store: Store, project: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_round(store, project, "fake", stop_at("learn", 2))
    assert store.newest_round() is not None  # the guess, which was finished
    assert run_round(store, project, "fake").number == 1
    assert len(fake_method.M_STEPS) == 2


def test_stopped_during_the_guess(store: Store, project: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_round(store, project, "fake", stop_at("localize", 5))
    assert store.newest_round() is None
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
    with pytest.raises(CharlocError, match=r"no init 'round'\. Choose one of: guess, flat"):
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
    assert process.wait(120) == 0, (project / rounds.LOG).read_text()
    newest = store.newest_round()
    assert newest is not None
    assert (newest.number, newest.method, newest.pid) == (0, "guess", process.pid)
    assert "Round 0 (guess)" in (project / rounds.LOG).read_text()
