"""Where a two-dimensional search may put characters, and how far apart neighbours usually are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from charloc.nets_xy import CELL
from charloc.plane import CORE

Floats = NDArray[np.float32]
STRONGEST = 16
"""Local maxima that are candidates of a character; twice as many as the line has of it, if that is more."""
PLACES = 48
"""Places all along the word; twice as many as it has characters, if that is more."""
FLOOR = -9.0
"""Log-probability below which a place is as bad as any."""
PRIOR_COUNT = 4.0
SPACE = 0.55
"""Core heights a space adds to a step."""


@dataclass(frozen=True, slots=True)
class Steps:
    """How far it is from the middle of a character to that of the next, core heights.

    Args:
        by_character: character -> (half its width, how far its middle is below that of its word).
        gap: between neighbours' boxes.
    """

    by_character: Mapping[str, tuple[float, float]]
    gap: float

    def expected(self, letters: Sequence[str], spaced: NDArray[np.bool_], pitch: float) -> tuple[Floats, Floats]:
        """Expected steps and their standard deviations, float32 (K - 1, 2) each, x and y, plane px.

        Args:
            letters: K characters in layout order, without spaces.
            spaced: bool (K - 1,), whether a space parts a character from the next.
            pitch: plane px from one character to the next on the average: all that is known of unknown ones.
        """
        known = [self.by_character.get(letter) for letter in letters]
        half = np.array([pitch / CORE / 2 if each is None else each[0] for each in known])
        down = np.array([0.0 if each is None else each[1] for each in known])
        sure = np.array([each is not None for each in known], dtype=bool)
        both = sure[1:] & sure[:-1]
        across = half[1:] + half[:-1] + np.where(both, self.gap, 0) + SPACE * spaced
        sigma = np.stack(
            [0.12 + 0.15 * across + 0.4 * spaced + np.where(both, 0, 0.5 * pitch / CORE), np.where(both, 0.3, 1.0)], 1
        )
        step = np.stack([across, np.where(both, down[1:] - down[:-1], 0.0)], axis=1)
        return (step * CORE).astype(np.float32), (sigma * CORE).astype(np.float32)


def measure_steps(words: Sequence[Sequence[str]], boxes: Sequence[Floats]) -> Steps:
    """Steps as they are between the characters of N words.

    Args:
        words: N words' characters in layout order, without spaces.
        boxes: N arrays (K, 4) on the plane; NaN where nothing is believed.

    Source: medians, which what is wrong in a minority does not move; rare characters shrunk towards all.
    """
    seen: dict[str, list[tuple[float, float]]] = {}
    gaps: list[float] = []
    for characters, placed in zip(words, boxes, strict=True):
        there = np.flatnonzero(np.isfinite(placed[:, 0]))
        if not len(there):
            continue
        middle = (placed[there, 1] + placed[there, 3]) / 2 / CORE
        half = (placed[there, 2] - placed[there, 0]) / 2 / CORE
        gaps.extend((placed[1:, 0] - placed[:-1, 2])[np.isfinite(placed[1:, 0] - placed[:-1, 2])] / CORE)
        for k, wide, low in zip(there, half, middle - np.median(middle), strict=True):
            seen.setdefault(characters[int(k)], []).append((float(wide), float(low)))
    usual = float(np.median([wide for rows in seen.values() for wide, _ in rows])) if seen else 0.5
    by_character = {}
    for character, rows in seen.items():
        wide, low = np.median(np.array(rows), axis=0)
        share = len(rows) / (len(rows) + PRIOR_COUNT)
        by_character[character] = (share * float(wide) + (1 - share) * usual, share * float(low))
    return Steps(by_character, float(np.median(gaps)) if gaps else 0.15)


def candidates(log_probs: Floats, classes: NDArray[np.int64], row: float) -> tuple[Floats, Floats]:
    """Places for each of K characters: its strongest local maxima, and places all along the word to fall back on.

    Args:
        log_probs: float32 (C, H', W'), log-probability of every class in every cell.
        classes: int64 (K,); 0 for a character that is not known.
        row: cell row at which the word's ink is, where nothing else is known.

    Returns:
        positions: float32 (K, N, 2), x and y on the plane, px.
        scores: float32 (K, N), at least `FLOOR`; -infinity where a character has fewer than N places. The places to
            fall back on come last; there are as many as characters, where the word has columns enough.
    """
    rows, width = log_probs.shape[1:]
    fallback = np.arange(0, width, max(1, width // max(PLACES, 2 * len(classes))))
    middle = int(np.clip(row, 0, rows - 1))
    strongest = max(STRONGEST, 2 * int(np.bincount(classes[classes > 0]).max(initial=0)))
    places = strongest + len(fallback)
    positions = np.zeros((len(classes), places, 2), dtype=np.float32)
    scores = np.full((len(classes), places), -np.inf, dtype=np.float32)
    found: dict[int, tuple[Floats, Floats]] = {}
    for k, name in enumerate(classes.tolist()):
        if name not in found:
            field = np.maximum(log_probs[name], FLOOR) if name else np.full((rows, width), FLOOR, dtype=np.float32)
            found[name] = _strongest(field, strongest)
        at, score = found[name]
        positions[k, : len(at)], scores[k, : len(at)] = at, score
        positions[k, strongest:, 0] = (fallback + 0.5) * CELL[1]
        positions[k, strongest:, 1] = (row + 0.5) * CELL[0]
        scores[k, strongest:] = np.maximum(log_probs[name, middle, fallback], FLOOR) if name else FLOOR
    return positions, scores


def _strongest(field: Floats, most: int) -> tuple[Floats, Floats]:
    """The strongest local maxima of a field (H', W'), placed between cells: (n, 2) on the plane and (n,), n <= most."""
    peaks = (field >= ndimage.maximum_filter(field, size=3)) & (field > FLOOR)
    y, x = np.nonzero(peaks)
    order = np.argsort(-field[y, x], kind="stable")[:most]
    y, x = y[order], x[order]
    padded = np.pad(np.exp(field), 1)
    near = np.stack([[padded[y + dy, x + dx] for dx in range(3)] for dy in range(3)])  # (3, 3, n)
    total = near.sum(axis=(0, 1))
    off_y = (near.sum(axis=1) * np.array([-1, 0, 1])[:, None]).sum(axis=0) / total
    off_x = (near.sum(axis=0) * np.array([-1, 0, 1])[:, None]).sum(axis=0) / total
    at = np.stack([(x + 0.5 + off_x) * CELL[1], (y + 0.5 + off_y) * CELL[0]], axis=1)
    return at.astype(np.float32), field[y, x]
