"""A project out into files: the boxes of the round people see, with everything people said laid over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotator.disagreements import or_none
from annotator.present import present
from charloc.formats import LocatedWord, box, jsonl
from charloc.images import probe
from charloc.text import is_space
from charloc.types import Box, CharlocError, Localization
from db import Correction, Round, Store, Word

FORMATS = ("jsonl", "box")
CHUNK = 500


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written.

    Args:
        words: how many.
        left_out: words that the format has no place for: see `export`.
        round: number of the round the boxes are from; None if there are corrections only.
    """

    words: int
    left_out: int
    round: int | None


def export(store: Store, format: str, out: Path) -> ExportReport:
    """Write the project's words with their boxes.

    Boxes are those of the round people see, except where a correction is in force: a pinned or accepted box is
    written as it is, an invisible character gets none.

    Args:
        store: the project.
        format: "jsonl", one file with every word; or "box", Tesseract's: one file with its images as a TIFF beside it
            if `out` ends in .box, else a new folder with an image, a .box and a .gt.txt for each word. Box files leave
            out flagged words and words in which nothing was located.
        out: the file or folder to write.

    Raises:
        CharlocError: there is no such format, nothing to export yet, or `out` could not be written.
    """
    if format not in FORMATS:
        raise CharlocError(f"There is no format '{format}'. Choose one of: {', '.join(FORMATS)}.")
    seen, ids = store.seen_round(), store.word_ids()
    if not ids:
        raise CharlocError("The project has no words yet. Import some first.")
    if seen is None and not store.corrections_in_force(ids):
        raise CharlocError("Nothing has been located yet. Make the first guess, then export.")
    if format == "jsonl":
        words = jsonl.write(_located(store, seen, ids, images=False), out)
    else:
        write = box.write_file if out.suffix == ".box" else box.write_folder
        useful = (word for word in _located(store, seen, ids, images=True) if not word.flagged and any(word.boxes))
        words = write(useful, out)
    return ExportReport(words, len(ids) - words, seen.number if seen else None)


def overlay(
    word: Word, proposal: Localization | None, correction: Correction | None
) -> tuple[list[Box | None], list[float], list[str]]:
    """Boxes, confidence and states of the L characters of a word: what was proposed, where nobody said otherwise."""
    boxes: list[Box | None] = [None] * len(word.characters)
    confidence = [0.0] * len(boxes)
    states = ["untouched"] * len(boxes)
    if proposal is not None:
        boxes = [_box(row) for row in proposal.boxes.tolist()]
        confidence = [float(value) for value in proposal.confidence]
    if correction is not None and correction.kind == "boxes":
        for i, mark in enumerate(correction.characters):
            if mark.state != "untouched":
                boxes[i], confidence[i], states[i] = mark.box, 1.0, mark.state
    for i, character in enumerate(word.characters):
        if is_space(character):
            boxes[i] = None
    return boxes, confidence, states


def _located(store: Store, seen: Round | None, ids: Sequence[int], *, images: bool) -> Iterator[LocatedWord]:
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        apart = store.disagreements(seen.id, chunk) if seen else {}
        data = store.images_of(chunk) if images else {}
        for word, proposal, correction in present(store, seen, chunk):
            boxes, confidence, states = overlay(word, proposal, correction)
            image = data.get(word.id, b"")
            yield LocatedWord(
                name=word.name,
                image=image,
                media_type=probe(image, word.name)[2] if images else "",
                size=(word.width, word.height),
                characters=word.characters,
                boxes=tuple(boxes),
                confidence=tuple(confidence),
                states=tuple(states),
                round=seen.number if seen and proposal is not None else None,
                flagged=correction is not None and correction.kind == "flag",
                # Names repeat when several sources were imported; what the image is made of does not.
                meta={**word.meta, "image_sha256": word.image_sha},
                disagreement=_disagreement(apart.get(word.id) if proposal else None, boxes, states),
            )


def _disagreement(
    values: NDArray[np.float32] | None, boxes: Sequence[Box | None], states: Sequence[str]
) -> tuple[float | None, ...]:
    """Of each character; None where it has no box or nothing is known, 0 where a person said where it is."""
    said = [state != "untouched" for state in states]
    known = zip(or_none(values, len(boxes)), boxes, said, strict=True)
    return tuple(None if place is None else 0.0 if here else value for value, place, here in known)


def _box(row: Sequence[float]) -> Box | None:
    x0, y0, x1, y1 = row
    return None if x0 != x0 else (x0, y0, x1, y1)
