"""Regions: what lies between any two cuts of a word, as boxes of its view; and what is believed to be in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charloc.ink import Ink
from charloc.learning import Sample
from charloc.nets import STRIDE
from charloc.normalise import BASELINE, CORE, View
from charloc.spans import Spans

Floats = NDArray[np.float32]

CERTAIN, POSSIBLE = 0.85, 0.55
"""Overlap (IoU) with a character from which a region is wholly that character, and up to which it is none.

In between it is some of either: on noisy words that was a little better than one threshold at 0.6."""


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """R regions of a word.

    Args:
        boxes: float32 (R, 4), x0 y0 x1 y1 of their ink in pixels of the word's view.
        start, reach: int64 (R,), a region is the span `Spans.width[start, reach]`: from cut `start` to
            `start + 1 + reach`.
    """

    boxes: Floats
    start: NDArray[np.int64]
    reach: NDArray[np.int64]


def find_regions(spans: Spans, seen: View) -> Regions:
    """Every span that holds ink, as the box of that ink."""
    start, reach = np.nonzero(spans.width > 0)
    left, right = spans.next_ink[start], spans.last_ink[start + 1 + reach]
    # Where seams lean, ink left of a cut can reach farther right than ink after it.
    right = np.maximum(right, left + 1)
    x0, x1 = seen.frames(left, 1), seen.frames(right, 1)
    y0, y1 = BASELINE - CORE * spans.top[start, reach], BASELINE - CORE * spans.bottom[start, reach]
    return Regions(np.stack([x0, y0, x1, y1], axis=1).astype(np.float32), start, reach)


def characters_in_view(sample: Sample) -> Floats:
    """Boxes of a sample's L characters in pixels of its view, float32 (L, 4), NaN where there is none."""
    x = sample.spans * STRIDE
    return np.stack(
        [x[:, 0], BASELINE - CORE * sample.edges[:, 1], x[:, 1], BASELINE - CORE * sample.edges[:, 3]], axis=1
    ).astype(np.float32)


def overlaps(boxes: Floats, others: Floats) -> Floats:
    """Intersection over union of R boxes with L others, float32 (R, L); 0 where either is NaN."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = np.prod(np.maximum(high - low, 0), axis=2)
    areas = [np.prod(np.maximum(each[:, 2:] - each[:, :2], 1e-6), axis=1) for each in (boxes, others)]
    union = areas[0][:, None] + areas[1][None, :] - common
    return np.nan_to_num(common / union).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class RegionSample:
    """One word to learn from, told by its regions.

    Args:
        pixels: uint8 (HEIGHT, W), the word's view.
        boxes: float32 (R, 4), regions in view pixels.
        classes: int64 (R,), of the character each region overlaps most; 0 none.
        share: float32 (R,), 0..1: how much it is that character, and not background.
        offsets: float32 (R, 4), the character's left, top, right, bottom from the region's, core heights, y up.
        weights: float32 (R,), how much each region counts.
        repeat: how often the word is shown per epoch.
    """

    pixels: NDArray[np.uint8]
    boxes: Floats
    classes: NDArray[np.int64]
    share: Floats
    offsets: Floats
    weights: Floats
    repeat: int = 1


def believed_regions(sample: Sample, regions: Regions) -> RegionSample:
    """What each region of a word is, given where its characters are believed to be.

    Background weighs as the word's characters do on average: what is surely a part of something is as sure as that.
    Every character is taught by at least one region, the one it overlaps most.
    """
    boxes = regions.boxes
    placed = characters_in_view(sample)
    overlap = overlaps(boxes, placed) if len(placed) else np.zeros((len(boxes), 1), np.float32)
    overlap[:, np.isnan(placed[:, 0]) | (sample.classes == 0) | (sample.weights <= 0)] = 0
    nearest = overlap.argmax(axis=1)
    most = overlap[np.arange(len(boxes)), nearest]
    share = np.clip((most - POSSIBLE) / (CERTAIN - POSSIBLE), 0, 1)
    if len(boxes):
        best = overlap.argmax(axis=0)
        for k in np.flatnonzero(overlap.max(axis=0) > 0.2):
            if nearest[best[k]] == k:
                share[best[k]] = 1.0
    known = sample.weights[np.isfinite(placed[:, 0])]
    background = float(np.minimum(known, 1.0).mean()) if len(known) else 0.0
    weights = np.where(share > 0, sample.weights[nearest], background)
    # Edges are told from the middle of the character's span: seen from the region's they are shifted.
    middle = (placed[nearest, 0] + placed[nearest, 2]) / 2
    left, right = (boxes[:, 0] - middle) / CORE, (boxes[:, 2] - middle) / CORE
    top, bottom = (BASELINE - boxes[:, 1]) / CORE, (BASELINE - boxes[:, 3]) / CORE
    offsets = sample.edges[nearest] - np.stack([left, top, right, bottom], axis=1)
    classes = np.where(share > 0, sample.classes[nearest], 0)
    offsets[classes == 0] = 0
    return RegionSample(
        sample.pixels, boxes, classes, share.astype(np.float32), offsets.astype(np.float32),
        weights.astype(np.float32), sample.repeat,
    )  # fmt: skip


def refined(ink: Ink, seen: View, boxes: Floats, offsets: Floats) -> Floats:
    """Regions with their edges moved, in the picture.

    Args:
        boxes: float32 (M, 4), view pixels.
        offsets: float32 (M, 4), as in `RegionSample`.

    Returns:
        float32 (M, 4), pixels.
    """
    x, baseline = ink.place(((boxes[:, 0] + boxes[:, 2]) / 2 / seen.scale + seen.origin).astype(np.float32))
    half = (boxes[:, 2] - boxes[:, 0]) / 2 / CORE
    top, bottom = (BASELINE - boxes[:, 1]) / CORE, (BASELINE - boxes[:, 3]) / CORE
    edges = (np.stack([-half, top, half, bottom], axis=1) + offsets) * np.float32(ink.core)
    moved = np.stack([x + edges[:, 0], baseline - edges[:, 1], x + edges[:, 2], baseline - edges[:, 3]], axis=1)
    return moved.astype(np.float32)
