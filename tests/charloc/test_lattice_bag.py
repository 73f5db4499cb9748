"""A bag of characters over cuts, against enumeration of every way to lay it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloc.lattice import best_bag, best_cover

Bag = tuple[np.ndarray, np.ndarray, np.ndarray]


@st.composite
def bags(draw: st.DrawFn) -> Bag:
    """1-3 characters, each 0-2 times, over 1-7 cuts and spans of 1-3 cuts; some forbidden."""
    kinds, cuts, reach = draw(st.integers(1, 3)), draw(st.integers(1, 7)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    spans = np.where(rng.random((kinds, cuts, reach)) < 0.15, np.inf, rng.exponential(2, (kinds, cuts, reach)))
    return spans.astype(np.float32), rng.exponential(1, cuts - 1).astype(np.float32), rng.integers(0, 3, kinds)


def least(spans: np.ndarray, skip: np.ndarray, left: tuple[int, ...], cut: int = 0) -> float:
    """The cost of the cheapest bag, by trying everything."""
    if cut == len(skip):
        return np.inf if any(left) else 0.0
    best = float(skip[cut]) + least(spans, skip, left, cut + 1)
    for d in range(min(spans.shape[2], len(skip) - cut)):
        for c in np.flatnonzero(left):
            fewer = tuple(n - (k == c) for k, n in enumerate(left))
            best = min(best, float(spans[c, cut, d]) + least(spans, skip, fewer, cut + 1 + d))
    return best


def check(bag: Bag, chosen: np.ndarray, names: np.ndarray, cost: float) -> None:
    """`chosen` is a bag, and costs what it says."""
    spans, skip, counts = bag
    assert np.bincount(names, minlength=len(counts)).tolist() == counts.tolist()
    starts, ends = chosen[:, 0], chosen[:, 0] + 1 + chosen[:, 1]
    assert (starts[1:] >= ends[:-1]).all() and (ends <= len(skip)).all()
    taken = np.zeros(len(skip), bool)
    for start, end in zip(starts, ends, strict=True):
        taken[start:end] = True
    total = spans[names, chosen[:, 0], chosen[:, 1]].sum() + skip[~taken].sum()
    assert cost == pytest.approx(float(total), abs=1e-3)


@settings(max_examples=150)
@given(bags())
def test_no_bag_is_cheaper_than_the_bound_and_where_they_meet_it_is_the_best(bag: Bag) -> None:
    spans, skip, counts = bag
    best = least(spans, skip, tuple(counts.tolist()))
    chosen, names, cost, bound = best_bag(spans, skip, counts)
    assert bound <= best + 1e-3
    assert best <= cost + 1e-3
    if np.isfinite(cost):
        check(bag, chosen, names, cost)
    if np.isinf(best):
        assert (chosen == -1).all()


def test_it_is_nearly_always_the_best() -> None:
    rng = np.random.default_rng(5)
    missed = 0
    for _ in range(60):
        spans = rng.exponential(2, (3, 8, 3)).astype(np.float32)
        skip, counts = rng.exponential(1, 7).astype(np.float32), rng.integers(0, 3, 3)
        best = least(spans, skip, tuple(counts.tolist()))
        cost = best_bag(spans, skip, counts)[2]
        missed += cost > best + 1e-3
    assert missed <= 6


@settings(max_examples=100)
@given(bags())
def test_one_kind_of_character_needs_no_prices(bag: Bag) -> None:
    spans, skip, counts = bag
    count = int(counts[0])
    best = least(spans[:1], skip, (count,))
    chosen, cost = best_cover(spans[0], skip, count)
    assert cost == pytest.approx(best, abs=1e-3)
    if np.isfinite(best):
        check((spans[:1], skip, counts[:1]), chosen, np.zeros(count, np.int64), cost)


def test_as_often_as_it_occurs_though_another_would_be_cheaper() -> None:
    """Both spans look more like a than like b; one of them must be the b: the one that loses least."""
    spans = np.array([[[1.0], [1.0], [9.0]], [[3.0], [2.0], [9.0]]], np.float32)
    chosen, names, cost, bound = best_bag(spans, np.full(2, 5.0, np.float32), np.array([1, 1]))
    assert chosen[:, 0].tolist() == [0, 1]
    assert names.tolist() == [0, 1]
    assert cost == pytest.approx(3.0)
    assert bound == pytest.approx(3.0, abs=1e-2)


def test_an_empty_bag_skips_everything_and_a_full_one_has_no_room() -> None:
    spans, skip = np.ones((1, 3, 2), np.float32), np.array([2.0, 3.0], np.float32)
    chosen, names, cost, _ = best_bag(spans, skip, np.array([0]))
    assert len(chosen) == len(names) == 0
    assert cost == 5
    chosen, _, cost, _ = best_bag(spans, skip, np.array([3]))
    assert cost == np.inf
    assert (chosen == -1).all()
