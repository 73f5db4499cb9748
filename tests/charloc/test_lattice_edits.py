"""Every transcript one edit away, and the cheapest of all, against laying each of them by enumeration."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloc.lattice import best_reading, edit_costs

Problem = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """1-3 characters of an alphabet of 3 over 1-6 cuts and spans of 1-3 cuts; some forbidden."""
    cuts, reach = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    spans = np.where(rng.random((3, cuts, reach)) < 0.15, np.inf, rng.exponential(2, (3, cuts, reach)))
    starts, ends = rng.exponential(1, cuts), rng.exponential(1, cuts)
    names = rng.integers(0, 3, draw(st.integers(1, 3)))
    return spans.astype(np.float32), names, starts.astype(np.float32), ends.astype(np.float32)


def least(spans: np.ndarray, names: tuple[int, ...], starts: np.ndarray, ends: np.ndarray) -> float:
    """The cheapest layout, by trying every one."""
    _, cuts, reach = spans.shape

    def lay(k: int, cut: int) -> float:
        if k == len(names):
            return float(ends[cut])
        later = [float(spans[names[k], cut, d]) + lay(k + 1, cut + 1 + d) for d in range(min(reach, cuts - 1 - cut))]
        return min(later, default=np.inf)

    return min(float(starts[cut]) + lay(0, cut) for cut in range(cuts))


@settings(max_examples=150)
@given(problems())
def test_every_edit_costs_what_its_transcript_costs(problem: Problem) -> None:
    spans, names, starts, ends = problem
    cost, changed, added, dropped, swapped = edit_costs(*problem)
    word = tuple(names.tolist())

    def costs(*other: int) -> object:
        return pytest.approx(least(spans, other, starts, ends), abs=1e-4)

    assert cost == costs(*word)
    for k in range(len(word)):
        assert dropped[k] == costs(*word[:k], *word[k + 1 :])
        assert [changed[k, c] for c in range(3)] == [costs(*word[:k], c, *word[k + 1 :]) for c in range(3)]
        assert changed[k, word[k]] == pytest.approx(cost, abs=1e-4)
    for k in range(len(word) + 1):
        assert [added[k, c] for c in range(3)] == [costs(*word[:k], c, *word[k:]) for c in range(3)]
    for k in range(len(word) - 1):
        assert swapped[k] == costs(*word[:k], word[k + 1], word[k], *word[k + 2 :])


@settings(max_examples=100)
@given(problems(), st.lists(st.floats(0, 3, width=32), min_size=3, max_size=3))
def test_no_characters_are_cheaper_than_those_read(problem: Problem, prices: list[float]) -> None:
    spans, _, starts, ends = problem
    paid = np.array(prices, np.float32)
    names, cost = best_reading(spans, starts, ends, paid)
    every = [word for many in range(1, spans.shape[1]) for word in product(range(3), repeat=many)]
    best = min((least(spans, word, starts, ends) + sum(prices[c] for c in word) for word in every), default=np.inf)
    assert cost == pytest.approx(best, abs=1e-3)
    if np.isfinite(cost):
        read = tuple(names.tolist())
        assert least(spans, read, starts, ends) + sum(prices[c] for c in read) == pytest.approx(cost, abs=1e-3)
    else:
        assert not len(names)
