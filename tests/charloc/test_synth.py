"""Rendered words: their boxes are those of each glyph's own ink."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from charloc import images, synth
from charloc.synth import CLEAN, Degradation, load_font, render_set, render_word
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
    everything = synth._bend(synth._draw_each(tuple("Hamig"), font, degradation), degradation)
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
