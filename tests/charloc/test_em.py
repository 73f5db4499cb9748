"""One round of EM, whatever the method: a fake one here."""

from __future__ import annotations

import numpy as np
import pytest

from charloc import em, pretrained
from charloc.em import MOVED_H, first_guess, moved_characters, run_round
from charloc.methods import METHODS, Checkpoint, Entry, Method, check_settings, make
from charloc.types import CharlocError, Localization, Pin, WordImage
from tests import fake_method
from tests.fake_method import M_STEPS, STEPS, Fake, even

WORDS = [WordImage(n, f"{n}.png", np.full((20, 30 * n), 255, np.uint8), tuple("abcd"[:n])) for n in (2, 4, 3)]
CURRENT = [even(word) for word in WORDS]
NO_PINS: list[tuple[Pin, ...]] = [(), (), ()]
ONES = np.ones(3, np.float32)


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "fake", Entry("tests.fake_method", "Fake", True, "for tests"))
    monkeypatch.setattr(pretrained, "shipped", lambda: None)
    M_STEPS.clear()


def test_a_round_learns_then_localizes() -> None:
    pins = [(), (Pin(1, (3.0, 2.0, 9.0, 8.0)),), ()]
    seen: list[tuple[str, int, int]] = []
    result = run_round("fake", WORDS, CURRENT, pins, ONES, progress=lambda *each: seen.append(each), shift=6.0)
    (training,) = M_STEPS
    assert training.words is WORDS and training.weights is ONES
    assert all(told is given for told, given in zip(training.pins, pins, strict=True))
    assert [training.localizations[i] is CURRENT[i] for i in range(3)] == [True, False, True]
    phases = ["look"] * 4 + ["prepare"] * 2 + ["learn"] * (STEPS + 1) + ["localize"] * 4
    assert [phase for phase, _, _ in seen] == phases
    assert result.localizations[0].boxes[0].tolist() == [6, 0, 36, 20]
    assert result.localizations[1].boxes[1].tolist() == [3, 2, 9, 8]
    assert result.log_likelihood == -1.0
    assert result.moved == 9  # all: by 6 px of 20, and the pinned one
    assert result.learned == {"loss": 1 / 6}
    assert result.checkpoint is not None
    assert result.m_step_s >= 0 and result.e_step_s >= 0


def test_a_partly_pinned_word_is_aligned_around_its_pins_before_it_is_learned_from() -> None:
    """By what the parent round learned, or else the guess, as nothing ships; what is all pinned needs no aligning."""
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
    # One that knows ink, but no letters, cannot align anything yet.
    parent = Checkpoint({"ink.shift_px": np.asarray(5.0)}, {})
    assert isinstance(em._aligner(Fake(None), parent, "guess"), type(make("guess")))
    assert isinstance(em._aligner(Fake(None), Checkpoint({"shift_px": np.asarray(5.0)}, {}), "guess"), Fake)


def test_a_flat_start_splits_partly_pinned_words_evenly() -> None:
    pins = [(Pin(0, (0.0, 0.0, 9.0, 9.0)),), (), ()]
    run_round("fake", WORDS, CURRENT, pins, ONES, first="even")
    assert [each.method for each in M_STEPS[-1].localizations] == ["even", "fake", "fake"]


def test_what_a_method_only_starts_from_aligns_words_by_the_kin_that_learned_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(METHODS, "nephew", Entry("tests.fake_method", "Nephew", True, "for tests", kin=("fake",)))
    pins = [(Pin(0, (0.0, 0.0, 9.0, 9.0)),), (), ()]
    uncle = Checkpoint({"shift_px": np.asarray(5.0)}, {"method": "fake"})
    result = run_round("nephew", WORDS, CURRENT, pins, ONES, parent=uncle)
    assert M_STEPS[-1].localizations[0].boxes[1, 0] == 35.0
    assert result.localizations[0].method == "nephew"
    assert result.checkpoint is not None
    assert float(result.checkpoint.tensors["shift_px"]) == 6.0


def test_em_is_a_guess_and_rounds_each_from_the_one_before() -> None:
    result = em.run("fake", WORDS, NO_PINS, ONES, rounds=3, first="even", shift=2.0)
    assert [each.localizations[1].method for each in M_STEPS] == ["even", "fake", "fake"]
    assert result.checkpoint is not None
    assert float(result.checkpoint.tensors["shift_px"]) == 6.0
    assert result.localizations[1].boxes[0, 0] == 6.0
    assert result.moved == 0  # by 2 px of 20


@pytest.mark.parametrize(
    ("first", "charset", "learned_px"),
    [("pretrained", '["a", "b"]', 6.0), ("pretrained", '["a"]', 1.0), ("guess", '["a", "b"]', 1.0)],
)
@pytest.mark.parametrize("method", ["fake", "nephew"])
def test_em_begins_with_what_ships_if_that_knows_the_alphabet(
    monkeypatch: pytest.MonkeyPatch, method: str, first: str, charset: str, learned_px: float
) -> None:
    monkeypatch.setitem(METHODS, "nephew", Entry("tests.fake_method", "Nephew", True, "for tests", kin=("fake",)))
    ships = Checkpoint({"shift_px": np.asarray(5.0)}, {"method": "fake", "charset": charset})
    monkeypatch.setattr(pretrained, "shipped", lambda: ships)
    for rounds in (1, 2):
        result = em.run(method, WORDS, NO_PINS, ONES, rounds=rounds, first=first)
        assert result.checkpoint is not None
        assert float(result.checkpoint.tensors["shift_px"]) == learned_px + rounds - 1
        # "a" is half of the first word alone; "a" and "b" are half of every word.
        known = "pretrained" if first == "pretrained" else "guess"
        believed = [each.method for each in M_STEPS[-rounds].localizations]
        assert believed == [known if charset != '["a"]' or i == 0 else "guess" for i in range(3)]


def test_a_method_that_is_not_kin_to_what_ships_learns_from_its_boxes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "other", Entry("tests.fake_method", "Fake", True, "for tests"))
    ships = Checkpoint({"shift_px": np.asarray(5.0)}, {"method": "other", "charset": '["a", "b"]'})
    monkeypatch.setattr(pretrained, "shipped", lambda: ships)
    result = em.run("fake", WORDS, NO_PINS, ONES, rounds=1)
    assert M_STEPS[-1].localizations[0].boxes[0, 0] == 5.0
    assert result.checkpoint is not None and float(result.checkpoint.tensors["shift_px"]) == 1.0


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


def test_the_first_guess_may_be_even() -> None:
    (found,) = first_guess(WORDS[:1], [()], first="even")
    assert found.method == "even"


def test_methods_by_name() -> None:
    assert isinstance(make("fake"), Fake)
    assert isinstance(make("fake"), Method)
    with pytest.raises(CharlocError, match=r"no method 'magic'\. Choose one of: guess, pretrained, segmental"):
        make("magic")


def test_the_registry_is_whole() -> None:
    for name, entry in METHODS.items():
        assert set(entry.kin) < set(METHODS), name
        assert 0 < len(entry.summary) <= 80, f"{name}: a menu's line"


# --- settings ---------------------------------------------------------------------------------------------------------


class Settable(Fake):
    def __init__(
        self,
        checkpoint: Checkpoint | None = None,
        *,
        soft: bool = False,
        beam: int = 8,
        shift: float = 1.0,
        loss: str = "mse",
        other: object = None,
    ) -> None:
        super().__init__(checkpoint, shift=shift)


@pytest.fixture
def settable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake_method, "Settable", Settable, raising=False)
    monkeypatch.setitem(METHODS, "settable", Entry("tests.fake_method", "Settable", True, "for tests"))


@pytest.mark.usefixtures("settable")
def test_settings_of_the_right_type() -> None:
    for settings in ({"soft": True}, {"beam": 3}, {"shift": 2}, {"shift": 0.0}, {"loss": "ce"}, {"other": [1]}, {}):
        check_settings("settable", settings)
        make("settable", None, **settings)


@pytest.mark.usefixtures("settable")
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"soft": 1}, r"'soft' of the method 'settable' is 1; expected true or false, such as False"),
        ({"soft": "yes"}, "is 'yes'; expected true or false"),
        ({"beam": 3.5}, "is 3.5; expected a whole number, such as 8"),
        ({"beam": True}, "expected a whole number"),
        ({"shift": "wide"}, "is 'wide'; expected a number, such as 1.0"),
        ({"shift": None}, "expected a number"),
        ({"loss": 3}, "is 3; expected a word, such as 'mse'"),
        ({"shift": float("nan")}, "'shift' .* is nan; expected a number, finite and not negative, such as 1.0"),
        ({"shift": float("inf")}, "is inf; expected a number, finite and not negative"),
        ({"shift": -3}, "is -3; expected a number, finite and not negative"),
        ({"beam": -1}, "'beam' .* is -1; expected a whole number, finite and not negative, such as 8"),
        ({"other": -0.5}, r"'other' .* is -0.5; expected a number, finite and not negative\."),
        ({"epochs": 3}, "no setting 'epochs'. It has: soft, beam, shift, loss, other"),
        ({"checkpoint": 3}, "no setting 'checkpoint'"),
    ],
)
def test_other_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(CharlocError, match=message):
        check_settings("settable", settings)


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
