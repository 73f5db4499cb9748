"""Seams: the cheapest ways through ink, against all ways; what lies between them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from charloc.seams import label_columns, seam_costs, seam_tables


def cheapest(upright: np.ndarray, y: int, u: int, way: int, sideways: float) -> float:
    """The cheapest way out by trying all of them."""
    here = float(upright[y, u])
    if not 0 <= y + way < len(upright):
        return here
    ways = [(side, u + side) for side in (-1, 0, 1) if 0 <= u + side < upright.shape[1]]
    return here + min(cheapest(upright, y + way, next_u, way, sideways) + abs(side) * sideways for side, next_u in ways)


@settings(max_examples=40)
@given(stn.arrays(np.float32, (5, 4), elements=st.integers(0, 8).map(lambda n: np.float32(n / 8))), st.integers(0, 4))
def test_seams_are_the_cheapest_of_all(upright: np.ndarray, middle: int) -> None:
    cost, step = seam_tables(upright, middle, 0.125)
    for y in range(5):
        for u in range(4):
            way = -1 if y < middle else 1
            assert cost[y, u] == pytest.approx(cheapest(upright, y, u, way, 0.125))
            assert 0 <= u + step[y, u] < 4
    total = seam_costs(cost, middle)
    for u in range(4):
        up = cheapest(upright, middle - 1, u, -1, 0.125) if middle else 0.0
        assert total[u] == pytest.approx(up + cheapest(upright, middle, u, 1, 0.125))


def test_labels_count_the_seams_to_the_left() -> None:
    step = np.zeros((6, 10), np.int8)
    step[0:3, 5] = -1  # going up from row 2, this seam moves left
    labels = label_columns(step, 3, np.array([2, 5, 10], np.int32), np.zeros(6, np.int32), 10)
    assert labels[3].tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 2, 2]
    assert labels[2].tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 2, 2]
    assert labels[1].tolist() == [0, 0, 1, 1, 2, 2, 2, 2, 2, 2]


@settings(max_examples=40)
@given(st.data())
def test_labels_never_fall_along_a_row(data: st.DataObject) -> None:
    upright = data.draw(stn.arrays(np.float32, (7, 12), elements=st.sampled_from([np.float32(0), np.float32(1)])))
    middle = data.draw(st.integers(0, 6))
    cuts = sorted(data.draw(st.sets(st.integers(0, 12), min_size=1, max_size=5)))
    _, step = seam_tables(upright, middle, 0.08)
    labels = label_columns(step, middle, np.array(cuts, np.int32), np.zeros(7, np.int32), 12)
    assert (np.diff(labels, axis=1) >= 0).all()
    assert labels.min() >= 0 and labels.max() <= len(cuts)
    expected = [sum(cut <= x for cut in cuts) for x in range(12)]
    assert labels[middle].tolist() == expected
