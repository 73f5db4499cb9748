"""The even split: slots of equal width over the ink, and pins that are held."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from charloc.methods import Checkpoint, Method, make
from charloc.methods.even import CHUNK, Even, split_word
from charloc.synth import Degradation, load_font, render_word
from charloc.types import Pin, PinError, WordImage


def bar(text: str, *, at: int = 10, end: int = 70, rows: tuple[int, int] = (5, 15), width: int = 80) -> WordImage:
    """A word that is a black bar, from x `at` to `end`."""
    pixels = np.full((20, width), 255, np.uint8)
    pixels[rows[0] : rows[1], at:end] = 0
    return WordImage(1, "bar.png", pixels, tuple(text))


def middles(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 0] + boxes[:, 2]) / 2


def test_it_is_a_method() -> None:
    method = make("even")
    assert isinstance(method, Method)
    assert method.honours_pins and not method.learns
    assert method.checkpoint() == Checkpoint({}, {"method": "even"})
    assert isinstance(make("even", method.checkpoint()), Even)


def test_every_character_is_equally_wide_and_nobody_believes_it() -> None:
    found = split_word(bar("abc"))
    np.testing.assert_allclose(found.boxes, [[10, 5, 30, 15], [30, 5, 50, 15], [50, 5, 70, 15]], atol=2)
    assert np.ptp(np.diff(middles(found.boxes))) < 0.01
    assert found.confidence.tolist() == [0, 0, 0]
    assert (found.method, found.score) == ("even", 0.0)


def test_a_space_is_a_slot_without_a_box() -> None:
    found = split_word(bar("a c"))
    assert np.isnan(found.boxes[1]).all()
    np.testing.assert_allclose(found.boxes[[0, 2], 0], [10, 50], atol=2)


def test_boxes_are_as_high_as_the_ink_of_their_slot() -> None:
    word = bar("abcd")
    word.pixels[:, 25:55] = 255  # nothing there: as high as the word
    word.pixels[2:5, 10:25] = 0
    boxes = split_word(word).boxes
    assert boxes[0, 1] == pytest.approx(2, abs=1) and boxes[3, 1] == pytest.approx(5, abs=1)
    assert boxes[1, 1] == pytest.approx(2, abs=1) and boxes[1, 3] == pytest.approx(15, abs=1)


def test_right_to_left() -> None:
    word = bar("אבג")
    np.testing.assert_allclose(split_word(word).boxes[:, 0], [50, 30, 10], atol=2)


def test_leaning_letters_are_parted_along_their_lean() -> None:
    """The boxes of upright slots are where these cross the core; all lie within the picture."""
    pixels, true = render_word("illim", load_font(None, 40), np.random.default_rng(3), Degradation(shear=0.3))
    boxes = split_word(WordImage(1, "lean.png", pixels, tuple("illim"))).boxes
    assert (np.diff(middles(boxes)) > 0).all()
    assert middles(boxes)[2] == pytest.approx(pixels.shape[1] / 2, abs=0.15 * pixels.shape[1])
    assert np.abs(boxes[[0, -1]] - true[[0, -1]])[:, [1, 3]].max() < 0.4 * pixels.shape[0]


def test_what_is_pinned_is_held_and_the_rest_is_even_between() -> None:
    found = split_word(bar("abcdef"), (Pin(2, (20.0, 1.0, 24.0, 19.0)),))
    assert found.boxes[2].tolist() == [20, 1, 24, 19]
    assert found.confidence.tolist() == [0, 0, 1, 0, 0, 0]
    wide = found.boxes[:, 2] - found.boxes[:, 0]
    assert wide[0] == pytest.approx(wide[1], abs=0.1) and wide[0] == pytest.approx(5, abs=1.5)
    assert np.ptp(wide[3:]) < 0.1 and wide[3] == pytest.approx(46 / 3, abs=1.5)


def test_a_pin_outside_the_ink_leaves_room_for_those_before_it() -> None:
    boxes = split_word(bar("abc"), (Pin(2, (6.0, 1.0, 9.0, 19.0)),)).boxes
    assert (boxes[:2, 2] - boxes[:2, 0] >= 1).all()
    assert (np.diff(middles(boxes)) > 0).all()


def test_what_is_not_visible_takes_no_ink() -> None:
    found = split_word(bar("abc"), (Pin(1, None, "invisible"),))
    assert np.isnan(found.boxes[1]).all()
    np.testing.assert_allclose(found.boxes[[0, 2], 0], [10, 40], atol=2)
    nothing = split_word(bar("ab"), (Pin(0, None, "invisible"), Pin(1, None, "invisible")))
    assert np.isnan(nothing.boxes).all()


def test_contradictory_pins() -> None:
    pins = (Pin(0, (40.0, 1.0, 50.0, 19.0)), Pin(1, (10.0, 1.0, 20.0, 19.0)))
    with pytest.raises(PinError, match="wrong order"):
        split_word(bar("abc"), pins)
    (found,) = Even().e_step([bar("abc")], [pins])
    assert found.boxes[:2].tolist() == [[40, 1, 50, 19], [10, 1, 20, 19]]


def test_too_many_characters_for_the_picture() -> None:
    (found,) = Even().e_step([bar("a" * 90)], [()])
    assert np.isfinite(found.boxes).all()
    assert found.method == "even"


def test_all_words_in_order_with_progress() -> None:
    words = [bar("ab" if i % 2 else "abc") for i in range(CHUNK + 1)]
    seen: list[tuple[str, int, int]] = []
    found = Even().e_step(words, [()] * len(words), lambda *each: seen.append(each))
    assert [len(each.boxes) for each in found] == [len(word.characters) for word in words]
    assert seen == [("localize", 0, 65), ("localize", 64, 65), ("localize", 65, 65)]
    assert Even().e_step([], []) == []


PICTURES = stn.arrays(np.uint8, st.tuples(st.integers(1, 24), st.integers(1, 40)))


@settings(max_examples=60)
@given(PICTURES, st.text("ab .", min_size=1, max_size=6), st.data())
def test_any_picture(pixels: np.ndarray, text: str, data: st.DataObject) -> None:
    word = WordImage(1, "any.png", pixels, tuple(text))
    height, width = pixels.shape
    pins: tuple[Pin, ...] = ()
    if data.draw(st.booleans()):
        x0 = data.draw(st.floats(0, width - 1, width=32))
        pins = (Pin(data.draw(st.integers(0, len(text) - 1)), (x0, 0.0, x0 + 1, float(height))),)
    (found,) = Even().e_step([word], [pins])
    pinned = {pin.index for pin in pins}
    for i, (character, box) in enumerate(zip(text, found.boxes, strict=True)):
        if character == " " and i not in pinned:
            assert np.isnan(box).all()
        else:
            assert np.isfinite(box).all() and box[0] < box[2] and box[1] < box[3]
            assert i in pinned or (box[:2] >= 0).all() and box[2] <= width and box[3] <= height


def test_pins_stay_also_where_the_characters_do_not_fit_the_picture() -> None:
    box = (0.0, 0.0, 1.0, 1.0)
    for pinned in (0, 4):
        word = WordImage(1, "narrow.png", np.zeros((1, 1), np.uint8), tuple("aaaa "))
        (found,) = Even().e_step([word], [(Pin(pinned, box),)])
        assert found.boxes[pinned].tolist() == list(box) and found.confidence[pinned] == 1
