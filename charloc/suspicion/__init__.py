"""Which transcripts are probably wrong, why, and what they more likely say. Nobody tells it which ones are.

    reading    what the net of a round makes of a word: its transcript against what is one edit away, and against none
    language   how likely a transcript is, going by the project's others
    alphabet   characters that hardly occur, scripts mixed in a word
    pictures   blank and cut-off pictures, the same picture twice
    finding    all of it together: one score a word

Importing this imports neither torch nor numba: pages and routes want the records alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from importlib import import_module
from typing import Literal

from charloc.methods import Checkpoint, Progress, silent
from charloc.types import Pins, WordImage


class Reason(StrEnum):
    """Why a word is suspicious; the value is what is stored and printed."""

    changed = "changed"
    missing = "missing"
    extra = "extra"
    swapped = "swapped"
    other_text = "other_text"
    too_many = "too_many"
    too_few = "too_few"
    rare = "rare"
    mixed_script = "mixed_script"
    other_copy = "other_copy"
    twice = "twice"
    blank = "blank"
    cut_off = "cut_off"


IN_WORDS: dict[Reason, str] = {
    Reason.changed: "another character fits the ink better",
    Reason.missing: "a character seems to be missing",
    Reason.extra: "a character seems to be too many",
    Reason.swapped: "two characters seem to be swapped",
    Reason.other_text: "the picture reads as another text",
    Reason.too_many: "too many characters for so little ink",
    Reason.too_few: "too few characters for so much ink",
    Reason.rare: "a character that hardly occurs elsewhere",
    Reason.mixed_script: "characters of different scripts in one word",
    Reason.other_copy: "the same picture has another transcript elsewhere",
    Reason.twice: "the same picture is in the project twice",
    Reason.blank: "hardly any ink in the picture",
    Reason.cut_off: "the ink runs off the edge of the picture",
}
"""For people."""

Edit = Literal["same", "gone", "new"]


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What speaks against the transcript, or the picture, of one word.

    Args:
        word_id: which.
        score: 0..1, how probable it is that something is wrong: most suspicious first.
        reason: what contributes most to the score.
        weights: every reason that was found, with what it would score alone.
        suggestion: what the picture more likely says, characters in reading order; None where nothing better is known.
        gain: nats by which the suggestion is better than the transcript; 0 without one.
        other: the other word that `other_copy` or `twice` speaks of.
    """

    word_id: int
    score: float
    reason: Reason
    weights: dict[Reason, float]
    suggestion: tuple[str, ...] | None = None
    gain: float = 0.0
    other: int | None = None


def difference(was: tuple[str, ...], now: tuple[str, ...]) -> list[tuple[Edit, str]]:
    """How two transcripts differ, character by character: runs that stay, go and come, in reading order.

    >>> difference(tuple("barn"), tuple("bairns"))
    [('same', 'ba'), ('new', 'i'), ('same', 'rn'), ('new', 's')]
    """
    runs: list[tuple[Edit, str]] = []
    for kind, i, j, k, m in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if kind == "equal":
            runs.append(("same", "".join(was[i:j])))
            continue
        if j > i:
            runs.append(("gone", "".join(was[i:j])))
        if m > k:
            runs.append(("new", "".join(now[k:m])))
    return runs


def find(
    words: Sequence[WordImage], pins: Sequence[Pins], learned: Checkpoint | None, progress: Progress = silent
) -> list[Suspicion]:
    """How suspicious each of N words is, read by the net in a checkpoint of `segmental`: see `finding.find`.

    By name, so that those who only show the result do not import torch.

    Args:
        learned: None: nobody can read these words; transcripts are judged by the ink's width alone, and by each other.
    """
    finding = import_module("charloc.suspicion.finding")
    found: list[Suspicion] = finding.find(words, pins, finding.reader_from(learned), progress)
    return found
