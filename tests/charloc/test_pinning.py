"""What people pinned is held, whatever it is, or the error names the characters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloc.ink import find_ink
from charloc.layout import expected_glyphs, solve
from charloc.methods.guess import LONGEST, guess_word
from charloc.pinning import pinned_bounds
from charloc.spans import find_spans
from charloc.synth import Degradation, load_font, render_word
from charloc.text import visual_order
from charloc.types import Box, Pin, PinError, Pins, TranscriptError, WordImage

TEXT = "water lily"


def word(text: str = TEXT, shear: float = 0.0) -> tuple[WordImage, np.ndarray]:
    pixels, boxes = render_word(text, load_font(None, 28), np.random.default_rng(2), Degradation(shear=shear))
    return WordImage(7, "page_1/7.png", pixels, tuple(text)), boxes


WORDS = {shear: word(shear=shear)[0] for shear in (0.0, 0.3)}


def held(word: WordImage, pins: Pins) -> tuple[np.ndarray, np.ndarray]:
    """The boundaries asked for and those found, upright columns."""
    order = visual_order(word.characters)
    ink = find_ink(word.pixels)
    fixed, extra = pinned_bounds(ink, word, order, pins)
    assert fixed is not None
    spans = find_spans(ink, LONGEST, len(order), extra)
    solution = solve(spans, expected_glyphs([word.characters[i] for i in order]), fixed=fixed)
    return fixed, spans.columns[solution.bounds]


def test_nothing_pinned_fixes_nothing() -> None:
    this, _ = word()
    ink = find_ink(this.pixels)
    for pins in ((), (Pin(2, None, "invisible"),)):
        fixed, extra = pinned_bounds(ink, this, visual_order(this.characters), pins)
        assert fixed is None
        assert len(extra) == 0


def test_boundaries_are_where_a_pinned_box_ends() -> None:
    this, boxes = word()
    box = (boxes[1, 0] + 3, 5.0, boxes[1, 2] + 4, 30.0)
    fixed, found = held(this, (Pin(1, box),))
    shift = find_ink(this.pixels).upright_column(np.float32(0), np.float32(17.5))
    assert np.flatnonzero(fixed >= 0).tolist() == [1, 2]
    assert found[1] == pytest.approx(box[0] + shift, abs=1)
    assert found[2] == pytest.approx(box[2] + shift, abs=1)
    assert found[[1, 2]].tolist() == fixed[[1, 2]].tolist()


def test_a_pin_moves_the_neighbours() -> None:
    """The wrong letter pinned to the i's place pushes all others along."""
    this, boxes = word("wilt")
    free = guess_word(this).boxes
    pinned = guess_word(this, (Pin(2, tuple(boxes[1].tolist())),)).boxes
    assert pinned[2].tolist() == boxes[1].tolist()
    assert pinned[0, 2] <= boxes[1, 0] + 1 and pinned[1, 2] <= boxes[1, 0] + 1
    assert free[1, 0] >= boxes[1, 0] - 1


def test_right_to_left_pins_are_in_their_own_order() -> None:
    this = WordImage(1, "rtl.png", word("hand")[0].pixels, ("א", "ב", "ג", "ד"))
    width = this.pixels.shape[1]
    boxes = [(width - 20 - 18 * i, 8.0, width - 6 - 18 * i, 28.0) for i in range(4)]
    pins = tuple(Pin(i, box) for i, box in enumerate(boxes))
    assert guess_word(this, pins).boxes.tolist() == [list(box) for box in boxes]
    with pytest.raises(PinError, match=r"'ד' \(character 4\) belongs left of 'א' \(character 1\)"):
        guess_word(this, (Pin(0, boxes[3]), Pin(3, boxes[0])))


# --- contradictions ---------------------------------------------------------------------------------------------------


def test_the_wrong_order_is_an_error_that_names_both() -> None:
    this, boxes = word()
    pins = (Pin(1, tuple(boxes[3].tolist())), Pin(3, tuple(boxes[1].tolist())))
    with pytest.raises(PinError) as caught:
        guess_word(this, pins)
    message = str(caught.value)
    for part in ("page_1/7.png", TEXT, "'a' (character 2)", "'e' (character 4)", "wrong order", "Move one of the two"):
        assert part in message


@pytest.mark.parametrize("apart", [0.0, 0.9])
def test_neighbours_in_one_place_are_in_the_wrong_order(apart: float) -> None:
    this, _ = word()
    with pytest.raises(PinError, match=r"'a' \(character 2\) and 't' \(character 3\) are in the wrong order"):
        guess_word(this, (Pin(1, (10, 5, 20, 30)), Pin(2, (10 + apart, 5, 20 + apart, 30))))


def test_too_close_for_those_between_is_an_error_that_says_how_many() -> None:
    this, _ = word()
    with pytest.raises(PinError, match=r"no room for the 3 between the pinned 'w' \(character 1\) and 'r'"):
        guess_word(this, (Pin(0, (10, 5, 20, 30)), Pin(4, (13, 5, 23, 30))))


def test_a_picture_too_narrow_for_all() -> None:
    narrow = WordImage(1, "n.png", np.zeros((20, 6), np.uint8), tuple("abcdefg"))
    with pytest.raises(TranscriptError, match=r"n\.png: 7 characters do not fit a picture 6 px wide.*'abcdefg'"):
        guess_word(narrow)
    fits = WordImage(1, "n.png", np.zeros((20, 6), np.uint8), tuple("abcdef"))
    assert guess_word(fits).boxes.shape == (6, 4)
    assert guess_word(fits, (Pin(5, (0, 0, 1, 20)),)).boxes[5].tolist() == [0, 0, 1, 20]


def test_just_enough_room_is_enough_in_a_leaning_word_too() -> None:
    """Three pixels from middle to middle for two characters between: upright, a float's rounding less."""
    pins = tuple(Pin(k, (x - 1, 4.0, x + 1, 30.0)) for k, x in ((0, 57.961917389997524), (3, 60.961917389997524)))
    found = guess_word(WORDS[0.3], pins)
    assert found.boxes[[0, 3], 0].tolist() == [np.float32(pin.box[0]) for pin in pins if pin.box]


# --- whatever people may pin ------------------------------------------------------------------------------------------


@st.composite
def in_order(draw: st.DrawFn, width: int, count: int) -> Pins:
    """Pins whose middles ascend with a column for each character between; widths are anything."""
    indices = sorted(draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=count)))
    needed = indices[-1] - indices[0]
    room = width - needed - 1.0
    cuts = sorted(draw(st.lists(st.floats(0, 1), min_size=len(indices), max_size=len(indices))))
    pins = []
    for index, share in zip(indices, cuts, strict=True):
        middle = 0.5 + share * room + (index - indices[0])
        half = draw(st.one_of(st.floats(0.05, 4), st.floats(4, width)))
        box: Box = (middle - half, 4.0, middle + half, 30.0)
        pins.append(Pin(index, box, draw(st.sampled_from(["pinned", "accepted"]))))
    others = draw(st.sets(st.sampled_from([i for i in range(count) if i not in indices]) if len(indices) < count
                          else st.nothing()))  # fmt: skip
    return (*pins, *(Pin(i, None, "invisible") for i in others))


@settings(max_examples=80)
@given(st.sampled_from(sorted(WORDS)), st.data())
def test_pins_in_order_are_held_whatever_their_size(shear: float, data: st.DataObject) -> None:
    this = WORDS[shear]
    pins = data.draw(in_order(this.pixels.shape[1] - 12, len(TEXT)))
    found = guess_word(this, pins)
    for pin in pins:
        expected = np.full(4, np.nan) if pin.box is None else np.array(pin.box)
        np.testing.assert_array_equal(found.boxes[pin.index], expected.astype(np.float32))
        assert found.confidence[pin.index] == 1
    fixed, bounds = held(this, pins)
    np.testing.assert_array_equal(bounds[fixed >= 0], fixed[fixed >= 0])
    assert (np.diff(bounds) > 0).all()


@settings(max_examples=60)
@given(st.sampled_from(sorted(WORDS)), st.data())
def test_any_pins_are_held_or_the_error_names_two_characters(shear: float, data: st.DataObject) -> None:
    this = WORDS[shear]
    pins = []
    for index in data.draw(st.sets(st.integers(0, len(TEXT) - 1), min_size=1)):
        x0, y0 = data.draw(st.floats(-40, 200)), data.draw(st.floats(-20, 50))
        box = (x0, y0, x0 + data.draw(st.floats(0.01, 300)), y0 + data.draw(st.floats(0.01, 80)))
        pins.append(Pin(index, box))
    try:
        found = guess_word(this, tuple(pins))
    except PinError as error:
        message = str(error)
    else:
        for pin in pins:
            np.testing.assert_array_equal(found.boxes[pin.index], np.array(pin.box, np.float32))
        return
    assert message.count("(character ") >= 2


@pytest.mark.parametrize("hard", [False, True])
def test_a_proposal_accepted_as_shown_is_no_contradiction(hard: bool) -> None:
    rng = np.random.default_rng(4)
    for text in ("jujitsu", "fjord.", "'tis,", "“Yes!”", "a;b:c"):
        pixels, _ = render_word(text, load_font(None, 30), rng, Degradation.draw(rng, hard))
        this = WordImage(1, text, pixels, tuple(text))
        shown = guess_word(this).boxes
        again = guess_word(this, tuple(Pin(i, tuple(box), "accepted") for i, box in enumerate(shown.tolist())))
        np.testing.assert_array_equal(again.boxes, shown)
