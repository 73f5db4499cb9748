"""The searches against enumeration of every layout."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloc.lattice import (
    best_segmentation,
    best_segmentations,
    segmentation_posterior,
    segmentation_posteriors,
)

Lattice = tuple[np.ndarray, np.ndarray, np.ndarray]


@st.composite
def lattices(draw: st.DrawFn, forbidden: bool = True) -> Lattice:
    """1-4 characters, 1-7 cuts, spans of 1-6 cuts; whole and half costs, so that there are ties; some forbidden."""
    count, cuts, reach = draw(st.integers(1, 4)), draw(st.integers(1, 7)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    share = draw(st.sampled_from([0.0, 0.2, 0.6])) if forbidden else 0.0

    def costs(*shape: int) -> np.ndarray:
        values = rng.integers(-6, 12, shape) / 2
        return np.where(rng.random(shape) < share, np.inf, values).astype(np.float32)

    return costs(count, cuts, reach), costs(cuts), costs(cuts)


def layouts(lattice: Lattice) -> dict[tuple[int, ...], float]:
    """Every layout and its cost, forbidden ones left out."""
    spans, starts, ends = (each.astype(np.float64) for each in lattice)
    count, cuts, reach = spans.shape
    found = {}
    for bounds in combinations(range(cuts), count + 1):
        steps = np.diff(bounds) - 1
        if steps.max() < reach:
            inner = sum(spans[k, bounds[k], steps[k]] for k in range(count))
            cost = float(starts[bounds[0]] + inner + ends[bounds[-1]])
            if np.isfinite(cost):
                found[bounds] = cost
    return found


@settings(max_examples=150)
@given(lattices())
def test_the_best_layout_is_the_cheapest_of_all(lattice: Lattice) -> None:
    every = layouts(lattice)
    bounds, cost = best_segmentation(*lattice)
    assert bounds.dtype == np.int32
    assert bounds.shape == (len(lattice[0]) + 1,)
    if every:
        assert cost == pytest.approx(min(every.values()), abs=1e-6)
        assert every[tuple(bounds.tolist())] == pytest.approx(cost, abs=1e-6)
    else:
        assert cost == np.inf
        assert (bounds == -1).all()


@settings(max_examples=150)
@given(lattices())
def test_the_posterior_is_that_of_all_layouts(lattice: Lattice) -> None:
    every = layouts(lattice)
    posterior, log_z = segmentation_posterior(*lattice)
    expected = np.zeros(posterior.shape)
    for bounds, cost in every.items():
        expected[np.arange(len(bounds)), list(bounds)] += np.exp(-cost)
    if every:
        np.testing.assert_allclose(posterior, expected / expected.sum(axis=1, keepdims=True), atol=1e-9)
        np.testing.assert_allclose(posterior.sum(axis=1), 1.0, atol=1e-9)
        assert log_z == pytest.approx(float(np.log(expected[0].sum())), abs=1e-6)
    else:
        assert log_z == -np.inf
        assert not posterior.any()


@settings(max_examples=60)
@given(lattices(), st.integers(1, 4))
def test_forbidden_cuts_at_the_end_change_nothing(lattice: Lattice, more: int) -> None:
    """What a shorter word is padded with in a batch."""
    spans, starts, ends = lattice
    padded = (
        np.pad(spans, ((0, 0), (0, more), (0, 2)), constant_values=np.inf),
        np.pad(starts, (0, more), constant_values=np.inf),
        np.pad(ends, (0, more), constant_values=np.inf),
    )
    # A span that runs past the last cut was no span; now it would be one.
    cuts = len(starts)
    for i in range(cuts):
        padded[0][:, i, cuts - 1 - i :] = np.inf
    bounds, cost = best_segmentation(*lattice)
    again, same = best_segmentation(*padded)
    assert again.tolist() == bounds.tolist()
    assert same == cost
    posterior, log_z = segmentation_posterior(*lattice)
    wider, same = segmentation_posterior(*padded)
    np.testing.assert_array_equal(wider[:, :cuts], posterior)
    assert not wider[:, cuts:].any()
    assert same == log_z


@settings(max_examples=40)
@given(lattices(forbidden=False), st.data())
def test_a_forbidden_span_is_not_taken(lattice: Lattice, data: st.DataObject) -> None:
    spans, starts, ends = lattice
    bounds, cost = best_segmentation(*lattice)
    if bounds[0] < 0:
        return
    k = data.draw(st.integers(0, len(spans) - 1))
    spans[k, bounds[k], bounds[k + 1] - bounds[k] - 1] = np.inf
    other, dearer = best_segmentation(spans, starts, ends)
    assert dearer >= cost
    assert other[0] < 0 or other[k : k + 2].tolist() != bounds[k : k + 2].tolist()


def test_one_character_takes_the_cheapest_span() -> None:
    spans = np.array([[[5, 1], [2, 9], [9, 9]]], np.float32)
    nothing = np.zeros(3, np.float32)
    bounds, cost = best_segmentation(spans, nothing, nothing)
    assert bounds.tolist() == [0, 2]
    assert cost == 1


def test_more_characters_than_spans_have_no_layout() -> None:
    bounds, cost = best_segmentation(np.zeros((3, 3, 2), np.float32), np.zeros(3, np.float32), np.zeros(3, np.float32))
    assert bounds.tolist() == [-1] * 4
    assert cost == np.inf


def test_a_long_line_neither_overflows_nor_underflows() -> None:
    """400 characters at 50 nats each: weights of exp(-20000)."""
    rng = np.random.default_rng(3)
    spans = (50 + rng.random((400, 600, 4))).astype(np.float32)
    nothing = np.zeros(600, np.float32)
    posterior, log_z = segmentation_posterior(spans, nothing, nothing)
    _, cost = best_segmentation(spans, nothing, nothing)
    np.testing.assert_allclose(posterior.sum(axis=1), 1.0, atol=1e-6)
    assert np.isfinite(log_z)
    assert log_z > -cost


@settings(max_examples=60)
@given(st.lists(lattices(), min_size=1, max_size=3), st.integers(0, 2))
def test_alone_or_in_a_batch_whatever_the_padding(each: list[Lattice], more: int) -> None:
    most, widest, reach = (max(lattice[0].shape[axis] for lattice in each) + more for axis in range(3))
    spans = np.full((len(each), most, widest, reach), np.inf, dtype=np.float32)
    starts = np.full((len(each), widest), np.nan, dtype=np.float32)
    ends = starts.copy()
    lengths, cuts = (np.array([lattice[0].shape[axis] for lattice in each]) for axis in (0, 1))
    for b, (costs, first, last) in enumerate(each):
        spans[b, lengths[b] :] = spans[b, :, cuts[b] :] = np.nan
        spans[b, : lengths[b], : cuts[b], : costs.shape[2]] = costs
        starts[b, : cuts[b]], ends[b, : cuts[b]] = first, last
    bounds, cost = best_segmentations(spans, starts, ends, lengths, cuts)
    posterior, log_z = segmentation_posteriors(spans, starts, ends, lengths, cuts)
    for b, lattice in enumerate(each):
        alone, same = best_segmentation(*lattice)
        assert bounds[b].tolist() == alone.tolist() + [-1] * (most - lengths[b])
        assert cost[b] == same
        each_alone, same = segmentation_posterior(*lattice)
        np.testing.assert_allclose(posterior[b, : lengths[b] + 1, : cuts[b]], each_alone, atol=1e-12)
        assert posterior[b].sum() == pytest.approx(each_alone.sum())
        assert log_z[b] == pytest.approx(same)


def test_no_characters_have_one_boundary() -> None:
    bounds, cost = best_segmentation(np.zeros((0, 3, 2), np.float32), np.float32([2, 0, 1]), np.float32([0, 1, 2]))
    assert bounds.tolist() == [1]
    assert cost == 1
