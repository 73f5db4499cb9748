"""Errors that are planted for the benchmark of suspicious transcripts: as many as asked for, each of its kind."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from charloc.suspicion import Reason, Suspicion
from charloc.types import WordImage
from tests.bench._planting import ADDED, CHANGED, DROPPED, KINDS, MIXED_UP, TURNED, Planted, plant
from tests.bench.suspicious import by_kind, precision, suggestion_of

TEXTS = ("night", "a", "of the day", "letters", "oo", "morning", "is", "paper")


@pytest.fixture(scope="module")
def words() -> list[WordImage]:
    pixels = np.zeros((4, 4), np.uint8)
    return [WordImage(i, f"{i}", pixels, tuple(TEXTS[i % len(TEXTS)])) for i in range(400)]


def test_every_kind_is_planted_as_often_and_is_what_it_says(words: list[WordImage]) -> None:
    planted = plant(words, 0.05, 3)
    assert Counter(planted.kinds.values()) == dict.fromkeys(KINDS, 4)
    assert planted.wrong.sum() == 20
    for i, (was, now) in enumerate(zip(words, planted.words, strict=True)):
        old, new, kind = was.characters, now.characters, planted.kinds.get(i)
        if kind is None:
            assert now is was
            continue
        assert new and new != old
        size = {CHANGED: 0, DROPPED: -1, ADDED: 1, TURNED: 0}.get(kind, len(new) - len(old))
        assert len(new) == len(old) + size
        if kind == CHANGED:
            assert sum(a != b for a, b in zip(old, new, strict=True)) == 1
        if kind == TURNED:
            assert sorted(old) == sorted(new)
    swapped = [i for i, kind in planted.kinds.items() if kind == MIXED_UP]
    assert sorted(words[i].characters for i in swapped) == sorted(planted.words[i].characters for i in swapped)


def test_the_seed_decides(words: list[WordImage]) -> None:
    one, again, other = plant(words, 0.05, 1), plant(words, 0.05, 1), plant(words, 0.05, 2)
    assert one.kinds == again.kinds and one.words == again.words
    assert one.kinds != other.kinds


def test_what_is_scored(words: list[WordImage]) -> None:
    kinds = {0: CHANGED, 1: DROPPED, 2: ADDED, 3: TURNED, 4: MIXED_UP}
    planted = Planted(words[:10], kinds)
    scores = np.linspace(1, 0, 10)
    assert precision(scores, planted.wrong, 5) == 1.0 and precision(scores, planted.wrong, 10) == 0.5
    assert by_kind(scores, planted) == ["1.0000"] * 5
    assert by_kind(-scores, planted) == ["0.0000"] * 5
    assert suggestion_of(Suspicion(1, 0.5, Reason.rare, {}), ("a",)) == ("a",)
    assert suggestion_of(Suspicion(1, 0.5, Reason.extra, {}, ("b",)), ("a",)) == ("b",)
