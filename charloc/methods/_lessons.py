"""What `segmental` learns from a word: its characters at the spans that a search finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from charloc.evidence import span_frames
from charloc.inkmap import OwnInk
from charloc.learning import Sample
from charloc.methods._learner import Look, chunks, look
from charloc.methods._looks import Laid, Seen
from charloc.metrics import iou
from charloc.nets import STRIDE
from charloc.pinning import visible_order
from charloc.types import PinError, Pins, TrainingSet, TranscriptError, WordImage

Floats = NDArray[np.float32]
Lay = Callable[[WordImage, Pins, Seen], Laid]
MISPLACED = 1.0
"""Core heights by which an edge of a box is off where the span that it is of is far from its character."""


def each_laid(
    training: TrainingSet, chosen: Sequence[int], progress: Callable[[int, int], None], own: OwnInk | None,
    seen_of: Callable[[Sequence[Look]], Sequence[Seen]], lay: Lay | None,
) -> Iterator[tuple[int, Look, Laid | None]]:  # fmt: skip
    """The chosen words, what is seen of each, and where a search has its characters; in order, a chunk at a time.

    Args:
        progress: called with (done, total) before each, and at the end.
        own, seen_of, lay: what a method has for that; without `lay` nothing is searched.

    Yields:
        Index, look, layout: None where there is no room for the characters, pins contradict each other, or nothing is
        visible.
    """

    def laid_or_not(i: int, seen: Seen) -> Laid | None:
        word, pins = training.words[i], training.pins[i]
        if lay is not None and visible_order(word.characters, pins):
            with suppress(PinError, TranscriptError, ValueError):
                return lay(word, pins, seen)
        return None

    done = 0
    with ThreadPoolExecutor(2) as pool:
        try:
            for some in chunks(training.words, chosen):
                looks = list(pool.map(partial(look, own=own), [training.words[i] for i in some]))
                laid = [None] * len(some) if lay is None else pool.map(laid_or_not, some, seen_of(looks))
                for each in zip(some, looks, laid, strict=True):
                    progress(done, len(chosen))
                    yield each
                    done += 1
        finally:
            pool.shutdown(cancel_futures=True)  # whoever stops it need not wait for the chunk
    progress(len(chosen), len(chosen))


def found_at(sample: Sample, seen: Look, laid: Laid, boxes: Floats, least: float = 0.0) -> Sample:
    """The same to learn from, but for the spans: those that a search found, instead of those of the boxes.

    A found span whose box is more than `MISPLACED` off is of something else: there nothing changes.

    Args:
        boxes: float32 (L, 4), px, which `sample` was made of.
        least: IoU that the found box must have with that one, too.
    """
    starts, ends = span_frames(seen.view, laid.spans, laid.solution.bounds[:-1], laid.solution.bounds[1:])
    there = boxes[laid.order]
    near = np.abs(there - laid.boxes).max(axis=1) <= MISPLACED * seen.ink.core
    near &= iou(there, laid.boxes) >= least
    middle = (starts + ends) / 2 * STRIDE / seen.view.scale + seen.view.origin
    at, baseline = seen.ink.place(middle.astype(np.float32))
    off = np.stack([there[:, 0] - at, baseline - there[:, 1], there[:, 2] - at, baseline - there[:, 3]], axis=1)
    spans, edges = sample.spans.copy(), sample.edges.copy()
    rows = np.array(laid.order)[near]
    spans[rows], edges[rows] = np.stack([starts, ends], axis=1)[near], (off / seen.ink.core)[near]
    return replace(sample, spans=spans, edges=edges)
