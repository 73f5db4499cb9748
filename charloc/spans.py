"""Candidate cuts through a word's ink, and what lies between any two of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from charloc.ink import Ink
from charloc.seams import label_columns, seam_costs, seam_tables

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
INKED = 0.35
"""Soft ink that counts as ink when a span's extent is measured."""
SIDEWAYS = 0.08
"""Soft ink that a seam would rather cross than move one column sideways."""


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """N candidate cuts of a word and the N x D spans from each cut to the D next ones.

    A cut is a seam: what lies between two of them is told by the seams, not by columns, so that what a span is judged
    by is just the ink it would get.

    Args:
        columns: int32 (N,), upright columns of the cuts at the row `middle`, ascending.
        crossed: float32 (N,), soft ink crossed by the seam through each cut, in stroke widths.
        width: float32 (N, D), width of the ink in a span, core heights; 0 where it holds none.
        top, bottom: float32 (N, D), highest and lowest ink of a span above the core's bottom, core heights (up is
            positive); 0 where it holds none.
        before, after: float32 (N,), ink left and right of each cut, in units of core height x stroke.
        mass: float32 (N, D), ink inside a span in those units.
        next_ink, last_ink: int32 (N,), first column with ink at or right of each cut; end of the last one left of it.
        step: int8 (H, U), how seams run (`seams.seam_tables`).
        middle: the row at which `columns` holds.
        core: the core height, px.
        inked: columns that hold ink, core heights.
    """

    columns: Ints
    crossed: Floats
    width: Floats
    top: Floats
    bottom: Floats
    before: Floats
    after: Floats
    mass: Floats
    next_ink: Ints
    last_ink: Ints
    step: NDArray[np.int8]
    middle: int
    core: float
    inked: float


def find_spans(
    ink: Ink, longest: float, characters: int = 1, extra: Ints | None = None, apart: float | None = None
) -> Spans:
    """Cuts where the ink is thin, and the spans between them.

    Args:
        ink: the word's ink.
        longest: wider spans, in core heights, are left out, unless characters are few for that much ink.
        characters: there are at least twice as many spans side by side, where there are columns enough.
        extra: upright columns, ascending, that must be among the cuts (pins).
        apart: how far neighbours of `extra` may be apart that one span joins, px; None: however far they are.
    """
    upright = ink.upright
    height = upright.shape[0]
    middle = int(np.clip(round((ink.top + ink.bottom) / 2), 1, height - 1))
    cost, step = seam_tables(upright, middle, SIDEWAYS)
    crossed = seam_costs(cost, middle) / max(ink.stroke, 1.0)
    core = ink.core
    columns = _candidates(crossed, max(1, round(0.07 * core)), max(2, round(0.22 * core)))
    if extra is not None:
        columns = np.union1d(columns, extra)
    if len(columns) <= 2 * characters:
        columns = np.union1d(columns, np.linspace(0, upright.shape[1], 2 * characters + 1).round())
    columns = np.asarray(columns, dtype=np.int32)
    inked = int((upright > INKED).any(axis=0).sum())
    strips = label_columns(step, middle, columns, np.zeros(height, dtype=np.int32), upright.shape[1])
    first, last, tops, bottoms, masses = _strips(upright, strips, len(columns), ink.shift, ink.skew, ink.soft.shape[1])
    farthest = max(longest * core, 2.0 * inked / characters)
    if extra is not None and len(extra) > 1:
        farthest = max(farthest, float(np.diff(extra).max()) if apart is None else apart)
    reach = _reach(columns, int(np.ceil(farthest)))
    width, top, bottom, mass = _between(reach, first, last, tops, bottoms, masses)
    unit = core * max(ink.stroke, 1.0)
    cumulated = np.cumsum(masses)[:-1]
    empty = width <= 0
    return Spans(
        columns=columns,
        crossed=np.concatenate([crossed, [0.0]])[columns].astype(np.float32),
        width=width / core,
        top=np.where(empty, 0, (ink.bottom - top) / core).astype(np.float32),
        bottom=np.where(empty, 0, (ink.bottom - bottom) / core).astype(np.float32),
        before=(cumulated / unit).astype(np.float32),
        after=((float(masses.sum()) - cumulated) / unit).astype(np.float32),
        mass=mass / unit,
        next_ink=np.minimum.accumulate(first[::-1])[::-1][1:],
        last_ink=np.maximum.accumulate(last)[:-1] + 1,
        step=step,
        middle=middle,
        core=core,
        inked=inked / core,
    )


@njit(cache=True, nogil=True)
def _candidates(crossed: Floats, radius: int, spacing: int) -> NDArray[np.int64]:
    """Columns 0..U worth cutting at: both ends of ink-free gaps, local minima within `radius`, and enough others that
    none are farther apart than `spacing`."""
    width = len(crossed)
    keep = np.zeros(width + 1, dtype=np.bool_)
    keep[0] = keep[width] = True
    free = 0.02
    for u in range(width):
        if crossed[u] <= free:
            if u == 0 or crossed[u - 1] > free or u + 1 == width or crossed[u + 1] > free:
                keep[u] = True
            continue
        low, high = max(0, u - radius), min(width, u + radius + 1)
        lowest = True
        for other in range(low, high):
            if crossed[other] < crossed[u] or (crossed[other] == crossed[u] and other < u):
                lowest = False
        keep[u] |= lowest
    previous = 0
    for u in range(1, width + 1):
        if keep[u]:
            gap = u - previous
            inked = False
            for other in range(previous, min(u, width)):
                if crossed[other] > free:
                    inked = True
            if inked and gap > spacing:
                pieces = (gap + spacing - 1) // spacing
                for piece in range(1, pieces):
                    keep[previous + gap * piece // pieces] = True
            previous = u
    return np.flatnonzero(keep)


def _reach(columns: Ints, longest: int) -> int:
    """How many cuts ahead the longest span can end."""
    ahead = np.searchsorted(columns, columns + longest, side="right") - np.arange(len(columns)) - 1
    return int(max(ahead.max(), 1))


@njit(cache=True, nogil=True)
def _strips(
    upright: Floats, strips: Ints, cuts: int, shift: Ints, skew: float, width: int
) -> tuple[Ints, Ints, Floats, Floats, Floats]:
    """Per strip between neighbouring seams, (cuts + 1,): first and last column with ink, highest and lowest ink (y
    with the skew removed), mass. Strip n lies right of cut n - 1 and left of cut n."""
    height, columns = upright.shape
    first = np.full(cuts + 1, columns + 1, dtype=np.int32)
    last = np.full(cuts + 1, -1, dtype=np.int32)
    tops = np.full(cuts + 1, np.float32(1e9))
    bottoms = np.full(cuts + 1, np.float32(-1e9))
    masses = np.zeros(cuts + 1, dtype=np.float32)
    for y in range(height):
        for u in range(columns):
            value, strip = upright[y, u], strips[y, u]
            if value > INKED:
                flat = y - skew * (u - shift[y] - width / 2)
                tops[strip] = min(tops[strip], flat)
                bottoms[strip] = max(bottoms[strip], flat + 1)
                first[strip] = min(first[strip], u)
                last[strip] = max(last[strip], u)
            masses[strip] += value
    return first, last, tops, bottoms, masses


@njit(cache=True, nogil=True)
def _between(
    reach: int, first: Ints, last: Ints, tops: Floats, bottoms: Floats, masses: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Ink width, top, bottom and mass of the spans from each cut to the `reach` next ones, px."""
    count = len(first) - 1
    width = np.zeros((count, reach), dtype=np.float32)
    top = np.full((count, reach), np.float32(1e9))
    bottom = np.full((count, reach), np.float32(-1e9))
    mass = np.zeros((count, reach), dtype=np.float32)
    for i in range(count):
        left, right = first[i + 1], last[i + 1]
        high, low, total = np.float32(1e9), np.float32(-1e9), np.float32(0)
        for d in range(min(reach, count - 1 - i)):
            strip = i + 1 + d
            left, right = min(left, first[strip]), max(right, last[strip])
            high, low = min(high, tops[strip]), max(low, bottoms[strip])
            total += masses[strip]
            width[i, d] = max(0, right - left + 1)
            top[i, d], bottom[i, d], mass[i, d] = high, low, total
    return width, top, bottom, mass
