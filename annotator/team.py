"""How people work together: how much each does, how far they agree, how exact they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charloc.agreement import WRONG_IOU, Agreement, Compared, compare, hours_of_work, summarise
from charloc.types import Box
from db import CharacterMark, Store
from db.team_records import Pair, Person


@dataclass(frozen=True, slots=True)
class Work:
    """What one person did.

    Args:
        person: who.
        words: words whose boxes or flag in force are theirs.
        decisions: everything they decided, opinions included.
        per_hour: decisions an hour of work, without pauses; None after less than two minutes.
        agreement: of their words that two people decided about, with the other one.
        flags_apart: of these words, those that one of the two flagged and the other did not.
        check: their boxes against what is known of check words.
    """

    person: Person
    words: int
    decisions: int
    per_hour: float | None
    agreement: Agreement | None
    flags_apart: int
    check: Agreement | None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A word that two people decided about differently, and nobody since.

    Args:
        pair: what they said.
        overlap: the least IoU of a character that both speak of; 0 where they differ in more than boxes.
        apart: the characters with IoU < 0.5.
    """

    pair: Pair
    overlap: float
    apart: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Agreed:
    """Two people who read the same words.

    Args:
        people: their names.
        boxes: how near their boxes are, where both gave some to the same transcript; None where they never did.
        apart: how many words they read differently altogether: one flagged it, or they read other characters.
    """

    people: tuple[str, str]
    boxes: Agreement | None
    apart: int


def work(store: Store) -> list[Work]:
    """What everybody did, in the order in which they were added."""
    words, times, pairs = store.words_by_author(), store.times_by_author(), store.pairs()
    checked = check_errors(store)
    found = []
    for person in store.people():
        mine = [pair for pair in pairs if person.name in (pair.first.author, pair.second.author)]
        decided = times.get(person.name, [])
        hours = hours_of_work(decided)
        found.append(
            Work(
                person=person,
                words=words.get(person.name, 0),
                decisions=len(decided),
                per_hour=len(decided) / hours if hours > 2 / 60 else None,
                agreement=agreement(mine),
                flags_apart=sum(differ_otherwise(pair) for pair in mine),
                check=summarise(checked.get(person.name, [])),
            )
        )
    return found


def by_pair(store: Store) -> list[Agreed]:
    """How far every two people agree, in the order of their names."""
    found: dict[tuple[str, str], list[Pair]] = {}
    for pair in store.pairs():
        one, other = sorted((pair.first.author, pair.second.author))
        found.setdefault((one, other), []).append(pair)
    return [
        Agreed(people, agreement(pairs), sum(map(differ_otherwise, pairs))) for people, pairs in sorted(found.items())
    ]


def agreement(pairs: Iterable[Pair]) -> Agreement | None:
    """How far two people's boxes agree, where both gave some to the same transcript."""
    return summarise(compare_pair(pair) for pair in pairs if not differ_otherwise(pair))


def compare_pair(pair: Pair) -> Compared:
    """The boxes of two people, for the characters that both looked at."""
    (one, looked), (other, looked_too) = boxes_of(pair.first.characters), boxes_of(pair.second.characters)
    return compare(one, other, looked & looked_too)


def differ_otherwise(pair: Pair) -> bool:
    """Whether one flagged the word and the other did not, or they read it differently."""
    if pair.first.kind != pair.second.kind or pair.first.text != pair.second.text:
        return pair.second.kind != "skip"
    return pair.first.kind != "boxes"


def disagreements(store: Store) -> list[Disagreement]:
    """Words that two people decided about differently and that nobody has decided about since; the worst first."""
    pairs = store.pairs()
    in_force = store.corrections_in_force([pair.first.word_id for pair in pairs])
    found = []
    for pair in pairs:
        current = in_force.get(pair.first.word_id)
        if current is None or current.id != pair.first.id or pair.second.kind == "skip":
            continue
        if pair.first.kind == pair.second.kind == "flag":
            continue
        if differ_otherwise(pair):
            found.append(Disagreement(pair, 0.0, ()))
            continue
        (one, looked), (other, too) = boxes_of(pair.first.characters), boxes_of(pair.second.characters)
        spoken = [i for i in np.flatnonzero(looked & too) if not (np.isnan(one[i, 0]) and np.isnan(other[i, 0]))]
        overlaps = compare(one, other, looked & too)[:, 2]
        apart = tuple(int(i) for i, overlap in zip(spoken, overlaps, strict=True) if overlap < WRONG_IOU)
        if apart:
            found.append(Disagreement(pair, float(overlaps.min()), apart))
    return sorted(found, key=lambda each: (each.overlap, each.pair.first.word_id))


def check_errors(store: Store) -> dict[str, list[Compared]]:
    """What everybody said of check words against what is known of them, by name."""
    known = store.check_words()
    found: dict[str, list[Compared]] = {}
    for said in store.opinions("check"):
        true = known.get(said.word_id)
        if true is None or said.kind != "boxes" or len(said.characters) != len(true.boxes):
            continue
        boxes, looked = boxes_of(said.characters)
        found.setdefault(said.author, []).append(compare(boxes, as_rows(true.boxes), looked))
    return found


def boxes_of(marks: Sequence[CharacterMark]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The L boxes that a person gave, NaN for none, and which characters they looked at."""
    looked = np.array([mark.state != "untouched" for mark in marks], bool)
    return as_rows([mark.box if mark.state != "untouched" else None for mark in marks]), looked


def as_rows(boxes: Sequence[Box | None]) -> NDArray[np.float64]:
    """(L, 4), NaN where there is no box."""
    return np.array([[np.nan] * 4 if box is None else box for box in boxes], np.float64).reshape(-1, 4)
