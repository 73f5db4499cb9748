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
SIGMA, LARGER = 0.15, 0.3
"""Standard deviations of what one box tells: of its baseline, core heights, and the logarithm of the core height where
it is smaller; where it is larger: a letter may have a swash, hardly less than its strokes."""
SURE = 3.0
"""Nats from which on what a pin tells is not what the ink told."""
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
    tall = expected.top - expected.bottom
    tell = np.flatnonzero(np.isfinite(pinned[:, 0]) & (tall > TALL))
    if not len(tell):
        return None
    x, y = (pinned[tell, 0] + pinned[tell, 2]) / 2, (pinned[tell, 1] + pinned[tell, 3]) / 2
    cores = (pinned[tell, 3] - pinned[tell, 1]) / tall[tell]
    bottoms = pinned[tell, 3] + expected.bottom[tell] * cores
    measured = ink.place(ink.upright_column(x, y))[1]
    core = float(np.exp(np.median(np.log(cores))))
    lower = float(np.median((bottoms - measured) / cores))
    larger = float(np.log(core / ink.core))
    nats = ((larger / (LARGER if larger > 0 else SIGMA)) ** 2 + (lower / SIGMA) ** 2) / 2
    if nats < SURE:
        return None
    middle = int(np.argsort((bottoms - measured) / cores)[len(tell) // 2])
    core = float(np.exp(round(np.log(core) / GRID) * GRID))
    step = GRID * core
    return Told(Band(round(float(x[middle]) / step) * step, round(float(bottoms[middle]) / step) * step, core), nats)
