"""Readers and writers of the formats people keep words in, one file a format.

A reader is sized and iterable. It gives `SourceWord` or `Rejected` for every item it meets, in a fixed order, and never
stops at a bad one. A writer takes `LocatedWord`s and leaves either a whole file or none.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from charloc.text import normalise
from charloc.types import Box, CharlocError, SourceWord, TranscriptError

MOST_TEXT_BYTES = 1_000_000
MOST_IMAGE_BYTES = 500_000_000
IMAGE_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")
SUFFIX_OF_MEDIA = {"image/png": ".png", "image/jpeg": ".jpg", "image/tiff": ".tif"}


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item that could not be taken.

    Args:
        name: which one, relative to what was imported.
        reason: what is wrong with it, for the person who has to mend it.
    """

    name: str
    reason: str


Item = SourceWord | Rejected


@dataclass(frozen=True, slots=True)
class LocatedWord:
    """A word with all that is known of where its characters are, ready to be written.

    Args:
        name: as it was imported.
        image: the encoded image file; b"" for a writer that does not want it.
        media_type: of the image.
        size: width and height, px.
        characters: L grapheme clusters.
        boxes, confidence, states: of each of the L characters; a box is None where there is none.
        round: number of the round the boxes are from; None if there was none yet.
        flagged: a person said that the transcript or the image is wrong.
        meta: what came with the word.
        disagreement: how far other methods place each of the L characters elsewhere, 0..1; None where unknown.
    """

    name: str
    image: bytes
    media_type: str
    size: tuple[int, int]
    characters: tuple[str, ...]
    boxes: tuple[Box | None, ...]
    confidence: tuple[float, ...]
    states: tuple[str, ...]
    round: int | None = None
    flagged: bool = False
    meta: Mapping[str, object] = field(default_factory=dict)
    disagreement: tuple[float | None, ...] | None = None

    @property
    def text(self) -> str:
        return "".join(self.characters)


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a file.

    Raises:
        CharlocError: it cannot be read, or holds more than `most` bytes.
    """
    try:
        if path.stat().st_size > most:
            raise CharlocError(f"{path.name} is larger than {most / 1e6:.0f} MB")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise CharlocError(f"{path.name} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def decode_text(data: bytes, name: str) -> str:
    """UTF-8, with or without a byte order mark, as text.

    Raises:
        TranscriptError: it is in another encoding.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        other = "it looks like UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else f"byte {error.start + 1} is wrong"
        raise TranscriptError(f"{name} is not UTF-8 text: {other}. Save it as UTF-8.") from error


def transcript(raw: str) -> str:
    """`raw` in normal form, ready for a `SourceWord`.

    Raises:
        TranscriptError: nothing is left of it, or it holds control characters.
    """
    text = normalise(raw)
    if not text:
        raise TranscriptError("the transcript is empty")
    return text


def printable(name: str) -> str:
    """`name` so that it can be stored and shown: bytes of a file name that are no UTF-8, and controls, become �."""
    decoded = os.fsencode(name).decode("utf-8", "replace")
    return "".join(each if each.isprintable() else "\ufffd" for each in decoded)


@contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """A binary file to write to that becomes `path` at the end, on the disk, or leaves no trace after an error.

    Raises:
        CharlocError: the folder or the disk does not take it.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        os.close(handle)
        with open(temporary, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~current_umask())  # mkstemp makes it private to its owner
        os.replace(temporary, path)
        temporary = None
        flush_folder(path.parent)
    except OSError as error:
        raise CharlocError(f"{path}: could not be written ({error.strerror or error}).") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def current_umask() -> int:
    """The permissions that this process takes from what it makes; there is no way to ask without setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def flush_folder(folder: Path) -> None:
    """Have the disk remember what was made or renamed in `folder`."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
