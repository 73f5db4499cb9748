"""The plane: there and back, marks found where they are drawn, pictures of any size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloc.ink import find_ink
from charloc.plane import CORE, MARGIN, Plane, plane

places = st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))


@given(st.floats(0.01, 20), places, st.lists(places, min_size=1, max_size=5))
def test_there_and_back(scale: float, corner: tuple[float, float], points: list[tuple[float, float]]) -> None:
    this = Plane(np.zeros((8, 8), np.uint8), scale, corner)
    at = np.array(points)
    assert this.to_plane(at).dtype == this.to_picture(at).dtype == np.float32
    np.testing.assert_allclose(this.to_picture(this.to_plane(at)), at, rtol=1e-5, atol=2e-2)
    boxes = np.concatenate([at, at[::-1]], axis=1)
    np.testing.assert_array_equal(this.to_plane(boxes)[:, :2], this.to_plane(at))
    np.testing.assert_array_equal(this.to_plane(boxes)[:, 2:], this.to_plane(at)[::-1])
    np.testing.assert_array_equal(this.to_picture(boxes[0]), this.to_picture(boxes)[0])


def test_what_is_not_known_stays_unknown() -> None:
    this = Plane(np.zeros((8, 8), np.uint8), 0.5, (3, 4))
    boxes = np.array([[np.nan] * 4, [5, 6, 7, 8]], np.float32)
    assert np.isnan(this.to_plane(boxes)[0]).all()
    assert this.to_plane(boxes)[1].tolist() == [1, 1, 2, 2]


def word(core: int, times: int = 6) -> np.ndarray:
    """Square rings `core` px high, a core apart, in a picture with unequal margins."""
    pixels = np.full((3 * core, (2 * times + 2) * core), 255, np.uint8)
    line = max(core // 6, 1)
    for k in range(times):
        left = core // 2 + 2 * k * core
        pixels[core : 2 * core, left : left + core] = 0
        pixels[core + line : 2 * core - line, left + line : left + core - line] = 255
    return pixels


@pytest.mark.parametrize("core", [4, 9, 14, 23, 60, 230])
def test_marks_are_where_they_are_said_to_be(core: int) -> None:
    """Small pictures are enlarged, large ones reduced first, both ways to half a pixel of the plane."""
    pixels = word(core)
    ink = find_ink(pixels)
    this = plane(ink)
    assert this.scale == pytest.approx(CORE / ink.core)
    ring = np.array([core // 2 + 4 * core, core, core // 2 + 5 * core, 2 * core], np.float32)
    x0, y0, x1, y1 = this.to_plane(ring)
    bright = this.pixels.astype(float) / 255
    around = 0.5 * CORE
    ys, xs = np.mgrid[: bright.shape[0], : bright.shape[1]] + 0.5
    near = (xs > x0 - around) & (xs < x1 + around) & (ys > y0 - around) & (ys < y1 + around)
    mass = bright * near
    assert (mass * xs).sum() / mass.sum() == pytest.approx((x0 + x1) / 2, abs=0.5)
    assert (mass * ys).sum() / mass.sum() == pytest.approx((y0 + y1) / 2, abs=0.5)
    columns = np.flatnonzero(mass.max(axis=0) > 0.5)
    assert columns[0] == pytest.approx(x0, abs=1) and columns[-1] + 1 == pytest.approx(x1, abs=1)


@pytest.mark.parametrize("core", [9, 60])
def test_the_ink_has_its_margins(core: int) -> None:
    this = plane(find_ink(word(core)))
    inked = np.argwhere(this.pixels > 128)
    (top, left), (bottom, right) = inked.min(axis=0), inked.max(axis=0) + 1
    height, width = this.pixels.shape
    for margin in (top, left, height - bottom, width - right):
        assert margin == pytest.approx(MARGIN * CORE, abs=1.5)


def test_planes_are_never_too_large() -> None:
    ink = find_ink(word(10, 30))
    wide = plane(ink, widest=200)
    assert wide.pixels.shape[1] <= 200
    tall = plane(ink, tallest=12)
    assert tall.pixels.shape[0] <= 12
    # Still the same picture, smaller.
    for this in (wide, tall):
        assert this.scale < CORE / ink.core
        x0, y0, x1, y1 = this.to_plane(np.array([5.0, 10, 595, 20]))
        inked = np.argwhere(this.pixels > 80)
        np.testing.assert_allclose([inked[:, 1].min(), inked[:, 1].max() + 1], [x0, x1], atol=1)
        np.testing.assert_allclose([inked[:, 0].min(), inked[:, 0].max() + 1], [y0, y1], atol=1)


@pytest.mark.parametrize("shape", [(1, 1), (20, 3), (30, 400), (2000, 9), (9, 2000)])
def test_blank_pictures_have_planes(shape: tuple[int, int]) -> None:
    this = plane(find_ink(np.full(shape, 255, np.uint8)))
    assert min(this.pixels.shape) >= 8 and this.pixels.shape[0] <= 512 and this.pixels.shape[1] <= 8192
    assert not this.pixels.any()
    assert np.isfinite(this.to_plane(np.array([0.0, 0.0, *shape[::-1]]))).all()


def test_ink_all_over_has_a_plane() -> None:
    this = plane(find_ink(np.random.default_rng(0).integers(0, 256, (60, 90)).astype(np.uint8)))
    assert np.isfinite(this.scale) and this.pixels.any()
