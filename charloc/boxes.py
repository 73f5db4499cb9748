"""From a layout to boxes: whose ink is whose, tight boxes around it, and what people pinned put in its place."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import label

from charloc.ink import Ink
from charloc.layout import Expected
from charloc.seams import label_columns
from charloc.spans import Spans
from charloc.text import is_space, visual_order
from charloc.types import Localization, PinError, Pins, TranscriptError, WordImage

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
SAME_CUT = 0.15
"""Core heights within which two cuts are one and the same to a reader."""

LOST = 0.2
"""Core heights by which a letter's ink ends too low when a piece is missing."""
DOT = 0.4
"""Soft ink that a dot has where it is darkest."""


def ink_boxes(ink: Ink, spans: Spans, bounds: Ints, expected: Expected) -> tuple[Floats, NDArray[np.bool_]]:
    """Tight boxes of each span's ink in the picture, float32 (L, 4), NaN for spaces and where there is no ink.

    Also says of each edge whether it is whole, bool (L, 4): false where a seam cut through ink on that side (top and
    bottom: on either side).

    A piece of ink that lies almost wholly in one span is that span's, whole: seams do not clip serifs, and what
    hangs over a neighbour comes along. Pieces too small and too far to belong to a letter of one piece are left out.
    """
    width = ink.mask.shape[1]
    labels = label_columns(spans.step, spans.middle, spans.columns[bounds], ink.shift, width)
    return owned_boxes(ink, np.where(labels < len(bounds), labels, 0), expected)


def owned_boxes(ink: Ink, labels: Ints, expected: Expected) -> tuple[Floats, NDArray[np.bool_]]:
    """Tight boxes of each character's ink, as from `ink_boxes`, by the pixels that are its own.

    Args:
        labels: int32 (H, W), 1..L: whose a pixel is if there is ink; 0: nobody's.
    """
    count = len(expected.space)
    owner = _whole_pieces(np.where(ink.mask, labels, 0), ink.components, ink.areas, count)
    pieces, number = label(owner, background=0, return_num=True, connectivity=2)
    boxes = np.full((count, 4), np.nan, dtype=np.float32)
    if not number:
        return boxes, np.zeros((count, 4), dtype=bool)
    areas = np.bincount(pieces.ravel(), minlength=number + 1)[1:]
    found = ndimage.find_objects(pieces)
    extents = np.array([(c.start, r.start, c.stop, r.stop) for r, c in found], dtype=np.float32)
    first = np.array([owner[r, c][pieces[r, c] == i + 1][0] for i, (r, c) in enumerate(found)]) - 1
    for k in range(count):
        mine = np.flatnonzero(first == k)
        if not len(mine) or expected.space[k]:
            continue
        kept = mine[_belongs(extents[mine], areas[mine], int(expected.pieces[k]), ink)]
        boxes[k, :2] = extents[kept, :2].min(axis=0)
        boxes[k, 2:] = extents[kept, 2:].max(axis=0)
    left, right = ~_cut_off(owner, count).T
    return boxes, np.stack([left, left & right, right, left & right], axis=1)


@njit(cache=True, nogil=True)
def _cut_off(owner: Ints, count: int) -> NDArray[np.bool_]:
    """Whether each span's ink touches ink of a span before it, and of one after it, bool (count, 2)."""
    height, width = owner.shape
    out = np.zeros((count, 2), dtype=np.bool_)
    for y in range(height):
        for x in range(width):
            for dy, dx in ((0, 1), (1, -1), (1, 0), (1, 1)):
                if owner[y, x] and y + dy < height and 0 <= x + dx < width:
                    one, other = owner[y, x], owner[y + dy, x + dx]
                    if other and one != other:
                        out[min(one, other) - 1, 1] = True
                        out[max(one, other) - 1, 0] = True
    return out


@njit(cache=True, nogil=True)
def _whole_pieces(owner: Ints, components: Ints, areas: NDArray[np.int64], count: int) -> Ints:
    """Give components that lie mostly in one span to that span as a whole."""
    height, width = owner.shape
    shares = np.zeros((len(areas), count + 1), dtype=np.int64)
    for y in range(height):
        for x in range(width):
            if components[y, x]:
                shares[components[y, x], owner[y, x]] += 1
    winner = np.zeros(len(areas), dtype=np.int32)
    for c in range(1, len(areas)):
        best = np.argmax(shares[c])
        if shares[c, best] >= 0.8 * areas[c]:
            winner[c] = best
        else:
            winner[c] = -1
    out = owner.copy()
    for y in range(height):
        for x in range(width):
            c = components[y, x]
            if c and winner[c] >= 0:
                out[y, x] = winner[c]
    return out


def _belongs(extents: Floats, areas: NDArray[np.int64], usual: int, ink: Ink) -> NDArray[np.bool_]:
    """Which of a span's pieces are its letter's, given how many pieces the letter usually has (0 unknown)."""
    largest = int(np.argmax(areas))
    keep = np.ones(len(areas), dtype=bool)
    if len(areas) == 1:
        return keep
    main = extents[largest]
    small = areas < 0.10 * areas[largest]
    gap_x = np.maximum(np.maximum(main[0] - extents[:, 2], extents[:, 0] - main[2]), 0)
    gap_y = np.maximum(np.maximum(main[1] - extents[:, 3], extents[:, 1] - main[3]), 0)
    away = np.maximum(gap_x, gap_y)
    if usual == 1:
        keep = ~(small & (away > 0.12 * ink.core)) & ~((areas < 0.3 * areas[largest]) & (away > 0.5 * ink.core))
    else:
        keep = ~(small & (areas < 0.3 * ink.stroke**2)) & ~((areas < 0.04 * areas[largest]) & (away > ink.core))
    keep[largest] = True
    return keep


def lost_tops(ink: Ink, boxes: Floats, others: Floats, expected: Expected) -> NDArray[np.bool_]:
    """Of which letters of several pieces, such as an i, the top is missing from the ink's box, bool (L,).

    Where another opinion's box goes on above it and there is ink there: the dot was taken for a speck, or for a
    neighbour's. A letter that is written without its dot has no ink there.

    Args:
        boxes: float32 (L, 4), of the ink; NaN where there is none.
        others: float32 (L, 4), the other opinion's.
    """
    lost = np.zeros(len(boxes), dtype=bool)
    for k in np.flatnonzero((expected.pieces > 1) & (boxes[:, 1] - others[:, 1] > LOST * ink.core)):
        x0, x1 = int(max(others[k, 0], 0)), int(np.ceil(others[k, 2]))
        y0, y1 = int(max(others[k, 1] - LOST * ink.core, 0)), int(boxes[k, 1]) - 1
        lost[k] = bool((ink.raw[y0:y1, x0:x1] > DOT).any())
    return lost


def without_ink(ink: Ink, boxes: Floats) -> NDArray[np.bool_]:
    """Whether there is no ink at all in each of the boxes (L, 4), px, bool (L,); False where there is no box."""
    height, width = ink.mask.shape
    blank = np.zeros(len(boxes), dtype=bool)
    for k in np.flatnonzero(np.isfinite(boxes[:, 0])):
        x0, y0 = np.clip(np.floor(boxes[k, :2]), 0, (width - 1, height - 1)).astype(int).tolist()
        x1, y1 = np.ceil(boxes[k, 2:]).astype(int).tolist()
        blank[k] = not ink.mask[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)].any()
    return blank


def span_boxes(ink: Ink, columns: Ints) -> Floats:
    """Boxes (L, 4) of the spans between L + 1 upright columns, as high as the core: for characters without ink."""
    x, baseline = ink.place(columns.astype(np.float32))
    top, bottom = (baseline[:-1] + baseline[1:]) / 2 - ink.core, (baseline[:-1] + baseline[1:]) / 2
    return np.stack([x[:-1], top, np.maximum(x[1:], x[:-1] + 1), bottom], axis=1).astype(np.float32)


def boundary_certainty(posterior: NDArray[np.float64], bounds: Ints, spans: Spans) -> NDArray[np.float64]:
    """Probability of each boundary being where it is, give or take `SAME_CUT`, (L + 1,).

    Args:
        posterior: float64 (L + 1, N), from `lattice.segmentation_posterior`.
    """
    columns = spans.columns
    near = np.abs(columns[None, :] - columns[bounds][:, None]) <= max(1.0, SAME_CUT * spans.core)
    # All cuts within one gap part the same ink.
    near |= spans.next_ink[None, :] == spans.next_ink[bounds][:, None]
    return np.minimum((posterior * near).sum(axis=1), 1.0)


def certainty(posterior: NDArray[np.float64], bounds: Ints, spans: Spans) -> Floats:
    """Probability of both of each span's boundaries being where they are, float32 (L,)."""
    sure = boundary_certainty(posterior, bounds, spans)
    return (sure[:-1] * sure[1:]).astype(np.float32)


def finish(
    word: WordImage, order: Sequence[int], boxes: Floats, confidence: Floats, score: float, pins: Pins, method: str
) -> Localization:
    """A localization in reading order, with every pinned fact as the person gave it.

    All other boxes lie within the picture and measure at least a pixel each way.

    Args:
        order: layout position -> reading position; characters that are not visible have no place in it.
        boxes, confidence: one per place of the layout.
    """
    height, width = word.pixels.shape
    placed = np.full((len(word.characters), 4), np.nan, dtype=np.float32)
    sure = np.zeros(len(word.characters), dtype=np.float32)
    start = np.clip(boxes[:, :2], 0, [width - 1, height - 1])
    placed[list(order)] = np.hstack([start, np.clip(boxes[:, 2:], start + 1, [width, height])])
    sure[list(order)] = np.clip(confidence, 0, 1)
    return with_pins(Localization(placed, sure, score, method), pins)


def with_pins(localization: Localization, pins: Pins) -> Localization:
    """The localization with every pinned character as the person gave it, confidence 1."""
    boxes, confidence = localization.boxes.copy(), localization.confidence.copy()
    for pin in pins:
        boxes[pin.index] = pin.box if pin.box is not None else np.nan
        confidence[pin.index] = 1.0
    return Localization(boxes, confidence, localization.score, localization.method)


def survive(
    localize: Callable[[WordImage, Pins], Localization], word: WordImage, pins: Pins, method: str
) -> Localization:
    """`localize(word, pins)`, and where that is impossible the next best thing: one word must not end a round.

    Pins that contradict each other are kept as they are, and the rest of the word is localized as if there were none.
    A word with more characters than its picture has columns is split evenly, confidence 0. Either is logged.
    """
    try:
        return localize(word, pins)
    except PinError as error:
        log.warning("%s Until then its other characters are localized without the pins.", error)
        hidden = tuple(pin for pin in pins if pin.box is None)
        return with_pins(survive(localize, word, hidden, method), pins)
    except TranscriptError as error:
        log.warning("%s", error)
        height, width = word.pixels.shape
        edges = np.linspace(0, width, len(word.characters) + 1)
        boxes = np.full((len(word.characters), 4), (0, 0, 0, height), dtype=np.float32)
        order = list(visual_order(word.characters))
        boxes[order, 0], boxes[order, 2] = edges[:-1], edges[1:]
        boxes[[is_space(each) for each in word.characters]] = np.nan
        return with_pins(Localization(boxes, np.zeros(len(boxes), dtype=np.float32), 0.0, method), pins)
