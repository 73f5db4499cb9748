"""From a layout to boxes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from charloc.boxes import certainty, finish, ink_boxes, lost_tops, span_boxes, without_ink
from charloc.ink import Ink, find_ink
from charloc.lattice import segmentation_posterior
from charloc.layout import expected_glyphs, solve
from charloc.spans import Spans, find_spans
from charloc.types import Pin, WordImage

PAPER = (36, 90)


def drawn(*rectangles: tuple[int, int, int, int], shape: tuple[int, int] = PAPER) -> tuple[Ink, Spans]:
    """Ink of black rectangles x0, y0, x1, y1; every column is a cut."""
    pixels = np.full(shape, 255, np.uint8)
    for x0, y0, x1, y1 in rectangles:
        pixels[y0:y1, x0:x1] = 0
    ink = find_ink(pixels)
    assert not ink.shift.any()
    return ink, find_spans(ink, 9.0, 3, np.arange(shape[1] + 1, dtype=np.int32))


def boxes_of(text: str, cuts: list[int], *rectangles: tuple[int, int, int, int]) -> tuple[list[object], np.ndarray]:
    ink, spans = drawn(*rectangles)
    boxes, whole = ink_boxes(ink, spans, np.array(cuts), expected_glyphs(tuple(text)))
    assert boxes.dtype == np.float32
    assert boxes.shape == whole.shape == (len(text), 4)
    return [None if np.isnan(box[0]) else tuple(box.astype(int).tolist()) for box in boxes], whole


N, M = (6, 10, 20, 26), (30, 10, 50, 26)


def test_boxes_are_tight_and_spaces_have_none() -> None:
    boxes, whole = boxes_of("n m", [2, 22, 27, 60], N, M)
    assert boxes == [N, None, M]
    assert whole.all()


def test_a_span_without_ink_has_no_box() -> None:
    boxes, _ = boxes_of("nim", [2, 22, 27, 60], N, M)
    assert boxes == [N, None, M]


def test_dots_and_accents_come_along() -> None:
    ring = [(6, 12, 20, 15), (6, 25, 20, 28), (6, 12, 9, 28), (17, 12, 20, 28)]
    boxes, _ = boxes_of("ä", [2, 40], *ring, (8, 5, 11, 8), (15, 5, 18, 8))
    assert boxes == [(6, 5, 20, 28)]


def test_a_dot_is_lost_where_another_opinion_s_box_goes_on_above_and_there_is_ink() -> None:
    stem, dot = (10, 14, 14, 26), (10, 6, 14, 9)
    with_dot, without = np.array([(9, 5, 15, 26)], np.float32), np.array([stem], np.float32)
    for text, dotted, other, lost in (
        ("i", True, with_dot, True),
        ("i", False, with_dot, False),
        ("i", True, without, False),
        ("l", True, with_dot, False),
    ):
        ink, _ = drawn((40, 10, 54, 26))
        raw = np.zeros_like(ink.raw)
        raw[dot[1] : dot[3], dot[0] : dot[2]] = dotted
        ink = replace(ink, raw=np.maximum(ink.raw, raw))
        assert lost_tops(ink, without, other, expected_glyphs((text,))).tolist() == [lost], (text, dotted)
    assert lost_tops(ink, np.full((1, 4), np.nan, np.float32), with_dot, expected_glyphs(("i",))).tolist() == [False]


def test_what_hangs_over_a_neighbour_comes_along_whole() -> None:
    """The cut clips a serif off: less than a fifth of the piece."""
    boxes, _ = boxes_of("nn", [2, 19, 60], N, M)
    assert boxes == [N, M]


def test_a_cut_through_joined_ink_parts_it_and_says_so() -> None:
    boxes, whole = boxes_of("nn", [2, 20, 60], (6, 10, 34, 26))
    assert boxes == [(6, 10, 20, 26), (20, 10, 34, 26)]
    assert whole.tolist() == [[True, False, False, False], [False, False, True, False]]


def test_ink_outside_the_layout_is_nobodys() -> None:
    boxes, _ = boxes_of("n", [25, 60], N, M)
    assert boxes == [M]


def test_spans_that_touch_where_others_end_stay_apart() -> None:
    """Three seams become one going up: there the first span's ink touches the fourth's."""
    ink, spans = drawn((10, 10, 40, 26))
    step = np.zeros_like(spans.step)
    step[spans.middle - 1, 21:23] = -1
    step[spans.middle - 2, 21] = -1
    spans = replace(spans, step=step)
    bounds = np.array([9, 20, 21, 22, 45])
    boxes, _ = ink_boxes(ink, spans, bounds, expected_glyphs(tuple("nnnn")))
    assert boxes[:, 0].tolist() == [10, 20, 20, 20]
    assert boxes[:, 2].tolist() == [20, 21, 22, 40]
    assert boxes[:, 1].tolist() == [10, spans.middle - 1, spans.middle - 2, 10]


@settings(max_examples=60)
@given(st.data())
def test_boxes_of_any_layout_of_any_picture(data: st.DataObject) -> None:
    shape = data.draw(stn.array_shapes(min_dims=2, max_dims=2, min_side=4, max_side=30))
    pixels = data.draw(stn.arrays(np.uint8, shape, elements=st.sampled_from([0, 128, 255])))
    ink = find_ink(pixels)
    count = data.draw(st.integers(1, min(5, shape[1])))
    spans = find_spans(ink, 3.0, count)
    expected = expected_glyphs(data.draw(st.lists(st.sampled_from("ni m."), min_size=count, max_size=count)))
    solution = solve(spans, expected)
    boxes, _ = ink_boxes(ink, spans, solution.bounds, expected)
    assert np.isnan(boxes[expected.space]).all()
    placed = boxes[~np.isnan(boxes[:, 0])]
    assert (placed[:, :2] >= 0).all() and (placed[:, 2:] <= (shape[1], shape[0])).all()
    assert (placed[:, 2:] > placed[:, :2]).all()
    for x0, y0, x1, y1 in placed.astype(int):
        for edge in (ink.mask[y0, x0:x1], ink.mask[y1 - 1, x0:x1], ink.mask[y0:y1, x0], ink.mask[y0:y1, x1 - 1]):
            assert edge.any()
    posterior, _ = segmentation_posterior(solution.costs, solution.starts, solution.ends)
    sure = certainty(posterior, solution.bounds, spans)
    assert sure.dtype == np.float32
    assert ((sure >= 0) & (sure <= 1)).all()


def test_certainty_is_high_where_the_ink_leaves_no_doubt_and_low_where_it_does() -> None:
    pixels = np.full(PAPER, 255, np.uint8)
    pixels[10:26, 6:20] = pixels[10:26, 30:44] = pixels[10:26, 54:68] = 0

    def sure(text: str) -> np.ndarray:
        ink = find_ink(pixels)
        spans = find_spans(ink, 4.0, len(text))
        solution = solve(spans, expected_glyphs(tuple(text)))
        posterior, _ = segmentation_posterior(solution.costs, solution.starts, solution.ends)
        return certainty(posterior, solution.bounds, spans)

    assert (sure("nnn") > 0.85).all()
    # Three equal blocks for two equal letters: the middle one is anybody's.
    assert (sure("nn") < 0.75).all()


def test_boxes_of_spans_without_ink_stand_side_by_side() -> None:
    ink = find_ink(np.full((40, 100), 255, np.uint8))
    boxes = span_boxes(ink, np.array([0, 25, 50, 100], np.int32))
    assert boxes[:, 0].tolist() == [0, 25, 50]
    assert boxes[:, 2].tolist() == [25, 50, 100]
    assert (boxes[:, 3] - boxes[:, 1] == pytest.approx(ink.core))


# --- what is handed back ----------------------------------------------------------------------------------------------


def test_boxes_without_ink_are_told_from_those_with_little() -> None:
    ink, _ = drawn((10, 10, 20, 30))
    boxes = np.array([[19.4, 12, 40, 20], [20.5, 12, 40, 20], [np.nan] * 4, [500, 500, 510, 510]], dtype=np.float32)
    assert without_ink(ink, boxes).tolist() == [False, True, False, True]


def finished(boxes: list[list[float]], order: list[int], pins: tuple[Pin, ...] = ()) -> tuple[np.ndarray, np.ndarray]:
    word = WordImage(1, "w.png", np.zeros((20, 50), np.uint8), tuple("abc"[: len(boxes)]))
    confidence = np.array([0.2, 0.4, 1.2][: len(boxes)], np.float32)
    found = finish(word, order, np.array(boxes, np.float32), confidence, -3.0, pins, "guess")
    assert (found.score, found.method) == (-3.0, "guess")
    return found.boxes, found.confidence


def test_boxes_come_back_in_reading_order() -> None:
    boxes, confidence = finished([[0, 0, 9, 9], [10, 0, 19, 9], [20, 0, 29, 9]], [2, 1, 0])
    assert boxes[:, 0].tolist() == [20, 10, 0]
    assert confidence.tolist() == pytest.approx([1.0, 0.4, 0.2])


def test_boxes_come_back_within_the_picture_and_never_empty() -> None:
    boxes, _ = finished([[-9, -9, -2, -2], [60, 3, 70, 8], [10, 30, 20, 40]], [0, 1, 2])
    assert boxes.tolist() == [[0, 0, 1, 1], [49, 3, 50, 8], [10, 19, 20, 20]]
    boxes, _ = finished([[np.nan] * 4, [1.5, 2.5, 3.25, 4], [4, 4, 5, 5]], [0, 1, 2])
    assert np.isnan(boxes[0]).all()
    assert boxes[1].tolist() == [1.5, 2.5, 3.25, 4]


def test_pinned_boxes_come_back_as_they_were_given() -> None:
    given_box = (0.1, -3.0, 71.7, 5.3)  # beyond the picture: it is the person's word
    pins = (Pin(1, given_box), Pin(2, None, "invisible"))
    boxes, confidence = finished([[0, 0, 9, 9], [10, 0, 19, 9], [20, 0, 29, 9]], [0, 1, 2], pins)
    assert boxes[1].tolist() == np.array(given_box, np.float32).tolist()
    assert np.isnan(boxes[2]).all()
    assert confidence.tolist() == pytest.approx([0.2, 1.0, 1.0])
