"""What a net says of frames and spans, as what the search over cuts weighs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from charloc.layout import Evidence, Solution

Floats = NDArray[np.float32]


def cumulate(
    log_probs: Floats, classes: NDArray[np.int64], cuts: NDArray[np.float64], temper: float
) -> Evidence:
    """Tempered log-probabilities, cumulated at cuts given in frames.

    A frame inside a character's span is that character or the gap beside it; outside it is background.
    """
    floor = np.float32(-7.0)
    background = np.maximum(log_probs[0], floor)
    inside = np.maximum(np.logaddexp(log_probs[classes], log_probs[0] + np.log(np.float32(0.5))), floor)
    inside[classes == 0] = background
    position = np.clip(cuts, 0, log_probs.shape[1])
    grid = np.arange(log_probs.shape[1] + 1)
    total = np.concatenate([np.zeros((len(classes), 1)), np.cumsum(inside, axis=1)], axis=1)
    cumulated = np.stack([np.interp(position, grid, row) for row in total])
    outside = np.interp(position, grid, np.concatenate([[0.0], np.cumsum(background)]))
    return Evidence((temper * cumulated).astype(np.float32), (temper * outside).astype(np.float32))


def chosen(said: Evidence, solution: Solution) -> Floats:
    """What is said of the spans that were chosen, float32 (L,), 0 of characters it knows nothing of; NaN unknown."""
    bounds = solution.bounds
    if said.whole is None or said.which is None:
        return np.full(len(bounds) - 1, np.nan, dtype=np.float32)
    out = np.zeros(len(bounds) - 1, dtype=np.float32)
    known = said.which >= 0
    spans = bounds[:-1][known], (np.diff(bounds) - 1)[known]
    out[known] = said.whole[said.which[known], *spans]
    return out
