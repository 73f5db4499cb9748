"""The first guess: ink and ordinary fonts' widths, nothing learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from charloc.ink import find_ink
from charloc.layout import expected_glyphs, ink_boxes, solve
from charloc.methods import Checkpoint, Progress, silent
from charloc.spans import find_spans
from charloc.text import visual_order
from charloc.types import Localization, Pins, TrainingSet, WordImage

LONGEST = 3.2


def guess_word(word: WordImage) -> Localization:
    order = visual_order(word.characters)
    laid_out = [word.characters[i] for i in order]
    ink = find_ink(word.pixels)
    spans = find_spans(ink, LONGEST, fewest=2 * len(order) + 1)
    expected = expected_glyphs(laid_out)
    bounds, cost, scale = solve(spans, expected)
    boxes = ink_boxes(ink, spans, bounds, expected)
    out = np.full_like(boxes, np.nan)
    out[list(order)] = boxes
    return Localization(out, np.zeros(len(out), np.float32), -cost, "guess")
