"""The metrics agree with hand-computed cases and with the reference scorer."""

from __future__ import annotations

import doctest
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloc import metrics
from charloc.metrics import distances, iou, per_code_point, scores, scores_by, word_errors
from charloc.types import Box

NAN_ROW = [math.nan] * 4


def test_doctests() -> None:
    assert doctest.testmod(metrics).failed == 0


def test_hand_computed_word() -> None:
    true: list[Box | None] = [(0, 0, 10, 20), None, (20, 0, 30, 20), (30, 0, 40, 20), (50, 0, 60, 20)]
    found: list[Box | None] = [(0, 0, 10, 20), None, (23, 0, 33, 20), None, (0, 0, 1, 1)]
    errors = word_errors(true, found, approx=(4,))
    assert errors.shape == (3, 3)
    np.testing.assert_allclose(errors[:2], [[0, 0, 1], [0.15, 0, 7 / 13]])
    assert np.isnan(errors[2, :2]).all()
    assert errors[2, 2] == 0
    assert distances(errors).tolist() == pytest.approx([0, 0.15, math.inf])
    perfect = word_errors(true[:1], found[:1])
    s = scores([errors, perfect, word_errors([None], [None])])
    assert (s.words, s.chars, s.cover) == (2, 4, 0.75)
    assert s.dx_med == 0
    assert s.dx_mean == pytest.approx(0.05)
    assert (s.pck25, s.pck10, s.r50, s.r75) == (0.75, 0.5, 0.75, 0.5)
    assert s.miou == pytest.approx((2 + 7 / 13) / 4)
    assert (s.word50, s.wordpck25) == (0.5, 0.5)
    assert scores_by(["b", "a"], [errors, perfect])["a"].word50 == 1.0


def test_nothing_to_score() -> None:
    s = scores([])
    assert (s.words, s.chars) == (0, 0)
    assert math.isnan(s.word50)
    assert s.rounded()["word50"] is None
    nothing_found = scores([word_errors([(0, 0, 1, 1)], [None])])
    assert nothing_found.cover == 0
    assert nothing_found.rounded()["dx_med"] is None


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="2 predicted boxes for 1"):
        word_errors([None], [None, None])
    with pytest.raises(ValueError, match="1 boxes for 2"):
        per_code_point(("a", "b"), np.zeros((1, 4), np.float32))


def test_per_code_point_repeats_clusters() -> None:
    boxes = np.array([[0, 0, 1, 1], NAN_ROW, [2, 0, 3, 1]], np.float32)
    assert per_code_point(("q\u0303", " ", "a"), boxes) == ((0, 0, 1, 1), (0, 0, 1, 1), None, (2, 0, 3, 1))


def test_array_of_nan_rows_is_a_miss() -> None:
    errors = word_errors([(0, 0, 1, 1)], np.array([NAN_ROW], np.float32))
    assert distances(errors).tolist() == [math.inf]


edges = st.floats(0, 100, width=32)


@given(st.lists(st.tuples(edges, edges, edges, edges), min_size=1, max_size=6))
def test_iou_bounds_and_symmetry(rows: list[tuple[float, float, float, float]]) -> None:
    a = np.array(rows)
    a = np.concatenate([np.minimum(a[:, :2], a[:, 2:]), np.maximum(a[:, :2], a[:, 2:])], axis=1)
    b = a[::-1]
    overlap = iou(a, b)
    assert ((overlap >= 0) & (overlap <= 1 + 1e-9)).all()
    np.testing.assert_array_equal(overlap, iou(b, a))


def test_agrees_with_the_reference_scorer(score_script: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    rows, found, per_word, labels = [], [], [], []
    for k in range(60):
        n = int(rng.integers(1, 9))
        corner = rng.uniform(0, 50, (n, 2))
        true = np.concatenate([corner, corner + rng.uniform(5, 30, (n, 2))], axis=1)
        guess = true + rng.normal(0, 2, (n, 4))
        # A space needs no box; some characters are missed, some only approximately known.
        true_list = [None if rng.random() < 0.1 and n > 1 else box for box in true.tolist()]
        guess_list = [None if rng.random() < 0.1 else box for box in guess.tolist()]
        approx = [0] if rng.random() < 0.1 else []
        label = str(k % 2)
        rows.append({"image": f"{k}.png", "text": "x" * n, "boxes": true_list, "approx": approx, "page": label})
        found.append({"image": f"{k}.png", "boxes": guess_list})
        per_word.append(word_errors(true_list, guess_list, approx))
        labels.append(label)
    words, pred = tmp_path / "words.jsonl", tmp_path / "pred.jsonl"
    words.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    pred.write_text("\n".join(map(json.dumps, found)), encoding="utf-8")
    command = [sys.executable, str(score_script), str(words), str(pred), "--by", "page"]
    reference = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    by_page = reference.pop("by_page")
    assert scores(per_word).rounded() == reference
    assert {label: s.rounded() for label, s in scores_by(labels, per_word).items()} == by_page
