"""A bag of characters over candidate cuts: which spans hold them, each as often as it occurs, in whatever order."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def best_bag(
    spans: Floats, skip: Floats, counts: Ints, rounds: int = 40
) -> tuple[NDArray[np.int32], Ints, float, float]:
    """M spans that do not overlap, one for every instance of K characters, as cheap as can be found.

    Args:
        spans: float32 (K, N, D), spans[c, i, d] the cost of an instance of character c from cut i to cut i + 1 + d.
        skip: float32 (N - 1,), cost of leaving out what is between a cut and the next.
        counts: int64 (K,), how often each character occurs; they sum to M.
        rounds: at most so many searches.

    Returns:
        chosen: int32 (M, 2), i and d of each span, from left to right; all -1 where there is no room.
        names: int64 (M,), the character of each, 0 .. K - 1; each c occurs counts[c] times.
        cost: their total, with what is skipped; infinity where there is no room.
        bound: no bag is cheaper than this. Where it is `cost`, the bag is the best there is.

    Source: Lagrangian relaxation of "as often as it occurs" (Fisher 1981): each character has a price, paid for every
        instance used and given back once per instance wanted; for given prices the best M spans are found exactly
        (`best_cover`), and prices move until use and want agree (Polyak's step). Every round's spans are matched with
        the instances at the least cost, which always makes a bag; the best one is kept.
    """
    count = int(counts.sum())
    instances = np.repeat(np.arange(len(counts)), counts)
    price = np.zeros(len(counts))
    best_cost, bound = np.inf, -np.inf
    chosen, names = np.full((count, 2), -1, dtype=np.int32), instances.copy()
    if not count:
        total = float(skip.sum())
        return chosen, names, total, total
    for _ in range(rounds):
        cheapest, named = _cheapest(spans, price)
        found, relaxed = best_cover(cheapest, skip, count)
        if relaxed == np.inf:
            break
        bound = max(bound, relaxed + float(price @ counts))
        each = spans[:, found[:, 0], found[:, 1]]
        skipped = relaxed - float(cheapest[found[:, 0], found[:, 1]].sum())
        table = np.minimum(each[instances], np.float32(1e9))
        rows, columns = linear_sum_assignment(table)
        cost = float(table[rows, columns].sum()) + skipped
        if cost < best_cost and cost < 1e8:
            best_cost, chosen = cost, found
            names = np.empty(count, dtype=np.int64)
            names[columns] = instances[rows]
        missing = counts - np.bincount(named[found[:, 0], found[:, 1]], minlength=len(counts))
        if not missing.any() or best_cost - bound < 1e-3:
            break
        gap = best_cost - bound if np.isfinite(best_cost) else 1.0
        price += max(gap, 0.05) / float(missing @ missing) * missing
    return chosen, names, best_cost, min(bound, best_cost)


@njit(cache=True, nogil=True)
def _cheapest(spans: Floats, price: NDArray[np.float64]) -> tuple[Floats, Ints]:
    """Per span the least cost of a character less its price, and which character that is."""
    kinds, cuts, reach = spans.shape
    least = np.full((cuts, reach), np.float32(np.inf))
    named = np.zeros((cuts, reach), dtype=np.int64)
    for c in range(kinds):
        for i in range(cuts):
            for d in range(reach):
                cost = np.float32(spans[c, i, d] - price[c])
                if cost < least[i, d]:
                    least[i, d] = cost
                    named[i, d] = c
    return least, named


@njit(cache=True, nogil=True)
def best_cover(spans: Floats, skip: Floats, count: int) -> tuple[NDArray[np.int32], float]:
    """The cheapest `count` spans that do not overlap, with what is skipped between them.

    Args:
        spans: float32 (N, D), cost from cut i to cut i + 1 + d.
        skip: float32 (N - 1,), cost of leaving out what is between a cut and the next.

    Returns:
        chosen: int32 (count, 2), i and d from left to right; all -1 where there is no room.
        cost: the total, infinity where there is no room.
    """
    cuts, reach = spans.shape
    cost = np.full((count + 1, cuts), np.inf)
    back = np.full((count + 1, cuts), -1, dtype=np.int32)  # d of the span that ends here, -1 where it is skipped
    cost[0, 0] = 0.0
    for m in range(count + 1):
        for j in range(cuts):
            if j > 0 and cost[m, j - 1] + skip[j - 1] < cost[m, j]:
                cost[m, j] = cost[m, j - 1] + skip[j - 1]
                back[m, j] = -1
            if m < count and cost[m, j] < np.inf:
                for d in range(min(reach, cuts - 1 - j)):
                    total = cost[m, j] + spans[j, d]
                    if total < cost[m + 1, j + 1 + d]:
                        cost[m + 1, j + 1 + d] = total
                        back[m + 1, j + 1 + d] = d
    chosen = np.full((count, 2), -1, dtype=np.int32)
    best = cost[count, cuts - 1]
    if best == np.inf:
        return chosen, np.inf
    m, j = count, cuts - 1
    while m > 0:
        d = back[m, j]
        if d < 0:
            j -= 1
        else:
            j -= d + 1
            m -= 1
            chosen[m, 0], chosen[m, 1] = j, d
    return chosen, best
