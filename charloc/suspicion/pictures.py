"""What speaks against a picture, whatever its transcript says: blank, cut off, in the project twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial import cKDTree

from charloc.ink import Ink
from charloc.suspicion import Reason

FLAT_GREY = 24
"""A picture whose greys lie within this many of 255 holds no ink."""
LEAST_INK = 0.1
"""Inked width, core heights, below which there is hardly any ink: a full stop is wider."""
BLANK_SCORE = 0.97

CONTACT = 0.3
"""Core heights of ink along an edge of the picture from which on it looks cut off there."""
CUT_OFF_SCORES = ((0.02, 0.5), (0.06, 0.25))
"""What that scores where a smaller share of the set touches its edges. Crops that all touch say nothing."""

OTHER_COPY_SCORE, TWICE_SCORE = 0.9, 0.3
THUMBNAIL = (16, 8)
NEAR = 0.35
"""Distance of thumbnails (of unit spread) within which two pictures are compared in full."""
SAME_GREY = 8.0
"""Root mean square of the differences of greys, of 255, up to which two pictures are the same: compressed anew, cut a
pixel wider. Two prints of a word in black and white differ by 30 and more: few pixels, but all the way."""
SIZE = 3
"""Pixels by which the sizes of two copies may differ."""
MOST_COPIES = 20

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Glance:
    """What one look at a picture tells.

    Args:
        blank: whether there is hardly any ink.
        contact: core heights of ink along the edge that has most, less the width of one stroke.
    """

    blank: bool
    contact: float


def glance(pixels: Pixels, ink: Ink) -> Glance:
    """Look at a picture whose ink has been found."""
    dark, light = np.percentile(pixels, (0.5, 99.5))
    inked = float(ink.mask.any(axis=0).sum()) / ink.core
    blank = bool(light - dark < FLAT_GREY or inked < LEAST_INK)
    mask = ink.mask
    edges = mask[0].sum(), mask[-1].sum(), mask[:, 0].sum(), mask[:, -1].sum()
    return Glance(blank, max(0.0, (float(max(edges)) - ink.stroke) / ink.core))


def weigh(glances: Sequence[Glance]) -> list[dict[Reason, float]]:
    """What speaks against each of N pictures, by itself and beside the others."""
    cut = np.array([each.contact >= CONTACT and not each.blank for each in glances], dtype=bool)
    score = next((score for share, score in CUT_OFF_SCORES if cut.mean() < share), 0.0) if len(cut) else 0.0
    found: list[dict[Reason, float]] = []
    for each, touches in zip(glances, cut, strict=True):
        weights = {Reason.blank: BLANK_SCORE} if each.blank else {}
        if touches and score:
            weights[Reason.cut_off] = score
        found.append(weights)
    return found


class Copies:
    """Finds pictures that are in a set more than once: byte for byte, compressed anew, or cut a pixel wider.

    Two prints of the same word are no copies: their greys differ wherever the paper and the ink do.
    """

    def __init__(self) -> None:
        self._thumbnails: list[NDArray[np.float32]] = []
        self._sizes: list[tuple[int, int]] = []
        self._keep: list[int] = []

    def add(self, index: int, pixels: Pixels, mask: NDArray[np.bool_]) -> None:
        """Remember picture `index`, by where its ink is; a blank one should not be added: they are all alike."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        inked = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else pixels
        small = np.asarray(Image.fromarray(inked).resize(THUMBNAIL, Image.Resampling.BOX), dtype=np.float32)
        spread = float(small.std()) or 1.0
        self._thumbnails.append(((small - small.mean()) / spread).ravel() / np.float32(np.sqrt(small.size)))
        self._sizes.append(pixels.shape)
        self._keep.append(index)

    def pairs(self, pixels_of: Sequence[Pixels]) -> Iterable[tuple[int, int]]:
        """All pairs of indices whose pictures are the same.

        Args:
            pixels_of: the pictures by index; may be lazy.
        """
        if len(self._keep) < 2:
            return
        tree = cKDTree(np.stack(self._thumbnails))
        copies = np.zeros(len(self._keep), dtype=int)
        for a, b in sorted(tree.query_pairs(NEAR)):
            close = np.abs(np.subtract(self._sizes[a], self._sizes[b])).max() <= SIZE
            if not close or max(copies[a], copies[b]) >= MOST_COPIES:
                continue
            if same_picture(pixels_of[self._keep[a]], pixels_of[self._keep[b]]):
                copies[[a, b]] += 1
                yield self._keep[a], self._keep[b]


def same_picture(one: Pixels, other: Pixels) -> bool:
    """Whether one is the other, but for compression and a frame of up to `SIZE` pixels."""
    if one.shape == other.shape and np.array_equal(one, other):
        return True
    height, width = (min(a, b) for a, b in zip(one.shape, other.shape, strict=True))
    for dy in range(abs(one.shape[0] - other.shape[0]) + 1):
        for dx in range(abs(one.shape[1] - other.shape[1]) + 1):
            a = one[dy * (one.shape[0] > height) :, dx * (one.shape[1] > width) :][:height, :width]
            b = other[dy * (other.shape[0] > height) :, dx * (other.shape[1] > width) :][:height, :width]
            if float(((a.astype(np.float32) - b) ** 2).mean()) <= SAME_GREY**2:
                return True
    return False
