"""Corrections as pins and weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from charloc.supervision import supervise
from charloc.types import Box, Pin, WordImage

BOX = (1.0, 2.0, 3.0, 4.0)


@dataclass(frozen=True)
class Mark:
    state: str
    box: Box | None = None


@dataclass(frozen=True)
class Said:
    kind: str
    characters: tuple[Mark, ...] = ()


def word(number: int) -> WordImage:
    return WordImage(number, f"{number}.png", np.zeros((5, 9), np.uint8), tuple("abcd"))


MARKS = (Mark("untouched"), Mark("pinned", BOX), Mark("accepted", BOX), Mark("invisible"))


def test_marks_become_pins() -> None:
    pins, weights = supervise([word(5)], {5: Said("boxes", MARKS)})
    assert pins == [(Pin(1, BOX, "pinned"), Pin(2, BOX, "accepted"), Pin(3, None, "invisible"))]
    assert weights.tolist() == [1]
    assert weights.dtype == np.float32


def test_a_flagged_word_is_left_out_of_learning_and_has_no_pins() -> None:
    pins, weights = supervise([word(1), word(2)], {2: Said("flag", MARKS)})
    assert pins == [(), ()]
    assert weights.tolist() == [1, 0]


def test_skipped_cleared_and_unseen_words_are_as_before() -> None:
    said = {1: Said("skip", MARKS), 2: Said("clear"), 99: Said("boxes", MARKS)}
    pins, weights = supervise([word(1), word(2), word(3)], said)
    assert pins == [(), (), ()]
    assert weights.tolist() == [1, 1, 1]


def test_accepted_without_a_box_says_nothing() -> None:
    """A space, or a character the round had no box for: there was nothing to accept."""
    pins, _ = supervise([word(1)], {1: Said("boxes", (Mark("accepted"), Mark("pinned"), Mark("untouched")))})
    assert pins == [()]


def test_no_words() -> None:
    pins, weights = supervise([], {})
    assert pins == []
    assert weights.shape == (0,)


class Lazy(Sequence[WordImage]):
    """Words that must not be decoded just to know which they are."""

    ids = (4, 7)

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: object) -> WordImage:  # type: ignore[override]
        raise AssertionError("a word was decoded")

    def __iter__(self) -> Iterator[WordImage]:
        raise AssertionError("all words were decoded")


def test_lazy_words_are_not_decoded() -> None:
    pins, weights = supervise(Lazy(), {7: Said("flag"), 4: Said("boxes", MARKS)})
    assert len(pins[0]) == 3
    assert weights.tolist() == [1, 0]
