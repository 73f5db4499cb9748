"""Measures re-estimated from boxes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from charloc.layout import expected_glyphs
from charloc.measures import SIGMAS, Measures, measure

WORD = tuple("minim")


def placed(characters: tuple[str, ...], scale: float = 1.0, **changes: float) -> np.ndarray:
    """Boxes as ordinary fonts have them, times `scale`; `changes` multiply the widths of single characters."""
    usual = expected_glyphs(characters)
    widths = usual.width * scale * np.array([changes.get(c, 1.0) for c in characters])
    left = -widths / 2
    return np.stack([left, usual.top, left + widths, usual.bottom], axis=1)


def learned(words: list[tuple[str, ...]], boxes: list[np.ndarray], weight: float = 1.0) -> Measures:
    return measure(words, boxes, [np.full(len(word), weight, np.float32) for word in words])


def test_nothing_known_is_what_fonts_say() -> None:
    expected, usual = Measures({}).expected(WORD), expected_glyphs(WORD)
    np.testing.assert_array_equal(expected.width, usual.width)
    np.testing.assert_array_equal(expected.top, usual.top)


def test_words_like_ordinary_fonts_confirm_them_and_narrow_the_spread() -> None:
    measures = learned([WORD] * 40, [placed(WORD)] * 40)
    expected, usual = measures.expected(WORD), expected_glyphs(WORD)
    np.testing.assert_allclose(expected.width, usual.width, rtol=0.02)
    np.testing.assert_allclose(expected.top, usual.top, atol=0.02)
    np.testing.assert_allclose(expected.bottom, usual.bottom, atol=0.02)
    assert (expected.width_sigma < usual.width_sigma).all()
    assert (expected.height_sigma < usual.height_sigma).all()
    assert (expected.width_sigma >= np.float32(SIGMAS[0])).all()


def test_a_wide_i_is_learned_and_the_word_s_own_scale_is_not() -> None:
    words = [tuple("minion"), tuple("nominal")] * 20
    measures = learned(words, [placed(word, 1.5, i=2.5) for word in words])
    expected, usual = measures.expected(("i", "n", "x")), expected_glyphs(("i", "n", "x"))
    ratio = expected.width / usual.width
    assert ratio[0] > 1.8
    assert ratio[1] == pytest.approx(1.0, abs=0.1)
    assert ratio[2] == 1.0


def test_heights_are_learned() -> None:
    boxes = placed(WORD)
    boxes[1] += [0, 0.5, 0, -0.4]
    measures = learned([WORD] * 60, [boxes] * 60)
    expected, usual = measures.expected(WORD), expected_glyphs(WORD)
    assert expected.top[0] == pytest.approx(usual.top[0], abs=0.02)
    # The word has two i, one of them as usual: the weighted median is one of the two.
    assert expected.top[1] in (pytest.approx(usual.top[1], abs=0.05), pytest.approx(usual.top[1] + 0.5, abs=0.05))


def test_few_observations_count_little() -> None:
    few = learned([("i", "n", "n")], [placed(("i", "n", "n"), i=3.0)]).expected(("i",)).width[0]
    many = learned([("i", "n", "n")] * 100, [placed(("i", "n", "n"), i=3.0)] * 100).expected(("i",)).width[0]
    usual = expected_glyphs(("i",)).width[0]
    assert usual < few < many < 3.0 * usual + 0.3
    assert few - usual < 0.5 * (many - usual)


def test_a_wrong_minority_does_not_count() -> None:
    words = [("i", "n", "n")] * 30
    boxes = [placed(("i", "n", "n"), i=6.0 if k % 5 == 0 else 1.0) for k in range(30)]
    assert learned(words, boxes).expected(("i",)).width[0] == pytest.approx(expected_glyphs(("i",)).width[0], rel=0.1)


def test_weights_decide_between_opinions() -> None:
    words = [("i", "n", "n")] * 40
    boxes = [placed(("i", "n", "n"), i=3.0 if k % 4 == 0 else 1.0) for k in range(40)]
    weights = [np.full(3, 1.0 if k % 4 == 0 else 0.1, np.float32) for k in range(40)]
    assert measure(words, boxes, weights).expected(("i",)).width[0] > 2 * expected_glyphs(("i",)).width[0]


def test_unplaced_unweighted_and_spaces_teach_nothing() -> None:
    word = tuple("n i")
    boxes = placed(word)
    boxes[2] = np.nan
    boxes[1] = [0, 5, 9, -5]
    assert set(learned([word], [boxes]).by_character) == {"n"}
    assert learned([word], [boxes], weight=0.0).by_character == {}
    assert measure([], [], []).by_character == {}


def test_what_is_learned_survives_json() -> None:
    measures = learned([WORD] * 3, [placed(WORD)] * 3)
    text = json.dumps(dict(measures.by_character))
    assert {name: tuple(row) for name, row in json.loads(text).items()} == measures.by_character
