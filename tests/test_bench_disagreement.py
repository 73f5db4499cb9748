"""What the benchmark of disagreement computes."""

from __future__ import annotations

import numpy as np
import pytest

from charloc.calibration import auc
from charloc.types import Localization, SourceWord, WordImage
from tests.bench._sets import Set
from tests.bench.disagreement import combined, signals, table

TRUE = ((0.0, 0.0, 10.0, 20.0), None, (20.0, 0.0, 30.0, 20.0), (20.0, 0.0, 30.0, 20.0), (40.0, 0.0, 50.0, 20.0))
"""Of "a ḿb": the second character is a space, the third has two code points."""
DATA = Set(
    "some",
    [WordImage(0, "a", np.zeros((20, 60), np.uint8), ("a", " ", "m\u0323", "b"))],
    [SourceWord("a", b"", "a m\u0323b", TRUE)],
)


def found(*x0: float, confidence: float = 1.0) -> list[Localization]:
    boxes = np.array([(x, 0, x + 10, 20) for x in x0], np.float32)
    boxes[1] = np.nan
    return [Localization(boxes, np.full(4, confidence, np.float32), 0.0, "x")]


def test_auc_by_hand() -> None:
    wrong = np.array([False, True, False, True])
    assert auc(np.array([0.1, 0.9, 0.2, 0.8]), wrong) == 1.0
    assert auc(np.array([0.9, 0.1, 0.8, 0.2]), wrong) == 0.0
    assert auc(np.array([0.5, 0.5, 0.5, 0.5]), wrong) == 0.5
    assert auc(np.array([0.1, 0.3, 0.2, 0.15]), wrong) == 0.75
    assert np.isnan(auc(np.array([0.1]), np.array([True])))


def test_signals_are_of_code_points_with_a_true_box() -> None:
    judged = found(0, 0, 27, 40, confidence=0.75)
    wrong, (apart, doubt) = signals(DATA, judged, [found(0, 0, 20, 40)])
    assert wrong.tolist() == [False, True, True, False]
    assert apart.tolist() == pytest.approx([0, 1 - 3 / 17, 1 - 3 / 17, 0])
    assert doubt.tolist() == [0.25] * 4
    assert combined(apart, doubt)[0] == 0.25


def test_characters_without_a_box_do_not_count() -> None:
    judged = found(0, 0, 27, 40)
    judged[0].boxes[0] = np.nan
    assert signals(DATA, judged, [])[0].tolist() == [True, True, False]


def test_the_table() -> None:
    rows = table(DATA, found(0, 0, 27, 40), {"one": found(0, 0, 20, 40), "two": found(5, 0, 27, 40)})
    assert [name for name, _, _ in rows] == [
        "disagreement with one", "disagreement with two", "disagreement with all of them", "1 - confidence"
    ]  # fmt: skip
    assert rows[0][1] == 1.0 and rows[1][1] == 0.25 and rows[-1][1:] == (0.5, 0.5)
