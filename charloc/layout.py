"""Laying a transcript over a word's ink: prior costs, evidence, what people pinned, and the search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from charloc.glyphs import glyph
from charloc.lattice import best_segmentation
from charloc.spans import Spans
from charloc.text import is_space

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

CUT_COST = 2.5
"""Nats per stroke width of ink crossed by a cut."""
WIDTH_SOFTENING = 0.12
"""Core heights added to widths before their logarithms are compared: a dot's width is as uncertain as a letter's."""
OUTSIDE_COST = 6.0
"""Nats per core height x stroke of ink left outside the word."""
EMPTY_COST = 12.0
INKED_SPACE_COST = 25.0
SAME_SCALE = 0.01
"""The letters' common width is found when its logarithm moves by less than this."""
NO_WHOLE = np.zeros((0, 0, 0), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """What L characters, in layout order, are expected to measure, in core heights.

    Args:
        width, width_sigma: float32 (L,), median ink width and the standard deviation of its logarithm.
        top, bottom: float32 (L,), of the ink above the baseline, up positive.
        height_sigma: float32 (L,), standard deviation of top and bottom.
        space: bool (L,), which are spaces; their width is the gap's.
        pieces: int (L,), how many pieces of ink each usually has; 0 unknown.
    """

    width: Floats
    width_sigma: Floats
    top: Floats
    bottom: Floats
    height_sigma: Floats
    space: NDArray[np.bool_]
    pieces: NDArray[np.int64]


def core_of(characters: Sequence[str]) -> float:
    """A word's core band, probably, in x-heights: 1 where it has small letters, the capitals' height where not."""
    tops = np.array([glyph(character).top for character in characters])
    space = np.array([is_space(character) for character in characters], dtype=bool)
    cores = sorted(tops[~space & (tops > 0.6)]) or [1.0]
    return 1.0 if cores[len(cores) // 4] < 1.2 else float(cores[len(cores) // 2])


def expected_glyphs(characters: Sequence[str], core: float | None = None) -> Expected:
    """Measures from ordinary fonts, in units of what this word's core band probably is.

    Args:
        core: of another word, in which these characters might stand (`core_of`); None: of their own.
    """
    measured = [glyph(character) for character in characters]
    space = np.array([is_space(character) for character in characters])
    tops = np.array([each.top for each in measured])
    core = core_of(characters) if core is None else core
    width = np.array([0.55 if gap else each.width for each, gap in zip(measured, space, strict=True)])
    return Expected(
        width=(width / core).astype(np.float32),
        width_sigma=np.where(space, 0.6, 0.30).astype(np.float32),
        top=(tops / core).astype(np.float32),
        bottom=(np.array([each.bottom for each in measured]) / core).astype(np.float32),
        height_sigma=np.full(len(measured), 0.45, dtype=np.float32),
        space=space,
        pieces=np.array([each.parts for each in measured]),
    )


def span_costs(spans: Spans, expected: Expected, scale: float, evidence: Evidence | None = None) -> Floats:
    """Prior cost of every character on every span, float32 (L, N, D), nats; cutting costs included.

    Args:
        scale: what expected widths are multiplied by.
    """
    anywhere = np.array([[0, len(spans.columns) - 1]] * (len(expected.width) + 1), dtype=np.int32)
    shape = _shape_costs(spans, expected, anywhere)
    _total(shape.costs, shape, expected, scale, evidence)
    return shape.costs


@dataclass(frozen=True, slots=True, eq=False)
class ShapeCosts:
    """What of `span_costs` depends neither on the letters' scale nor on what a net says of the word, within windows:
    costs (L, N, D), those of pins included (`methods._held`), and logarithms (N, D) of the spans' widths, NaN where
    there is no ink."""

    costs: Floats
    log_width: Floats
    windows: Ints


def shape_costs(spans: Spans, expected: Expected, fixed: Ints | None = None) -> ShapeCosts:
    """For `solve`, where the same word is solved with and without a net; `fixed` as for `boundary_windows`."""
    return _shape_costs(spans, expected, boundary_windows(spans, len(expected.width), fixed))


def _shape_costs(spans: Spans, expected: Expected, windows: Ints) -> ShapeCosts:
    count, reach = spans.width.shape
    ends = np.arange(count)[:, None] + 1 + np.arange(reach)[None, :]
    gap = np.where(ends < count, spans.columns[np.minimum(ends, count - 1)] - spans.columns[:, None], 0)
    softening = np.float32(WIDTH_SOFTENING)
    log_width = np.where(spans.width > 0, np.log(spans.width + softening), np.float32(np.nan))
    log_gap = np.log(gap.astype(np.float32) / np.float32(spans.core) + softening)
    middle, certainty = _usual(expected, 1.0)
    costs: Floats = _shape(
        spans.width, spans.top, spans.bottom, spans.mass, log_gap, np.float32(0.5 * CUT_COST) * spans.crossed, middle,
        certainty, expected.top, expected.bottom, 1 / expected.height_sigma, expected.space, windows,
    )  # fmt: skip
    return ShapeCosts(costs, log_width, windows)


@njit(cache=True, nogil=True)
def _shape(
    width: Floats, top: Floats, bottom: Floats, mass: Floats, log_gap: Floats, crossing: Floats,
    middle: Floats, certainty: Floats, usual_top: Floats, usual_bottom: Floats, height_certainty: Floats,
    space: NDArray[np.bool_], windows: Ints,
) -> Floats:  # fmt: skip
    cuts, reach = width.shape
    half, most = np.float32(0.5), np.float32(2)
    inked, empty = np.float32(INKED_SPACE_COST), np.float32(EMPTY_COST)
    out = np.full((len(middle), cuts, reach), np.float32(np.inf))
    for k in range(len(middle)):
        for i in range(windows[k, 0], windows[k, 1] + 1):
            for d in range(max(windows[k + 1, 0] - i - 1, 0), min(windows[k + 1, 1] - i, reach)):
                cost = crossing[i] + crossing[i + 1 + d]
                if space[k]:
                    off = (log_gap[i, d] - middle[k]) * certainty[k]
                    cost += half * off * off + inked * mass[i, d]
                elif width[i, d] <= 0:
                    cost += empty
                else:
                    rise = (top[i, d] - usual_top[k]) * height_certainty[k]
                    fall = (bottom[i, d] - usual_bottom[k]) * height_certainty[k]
                    # Capped: dots are lost and neighbours' ink is caught, and neither says much about the letter.
                    cost += min(half * rise * rise, most) + min(half * fall * fall, most)
                out[k, i, d] = cost
    return out


def _usual(expected: Expected, scale: float) -> tuple[Floats, Floats]:
    """Logarithms of the usual widths, and one over their deviations, (L,) each."""
    middle = np.log(expected.width * np.float32(scale) + np.float32(WIDTH_SOFTENING))
    return middle, 1 / expected.width_sigma


def _total(costs: Floats, shape: ShapeCosts, expected: Expected, scale: float, evidence: Evidence | None) -> None:
    """Within the windows, `costs` (L, N, D) become those of `span_costs`."""
    letters, cuts, _ = costs.shape
    inside, whole, which = np.zeros((letters, cuts), np.float32), NO_WHOLE, np.full(letters, -1, dtype=np.int64)
    if evidence is not None:
        inside = evidence.inside
        if evidence.whole is not None and evidence.which is not None:
            whole, which = evidence.whole, evidence.which
    middle, certainty = _usual(expected, scale)
    _add(costs, shape.costs, shape.log_width, middle, certainty, expected.space, inside, whole, which, shape.windows)


@njit(cache=True, nogil=True)
def _add(
    costs: Floats, others: Floats, log_width: Floats, middle: Floats, certainty: Floats, space: NDArray[np.bool_],
    inside: Floats, whole: Floats, which: NDArray[np.int64], windows: Ints,
) -> None:  # fmt: skip
    reach = others.shape[2]
    half, two, zero = np.float32(0.5), np.float32(2), np.float32(0)
    for k in range(len(others)):
        for i in range(windows[k, 0], windows[k, 1] + 1):
            low, high = max(windows[k + 1, 0] - i - 1, 0), min(windows[k + 1, 1] - i, reach)
            for d in range(low, high):
                costs[k, i, d] = others[k, i, d] - (inside[k, i + 1 + d] - inside[k, i])
            if which[k] >= 0:
                for d in range(low, high):
                    costs[k, i, d] -= whole[which[k], i, d]
            if space[k]:
                continue
            for d in range(low, high):
                off = abs(log_width[i, d] - middle[k]) * certainty[k]
                # Beyond two deviations linear: a broken or odd glyph must not make its neighbours' ink its own.
                cost = half * off * off if off < two else off
                costs[k, i, d] += cost if off >= zero else zero


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a net says of a word, already tempered, cumulated from the first cut to each.

    Args:
        inside: float32 (L, N), nats in favour of character k up to each cut.
        outside: float32 (N,), nats in favour of there being no character.
        whole: float32 (K, N, D), nats in favour of each span being all of one of K characters and nothing else; None:
            unknown.
        which: int64 (L,), which of those K character k is; -1: of it nothing is known.
    """

    inside: Floats
    outside: Floats
    whole: Floats | None = None
    which: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """The best layout and what it was chosen among.

    Args:
        bounds: int32 (L + 1,), indices into `Spans.columns`.
        cost: nats.
        costs, starts, ends: the lattice it was the best path through (`lattice.best_segmentation`).
    """

    bounds: Ints
    cost: float
    costs: Floats
    starts: Floats
    ends: Floats


def solve(
    spans: Spans, expected: Expected, *, evidence: Evidence | None = None, fixed: Ints | None = None,
    shape: ShapeCosts | None = None, passes: int = 3,
) -> Solution:  # fmt: skip
    """The best layout, the letters' common width being found on the way.

    Args:
        evidence: of a net, or None to go by the ink and the usual measures alone.
        fixed: as for `boundary_windows`.
        shape: `shape_costs` of all these, if they are there already.

    Raises:
        ValueError: there is no layout: fewer cuts than characters between two fixed boundaries.
    """
    starts, ends = outside_costs(spans)
    if evidence is not None:
        starts = starts - (evidence.outside - evidence.outside[0])
        ends = ends - (evidence.outside[-1] - evidence.outside)
    shape = shape or shape_costs(spans, expected, fixed)
    windows = shape.windows
    starts, ends = _within(starts, windows[0]), _within(ends, windows[-1])
    letters = ~expected.space
    scale = float(np.clip(spans.inked / max(float(expected.width[letters].sum()), 0.1), 0.4, 3.0))
    costs = np.full_like(shape.costs, np.inf)
    for _ in range(passes):
        _total(costs, shape, expected, scale, evidence)
        bounds, cost = best_segmentation(costs, starts, ends)
        if bounds[0] < 0:
            raise ValueError(f"{len(expected.width)} characters do not fit {len(spans.columns)} cuts")
        found = spans.width[bounds[:-1], np.diff(bounds) - 1]
        use = letters & (found > 0)
        if not use.any():
            break
        ratio = (found[use] + WIDTH_SOFTENING) / (expected.width[use] * scale + WIDTH_SOFTENING)
        before, scale = scale, float(np.clip(scale * np.exp(np.mean(np.log(ratio))), 0.4, 3.0))
        if abs(np.log(scale / before)) < SAME_SCALE:
            break
    return Solution(bounds, cost, costs, starts, ends)


def boundary_windows(spans: Spans, count: int, fixed: Ints | None = None) -> Ints:
    """Between which cuts each boundary is in any layout that `fixed` allows, int32 (count + 1, 2), both included.

    Args:
        fixed: int32 (count + 1,), columns (all among `spans.columns`) that boundaries are held at, -1 where free; or
            (count + 1, 2), columns that they are held between.

    Where there is no layout some windows are empty.
    """
    cuts, reach = spans.width.shape
    windows = np.array([[0, cuts - 1]] * (count + 1), dtype=np.int32)
    if fixed is not None:
        between = fixed.reshape(count + 1, -1)
        held = np.flatnonzero(between[:, 0] >= 0)
        windows[held] = np.searchsorted(spans.columns, between[held])
    for k in range(count):
        windows[k + 1] = max(windows[k + 1, 0], windows[k, 0] + 1), min(windows[k + 1, 1], windows[k, 1] + reach)
    for k in range(count - 1, -1, -1):
        windows[k] = max(windows[k, 0], windows[k + 1, 0] - reach), min(windows[k, 1], windows[k + 1, 1] - 1)
    return windows


def hold(costs: Floats, starts: Floats, ends: Floats, windows: Ints) -> None:
    """Forbid, in place, every layout whose boundaries are not within their windows (`boundary_windows`)."""
    count, cuts, reach = costs.shape
    start = np.arange(cuts)
    end = start[:, None] + 1 + np.arange(reach)[None, :]
    for k in range(count):
        costs[k, (start < windows[k, 0]) | (start > windows[k, 1])] = np.inf
        costs[k, (end < windows[k + 1, 0]) | (end > windows[k + 1, 1])] = np.inf
    starts[:], ends[:] = _within(starts, windows[0]), _within(ends, windows[-1])


def _within(costs: Floats, window: Ints) -> Floats:
    cut = np.arange(len(costs))
    return np.where((cut >= window[0]) & (cut <= window[1]), costs, np.float32(np.inf))


def outside_costs(spans: Spans) -> tuple[Floats, Floats]:
    """Cost of starting and of ending at each cut: of the ink left out, and of the ink that cut crosses."""
    crossing = 0.5 * CUT_COST * spans.crossed
    return OUTSIDE_COST * spans.before + crossing, OUTSIDE_COST * spans.after + crossing
