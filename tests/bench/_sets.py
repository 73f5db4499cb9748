"""The development sets, as benchmarks read them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from charloc.formats import Rejected
from charloc.formats.jsonl import Jsonl
from charloc.images import decode
from charloc.metrics import Errors, Scores, per_code_point, scores, word_errors
from charloc.text import characters
from charloc.types import Localization, SourceWord, WordImage

ROOT = Path(__file__).resolve().parent.parent.parent
WITH_TRUTH = ("irish", "fraktur", "rendered_clean", "rendered_hard", "rendered_line")


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
