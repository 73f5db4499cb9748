"""How far people agree with each other: of the words that two of them read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charloc.agreement import Agreement, compare, summarise
from db import CharacterMark, Store
from db.team_records import Pair


@dataclass(frozen=True, slots=True)
class Agreed:
    """Two people, how many words both read, how near their boxes are where both gave some to the same transcript, and
    how many words they read differently altogether."""

    people: tuple[str, str]
    words: int
    boxes: Agreement | None
    apart: int


def agreements(store: Store) -> list[Agreed]:
    """Every two people who read the same words."""
    found: dict[tuple[str, str], list[Pair]] = {}
    for pair in store.pairs():
        one, other = sorted((pair.first.author, pair.second.author))
        found.setdefault((one, other), []).append(pair)
    return [_agreed(people, pairs) for people, pairs in sorted(found.items())]


def _agreed(people: tuple[str, str], pairs: Iterable[Pair]) -> Agreed:
    pairs = [pair for pair in pairs if pair.second.kind != "skip"]
    same = [pair for pair in pairs if (pair.first.kind, pair.first.text) == (pair.second.kind, pair.second.text)]
    both = [pair for pair in same if pair.first.kind == "boxes"]
    compared = []
    for pair in both:
        (one, said), (other, said_too) = _said(pair.first.characters), _said(pair.second.characters)
        compared.append(compare(one, other, said & said_too))
    return Agreed(people, len(pairs), summarise(compared), len(pairs) - len(same))


def _said(marks: Sequence[CharacterMark]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Boxes (L, 4), and which characters somebody looked at."""
    said = np.array([mark.state != "untouched" for mark in marks], dtype=bool)
    boxes = np.full((len(marks), 4), np.nan)
    for index, mark in enumerate(marks):
        if said[index] and mark.box is not None:
            boxes[index] = mark.box
    return boxes, said
