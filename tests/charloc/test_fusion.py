"""Two opinions of a box made one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from charloc.fusion import TRUST_CUT, believed_within, fuse

CORE = 20.0


def fused(ink: list[float], net: list[float], whole: bool = True) -> tuple[list[float], float]:
    within = believed_within(np.full((1, 4), whole))
    boxes, agreement = fuse(
        np.array([ink], np.float32), np.array([net], np.float32), within, np.array([False]), CORE
    )
    assert boxes.dtype == agreement.dtype == np.float32
    return boxes[0].tolist(), float(agreement[0])


def test_edges_that_agree_are_the_ink_s() -> None:
    assert fused([10, 10, 30, 40], [12, 9, 31, 38]) == ([10, 10, 30, 40], fused([10, 10, 30, 40], [12, 9, 31, 38])[1])


def test_where_a_cut_went_through_ink_an_edge_that_does_not_agree_is_the_net_s() -> None:
    far = TRUST_CUT * CORE + 1
    for off, edge in ((far, 40 + far), (far - 2, 40)):
        boxes, agreement = fused([10, 10, 30, 40], [10, 10, 30, 40 + off], whole=False)
        assert boxes == [10, 10, 30, edge]
        assert agreement < 1


def test_whole_ink_is_believed_more_than_cut_ink() -> None:
    off = TRUST_CUT * CORE + 1
    assert fused([10, 10, 30, 40], [10 + off, 10, 30, 40], whole=True)[0][0] == 10
    assert fused([10, 10, 30, 40], [10 + off, 10, 30, 40], whole=False)[0][0] == 10 + off


def test_a_net_that_true_boxes_taught_says_where_strokes_end_on_either_side_of_a_cut() -> None:
    """Three characters: one was cut, one was not, one was cut but the net was taught nothing of it."""
    ink, net = np.tile(np.float32([10, 10, 30, 40]), (3, 1)), np.tile(np.float32([9, 9, 32, 41]), (3, 1))
    whole = np.array([[False] * 4, [True] * 4, [False] * 4])
    within = believed_within(whole, np.array([True, True, False]))
    boxes, agreement = fuse(ink, net, within, np.zeros(3, bool), CORE)
    assert boxes.tolist() == [[9, 10, 32, 40], [10, 10, 30, 40], [10, 10, 30, 40]]
    assert agreement.tolist() == [fused([10, 10, 30, 40], [9, 9, 32, 41])[1]] * 3


def test_only_the_side_that_was_cut_is_the_net_s() -> None:
    whole = np.array([[True, True, False, True]])
    boxes, _ = fuse(
        np.float32([[10, 10, 30, 40]]), np.float32([[9, 9, 32, 41]]), believed_within(whole, np.array([True])),
        np.array([False]), CORE,
    )  # fmt: skip
    assert boxes.tolist() == [[10, 10, 32, 40]]


def test_without_ink_the_net_alone_decides_and_nobody_is_sure() -> None:
    boxes, agreement = fused([np.nan] * 4, [1, 2, 8, 9])
    assert boxes == [1, 2, 8, 9]
    assert agreement < 0.3


def test_agreement_falls_with_the_distance() -> None:
    found = [fused([10, 10, 30, 40], [10, 10, 30, 40 + off])[1] for off in (0, 2, 5, 20)]
    assert found[0] == 1.0
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.3


def test_edges_of_both_that_cross_fall_back_to_the_ink() -> None:
    """The net says the letter is elsewhere; one edge near enough to the ink's is no box with the other."""
    off = TRUST_CUT * CORE
    assert fused([10, 10, 12, 40], [10 + off - 1, 10, 3 - off, 40], whole=False)[0] == [10, 10, 12, 40]


def test_spaces_have_none() -> None:
    boxes, _ = fuse(np.ones((2, 4), np.float32), np.ones((2, 4), np.float32), np.ones((2, 4), bool),
                    np.array([True, False]), CORE)  # fmt: skip
    assert np.isnan(boxes[0]).all()
    assert np.isfinite(boxes[1]).all()


@settings(max_examples=80)
@given(
    stn.arrays(np.float32, (3, 4), elements=st.floats(-100, 100, width=32)),
    stn.arrays(np.float32, (3, 4), elements=st.floats(-100, 100, width=32)),
    stn.arrays(bool, (3, 4)),
    stn.arrays(bool, (3,)),
    stn.arrays(bool, (3,)),
)
def test_boxes_are_never_empty(
    ink: np.ndarray, net: np.ndarray, whole: np.ndarray, taught: np.ndarray, lost: np.ndarray
) -> None:
    ink[:, :2], ink[:, 2:] = np.minimum(ink[:, :2], ink[:, 2:]), np.maximum(ink[:, :2], ink[:, 2:]) + 1
    ink[lost] = np.nan
    boxes, agreement = fuse(ink, net, believed_within(whole, taught), np.zeros(3, bool), CORE)
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert ((agreement > 0) & (agreement <= 1)).all()
