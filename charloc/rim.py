"""The rim of a character that a black-and-white picture does not show.

A box holds what a character covers at least a quarter of (`synth.INK`). A scan in grey levels shows that far; one
that was made black and white has kept only pixels that are at least half covered, and the more it was blurred, the more
it has lost of every edge: often nothing, often a pixel, thin strokes more (`launch.py bench rim`). Methods find what is
black. Before anybody sees their boxes these go outward by half a pixel, and before boxes are learned from they go
inward by as much. So a full stop of four pixels overlaps well with its box, whichever way that was drawn. What people
pinned holds a search as it is: it may cut a little off their neighbours' paper, never off the pinned one's ink.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from charloc.types import Box, Localization, Pins

RIM_PX = 0.5
"""What a box gets on each side in a black-and-white picture."""
BETWEEN = (0.1, 0.9)
"""Levels between black and white, as shares of the picture's range."""
MOST_BETWEEN = 0.1
"""A picture is black and white if it has at most so many pixels of such levels to each of its rarer colour: compression
leaves some along edges; grey rims are several times as many, and so is faint writing beside a black rule."""
OUTWARD = np.array([-1, -1, 1, 1], dtype=np.float32)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Rim:
    """How far the characters of a picture reach beyond what it shows of them.

    Args:
        px: on each side.
        width, height: the picture's.
    """

    px: float
    width: int
    height: int

    def on(self, found: Localization, pins: Pins) -> Localization:
        """What a method found, with rims, as far as the picture goes; what is pinned stays as the person gave it."""
        if not self.px:
            return found
        boxes = np.clip(found.boxes + np.float32(self.px) * OUTWARD, 0, self._end)
        for pin in pins:
            boxes[pin.index] = pin.box if pin.box is not None else np.nan
        return replace(found, boxes=boxes)

    def off(self, shown: Localization) -> Localization:
        """What was shown, without rims: as a method found it, but for edges less than a rim from the border."""
        return replace(shown, boxes=self._inward(shown.boxes)) if self.px else shown

    def off_pins(self, pins: Pins) -> Pins:
        """What people said, without rims: as a method learns it."""
        return tuple(replace(pin, box=self._off_box(pin.box)) for pin in pins) if self.px else pins

    def _off_box(self, box: Box | None) -> Box | None:
        if box is None:
            return None
        x0, y0, x1, y1 = self._inward(np.array([box], dtype=np.float32))[0].tolist()
        return x0, y0, x1, y1

    def _inward(self, boxes: Floats) -> Floats:
        """Boxes (L, 4) without rims, a pixel wide and tall at least; there was no room for one at the border."""
        room = np.where((boxes <= 0) | (boxes >= self._end), 0, self.px)
        both = room[:, :2] + room[:, 2:]
        left = np.maximum(boxes[:, 2:] - boxes[:, :2] - 1, 0)
        share = np.divide(np.minimum(both, left), both, out=np.zeros_like(both), where=both > 0)
        return (boxes - room * np.hstack([share, share]) * OUTWARD).astype(np.float32)

    @property
    def _end(self) -> Floats:
        return np.array([self.width, self.height] * 2, dtype=np.float32)


def rim_of(pixels: NDArray[np.uint8]) -> Rim:
    """The rim of a picture, uint8 (H, W): `RIM_PX` if it is black and white, else nothing."""
    height, width = pixels.shape
    return Rim(RIM_PX if black_and_white(pixels) else 0.0, width, height)


def black_and_white(pixels: NDArray[np.uint8]) -> bool:
    """Whether a picture, uint8 (H, W), has two colours and hardly anything between them."""
    counts = np.bincount(pixels.ravel(), minlength=256)
    levels = np.flatnonzero(counts)
    if len(levels) < 2:
        return False
    share = (np.arange(256) - levels[0]) / (levels[-1] - levels[0])
    dark, light = counts[share < BETWEEN[0]].sum(), counts[share > BETWEEN[1]].sum()
    return bool(counts.sum() - dark - light <= MOST_BETWEEN * min(dark, light))
