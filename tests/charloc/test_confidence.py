"""What confidence is calibrated on: as many features as names, each telling what it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from charloc.boxes import boundary_certainty, certainty, ink_boxes
from charloc.calibration import fit
from charloc.confidence import NAMES, features, frame_fit, sizes
from charloc.glyphs import has_marks
from charloc.ink import find_ink
from charloc.lattice import segmentation_posterior
from charloc.layout import expected_glyphs, solve
from charloc.methods.guess import Guess
from charloc.methods.segmental import Segmental
from charloc.pretraining import calibrate
from charloc.spans import find_spans
from charloc.synth import load_font, render
from charloc.types import TrainingSet, WordImage
from tests.small_rounds import simple_words, small_batches

AT = {name: i for i, name in enumerate(NAMES)}


def laid_out(text: str) -> tuple[np.ndarray, ...]:
    word = render(text, load_font(None, 30), np.random.default_rng(0)).word(0)
    ink = find_ink(word.pixels, has_marks(word.characters))
    spans = find_spans(ink, 3.2, len(word.characters))
    expected = expected_glyphs(word.characters)
    solution = solve(spans, expected)
    posterior, _ = segmentation_posterior(solution.costs, solution.starts, solution.ends)
    sure = boundary_certainty(posterior, solution.bounds, spans)
    np.testing.assert_array_equal(certainty(posterior, solution.bounds, spans), (sure[:-1] * sure[1:]).astype("f"))
    boxes, _ = ink_boxes(ink, spans, solution.bounds, expected)
    return spans, expected, solution, sure, boxes  # type: ignore[return-value]


def test_a_column_per_name_and_a_row_per_character() -> None:
    spans, expected, solution, sure, boxes = laid_out("no on")
    apart = np.abs(boxes - boxes)
    rows = features(spans, expected, solution, sure, apart, np.full(5, -1, "f"), np.full(5, -0.5, "f"),
                    np.full(5, -2, "f"), solution.bounds)  # fmt: skip
    assert rows.shape == (5, len(NAMES)) and rows.dtype == np.float32
    letters = ~expected.space
    assert np.isfinite(rows[letters]).all()
    assert rows[:, AT["no_ink"]].tolist() == [0, 0, 1, 0, 0]
    np.testing.assert_allclose(rows[letters, AT["fits_best"]], -0.5)
    np.testing.assert_allclose(rows[:, AT["length"]], np.log(5), rtol=1e-6)


def test_features_follow_what_they_measure() -> None:
    spans, expected, solution, _, _ = laid_out("moon")
    apart = np.zeros((4, 4), np.float32)
    apart[2] = 0.5
    fits = np.array([-0.1, -0.1, -3.0, -0.1], np.float32)
    wholes = np.array([-0.1, -5.0, -0.2, np.nan], np.float32)
    wider = replace(expected, width=expected.width * np.array([1, 1, 3, 1], np.float32))
    shaken = np.array([0.99, 0.99, 0.6, 0.99, 0.99])
    rows = features(spans, wider, solution, shaken, apart, fits, np.zeros(4, np.float32), wholes,
                    solution.bounds + np.array([0, 0, 4, 0, 0], np.int32))  # fmt: skip
    others = [0, 1, 3]
    for name in ("apart", "apart_x", "width"):
        assert rows[2, AT[name]] > rows[others, AT[name]].max()
    assert rows[2, AT["fits"]] < rows[others, AT["fits"]].min()
    assert rows[2, AT["left"]] < rows[0, AT["left"]] and rows[1, AT["right"]] < rows[0, AT["right"]]
    assert (rows[:, AT["word_fits_least"]] == -3).all()
    np.testing.assert_array_equal(rows[:, AT["whole"]], wholes)
    np.testing.assert_allclose(rows[:, AT["word_whole_least"]], -5)
    assert rows[2, AT["moved"]] > rows[0, AT["moved"]] and rows[0, AT["moved"]] == rows[3, AT["moved"]]


def test_fit_is_the_mean_over_the_frames_of_a_span() -> None:
    log_probs = np.log(np.array([[0.1, 0.1, 0.2, 0.9], [0.8, 0.6, 0.2, 0.05], [0.1, 0.3, 0.6, 0.05]], np.float32))
    fits, best = frame_fit(log_probs, np.array([1, 2, 0]), np.array([0.0, 2.0, 3.0, 4.0]), np.arange(4, dtype=np.int32))
    assert fits[0] == pytest.approx(np.log([0.85, 0.65]).mean(), abs=1e-5)
    assert fits[1] == pytest.approx(np.log(0.7), abs=1e-5)
    assert np.isnan(fits[2])
    assert best.tolist() == pytest.approx([np.log([0.8, 0.6]).mean(), np.log(0.6), np.log(0.9)], abs=1e-5)


def test_sizes_are_those_of_the_shorter_sides() -> None:
    """A full stop is small by itself and in its word; in a word of full stops it is small by itself alone."""
    boxes = np.array([[0, 0, 8, 20], [10, 0, 30, 12], [32, 0, 44, 12], [46, 9, 49, 12], [np.nan] * 4], np.float32)
    px, of_word = sizes(boxes).T
    np.testing.assert_allclose(px[:4], np.log([8.1, 12.1, 12.1, 3.1]), rtol=1e-5)
    assert of_word[3] < of_word[0] < of_word[1] == of_word[2]
    assert np.isnan(px[4]) and np.isnan(of_word[4])
    np.testing.assert_allclose(sizes(boxes * 2)[:4, 1], of_word[:4], atol=0.05)
    stops = sizes(boxes[[3, 3]])
    assert stops[:, 0].tolist() == [px[3]] * 2 and stops[:, 1].tolist() == [0, 0]
    assert np.isnan(sizes(boxes[4:])).all() and sizes(boxes[:0]).shape == (0, 2)


def test_a_calibration_travels_with_the_checkpoint_and_makes_the_confidence(monkeypatch: pytest.MonkeyPatch) -> None:
    small_batches(monkeypatch)
    rendered = simple_words("hamletno", 12)
    words: list[WordImage] = [each.word(i) for i, each in enumerate(rendered)]
    method = Segmental()
    nobody = [()] * 12
    believed = Guess().e_step(words, nobody)
    method.m_step(TrainingSet(words, believed, nobody, np.ones(12, np.float32)), steps=3)
    plain = method.e_step(words, nobody)
    calibrate(method, rendered)
    assert method.calibration is not None
    again = Segmental(method.checkpoint())
    sure = again.e_step(words, nobody)
    assert again.calibration == method.calibration
    for before, after in zip(plain, sure, strict=True):
        np.testing.assert_array_equal(before.boxes, after.boxes)
        assert ((after.confidence >= 0) & (after.confidence <= 1)).all()
    assert any((a.confidence != b.confidence).any() for a, b in zip(plain, sure, strict=True))
    again.calibration = fit(np.zeros((4, len(NAMES))), np.array([True, True, True, False]))
    constant = np.concatenate([each.confidence for each in again.e_step(words, nobody)])
    assert np.ptp(constant) < 1e-6
