"""The records that flow through charloc: frozen, slotted, numpy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1: pixel edges of the original image, half-open, origin top left."""

PinState = Literal["pinned", "accepted", "invisible"]


class CharlocError(Exception):
    """Something a person can act on: what was wrong with which item, what was expected, what to do next."""


class ImageError(CharlocError):
    """An image that cannot be used: undecodable, too large, empty."""


class TranscriptError(CharlocError):
    """A transcript that cannot be used: empty, or longer than its image can hold."""


class PinError(CharlocError):
    """Human facts that contradict each other or the word they belong to; the message names the characters."""


class CheckpointError(CharlocError):
    """A checkpoint that is missing, damaged, or of another method."""


@dataclass(frozen=True, slots=True)
class SourceWord:
    """One item as a reader of some format found it, before it is in a project.

    Args:
        name: where it came from, relative to what was imported; shown to people and written on export.
        image: the encoded image file, as it was.
        text: the transcript.
        boxes: reference truth, one per code point of `text` (None for a space), or None. Kept for scoring;
            nothing that learns ever sees it.
        approx: indices (code points) whose reference box is not exact; left out when scoring.
        meta: page, source, font and whatever else the item carried.
    """

    name: str
    image: bytes
    text: str
    boxes: tuple[Box | None, ...] | None = None
    approx: tuple[int, ...] = ()
    meta: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WordImage:
    """An image of a word or line with its transcript.

    Args:
        id: the store's id of the word; any unique number outside a project.
        name: what a person calls it (its file name); used in messages.
        pixels: uint8 (H, W), grey, 0 black.
        characters: the transcript as a reader counts it: L grapheme clusters in reading order (`text.characters`).
    """

    id: int
    name: str
    pixels: NDArray[np.uint8]
    characters: tuple[str, ...]

    @property
    def text(self) -> str:
        return "".join(self.characters)


@dataclass(frozen=True, slots=True, eq=False)
class Localization:
    """Where the characters of one word are.

    Args:
        boxes: float32 (L, 4), x0 y0 x1 y1 in pixel edges of the original image; a row of NaN where a character
            has no box (a space, or one marked not visible).
        confidence: float32 (L,), 0..1: how probable it is that the box is right.
        score: log-likelihood of the word under the method, in nats; comparable within one method and round.
        method: name of the method that made it.
    """

    boxes: NDArray[np.float32]
    confidence: NDArray[np.float32]
    score: float
    method: str

    def __post_init__(self) -> None:
        if self.boxes.ndim != 2 or self.boxes.shape[1:] != (4,):
            raise ValueError(f"boxes must be (L, 4), not {self.boxes.shape}")
        if self.confidence.shape != self.boxes.shape[:1]:
            raise ValueError(f"{len(self.boxes)} boxes but confidence of shape {self.confidence.shape}")


@dataclass(frozen=True, slots=True)
class Pin:
    """A human fact about one character of a word.

    Args:
        index: which character, 0 <= index < L, in reading order.
        box: its box, or None if it is not visible.
        state: how the fact came about: drawn or moved, accepted as shown, or said to be invisible.
    """

    index: int
    box: Box | None
    state: PinState = "pinned"


Pins = tuple[Pin, ...]
"""The facts of one word; at most one per character."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """What an M-step learns from: N words and where their characters are currently believed to be.

    Args:
        words: N words. May be lazy: it is indexed, never copied as a whole.
        localizations: N current beliefs; pinned characters already carry their pinned boxes.
        pins: N tuples of human facts.
        weights: float32 (N,), how much each word counts; 0 leaves it out (flagged words).
    """

    words: Sequence[WordImage]
    localizations: Sequence[Localization]
    pins: Sequence[Pins]
    weights: NDArray[np.float32]
