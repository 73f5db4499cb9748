"""Seams through ink: the ways from top to bottom that cross least of it, and what lies between them."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@njit(cache=True, nogil=True)
def seam_tables(upright: Floats, middle: int, sideways: float) -> tuple[Floats, NDArray[np.int8]]:
    """Cheapest way from every pixel to the picture's top (rows above `middle`) or bottom (the others).

    A seam moves one row at a time and at most one column sideways; it pays the soft ink it crosses, and `sideways`
    for each sideways step.

    Returns:
        cost: float32 (H, U), ink crossed from that pixel on, itself included.
        step: int8 (H, U), the column step (-1, 0, 1) to the next row outwards.
    """
    height, width = upright.shape
    cost = np.zeros((height, width), dtype=np.float32)
    step = np.zeros((height, width), dtype=np.int8)
    for half in range(2):
        count = middle if half == 0 else height - middle
        for i in range(count):
            y = i if half == 0 else height - 1 - i
            previous = y - 1 if half == 0 else y + 1
            for u in range(width):
                best, go = np.float32(0.0), 0
                if i > 0:
                    best = cost[previous, u]
                    if u > 0 and cost[previous, u - 1] + sideways < best:
                        best, go = cost[previous, u - 1] + sideways, -1
                    if u + 1 < width and cost[previous, u + 1] + sideways < best:
                        best, go = cost[previous, u + 1] + sideways, 1
                cost[y, u] = best + upright[y, u]
                step[y, u] = go
    return cost, step


def seam_costs(cost: Floats, middle: int) -> Floats:
    """Ink crossed by the best seam through each column at the middle row, (U,)."""
    if middle == 0:
        return cost[0]
    return np.minimum(cost[middle - 1] + cost[middle], 1e6).astype(np.float32)


@njit(cache=True, nogil=True)
def label_columns(step: NDArray[np.int8], middle: int, cuts: Ints, shift: Ints, width: int) -> Ints:
    """Which span each pixel of the picture belongs to, (H, W): the number of seams at or left of it.

    Args:
        step: from `seam_tables`.
        cuts: int32 (K,), upright columns at the middle row, ascending; pixel `cut` is right of the cut.
    """
    height, upright_width = step.shape
    at = np.zeros((height, len(cuts)), dtype=np.int32)
    for k in range(len(cuts)):
        u = min(max(cuts[k], 0), upright_width - 1)
        for y in range(middle - 1, -1, -1):
            at[y, k] = u if cuts[k] < upright_width else upright_width
            u += step[y, u]
        u = min(max(cuts[k], 0), upright_width - 1)
        for y in range(middle, height):
            at[y, k] = u if cuts[k] < upright_width else upright_width
            u += step[y, u]
    labels = np.zeros((height, width), dtype=np.int32)
    for y in range(height):
        k, reached = 0, 0
        for x in range(width):
            u = x + shift[y]
            while k < len(cuts) and max(at[y, k], reached) <= u:
                reached = max(at[y, k], reached)
                k += 1
            labels[y, x] = k
    return labels
