"""Places for characters: the strongest, and always enough to spell the word; steps as they usually are."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloc.lattice import best_path
from charloc.nets_xy import CELL
from charloc.places import FLOOR, PRIOR_COUNT, SPACE, STRONGEST, Steps, candidates, measure_steps
from charloc.plane import CORE


def field(peaks: dict[int, list[tuple[int, int]]], rows: int = 10, columns: int = 40, classes: int = 4) -> np.ndarray:
    """Log-probabilities (C, H', W') with a sharp peak for every (row, column) of a class."""
    scores = np.full((classes, rows, columns), -8.0, np.float32)
    scores[0] = 0
    for name, each in peaks.items():
        for row, column in each:
            scores[name, row, column] = 6.0
    return scores - np.logaddexp.reduce(scores, axis=0)


def far(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps of which nothing is expected."""
    return np.zeros((count - 1, 2), np.float32), np.full((count - 1, 2), np.inf, np.float32)


# --- candidates -------------------------------------------------------------------------------------------------------


def test_the_strongest_maxima_come_first_and_lie_between_cells() -> None:
    log_probs = field({1: [(3, 10)], 2: [(6, 20), (6, 21)]})
    positions, scores = candidates(log_probs, np.array([1, 2]), 5.0)
    assert positions.dtype == scores.dtype == np.float32
    assert positions.shape == (*scores.shape, 2)
    np.testing.assert_allclose(positions[0, 0], [10.5 * CELL[1], 3.5 * CELL[0]], atol=0.1)
    assert scores[0, 0] == pytest.approx(log_probs[1, 3, 10])
    # Two cells that are as strong: the place is between them, whichever was found first.
    np.testing.assert_allclose(positions[1, 0], [21 * CELL[1], 6.5 * CELL[0]], atol=0.1)
    assert (scores[np.isfinite(scores)] >= FLOOR).all()
    assert (scores[0, 1:STRONGEST] <= scores[0, 0]).all()


def test_characters_nobody_knows_can_be_anywhere_along_the_word() -> None:
    positions, scores = candidates(field({1: [(3, 10)]}), np.array([0, 1]), 6.2)
    there = np.isfinite(scores[0])
    assert (scores[0, there] == FLOOR).all()
    x = positions[0, there, 0]
    assert x.min() < 2 * CELL[1] and x.max() > 38 * CELL[1] and (np.diff(x) > 0).all()
    np.testing.assert_allclose(positions[0, there, 1], 6.7 * CELL[0], atol=1e-4)


@pytest.mark.parametrize("row", [-3.0, 0.0, 9.5, 60.0])
def test_a_row_outside_of_the_plane_is_survived(row: float) -> None:
    _, scores = candidates(field({1: [(3, 10)]}), np.array([1, 0]), row)
    assert np.isfinite(scores[:, STRONGEST:]).all()


@settings(max_examples=40)
@given(
    st.integers(0, 2**32),
    st.integers(4, 400),
    st.integers(1, 100),
    st.sampled_from([1, 2, 5]),
    st.sampled_from([1, 32]),
)
def test_there_is_a_path_wherever_characters_are_fewer_than_columns(
    seed: int, columns: int, count: int, kinds: int, beam: int
) -> None:
    """Whatever the net says: lines of a hundred characters too, and characters that are nowhere."""
    count = min(count, columns)
    rng = np.random.default_rng(seed)
    log_probs = np.log(rng.dirichlet(np.full(5, 0.2), (6, columns)).astype(np.float32) + 1e-12).transpose(2, 0, 1)
    positions, scores = candidates(log_probs, rng.integers(0, kinds, count), 3.0)
    chosen, score = best_path(positions, scores, *far(count), 1 + seed % 40)
    assert (chosen >= 0).all()
    assert np.isfinite(score)
    x = positions[np.arange(count), chosen, 0]
    assert (np.diff(x) > 0).all()


def test_every_one_of_many_is_a_candidate() -> None:
    """A line with forty of one letter: each stands on its own peak."""
    at = [(5, 8 * k + 4) for k in range(40)]
    log_probs = field({1: at}, columns=330)
    positions, scores = candidates(log_probs, np.ones(40, np.int64), 5.0)
    chosen, _ = best_path(positions, scores, *far(40), 32)
    x = positions[np.arange(40), chosen, 0]
    np.testing.assert_allclose(x, [(column + 0.5) * CELL[1] for _, column in at], atol=0.2)


# --- steps ------------------------------------------------------------------------------------------------------------


STEPS = Steps({"m": (0.6, 0.0), "i": (0.2, -0.1), ",": (0.1, 0.5)}, 0.15)


def test_expected_steps() -> None:
    step, sigma = STEPS.expected(["m", "i", ","], np.array([False, True]), 10.0)
    assert step.dtype == sigma.dtype == np.float32
    assert step.shape == sigma.shape == (2, 2)
    np.testing.assert_allclose(step[0] / CORE, [0.6 + 0.2 + 0.15, -0.1], atol=1e-6)
    np.testing.assert_allclose(step[1] / CORE, [0.2 + 0.1 + 0.15 + SPACE, 0.6], atol=1e-6)
    assert (sigma > 0).all()
    # Nobody knows how wide a space is.
    assert sigma[1, 0] > sigma[0, 0]


def test_steps_of_unknown_characters_are_the_pitch_and_uncertain() -> None:
    known, sure = STEPS.expected(["m", "m"], np.array([False]), 12.0)
    unknown, unsure = STEPS.expected(["ß", "ß"], np.array([False]), 12.0)
    half, _ = STEPS.expected(["m", "ß"], np.array([False]), 12.0)
    assert unknown[0].tolist() == [12, 0]
    assert half[0, 0] == pytest.approx(0.6 * CORE + 6)
    assert (unsure > sure).all()
    assert known[0, 0] == pytest.approx(1.35 * CORE)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_characters_have_no_steps(count: int) -> None:
    step, sigma = STEPS.expected(["m"] * count, np.zeros(max(count - 1, 0), bool), 10.0)
    assert step.shape == sigma.shape == (0, 2)


def test_steps_are_measured() -> None:
    """Sixty words "aba": a is 7 px wide, b 14 and lower; 3 px apart. In a few of them a box is somewhere else."""
    rng = np.random.default_rng(0)
    words, boxes = [], []
    for i in range(60):
        left = float(rng.uniform(0, 50))
        word = np.array([[0, 0, 7, 14], [10, 3.5, 24, 17.5], [27, 0, 34, 14]])
        word += (left, 20, left, 20)
        word += rng.normal(0, 0.1, word.shape)
        if i % 7 == 0:
            word[1] += 30
        if i % 5 == 0:
            word[2] = np.nan
        words.append(["a", "b", "a"])
        boxes.append(word.astype(np.float32))
    steps = measure_steps(words, boxes)
    assert steps.gap * CORE == pytest.approx(3, abs=0.2)
    half, low = steps.by_character["a"]
    assert half * CORE == pytest.approx(3.5, abs=0.3)
    assert low == pytest.approx(0, abs=0.05)
    half, low = steps.by_character["b"]
    assert half * CORE == pytest.approx(7, abs=0.4)
    assert low * CORE == pytest.approx(3.5, abs=0.4)
    # What is kept is plain JSON.
    assert json.loads(json.dumps([dict(steps.by_character), steps.gap]))[1] == steps.gap


def test_rare_characters_are_shrunk_towards_all() -> None:
    usual = np.array([[0, 0, 10, 14], [12, 0, 22, 14]], np.float32)
    wide = np.array([[0, 0, 10, 14], [12, 0, 62, 14]], np.float32)
    steps = measure_steps([["o", "o"]] * 50 + [["o", "W"]], [usual] * 50 + [wide])
    share = 1 / (1 + PRIOR_COUNT)
    assert steps.by_character["W"][0] * CORE == pytest.approx(share * 25 + (1 - share) * 5)
    assert steps.by_character["o"][0] * CORE == pytest.approx(5)


def test_nothing_to_measure() -> None:
    for words, boxes in (([], []), ([["a", "b"]], [np.full((2, 4), np.nan, np.float32)]), ([[]], [np.zeros((0, 4))])):
        steps = measure_steps(words, boxes)
        assert steps.by_character == {}
        assert steps.expected(["a", "b"], np.array([False]), 9.0)[0][0, 0] == 9
    one = measure_steps([["a"]], [np.array([[0, 0, 7, 7]], np.float32)])
    assert list(one.by_character) == ["a"] and np.isfinite(one.gap)
