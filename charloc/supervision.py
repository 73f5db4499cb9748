"""What people said, as what learning needs: corrections -> pins and weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from charloc.types import Box, Pin, Pins, WordImage


class Mark(Protocol):
    """What was said of one character: "untouched", "accepted", "pinned" or "invisible"; its box where it has one."""

    @property
    def state(self) -> str: ...
    @property
    def box(self) -> Box | None: ...


class Facts(Protocol):
    """What was said of one word: `kind` is "boxes", "flag", "skip" or "clear"."""

    @property
    def kind(self) -> str: ...
    @property
    def characters(self) -> Sequence[Mark]: ...


def supervise(words: Sequence[WordImage], facts: Mapping[int, Facts]) -> tuple[list[Pins], NDArray[np.float32]]:
    """Pins and weights of N words.

    A character that was moved, drawn or accepted as shown is a pin with its box; one said to be invisible a pin
    without; characters nobody touched stay latent. A flagged word's transcript is in doubt: it is localized, without
    pins, but nothing is learned from it. A skipped or cleared word is as if nobody had seen it.

    Args:
        words: N words.
        facts: by word id, the correction in force.

    Returns:
        pins: N tuples.
        weights: float32 (N,), 0 for flagged words, else 1.
    """
    pins: list[Pins] = []
    weights = np.ones(len(words), dtype=np.float32)
    for i in range(len(words)):
        # A lazy sequence decodes a word when it is indexed: only corrected words are.
        said = facts.get(_id(words, i))
        if said is not None and said.kind == "flag":
            weights[i] = 0.0
        pins.append(pins_of(said.characters) if said is not None and said.kind == "boxes" else ())
    return pins, weights


def _id(words: Sequence[WordImage], index: int) -> int:
    ids = getattr(words, "ids", None)
    return int(ids[index]) if ids is not None else words[index].id


def pins_of(marks: Sequence[Mark]) -> Pins:
    """What is held fixed of a word, of whose characters this was said."""
    pins: list[Pin] = []
    for index, mark in enumerate(marks):
        if mark.state == "invisible":
            pins.append(Pin(index, None, "invisible"))
        elif mark.state == "accepted" and mark.box is not None:
            pins.append(Pin(index, mark.box, "accepted"))
        elif mark.state == "pinned" and mark.box is not None:
            pins.append(Pin(index, mark.box, "pinned"))
    return tuple(pins)
