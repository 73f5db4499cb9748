"""Tesseract's .box files: `character left bottom right top page`, whole pixels from the bottom left corner.

As one file (`write_file`) every word is a page, and the pages are written beside it as a TIFF of the same stem, as
Tesseract expects them. As a folder (`write_folder`) every word is an image with its own .box (all page 0) and
.gt.txt of the same stem, which is what tesstrain and most viewers of box files read.

A character is written as its grapheme cluster. Spaces and characters that are not to be seen have no line.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from math import ceil, floor
from pathlib import Path, PurePosixPath

from tifffile import TiffWriter

from charloc.formats import SUFFIX_OF_MEDIA, LocatedWord, atomic, current_umask, flush_folder
from charloc.images import decode
from charloc.types import Box, CharlocError


def lines(word: LocatedWord, page: int = 0) -> list[str]:
    """The lines of one word, without line ends; boxes are rounded and kept inside the image, one pixel at least."""
    written = []
    for character, box in zip(word.characters, word.boxes, strict=True):
        if box is not None:
            x0, y0, x1, y1 = _whole(box, *word.size)
            height = word.size[1]
            written.append(f"{character} {x0} {height - y1} {x1} {height - y0} {page}")
    return written


def write_file(words: Iterable[LocatedWord], path: Path) -> int:
    """Write all words as pages of one box file, and their images as a TIFF beside it; returns how many.

    Raises:
        CharlocError: it could not be written, an image cannot be decoded, or a TIFF of that name without a box file
            is there already and may be somebody's original.
    """
    pages = path.with_suffix(".tif")
    if pages.exists() and not path.exists():
        raise CharlocError(f"{pages} is there already, and the images would be written to it. Choose another name.")
    count = 0
    with atomic(path) as boxes, atomic(pages) as tiff, TiffWriter(tiff) as book:
        for word in words:
            pixels = decode(word.image, word.name)
            book.write(pixels, photometric="minisblack", compression="adobe_deflate", metadata=None, software=False)
            boxes.write("".join(f"{line}\n" for line in lines(word, count)).encode())
            count += 1
    return count


def write_folder(words: Iterable[LocatedWord], folder: Path) -> int:
    """Write every word as image, .box and .gt.txt into a new folder; returns how many.

    Raises:
        CharlocError: the folder has something in it, or could not be written.
    """
    unfinished: Path | None = None
    count = 0
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise CharlocError(f"{folder} is not empty. Choose a new folder, so that old and new boxes do not mix.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent))
        taken: set[str] = set()
        for word in words:
            stem = _free_stem(word, taken)
            target = unfinished / stem
            target.parent.mkdir(parents=True, exist_ok=True)
            suffix = SUFFIX_OF_MEDIA[word.media_type]
            target.with_name(target.name + suffix).write_bytes(word.image)
            target.with_name(target.name + ".gt.txt").write_text(word.text + "\n", encoding="utf-8")
            text = "".join(f"{line}\n" for line in lines(word))
            target.with_name(target.name + ".box").write_text(text, encoding="utf-8")
            count += 1
        if hasattr(os, "sync"):
            os.sync()  # once for all: an fsync for each of thousands of small files takes seconds
        if folder.is_dir():
            folder.rmdir()
        unfinished.chmod(0o777 & ~current_umask())  # mkdtemp makes it private to its owner
        unfinished.rename(folder)
        flush_folder(folder.parent)
    except OSError as error:
        raise CharlocError(f"{folder}: could not be written ({error.strerror or error}).") from error
    finally:
        if unfinished is not None:
            shutil.rmtree(unfinished, ignore_errors=True)  # nothing is left of it after a rename
    return count


def _whole(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """The nearest pixel edges; of two that are as near, the inner one: half a pixel of rim is no pixel of ink."""
    x0, y0 = min(max(floor(box[0] + 0.5), 0), width - 1), min(max(floor(box[1] + 0.5), 0), height - 1)
    return x0, y0, min(max(ceil(box[2] - 0.5), x0 + 1), width), min(max(ceil(box[3] - 0.5), y0 + 1), height)


def _free_stem(word: LocatedWord, taken: set[str]) -> str:
    """Where in the folder the word goes: its name without suffix, numbered if an earlier one has it; added to `taken`.

    The name may come from a stranger's file, so nothing in it leads out of the folder.
    """
    parts = [part for part in PurePosixPath(word.name.replace("\\", "/")).parts if part not in ("/", "..")]
    whole = PurePosixPath(*parts).with_suffix("").as_posix() if parts else "word"
    stem, number = whole, 1
    while stem.casefold() in taken:  # some file systems do not tell A from a
        number += 1
        stem = f"{whole}-{number}"
    taken.add(stem.casefold())
    return stem
