"""What to ask a person next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from charloc.metrics import iou
from charloc.types import Localization, Pins


def word_uncertainty(localization: Localization) -> float:
    """How likely it is that at least one character of the word is wrong, 0..1.

    Characters are taken as independent, given their confidences; characters without a box (spaces) do not count.
    """
    placed = ~np.isnan(localization.boxes[:, 0])
    if not placed.any():
        return 1.0
    confidence = np.clip(localization.confidence[placed].astype(np.float64), 1e-6, 1.0)
    return float(1.0 - np.exp(np.sum(np.log(confidence))))


def together(localization: Localization, apart: NDArray[np.float32] | None) -> float:
    """How likely it is that at least one character is wrong, 0..1, by confidence and by other methods' disagreement.

    As `word_uncertainty`, were confidence and agreement two independent witnesses for each box: of what was tried the
    two together found wrong boxes best (`launch.py bench disagreement`).

    Args:
        localization: L characters.
        apart: float32 (L,), as from `disagreement`; None, or NaN where nobody else has looked: agreed.
    """
    if apart is None:
        return word_uncertainty(localization)
    agreed = localization.confidence * (1.0 - np.nan_to_num(apart))
    return word_uncertainty(replace(localization, confidence=agreed.astype(np.float32)))


LEAST_SAY = 0.05
"""What a method that does not believe itself counts for, beside 1 for one that is sure."""


def disagreement(localization: Localization, others: Sequence[Localization], pins: Pins = ()) -> NDArray[np.float32]:
    """How far other methods place each character of a word elsewhere.

    The mean over the others of 1 - IoU, each weighted by its own confidence in the character: a method that guesses
    wildly and knows it has little say. Of the definitions tried (overlap, distance of centres in word heights; mean,
    median and minimum over the others, weighted or not) this one found wrong boxes best. Derived here.

    Args:
        localization: what is judged, L characters.
        others: the same word's, one per other method.
        pins: what a person said: nothing that a machine disagrees with.

    Returns:
        float32 (L,), 0 where all agree, 1 where nobody's box overlaps; NaN where the character has no box, and
        everywhere if there is nobody else.
    """
    placed = ~np.isnan(localization.boxes[:, 0])
    apart = np.zeros(len(placed))
    say = np.zeros(len(placed))
    for other in others:
        weight = LEAST_SAY + np.nan_to_num(other.confidence.astype(np.float64))
        apart += weight * (1.0 - iou(localization.boxes, other.boxes))
        say += weight
    known = placed & (say > 0)
    out = np.full(len(placed), np.nan)
    out[known] = apart[known] / say[known]
    if others:
        out[[pin.index for pin in pins if pin.box is not None]] = 0.0
    return out.astype(np.float32)
