"""Candidate cuts, and the spans between them against a count of the ink itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from charloc.ink import Ink, find_ink
from charloc.seams import label_columns
from charloc.spans import Spans, find_spans
from charloc.synth import Degradation, load_font, render_word


def word(text: str = "amply", **degradation: float) -> np.ndarray:
    return render_word(text, load_font(None, 30), np.random.default_rng(1), Degradation(**degradation))[0]


def check(ink: Ink, spans: Spans) -> None:
    """Every span measures what a plain count of the pixels between its seams measures."""
    upright, columns = ink.upright, spans.columns
    height, width = upright.shape
    assert columns.dtype == np.int32
    assert columns[0] == 0
    assert columns[-1] == width
    assert (np.diff(columns) > 0).all()
    count, reach = spans.width.shape
    assert count == len(columns)
    # Rows made level: y - skew * (x - W / 2), x = u - shift[y].
    x = np.arange(width)[None, :] - ink.shift[:, None]
    level = np.arange(height)[:, None] - ink.skew * (x - ink.mask.shape[1] / 2)
    unit = ink.core * max(ink.stroke, 1.0)
    dark = upright > 0.35
    strips = label_columns(spans.step, spans.middle, columns, np.zeros(height, np.int32), width)
    across = np.broadcast_to(np.arange(width), upright.shape)
    for i in range(count):
        for d in range(min(reach, count - 1 - i)):
            part = (strips > i) & (strips <= i + 1 + d)
            inked = across[dark & part]
            assert spans.mass[i, d] == pytest.approx(upright[part].sum() / unit, rel=1e-3, abs=1e-4)
            if not len(inked):
                assert spans.width[i, d] == spans.top[i, d] == spans.bottom[i, d] == 0
                continue
            assert spans.width[i, d] == pytest.approx((inked.max() - inked.min() + 1) / ink.core, rel=1e-5)
            rows = level[dark & part]
            assert spans.top[i, d] == pytest.approx((ink.bottom - rows.min()) / ink.core, abs=1e-3)
            assert spans.bottom[i, d] == pytest.approx((ink.bottom - rows.max() - 1) / ink.core, abs=1e-3)
    for i in range(count):
        right, left = across[dark & (strips > i)], across[dark & (strips <= i)]
        assert spans.next_ink[i] == (right.min() if len(right) else width + 1)
        assert spans.last_ink[i] == (left.max() + 1 if len(left) else 0)
        assert spans.before[i] == pytest.approx(upright[strips <= i].sum() / unit, rel=1e-3, abs=1e-4)
        assert spans.after[i] == pytest.approx(upright[strips > i].sum() / unit, rel=1e-3, abs=2e-3)
    assert spans.inked * ink.core == pytest.approx(int(dark.any(axis=0).sum()))


@pytest.mark.parametrize("degradation", [{}, {"shear": 0.35}, {"rotation_deg": 4.0, "blur_px": 1.0}])
def test_spans_measure_the_ink_between_their_cuts(degradation: dict[str, float]) -> None:
    ink = find_ink(word(**degradation))
    check(ink, find_spans(ink, 3.0))


@settings(max_examples=40)
@given(stn.arrays(np.uint8, stn.array_shapes(min_dims=2, max_dims=2, max_side=24)), st.integers(1, 9))
def test_spans_of_any_picture(pixels: np.ndarray, characters: int) -> None:
    ink = find_ink(pixels)
    spans = find_spans(ink, 2.0, characters)
    check(ink, spans)
    assert len(spans.columns) >= min(2 * characters, ink.upright.shape[1]) + 1


def test_clear_gaps_are_cut_at_both_ends() -> None:
    pixels = np.full((30, 60), 255, np.uint8)
    pixels[8:22, 5:15] = pixels[8:22, 25:40] = pixels[8:22, 44:52] = 0
    ink = find_ink(pixels)
    spans = find_spans(ink, 9.0)
    shift = int(ink.shift[spans.middle])
    ends = {cut - shift for cut in spans.columns.tolist()}
    assert {15, 24, 40, 43, 52} <= ends
    free = spans.crossed[np.isin(spans.columns - shift, [15, 24, 40, 43, 52])]
    assert (free < 0.02).all()


def test_wide_ink_is_offered_cuts_all_along() -> None:
    pixels = np.full((30, 120), 255, np.uint8)
    pixels[10:20, 5:115] = 0
    ink = find_ink(pixels)
    columns = find_spans(ink, 3.0).columns
    within = columns[(columns >= 5) & (columns <= 115)]
    assert np.diff(within).max() <= max(2, round(0.22 * ink.core))


def test_pinned_columns_are_among_the_cuts_and_in_reach_of_each_other() -> None:
    ink = find_ink(word("watermelon"))
    width = ink.upright.shape[1]
    extra = np.array([3, 7, width - 20, width - 1], np.int32)
    spans = find_spans(ink, 1.0, 10, extra)
    check(ink, spans)
    at = np.searchsorted(spans.columns, extra)
    np.testing.assert_array_equal(spans.columns[at], extra)
    assert np.diff(at).max() <= spans.width.shape[1]


def test_a_single_flat_character_is_one_span() -> None:
    """A dash has next to no height: its width must not count in heights."""
    pixels = np.full((30, 60), 255, np.uint8)
    pixels[14:16, 10:50] = 0
    ink = find_ink(pixels)
    spans = find_spans(ink, 3.0, 1)
    assert spans.width.max() * ink.core == pytest.approx(40)
