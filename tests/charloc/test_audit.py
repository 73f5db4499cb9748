"""An audit's intervals: against brute force, and by simulation where the truth is known."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from charloc.audit import (
    FARTHEST_H,
    LEVEL,
    Estimate,
    character_rate,
    clopper_pearson,
    mean,
    quality,
    sample,
    word_rate,
    words_for,
)
from charloc.metrics import word_errors

TIMES = 400
# Asked for: 95 % intervals that cover at least .93 of the time; one standard error of `TIMES` draws is .013.
ASKED, NOISE = 0.93, 0.02

Words = tuple[NDArray[np.int64], NDArray[np.int64]]


def test_a_sample_is_decided_by_its_seed_and_can_be_made_larger() -> None:
    ids = list(range(3, 90))
    drawn = sample(ids, seed=5)
    assert sorted(drawn) == ids
    assert sample(reversed(ids), seed=5) == drawn
    assert sample(ids, seed=6) != drawn
    # Words imported later come in somewhere; the order of the others stays.
    assert [id for id in sample([*ids, 200, 201], seed=5) if id < 200] == drawn


def test_every_word_and_every_pair_is_drawn_equally_often() -> None:
    drawn = [tuple(sorted(sample(range(6), seed)[:2])) for seed in range(3000)]
    counts = [drawn.count(pair) for pair in combinations(range(6), 2)]
    assert sum((count - 200) ** 2 / 200 for count in counts) < 36.1  # chi squared, 14 degrees of freedom, p = .001


@pytest.mark.parametrize("population", [1, 7, 40])
def test_word_intervals_cover_whatever_is_true(population: int) -> None:
    """Every sample of every population: the chance of covering, summed exactly."""
    for words in {1, population // 3 or 1, population - 1 or 1, population}:
        found = [word_rate(wrong, words, population) for wrong in range(words + 1)]
        for all_wrong in range(population + 1):
            chance = 0.0
            for wrong in range(words + 1):
                of_these = math.comb(all_wrong, wrong) * math.comb(population - all_wrong, words - wrong)
                if found[wrong].low - 1e-12 <= all_wrong / population <= found[wrong].high + 1e-12:
                    chance += of_these / math.comb(population, words)
            assert chance >= LEVEL - 1e-9, (words, all_wrong)


def test_word_intervals_of_a_large_population_are_clopper_and_pearsons() -> None:
    # Two-sided intervals for 4 of 20 and 0 of 30, from their tables.
    assert word_rate(4, 20).low == pytest.approx(0.0573, abs=1e-4)
    assert word_rate(4, 20).high == pytest.approx(0.4366, abs=1e-4)
    assert word_rate(0, 30).high == pytest.approx(0.1157, abs=1e-4)
    for wrong in (0, 3, 50):
        near, exact = word_rate(wrong, 50, 2_000_000), word_rate(wrong, 50)
        assert (near.low, near.high) == pytest.approx((exact.low, exact.high), abs=1e-4)


def test_a_whole_population_leaves_nothing_open() -> None:
    assert (word_rate(3, 12, 12).low, word_rate(3, 12, 12).high) == (0.25, 0.25)
    every = character_rate([1, 0, 2], [4, 4, 2], 3)
    assert (every.low, every.value, every.high) == (0.3, 0.3, 0.3)
    assert mean([1.0, 0.5], [4, 2], 2).width == 0


def test_nothing_judged_says_nothing() -> None:
    for each in (word_rate(0, 0), character_rate([], []), mean([], [])):
        assert math.isnan(each.value) and (each.low, each.high, each.words) == (0.0, 1.0, 0)
        assert words_for(each, 0.01) is None


def test_characters_gain_from_a_finite_population_as_words_do() -> None:
    alone = [0] * 60
    for population in (80, 300, 5000):
        of_words, of_characters = word_rate(0, 60, population), character_rate(alone, [4] * 60, population)
        assert of_characters.high == pytest.approx(of_words.high, rel=0.01), "of words of one length"
    rng = np.random.default_rng(5)
    wrong, of = one_by_one(rng, 200, 0.3)
    half = character_rate(wrong, of, 400)
    assert half.width == pytest.approx(character_rate(wrong, of).width / math.sqrt(2), rel=0.03)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=40), st.integers(0, 60))
def test_intervals_hold_their_value(words: list[tuple[int, int]], more: int) -> None:
    of = [count for _, count in words]
    wrong = [min(bad, count) for bad, count in words]
    for population in (None, len(words) + more):
        rate = character_rate(wrong, of, population)
        middle = mean([bad * FARTHEST_H for bad in wrong], of, population)
        for each in (rate, middle):
            assert 0 <= each.low <= each.value + 1e-9 and each.value - 1e-9 <= each.high <= 1
        assert (rate.wrong, rate.of, rate.value) == (sum(wrong), sum(of), pytest.approx(sum(wrong) / sum(of)))


# --- coverage, where the truth is known -------------------------------------------------------------------------------


def one_by_one(rng: np.random.Generator, words: int, p: float) -> Words:
    of = rng.integers(1, 13, words)
    return rng.binomial(of, p), of


def in_bunches(rng: np.random.Generator, words: int, p: float) -> Words:
    of = rng.integers(1, 13, words)
    return rng.binomial(of, rng.beta(0.2, 0.2 / p * (1 - p), words)), of


def whole_words(rng: np.random.Generator, words: int, p: float) -> Words:
    of = rng.integers(1, 13, words)
    return np.where(rng.random(words) < p, of, 0), of


def mostly_one_sometimes_all(rng: np.random.Generator, words: int, p: float) -> Words:
    of = rng.integers(1, 13, words)
    return np.where(rng.random(words) < 2 * p, np.where(rng.random(words) < 0.2, of, 1), 0), of


def long_words(rng: np.random.Generator, words: int, p: float) -> Words:
    of = rng.integers(1, 13, words)
    return rng.binomial(of, np.minimum(p * (of / 6) ** 2, 1)), of


KINDS = (one_by_one, in_bunches, whole_words, mostly_one_sometimes_all, long_words)


@pytest.mark.parametrize("population", [400, 5000])
@pytest.mark.parametrize("kind", KINDS)
def test_character_intervals_cover_the_truth(kind, population: int) -> None:
    rng = np.random.default_rng(1)
    for p in (0.003, 0.01, 0.03, 0.2):
        wrong, of = kind(rng, population, p)
        truth = wrong.sum() / of.sum()
        for words in (50, 200):
            covered = 0
            for _ in range(TIMES):
                drawn = rng.permutation(population)[:words]
                found = character_rate(wrong[drawn], of[drawn], population)
                covered += found.low <= truth <= found.high
            assert covered / TIMES >= ASKED - NOISE, (p, words, truth)


@pytest.mark.parametrize("gross", [0.0, 0.005, 0.03])
def test_mean_intervals_cover_the_truth(gross: float) -> None:
    """Small errors everywhere, and in some words half of the characters far off."""
    rng = np.random.default_rng(2)
    population = 2000
    of = rng.integers(1, 13, population)
    sums = np.zeros(population)
    for index, count in enumerate(of):
        errors = rng.gamma(2, 0.03, count) * rng.gamma(4, 1 / 4)
        if rng.random() < 2 * gross:
            errors += (rng.random(count) < 0.5) * rng.uniform(0.3, 1.2, count)
        sums[index] = np.minimum(errors, FARTHEST_H).sum()
    truth = sums.sum() / of.sum()
    for words in (100, 300):
        covered = 0
        for _ in range(TIMES):
            drawn = rng.permutation(population)[:words]
            found = mean(sums[drawn], of[drawn], population)
            covered += found.low <= truth <= found.high
        assert covered / TIMES >= ASKED - NOISE, words


# --- how many words ---------------------------------------------------------------------------------------------------


def test_so_many_words_are_the_fewest_that_do() -> None:
    now = word_rate(6, 60, 3000)
    needed = words_for(now, 0.05, 3000)
    assert needed is not None

    def width(words: int) -> float:
        return word_rate(round(0.1 * words), words, 3000).width

    assert width(needed) <= 0.05
    assert width(needed - 10) > 0.05
    assert words_for(now, 0.5, 3000) == 60, "it is narrow enough"
    assert words_for(now, 1e-9, 3000) == 3000, "at most all of them"
    assert words_for(word_rate(0, 30), 0.01) == pytest.approx(367, abs=2)  # 1 - .025^(1/n) = .01


@pytest.mark.parametrize("kind", [one_by_one, in_bunches, whole_words])
def test_a_sample_as_large_as_said_is_as_narrow_as_wanted(kind) -> None:
    rng = np.random.default_rng(3)
    wrong, of = kind(rng, 5000, 0.05)
    drawn = rng.permutation(5000)
    now = character_rate(wrong[drawn[:200]], of[drawn[:200]], 5000)
    wanted = now.width / 2
    needed = words_for(now, wanted, 5000)
    assert needed is not None and 400 < needed < 1200
    then = character_rate(wrong[drawn[:needed]], of[drawn[:needed]], 5000)
    assert then.width < 1.25 * wanted


# --- from boxes to rates ----------------------------------------------------------------------------------------------


def test_what_is_wrong_is_counted_by_centre_and_by_box() -> None:
    true = [(0.0, 0.0, 10.0, 20.0), (10.0, 0.0, 20.0, 20.0), None]
    right = word_errors(true, true)
    # One centre 0.3 h away with an overlap of a quarter; one in its place but half as high and half as wide.
    off = word_errors(true, [(6.0, 0.0, 16.0, 20.0), (12.5, 5.0, 17.5, 15.0), None])
    gone = word_errors(true[:1], [None])
    found = quality([right, off, gone, word_errors([None], [None])], population=50)
    assert (found.words, found.chars) == (3, 5)
    assert (found.centres.wrong, found.boxes.wrong) == (2, 3)
    assert (found.words_centres.wrong, found.words_boxes.wrong) == (2, 2)
    assert found.mean_h.value == pytest.approx((0.3 + 1.0) / 5)
    assert clopper_pearson(2, 3)[0] < found.words_boxes.low, "of 50 words, not of any number"


def test_an_estimate_knows_its_width() -> None:
    assert Estimate(0.5, 0.25, 1.0, 3).width == 0.75
