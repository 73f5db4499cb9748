"""One round of EM, whatever the method: a fake one here."""

from __future__ import annotations

import numpy as np
import pytest

from charloc.em import MOVED_H, first_guess, moved_characters, run_round
from charloc.methods import METHODS, Checkpoint, Entry, Method, make
from charloc.types import CharlocError, Localization, Pin, WordImage
from tests.fake_method import M_STEPS, STEPS, Fake, even

WORDS = [WordImage(n, f"{n}.png", np.full((20, 30 * n), 255, np.uint8), tuple("abcd"[:n])) for n in (2, 4, 3)]
CURRENT = [even(word) for word in WORDS]
NO_PINS: list[tuple[Pin, ...]] = [(), (), ()]
ONES = np.ones(3, np.float32)


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "fake", Entry("tests.fake_method", "Fake", True, "for tests"))
    M_STEPS.clear()


def test_a_round_learns_then_localizes() -> None:
    pins = [(), (Pin(1, (3.0, 2.0, 9.0, 8.0)),), ()]
    seen: list[tuple[str, int, int]] = []
    result = run_round("fake", WORDS, CURRENT, pins, ONES, progress=lambda *each: seen.append(each), shift=6.0)
    (training,) = M_STEPS
    assert training.words is WORDS and training.pins is pins and training.weights is ONES
    assert [training.localizations[i] is CURRENT[i] for i in range(3)] == [True, False, True]
    assert [phase for phase, _, _ in seen] == ["prepare"] * 2 + ["learn"] * (STEPS + 1) + ["localize"] * 4
    assert result.localizations[0].boxes[0].tolist() == [6, 0, 36, 20]
    assert result.localizations[1].boxes[1].tolist() == [3, 2, 9, 8]
    assert result.log_likelihood == -1.0
    assert result.moved == 9  # all: by 6 px of 20, and the pinned one
    assert result.learned == {"loss": 1 / 6}
    assert result.checkpoint is not None
    assert result.m_step_s >= 0 and result.e_step_s >= 0


def test_a_partly_pinned_word_is_aligned_around_its_pins_before_it_is_learned_from() -> None:
    """By what the parent round learned, or else the guess; a word pinned from end to end has nothing left to align."""
    box = (0.0, 0.0, 9.0, 9.0)
    pins = [(Pin(0, box), Pin(1, None, "invisible")), (Pin(3, box),), ()]
    run_round("fake", WORDS, CURRENT, pins, ONES)
    assert M_STEPS[-1].localizations[0] is CURRENT[0]
    assert M_STEPS[-1].localizations[1].method == "guess"
    parent = Checkpoint({"shift_px": np.asarray(5.0)}, {})
    run_round("fake", WORDS, CURRENT, pins, ONES, parent=parent)
    believed = M_STEPS[-1].localizations
    assert believed[1].boxes[:, 0].tolist() == [5, 35, 65, 0]
    assert believed[2] is CURRENT[2]


def test_a_round_goes_on_from_its_parent() -> None:
    first = run_round("fake", WORDS, CURRENT, NO_PINS, ONES)
    second = run_round("fake", WORDS, first.localizations, NO_PINS, ONES, parent=first.checkpoint)
    assert second.checkpoint is not None
    assert float(second.checkpoint.tensors["shift_px"]) == 2.0


def test_what_was_learned_is_handed_out_before_localizing_and_not_learned_again() -> None:
    kept: list[Checkpoint] = []

    def stop(phase: str, done: int, total: int) -> None:
        if phase == "localize":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_round("fake", WORDS, CURRENT, NO_PINS, ONES, on_learned=kept.append, progress=stop)
    (learned,) = kept
    result = run_round("fake", WORDS, CURRENT, NO_PINS, ONES, parent=None, learned_already=learned,
                       on_learned=kept.append)  # fmt: skip
    assert len(M_STEPS) == len(kept) == 1
    assert result.localizations[0].boxes[0, 0] == 1.0
    assert result.learned == {}


def test_a_method_that_does_not_learn_has_no_m_step_and_no_checkpoint() -> None:
    result = run_round("guess", WORDS, CURRENT, NO_PINS, ONES)
    assert result.checkpoint is None
    assert M_STEPS == []
    assert len(result.localizations) == 3


def test_no_words_are_a_round_too() -> None:
    result = run_round("fake", [], [], [], ONES[:0])
    assert result.localizations == []
    assert (result.log_likelihood, result.moved) == (0.0, 0)


def test_the_first_guess_honours_pins() -> None:
    found = first_guess(WORDS, [(), (), (Pin(0, (1.0, 1.0, 9.0, 19.0)),)])
    assert found[2].boxes[0].tolist() == [1, 1, 9, 19]
    assert [len(each.boxes) for each in found] == [2, 4, 3]


def test_methods_by_name() -> None:
    assert isinstance(make("fake"), Fake)
    assert isinstance(make("fake"), Method)
    with pytest.raises(CharlocError, match=r"no method 'ctc'\. Choose one of: guess, segmental"):
        make("ctc")


# --- what moved -------------------------------------------------------------------------------------------------------


def boxes(*rows: tuple[float, float, float, float] | None) -> Localization:
    array = np.array([(np.nan,) * 4 if row is None else row for row in rows], np.float32).reshape(-1, 4)
    return Localization(array, np.zeros(len(rows), np.float32), 0.0, "x")


OLD = boxes((0, 0, 10, 20), (10, 0, 20, 20), None)


@pytest.mark.parametrize(
    ("new", "moved"),
    [
        (OLD, 0),
        (boxes((0, 0, 10, 20), (10 + 19 * MOVED_H, 0, 20 + 19 * MOVED_H, 20), None), 0),
        (boxes((0, 0, 10, 20), (10 + 21 * MOVED_H, 0, 20 + 21 * MOVED_H, 20), None), 1),
        (boxes((0, 5, 10, 25), (10, 0, 20, 20), None), 1),  # down
        (boxes((-9, 0, 19, 20), (10, 0, 20, 20), None), 0),  # wider, about the same middle
        (boxes((0, 0, 10, 20), (10, 0, 20, 20), (20, 0, 30, 20)), 1),  # appeared
        (boxes(None, None, None), 2),  # gone
        (boxes(None, None, (0, 0, 9, 9)), 3),
        (boxes((0, 0, 10, 20)), 1),  # of another length: the transcript is another
        (boxes(), 0),
    ],
)
def test_moved_characters(new: Localization, moved: int) -> None:
    assert moved_characters(OLD, new) == moved
