"""What pinned boxes say of where their characters are cut, to a net that knows boxes by their spans.

Boxes overlap where letters lean or join; spans may not. Held at the edges of its box a letter with a long stroke takes
the ink of those that stand under it. A net that was taught where a letter's box ends beyond its span says the reverse
as well: which spans such a box may be of. So there the boundaries are free within the box, and each span costs what the
net's box is off. Derived here; figures in docs/decisions/0030-pins-are-boxes-not-cuts.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from charloc.evidence import net_boxes
from charloc.layout import Expected, ShapeCosts, shape_costs
from charloc.methods._looks import Seen
from charloc.methods.guess import LONGEST
from charloc.nets import SegmentalNet
from charloc.pinning import pinned_boxes
from charloc.spans import Spans
from charloc.types import Pins

OFF_COST = 80.0
"""Nats for a span whose box is one core height off the pinned one, in the mean of its edges."""
SLACK = 0.15
"""Core heights beyond a pinned box within which its character may be cut."""

WIDEST = 2 * LONGEST
"""Core heights: so wide a span a pinned character may have, though its box be wider."""


def farthest_joined(
    extra: NDArray[np.int32], fixed: NDArray[np.int32] | None, pins: Pins, order: Sequence[int],
    taught: NDArray[np.bool_], core: float,
) -> float | None:  # fmt: skip
    """How far neighbouring cuts that pins ask for are apart at most, px, but for the edges of a box too wide for a
    letter. Cuts are free within it, and spans as wide as half a line, from every cut, take gigabytes.

    Args:
        extra, fixed: of `pinning.pinned_bounds`.
        order, taught: as for `shape_under`.

    Returns:
        None where there is no such box.
    """
    if fixed is None:
        return None
    held = np.flatnonzero(np.isfinite(pinned_boxes(order, pins)[:, 0]) & taught)
    wide = held[fixed[held + 1] - fixed[held] > WIDEST * core]
    if not len(wide):
        return None
    others = np.diff(extra)[~np.isin(extra[:-1], fixed[wide])]
    return float(max(WIDEST * core, others.max(initial=0)))


def shape_under(
    pins: Pins, order: Sequence[int], fixed: NDArray[np.int32] | None, spans: Spans, expected: Expected,
    classes: NDArray[np.int64], taught: NDArray[np.bool_], net: SegmentalNet, seen: Seen,
) -> ShapeCosts:  # fmt: skip
    """`layout.shape_costs` under pins: those of characters that were taught as boxes, the others at `fixed`.

    Args:
        order: layout position -> reading position.
        fixed: of `pinning.pinned_bounds`.
        classes: int64 (L,), the net's.
        taught: bool (L,), of which the net was taught where they end.
    """
    boxes = pinned_boxes(order, pins)
    held = np.flatnonzero(np.isfinite(boxes[:, 0]) & taught)
    if fixed is None or not len(held):
        return shape_costs(spans, expected, fixed)
    ink = seen.look.ink
    between = np.stack([fixed, fixed], axis=1)
    firm = np.isfinite(boxes[:, 0]) & ~taught
    for k in held:
        x0, y0, x1, y1 = boxes[k]
        middle = float(ink.upright_column((x0 + x1) / 2, (y0 + y1) / 2))
        half = (x1 - x0) / 2 + SLACK * ink.core
        cuts = np.searchsorted(spans.columns, [middle - half, middle + half])
        low, high = spans.columns[np.minimum(cuts, len(spans.columns) - 1)]
        for bound, beside in ((k, k - 1), (k + 1, k + 1)):
            if not (0 <= beside < len(firm) and firm[beside]):
                # Where they are fixed there is a layout.
                between[bound] = min(between[bound, 0], low), max(between[bound, 1], high)
    shape = shape_costs(spans, expected, between)
    which, start, length = np.nonzero(np.isfinite(shape.costs[held]))
    of = held[which]
    each = net_boxes(net, ink, seen.look.view, spans, start, start + 1 + length, classes[of], seen.features)
    off = np.abs(each - boxes[of]).mean(axis=1) / ink.core
    shape.costs[of, start, length] += np.float32(OFF_COST) * off
    return shape
