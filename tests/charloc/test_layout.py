"""Laying a transcript over ink."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloc.ink import find_ink
from charloc.lattice import best_segmentation
from charloc.layout import (
    Evidence,
    boundary_windows,
    expected_glyphs,
    hold,
    outside_costs,
    shape_costs,
    solve,
    span_costs,
)
from charloc.spans import Spans, find_spans


def blocks(*edges: tuple[int, int], width: int = 90) -> Spans:
    """The spans of a row of hollow blocks, 16 px high, drawn in lines 3 px wide."""
    pixels = np.full((36, width), 255, np.uint8)
    for left, right in edges:
        pixels[10:26, left:right] = 0
        pixels[13:23, left + 3 : right - 3] = 255
    ink = find_ink(pixels)
    assert not ink.shift.any()
    return find_spans(ink, 4.0, 3)


def parts(spans: Spans, bounds: np.ndarray) -> list[tuple[int, int]]:
    """The ink between each two boundaries."""
    return [(int(spans.next_ink[a]), int(spans.last_ink[b])) for a, b in pairwise(bounds)]


# --- what is expected -------------------------------------------------------------------------------------------------


def test_expected_widths_are_those_of_fonts() -> None:
    expected = expected_glyphs(tuple("mil "))
    assert expected.width[0] > 1.2 > expected.width[3]
    assert expected.width[1] < 0.5 and expected.width[2] < 0.5
    assert expected.space.tolist() == [False, False, False, True]
    assert expected.pieces[1] == 2
    assert expected.top[2] > expected.top[0]


def test_the_core_of_capitals_is_their_own_height() -> None:
    assert expected_glyphs(("H", "E")).top == pytest.approx(1.0, abs=0.05)
    assert expected_glyphs(("H", "e")).top[0] > 1.3


def test_letters_of_unknown_scripts_and_spaces_alone_have_measures() -> None:
    for text in (("ა", "ბ"), (" ",), ("🙂",), ("e\u0327\u0301",), (".",)):
        expected = expected_glyphs(text)
        for each in (expected.width, expected.width_sigma, expected.height_sigma):
            assert (each > 0).all()
        assert np.isfinite(expected.top).all() and (expected.top > expected.bottom).all()


# --- the search -------------------------------------------------------------------------------------------------------


def test_blocks_go_to_their_letters() -> None:
    spans = blocks((5, 29), (34, 38), (43, 57))
    solution = solve(spans, expected_glyphs(tuple("min")))
    assert parts(spans, solution.bounds) == [(5, 29), (34, 38), (43, 57)]


def test_widths_say_which_blocks_belong_together() -> None:
    """Four blocks for three letters: the two that make an m."""
    spans = blocks((5, 15), (18, 29), (34, 38), (43, 57))
    assert parts(spans, solve(spans, expected_glyphs(tuple("min"))).bounds) == [(5, 29), (34, 38), (43, 57)]
    # Mirrored, and the transcript with it.
    spans = blocks((33, 47), (52, 56), (61, 72), (75, 85))
    assert parts(spans, solve(spans, expected_glyphs(tuple("nim"))).bounds) == [(33, 47), (52, 56), (61, 85)]


def test_a_space_takes_a_gap_and_no_ink() -> None:
    spans = blocks((5, 19), (21, 35), (47, 61), (63, 77))
    solution = solve(spans, expected_glyphs(tuple("nn nn")))
    start, end = spans.columns[solution.bounds[2:4]]
    assert 35 <= start < end <= 47


def test_the_cost_is_that_of_the_best_layout_among_all() -> None:
    spans, expected = blocks((5, 15), (18, 29), (34, 38)), expected_glyphs(("m", "i"))
    solution = solve(spans, expected)
    found = []
    for bounds in combinations(range(len(spans.columns)), 3):
        steps = np.diff(bounds) - 1
        if steps.max() < solution.costs.shape[2]:
            inner = sum(solution.costs[k, bounds[k], steps[k]] for k in range(2))
            found.append(solution.starts[bounds[0]] + inner + solution.ends[bounds[-1]])
    assert solution.cost == pytest.approx(min(found), rel=1e-5)


def test_evidence_moves_a_boundary() -> None:
    spans = blocks((5, 19), (22, 36), (39, 53))
    expected = expected_glyphs(("n", "m"))
    for first, part in (((5, 19), [(5, 19), (22, 53)]), ((5, 36), [(5, 36), (39, 53)])):
        # A nat for every column within the right letter, one against it elsewhere.
        columns = np.arange(spans.columns[-1] + 1)
        right = np.where(columns < (first[1] + 1), 1.0, -1.0)
        inside = np.cumsum(np.stack([right, -right]), axis=1)[:, spans.columns].astype(np.float32)
        evidence = Evidence(inside, np.zeros(len(spans.columns), np.float32))
        assert parts(spans, solve(spans, expected, evidence=evidence).bounds) == part


def test_evidence_of_background_leaves_ink_out() -> None:
    """A net that knows a blot for none of the text's characters overrules that ink should not be left out."""
    spans = blocks((5, 19), (40, 54))
    expected = expected_glyphs(("n",))
    columns = np.arange(spans.columns[-1] + 1)
    for text, blot in (((5, 19), (40, 54)), ((40, 54), (5, 19))):
        is_text = (columns >= text[0]) & (columns < text[1])
        inside = np.cumsum(np.where(is_text, 0.0, -5.0))[spans.columns][None].astype(np.float32)
        outside = np.cumsum(np.where(is_text, -5.0, 0.0))[spans.columns].astype(np.float32)
        bounds = solve(spans, expected, evidence=Evidence(inside, outside)).bounds
        assert parts(spans, bounds) == [text], blot


def test_ink_left_out_costs_and_costs_more_the_more_it_is() -> None:
    spans = blocks((5, 19), (22, 36), (39, 53))
    starts, ends = outside_costs(spans)
    clear = np.flatnonzero(spans.crossed < 0.02)
    assert (np.diff(starts[clear]) >= 0).all() and (np.diff(ends[clear]) <= 0).all()
    assert starts[clear][0] == 0 and starts[clear][-1] > 10


@settings(max_examples=30)
@given(st.data())
def test_fixed_boundaries_are_held_exactly(data: st.DataObject) -> None:
    spans = blocks((5, 19), (22, 36), (39, 53), (56, 70))
    columns = spans.columns
    count = data.draw(st.integers(1, 5))
    room = spans.width.shape[1]
    bounds = sorted(data.draw(st.sets(st.integers(0, len(columns) - 1), min_size=count + 1, max_size=count + 1)))
    if max(np.diff(bounds)) > room:
        return
    held = data.draw(st.lists(st.booleans(), min_size=count + 1, max_size=count + 1))
    fixed = np.where(held, columns[bounds], -1).astype(np.int32)
    solution = solve(spans, expected_glyphs(("n",) * count), fixed=fixed)
    np.testing.assert_array_equal(columns[solution.bounds][held], fixed[held])
    assert (np.diff(solution.bounds) > 0).all()


@settings(max_examples=60)
@given(st.data())
def test_windows_are_where_boundaries_are_in_any_layout(data: st.DataObject) -> None:
    """By enumeration of all layouts that hold what is fixed."""
    spans = blocks((5, 19), (22, 36))
    cuts, reach = spans.width.shape
    reach = data.draw(st.integers(1, reach))
    spans = replace(spans, width=spans.width[:, :reach])
    count = data.draw(st.integers(1, 4))
    free_or_held = st.sampled_from([-1, -1, *spans.columns])
    held = st.tuples(free_or_held, free_or_held).map(lambda pair: (-1, -1) if -1 in pair else (min(pair), max(pair)))
    between = np.array(data.draw(st.lists(held, min_size=count + 1, max_size=count + 1)))
    layouts = [
        bounds
        for bounds in combinations(range(cuts), count + 1)
        if max(np.diff(bounds)) <= reach
        and all(low < 0 or low <= spans.columns[b] <= high for (low, high), b in zip(between, bounds, strict=True))
    ]
    exact = bool((between[:, 0] == between[:, 1]).all())
    windows = boundary_windows(spans, count, between[:, 0] if exact else between)
    if layouts:
        np.testing.assert_array_equal(windows, np.stack([np.min(layouts, axis=0), np.max(layouts, axis=0)], axis=1))
    else:
        assert (windows[:, 0] > windows[:, 1]).any()


@settings(max_examples=30)
@given(st.data())
def test_costs_within_windows_are_the_costs_and_all_others_are_forbidden(data: st.DataObject) -> None:
    spans = blocks((5, 19), (22, 36), (39, 53))
    expected = expected_glyphs(tuple("mi n"))
    held = data.draw(st.lists(st.sampled_from([-1, *spans.columns]), min_size=5, max_size=5))
    fixed = np.array(held)
    windows = boundary_windows(spans, 4, fixed)
    scale = float(np.clip(spans.inked / expected.width[~expected.space].sum(), 0.4, 3.0))
    costs, (starts, ends) = span_costs(spans, expected, scale), outside_costs(spans)
    hold(costs, starts, ends, windows)
    np.testing.assert_array_equal(np.isfinite(shape_costs(spans, expected, fixed).costs), np.isfinite(costs))
    if (windows[:, 0] <= windows[:, 1]).all():
        np.testing.assert_array_equal(solve(spans, expected, fixed=fixed, passes=1).costs, costs)
    bounds, _ = best_segmentation(costs, starts, ends)
    if bounds[0] >= 0:
        assert (windows[:, 0] <= bounds).all() and (bounds <= windows[:, 1]).all()


def test_what_is_said_of_whole_spans_decides() -> None:
    """Of which of two letters a third block is part."""
    spans = blocks((5, 19), (24, 38), (43, 57))
    expected = expected_glyphs(tuple("nn"))
    none = Evidence(np.zeros((2, len(spans.columns)), np.float32), np.zeros(len(spans.columns), np.float32))
    for first, part in (((5, 38), [(5, 38), (43, 57)]), ((5, 19), [(5, 19), (24, 57)])):
        whole = np.zeros((1, *spans.width.shape), np.float32)
        for i, d in np.ndindex(spans.width.shape):
            if i + 1 + d < len(spans.columns) and (spans.next_ink[i], spans.last_ink[i + 1 + d]) == first:
                whole[0, i, d] = 50.0
        said = replace(none, whole=whole, which=np.array([0, -1]))
        assert parts(spans, solve(spans, expected, evidence=said).bounds) == part


def test_no_room_is_an_error_that_says_so() -> None:
    spans = blocks((5, 19))
    count = len(spans.columns)
    with pytest.raises(ValueError, match=f"{count} characters do not fit {count} cuts"):
        solve(spans, expected_glyphs(("n",) * count))


def test_costs_are_finite_exactly_where_there_is_a_span() -> None:
    spans = blocks((5, 19), (22, 36))
    costs = span_costs(spans, expected_glyphs(("n", " ", "ა")), 1.0)
    count, reach = spans.width.shape
    ends = np.arange(count)[:, None] + 1 + np.arange(reach)
    assert costs.shape == (3, count, reach)
    np.testing.assert_array_equal(np.isfinite(costs), np.broadcast_to(ends < count, costs.shape))
