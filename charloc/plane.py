"""A word as a two-dimensional net sees it: the picture's own ink, neither levelled nor set upright, only scaled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from charloc.ink import Ink

CORE = 14
"""Rows of the core band on the plane: characters are of about one size, whatever the picture's."""
MARGIN = 0.5
"""Core heights kept around the word's ink."""


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A scaled picture of a word's ink.

    Args:
        pixels: uint8 (H, W), 255 full ink.
        scale: plane pixels per picture pixel, the same both ways.
        corner: x and y of the picture at the plane's top left.
    """

    pixels: NDArray[np.uint8]
    scale: float
    corner: tuple[float, float]

    def to_plane(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """Points (..., 2) or boxes (..., 4) of the picture on the plane; alternating x and y."""
        return ((np.asarray(points) - self._corners(points)) * self.scale).astype(np.float32)

    def to_picture(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """The inverse of `to_plane`."""
        return (np.asarray(points) / self.scale + self._corners(points)).astype(np.float32)

    def _corners(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        return np.tile(self.corner, np.shape(points)[-1] // 2)


def plane(ink: Ink, tallest: int = 512, widest: int = 8192) -> Plane:
    """The word's ink as found (what cleaning would take away is shown too), scaled so that its core is `CORE` high.

    Args:
        ink: the word's ink.
        tallest, widest: the plane is never larger than this (px): the scale gives way.
    """
    inked = np.argwhere(ink.mask) if ink.mask.any() else np.array([(0, 0), np.array(ink.mask.shape) - 1])
    (top, left), (bottom, right) = inked.min(axis=0), inked.max(axis=0) + 1
    around = MARGIN * ink.core
    width, height = float(right - left) + 2 * around, float(bottom - top) + 2 * around
    scale = min(CORE / ink.core, tallest / height, widest / width)
    x, y = float(left) - around, float(top) - around
    picture = Image.fromarray((ink.raw * 255).astype(np.uint8))
    reduce = max(1, int(0.75 / scale))
    if reduce > 1:
        picture = picture.reduce(reduce)
    step = 1 / scale / reduce
    coefficients = (step, 0, x / reduce, 0, step, y / reduce)
    size = (max(int(np.ceil(width * scale)), 8), max(int(np.ceil(height * scale)), 8))
    seen = picture.transform(size, Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR)
    return Plane(np.asarray(seen).copy(), scale, (x, y))
