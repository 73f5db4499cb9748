"""Several looks at one word: what they settle on, and how far they are apart."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from charloc import pretrained
from charloc.calibration import auc
from charloc.confidence import SIZE_NAMES
from charloc.glances import AGREED, BESIDE, HELD, NAMES, SAME, SIZES, apart, doubts, led, misplaced, resized, settle
from charloc.methods import segmental
from charloc.methods.segmental import Segmental
from charloc.metrics import iou
from charloc.rim import OUTWARD, RIM_PX
from charloc.synth import CLEAN, load_font, render, render_set
from charloc.types import Pin, WordImage

OWN = np.array([[0, 0, 10, 20], [12, 0, 20, 20], [np.nan] * 4, [30, 2, 40, 20]], dtype=np.float32)


def moved(row: int, by: tuple[float, float, float, float]) -> np.ndarray:
    other = OWN.copy()
    other[row] += np.array(by, dtype=np.float32)
    return other


def test_a_resized_word_says_how_its_boxes_come_back() -> None:
    word = WordImage(3, "w.png", np.zeros((41, 97), np.uint8), ("a",))
    for size in SIZES:
        other, factors = resized(word, size)
        height, width = other.pixels.shape
        assert (width / 97, height / 41, width / 97, height / 41) == pytest.approx(tuple(factors))
        assert np.abs(factors[:2] - size).max() < 0.5 / 41 + 1e-6
        assert (other.id, other.name, other.characters) == (word.id, word.name, word.characters)
    assert resized(WordImage(1, "dot", np.zeros((1, 1), np.uint8), ()), (0.1, 0.1))[0].pixels.shape == (1, 1)


def test_one_wrong_look_is_outvoted_also_if_it_is_the_first() -> None:
    far = moved(1, (9, 0, 9, 0))
    np.testing.assert_array_equal(settle(OWN, [OWN, far, OWN], 16), OWN)
    found = settle(far, [OWN, OWN, OWN], 16)
    np.testing.assert_array_equal(found, OWN)


def test_small_differences_leave_the_first_look_as_it_is() -> None:
    off = 0.9 * SAME * 16
    others = [moved(0, (off, -off, off, off)) for _ in range(3)]
    np.testing.assert_array_equal(settle(OWN, others, 16), OWN)
    assert (settle(OWN, others, 4)[0] != OWN[0]).all()


def test_without_others_nothing_changes() -> None:
    np.testing.assert_array_equal(settle(OWN, [], 16), OWN)
    assert np.isnan(doubts(OWN, OWN, [])).all()
    nothing = np.full((2, 4), np.nan, np.float32)
    assert np.isnan(settle(nothing, [nothing], 16)).all() and np.isnan(doubts(nothing, nothing, [nothing])).all()


@settings(max_examples=60)
@given(st.lists(arrays(np.float32, (3, 4), elements=st.floats(0, 100, width=32)), min_size=2, max_size=5))
def test_settled_boxes_are_boxes_within_those_of_the_looks(drawn: list[np.ndarray]) -> None:
    looks = [np.hstack([np.minimum(a[:, :2], a[:, 2:]), np.maximum(a[:, :2], a[:, 2:]) + 1]) for a in drawn]
    found = settle(looks[0], looks[1:], 10)
    assert (found >= np.min(looks, axis=0)).all() and (found <= np.max(looks, axis=0)).all()
    assert (found[:, 2:] - found[:, :2] >= 1 - 1e-4).all()


def test_doubt_grows_with_the_distance_of_a_look() -> None:
    each = [doubts(OWN, OWN, [moved(1, (far, 0, far, 0)), OWN]) for far in (0, 1, 4, 30)]
    for before, after in pairwise(each):
        assert (after[1] > before[1]).all(), "the character's own"
        assert (after[0, :2] == before[0, :2]).all(), "another character's"
        assert (after[0, 2:] > before[0, 2:]).all(), "what is said of the word"
    assert each[0].shape == (4, len(NAMES)) and np.isnan(each[0][2]).all()


def test_looks_are_apart_where_one_box_of_one_look_is() -> None:
    assert not apart(OWN, [OWN, OWN], 16) and not apart(OWN, [], 16)
    near = moved(0, (0, 0, 10 / AGREED - 10 - 0.1, 0))  # IoU with the one settled on: a little over AGREED
    far = moved(0, (0, 0, 10 / AGREED - 10 + 0.1, 0))
    assert not apart(OWN, [OWN, near], 16) and apart(OWN, [OWN, far], 16)
    assert apart(far, [OWN, OWN], 16)
    nothing = np.full((2, 4), np.nan, np.float32)
    assert not apart(nothing, [nothing], 16)


# --- in the method ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def method() -> Segmental:
    return Segmental(pretrained.shipped())


def test_looks_that_are_apart_tell_wrong_boxes(method: Segmental) -> None:
    """Without any calibration: of degraded words in very small pictures."""
    far, wrong = [], []
    for i, each in enumerate(render_set(40, 11, hard=True)):
        word, factors = resized(each.word(i), (0.3, 0.3))
        placed = method._settle(word, (), *method._eye().looks([word]))
        far.append(placed.features[:, -len(NAMES) - len(SIZE_NAMES)])
        wrong.append(iou(placed.boxes, (each.boxes * factors)[placed.order]) < 0.5)
    assert np.concatenate(wrong).sum() >= 20
    assert auc(np.concatenate(far), np.concatenate(wrong)) > 0.8


def test_under_a_pin_what_does_not_move_stays_where_all_looks_have_it(method: Segmental) -> None:
    """And what a pin moves goes where the one search puts it."""
    word = render("water lilies", load_font(None, 28), np.random.default_rng(2), CLEAN).word(0)
    free = method.e_step([word], [()])[0].boxes
    looks = method.prepare(word)
    box = (free[1] + np.array([4, 0, 4, 0], np.float32)).tolist()
    found = method.solve(word, looks, (Pin(1, tuple(box)),)).boxes
    assert found[1].tolist() == box
    np.testing.assert_array_equal(found[7:], free[7:])
    assert looks.free is not None and looks.free.characters == word.characters


def test_more_looks_are_taken_only_where_the_first_are_apart(method: Segmental) -> None:
    """And then they have a say: clean words, and degraded ones in small pictures."""
    taken, changed = [], 0
    clean = [each.word(i) for i, each in enumerate(render_set(8, 12, hard=False))]
    small = [resized(each.word(i), (0.4, 0.4))[0] for i, each in enumerate(render_set(8, 12, hard=True))]
    for word in clean + small:
        looks = method.prepare(word)
        assert looks.free is not None and looks.others is not None and len(looks.others) == len(SIZES)
        taken.append(looks.more is not None)
        free, core = looks.free, looks.own.look.ink.core
        assert taken[-1] == apart(free.own.boxes, free.others, core) == bool(free.more)
        before, after = (settle(free.own.boxes, some, core) for some in (free.others, [*free.others, *free.more]))
        changed += not np.array_equal(before, after, equal_nan=True)
        np.testing.assert_array_equal(method.solve(word, looks, ()).boxes, method.e_step([word], [()])[0].boxes)
    assert sum(taken[:8]) < 4 < sum(taken[8:]) and changed > 4


def test_looks_too_small_for_the_transcript_are_left_out(method: Segmental) -> None:
    """Sixty characters on seventy columns: at three quarters of the size they do not fit."""
    rendered = render("l" * 30, load_font(None, 28), np.random.default_rng(0)).word(0)
    narrow = WordImage(1, "n.png", rendered.pixels[:, :70], ("l",) * 60)
    looks = method.prepare(narrow)
    assert looks.free is not None and len(looks.free.others) < len(SIZES)
    assert np.isfinite(method.solve(narrow, looks, ()).boxes).all()


def test_hidden_characters_make_room(method: Segmental) -> None:
    word = WordImage(1, "n.png", np.full((20, 6), 255, np.uint8), tuple("abcdefg"))
    hidden = tuple(Pin(i, None, "invisible") for i in range(3))
    found = method.solve(word, method.prepare(word), hidden)
    assert np.isnan(found.boxes[:3]).all() and np.isfinite(found.boxes[3:]).all()


# --- looks and pins ---------------------------------------------------------------------------------------------------


def row_of(count: int, by: float = 0.0) -> np.ndarray:
    """Boxes side by side, 10 px wide."""
    x = 10 * np.arange(count, dtype=np.float32)[:, None] + np.float32(by)
    return np.hstack([x, np.zeros_like(x), x + 10, np.full_like(x, 20)])


def test_a_pin_that_is_off_by_a_rim_is_not_elsewhere() -> None:
    """A full stop of a pixel or two, accepted as it was shown in a black-and-white picture."""
    found = np.array([[10, 20, 12, 22], [30, 20, 31, 22]], dtype=np.float32)
    shown = found + np.float32(RIM_PX) * OUTWARD
    assert (iou(found, shown) < HELD).all() and not misplaced(found, shown).any()
    assert misplaced(found, shown + 1).all()


def test_beside_a_misplaced_pin_looks_that_have_it_right_are_believed() -> None:
    count, at = 10, 2
    pinned = np.full((count, 4), np.nan, np.float32)
    pinned[at] = row_of(count)[at]
    settled, placed = row_of(count, by=8), row_of(count, by=4)
    assert misplaced(settled, pinned).tolist() == [k == at for k in range(count)]
    right, wrong = row_of(count), row_of(count, by=9)
    found = led(placed, settled, [wrong, right, right], pinned, core=10)
    beside = np.abs(np.arange(count) - at) <= BESIDE
    np.testing.assert_array_equal(found[beside], right[beside])
    np.testing.assert_array_equal(found[~beside], placed[~beside])


def test_nobody_is_asked_where_no_look_has_the_pin_right_or_all_have() -> None:
    pinned = np.full((4, 4), np.nan, np.float32)
    placed, off = row_of(4, by=4), row_of(4, by=9)
    for settled in (off, row_of(4)):
        np.testing.assert_array_equal(led(placed, settled, [off], pinned, core=10), placed)
        pinned[1] = row_of(4)[1]
    nowhere = off.copy()
    nowhere[1] = np.nan
    assert misplaced(nowhere, pinned).tolist() == [False, True, False, False]
    np.testing.assert_array_equal(led(placed, nowhere, [nowhere], pinned, core=10), placed)


def test_further_looks_are_asked_once_a_pin_says_that_all_were_wrong() -> None:
    """A drag costs one search as long as the character is near where it was; the answer is the E-step's either way."""
    rendered = render("wandering", load_font(None, 30), np.random.default_rng(3), CLEAN)
    word, method = rendered.word(0), Segmental(pretrained.shipped())
    (known,) = method.e_step([word], [()])
    looks = method.prepare(word, known)
    box = known.boxes[4]
    near, far = (Pin(4, tuple(map(float, box + np.array([by, 0, by, 0])))) for by in (1, 12))
    method.solve(word, looks, (near,))
    assert looks.others is None
    found = method.solve(word, looks, (far,))
    assert looks.others is not None
    asked = looks.others
    assert np.array_equal(method.solve(word, looks, (far,)).boxes, found.boxes) and looks.others is asked
    np.testing.assert_allclose(found.boxes, method.e_step([word], [(far,)])[0].boxes, atol=1e-3)


def test_what_is_believed_beside_a_pin_is_what_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of characters that no search under the pin has moved, too."""
    word, method = render("wandering", load_font(None, 30), np.random.default_rng(3), CLEAN).word(0), Segmental(
        pretrained.shipped()
    )
    (known,) = method.e_step([word], [()])
    far = Pin(8, tuple(map(float, known.boxes[8] + np.array([12, 0, 12, 0]))))

    def elsewhere(placed: np.ndarray, *_: object) -> np.ndarray:
        out = placed.copy()
        out[0, 1] -= 2
        return out

    before = method.solve(word, method.prepare(word), (far,)).boxes
    monkeypatch.setattr(segmental, "led", elsewhere)
    after = method.solve(word, method.prepare(word), (far,)).boxes
    assert (np.abs(after - before) > 0.5).any(axis=1).tolist() == [True] + [False] * 8
