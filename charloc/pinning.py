"""What people pinned, as boundaries the search is held at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from charloc.ink import Ink
from charloc.text import shorten, visual_order
from charloc.types import Pin, PinError, Pins, TranscriptError, WordImage

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
ROUNDING_PX = 0.01
"""Pins that are as far apart as they need to be may be nearer by this much once they are upright."""


def visible_order(characters: Sequence[str], pins: Pins) -> list[int]:
    """Layout position -> reading position of the characters that are to be found.

    What a person said is not visible takes no ink: it has no place in the layout.
    """
    hidden = {pin.index for pin in pins if pin.box is None}
    return [i for i in visual_order(characters) if i not in hidden]


def pinned_boxes(order: Sequence[int], pins: Pins) -> Floats:
    """The pinned boxes in layout order, float32 (L, 4), NaN where there is none."""
    boxes = {pin.index: pin.box for pin in pins if pin.box is not None}
    nowhere = (np.nan,) * 4
    return np.array([boxes.get(i, nowhere) for i in order], dtype=np.float32).reshape(-1, 4)


def pinned_bounds(ink: Ink, word: WordImage, order: Sequence[int], pins: Pins) -> tuple[Ints | None, Ints]:
    """Upright columns that boundaries of the layout are held at.

    Args:
        order: layout position -> reading position.
        pins: the word's facts; those without a box fix nothing here.

    Returns:
        fixed: int32 (L + 1,), -1 where free; None if nothing is pinned.
        extra: columns that must be among the cuts, so that a layout within the fixed boundaries exists.

    Raises:
        TranscriptError: more characters than columns of pixels.
        PinError: two pinned characters stand in the wrong order, or too close for those between them.
    """
    width = ink.upright.shape[1]
    if len(order) > width:
        raise TranscriptError(
            f"{word.name}: {len(order)} characters do not fit a picture {width} px wide. Correct the transcript "
            f"'{shorten(word.text)}', or take the word out."
        )
    at = {pin.index: pin for pin in pins if pin.box is not None}
    pinned = [(k, at[i]) for k, i in enumerate(order) if i in at]
    if not pinned:
        return None, np.zeros(0, dtype=np.int32)
    middle, left, right = (np.array(each) for each in zip(*(_columns(ink, pin) for _, pin in pinned), strict=True))
    for i in range(len(pinned) - 1):
        between = pinned[i + 1][0] - pinned[i][0] - 1
        if middle[i + 1] - middle[i] < between + 1 - ROUNDING_PX:
            room = middle[i + 1] > middle[i]
            raise PinError(_contradiction(word, pinned[i][1], pinned[i + 1][1], between if room else 0))
        if left[i + 1] - right[i] < between:
            # Boxes may overlap, spans may not: the boundary goes halfway between the two.
            half = (middle[i] + middle[i + 1]) / 2
            right[i], left[i + 1] = half - between / 2, half + between / 2
        elif between == 0:
            right[i] = left[i + 1] = (right[i] + left[i + 1]) / 2
    fixed = np.full(len(order) + 1, -1, dtype=np.int32)
    for (k, _), low, high in zip(pinned, left, right, strict=True):
        fixed[k], fixed[k + 1] = round(float(low)), round(float(high))
    held = np.flatnonzero(fixed >= 0)
    # Rounding must not close a span, and nothing may leave the picture: each boundary has room for those beside it.
    previous, column = 0, 0
    for k in held:
        fixed[k] = column = max(fixed[k], column + k - previous)
        previous = k
    previous, column = len(order), width
    for k in held[::-1]:
        fixed[k] = column = min(fixed[k], column - (previous - k))
        previous = k
    ends = [(0, 0), *((int(k), int(fixed[k])) for k in held), (len(order), width)]
    extra = [fixed[held]]
    for (k, start), (other, end) in pairwise(ends):
        extra.append(np.linspace(start, end, other - k + 1).round().astype(np.int32))
    return fixed, np.unique(np.concatenate(extra)).astype(np.int32)


def bag_zones(ink: Ink, pins: Pins) -> Ints:
    """What is taken by pinned characters, whichever they are: int32 (Z, 2), upright columns, ascending, apart.

    Nothing here looks at the order of characters, so no pins contradict each other: those that overlap are one zone.
    """
    width = ink.upright.shape[1]
    zones: list[list[int]] = []
    for left, right in sorted(_columns(ink, pin)[1:] for pin in pins if pin.box is not None):
        low = int(np.clip(round(left), 0, width - 1))
        high = int(np.clip(round(right), low + 1, width))
        if zones and low < zones[-1][1]:
            zones[-1][1] = max(zones[-1][1], high)
        else:
            zones.append([low, high])
    return np.array(zones, dtype=np.int32).reshape(-1, 2)


def _columns(ink: Ink, pin: Pin) -> tuple[float, float, float]:
    """Upright middle, left and right of a pinned box. A leaning letter is narrower upright than its box."""
    assert pin.box is not None
    x0, y0, x1, y1 = pin.box
    middle = float(ink.upright_column(np.float32((x0 + x1) / 2), np.float32((y0 + y1) / 2)))
    wide = x1 - x0
    half = max(wide - abs(ink.slant) * (y1 - y0), 0.4 * wide, 1.0) / 2
    return middle, middle - half, middle + half


def _contradiction(word: WordImage, one: Pin, other: Pin, between: int) -> str:
    """What is wrong with two pins: no room for those between them; if there are none, their order."""
    left, right = (f"'{word.characters[pin.index]}' (character {pin.index + 1})" for pin in (one, other))
    if between:
        why = f"there is no room for the {between} between the pinned {left} and {right}"
    else:
        why = f"the pinned {left} and {right} are in the wrong order: {left} belongs left of {right}"
    return f"{word.name} '{shorten(word.text)}': {why}. Move one of the two boxes."
