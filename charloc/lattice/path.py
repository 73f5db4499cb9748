"""Two-dimensional search: one candidate position for every character, so that the characters follow one another.

The beam holds at most one hypothesis for each candidate: the score is first-order, so the best one that ends there is
all that can matter. A beam as wide as there are candidates is therefore exact.

Candidates that leave no room for the characters after them are dropped before the search, so that a beam however narrow
finds a path wherever there is one. Source: derived here.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


def best_path(positions: Floats, scores: Floats, step: Floats, sigma: Floats, width: int) -> tuple[Ints, float]:
    """The positions that best match a transcript, from left to right.

    Maximises the sum of the scores and of the Gaussian log-densities (without their constants) of the steps from each
    character to the next; x must strictly increase.

    Args:
        positions: float32 (L, N, 2), x and y of the candidates of every character, in layout order.
        scores: float32 (L, N), log-probability of each; -infinity for what is no candidate, or what a pin rules out.
        step: float32 (L - 1, 2), expected dx and dy from each character to the next.
        sigma: float32 (L - 1, 2), their standard deviations, above 0; infinity where nothing is expected.
        width: how many hypotheses are kept after each character; N or more is exact.

    Returns:
        chosen: int32 (L,), candidates; all -1 where there is no path.
        score: its score; -infinity where there is none. Never below that of a beam of width 1.

    Raises:
        ValueError: the arrays do not belong together, a deviation is not above 0, or the width is below 1.
    """
    count = len(scores)
    chosen, score = best_paths(
        positions[None], scores[None], step[None], sigma[None], np.array([count], dtype=np.int32), width
    )
    return chosen[0], float(score[0])


def best_paths(
    positions: Floats, scores: Floats, step: Floats, sigma: Floats, lengths: Ints, width: int
) -> tuple[Ints, NDArray[np.float64]]:
    """`best_path` of every word of a padded batch.

    Args:
        positions: float32 (B, L, N, 2). What lies beyond a word's characters is not read; fewer candidates than N
            are made up with scores of -infinity.
        scores: float32 (B, L, N).
        step, sigma: float32 (B, L - 1, 2).
        lengths: int (B,), how many characters each word has; 0 is allowed.
        width: as for `best_path`.

    Returns:
        chosen: int32 (B, L), -1 after a word's last character, and throughout where there is no path.
        score: float64 (B,).

    Raises:
        ValueError: as `best_path`.
    """
    positions, scores, step, sigma = (
        np.ascontiguousarray(each, dtype=np.float32) for each in (positions, scores, step, sigma)
    )
    lengths = np.ascontiguousarray(lengths, dtype=np.int32)
    if scores.ndim != 3 or positions.shape != (*scores.shape, 2):
        raise ValueError(f"scores (.., L, N) of shape {scores.shape[1:]} do not fit positions {positions.shape[1:]}")
    batch, most, _ = scores.shape
    between = (batch, max(most - 1, 0), 2)
    if step.shape != between or sigma.shape != between:
        raise ValueError(f"step and sigma must be {between[1:]}, not {step.shape[1:]} and {sigma.shape[1:]}")
    if lengths.shape != (batch,) or ((lengths < 0) | (lengths > most)).any():
        raise ValueError(f"lengths must be {batch} numbers from 0 to {most}, not {lengths}")
    used = np.arange(1, most) < lengths[:, None]
    if not (sigma[used] > 0).all():
        raise ValueError(f"sigma must be above 0, not {sigma[used].min()}")
    if width < 1:
        raise ValueError(f"width must be at least 1, not {width}")
    return _search(positions, scores, step, sigma, lengths, width)


@njit(cache=True, nogil=True)
def _search(
    positions: Floats, scores: Floats, step: Floats, sigma: Floats, lengths: Ints, width: int
) -> tuple[Ints, NDArray[np.float64]]:
    batch, most, candidates = scores.shape
    chosen = np.full((batch, most), -1, dtype=np.int32)
    score = np.zeros(batch)
    for b in range(batch):
        count = lengths[b]
        if count == 0:
            continue
        found, score[b] = _beam(positions[b, :count], scores[b, :count], step[b], sigma[b], width)
        if 1 < width < candidates:
            # What greed chooses may fall off a wider beam and yet end better.
            other, greedy = _beam(positions[b, :count], scores[b, :count], step[b], sigma[b], 1)
            if greedy > score[b]:
                found, score[b] = other, greedy
        chosen[b, :count] = found
    return chosen, score


@njit(cache=True, nogil=True)
def _beam(positions: Floats, scores: Floats, step: Floats, sigma: Floats, width: int) -> tuple[Ints, float]:
    count, candidates = scores.shape
    never = -np.inf
    # Right of this no candidate leaves room for the characters after it.
    limit = np.empty(count, dtype=np.float32)
    limit[count - 1] = np.inf
    for k in range(count - 1, 0, -1):
        limit[k - 1] = -np.inf
        for n in range(candidates):
            if scores[k, n] > never and positions[k, n, 0] < limit[k]:
                limit[k - 1] = max(limit[k - 1], positions[k, n, 0])
    total = np.full((count, candidates), never)
    back = np.full((count, candidates), -1, dtype=np.int32)
    beam = np.empty(0, dtype=np.int64)
    for k in range(count):
        for n in range(candidates):
            x, y = positions[k, n, 0], positions[k, n, 1]
            if not (scores[k, n] > never and x < limit[k]):
                continue
            if k == 0:
                total[k, n] = scores[k, n]
                continue
            for m in beam:
                dx, dy = x - positions[k - 1, m, 0], y - positions[k - 1, m, 1]
                if dx > 0:
                    across, down = (dx - step[k - 1, 0]) / sigma[k - 1, 0], (dy - step[k - 1, 1]) / sigma[k - 1, 1]
                    value = total[k - 1, m] + scores[k, n] - 0.5 * (across * across + down * down)
                    if value > total[k, n]:
                        total[k, n], back[k, n] = value, m
        beam = np.flatnonzero(total[k] > never)
        if len(beam) > width:
            beam = beam[np.argsort(-total[k][beam], kind="mergesort")[:width]]
    chosen = np.full(count, -1, dtype=np.int32)
    if len(beam) == 0:
        return chosen, never
    n = np.argmax(total[count - 1])
    score = total[count - 1, n]
    for k in range(count - 1, -1, -1):
        chosen[k] = n
        n = back[k, n]
    return chosen, score
