"""Rounds compared: what moved from one to another, what people said that one contradicts, and whether it got worse."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from annotator.heldback import unlearned
from annotator.lines import line_of
from charloc.audit import BOX_IOU, CENTRE_H, FARTHEST_H
from charloc.em import MOVED_H
from charloc.metrics import distances, to_array, word_errors
from charloc.types import Box, Localization
from db import Correction, Round, Store

CHUNK = 500
KEPT = 8
CLEARLY = 0.05
"""How rarely chance alone may say that a round is worse."""


@dataclass(frozen=True, slots=True)
class Apart:
    """Characters of a word that are elsewhere.

    Args:
        word_id: the word.
        by_h: by index of the character, how far its centre is away, in word heights; `FARTHEST_H` where it has a box
            on one side only.
    """

    word_id: int
    by_h: dict[int, float]

    @property
    def most_h(self) -> float:
        return max(self.by_h.values())


@dataclass(frozen=True, slots=True)
class Worse:
    """A round that is clearly worse than its parent on corrected words that neither has learned from.

    Args:
        parent: the round it started from.
        words: words compared.
        worse, better: in how many of them it has more, or fewer, wrong boxes.
        wrong_before, wrong_after: characters with a wrong box, by the parent and by the round.
        chars: characters compared.
    """

    parent: Round
    words: int
    worse: int
    better: int
    wrong_before: int
    wrong_after: int
    chars: int


class Comparisons:
    """What moved between rounds, worked out once: finished rounds do not change."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[tuple[int, int], list[Apart]] = OrderedDict()

    def moved(self, before: Round, after: Round) -> list[Apart]:
        """Words with characters whose centre is more than `em.MOVED_H` word heights away, the farthest first."""
        pair = before.id, after.id
        if pair not in self._kept:
            self._kept[pair] = moved(self._store, before, after)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return self._kept[pair]


def moved(store: Store, before: Round, after: Round) -> list[Apart]:
    """As `Comparisons.moved`."""
    found: list[Apart] = []
    ids = store.word_ids()
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        old, new = store.proposals(before.id, chunk), store.proposals(after.id, chunk)
        for id in chunk:
            if id in old and id in new:
                away = shifts_h(old[id].boxes, new[id].boxes)
                far = {int(index): round(float(away[index]), 3) for index in np.flatnonzero(away > MOVED_H)}
                if far:
                    found.append(Apart(id, far))
    return sorted(found, key=lambda each: (-each.most_h, each.word_id))


def shifts_h(old: NDArray[np.float32], new: NDArray[np.float32]) -> NDArray[np.float64]:
    """How far each character's centre moved, in medians of the new boxes' heights; (L,)."""
    has_old, has_new = ~np.isnan(old[:, 0]), ~np.isnan(new[:, 0])
    sized = new if has_new.any() else old
    away = np.where(has_old != has_new, FARTHEST_H, 0.0)
    both = has_old & has_new
    if both.any():
        height = max(float(np.nanmedian(sized[:, 3] - sized[:, 1])), 1.0)
        shift = (new[both, :2] + new[both, 2:] - old[both, :2] - old[both, 2:]) / 2
        away[both] = np.hypot(shift[:, 0], shift[:, 1]) / height
    return away


def contradictions(store: Store, this: Round) -> list[Apart]:
    """Corrected words of which a round, by itself, places characters wrongly: the farthest first."""
    corrections = {id: each for id, each in store.corrections_in_force().items() if each.kind == "boxes"}
    found = []
    for id, alone in store.unaided(this.id, list(corrections)).items():
        said = said_boxes(corrections[id])
        counted = [index for index, box in enumerate(said) if box is not None]
        if len(said) != len(alone.boxes) or not counted:
            continue
        errors = word_errors(said, alone.boxes)
        away = np.minimum(distances(errors), FARTHEST_H)
        wrong = (away > CENTRE_H) | (errors[:, 2] < BOX_IOU)
        if wrong.any():
            found.append(Apart(id, {counted[k]: round(float(away[k]), 3) for k in np.flatnonzero(wrong)}))
    return sorted(found, key=lambda each: (-each.most_h, each.word_id))


def said_boxes(correction: Correction) -> list[Box | None]:
    """Where a person said that characters are; None where they did not, or where there is nothing to see."""
    return [mark.box if mark.state in ("accepted", "pinned") else None for mark in correction.characters]


def clearly_worse(store: Store, this: Round) -> Worse | None:
    """Whether a round does worse than its parent on corrected words that neither has learned from.

    Words in which one of them has more wrong boxes than the other are counted; it is clearly worse where chance alone
    would let it lose so many of them in less than `CLEARLY` of all cases (the exact sign test, one-sided).
    """
    line = line_of(store, this)
    if len(line) < 2:
        return None
    corrections = {id: each for id, each in store.corrections_in_force().items() if each.kind == "boxes"}
    ids = sorted(unlearned(store, line, corrections))
    old, new = store.unaided(line[1].id, ids), store.unaided(this.id, ids)
    pairs = [
        (_wrong(corrections[id], old[id]), _wrong(corrections[id], new[id])) for id in ids if id in old and id in new
    ]
    pairs = [(before, after) for before, after in pairs if before[1] and before[1] == after[1]]
    worse = sum(after[0] > before[0] for before, after in pairs)
    better = sum(after[0] < before[0] for before, after in pairs)
    decided = worse + better
    chance = sum(comb(decided, k) for k in range(worse, decided + 1)) / 2**decided
    if chance >= CLEARLY:
        return None
    return Worse(
        parent=line[1],
        words=len(pairs),
        worse=worse,
        better=better,
        wrong_before=sum(before[0] for before, _ in pairs),
        wrong_after=sum(after[0] for _, after in pairs),
        chars=sum(before[1] for before, _ in pairs),
    )


def _wrong(correction: Correction, proposal: Localization) -> tuple[int, int]:
    """How many of the characters that a person placed have a wrong box, and how many there are."""
    said = said_boxes(correction)
    if len(said) != len(proposal.boxes):
        return 0, 0
    errors = word_errors(said, proposal.boxes)
    return int(np.sum(errors[:, 2] < BOX_IOU)), len(errors)


def rows(boxes: NDArray[np.float32] | list[Box | None]) -> list[list[float] | None]:
    """Boxes for JSON: None where there is none."""
    return [None if np.isnan(row).any() else [round(edge, 2) for edge in row] for row in to_array(list(boxes)).tolist()]
