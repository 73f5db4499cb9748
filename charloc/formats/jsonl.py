"""`words.jsonl`: one JSON object a line.

    {"image": "words/00001.png", "text": "tá", "boxes": [[5, 3, 48, 58], [51, 19, 62, 57]], "approx": [1], "page": "7"}

`image` is a path relative to the file, inside its folder. `boxes` holds one box per code point of `text`, `null` for a
space, or is `null` as a whole. `approx` lists boxes that are not exact. All other keys are kept as they are.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import regex

from charloc.formats import (
    MOST_IMAGE_BYTES,
    Item,
    LocatedWord,
    Rejected,
    atomic,
    decode_text,
    printable,
    read_bytes,
    transcript,
)
from charloc.text import code_points_per_character, normalise, shorten
from charloc.types import Box, CharlocError, SourceWord, TranscriptError

MOST_LINE_BYTES = 10_000_000
_OWN_KEYS = ("image", "text", "boxes", "approx")
_CLUSTER = regex.compile(r"\X")

Boxes = tuple[Box | None, ...]


class Jsonl:
    """The words of a JSON Lines file, in its order.

    Args:
        path: the file. It is read line by line, and each image when its turn comes.

    Raises:
        CharlocError: the file itself cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with open(path, "rb") as file:
                self._length = sum(1 for line in file if line.strip())
        except OSError as error:
            raise CharlocError(f"{path}: cannot be read ({error.strerror}).") from error

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Item]:
        with open(self.path, "rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield self._read(f"{self.path.name}:{number}", line)

    def _read(self, name: str, line: bytes) -> Item:
        try:
            row = parse_row(line)
            image = row.get("image")
            if not isinstance(image, str) or not image:
                raise CharlocError(f'"image" should be a path, not {_show(image)}')
            name = printable(image.encode("utf-8", "replace").decode("utf-8"))
            text, boxes, approx = parse_truth(row)
            inside = PurePosixPath(image)
            if inside.is_absolute() or ".." in inside.parts:
                raise CharlocError(f'"image" leads out of the folder of {self.path.name}; put the image inside')
            data = read_bytes(self.path.parent / inside, MOST_IMAGE_BYTES)
        except CharlocError as error:
            return Rejected(name, str(error))
        return SourceWord(name, data, text, boxes, approx, {key: row[key] for key in row if key not in _OWN_KEYS})


def parse_row(line: bytes) -> dict[str, object]:
    """The object of one line.

    Raises:
        CharlocError: the line is not a JSON object that can also be written again.
    """
    if len(line) > MOST_LINE_BYTES:
        raise CharlocError(f"the line is longer than {MOST_LINE_BYTES / 1e6:.0f} MB")
    try:
        row = json.loads(decode_text(line, "the line"), parse_constant=_refuse_constant)
        # Half a surrogate pair can be written in JSON but not in UTF-8, nor in a database. Only an escape makes one.
        if b"\\u" in line:
            json.dumps(row, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise CharlocError(f"the line is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise CharlocError(f"the line should hold an object, not {_show(row)}")
    return row


def parse_truth(row: Mapping[str, object]) -> tuple[str, Boxes | None, tuple[int, ...]]:
    """Transcript, boxes and approximate ones of a row, checked; boxes follow where normalising moves the text.

    Raises:
        CharlocError: they are missing, of wrong type or do not fit each other.
    """
    raw, given, approx = row.get("text"), row.get("boxes"), row.get("approx")
    if not isinstance(raw, str):
        raise TranscriptError(f'"text" should be the transcript, not {_show(raw)}')
    text = transcript(raw)
    approx = [] if approx is None else approx
    if not isinstance(approx, list) or not all(type(i) is int and 0 <= i < len(raw) for i in approx):
        raise CharlocError(f'"approx" should be a list of indices from 0 to {len(raw) - 1}, not {_show(approx)}')
    if given is None:
        return text, None, ()
    if not isinstance(given, list):
        raise CharlocError(f'"boxes" should be a list or null, not {_show(given)}')
    if len(given) != len(raw):
        raise CharlocError(
            f"{len(given)} boxes for the {len(raw)} code points of '{shorten(text)}'; a space needs null"
        )
    boxes = tuple(_box(value, i) for i, value in enumerate(given))
    if text == raw:
        return text, boxes, tuple(sorted(set(approx)))
    return text, *_follow(raw, text, boxes, frozenset(approx))


def _follow(raw: str, text: str, boxes: Boxes, approx: frozenset[int]) -> tuple[Boxes, tuple[int, ...]]:
    """Boxes of the code points of `raw` as boxes of those of `text`, its normal form: clusters keep their extent."""
    followed: list[Box | None] = []
    inexact: list[int] = []
    rebuilt = ""
    for cluster in _CLUSTER.finditer(raw):
        symbol = unicodedata.normalize("NFC", normalise(cluster[0]))
        if not symbol and (not cluster[0].isspace() or not rebuilt or rebuilt.endswith(" ")):
            continue
        here = range(cluster.start(), cluster.end())
        inside = [box for i in here if (box := boxes[i]) is not None]
        if approx.intersection(here):
            inexact += range(len(rebuilt), len(rebuilt) + max(len(symbol), 1))
        followed += [_around(inside) if symbol else None] * max(len(symbol), 1)
        rebuilt += symbol or " "
    if rebuilt.rstrip(" ") != text:
        raise TranscriptError(f"the boxes cannot be matched to '{shorten(text)}'; write the text in NFC")
    return tuple(followed[: len(text)]), tuple(i for i in inexact if i < len(text))


def _around(boxes: list[Box]) -> Box | None:
    if not boxes:
        return None
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def _box(value: object, index: int) -> Box | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 4 or not all(type(v) in (int, float) for v in value):
        raise CharlocError(f"box {index + 1} should be [x0, y0, x1, y1] or null, not {_show(value)}")
    try:
        x0, y0, x1, y1 = (float(edge) for edge in value)
    except OverflowError as error:
        raise CharlocError(f"box {index + 1} is not finite") from error
    if not all(map(math.isfinite, (x0, y0, x1, y1))) or x0 >= x1 or y0 >= y1:
        raise CharlocError(f"box {index + 1} is empty, turned round or not finite: {_show(value)}")
    return x0, y0, x1, y1


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a number")


def _show(value: object) -> str:
    """`value` for a message, short and in ASCII."""
    return "nothing" if value is None else shorten(json.dumps(value))


# --- writing ----------------------------------------------------------------------------------------------------------


def row(word: LocatedWord) -> dict[str, object]:
    """The object written for `word`: as read by this module, with confidence and more beside the boxes.

    `boxes`, `confidence`, `disagreement` and `states` have one entry per code point: a cluster's are repeated for
    each of its own.
    What came with the word is kept, unless the project's own value has the same key.
    """
    counts = code_points_per_character(word.characters)
    return {
        "image": word.name,
        "text": word.text,
        "boxes": _spread(((None if box is None else [round(edge, 2) for edge in box]) for box in word.boxes), counts),
        "confidence": _spread((round(value, 4) for value in word.confidence), counts),
        "disagreement": _spread(map(_round, word.disagreement or (None,) * len(counts)), counts),
        "states": _spread(word.states, counts),
        "round": word.round,
        "flagged": word.flagged,
        **{key: value for key, value in word.meta.items() if key not in (*_OWN_KEYS, *_WRITTEN)},
    }


_WRITTEN = ("confidence", "disagreement", "states", "round", "flagged")


def write(words: Iterable[LocatedWord], path: Path) -> int:
    """Write `words` to `path`, whole or not at all; returns how many.

    Raises:
        CharlocError: it could not be written.
    """
    count = 0
    with atomic(path) as file:
        for word in words:
            file.write(json.dumps(row(word), ensure_ascii=False, allow_nan=False).encode() + b"\n")
            count += 1
    return count


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _spread(values: Iterable[object], counts: Iterable[int]) -> list[object]:
    return [value for value, count in zip(values, counts, strict=True) for _ in range(count)]
