"""Ink: the same word under every kind of dirt has the same ink; nothing raises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from charloc.ink import Band, Ink, find_ink
from charloc.inkmap import COVERED
from charloc.synth import Degradation, load_font, render_word

ROOMY = (14, 16, 14, 16)


def word(text: str = "hemlock", size_px: float = 36, **degradation: object) -> np.ndarray:
    shape = Degradation(**{"margins_px": ROOMY, **degradation})  # type: ignore[arg-type]
    return render_word(text, load_font(None, size_px), np.random.default_rng(1), shape)[0]


def check(ink: Ink, pixels: np.ndarray) -> None:
    """What `Ink` promises of any picture."""
    height, width = pixels.shape
    assert ink.raw.shape == ink.soft.shape == ink.mask.shape == ink.components.shape == (height, width)
    assert ink.raw.dtype == ink.soft.dtype == ink.upright.dtype == np.float32
    assert ink.mask.dtype == bool
    assert ink.components.dtype == ink.shift.dtype == np.int32
    for soft in (ink.raw, ink.soft):
        assert np.isfinite(soft).all()
        assert (soft >= 0).all() and (soft <= 1).all()
    assert ((ink.components > 0) == ink.mask).all()
    counts = np.bincount(ink.components.ravel(), minlength=len(ink.areas))
    np.testing.assert_array_equal(counts[1:], ink.areas[1:])
    assert ink.shift.shape == (height,) and ink.shift.min() == 0
    assert ink.upright.shape == (height, width + ink.shift.max())
    for y in range(height):
        shift = ink.shift[y]
        np.testing.assert_array_equal(ink.upright[y, shift : shift + width], ink.soft[y])
        assert not ink.upright[y, :shift].any() and not ink.upright[y, shift + width :].any()
    assert all(np.isfinite(each) for each in (ink.skew, ink.slant, ink.top, ink.bottom, ink.stroke))
    assert ink.stroke >= 1 and ink.core >= 3 and ink.bottom >= ink.top


def agreement(found: np.ndarray, true: np.ndarray) -> float:
    """Intersection over union of two masks."""
    return float((found & true).sum() / max((found | true).sum(), 1))


# --- the same word, dirtied -------------------------------------------------------------------------------------------


def test_ink_of_clean_print_is_its_dark_pixels() -> None:
    pixels = word()
    ink = find_ink(pixels)
    check(ink, pixels)
    assert agreement(ink.mask, pixels < 255 * (1 - COVERED)) > 0.9
    assert 2 <= ink.stroke <= 6
    assert abs(ink.slant) < 0.08 and abs(ink.skew) < 0.02
    # m, o and c are as high as the core, and stand on its bottom.
    rows = np.flatnonzero((word("moc") < 128).any(axis=1))
    assert ink.core == pytest.approx(len(rows), abs=2.5)


def test_light_on_dark_is_the_same_ink() -> None:
    pixels = word(noise=0.02)
    np.testing.assert_array_equal(find_ink(255 - pixels).mask, find_ink(pixels).mask)


@pytest.mark.parametrize(
    ("dirt", "least"),
    [
        ({"shading": 0.5}, 0.85),
        ({"shading": 0.4, "inverted": True}, 0.85),
        ({"contrast": 0.12}, 0.85),
        ({"contrast": 0.25, "paper": 0.5, "noise": 0.02}, 0.75),
        ({"noise": 0.12}, 0.7),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_shading_contrast_and_noise(dirt: dict[str, object], least: float) -> None:
    true = word() < 150
    pixels = word(**dirt)
    ink = find_ink(pixels)
    check(ink, pixels)
    assert agreement(ink.mask, true) > least


@pytest.mark.parametrize("row", [0, 4, 9, -9, -5, -2])
def test_a_rule_above_or_below_goes(row: int) -> None:
    pixels = word()
    true = find_ink(pixels).mask
    rows = [row, row + 1]
    assert not true[rows].any()
    pixels[rows] = 30
    found = find_ink(pixels).mask
    assert not found[rows].any()
    assert agreement(found, true) > 0.98


def test_a_rule_through_the_word_goes_and_the_strokes_it_crosses_stay() -> None:
    pixels = word()
    true = find_ink(pixels).mask
    rows = [34, 35]
    pixels[rows] = 30
    found = find_ink(pixels).mask
    assert agreement(found, true) > 0.85
    # Between strokes, and left and right of the word, the rule is gone.
    assert (found[rows] & ~true[rows]).sum() < 0.1 * (~true[rows]).sum()
    assert (found[rows] & true[rows]).sum() > 0.6 * true[rows].sum()


def test_specks_go_and_dots_stay() -> None:
    pixels = word("ivid")
    true = find_ink(pixels).mask
    dots = true[: true.shape[0] // 3]
    assert dots.any()
    for y, x in ((6, 3), (20, 6), (58, 40), (10, pixels.shape[1] - 4)):
        pixels[y : y + 2, x : x + 1] = 0
    found = find_ink(pixels).mask
    assert agreement(found, true) > 0.99


def test_small_marks_stay_where_the_transcript_has_some() -> None:
    """A full stop far from its word is a speck, unless the transcript ends with one."""
    pixels = np.pad(word("mend"), ((0, 0), (0, 30)), constant_values=255)
    bottom = int(find_ink(pixels).bottom)
    stop = slice(bottom - 3, bottom), slice(-10, -7)
    pixels[stop] = 0
    assert not find_ink(pixels).mask[stop].any()
    assert find_ink(pixels, marks=True).mask[stop].all()


@pytest.mark.parametrize("edge", ["top", "bottom"])
def test_ink_of_the_neighbouring_line_goes(edge: str) -> None:
    """Feet of the line above, heads of the line below."""
    pixels = word()
    true = find_ink(pixels).mask
    other = word("gypsy") if edge == "top" else word("little")
    ys = np.flatnonzero((other < 128).any(axis=1))
    strip = other[ys[-1] - 5 : ys[-1] + 1] if edge == "top" else other[ys[0] : ys[0] + 6]
    width = min(strip.shape[1], pixels.shape[1])
    rows = slice(0, 6) if edge == "top" else slice(-6, None)
    pixels[rows, :width] = np.minimum(pixels[rows, :width], strip[:, :width])
    found = find_ink(pixels).mask
    assert not found[rows].any()
    assert agreement(found, true) > 0.98


@pytest.mark.parametrize("shear", [-0.15, 0.2, 0.4])
def test_lean_is_measured_and_taken_out(shear: float) -> None:
    pixels = word("hilltop", shear=shear)
    ink = find_ink(pixels)
    check(ink, pixels)
    assert ink.slant == pytest.approx(shear, abs=0.06)
    straight = find_ink(word("hilltop")).upright
    # Upright, the stems are as peaked as if they had never leant.
    assert (ink.upright.sum(axis=0) ** 2).sum() == pytest.approx((straight.sum(axis=0) ** 2).sum(), rel=0.12)


def test_a_crooked_line_is_measured() -> None:
    pixels = word("watermelons", rotation_deg=3)
    ink = find_ink(pixels)
    assert ink.skew == pytest.approx(-np.tan(np.radians(3)), abs=0.012)


def test_a_lone_dash_is_no_rule() -> None:
    pixels = np.full((30, 60), 255, np.uint8)
    pixels[14:17, 8:52] = 0
    assert find_ink(pixels).mask[15, 8:52].all()


def test_a_headline_that_text_hangs_on_stays() -> None:
    """Devanagari: a bar as long as the word, strokes hanging from it."""
    pixels = np.full((50, 140), 255, np.uint8)
    pixels[12:15, 10:130] = 0
    for x in range(12, 130, 9):
        pixels[15:38, x : x + 3] = 0
    assert find_ink(pixels).mask[13, 12:128].all()


# --- places -----------------------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(st.floats(-0.2, 0.5), st.floats(-4, 4), st.lists(st.floats(-50, 300), min_size=1, max_size=5))
def test_placing_is_the_inverse_of_the_upright_column(shear: float, rotation: float, columns: list[float]) -> None:
    ink = find_ink(word("hand", 24, shear=shear, rotation_deg=rotation))
    at = np.array(columns, np.float32)
    x, baseline = ink.place(at)
    np.testing.assert_allclose(ink.upright_column(x, baseline - (ink.bottom - ink.top) / 2), at, atol=1e-2)


def test_upright_columns_follow_the_rows_that_were_shifted() -> None:
    ink = find_ink(word("hilltop", shear=0.3))
    ys, xs = np.nonzero(ink.mask)
    exact = xs + ink.shift[ys]
    assert np.abs(ink.upright_column(xs, ys) - exact).max() <= 1.0


# --- anything at all --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 2), (30, 100), (3, 400)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_plain_pictures_have_no_ink(shape: tuple[int, int], level: int) -> None:
    pixels = np.full(shape, level, np.uint8)
    ink = find_ink(pixels)
    check(ink, pixels)
    assert not ink.mask.any()


def test_a_large_plain_picture() -> None:
    assert not find_ink(np.full((700, 1000), 200, np.uint8)).mask.any()


@settings(max_examples=120)
@given(
    st.one_of(
        stn.arrays(np.uint8, stn.array_shapes(min_dims=2, max_dims=2, max_side=40)),
        stn.arrays(np.uint8, stn.array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.sampled_from([0, 255])),
    )
)
def test_any_picture_at_all(pixels: np.ndarray) -> None:
    before = pixels.copy()
    check(find_ink(pixels), pixels)
    np.testing.assert_array_equal(pixels, before)


def test_noise_alone() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 200)).astype(np.uint8)
    check(find_ink(pixels), pixels)


# --- what was learned about ink ---------------------------------------------------------------------------------------


def test_learned_ink_is_asked_for_where_the_paper_is_not_flat() -> None:
    pixels = word(noise=0.05)
    plain = find_ink(pixels)
    half = pixels.shape[1] // 2
    asked: list[np.ndarray] = []

    def left_half(shown: np.ndarray, soft: np.ndarray) -> np.ndarray:
        assert shown is pixels
        np.testing.assert_array_equal(soft, plain.raw)
        asked.append(soft)
        return np.where(np.arange(soft.shape[1]) < half, soft, np.float32(0))

    ink = find_ink(pixels, own=left_half)
    assert len(asked) == 1
    check(ink, pixels)
    assert ink.mask[:, :half].any()
    assert not ink.raw[:, half:].any() and not ink.soft[:, half:].any() and not ink.mask[:, half:].any()
    assert plain.mask[:, half:].any()


@pytest.mark.parametrize("inverted", [False, True])
def test_learned_ink_says_on_flat_paper_only_whose_the_ink_is(inverted: bool) -> None:
    """There the picture is as sharp as ink can be known."""
    pixels = word(inverted=inverted, paper=0.8)
    plain = find_ink(pixels)
    half = pixels.shape[1] // 2

    def left_half(shown: np.ndarray, soft: np.ndarray) -> np.ndarray:
        return np.where(np.arange(soft.shape[1]) < half, np.float32(0.7), np.float32(0)) * np.ones_like(soft)

    ink = find_ink(pixels, own=left_half)
    np.testing.assert_array_equal(ink.raw[:, :half], plain.raw[:, :half])
    assert not ink.raw[:, half + 1 :].any()


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_learned_ink_that_finds_none_is_not_believed(noise: float) -> None:
    pixels = word(noise=noise)
    np.testing.assert_array_equal(find_ink(pixels, own=lambda *_: np.zeros(pixels.shape, np.float32)).mask,
                                  find_ink(pixels).mask)  # fmt: skip


def test_learned_ink_has_a_threshold_of_its_own() -> None:
    pixels = word("mm", noise=0.05)
    soft = np.zeros(pixels.shape, np.float32)
    soft[20:40, 20:23], soft[20:40, 30:33] = COVERED + 0.05, COVERED - 0.05
    mask = find_ink(pixels, own=lambda *_: soft).mask
    assert mask[20:40, 20:23].all()
    assert mask.sum() == 60


# --- a core band that is known ----------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(
    stn.arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 40))),
    st.floats(-10, 50), st.floats(-40, 80), st.floats(0.1, 60),
)  # fmt: skip
def test_any_picture_with_any_band(pixels: np.ndarray, x: float, bottom: float, core: float) -> None:
    ink = find_ink(pixels, band=Band(x, bottom, core))
    check(ink, pixels)
    assert ink.core == pytest.approx(max(core, 3.0), abs=1e-6)
    assert ink.bottom - ink.skew * (pixels.shape[1] / 2 - x) == pytest.approx(bottom, abs=1e-6)


def test_what_is_too_far_from_a_known_band_is_paper_and_does_not_count() -> None:
    """A black beam below would else be all the ink there is, the word beside it as good as paper."""
    own, free = word(), find_ink(word())
    grey = np.where(own < 128, 170, 200).astype(np.uint8)
    pixels = np.vstack([grey, np.full((90, grey.shape[1]), 200, np.uint8)])
    pixels[-30:, 5:-5] = 0
    lost = find_ink(pixels)
    assert agreement(lost.mask[: len(own)], free.mask) < 0.3
    known = find_ink(pixels, band=Band(own.shape[1] / 2, free.bottom, free.core))
    assert not known.mask[len(own) :].any()
    assert agreement(known.mask[: len(own)], free.mask) > 0.8


def test_a_band_in_a_larger_picture() -> None:
    band = Band(30.0, 20.0, 10.0)
    assert band.scaled(2.0, 3.0) == Band(60.0, 60.0, 30.0)
    assert band.at_middle(0.1, 100) == pytest.approx((12.0, 22.0))
    assert band.rows((200, 60)) == slice(0, 34) and Band(30.0, 120.0, 10.0).rows((200, 60)) == slice(93, 134)
