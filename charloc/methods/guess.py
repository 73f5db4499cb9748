"""The first guess: ink and ordinary fonts' measures, nothing learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import numpy as np

from charloc.boxes import certainty, finish, ink_boxes, span_boxes, survive
from charloc.glyphs import has_marks
from charloc.ink import Ink, find_ink
from charloc.inkmap import OwnInk
from charloc.lattice import segmentation_posterior
from charloc.layout import Expected, expected_glyphs, solve
from charloc.methods import Checkpoint, Progress, silent
from charloc.pinning import pinned_bounds, pinned_boxes, visible_order
from charloc.spans import find_spans
from charloc.told import holds_line, told
from charloc.types import Localization, PinError, Pins, TrainingSet, TranscriptError, WordImage

LONGEST = 3.2
"""No character is wider than this, in core heights."""
CHUNK = 256


class Guess:
    """The method `guess`: a semi-Markov search over cuts of least ink, with ordinary fonts' widths and heights."""

    name = "guess"
    learns = False
    honours_pins = True
    own: OwnInk | None = None
    """Tells a word's own ink from other dark things, where somebody knows."""

    def __init__(self, checkpoint: Checkpoint | None = None) -> None:
        del checkpoint  # there is nothing to restore

    def m_step(self, training: TrainingSet, progress: Progress = silent) -> Mapping[str, float]:
        return {}

    def e_step(
        self, words: Sequence[WordImage], pins: Sequence[Pins], progress: Progress = silent
    ) -> list[Localization]:
        out: list[Localization] = []
        with ThreadPoolExecutor(2) as pool:
            for start in range(0, len(words), CHUNK):
                progress("localize", start, len(words))
                chunk = [words[i] for i in range(start, min(start + CHUNK, len(words)))]
                jobs = zip(chunk, pins[start : start + CHUNK], strict=True)
                out += pool.map(lambda job: survive(partial(guess_word, own=self.own), job[0], job[1], self.name), jobs)
        progress("localize", len(words), len(words))
        return out

    def kind(self, word: WordImage) -> bool:
        return has_marks(word.characters)

    def prepare(self, word: WordImage, known: Localization | None = None) -> Ink:
        return find_ink(word.pixels, has_marks(word.characters), self.own)

    def solve(self, word: WordImage, prepared: Ink, pins: Pins) -> Localization:
        return guess_in(word, prepared, pins, self.own)

    def checkpoint(self) -> Checkpoint:
        return Checkpoint({}, {"method": self.name})


def guess_word(word: WordImage, pins: Pins = (), own: OwnInk | None = None) -> Localization:
    """The first guess of one word under its pins.

    Raises:
        PinError: the pins contradict each other.
        TranscriptError: more characters than columns of pixels.
    """
    return guess_in(word, find_ink(word.pixels, has_marks(word.characters), own), pins, own)


def guess_in(word: WordImage, ink: Ink, pins: Pins, own: OwnInk | None = None) -> Localization:
    """As `guess_word`, in the word's ink, or in the ink that its pins tell of if that explains the word better."""
    order = visible_order(word.characters, pins)
    if not order:
        return finish(word, order, np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.0, pins, "guess")
    expected = expected_glyphs([word.characters[i] for i in order])
    plain = _laid(word, ink, order, expected, pins)
    says = told(ink, pinned_boxes(order, pins), expected)
    if says is not None:
        with suppress(PinError, TranscriptError, ValueError):  # too little room for letters of that size and slant
            anew = find_ink(word.pixels, has_marks(word.characters), own, says.band)
            other = _laid(word, anew, order, expected, pins)
            if other.score + says.nats > plain.score and holds_line(anew, expected):
                return other
    return plain


def _laid(word: WordImage, ink: Ink, order: Sequence[int], expected: Expected, pins: Pins) -> Localization:
    """As `guess_word`, in this ink."""
    fixed, extra = pinned_bounds(ink, word, order, pins)
    spans = find_spans(ink, LONGEST, len(order), extra)
    solution = solve(spans, expected, fixed=fixed)
    boxes, _ = ink_boxes(ink, spans, solution.bounds, expected)
    posterior, _ = segmentation_posterior(solution.costs, solution.starts, solution.ends)
    confidence = certainty(posterior, solution.bounds, spans)
    # A character without ink was put somewhere only because it had to be.
    lost = np.isnan(boxes[:, 0]) & ~expected.space
    boxes[lost] = span_boxes(ink, spans.columns[solution.bounds])[lost]
    confidence[lost] = 0.0
    return finish(word, order, boxes, confidence, -solution.cost, pins, "guess")
