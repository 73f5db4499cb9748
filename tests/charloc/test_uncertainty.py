"""What to ask next."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloc.types import Localization, Pin
from charloc.uncertainty import LEAST_SAY, disagreement, word_uncertainty


def localization(*confidence: float, without_box: int | None = None) -> Localization:
    boxes = np.tile(np.array([0, 0, 5, 9], np.float32), (len(confidence), 1))
    if without_box is not None:
        boxes[without_box] = np.nan
    return Localization(boxes, np.array(confidence, np.float32), -1.0, "guess")


def test_it_is_the_probability_that_some_character_is_wrong() -> None:
    assert word_uncertainty(localization(0.5)) == pytest.approx(0.5)
    assert word_uncertainty(localization(0.5, 0.5)) == pytest.approx(0.75)
    assert word_uncertainty(localization(1.0, 1.0)) == 0.0


def test_characters_without_a_box_do_not_count_and_a_word_without_any_is_asked_first() -> None:
    assert word_uncertainty(localization(0.5, 0.1, without_box=1)) == pytest.approx(0.5)
    assert word_uncertainty(localization(1.0, without_box=0)) == 1.0


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=600))
def test_it_is_a_probability_and_one_doubt_more_never_lowers_it(confidence: list[float]) -> None:
    value = word_uncertainty(localization(*confidence))
    assert 0 <= value <= 1
    assert word_uncertainty(localization(*confidence, 0.9)) >= value


# --- disagreement -----------------------------------------------------------------------------------------------------

BOXES = [(0, 0, 10, 20), (10, 0, 20, 20), (20, 0, 30, 20)]


def placed(boxes: list[tuple[float, ...] | None], confidence: float = 1.0) -> Localization:
    rows = np.array([(np.nan,) * 4 if box is None else box for box in boxes], np.float32).reshape(-1, 4)
    return Localization(rows, np.full(len(boxes), confidence, np.float32), -1.0, "x")


def test_where_all_agree_it_is_none() -> None:
    assert disagreement(placed(BOXES), [placed(BOXES), placed(BOXES, 0.0)]).tolist() == [0, 0, 0]


def test_it_is_the_part_that_does_not_overlap() -> None:
    other = placed([(0, 0, 10, 20), (15, 0, 25, 20), (40, 0, 50, 20)])
    found = disagreement(placed(BOXES), [other])
    assert found.dtype == np.float32
    assert found.tolist() == pytest.approx([0, 2 / 3, 1])


def test_who_does_not_believe_it_has_little_say() -> None:
    elsewhere = [(100, 0, 110, 20)] * 3
    one = disagreement(placed(BOXES), [placed(BOXES, 1.0), placed(elsewhere, 0.0)])
    two = disagreement(placed(BOXES), [placed(BOXES, 1.0), placed(elsewhere, 1.0)])
    assert one[0] == pytest.approx(LEAST_SAY / (1 + 2 * LEAST_SAY))
    assert two[0] == pytest.approx(0.5)
    assert disagreement(placed(BOXES), [placed(elsewhere, 0.0)]).tolist() == [1, 1, 1]


def test_a_character_without_a_box() -> None:
    """Nothing is known where it has none itself; another's missing box is as far away as can be."""
    found = disagreement(placed([None, *BOXES[1:]]), [placed([BOXES[0], None, BOXES[2]])])
    assert np.isnan(found[0])
    assert found[1:].tolist() == [1, 0]


def test_nobody_disagrees_with_a_person() -> None:
    pins = (Pin(0, BOXES[0]), Pin(1, None, "invisible"))
    found = disagreement(placed([BOXES[0], None, BOXES[2]]), [placed([(100, 0, 110, 20)] * 3)], pins)
    assert found[0] == 0 and np.isnan(found[1]) and found[2] == 1


def test_without_others_nothing_is_known() -> None:
    assert np.isnan(disagreement(placed(BOXES), [], (Pin(0, BOXES[0]),))).all()
    assert disagreement(placed([]), [placed([])]).shape == (0,)


EDGES = st.floats(0, 100, width=32)


@given(
    st.lists(st.tuples(EDGES, EDGES, EDGES, EDGES), min_size=1, max_size=5),
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=3),
)
def test_it_is_between_0_and_1_whatever_the_boxes(rows: list[tuple[float, ...]], sure: list[float]) -> None:
    boxes = [(x, y, x + w + 1, y + h + 1) for x, y, w, h in rows]
    found = disagreement(placed(boxes), [placed(boxes[::-1], each) for each in sure])
    assert ((found >= 0) & (found <= 1)).all()
    symmetric = disagreement(placed(boxes[::-1]), [placed(boxes, each) for each in sure])
    np.testing.assert_allclose(found, symmetric, atol=1e-6)
