"""Files into a project: what is sound goes in once, what is not is listed with a reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from charloc.formats import Item, Rejected, atomic
from charloc.formats.jsonl import Jsonl
from charloc.formats.pairs import Pairs
from charloc.images import decode, probe
from charloc.methods import Progress, silent
from charloc.text import characters
from charloc.types import CharlocError, SourceWord, TranscriptError
from db import Store, check_source

TICK = 64

_Sound = tuple[SourceWord, int, int, str]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of an import.

    Args:
        added: words that are new in the project.
        already: words that it had (same image, same transcript), or that came twice.
        rejected: items that are not in it, each with the reason.
    """

    added: int
    already: int
    rejected: tuple[Rejected, ...]

    def write(self, path: Path) -> None:
        """Write the rejected items to `path`: JSON lines if it ends in .jsonl, else tab-separated with a heading.

        Raises:
            CharlocError: it could not be written.
        """
        if path.suffix == ".jsonl":
            lines = [json.dumps({"name": each.name, "reason": each.reason}) for each in self.rejected]
        else:
            cells = [("name", "reason"), *((each.name, each.reason) for each in self.rejected)]
            lines = ["\t".join(map(_cell, row)) for row in cells]
        with atomic(path) as file:
            file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))


def import_path(store: Store, path: Path, progress: Progress = silent) -> ImportReport:
    """Add the words of a folder or file to the project.

    Args:
        store: the project.
        path: a `words.jsonl` (any name that ends in .jsonl); a folder with one; or a folder, and folders in it, of
            `x.png|jpg|tif` + `x.gt.txt`.
        progress: called with ("import", done, total).

    Returns:
        What went in and what did not. Interrupted on the way, what is in stays; importing again adds the rest.

    Raises:
        CharlocError: there is nothing at `path` that could be imported.
    """
    reader = _reader(path)
    if not len(reader):
        raise CharlocError(
            f"{path}: nothing to import. Expected words.jsonl, or images (.png, .jpg, .tif) each with its transcript "
            "in a .gt.txt of the same name."
        )
    return import_items(store, reader, len(reader), progress)


def import_items(store: Store, items: Iterable[Item], total: int, progress: Progress = silent) -> ImportReport:
    """Add what a reader gives to the project; `total` is the number of items, for `progress`."""
    rejected: list[Rejected] = []

    def sound() -> Iterator[_Sound]:
        progress("import", 0, total)
        for done, item in enumerate(map(check, items), 1):
            if isinstance(item, Rejected):
                rejected.append(item)
            else:
                yield item
            if done % TICK == 0 or done == total:
                progress("import", done, total)

    added = store.add_words(sound())
    return ImportReport(added.added, added.already, tuple(rejected))


def check(item: Item) -> _Sound | Rejected:
    """The item with its image's width, height and media type, or why it cannot be used; the image is fully decoded."""
    if isinstance(item, Rejected):
        return item
    try:
        width, height, media_type = probe(item.image, item.name)
        decode(item.image, item.name)
        check_source(item, width, height)
        count = len(characters(item.text))
        if count > width:
            raise TranscriptError(
                f"{count} characters in an image {width} px wide: image and transcript do not belong together, or the "
                "image is turned"
            )
    except CharlocError as error:
        return Rejected(item.name, str(error).removeprefix(f"{item.name}: "))
    return item, width, height, media_type


def _reader(path: Path) -> Jsonl | Pairs:
    if path.is_dir():
        return Jsonl(path / "words.jsonl") if (path / "words.jsonl").is_file() else Pairs(path)
    if not path.exists():
        raise CharlocError(f"{path}: there is no such file or folder.")
    if path.suffix == ".jsonl":
        return Jsonl(path)
    raise CharlocError(f"{path}: cannot be imported. Name a folder of images with .gt.txt, or a words.jsonl.")


def _cell(text: str) -> str:
    """`text` as one cell that no spreadsheet takes for a formula."""
    text = re.sub(r"\s", " ", text)
    return "'" + text if text.startswith(("=", "+", "-", "@")) else text
