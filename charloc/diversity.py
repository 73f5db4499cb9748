"""Which words to ask about so that the answers cover what is doubtful, rather than twenty near-duplicates."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from charloc.text import is_space

SATURATION = 0.25
"""So much doubt that was asked about already halves what more of the same is worth."""
LEAST_DOUBT = 0.02
"""Less than this about a character asks nothing."""


@dataclass(frozen=True, slots=True)
class Question:
    """What asking about one word would tell.

    Args:
        id: the word.
        aspects: how much doubt it has of each kind: a character, a character beside another, a page.
    """

    id: int
    aspects: Mapping[str, float] = field(repr=False)


def question(
    id: int, characters: Sequence[str], confidence: NDArray[np.float32], place: str = "", look: str = ""
) -> Question:
    """What asking about a word would tell.

    Args:
        id: the word.
        characters: L characters.
        confidence: float32 (L,), 0..1; NaN for a character of which nothing is known.
        place: where it comes from, such as its page.
        look: which words look like it.

    >>> doubts = question(1, ("a", "b"), np.array([0.5, 1.0], np.float32)).aspects
    >>> sorted(doubts)
    ['a', 'a before b']
    """
    aspects: dict[str, float] = defaultdict(float)
    doubts = [
        0.0 if is_space(c) or np.isnan(p) else 1.0 - float(p) for c, p in zip(characters, confidence, strict=True)
    ]
    for index, doubt in enumerate(doubts):
        if doubt < LEAST_DOUBT:
            continue
        character = characters[index]
        aspects[character] += doubt
        if index:
            aspects[f"{character} after {characters[index - 1]}"] += doubt / 2
        if index + 1 < len(characters):
            aspects[f"{character} before {characters[index + 1]}"] += doubt / 2
    most = max(doubts, default=0.0)
    for name, kind in ((place, "of"), (look, "like")):
        if name and most >= LEAST_DOUBT:
            aspects[f"{kind} {name}"] += most / 2
    return Question(id, aspects)


def diverse(questions: Sequence[Question], asked: Collection[Question] = (), most: int | None = None) -> Iterator[int]:
    """The words in the order in which each adds most to what those before it ask.

    Args:
        questions: N words.
        asked: words that people were asked about already: their aspects are covered.
        most: stop after so many; None for all.

    Yields:
        Word ids.

    Source: feature-based submodular coverage, sum of concave functions of modular ones: Wei, Iyer, Bilmes,
        "Submodularity in data subset selection and active learning" (ICML 2015); the greedy order is within 1 - 1/e of
        the best set of its size. Lazy evaluation: Minoux, "Accelerated greedy algorithms" (1978).
    """
    covered: dict[str, float] = defaultdict(float)
    for each in asked:
        _cover(covered, each)
    # Gains only fall, so what was worth most and still is, is worth most. Ties keep the order given.
    heap = [(-_gain(covered, each), at) for at, each in enumerate(questions)]
    heapq.heapify(heap)
    left = len(questions) if most is None else most
    while heap and left > 0:
        _, at = heap[0]
        gain = _gain(covered, questions[at])
        if len(heap) > 1 and (-gain, at) > min(heap[1:3]):
            heapq.heapreplace(heap, (-gain, at))
            continue
        heapq.heappop(heap)
        _cover(covered, questions[at])
        left -= 1
        yield questions[at].id


def _gain(covered: Mapping[str, float], each: Question) -> float:
    """How much of what it asks is new: doubt counts by its logarithm, so that the first of a kind counts most."""
    total = 0.0
    for aspect, doubt in each.aspects.items():
        known = covered.get(aspect, 0.0) + SATURATION
        total += math.log1p(doubt / known) if doubt else 0.0
    return float(total)


def _cover(covered: dict[str, float], each: Question) -> None:
    for aspect, doubt in each.aspects.items():
        covered[aspect] += doubt
