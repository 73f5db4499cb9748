"""What to ask next."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloc.types import Localization
from charloc.uncertainty import word_uncertainty


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
