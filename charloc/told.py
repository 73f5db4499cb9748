"""What a pinned box tells of its word: how large the letters are and where they stand, where the ink was mistaken.

Stains, shading or a neighbouring line taken for the word's ink give it a core band that is none: then everything is of
the wrong size or in the wrong place, and no search in that ink finds it. A person who puts one letter right has said
where the core band is, for how high letters are in core heights is known. Derived here; figures in
docs/decisions/0031-a-pin-tells-the-core-band.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from charloc.ink import Band, Ink
from charloc.layout import Expected
from charloc.pinning import Floats

TALL = 0.6
"""Characters less high than this, core heights, tell nothing of the core band: full stops, dashes, quotes."""
LEAST_PX, LEAST = 3.0, 0.2
"""Nor do boxes that are less high than this, px, or than so much of what the ink tells."""
SIGMA, LARGER = 0.15, 0.3
"""Standard deviations of what one box tells: of its baseline, core heights, and the logarithm of the core height where
it is smaller; where it is larger: a letter may have a swash, hardly less than its strokes."""
SURE = 3.0
"""Nats from which on what a pin tells is not what the ink told."""
MOST = 30.0
"""Nats that pins may say at most, however far off they are: the hand slips, too."""
INKED = 0.4
"""A line has ink in at least so much of the width that its letters usually have."""
GRID = 0.05
"""What is told is rounded to so much of a core height: a box that is dragged does not tell something else each time."""


@dataclass(frozen=True, slots=True)
class Told:
    """A core band that pins tell of, and how unlikely they are if it is the ink's, nats."""

    band: Band
    nats: float


def told(ink: Ink, pinned: Floats, expected: Expected) -> Told | None:
    """The core band that pinned boxes tell of, where that is not the ink's; None where it is, or nobody knows.

    Args:
        pinned: float32 (L, 4) px, in layout order, NaN where nobody pinned.
        expected: what the L characters measure.
    """
    tall, high = expected.top - expected.bottom, pinned[:, 3] - pinned[:, 1]
    # A box that somebody has just begun to draw tells nothing yet.
    begun = (high < LEAST_PX) | (high < LEAST * tall * ink.core)
    tell = np.flatnonzero(np.isfinite(high) & ~begun & (tall > TALL) & ~expected.space)
    if not len(tell):
        return None
    core = min(float(np.exp(np.median(np.log(high[tell] / tall[tell])))), float(ink.mask.shape[0]))
    x, y = (pinned[tell, 0] + pinned[tell, 2]) / 2, (pinned[tell, 1] + pinned[tell, 3]) / 2
    bottoms = pinned[tell, 3] + expected.bottom[tell] * np.float32(core)
    lower = (bottoms - ink.place(ink.upright_column(x, y))[1]) / core
    middle = int(np.argsort(lower)[len(tell) // 2])
    larger = float(np.log(core / ink.core))
    nats = ((larger / (LARGER if larger > 0 else SIGMA)) ** 2 + (float(lower[middle]) / SIGMA) ** 2) / 2
    if nats < SURE:
        return None
    core = float(np.exp(round(np.log(core) / GRID) * GRID))
    step = GRID * core
    band = Band(round(float(x[middle]) / step) * step, round(float(bottoms[middle]) / step) * step, core)
    return Told(band, min(nats, MOST))


def holds_line(ink: Ink, expected: Expected) -> bool:
    """Whether there is ink all along a known core band for so many letters, found or not: on paper there is no line,
    whatever a pin there tells.

    Args:
        ink: found with that band.
    """
    height, width = ink.mask.shape
    level = np.arange(height)[:, None] - ink.skew * (np.arange(width) - width / 2)
    within = ink.mask & (level >= ink.top) & (level <= ink.bottom)
    wide = float(expected.width[~expected.space].sum()) * ink.core
    return float(within.any(axis=0).sum()) >= INKED * wide
