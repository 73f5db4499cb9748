"""The beam search against enumeration of every choice of candidates."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloc.lattice import best_path, best_paths

Word = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@st.composite
def words(draw: st.DrawFn, candidates: int | None = None) -> Word:
    """0-4 characters, 1-5 candidates on a coarse grid, so that many stand above each other; some are none."""
    count, each = draw(st.integers(0, 4)), candidates or draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    positions = rng.integers(0, draw(st.sampled_from([4, 12])), (count, each, 2)) / 2
    scores = -2 * rng.random((count, each))
    none = rng.random((count, each)) < draw(st.sampled_from([0.0, 0.3, 0.7]))
    scores[none] = -np.inf
    positions[none] = np.nan
    step = rng.normal((1.0, 0.0), 0.5, (max(count - 1, 0), 2))
    sigma = rng.uniform(0.2, 2.0, step.shape)
    return tuple(part.astype(np.float32) for part in (positions, scores, step, sigma))


def value(word: Word, chosen: tuple[int, ...]) -> float:
    positions, scores, step, sigma = (part.astype(np.float64) for part in word)
    total = sum(scores[k, n] for k, n in enumerate(chosen))
    if not total > -np.inf:
        return -np.inf
    at = [positions[k, n] for k, n in enumerate(chosen)]
    for k, (one, other) in enumerate(pairwise(at)):
        if not one[0] < other[0]:
            return -np.inf
        total -= 0.5 * float((((other - one - step[k]) / sigma[k]) ** 2).sum())
    return float(total)


def best_of_all(word: Word) -> float:
    count, candidates = word[1].shape
    return max(value(word, chosen) for chosen in product(range(candidates), repeat=count))


def check(word: Word, chosen: np.ndarray, score: float) -> None:
    assert chosen.dtype == np.int32
    if score == -np.inf:
        assert (chosen == -1).all()
    else:
        assert value(word, tuple(chosen.tolist())) == pytest.approx(score, abs=1e-4)


@settings(max_examples=150)
@given(words())
def test_a_beam_of_all_candidates_is_exact(word: Word) -> None:
    chosen, score = best_path(*word, width=word[1].shape[1])
    assert score == pytest.approx(best_of_all(word), abs=1e-4)
    check(word, chosen, score)


@settings(max_examples=150)
@given(words(), st.integers(1, 4))
def test_a_narrow_beam_is_between_greedy_and_exact_and_finds_a_path_where_there_is_one(word: Word, width: int) -> None:
    best = best_of_all(word)
    greedy = best_path(*word, width=1)[1]
    chosen, score = best_path(*word, width=width)
    check(word, chosen, score)
    assert greedy <= score <= best + 1e-4
    assert np.isfinite(score) == np.isfinite(best)


@settings(max_examples=60)
@given(st.lists(words(candidates=3), min_size=1, max_size=3), st.integers(1, 4), st.integers(0, 2), st.integers(0, 2))
def test_alone_or_in_a_batch_whatever_the_padding(each: list[Word], width: int, longer: int, wider: int) -> None:
    most = max(len(word[1]) for word in each) + longer
    positions = np.full((len(each), most, 3 + wider, 2), np.nan, dtype=np.float32)
    scores = np.full((len(each), most, 3 + wider), np.nan, dtype=np.float32)
    step = np.full((len(each), max(most - 1, 0), 2), np.nan, dtype=np.float32)
    sigma = step.copy()
    for b, word in enumerate(each):
        count = len(word[1])
        scores[b, :count] = -np.inf
        positions[b, :count, :3], scores[b, :count, :3] = word[:2]
        step[b, : max(count - 1, 0)], sigma[b, : max(count - 1, 0)] = word[2:]
    lengths = np.array([len(word[1]) for word in each])
    chosen, found = best_paths(positions, scores, step, sigma, lengths, width)
    for b, word in enumerate(each):
        alone, score = best_path(*word, width=width)
        assert found[b] == score
        assert chosen[b].tolist() == alone.tolist() + [-1] * (most - lengths[b])


@settings(max_examples=60)
@given(words(), st.data())
def test_pins_leave_one_candidate(word: Word, data: st.DataObject) -> None:
    positions, scores, step, sigma = word
    count, candidates = scores.shape
    if not count:
        return
    k, n = data.draw(st.integers(0, count - 1)), data.draw(st.integers(0, candidates - 1))
    pinned = scores.copy()
    pinned[k, np.arange(candidates) != n] = -np.inf
    chosen, score = best_path(positions, pinned, step, sigma, width=2)
    assert chosen[k] in (n, -1)
    assert score <= best_of_all((positions, pinned, step, sigma)) + 1e-4


def test_the_vertical_step_decides_between_lines() -> None:
    """Two lines of three positions: a step down is as good as its deviation allows."""
    at = np.array([[0, 0], [1, 0], [2, 0], [0, 5], [1, 5], [2, 5]], dtype=np.float32)
    positions = np.tile(at, (3, 1, 1))
    scores = np.zeros((3, 6), dtype=np.float32)
    scores[1, 4] = 3
    step = np.tile(np.float32([1, 0]), (2, 1))
    strict = best_path(positions, scores, step, np.full((2, 2), 0.5, np.float32), width=6)[0]
    assert strict.tolist() == [3, 4, 5]
    scores[0, 0] = scores[2, 2] = 3
    assert best_path(positions, scores, step, np.full((2, 2), 0.5, np.float32), width=6)[0].tolist() == [0, 1, 2]
    assert best_path(positions, scores, step, np.full((2, 2), 9.0, np.float32), width=6)[0].tolist() == [0, 4, 2]


def test_what_greed_finds_does_not_fall_off_a_wider_beam() -> None:
    """After two characters two ways along the lower line are ahead; only the upper one goes on."""
    upper, lower, off = 0, 10, (np.nan, np.nan)
    positions = np.float32(
        [[(0, upper), (0, lower), off], [(1, upper), (1, lower), (2, lower)], [(3, upper), off, off]]
    )
    scores = np.float32([[0, -0.5, -np.inf], [-1, 0, 0], [0, -np.inf, -np.inf]])
    step, sigma = np.zeros((2, 2), np.float32), np.tile(np.float32([np.inf, 1]), (2, 1))
    for width in (1, 2, 3):
        chosen, score = best_path(positions, scores, step, sigma, width)
        assert chosen.tolist() == [0, 0, 0]
        assert score == -1


def test_the_same_character_twice_takes_two_places() -> None:
    positions = np.tile(np.float32([[3, 0], [1, 0]]), (2, 1, 1))
    wide = np.full((1, 2), np.inf, dtype=np.float32)
    chosen, score = best_path(positions, np.float32([[0, -1], [0, -1]]), np.zeros((1, 2), np.float32), wide, width=1)
    assert chosen.tolist() == [1, 0]
    assert score == -1


def test_what_does_not_belong_together_is_said() -> None:
    positions, scores, step = np.zeros((2, 3, 2)), np.zeros((2, 3)), np.zeros((1, 2))
    with pytest.raises(ValueError, match="do not fit positions"):
        best_path(positions[:, :2], scores, step, step + 1, width=1)
    with pytest.raises(ValueError, match="step and sigma must be"):
        best_path(positions, scores, step[:0], step + 1, width=1)
    with pytest.raises(ValueError, match="sigma must be above 0"):
        best_path(positions, scores, step, step, width=1)
    with pytest.raises(ValueError, match="width must be at least 1"):
        best_path(positions, scores, step, step + 1, width=0)
    with pytest.raises(ValueError, match="lengths must be"):
        best_paths(positions[None], scores[None], step[None], step[None] + 1, np.array([3]), 1)
