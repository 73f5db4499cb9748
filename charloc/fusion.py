"""Joining two opinions of a box: the ink's, exact where it is clean, and the net's, right where the ink is not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

TRUST_CUT = 0.2
"""Core heights within which an edge of the ink is believed where a cut went through ink on that side.

Where the ink was not cut it is always believed: what looks wrong there is, nearly always, the net's average.
"""
TAUGHT_CUT = (0.0, TRUST_CUT, 0.0, TRUST_CUT)
"""The same, edge by edge, where true boxes have taught the net: left and right of a cut it is believed, not the ink.

The ink ends where the seam went; the letter ends where its stroke does, often within its neighbour, and a net that has
seen where knows better. One that has only learned what the ink said does not. Derived here (docs/experiments.md).
"""


def believed_within(whole: NDArray[np.bool_], taught: NDArray[np.bool_] | None = None) -> Floats:
    """Within how many core heights of the net's each edge of the ink is believed, float32 (L, 4).

    Args:
        whole: bool (L, 4), whether the ink's edge is of uncut ink.
        taught: bool (L,), of which characters true boxes have taught the net; of none if None.
    """
    cut = np.full(whole.shape, TRUST_CUT, dtype=np.float32)
    if taught is not None:
        cut[taught] = TAUGHT_CUT
    return np.where(whole, np.float32(np.inf), cut)


def fuse(
    ink: Floats, net: Floats, within: Floats, space: NDArray[np.bool_], core: float
) -> tuple[Floats, Floats]:
    """Boxes taken edge by edge from the ink where that is believed, from the net where it is not.

    Args:
        ink: float32 (L, 4), NaN where there is no ink.
        net: float32 (L, 4).
        within: float32 (L, 4), as from `believed_within`.
        space: bool (L,), characters without a box.
        core: core height, px.

    Returns:
        boxes: float32 (L, 4), x0 < x1 and y0 < y1; NaN for spaces.
        agreement: float32 (L,), 1 where the two opinions are the same box, falling with their distance.
    """
    apart = np.abs(ink - net) / core
    boxes = np.where(apart <= within, ink, net)
    boxes = np.where(np.isnan(ink), net, boxes)
    upside_down = (boxes[:, 2] - boxes[:, 0] < 1) | (boxes[:, 3] - boxes[:, 1] < 1)
    fallback = np.where(np.isnan(ink[upside_down]), net[upside_down], ink[upside_down])
    boxes[upside_down] = fallback
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
    distance = np.where(np.isnan(ink), 1.0, apart).max(axis=1)
    agreement = 1.0 / (1.0 + (distance / 0.5) ** 2)
    boxes[space] = np.nan
    return boxes.astype(np.float32), agreement.astype(np.float32)
