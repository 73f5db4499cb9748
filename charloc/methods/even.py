"""An even split of the word's ink: the floor that every other method has to beat, and the flat start of EM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from charloc.boxes import finish, survive
from charloc.glyphs import has_marks
from charloc.ink import Ink, find_ink
from charloc.methods import Checkpoint, Progress, silent
from charloc.pinning import pinned_bounds, visible_order
from charloc.text import is_space
from charloc.types import Localization, Pins, TrainingSet, WordImage

Floats = NDArray[np.float32]
CHUNK = 64


class Even:
    """The method `even`: every character of a word is equally wide, spaces too; nobody believes it."""

    name = "even"
    learns = False
    honours_pins = True

    def __init__(self, checkpoint: Checkpoint | None = None) -> None:
        del checkpoint  # there is nothing to restore

    def m_step(self, training: TrainingSet, progress: Progress = silent) -> Mapping[str, float]:
        return {}

    def e_step(
        self, words: Sequence[WordImage], pins: Sequence[Pins], progress: Progress = silent
    ) -> list[Localization]:
        out: list[Localization] = []
        for i in range(len(words)):
            if i % CHUNK == 0:
                progress("localize", i, len(words))
            out.append(survive(split_word, words[i], pins[i], self.name))
        progress("localize", len(words), len(words))
        return out

    def checkpoint(self) -> Checkpoint:
        return Checkpoint({}, {"method": self.name})


def split_word(word: WordImage, pins: Pins = ()) -> Localization:
    """The even split of one word between its pins; confidence 0, except where a person said so.

    Raises:
        PinError: the pins contradict each other.
        TranscriptError: more characters than columns of pixels.
    """
    order = visible_order(word.characters, pins)
    ink = find_ink(word.pixels, has_marks(word.characters))
    fixed, _ = pinned_bounds(ink, word, order, pins)
    bounds = _even_bounds(ink, len(order), fixed)
    boxes = _slot_boxes(ink, bounds)
    boxes[[is_space(word.characters[i]) for i in order]] = np.nan
    return finish(word, order, boxes, np.zeros(len(order), np.float32), 0.0, pins, "even")


def _even_bounds(ink: Ink, count: int, fixed: NDArray[np.int32] | None) -> Floats:
    """Upright columns that part `count` characters, float32 (count + 1,): even between those that are fixed."""
    columns = np.flatnonzero(ink.upright.any(axis=0))
    left, right = (columns[0], columns[-1] + 1) if len(columns) else (0, ink.upright.shape[1])
    held = np.flatnonzero(fixed >= 0) if fixed is not None else np.zeros(0, np.int64)
    at = [(int(k), float(fixed[k])) for k in held]
    if not at or at[0][0] > 0:
        # What is pinned may stand where the ink begins; those before it still need their room.
        at.insert(0, (0, min(left, at[0][1] - at[0][0]) if at else left))
    if at[-1][0] < count:
        at.append((count, max(right, at[-1][1] + count - at[-1][0]) if len(held) else right))
    bounds = np.zeros(count + 1, dtype=np.float32)
    for (k, start), (other, end) in pairwise(at):
        bounds[k : other + 1] = np.linspace(start, end, other - k + 1)
    return bounds


def _slot_boxes(ink: Ink, bounds: Floats) -> Floats:
    """Boxes (L, 4) of the slots between L + 1 upright columns, as high as the ink there; else as high as all ink."""
    ys, xs = np.nonzero(ink.mask)
    slot = np.searchsorted(bounds, xs + ink.shift[ys] + 0.5, side="right") - 1
    inside = (slot >= 0) & (slot < len(bounds) - 1)
    top = np.full(len(bounds) - 1, ink.mask.shape[0], dtype=np.float32)
    bottom = np.zeros(len(bounds) - 1, dtype=np.float32)
    np.minimum.at(top, slot[inside], ys[inside])
    np.maximum.at(bottom, slot[inside], ys[inside] + 1)
    empty = bottom == 0
    top[empty], bottom[empty] = (ys.min(), ys.max() + 1) if len(ys) else (0, ink.mask.shape[0])
    x, _ = ink.place(bounds)
    return np.stack([x[:-1], top, x[1:], bottom], axis=1)
