"""What a word would cost with one character changed, dropped, added or two swapped; and with any characters at all.

Spans are priced for every character there is, so that one pass from either end of the word answers for every edit: the
cheapest way to lay what stands before it, one other span, the cheapest way to lay what follows.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Costs = NDArray[np.float64]


@njit(cache=True, nogil=True)
def prefix_costs(spans: Floats, names: Ints, starts: Floats) -> Costs:
    """Cost of the first k characters ending at each cut, float64 (L + 1, N).

    Args:
        spans: float32 (C, N, D), spans[c, i, d] the cost of a character c from cut i to cut i + 1 + d.
        names: int64 (L,), which characters, in layout order.
        starts: float32 (N,), cost of the first one starting at a cut.
    """
    _, cuts, reach = spans.shape
    cost = np.full((len(names) + 1, cuts), np.inf)
    cost[0] = starts
    for k in range(len(names)):
        for i in range(cuts):
            base = cost[k, i]
            if base == np.inf:
                continue
            for d in range(min(reach, cuts - 1 - i)):
                total = base + spans[names[k], i, d]
                if total < cost[k + 1, i + 1 + d]:
                    cost[k + 1, i + 1 + d] = total
    return cost


@njit(cache=True, nogil=True)
def suffix_costs(spans: Floats, names: Ints, ends: Floats) -> Costs:
    """Cost of all characters from the k-th on, starting at each cut, float64 (L + 1, N)."""
    _, cuts, reach = spans.shape
    count = len(names)
    cost = np.full((count + 1, cuts), np.inf)
    cost[count] = ends
    for k in range(count - 1, -1, -1):
        for i in range(cuts):
            best = np.inf
            for d in range(min(reach, cuts - 1 - i)):
                best = min(best, spans[names[k], i, d] + cost[k + 1, i + 1 + d])
            cost[k, i] = best
    return cost


@njit(cache=True, nogil=True)
def edit_costs(
    spans: Floats, names: Ints, starts: Floats, ends: Floats
) -> tuple[float, Costs, Costs, Costs, Costs]:
    """The cheapest layout of L characters, and of every transcript that is one edit away. All exact.

    Args:
        spans: float32 (C, N, D), spans[c, i, d] the cost of a character c from cut i to cut i + 1 + d.
        names: int64 (L,), which characters, in layout order.
        starts, ends: float32 (N,), cost of the first character starting, and of the last one ending, at a cut.

    Returns:
        cost: of the characters as they are; infinity where no layout is possible, as everywhere below.
        changed: float64 (L, C), with the k-th character replaced by c; where that is what it is, `cost` itself.
        added: float64 (L + 1, C), with c before the k-th character; after the last one for k = L.
        dropped: float64 (L,), without the k-th. A word of one character costs nothing less than its margins.
        swapped: float64 (L - 1,), with the k-th and the one after it in each other's place.

    Source: forward-backward search with the minimum for the sum; derived here.
    """
    classes, cuts, reach = spans.shape
    count = len(names)
    before, after = prefix_costs(spans, names, starts), suffix_costs(spans, names, ends)
    changed, added = np.full((count, classes), np.inf), np.full((count + 1, classes), np.inf)
    dropped, swapped = np.full(count, np.inf), np.full(max(count - 1, 0), np.inf)
    for k in range(count + 1):
        _one_more(spans, before[k], after[k], added[k])
        if k < count:
            _one_more(spans, before[k], after[k + 1], changed[k])
            dropped[k] = np.min(before[k] + after[k + 1])
    between = np.empty(cuts)
    for k in range(count - 1):
        between[:] = np.inf
        for i in range(cuts):
            for d in range(min(reach, cuts - 1 - i)):
                between[i + 1 + d] = min(between[i + 1 + d], before[k, i] + spans[names[k + 1], i, d])
        for i in range(cuts):
            for d in range(min(reach, cuts - 1 - i)):
                swapped[k] = min(swapped[k], between[i] + spans[names[k], i, d] + after[k + 2, i + 1 + d])
    return float(np.min(before[count] + ends)), changed, added, dropped, swapped


@njit(cache=True, nogil=True)
def _one_more(spans: Floats, before: Costs, after: Costs, out: Costs) -> None:
    """Into `out` (C,): the least of `before` at a cut, a span of each character from there, `after` where it ends."""
    classes, cuts, reach = spans.shape
    for c in range(classes):
        best = np.inf
        for i in range(cuts):
            if before[i] == np.inf:
                continue
            for d in range(min(reach, cuts - 1 - i)):
                best = min(best, before[i] + spans[c, i, d] + after[i + 1 + d])
        out[c] = best


@njit(cache=True, nogil=True)
def best_reading(spans: Floats, starts: Floats, ends: Floats, prices: Floats) -> tuple[Ints, float]:
    """The cheapest characters, however many, at least one: what the ink says when nobody says what it should.

    Args:
        spans, starts, ends: as for `edit_costs`.
        prices: float32 (C,), what a character costs besides its span.

    Returns:
        names: int64 (M,), in layout order; empty where no layout is possible.
        cost: with the prices; infinity where no layout is possible.
    """
    classes, cuts, reach = spans.shape
    best = np.full(cuts, np.inf)  # of at least one character, ending here
    back, name = np.full(cuts, -1, dtype=np.int64), np.full(cuts, -1, dtype=np.int64)
    cheapest, which = np.empty((cuts, reach)), np.zeros((cuts, reach), dtype=np.int64)
    for i in range(cuts):
        for d in range(min(reach, cuts - 1 - i)):
            cheapest[i, d] = np.inf
            for c in range(classes):
                if spans[c, i, d] + prices[c] < cheapest[i, d]:
                    cheapest[i, d], which[i, d] = spans[c, i, d] + prices[c], c
    first = np.zeros(cuts, dtype=np.bool_)
    for i in range(cuts):
        base = min(best[i], starts[i])
        for d in range(min(reach, cuts - 1 - i)):
            total = base + cheapest[i, d]
            if total < best[i + 1 + d]:
                best[i + 1 + d], back[i + 1 + d], name[i + 1 + d] = total, i, which[i, d]
                first[i + 1 + d] = starts[i] <= best[i]
    last = int(np.argmin(best + ends))
    cost = float(best[last] + ends[last])
    if cost == np.inf:
        return np.zeros(0, dtype=np.int64), np.inf
    found = np.empty(cuts, dtype=np.int64)
    count = 0
    while True:
        found[count] = name[last]
        count += 1
        if first[last]:
            break
        last = back[last]
    return found[:count][::-1].copy(), cost
