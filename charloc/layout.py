"""Laying a transcript over a word's ink: prior costs, pins, the search, and the boxes that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from charloc.glyphs import glyph
from charloc.ink import EIGHT, Ink, label_columns
from charloc.lattice import best_segmentation
from charloc.spans import Spans
from charloc.text import is_space

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

CUT_COST = 2.0
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


def expected_glyphs(characters: Sequence[str]) -> Expected:
    """Measures from ordinary fonts, in units of what this word's core band probably is.

    The core is the x-height where the word has small letters, the capitals' height where it has none.
    """
    measured = [glyph(character) for character in characters]
    space = np.array([is_space(character) for character in characters])
    tops = np.array([each.top for each in measured])
    cores = sorted(tops[~space & (tops > 0.6)]) or [1.0]
    core = 1.0 if cores[len(cores) // 4] < 1.2 else cores[len(cores) // 2]
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


def span_costs(spans: Spans, expected: Expected, scale: float) -> Floats:
    """Prior cost of every character on every span, float32 (L, N, D), nats; cutting costs included.

    Args:
        scale: what expected widths are multiplied by.
    """
    count, reach = spans.width.shape
    ends = np.arange(count)[:, None] + 1 + np.arange(reach)[None, :]
    gap = np.where(ends < count, spans.columns[np.minimum(ends, count - 1)] - spans.columns[:, None], 0)
    return _span_costs(
        spans.width, spans.top, spans.bottom, spans.mass, gap.astype(np.float32) / spans.core, spans.crossed,
        expected.width * scale, expected.width_sigma, expected.top, expected.bottom, expected.height_sigma,
        expected.space,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _span_costs(
    width: Floats, top: Floats, bottom: Floats, mass: Floats, gap: Floats, crossed: Floats,
    expected: Floats, sigma: Floats, expected_top: Floats, expected_bottom: Floats, height_sigma: Floats,
    space: NDArray[np.bool_],
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
                    off = (np.log(width[i, d] + WIDTH_SOFTENING) - middle) / sigma[k]
                    cost += 0.5 * off * off
                    rise = (top[i, d] - expected_top[k]) / height_sigma[k]
                    fall = (bottom[i, d] - expected_bottom[k]) / height_sigma[k]
                    # Capped: dots are lost and neighbours' ink is caught, and neither says much about the letter.
                    cost += min(0.5 * rise * rise, 2.0) + min(0.5 * fall * fall, 2.0)
                out[k, i, d] = cost
    return out


def outside_costs(spans: Spans) -> tuple[Floats, Floats]:
    """Cost of starting and of ending at each cut: of the ink left out, and of the ink that cut crosses."""
    crossing = 0.5 * CUT_COST * spans.crossed
    return OUTSIDE_COST * spans.before + crossing, OUTSIDE_COST * spans.after + crossing


def solve(spans: Spans, expected: Expected, passes: int = 3) -> tuple[Ints, float, float]:
    """The best layout under the prior alone, the letters' common width being found on the way.

    Returns:
        bounds: int32 (L + 1,), indices into `spans.columns`; all -1 where the word cannot be laid out.
        cost: nats.
        scale: what expected widths were multiplied by.
    """
    starts, ends = outside_costs(spans)
    letters = ~expected.space
    scale = float(np.clip(spans.inked / max(float(expected.width[letters].sum()), 0.1), 0.4, 3.0))
    bounds, cost = np.full(len(expected.width) + 1, -1, dtype=np.int32), np.inf
    for _ in range(passes):
        bounds, cost = best_segmentation(span_costs(spans, expected, scale), starts, ends)
        if bounds[0] < 0:
            break
        found = spans.width[bounds[:-1], np.diff(bounds) - 1]
        use = letters & (found > 0)
        if not use.any():
            break
        ratio = (found[use] + WIDTH_SOFTENING) / (expected.width[use] * scale + WIDTH_SOFTENING)
        scale = float(np.clip(scale * np.exp(np.mean(np.log(ratio))), 0.4, 3.0))
    return bounds, cost, scale


def ink_boxes(ink: Ink, spans: Spans, bounds: Ints, expected: Expected) -> Floats:
    """Tight boxes of each span's ink in the picture, float32 (L, 4), NaN for spaces and where there is no ink.

    A piece of ink that lies almost wholly in one span is that span's, whole: seams do not clip serifs, and what
    hangs over a neighbour comes along. Pieces too small and too far to belong to a letter of one piece are left out.
    """
    height, width = ink.mask.shape
    labels = label_columns(spans.step, spans.middle, spans.columns[bounds], ink.shift, width)
    count = len(bounds) - 1
    owner = np.where(ink.mask, labels, 0)
    owner[owner > count] = 0
    owner = _whole_pieces(owner, ink.components, ink.areas, count)
    pieces, number = ndimage.label(owner > 0, EIGHT) if count == 1 else _label_by_owner(owner, count)
    boxes = np.full((count, 4), np.nan, dtype=np.float32)
    if not number:
        return boxes
    areas = np.bincount(pieces.ravel(), minlength=number + 1)[1:]
    found = ndimage.find_objects(pieces)
    extents = np.array([(c.start, r.start, c.stop, r.stop) for r, c in found], dtype=np.float32)
    first = np.array([owner[r, c][pieces[r, c] == i + 1][0] for i, (r, c) in enumerate(found)]) - 1
    for k in range(count):
        mine = np.flatnonzero(first == k)
        if not len(mine) or expected.space[k]:
            continue
        kept = mine[_belongs(extents[mine], areas[mine], int(expected.pieces[k]), ink)]
        boxes[k, :2] = extents[kept, :2].min(axis=0)
        boxes[k, 2:] = extents[kept, 2:].max(axis=0)
    return boxes


def _label_by_owner(owner: Ints, count: int) -> tuple[Ints, int]:
    """Connected pieces of equal owner: odd and even owners are labelled apart, since only neighbours touch."""
    total = np.zeros(owner.shape, dtype=np.int32)
    number = 0
    for parity in (0, 1, 2):
        labels, more = ndimage.label((owner > 0) & (owner % 3 == parity), EIGHT)
        total = np.where(labels > 0, labels + number, total)
        number += more
    return total.astype(np.int32), number


@njit(cache=True, nogil=True)
def _whole_pieces(owner: Ints, components: Ints, areas: NDArray[np.int64], count: int) -> Ints:
    """Give components that lie mostly in one span to that span as a whole."""
    height, width = owner.shape
    shares = np.zeros((len(areas), count + 1), dtype=np.int64)
    for y in range(height):
        for x in range(width):
            if components[y, x]:
                shares[components[y, x], owner[y, x]] += 1
    winner = np.zeros(len(areas), dtype=np.int32)
    for c in range(1, len(areas)):
        best = np.argmax(shares[c])
        if shares[c, best] >= 0.8 * areas[c]:
            winner[c] = best
        else:
            winner[c] = -1
    out = owner.copy()
    for y in range(height):
        for x in range(width):
            c = components[y, x]
            if c and winner[c] >= 0:
                out[y, x] = winner[c]
    return out


def _belongs(extents: Floats, areas: NDArray[np.int64], usual: int, ink: Ink) -> NDArray[np.bool_]:
    """Which of a span's pieces are its letter's, given how many pieces the letter usually has (0 unknown)."""
    largest = int(np.argmax(areas))
    keep = np.ones(len(areas), dtype=bool)
    if len(areas) == 1:
        return keep
    main = extents[largest]
    small = areas < 0.10 * areas[largest]
    gap_x = np.maximum(np.maximum(main[0] - extents[:, 2], extents[:, 0] - main[2]), 0)
    gap_y = np.maximum(np.maximum(main[1] - extents[:, 3], extents[:, 1] - main[3]), 0)
    away = np.maximum(gap_x, gap_y)
    if usual == 1:
        keep = ~(small & (away > 0.12 * ink.core)) & ~((areas < 0.3 * areas[largest]) & (away > 0.5 * ink.core))
    else:
        keep = ~(small & (areas < 0.3 * ink.stroke**2)) & ~((areas < 0.04 * areas[largest]) & (away > ink.core))
    keep[largest] = True
    return keep
