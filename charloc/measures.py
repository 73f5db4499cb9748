"""How wide and how tall this data's characters are, re-estimated from where they are currently believed to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from charloc.layout import WIDTH_SOFTENING, Expected, expected_glyphs

PRIOR_COUNT = 4.0
"""The ordinary fonts' measures count as this many observations."""
SIGMAS = (0.14, 0.16)
"""Least standard deviations of a logarithm of width and of a top or bottom: words differ, boxes are not exact."""


@dataclass(frozen=True, slots=True)
class Measures:
    """Per character: log width offset against ordinary fonts, top and bottom, each with its spread.

    Args:
        by_character: character -> (log width offset, its sigma, top, bottom, their sigma), widths within a word of
            scale 1, heights in core heights.
    """

    by_character: Mapping[str, tuple[float, float, float, float, float]]

    def expected(self, characters: Sequence[str], core: float | None = None) -> Expected:
        """What these L characters, in layout order, are expected to measure; as `expected_glyphs` where unknown."""
        usual = expected_glyphs(characters, core)
        width, sigma = usual.width.copy(), usual.width_sigma.copy()
        top, bottom, height_sigma = usual.top.copy(), usual.bottom.copy(), usual.height_sigma.copy()
        for i, character in enumerate(characters):
            known = self.by_character.get(character)
            if known is not None:
                offset, sigma[i], top[i], bottom[i], height_sigma[i] = known
                width[i] = max((width[i] + WIDTH_SOFTENING) * np.exp(offset) - WIDTH_SOFTENING, 0.05)
        return replace(usual, width=width, width_sigma=sigma, top=top, bottom=bottom, height_sigma=height_sigma)


def measure(
    words: Sequence[Sequence[str]], boxes: Sequence[NDArray[np.floating]], weights: Sequence[NDArray[np.floating]]
) -> Measures:
    """Measures of every character seen in N words.

    Args:
        words: N words' characters.
        boxes: N arrays (L, 4) of left, top, right, bottom in core heights, y up from the baseline; NaN where unknown.
        weights: N arrays (L,): how much each character counts.

    Source: medians and median absolute deviations, so that what is wrong in a minority does not count; shrunk towards
        the ordinary fonts by `PRIOR_COUNT`.
    """
    seen: dict[str, list[tuple[float, float, float, float]]] = {}
    for characters, placed, counts in zip(words, boxes, weights, strict=True):
        usual = expected_glyphs(characters)
        use = np.isfinite(placed[:, 0]) & ~usual.space & (counts > 0)
        if not use.any():
            continue
        logs = np.log(np.maximum(placed[:, 2] - placed[:, 0], 0) + WIDTH_SOFTENING)
        logs -= np.log(usual.width + WIDTH_SOFTENING)
        scale = float(np.median(logs[use]))
        for i in np.flatnonzero(use):
            row = (float(logs[i] - scale), float(placed[i, 1]), float(placed[i, 3]), float(counts[i]))
            seen.setdefault(characters[i], []).append(row)
    by_character = {}
    for character, rows in seen.items():
        offsets, tops, bottoms, counts = np.array(rows).T
        usual = expected_glyphs([character])
        share = counts.sum() / (counts.sum() + PRIOR_COUNT)
        offset, offset_spread = _centre(offsets, counts)
        top, top_spread = _centre(tops, counts)
        bottom, bottom_spread = _centre(bottoms, counts)
        by_character[character] = (
            share * offset,
            max(SIGMAS[0], share * offset_spread + (1 - share) * float(usual.width_sigma[0])),
            share * top + (1 - share) * float(usual.top[0]),
            share * bottom + (1 - share) * float(usual.bottom[0]),
            max(SIGMAS[1], share * max(top_spread, bottom_spread) + (1 - share) * float(usual.height_sigma[0])),
        )
    return Measures(by_character)


def _centre(values: NDArray[np.float64], counts: NDArray[np.float64]) -> tuple[float, float]:
    """Weighted median and 1.4826 times the weighted median absolute deviation."""
    middle = _median(values, counts)
    return middle, 1.4826 * _median(np.abs(values - middle), counts)


def _median(values: NDArray[np.float64], counts: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    total = np.cumsum(counts[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])
