"""Rendered words: their boxes are those of each glyph's own ink."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from charloc import images, synth
from charloc.synth import CLEAN, Degradation, load_font, render, render_set, render_word
from charloc.text import characters
from charloc.types import CharlocError


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


BENT = Degradation(rotation_deg=7, shear=0.3, stretch=1.2, tracking_px=6, stroke_px=1, margins_px=(3, 9, 4, 2))


@pytest.mark.parametrize("degradation", [CLEAN, Degradation(tracking_px=4), BENT])
def test_boxes_are_those_of_each_glyph_alone(rng: np.random.Generator, degradation: Degradation) -> None:
    """The same word with all other characters painted out has exactly this box of ink."""
    font = load_font(None, 36)
    image, boxes = render_word("Hamig", font, rng, degradation)
    everything = synth._bend(synth._draw_each(tuple("Hamig"), [font] * 5, degradation), degradation)
    for layer, box in zip(everything, boxes, strict=True):
        ys, xs = np.nonzero(np.rint(255 * (1 - layer)) <= np.rint(255 * (1 - synth.INK)))
        assert box.tolist() == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
    left, top, right, bottom = degradation.margins_px
    assert boxes[:, 0].min() == left
    assert boxes[:, 1].min() == top
    assert boxes[:, 2].max() == image.shape[1] - right
    assert boxes[:, 3].max() == image.shape[0] - bottom


def test_boxes_agree_with_the_ink_of_the_finished_image(rng: np.random.Generator) -> None:
    image, boxes = render_word("lilt", load_font(None, 40), rng, Degradation(tracking_px=8))
    columns = np.flatnonzero(((255 - image) / 255 >= synth.INK).any(axis=0))
    starts = columns[np.flatnonzero(np.diff(columns, prepend=-2) > 1)]
    stops = columns[np.flatnonzero(np.diff(columns, append=1 << 20) > 1)] + 1
    assert boxes[:, 0].tolist() == starts.tolist()
    assert boxes[:, 2].tolist() == stops.tolist()


def test_shear_leans_to_the_right_and_rotation_is_counter_clockwise(rng: np.random.Generator) -> None:
    font = load_font(None, 40)
    image, _ = render_word("l", font, rng, Degradation(shear=0.4))
    dark = image < 128
    assert np.flatnonzero(dark[6]).mean() > np.flatnonzero(dark[-7]).mean() + 5
    _, boxes = render_word("xxxxx", font, rng, Degradation(rotation_deg=5))
    assert boxes[-1, 1] < boxes[0, 1] - 3


def test_spaces_have_no_box_and_part_the_words(rng: np.random.Generator) -> None:
    _, boxes = render_word("go on", load_font(None, 30), rng)
    assert np.isnan(boxes[2]).all()
    assert boxes[3, 0] - boxes[1, 2] > 5


def test_right_to_left_text_is_laid_out_right_to_left(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The built-in font has no Hebrew: only the layout is at stake, so latin letters are said to run the other way.
    monkeypatch.setattr(synth, "visual_order", lambda clusters: tuple(range(len(clusters)))[::-1])
    _, boxes = render_word("abc", load_font(None, 30), rng)
    assert boxes[0, 0] > boxes[1, 0] > boxes[2, 0]


def test_inverted_and_faint(rng: np.random.Generator) -> None:
    font = load_font(None, 30)
    plain, boxes = render_word("dust", font, rng)
    inverted, same = render_word("dust", font, rng, Degradation(inverted=True))
    np.testing.assert_array_equal(inverted, 255 - plain)
    np.testing.assert_array_equal(same, boxes)
    faint, _ = render_word("dust", font, rng, Degradation(paper=0.8, contrast=0.3))
    assert faint.max() == round(0.8 * 255)
    assert faint.min() == pytest.approx(0.5 * 255, abs=1)


def test_the_same_seed_gives_the_same_set() -> None:
    once, again = render_set(6, 11, hard=True), render_set(6, 11, hard=True)
    for a, b in zip(once, again, strict=True):
        assert a.text == b.text
        np.testing.assert_array_equal(a.pixels, b.pixels)
        np.testing.assert_array_equal(a.boxes, b.boxes)


@pytest.mark.parametrize("hard", [False, True])
def test_sets_are_sound(hard: bool) -> None:
    for k, rendered in enumerate(render_set(40, 3, hard)):
        height, width = rendered.pixels.shape
        boxes = rendered.boxes
        assert len(boxes) == len(characters(rendered.text))
        assert np.isfinite(boxes).all()
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= (width, height)).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        assert rendered.word(k).text == rendered.text
        source = rendered.source_word("a.png")
        np.testing.assert_array_equal(images.decode(source.image, source.name), rendered.pixels)
        assert source.boxes is not None
        assert len(source.boxes) == len(source.text)


def test_what_cannot_be_rendered(rng: np.random.Generator, tmp_path: Path) -> None:
    font = load_font(None, 30)
    with pytest.raises(CharlocError, match="empty"):
        render_word(" ", font, rng)
    with pytest.raises(CharlocError, match="draws nothing for"):
        render_word("a.", load_font(None, 2), rng)  # a full stop of a fifth of a pixel
    (tmp_path / "no.ttf").write_bytes(b"no font")
    with pytest.raises(CharlocError, match=r"no\.ttf"):
        load_font(tmp_path / "no.ttf", 20)


# --- what is dark and no character of the word ------------------------------------------------------------------------


def test_ink_is_that_of_the_word(rng: np.random.Generator) -> None:
    """Whatever it is printed on and however it is scanned."""
    font = load_font(None, 36)
    plain = render("hold", font, rng)
    np.testing.assert_allclose(plain.ink, 255 - plain.pixels.astype(int), atol=1)
    dirt = Degradation(
        blur_px=1, noise=0.1, paper=0.7, contrast=0.4, shading=0.2, inverted=True, specks=4, rules=2, stains=2,
        fade=0.5, grain=0.05, lines_px=(4, 3),
    )  # fmt: skip
    dirty = render("hold", font, rng, dirt)
    np.testing.assert_array_equal(dirty.ink, plain.ink)
    np.testing.assert_array_equal(dirty.boxes, plain.boxes)
    assert np.abs(dirty.pixels.astype(int) - plain.pixels).mean() > 20


@pytest.mark.parametrize("lines_px", [(4, 0), (0, 6), (3, 5), (500, 0)])
@pytest.mark.parametrize("degradation", [CLEAN, BENT])
def test_neighbouring_lines_are_dark_and_no_part_of_the_word(
    rng: np.random.Generator, lines_px: tuple[int, int], degradation: Degradation
) -> None:
    font = load_font(None, 36)
    degradation = replace(degradation, margins_px=(8, 8, 8, 8))
    alone = render("moan", font, rng, degradation)
    among = render("moan", font, rng, replace(degradation, lines_px=lines_px))
    np.testing.assert_array_equal(among.boxes, alone.boxes)
    np.testing.assert_array_equal(among.ink, alone.ink)
    assert (among.pixels <= alone.pixels).all()
    darker = np.flatnonzero((among.pixels < alone.pixels - 100.0).any(axis=1))
    top, bottom = lines_px
    inside = (darker >= top) & (darker < len(alone.pixels) - bottom)
    assert not inside.any()
    assert ((darker < top).any(), (darker >= len(alone.pixels) - bottom).any()) == (top > 0, bottom > 0)
    if degradation == replace(CLEAN, margins_px=(8, 8, 8, 8)):  # from one end of the picture to the other
        columns = np.flatnonzero((among.pixels < alone.pixels - 100.0).any(axis=0))
        assert columns[0] < 30
        assert columns[-1] > alone.pixels.shape[1] - 30


def test_stains_are_soft_and_wider_than_a_stroke(rng: np.random.Generator) -> None:
    font = load_font(None, 36)
    plain = render("lull", font, rng).pixels.astype(int)
    darkened = []
    for _ in range(10):
        darker = plain - render("lull", font, rng, Degradation(stains=1)).pixels
        assert darker.min() >= 0
        assert darker.max() <= round(0.6 * 255)
        paper = plain == 255
        darkened.append(((darker > 12) & paper).sum() / paper.sum())
        # Neighbouring pixels of paper differ little.
        level = np.where(paper[:, 1:] & paper[:, :-1], np.abs(np.diff(darker, axis=1)), 0)
        assert level.max() < 60
    assert max(darkened) > 0.1


def test_fading_ink_pales_differently_over_the_image(rng: np.random.Generator) -> None:
    font = load_font(None, 36)
    plain = render("mimimimi", font, rng).pixels.astype(float)
    faded = render("mimimimi", font, rng, Degradation(fade=0.6)).pixels
    assert (faded[plain == 255] == 255).all()
    black = faded[plain == 0]
    assert black.max() <= 0.6 * 255 + 1
    assert black.max() - black.min() > 20


def test_grain_is_coarser_than_noise(rng: np.random.Generator) -> None:
    font = load_font(None, 40)

    def likeness(**dirt: float) -> float:
        """Correlation of neighbouring pixels of blank paper, and a check of how far they differ."""
        shape = Degradation(paper=0.5, contrast=0.5, margins_px=(5, 60, 5, 5), **dirt)  # type: ignore[arg-type]
        paper = render("grain", font, rng, shape).pixels[:55].astype(float)
        assert paper.std() == pytest.approx(0.05 * 255, rel=0.15)
        assert paper.mean() == pytest.approx(0.5 * 255, abs=4)
        return float(np.corrcoef(paper[:, 1:].ravel(), paper[:, :-1].ravel())[0, 1])

    assert likeness(noise=0.05) < 0.1
    assert likeness(grain=0.05) > 0.6


# --- fonts ------------------------------------------------------------------------------------------------------------


def test_each_character_in_its_own_font(rng: np.random.Generator) -> None:
    large, small = load_font(None, 48), load_font(None, 16)
    boxes = render("xoxo", [large, small, small, large], rng).boxes
    alone = {(c, f): render(c, f, rng).boxes[0] for c in "xo" for f in (large, small)}
    for box, key in zip(boxes, [("x", large), ("o", small), ("x", small), ("o", large)], strict=True):
        # A pixel or so, for where it falls on the raster.
        np.testing.assert_allclose(box[2:] - box[:2], alone[key][2:] - alone[key][:2], atol=1)
    # On one baseline, one after another.
    np.testing.assert_allclose(boxes[:, 3], boxes[0, 3], atol=1.5)
    assert (boxes[1:, 0] >= boxes[:-1, 2] - 1).all()


def test_one_font_for_each_is_one_font_for_all(rng: np.random.Generator) -> None:
    """Kerning included, which Pillow's own font has none of."""
    spec = find_spec("matplotlib")
    assert spec is not None and spec.origin is not None
    dejavu = Path(spec.origin).with_name("mpl-data") / "fonts" / "ttf" / "DejaVuSans.ttf"
    font = load_font(dejavu, 60)
    whole, each = render("LTo", font, rng), render("LTo", [font] * 3, rng)
    np.testing.assert_array_equal(whole.pixels, each.pixels)
    np.testing.assert_array_equal(whole.boxes, each.boxes)
    # Where no two fonts are the same there is no kerning.
    apart = render("LTo", [load_font(dejavu, 60 + i / 64) for i in range(3)], rng)
    assert apart.boxes[-1, 2] > whole.boxes[-1, 2] + 15
