"""Folders of `x.png` + `x.gt.txt`: the convention of tesstrain, kraken, ocropus and calamari.

`x.bin.png` and `x.nrm.png` (binarised, normalised) belong to `x.gt.txt` too, unless they have a `.gt.txt` of their own.
Where one transcript has several images, the least processed is taken.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from charloc.formats import (
    IMAGE_SUFFIXES,
    MOST_IMAGE_BYTES,
    MOST_TEXT_BYTES,
    Item,
    Rejected,
    decode_text,
    printable,
    read_bytes,
    transcript,
)
from charloc.types import CharlocError, SourceWord

TRANSCRIPT_SUFFIX = ".gt.txt"
DERIVED = (".nrm", ".bin")  # best first


@dataclass(frozen=True, slots=True)
class _Pair:
    image: Path
    text: Path


class Pairs:
    """The words of a folder and all folders in it, hidden ones left out; sorted by folder, then by name.

    Args:
        folder: where to look. It is listed at once; files are read one by one while iterating.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._found: list[_Pair | Rejected] = []
        for parent, folders, files in os.walk(folder, onerror=self._unreadable):
            folders[:] = sorted(name for name in folders if not _hidden(name))
            self._found += self._match(Path(parent), [name for name in files if not _hidden(name)])

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Item]:
        for found in self._found:
            yield found if isinstance(found, Rejected) else self._read(found)

    def _read(self, pair: _Pair) -> Item:
        try:
            raw = decode_text(read_bytes(pair.text, MOST_TEXT_BYTES), pair.text.name)
            return SourceWord(self._name(pair.image), read_bytes(pair.image, MOST_IMAGE_BYTES), transcript(raw))
        except CharlocError as error:
            return Rejected(self._name(pair.image), str(error))

    def _match(self, parent: Path, files: list[str]) -> list[_Pair | Rejected]:
        """Who belongs to whom among the files of one folder."""
        texts = {name[: -len(TRANSCRIPT_SUFFIX)]: name for name in files if name.lower().endswith(TRANSCRIPT_SUFFIX)}
        images: dict[str, list[str]] = {}
        for name in files:
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in IMAGE_SUFFIXES:
                images.setdefault(_transcript_stem(stem, texts), []).append(name)
        found: list[_Pair | Rejected] = []
        for stem in sorted(texts.keys() | images.keys()):
            candidates = sorted(images.get(stem, ()), key=_preference)
            if stem not in texts:
                found += [self._reject(parent / name, _no_text(stem, files)) for name in candidates]
            elif not candidates:
                found.append(self._reject(parent / texts[stem], _no_image(stem, files)))
            else:
                best, *others = candidates
                found.append(_Pair(parent / best, parent / texts[stem]))
                found += [self._reject(parent / name, f"not needed: {best} is the same word") for name in others]
        return found

    def _reject(self, path: Path, reason: str) -> Rejected:
        return Rejected(self._name(path), reason)

    def _name(self, path: Path) -> str:
        return printable(path.relative_to(self.folder).as_posix())

    def _unreadable(self, error: OSError) -> None:
        name = printable(os.path.relpath(error.filename or self.folder, self.folder))
        self._found.append(Rejected(name, f"this folder cannot be read: {error.strerror}"))


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _transcript_stem(stem: str, texts: dict[str, str]) -> str:
    """The `x` of the `x.gt.txt` that an image called `stem` belongs to."""
    base, extra = os.path.splitext(stem)
    return base if stem not in texts and extra.lower() in DERIVED else stem


def _preference(name: str) -> tuple[int, int, str]:
    stem, suffix = os.path.splitext(name)
    extra = os.path.splitext(stem)[1].lower()
    return DERIVED.index(extra) + 1 if extra in DERIVED else 0, IMAGE_SUFFIXES.index(suffix.lower()), name


def _no_text(stem: str, files: list[str]) -> str:
    hint = f"; {stem}.txt is there, rename it" if f"{stem}.txt" in files else ""
    return f"an image without a transcript: expected {printable(stem)}{TRANSCRIPT_SUFFIX} beside it{printable(hint)}"


def _no_image(stem: str, files: list[str]) -> str:
    other = [name for name in files if os.path.splitext(name)[0] == stem]
    hint = f"; {other[0]} is of another format" if other else ""
    expected = f"{stem}.png, .jpg or .tif"
    return f"a transcript without an image: expected {printable(expected)} beside it{printable(hint)}"
