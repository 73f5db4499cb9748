"""From points to cuts: points that ascend, cuts between them, boundaries that are held; the search by enumeration."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloc.ink import Ink, find_ink
from charloc.layout import expected_glyphs
from charloc.methods.guess import LONGEST
from charloc.points import _strictly_ascending, ascending, bounds_at, boxes_at, filled
from charloc.spans import Spans, find_spans
from charloc.synth import load_font, render_word

TEXT = "willow"
PIXELS, BOXES = render_word(TEXT, load_font(None, 30), np.random.default_rng(0))
INK = find_ink(PIXELS)
SPANS = find_spans(INK, LONGEST, len(TEXT))
CENTRES = INK.upright_column((BOXES[:, 0] + BOXES[:, 2]) / 2, (BOXES[:, 1] + BOXES[:, 3]) / 2).astype(np.float32)


def blocks(*left_to_right: tuple[int, int]) -> tuple[Ink, Spans]:
    """Upright bars of ink, 20 px high, in a picture that ends 10 px right of them."""
    pixels = np.full((40, left_to_right[-1][1] + 10), 255, np.uint8)
    for left, right in left_to_right:
        pixels[10:30, left:right] = 0
    ink = find_ink(pixels)
    ink = replace(ink, slant=0.0, shift=np.zeros(40, np.int32), upright=ink.soft)
    return ink, find_spans(ink, LONGEST, len(left_to_right))


# --- points that ascend -----------------------------------------------------------------------------------------------

some_points = st.lists(st.floats(0, 5000, width=32), min_size=1, max_size=30).map(lambda each: np.array(each, "f4"))


@given(some_points)
def test_points_are_made_to_ascend(points: np.ndarray) -> None:
    out = ascending(points)
    assert out.dtype == np.float32
    assert out.shape == points.shape
    assert (np.diff(out) >= 0).all()
    # Pooling keeps the mean.
    assert out.mean(dtype=np.float64) == pytest.approx(points.mean(dtype=np.float64), abs=1e-3)


@given(some_points)
def test_points_that_ascend_stay_where_they_are(points: np.ndarray) -> None:
    points = np.unique(points)
    np.testing.assert_array_equal(ascending(points), points)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=5))
def test_no_ascending_points_are_nearer(points: list[int]) -> None:
    """Isotonic regression: against the nearest of all ascending sequences on a fine grid."""
    values = np.array(points, np.float32)
    grid = np.arange(0, 6.01, 0.5)
    best = min(
        float(((grid[list(chosen)] - values) ** 2).sum())
        for chosen in ([*sorted(each)] for each in _multisets(len(grid), len(values)))
    )
    assert float(((ascending(values) - values) ** 2).sum()) <= best + 1e-4


def _multisets(of: int, size: int) -> list[tuple[int, ...]]:
    if size > 3:
        rng = np.random.default_rng(0)
        return [tuple(rng.integers(0, of, size).tolist()) for _ in range(300)]
    return [tuple(i - k for k, i in enumerate(each)) for each in combinations(range(of + size - 1), size)]


def test_many_points_on_one_spot_stay_left_of_the_next() -> None:
    points = np.array([*[5.0] * 200, 5.1, 5.2], np.float32)
    np.testing.assert_array_equal(ascending(points), points)


def test_no_points() -> None:
    assert ascending(np.zeros(0, np.float32)).shape == (0,)


# --- points that are not known ----------------------------------------------------------------------------------------


def test_unknown_points_are_spread_evenly_between_their_neighbours() -> None:
    ink, _ = blocks((10, 20), (30, 40))
    out = filled(np.array([np.nan, 18, np.nan, np.nan, 30, np.nan]), ink)
    assert out.dtype == np.float32
    # From the ink's edge to a point it is half a step less than from point to point.
    np.testing.assert_allclose(out, [10 + 8 / 3, 18, 22, 26, 30, 30 + 10 * 2 / 3], atol=1e-4)


def test_nothing_known_is_an_even_split_of_the_ink_or_of_the_picture() -> None:
    ink, _ = blocks((10, 20), (30, 40))
    np.testing.assert_allclose(filled(np.full(3, np.nan), ink), [15, 25, 35], atol=1e-4)
    blank = find_ink(np.full((20, 30), 255, np.uint8))
    np.testing.assert_allclose(filled(np.full(3, np.nan), blank), [5, 15, 25], atol=1e-4)
    assert filled(np.zeros(0), blank).shape == (0,)


@given(st.lists(st.floats(-50, 500) | st.just(float("nan")), min_size=1, max_size=12))
def test_known_points_are_left_alone(points: list[float]) -> None:
    out = filled(np.array(points), INK)
    known = np.isfinite(points)
    np.testing.assert_allclose(out[known], np.array(points, np.float32)[known])
    assert np.isfinite(out).all()


# --- the search -------------------------------------------------------------------------------------------------------


@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 2**32), st.sampled_from([0.0, 0.3, 0.7]))
def test_the_search_against_enumeration(rows: int, count: int, seed: int, never: float) -> None:
    rng = np.random.default_rng(seed)
    cost = rng.integers(0, 5, (rows, count)).astype(float)  # ties on purpose
    cost[rng.random(cost.shape) < never] = np.inf
    every = [(sum(cost[r, n] for r, n in enumerate(chosen)), chosen) for chosen in combinations(range(count), rows)]
    best = min((value for value, _ in every), default=np.inf)
    if not np.isfinite(best):
        with pytest.raises(ValueError, match="do not fit"):
            _strictly_ascending(cost)
        return
    found = _strictly_ascending(cost)
    assert found.dtype == np.int32
    assert (np.diff(found) > 0).all()
    assert sum(cost[r, n] for r, n in enumerate(found)) == best


# --- cuts between points ----------------------------------------------------------------------------------------------


def test_cuts_part_the_letters_a_point_is_in() -> None:
    bounds = bounds_at(SPANS, CENTRES)
    assert bounds.dtype == np.int32
    boxes, whole, lost = boxes_at(INK, SPANS, bounds, expected_glyphs(TEXT))
    assert not lost.any()
    assert whole.shape == (len(TEXT), 4)
    # What is drawn covers a pixel to the left and right more than what counts as ink in the truth.
    np.testing.assert_allclose(boxes[:, [0, 2]], BOXES[:, [0, 2]], atol=2.1)


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, len(SPANS.columns) - 1), st.booleans(), st.booleans())
def test_bounds_ascend_and_points_are_between_theirs(seed: int, count: int, where: bool, apart: bool) -> None:
    rng = np.random.default_rng(seed)
    if apart:
        # A cut between any two points, and one before and after all.
        at = np.sort(rng.choice(len(SPANS.columns) - 1, count, replace=False))
        points = (SPANS.columns[at] + 0.6).astype(np.float32)
    else:
        points = rng.uniform(-5, INK.upright.shape[1] + 5, count).astype(np.float32)
    asked = rng.uniform(-5, INK.upright.shape[1] + 5, count + 1).astype(np.float32)
    asked[rng.random(count + 1) < 0.3] = np.nan
    bounds = bounds_at(SPANS, points, where=asked if where else None)
    assert bounds.shape == (count + 1,)
    assert (np.diff(bounds) > 0).all() and bounds[0] >= 0 and bounds[-1] < len(SPANS.columns)
    if apart:
        columns = SPANS.columns[bounds]
        assert (columns[:-1] <= points).all() and (points <= columns[1:]).all()


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 6), st.data())
def test_fixed_boundaries_are_held(seed: int, count: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    all_bounds = np.sort(rng.choice(len(SPANS.columns), count + 1, replace=False))
    held = np.array(data.draw(st.lists(st.booleans(), min_size=count + 1, max_size=count + 1)))
    fixed = np.where(held, SPANS.columns[all_bounds], -1).astype(np.int32)
    points = rng.uniform(0, INK.upright.shape[1], count).astype(np.float32)
    bounds = bounds_at(SPANS, points, fixed)
    assert (SPANS.columns[bounds][held] == fixed[held]).all()
    assert (np.diff(bounds) > 0).all()


def test_where_decides_where_the_ink_does_not() -> None:
    """A gap of 30 px: any cut in it crosses nothing; halfway between the points, or where it is asked for."""
    ink, _ = blocks((20, 40), (70, 90))
    spans = find_spans(ink, LONGEST, 2, np.arange(42, 70, dtype=np.int32))
    points = (np.array([30.0, 80.0])).astype(np.float32)
    nan = np.nan
    assert spans.columns[bounds_at(spans, points)][1] == 55
    for asked in (45.0, 50.0, 66.0):
        where = np.array([nan, asked, nan], np.float32)
        assert spans.columns[bounds_at(spans, points, where=where)][1] == asked
    # Never beyond a point, whatever is asked for.
    where = np.array([nan, 5.0, nan], np.float32)
    assert points[0] < spans.columns[bounds_at(spans, points, where=where)][1] <= points[1]


def test_the_outer_cuts_go_where_they_are_asked_for_if_no_ink_is_left_out() -> None:
    ink, _ = blocks((31, 37), (60, 66))
    spans = find_spans(ink, LONGEST, 2, np.arange(77, dtype=np.int32))
    points, nan = np.array([34.0, 63.0], np.float32), np.nan
    for first, last, expected in ((nan, nan, [31, 66]), (25, 70, [25, 70]), (29, 67, [29, 67]), (36, 61, [31, 66])):
        found = bounds_at(spans, points, where=np.array([first, nan, last], np.float32))
        np.testing.assert_allclose(spans.columns[found][[0, 2]], expected, atol=1)


def test_too_few_cuts_are_said() -> None:
    few = np.linspace(0, INK.upright.shape[1], len(SPANS.columns)).astype(np.float32)
    assert (bounds_at(SPANS, few[:-1]) == np.arange(len(SPANS.columns))).all()
    with pytest.raises(ValueError, match=f"{len(SPANS.columns)} characters do not fit {len(SPANS.columns)} cuts"):
        bounds_at(SPANS, few)
    between = np.array([SPANS.columns[3], -1, -1, SPANS.columns[4]], np.int32)
    with pytest.raises(ValueError, match="3 characters do not fit"):
        bounds_at(SPANS, CENTRES[:3], between)


def test_what_has_no_ink_is_lost_and_as_high_as_the_core() -> None:
    ink, spans = blocks((20, 40), (70, 90))
    bounds = np.searchsorted(spans.columns, [20, 40, 70, 90]).astype(np.int32)
    boxes, _, lost = boxes_at(ink, spans, bounds, expected_glyphs("imi"))
    assert lost.tolist() == [False, True, False]
    assert np.isfinite(boxes).all()
    assert boxes[[0, 2]].tolist() == [[20, 10, 40, 30], [70, 10, 90, 30]]
    assert boxes[1, 3] - boxes[1, 1] == pytest.approx(ink.core)
