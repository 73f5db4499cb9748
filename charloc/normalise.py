"""A word as nets see it: upright, level, of one size; and the way back to the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from charloc.ink import Ink

Floats = NDArray[np.float32]
HEIGHT = 48
CORE = 16
"""Rows of the core band in the view."""
BASELINE = 33
"""Row of the core's bottom in the view."""
MARGIN = 0.75
"""Core heights kept left and right of the ink."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A normalised picture of a word.

    Args:
        pixels: uint8 (HEIGHT, W), 255 full ink.
        scale: view pixels per picture pixel.
        origin: upright column (`Ink.upright`) at the view's left edge.
    """

    pixels: NDArray[np.uint8]
    scale: float
    origin: float

    def frames(self, columns: NDArray[np.generic], stride: int) -> NDArray[np.float64]:
        """Positions of upright columns (edges, px) in frames of `stride` view pixels."""
        return (np.asarray(columns, dtype=np.float64) - self.origin) * self.scale / stride


def view(ink: Ink, widest: int = 8192) -> View:
    """The word's ink made upright and level, its core `CORE` rows high, standing on row `BASELINE`.

    Args:
        ink: the word's ink; what was cleaned away is shown too, so that a net can learn what is not text.
        widest: the view is never wider than this (px): the scale gives way.

    Source: derived here; an affine map, so that `frames` and its inverse are exact.
    """
    height, width = ink.raw.shape
    inked = np.flatnonzero(ink.upright.max(axis=0) > 0.2)
    core = ink.core
    left, right = (float(inked[0]), float(inked[-1] + 1)) if len(inked) else (0.0, float(ink.upright.shape[1]))
    origin = left - MARGIN * core
    extent = right + MARGIN * core - origin
    scale = min(CORE / core, widest / extent)
    columns = max(int(np.ceil(extent * scale)), 8)
    offset = float(ink.shift[0]) + ink.slant * height / 2  # shift[y] = slant * (y - height / 2) + offset
    picture = Image.fromarray((ink.raw * 255).astype(np.uint8))
    reduce = max(1, int(0.75 / scale))
    if reduce > 1:
        picture = picture.reduce(reduce)
    # x = u - offset - slant * (y - height / 2) and y = level + skew * (x - width / 2), solved for x.
    lean = 1.0 + ink.slant * ink.skew
    a = 1.0 / scale / lean
    b = -ink.slant / scale / lean
    c = (origin - offset - ink.slant * (ink.bottom - BASELINE / scale - ink.skew * width / 2 - height / 2)) / lean
    d, e = ink.skew * a, 1.0 / scale + ink.skew * b
    f = ink.bottom - BASELINE / scale + ink.skew * (c - width / 2)
    coefficients = tuple(each / reduce for each in (a, b, c, d, e, f))
    seen = picture.transform((columns, HEIGHT), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR)
    return View(np.asarray(seen).copy(), scale, origin)


def in_view(ink: Ink, seen: View, x: NDArray[np.generic], y: NDArray[np.generic]) -> tuple[Floats, Floats]:
    """Columns and rows (edges, view px) at which points of the picture are seen: the inverse of `view`'s map."""
    columns = (ink.upright_column(x, y) - seen.origin) * seen.scale
    level = y - ink.skew * (x - ink.raw.shape[1] / 2)
    return columns, (level - ink.bottom) * seen.scale + BASELINE
