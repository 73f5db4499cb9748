"""What may enter the store: checked once, at its door, with messages that name the item."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from charloc.types import Box, Localization, SourceWord
from db.records import CharacterMark, CorrectionKind, MarkState, NewCorrection, RecordError

Item = TypeVar("Item")

CHUNK = 500
"""How many ids go into one statement, and how many words into one transaction."""


def chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """`items` in runs of `CHUNK`."""
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def storable_text(text: str, what: str) -> str:
    """`text`, if every database can hold it and give it back.

    Raises:
        RecordError: it has half a surrogate pair (bytes that were not UTF-8) or a NUL.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise RecordError(
            f"{what} {text!a} has a byte or half character at position {error.start + 1} that is not valid "
            "Unicode. Read it in its true encoding, or rename it."
        ) from None
    if "\0" in text:
        raise RecordError(f"{what} {text!a} has a NUL at position {text.index(chr(0)) + 1}. Take it out.")
    return text


def storable_json(value: Mapping[str, object], what: str) -> dict[str, Any]:
    """`value` as a dictionary, if it can be kept as JSON.

    Raises:
        RecordError: it holds something that JSON does not have.
    """
    try:
        json.dumps(value := dict(value), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise RecordError(
            f"{what} cannot be kept as JSON: {error}. Use text, finite numbers, lists and such."
        ) from None
    return value


def check_source(word: SourceWord, width: int, height: int) -> str:
    """Refuse what `Store.add_words` cannot keep; an importer calls this first to list bad items and go on.

    Args:
        word: the item.
        width, height: of its image, px.

    Returns:
        The transcript as it will be kept: NFC.

    Raises:
        RecordError: what is wrong with it.
    """
    storable_text(word.name, "The name")
    text = unicodedata.normalize("NFC", storable_text(word.text, f"{word.name}: the transcript"))
    if not text:
        raise RecordError(f"{word.name}: the transcript is empty. Give it one, or leave the image out.")
    if not word.image or width < 1 or height < 1:
        raise RecordError(f"{word.name}: an image of {width} x {height} px in {len(word.image)} bytes cannot be used.")
    if word.boxes is not None:
        if len(word.boxes) != len(text):
            raise RecordError(
                f"{word.name}: {len(word.boxes)} reference boxes for the {len(text)} code points of '{text}' (NFC). "
                "Give one per code point (null for a space), or none at all."
            )
        for index, box in enumerate(word.boxes):
            if box is not None and (len(box) != 4 or not np.isfinite(box).all()):
                raise RecordError(f"{word.name}: reference box {index + 1} is {box}, not four finite numbers.")
    if any(not 0 <= index < len(text) for index in word.approx):
        raise RecordError(f"{word.name}: approx {word.approx} points outside of '{text}'.")
    storable_json(word.meta, f"{word.name}: what came with it")
    return text


def check_correction(new: NewCorrection, name: str, characters: Sequence[str]) -> None:
    """Refuse a correction that does not fit its word.

    Args:
        new: the correction.
        name, characters: of the word it is for, as imported.

    Raises:
        RecordError: what is wrong with it, and with which character.
    """
    if not 1 <= len(new.uuid) <= 64:
        raise RecordError(f"{name}: the correction's uuid {new.uuid!r} must have 1 to 64 characters.")
    for field in ("uuid", "reason", "author"):
        storable_text(getattr(new, field), f"{name}: the correction's {field}")
    if new.kind not in get_args(CorrectionKind):
        raise RecordError(f"{name}: a correction is of kind {_names(CorrectionKind)}, not '{new.kind}'.")
    if new.text is not None:
        _check_text(new, name)
        characters = new.text
    if new.kind != "boxes":
        if new.characters:
            raise RecordError(f"{name}: a correction of kind '{new.kind}' says nothing about single characters.")
        return
    if len(new.characters) != len(characters):
        raise RecordError(
            f"{name}: {len(new.characters)} marks for the {len(characters)} characters of '{''.join(characters)}'. "
            "Give one per character, in reading order."
        )
    for index, (mark, character) in enumerate(zip(new.characters, characters, strict=True)):
        _check_mark(mark, f"{name}: character {index + 1} ('{character}')")


def _check_text(new: NewCorrection, name: str) -> None:
    if new.kind == "clear":
        raise RecordError(f"{name}: a correction of kind 'clear' gives the imported transcript back; it has no other.")
    if not new.text or not "".join(new.text).strip():
        raise RecordError(f"{name}: the corrected transcript is empty. Give it one, or flag the word.")
    for index, character in enumerate(new.text):
        storable_text(character, f"{name}: character {index + 1} of the corrected transcript")
        if not character:
            raise RecordError(f"{name}: character {index + 1} of the corrected transcript is empty. Leave it out.")


def _check_mark(mark: CharacterMark, where: str) -> None:
    if mark.state not in get_args(MarkState):
        raise RecordError(f"{where} is {_names(MarkState)}, not '{mark.state}'.")
    if mark.box is None:
        if mark.state == "pinned":
            raise RecordError(f"{where} is pinned, but has no box. Give its box, or say that it is invisible.")
        return
    if mark.state == "invisible":
        raise RecordError(f"{where} is said to be invisible, but has the box {mark.box}. Leave out one of them.")
    if not is_box(mark.box):
        raise RecordError(
            f"{where} has the box {mark.box}: it must be x0 y0 x1 y1 with x0 < x1 and y0 < y1, all finite."
        )


def is_box(box: Box) -> bool:
    """Whether it has a size, also when rounded to the float32 that everything is computed in."""
    if len(box) != 4:
        return False
    with np.errstate(over="ignore"):
        x0, y0, x1, y1 = np.asarray(box, np.float64).astype(np.float32)
    return bool(np.isfinite((x0, y0, x1, y1)).all() and x0 < x1 and y0 < y1)


def check_proposal(
    word_id: int,
    localization: Localization,
    uncertainty: float,
    length: int | None,
    disagreement: NDArray[np.float32] | None,
    unaided: NDArray[np.float32] | None,
) -> None:
    """Refuse a proposal that does not fit its word of `length` characters (None: there is no such word)."""
    if length is None:
        raise RecordError(f"A proposal is for word {word_id}, which is not in the project.")
    if len(localization.boxes) != length:
        raise RecordError(f"Word {word_id} has {length} characters, but the proposal {len(localization.boxes)} boxes.")
    if not np.isfinite(uncertainty):
        raise RecordError(f"The uncertainty of word {word_id} is {uncertainty}; it must be a finite number.")
    if disagreement is not None and disagreement.shape != (length,):
        raise RecordError(
            f"Word {word_id} has {length} characters, but the disagreement about them the shape {disagreement.shape}."
        )
    if unaided is not None and unaided.shape != (length, 4):
        raise RecordError(f"Word {word_id} has {length} characters, but unaided boxes of shape {unaided.shape}.")


def _names(choices: object) -> str:
    return " | ".join(get_args(choices))
