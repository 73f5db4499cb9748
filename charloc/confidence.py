"""What tells a right box from a wrong one, before a person looks: the features that confidence is calibrated on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from charloc.layout import WIDTH_SOFTENING, Expected, Solution
from charloc.spans import Spans

Floats = NDArray[np.float32]
SMALLEST = 1e-3
"""Probabilities nearer to 0 or 1 count as this near: a posterior knows no better."""
SOFTENING = 0.02
"""Core heights added to distances before their logarithms are taken."""
NAMES = (
    "left", "right", "word_least", "apart", "apart_x", "no_ink", "fits", "fits_best", "word_fits", "word_fits_least",
    "width", "height", "cut_left", "cut_right", "outside", "length", "whole", "word_whole_least", "moved",
)  # fmt: skip
"""What the columns are: log odds of the boundaries on either side and of the word's least sure one; how far the ink's
and the net's boxes are apart; whether there is no ink; what the net makes of the span, mean log-probability per frame
of the character, over that of whatever fits best, and over the word; how unusual width and height are; ink crossed at
either cut; ink left outside the word; how many characters there are; what the net makes of the span as a whole, and of
the word's least likely one; how far the span's ends are from where they were without a net. Behind them stand how
far looks are apart and `SIZE_NAMES` (`_looks.Placed.settled`); new ones belong behind those: a calibration looks at the
first so many columns."""

SIZE_NAMES = ("least_side_px", "least_side_of_word")
"""The columns of `sizes`."""
SIDE_SOFTENING_PX = 0.1
"""Added to a box's side before its logarithm is taken: one without width is no smaller than that."""


def features(
    spans: Spans, expected: Expected, solution: Solution, sure: NDArray[np.float64], apart: Floats, fits: Floats,
    best: Floats, wholes: Floats, alone: NDArray[np.int32],
) -> Floats:  # fmt: skip
    """Features of each character of a layout, float32 (L, len(NAMES)); NaN where unknown.

    Args:
        sure: (L + 1,), probability of each boundary, from `boxes.boundary_certainty`.
        apart: float32 (L, 4), distances of the edges of the ink's box and the net's, core heights; NaN without ink.
        fits, best: float32 (L,), mean log-probability per frame of the character, and of the likeliest, in its span.
        wholes: float32 (L,), log-probability of the span being the character, whole; NaN unknown.
        alone: int32 (L + 1,), the layout found without a net, indices into `spans.columns`.
    """
    bounds = solution.bounds
    reach = np.diff(bounds) - 1
    odds = np.log(np.clip(sure, SMALLEST, 1 - SMALLEST)) - np.log1p(-np.clip(sure, SMALLEST, 1 - SMALLEST))
    width, top, bottom = (each[bounds[:-1], reach] for each in (spans.width, spans.top, spans.bottom))
    usual = np.log(expected.width + WIDTH_SOFTENING)
    off = np.log(width + WIDTH_SOFTENING) - usual
    # The word's own scale is in all of its widths.
    off = np.abs(off - np.median(off[~expected.space])) if (~expected.space).any() else np.abs(off)
    rise = np.abs(top - expected.top) / expected.height_sigma + np.abs(bottom - expected.bottom) / expected.height_sigma
    missing = np.isnan(apart[:, 0])
    far = np.log(np.where(missing[:, None], np.nan, apart) + SOFTENING)
    crossed = spans.crossed[bounds]
    letters = ~expected.space & np.isfinite(fits)
    over = fits[letters] if letters.any() else np.array([np.nan], dtype=np.float32)
    count = len(bounds) - 1
    outside = spans.before[bounds[0]] + spans.after[bounds[-1]]
    known = wholes[~expected.space & np.isfinite(wholes)]
    left = spans.next_ink[bounds[:-1]] - spans.next_ink[alone[:-1]]
    right = spans.last_ink[bounds[1:]] - spans.last_ink[alone[1:]]
    columns = (
        odds[:-1], odds[1:], np.full(count, odds.min()), far.max(axis=1), np.maximum(far[:, 0], far[:, 2]), missing,
        fits, fits - best, np.full(count, over.mean()), np.full(count, over.min()),
        np.minimum(off / expected.width_sigma, 6), np.minimum(rise, 12), np.minimum(crossed[:-1], 4),
        np.minimum(crossed[1:], 4), np.full(count, min(float(outside), 4.0)), np.full(count, np.log(count)),
        wholes, np.full(count, known.min() if len(known) else np.nan),
        np.log(np.maximum(np.abs(left), np.abs(right)) / spans.core + SOFTENING),
    )  # fmt: skip
    return np.stack(columns, axis=1).astype(np.float32)


def frame_fit(
    log_probs: Floats, classes: NDArray[np.int64], cuts: NDArray[np.float64], bounds: NDArray[np.int32]
) -> tuple[Floats, Floats]:
    """Mean log-probability of each character's class, and of the likeliest one, over the frames of its span, (L,) each.

    Args:
        log_probs: float32 (C, T), class 0 background.
        classes: int64 (L,), 0 unknown.
        cuts: (N,), the cuts in frames.
        bounds: int32 (L + 1,), indices into `cuts`.
    """
    length = log_probs.shape[1]
    start = np.clip(np.rint(cuts[bounds[:-1]]), 0, length - 1).astype(int)
    end = np.clip(np.rint(cuts[bounds[1:]]), start + 1, length).astype(int)
    likeliest = log_probs.max(axis=0)
    either = np.logaddexp(log_probs[classes], log_probs[0] + np.log(np.float32(0.5)))
    fits = np.array([either[k, a:b].mean() for k, (a, b) in enumerate(zip(start, end, strict=True))], dtype=np.float32)
    fits[classes == 0] = np.nan
    best = np.array([likeliest[a:b].mean() for a, b in zip(start, end, strict=True)], dtype=np.float32)
    return fits, best


def sizes(boxes: Floats) -> Floats:
    """How small boxes are, float32 (L, 2), columns as in `SIZE_NAMES`; NaN where there is no box.

    Logarithms of a box's shorter side, in px and over the median of the word's. A pixel more or less is nothing to a
    capital and a third of a full stop.

    Args:
        boxes: float32 (L, 4).
    """
    short = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    out = np.full((len(boxes), len(SIZE_NAMES)), np.nan, dtype=np.float32)
    known = np.isfinite(short)
    if known.any():
        logs = np.log(np.maximum(short[known], 0) + np.float32(SIDE_SOFTENING_PX))
        out[known] = np.stack([logs, logs - np.median(logs)], axis=1)
    return out
