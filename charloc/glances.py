"""A second look: the same picture at other sizes, and what all looks together say.

Where a search goes wrong it often hangs on a pixel: a cut that is just a candidate or just not, a core height rounded
up or down. At another size it falls otherwise, and what is wrong at one size is seldom wrong at most. So each word is
localized at several sizes; boxes go where the median of all looks has them, and how far looks are apart says more
about whether a box is right than anything within one look (docs/experiments.md).

Source: test-time augmentation, as for image classifiers (Krizhevsky et al. 2012), here by the median of edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from charloc.metrics import iou
from charloc.rim import RIM_PX
from charloc.types import WordImage

Floats = NDArray[np.float32]
SIZES = ((1.15, 1.0), (0.87, 1.0), (0.75, 0.75))
"""How much wider and taller a picture is made for each further look."""
MORE_SIZES = ((1.32, 1.0), (1.0, 1.2), (1.0, 0.85), (0.87, 0.87))
"""The same for looks that are taken only where those are apart."""
AGREED = 0.75
"""Looks are apart where one of them has a box that meets the one settled on with a smaller IoU."""
SAME = 0.06
"""Core heights within which a look's edge and the median are one: the picture's own pixels are the exact ones."""
SOFTENING = 0.02
"""Added to 1 - IoU before its logarithm is taken."""
HELD = 0.5
"""A look has a pinned character where it is from this IoU of its box with the pinned one on."""
BESIDE = 3
"""Characters away from a pin within which looks that have the pinned one right are believed."""
NAMES = ("apart", "apart_most", "word_apart", "word_apart_most")
"""The columns of `doubts`."""


def resized(word: WordImage, size: tuple[float, float]) -> tuple[WordImage, Floats]:
    """The word in a picture about so much wider and taller, and by what its boxes (L, 4) are to be divided, (4,)."""
    height, width = word.pixels.shape
    wide, tall = max(round(width * size[0]), 1), max(round(height * size[1]), 1)
    pixels = np.asarray(Image.fromarray(word.pixels).resize((wide, tall), Image.Resampling.BICUBIC))
    factors = np.array([wide / width, tall / height] * 2, dtype=np.float32)
    return replace(word, pixels=pixels), factors


def settle(own: Floats, others: Sequence[Floats], core: float) -> Floats:
    """Boxes where all looks together have them, float32 (L, 4), NaN where the first look has none.

    Args:
        own: float32 (L, 4), the first look's, in the picture as it is.
        others: of the same characters, each further look's, in that picture's pixels.
        core: core height, px.
    """
    if not others:
        return own
    known = np.isfinite(own[:, 0])
    looks = np.stack([own, *others])[:, known]
    middle = np.nanmedian(looks, axis=0) if known.any() else looks[0]
    out = own.copy()
    out[known] = np.where(np.abs(middle - looks[0]) <= SAME * core, looks[0], middle)
    # Of an edge that stays and one that moves a box could be left with nothing between.
    thin = (out[:, 2] - out[:, 0] < 1) | (out[:, 3] - out[:, 1] < 1)
    out[thin] = own[thin]
    return out


def misplaced(boxes: Floats, pinned: Floats) -> NDArray[np.bool_]:
    """Which of L pinned characters are elsewhere in `boxes`; both float32 (L, 4), `pinned` NaN where nobody pinned.

    Boxes that people see have a rim in black-and-white pictures (`charloc.rim`), which a full stop must not be told by.
    """
    far = ~(np.abs(boxes - pinned) <= RIM_PX + 0.01).all(axis=1)
    return np.isfinite(pinned[:, 0]) & far & (iou(boxes, pinned) < HELD)


def led(placed: Floats, settled: Floats, looks: Sequence[Floats], pinned: Floats, core: float) -> Floats:
    """Where a search under pins has characters, and around pins that were misplaced, looks that have those right.

    Where all looks together have a character wrong, some often have it right: of its neighbours these know more. Far
    from it they are no better than others.

    Args:
        placed: float32 (L, 4), the first look's, found under the pins.
        settled: (L, 4), where all looks have them without.
        looks: (L, 4) each, the further looks', without.
        pinned: (L, 4), NaN where nobody pinned.
        core: core height, px.

    Returns:
        float32 (L, 4).
    """
    wrong = np.flatnonzero(misplaced(settled, pinned))
    right = [look for look in looks if not misplaced(look, pinned).any()]
    if not len(wrong) or not right:
        return placed
    beside = np.abs(np.arange(len(placed))[:, None] - wrong).min(axis=1) <= BESIDE
    return np.where(beside[:, None], settle(placed, right, core), placed)


def apart(own: Floats, others: Sequence[Floats], core: float) -> bool:
    """Whether more looks are worth their time. Arguments as for `settle`."""
    settled = settle(own, others, core)
    known = np.isfinite(settled[:, 0])
    return any(bool((iou(settled, look)[known] < AGREED).any()) for look in (own, *others))


def doubts(settled: Floats, own: Floats, others: Sequence[Floats]) -> Floats:
    """How far the looks are apart, float32 (L, 4), columns as in `NAMES`; NaN where there is one look, or no box.

    Logarithms of 1 - IoU between what was settled on and each look: their mean and greatest, of the character and of
    the word.
    """
    known = np.isfinite(settled[:, 0])
    out = np.full((len(settled), len(NAMES)), np.nan, dtype=np.float32)
    if not others or not known.any():
        return out
    far = np.stack([np.log(1 - iou(settled, look) + SOFTENING) for look in (own, *others)])[:, known]
    mean, most = far.mean(axis=0), far.max(axis=0)
    out[known] = np.stack([mean, most, np.full_like(mean, mean.mean()), np.full_like(mean, mean.max())], axis=1)
    return out
