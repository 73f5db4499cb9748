"""How far people agree, and how long they worked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from charloc.agreement import compare, hours_of_work, summarise

BOX = [10.0, 0, 20, 20]
NONE = [np.nan] * 4
START = datetime(2026, 11, 26, 9, tzinfo=UTC)


def at(*seconds: float) -> list[datetime]:
    return [START + timedelta(seconds=each) for each in seconds]


def test_equal_boxes_agree_wholly() -> None:
    found = summarise([compare(np.array([BOX, BOX]), np.array([BOX, BOX]))])
    assert found is not None
    assert (found.words, found.chars, found.centre_px, found.iou, found.wrong, found.word_wrong) == (1, 2, 0, 1, 0, 0)


def test_distance_in_pixels_and_heights_and_overlap() -> None:
    moved = np.add([BOX], [3, 4, 3, 4])
    ((px, h, overlap),) = compare(np.array([BOX]), moved)
    assert px == pytest.approx(5) and h == pytest.approx(5 / 20)
    assert overlap == pytest.approx(7 * 16 / (2 * 200 - 7 * 16))


def test_a_box_that_only_one_gave_is_wrong_but_has_no_distance() -> None:
    found = summarise([compare(np.array([BOX, BOX, NONE]), np.array([BOX, NONE, NONE]))])
    assert found is not None
    assert (found.chars, found.centre_px, found.iou, found.wrong) == (2, 0, 0.5, 0.5)
    only = summarise([compare(np.array([BOX]), np.array([NONE]))])
    assert only is not None and np.isnan(only.centre_px) and only.wrong == 1


def test_what_one_did_not_look_at_is_not_compared() -> None:
    far = np.array([BOX, [90.0, 0, 99, 20]])
    assert len(compare(np.array([BOX, BOX]), far, judged=[True, False])) == 1
    assert summarise([compare(np.array([BOX]), np.array([BOX]), judged=[False])]) is None
    assert summarise([]) is None


def test_words_count_once_and_characters_each() -> None:
    far = [90.0, 0, 99, 20]
    words = [compare(np.array([BOX] * n), np.array([BOX] * (n - 1) + [last])) for n, last in ((1, BOX), (4, far))]
    found = summarise(words)
    assert found is not None
    assert (found.words, found.chars, found.wrong, found.word_wrong) == (2, 5, 0.2, 0.5)


edges = arrays(np.float64, st.tuples(st.integers(1, 6), st.just(2)), elements=st.floats(0, 100, width=32))
sizes = st.floats(1, 50, width=32)


@given(edges, edges, sizes, sizes)
def test_it_does_not_matter_who_is_first(a: np.ndarray, b: np.ndarray, wide: float, high: float) -> None:
    n = min(len(a), len(b))
    one, other = (np.concatenate([corner[:n], np.add(corner[:n], [wide, high])], axis=1) for corner in (a, b))
    forth, back = compare(one, other), compare(other, one)
    np.testing.assert_allclose(forth, back, atol=1e-9)  # px; rounding
    assert ((forth[:, 2] >= 0) & (forth[:, 2] <= 1)).all() and (forth[:, 0] >= 0).all()


def test_pauses_are_no_work() -> None:
    assert hours_of_work([]) == hours_of_work(at(0)) == 0
    # Ten gaps of 12 s, and the first decision, which took some time, too.
    assert hours_of_work(at(*range(0, 121, 12))) == pytest.approx(11 * 12 / 3600)
    lunch = at(*range(0, 121, 12), *range(4000, 4121, 12))
    assert hours_of_work(lunch) == pytest.approx(22 * 12 / 3600)
    assert hours_of_work(reversed(lunch)) == hours_of_work(lunch)
