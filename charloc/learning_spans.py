"""Spans of frames to learn from: which are one character, whole, and which are a part of one or more than one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
SAME, OTHER = 0.7, 0.5
"""A span is a character's from this intersection over union with the character's own on, and nobody's up to that;
between the two nobody says."""
TRIES = 2
"""Spans near each character that are tried."""


def near_spans(word: Ints, start: Ints, end: Ints, name: Ints, frames: int, rng: np.random.Generator) -> Ints:
    """Each character's own span, and others that a search might take for it.

    Args:
        word, start, end, name: int64 (M,): the word of a batch that each character is in, its span of frames [start,
            end), its class. A word's characters stand together, from left to right or right to left.
        frames: how many there are.

    Returns:
        int64 (S, 5): word, start, end, class (0 for a part of one, several, or none), and the index of the character
        that it was made from.
    """
    count = len(word)
    length = end - start
    own = np.stack([word, start, end, name, np.arange(count)], axis=1)
    of = np.tile(np.arange(count), TRIES)
    off = np.rint(rng.normal(0, 1, (len(of), 2)) * (0.6 + 0.35 * length[of, None])).astype(np.int64)
    pairs = np.flatnonzero(word[1:] == word[:-1])
    low = np.concatenate([start[of] + off[:, 0], np.minimum(start[pairs], start[pairs + 1])])
    high = np.concatenate([end[of] + off[:, 1], np.maximum(end[pairs], end[pairs + 1])])
    of = np.concatenate([of, pairs])
    low = np.clip(low, 0, frames - 1)
    high = np.clip(high, low + 1, frames)
    likest, overlap = _likest(word[of], low, high, word, start, end)
    label = np.where(overlap >= SAME, name[likest], 0)
    clear = (overlap >= SAME) | (overlap <= OTHER)
    tried = np.stack([word[of], low, high, label, of], axis=1)
    return np.concatenate([own, tried[clear]])


def _likest(
    in_word: Ints, low: Ints, high: Ints, word: Ints, start: Ints, end: Ints
) -> tuple[Ints, NDArray[np.float64]]:
    """For each of S spans, which character of its word has the span most like it, and their intersection over union."""
    shared = np.minimum(high[:, None], end) - np.maximum(low[:, None], start)
    union = (high - low)[:, None] + (end - start) - shared
    overlap = np.where((in_word[:, None] == word) & (shared > 0), shared / np.maximum(union, 1), 0.0)
    likest = overlap.argmax(axis=1)
    return likest, overlap[np.arange(len(low)), likest]
