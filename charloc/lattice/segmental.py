"""Segmental (semi-Markov) search: characters over consecutive spans between candidate cuts.

Costs are negative log-probabilities (nats); infinity forbids. That is also how pins are held: all spans to and from
cuts that a fixed boundary is not at cost infinity. Which those are is known where the costs are made, in columns
(`charloc.layout`); an argument here would have to say it a second time, in cuts.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from charloc.lattice.ctc import NEGLIGIBLE
from charloc.lattice.edits import suffix_costs

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@njit(cache=True, nogil=True)
def best_segmentation(spans: Floats, starts: Floats, ends: Floats) -> tuple[Ints, float]:
    """The cheapest way to lay L characters over consecutive spans between N candidate cuts.

    Character k takes the span from cut b[k] to cut b[k + 1]; the cuts strictly increase.

    Args:
        spans: float32 (L, N, D), spans[k, i, d] the cost of character k from cut i to cut i + 1 + d.
        starts: float32 (N,), cost of the first character starting at a cut.
        ends: float32 (N,), cost of the last character ending at a cut.

    Returns:
        b: int32 (L + 1,), the cuts; all -1 where no layout is possible.
        cost: its total, infinity where no layout is possible.

    Source: semi-Markov (segmental) Viterbi search.
    """
    count, cuts, reach = spans.shape
    cost = np.full((count + 1, cuts), np.inf)
    back = np.full((count + 1, cuts), -1, dtype=np.int32)
    cost[0] = starts
    for k in range(count):
        for i in range(cuts):
            base = cost[k, i]
            if base == np.inf:
                continue
            for d in range(min(reach, cuts - 1 - i)):
                total = base + spans[k, i, d]
                if total < cost[k + 1, i + 1 + d]:
                    cost[k + 1, i + 1 + d] = total
                    back[k + 1, i + 1 + d] = i
    bounds = np.full(count + 1, -1, dtype=np.int32)
    last, best = -1, np.inf
    for j in range(cuts):
        if cost[count, j] + ends[j] < best:
            last, best = j, cost[count, j] + ends[j]
    if last < 0:
        return bounds, np.inf
    for k in range(count, -1, -1):
        bounds[k] = last
        last = back[k, last]
    return bounds, best


@njit(cache=True, nogil=True)
def segmentation_posterior(spans: Floats, starts: Floats, ends: Floats) -> tuple[NDArray[np.float64], float]:
    """Probability of every cut being every boundary, over all layouts weighted by exp(-cost).

    Args:
        spans, starts, ends: as for `best_segmentation`.

    Returns:
        posterior: float64 (L + 1, N), rows sum to 1; all 0 where no layout is possible.
        log_z: log of the summed weight of all layouts; -infinity where none is possible.

    Source: semi-Markov forward-backward, over states whose best layout is within `NEGLIGIBLE` of the best.
    """
    count, cuts, reach = spans.shape
    # States on no layout that counts are left out, which are nearly all of them.
    onward = suffix_costs(spans, np.arange(count), ends)
    posterior = np.zeros((count + 1, cuts))
    best = np.min(starts + onward[0])
    if best == np.inf:
        return posterior, -np.inf
    forward = np.full((count + 1, cuts), -np.inf)
    backward = np.full((count + 1, cuts), -np.inf)
    forward[0] = -starts
    tops, totals = np.empty(cuts), np.empty(cuts)
    for k in range(count + 1):
        for i in range(cuts):
            if not forward[k, i] - onward[k, i] > -best - NEGLIGIBLE:
                forward[k, i] = -np.inf
        if k == count:
            break
        tops[:], totals[:] = -np.inf, 0.0
        for i in range(cuts):
            if forward[k, i] > -np.inf:
                for d in range(min(reach, cuts - 1 - i)):
                    tops[i + 1 + d] = max(tops[i + 1 + d], forward[k, i] - spans[k, i, d])
        for i in range(cuts):
            if forward[k, i] > -np.inf:
                for d in range(min(reach, cuts - 1 - i)):
                    if tops[i + 1 + d] > -np.inf:
                        totals[i + 1 + d] += np.exp(forward[k, i] - spans[k, i, d] - tops[i + 1 + d])
        for j in range(cuts):
            if tops[j] > -np.inf:
                forward[k + 1, j] = tops[j] + np.log(totals[j])
    for i in range(cuts):
        if forward[count, i] > -np.inf:
            backward[count, i] = -ends[i]
    for k in range(count - 1, -1, -1):
        for i in range(cuts):
            if forward[k, i] == -np.inf:
                continue
            high = min(reach, cuts - 1 - i)
            top = -np.inf
            for d in range(high):
                top = max(top, backward[k + 1, i + 1 + d] - spans[k, i, d])
            if top > -np.inf:
                total = 0.0
                for d in range(high):
                    total += np.exp(backward[k + 1, i + 1 + d] - spans[k, i, d] - top)
                backward[k, i] = top + np.log(total)
    top = np.max(forward[count] + backward[count])
    log_z = top + np.log(np.sum(np.exp(forward[count] + backward[count] - top)))
    for k in range(count + 1):
        for j in range(cuts):
            posterior[k, j] = np.exp(forward[k, j] + backward[k, j] - log_z)
    return posterior, log_z


@njit(cache=True, nogil=True)
def best_segmentations(
    spans: Floats, starts: Floats, ends: Floats, lengths: Ints, cuts: Ints
) -> tuple[Ints, NDArray[np.float64]]:
    """`best_segmentation` of every word of a padded batch.

    Args:
        spans: float32 (B, L, N, D). What lies beyond a word's characters or cuts is not read.
        starts, ends: float32 (B, N).
        lengths: int (B,), how many characters each word has.
        cuts: int (B,), how many cuts each word has, at least 1.

    Returns:
        b: int32 (B, L + 1), the cuts; -1 after a word's last, and throughout where no layout is possible.
        cost: float64 (B,), infinity where no layout is possible.
    """
    batch, most = len(spans), spans.shape[1]
    bounds = np.full((batch, most + 1), -1, dtype=np.int32)
    cost = np.empty(batch)
    for b in range(batch):
        count, wide = lengths[b], cuts[b]
        found, cost[b] = best_segmentation(spans[b, :count, :wide], starts[b, :wide], ends[b, :wide])
        bounds[b, : count + 1] = found
    return bounds, cost


@njit(cache=True, nogil=True)
def segmentation_posteriors(
    spans: Floats, starts: Floats, ends: Floats, lengths: Ints, cuts: Ints
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`segmentation_posterior` of every word of a padded batch.

    Args:
        spans, starts, ends, lengths, cuts: as for `best_segmentations`.

    Returns:
        posterior: float64 (B, L + 1, N), 0 in padding.
        log_z: float64 (B,).
    """
    batch, most, widest, _ = spans.shape
    posterior = np.zeros((batch, most + 1, widest))
    log_z = np.empty(batch)
    for b in range(batch):
        count, wide = lengths[b], cuts[b]
        found, log_z[b] = segmentation_posterior(spans[b, :count, :wide], starts[b, :wide], ends[b, :wide])
        posterior[b, : count + 1, :wide] = found
    return posterior, log_z
