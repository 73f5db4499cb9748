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
    count, reach = spans.width.shape
    ends = np.arange(count)[:, None] + 1 + np.arange(reach)[None, :]
    gap = np.where(ends < count, spans.columns[np.minimum(ends, count - 1)] - spans.columns[:, None], 0)
    costs: Floats = _span_costs(
        spans.width, spans.top, spans.bottom, spans.mass, gap.astype(np.float32) / spans.core, spans.crossed,
        expected.width * scale, expected.width_sigma, expected.top, expected.bottom, expected.height_sigma,
        expected.space, np.zeros((len(expected.width), count), np.float32) if evidence is None else evidence.inside,
    )  # fmt: skip
    return costs if evidence is None or evidence.whole is None else costs - evidence.whole


@njit(cache=True, nogil=True)
def _span_costs(
    width: Floats, top: Floats, bottom: Floats, mass: Floats, gap: Floats, crossed: Floats,
    expected: Floats, sigma: Floats, expected_top: Floats, expected_bottom: Floats, height_sigma: Floats,
    space: NDArray[np.bool_], evidence: Floats,
) -> Floats:  # fmt: skip
    cuts, reach = width.shape
    out = np.full((len(expected), cuts, reach), np.float32(np.inf))
    for k in range(len(expected)):
        middle = np.log(expected[k] + WIDTH_SOFTENING)
        for i in range(cuts):
            for d in range(min(reach, cuts - 1 - i)):
                cost = CUT_COST * 0.5 * (crossed[i] + crossed[i + 1 + d])
                if space[k]:
                    off = (np.log(gap[i, d] + WIDTH_SOFTENING) - middle) / sigma[k]
                    cost += 0.5 * off * off + INKED_SPACE_COST * mass[i, d]
                elif width[i, d] <= 0:
                    cost += EMPTY_COST
                else:
                    # Beyond two deviations linear: a broken or odd glyph must not make its neighbours' ink its own.
                    off = abs(np.log(width[i, d] + WIDTH_SOFTENING) - middle) / sigma[k]
                    cost += 0.5 * off * off if off < 2.0 else off
                    rise = (top[i, d] - expected_top[k]) / height_sigma[k]
                    fall = (bottom[i, d] - expected_bottom[k]) / height_sigma[k]
                    # Capped: dots are lost and neighbours' ink is caught, and neither says much about the letter.
                    cost += min(0.5 * rise * rise, 2.0) + min(0.5 * fall * fall, 2.0)
                out[k, i, d] = cost - (evidence[k, i + 1 + d] - evidence[k, i])
    return out


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a net says of a word, already tempered, cumulated from the first cut to each.

    Args:
        inside: float32 (L, N), nats in favour of character k up to each cut.
        outside: float32 (N,), nats in favour of there being no character.
        whole: float32 (L, N, D), nats in favour of each span being all of character k and nothing else; None: unknown.
    """

    inside: Floats
    outside: Floats
    whole: Floats | None = None


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
    spans: Spans, expected: Expected, *, evidence: Evidence | None = None, fixed: Ints | None = None, passes: int = 3
) -> Solution:
    """The best layout, the letters' common width being found on the way.

    Args:
        evidence: of a net, or None to go by the ink and the usual measures alone.
        fixed: int32 (L + 1,), columns (all among `spans.columns`) that boundaries are held at, -1 where free.

    Raises:
        ValueError: there is no layout: fewer cuts than characters between two fixed boundaries.
    """
    starts, ends = outside_costs(spans)
    if evidence is not None:
        starts = starts - (evidence.outside - evidence.outside[0])
        ends = ends - (evidence.outside[-1] - evidence.outside)
    starts, ends = starts.copy(), ends.copy()
    letters = ~expected.space
    scale = float(np.clip(spans.inked / max(float(expected.width[letters].sum()), 0.1), 0.4, 3.0))
    for _ in range(passes):
        costs = span_costs(spans, expected, scale, evidence)
        if fixed is not None:
            hold(costs, starts, ends, spans, fixed)
        bounds, cost = best_segmentation(costs, starts, ends)
        if bounds[0] < 0:
            raise ValueError(f"{len(expected.width)} characters do not fit {len(spans.columns)} cuts")
        found = spans.width[bounds[:-1], np.diff(bounds) - 1]
        use = letters & (found > 0)
        if not use.any():
            break
        ratio = (found[use] + WIDTH_SOFTENING) / (expected.width[use] * scale + WIDTH_SOFTENING)
        scale = float(np.clip(scale * np.exp(np.mean(np.log(ratio))), 0.4, 3.0))
    return Solution(bounds, cost, costs, starts, ends)


def hold(costs: Floats, starts: Floats, ends: Floats, spans: Spans, fixed: Ints) -> None:
    """Forbid, in place, every layout whose boundaries are not where they are fixed."""
    count, cuts, reach = costs.shape
    reached = np.arange(cuts)[:, None] + 1 + np.arange(reach)[None, :]
    for k in np.flatnonzero(fixed >= 0):
        cut = int(np.searchsorted(spans.columns, fixed[k]))
        other = np.arange(cuts) != cut
        if k == 0:
            starts[other] = np.inf
        else:
            costs[k - 1][reached != cut] = np.inf
        if k == count:
            ends[other] = np.inf
        else:
            costs[k, other] = np.inf


def outside_costs(spans: Spans) -> tuple[Floats, Floats]:
    """Cost of starting and of ending at each cut: of the ink left out, and of the ink that cut crosses."""
    crossing = 0.5 * CUT_COST * spans.crossed
    return OUTSIDE_COST * spans.before + crossing, OUTSIDE_COST * spans.after + crossing
