"""From a point per character to the ink around it: for methods that say where a character is, not where it ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from charloc.boxes import ink_boxes, span_boxes
from charloc.ink import Ink
from charloc.layout import CUT_COST, OUTSIDE_COST, Expected
from charloc.spans import Spans

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
OFF_CENTRE = 2.0
"""Nats for a cut that is as far from the middle between two points as the points are."""
FARTHEST = 1.6
"""Core heights beyond the first and last point within which the word has to end."""


def ascending(points: Floats) -> Floats:
    """Points made to ascend, with as little change as possible.

    Source: isotonic regression by pooling adjacent violators.
    """
    blocks: list[list[float]] = []
    for point in points:
        blocks.append([float(point), 1.0])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            value, count = blocks.pop()
            other, more = blocks[-1]
            blocks[-1] = [(value * count + other * more) / (count + more), count + more]
    return np.repeat([value for value, _ in blocks], [int(count) for _, count in blocks]).astype(np.float32)


def filled(points: NDArray[np.float64], ink: Ink) -> Floats:
    """Points (L,) with those that are NaN spread evenly between their neighbours, or to the ends of the ink."""
    inked = np.flatnonzero(ink.upright.max(axis=0) > 0.2)
    left, right = (float(inked[0]), float(inked[-1] + 1)) if len(inked) else (0.0, float(ink.upright.shape[1]))
    there = np.flatnonzero(np.isfinite(points))
    index = np.concatenate([[-0.5], there, [len(points) - 0.5]])
    at = np.concatenate([[left], points[there], [right]])
    return np.interp(np.arange(len(points)), index, at).astype(np.float32)


def bounds_at(spans: Spans, points: Floats, fixed: Ints | None = None, where: Floats | None = None) -> Ints:
    """Cuts between neighbouring points, each where it crosses least ink; no character's usual width is asked.

    Args:
        spans: the word's cuts.
        points: float32 (L,), upright columns, one per character in layout order.
        where: float32 (L + 1,), upright columns where boundaries are expected; NaN or None: halfway between points.
        fixed: int32 (L + 1,), columns (all among the cuts) that boundaries are held at, -1 where free.

    Returns:
        int32 (L + 1,), indices into `spans.columns`, strictly ascending.

    Raises:
        ValueError: fewer cuts than characters between two fixed boundaries.

    Source: derived here.
    """
    count, columns = len(points), spans.columns.astype(np.float64)
    points = ascending(points).astype(np.float64)
    cost = np.zeros((count + 1, len(columns)))
    cost += CUT_COST * spans.crossed
    if count > 1:
        middle, apart = (points[1:] + points[:-1]) / 2, np.maximum(np.diff(points), 1.0)
        if where is not None:
            middle = np.where(np.isfinite(where[1:-1]), np.clip(where[1:-1], points[:-1], points[1:]), middle)
        cost[1:-1] += OFF_CENTRE * ((columns - middle[:, None]) / apart[:, None]) ** 2
        # A cut on the wrong side of a point is worse than any ink it might cross.
        cost[1:-1] += 50.0 * ((columns <= points[:-1, None]) | (columns > points[1:, None]))
    far = FARTHEST * spans.core
    for row, point, outside in ((cost[0], points[0], spans.before), (cost[-1], points[-1], spans.after)):
        away = np.abs(columns - point)
        row += OUTSIDE_COST * outside + 5.0 * np.maximum(away - far, 0) / spans.core + 0.02 * away / spans.core
    if where is not None:
        for row, at in ((cost[0], where[0]), (cost[-1], where[-1])):
            if np.isfinite(at):
                row += OFF_CENTRE * np.minimum((columns - at) / spans.core, 2.0) ** 2
    cost[0] += 50.0 * (columns > points[0])
    cost[-1] += 50.0 * (columns <= points[-1])
    if fixed is not None:
        for k in np.flatnonzero(fixed >= 0):
            cost[k, columns != fixed[k]] = np.inf
    return _strictly_ascending(cost)


def _strictly_ascending(cost: NDArray[np.float64]) -> Ints:
    """The cheapest strictly ascending choice of a column in each row of `cost` (R, N), int32 (R,)."""
    rows, count = cost.shape
    best = cost[0].copy()
    back = np.zeros((rows, count), dtype=np.int32)
    for row in range(1, rows):
        before = np.full(count, np.inf)
        before[1:] = np.minimum.accumulate(best)[:-1]
        at = np.maximum.accumulate(np.where(best <= np.minimum.accumulate(best), np.arange(count), 0))
        back[row, 1:] = at[:-1]
        best = before + cost[row]
    if not np.isfinite(best).any():
        raise ValueError(f"{rows - 1} characters do not fit {count} cuts")
    out = np.zeros(rows, dtype=np.int32)
    out[-1] = int(np.argmin(best))
    for row in range(rows - 1, 0, -1):
        out[row - 1] = back[row, out[row]]
    return out


def boxes_at(
    ink: Ink, spans: Spans, bounds: Ints, expected: Expected
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """Tight boxes of the ink between cuts, (L, 4) px, those of characters without ink as high as the core.

    Returns:
        boxes: float32 (L, 4), nowhere NaN.
        whole: bool (L, 4), see `boxes.ink_boxes`.
        lost: bool (L,), characters without ink.
    """
    boxes, whole = ink_boxes(ink, spans, bounds, expected)
    lost = np.isnan(boxes[:, 0])
    boxes[lost] = span_boxes(ink, spans.columns[bounds])[lost]
    return boxes, whole, lost
