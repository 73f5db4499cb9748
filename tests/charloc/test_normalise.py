"""The upright, level view: every pixel of it comes from where the inverse map says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from scipy import ndimage

from charloc.ink import Ink, find_ink
from charloc.normalise import BASELINE, CORE, HEIGHT, MARGIN, View, in_view, view
from charloc.synth import Degradation, load_font, render_word


def ink_of(text: str = "lively", size_px: float = 34, **degradation: float) -> Ink:
    font = load_font(None, size_px)
    return find_ink(render_word(text, font, np.random.default_rng(0), Degradation(**degradation))[0])


def by_hand(ink: Ink, seen: View) -> np.ndarray:
    """The view, pixel by pixel: each pixel's middle taken back to the picture, its four neighbours there weighed."""
    height, width = ink.raw.shape
    out = np.zeros(seen.pixels.shape)
    grey = np.floor(ink.raw * 255)
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            upright = seen.origin + (column + 0.5) / seen.scale
            level = ink.bottom + (row + 0.5 - BASELINE) / seen.scale
            # y = level + skew * (x - width / 2) and upright = upright_column(x, y), solved for x by halving.
            low, high = -1e4, 1e4
            for _ in range(50):
                x = (low + high) / 2
                if float(ink.upright_column(x, level + ink.skew * (x - width / 2))) < upright:
                    low = x
                else:
                    high = x
            y = level + ink.skew * (x - width / 2)
            if 0.5 <= x <= width - 0.5 and 0.5 <= y <= height - 0.5:
                out[row, column] = ndimage.map_coordinates(grey, [[y - 0.5], [x - 0.5]], order=1)[0]
            elif 0 <= x < width and 0 <= y < height:
                out[row, column] = np.nan  # at the picture's border: either way of extending it is right
    return out


@pytest.mark.parametrize(("skew", "slant"), [(0.0, 0.0), (0.08, 0.0), (0.0, 0.4), (-0.06, 0.3), (0.1, -0.3)])
def test_every_pixel_of_the_view_is_where_the_map_says(skew: float, slant: float) -> None:
    ink = ink_of("hi")
    height = ink.raw.shape[0]
    shift = np.rint((np.arange(height) - height / 2) * slant).astype(np.int32)
    ink = replace(ink, skew=skew, slant=slant, shift=shift - shift.min())
    seen = view(ink)
    expected = by_hand(ink, seen)
    inside = ~np.isnan(expected)
    assert np.abs(seen.pixels[inside] - expected[inside]).max() <= 3


@pytest.mark.parametrize(("skew", "slant"), [(0.0, 0.0), (0.08, 0.0), (0.0, 0.4), (-0.06, 0.3), (0.1, -0.3)])
def test_points_of_the_picture_are_seen_where_the_map_says(skew: float, slant: float) -> None:
    """A blot in the picture is a blot in the view, where `in_view` says."""
    ink = ink_of("hi")
    height, width = ink.raw.shape
    shift = np.rint((np.arange(height) - height / 2) * slant).astype(np.int32)
    for x, y in ((8, 6), (width - 9, height - 9), (width // 2, height // 2)):
        raw = np.zeros_like(ink.raw)
        raw[y - 3 : y + 3, x - 3 : x + 3] = 1.0
        blot = replace(ink, raw=raw, skew=skew, slant=slant, shift=shift - shift.min())
        seen = view(blot)
        row, column = ndimage.center_of_mass(seen.pixels)
        at = in_view(blot, seen, np.array([float(x)]), np.array([float(y)]))
        np.testing.assert_allclose([each[0] for each in at], [column + 0.5, row + 0.5], atol=0.15)


@pytest.mark.parametrize(("size_px", "shear", "rotation"), [(20, 0.0, 0.0), (34, 0.35, 0.0), (60, -0.1, 4.0)])
def test_a_word_stands_upright_on_the_baseline_at_one_size(size_px: float, shear: float, rotation: float) -> None:
    seen = view(ink_of("nunnun", size_px, shear=shear, rotation_deg=rotation)).pixels
    assert seen.dtype == np.uint8
    assert seen.shape[0] == HEIGHT
    rows = np.flatnonzero((seen > 100).sum(axis=1) > 3)
    assert rows[0] == pytest.approx(BASELINE - CORE, abs=2.5)
    assert rows[-1] + 1 == pytest.approx(BASELINE, abs=2.5)


def test_frames_of_columns() -> None:
    ink = ink_of("lively", shear=0.2)
    seen = view(ink)
    inked = np.flatnonzero(ink.upright.max(axis=0) > 0.2)
    assert seen.scale == pytest.approx(CORE / ink.core)
    # The ink begins a margin from the left edge, and ends one from the right.
    assert seen.frames(inked[0], 1) == pytest.approx(MARGIN * CORE)
    assert seen.pixels.shape[1] - seen.frames(inked[-1] + 1, 1) == pytest.approx(MARGIN * CORE, abs=1)
    np.testing.assert_allclose(seen.frames(inked, 2), seen.frames(inked, 1) / 2)
    columns = np.flatnonzero((seen.pixels > 100).any(axis=0))
    assert columns[0] == pytest.approx(MARGIN * CORE, abs=2)


def test_the_view_of_a_large_picture_is_smooth_not_sampled() -> None:
    """At a tenth of the size, strokes and grain have become grey."""
    pixels = render_word("lively", load_font(None, 300), np.random.default_rng(0))[0]
    pixels[::2, ::2] = 255
    small = view(find_ink(pixels))
    assert small.scale < 0.2
    middle = small.pixels[BASELINE - CORE : BASELINE]
    stroke = middle[middle > 60]
    assert np.std(stroke) < 60


def test_the_widest_view_gives_way_in_scale() -> None:
    pixels = np.full((30, 4000), 255, np.uint8)
    pixels[8:22, 10:3990:20] = 0
    ink = find_ink(pixels)
    seen = view(ink, widest=500)
    assert seen.pixels.shape[1] <= 500
    assert seen.frames(np.array([3970]), 1)[0] < 500
    assert seen.pixels[:, -40:].any()


@settings(max_examples=80)
@given(
    stn.arrays(
        np.uint8,
        st.one_of(
            stn.array_shapes(min_dims=2, max_dims=2, max_side=40),
            st.sampled_from([(1, 1), (1, 900), (900, 1), (300, 3), (3, 300)]),
        ),
        elements=st.sampled_from([0, 90, 255]),
        fill=st.sampled_from([0, 255]),
    )
)
def test_any_picture_has_a_view(pixels: np.ndarray) -> None:
    ink = find_ink(pixels)
    seen = view(ink)
    assert seen.pixels.dtype == np.uint8
    assert seen.pixels.shape[0] == HEIGHT
    assert 8 <= seen.pixels.shape[1] <= 8192
    assert np.isfinite(seen.frames(np.arange(ink.upright.shape[1] + 1), 2)).all()
    seen.pixels[0, 0] = 7  # it is nobody else's
