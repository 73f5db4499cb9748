"""The development sets, as benchmarks read them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from charloc.formats import Rejected
from charloc.formats.jsonl import Jsonl
from charloc.images import decode
from charloc.metrics import Errors, Scores, iou, per_code_point, scores, to_array, word_errors
from charloc.text import characters, code_points_per_character, is_space
from charloc.types import Localization, SourceWord, WordImage

ROOT = Path(__file__).resolve().parent.parent.parent
WITH_TRUTH = ("irish", "fraktur", "rendered_clean", "rendered_hard", "rendered_line")
RIGHT_IOU = 0.5
"""A box is right from this overlap with the true one on: what r50 and word50 count."""


@dataclass(frozen=True, slots=True)
class Set:
    """A development set: its words, and apart from them their true boxes, for scoring only."""

    name: str
    words: list[WordImage]
    truth: list[SourceWord]

    def errors(self, localizations: Sequence[Localization]) -> list[Errors]:
        """The errors of each word."""
        return [
            word_errors(truth.boxes or (), per_code_point(word.characters, each.boxes), truth.approx)
            for word, truth, each in zip(self.words, self.truth, localizations, strict=True)
        ]

    def score(self, localizations: Sequence[Localization]) -> Scores:
        return scores(self.errors(localizations))

    @property
    def has_lines(self) -> bool:
        """Whether some image holds several words."""
        return any(is_space(each) for word in self.words for each in word.characters)

    def parts(self, localizations: Sequence[Localization]) -> list[tuple[int, int]]:
        """Of each image, how many words between spaces it has, and in how many of them every character is right.

        Only characters that count do; a word without any does not.
        """
        found = []
        for word, truth, each in zip(self.words, self.truth, localizations, strict=True):
            judged = judge(word, truth, each)
            part_of = np.cumsum([is_space(character) for character in word.characters])[judged.index]
            parts, wrong = np.unique(part_of), np.unique(part_of[~judged.right])
            found.append((len(parts), len(parts) - len(wrong)))
        return found


def faulty(name: str) -> dict[str, str]:
    """Words of a set whose reference is at fault, by name, and what is wrong there: found by looking at pictures.

    Looked at were words that `segmental` had wrong, so references at fault that agree with it are not among them.
    They are scored as all others are. Only where doubt is to find what is wrong, figures are given without them too: no
    ranking can know that a box which is right disagrees with what it is compared to.
    """
    found: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("faulty.json").read_text("utf-8"))
    return found.get(name, {})


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The n code points of a word that have an exact true box.

    Args:
        index: int64 (n,), the character that each is of.
        overlap: float64 (n,), IoU with the true box; 0 where no box was found.
        confidence: float64 (n,), the method's own.
    """

    index: NDArray[np.int64]
    overlap: NDArray[np.float64]
    confidence: NDArray[np.float64]

    @property
    def right(self) -> NDArray[np.bool_]:
        return self.overlap >= RIGHT_IOU


def judge(word: WordImage, truth: SourceWord, found: Localization) -> Judged:
    """What of a word is right."""
    counts = code_points_per_character(word.characters)
    true = truth.boxes or (None,) * sum(counts)
    there = [k for k, box in enumerate(true) if box is not None and k not in truth.approx]
    index = np.repeat(np.arange(len(counts)), counts)[there]
    overlap = iou(to_array([true[k] for k in there]), found.boxes[index])
    return Judged(index, overlap, found.confidence[index].astype(np.float64))


def data_folder() -> Path:
    """Where the development data is.

    Raises:
        SystemExit: it is not there.
    """
    folder = Path(os.environ.get("CHARLOC_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        raise SystemExit(f"This benchmark needs the development data: no folder {folder}. Set CHARLOC_DATA.")
    return folder


def load(name: str, most: int | None = None) -> Set:
    """The set called `name`; at most `most` of its words, evenly spread."""
    items = [item for item in Jsonl(data_folder() / name / "words.jsonl") if not isinstance(item, Rejected)]
    if most is not None and most < len(items):
        items = [items[i * len(items) // most] for i in range(most)]
    words = [
        WordImage(i, item.name, decode(item.image, item.name), characters(item.text)) for i, item in enumerate(items)
    ]
    return Set(name, words, items)
