"""Words, their images and their reference boxes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, func, insert, select

from charloc.text import characters
from charloc.types import Box, SourceWord
from db.asked import folded
from db.checks import CHUNK, check_source, chunks
from db.engine import Database
from db.records import AddReport, Reference, UnknownItem, Word
from db.schema import ImageRow, ReferenceRow, StandingRow, TagRow, WordRow
from db.tags import imported_tags

Item = tuple[SourceWord, int, int, str]
"""A word to add, with its image's width and height in px and its media type."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """An item as it will be stored, made before the write lock is taken."""

    key: str
    sha: str
    image: dict[str, Any]
    word: dict[str, Any]
    reference: dict[str, Any] | None


class Words(Database):
    """The part of the store that holds what was imported."""

    def add_words(self, items: Iterable[Item]) -> AddReport:
        """Add the items that are new: those whose image and transcript (NFC) together are not in the project yet.

        Each run of some hundred items is one transaction: after an interruption, adding everything again adds the rest.

        Args:
            items: (word, image width, image height, media type); may be lazy.

        Returns:
            How many were added and how many were there already, or came twice.

        Raises:
            RecordError: an item cannot be kept (see `checks.check_source`); runs before its own are in.
        """
        added = already = 0
        items = iter(items)
        while batch := [_prepare(*item) for item in islice(items, CHUNK)]:
            with self.write() as connection:
                new = _add(connection, batch)
            added += new
            already += len(batch) - new
        return AddReport(added, already)

    def word_count(self) -> int:
        """How many words the project has."""
        with self.read() as connection:
            return connection.execute(select(func.count(WordRow.id))).scalar_one()

    def word_ids(self) -> list[int]:
        """The ids of all words, in the order of import."""
        with self.read() as connection:
            return list(connection.execute(select(WordRow.id).order_by(WordRow.id)).scalars())

    def words(self, ids: Sequence[int]) -> list[Word]:
        """The words with these ids, in the order given.

        Raises:
            UnknownItem: the project has no word with one of the ids; the message names it.
        """
        found: dict[int, Word] = {}
        with self.read() as connection:
            for chunk in chunks(ids):
                query = (
                    select(
                        WordRow.id,
                        WordRow.key,
                        WordRow.name,
                        WordRow.characters,
                        ImageRow.sha,
                        ImageRow.width,
                        ImageRow.height,
                        WordRow.meta,
                        StandingRow.text,
                    )
                    .join(ImageRow, ImageRow.id == WordRow.image_id)
                    .join(StandingRow, StandingRow.word_id == WordRow.id)
                    .where(WordRow.id.in_(chunk))
                )
                for id, key, name, imported, sha, width, height, meta, text in connection.execute(query):
                    now = imported if text is None else text
                    found[id] = Word(id, key, name, "".join(now), tuple(now), sha, width, height, meta, tuple(imported))
        try:
            return [found[id] for id in ids]
        except KeyError as error:
            raise UnknownItem(f"The project has no word {error}.") from None

    def image(self, sha: str) -> tuple[bytes, str]:
        """An image file by the sha256 (hex) of its bytes, with its media type.

        Raises:
            UnknownItem: the project has no such image.
        """
        with self.read() as connection:
            row = connection.execute(select(ImageRow.data, ImageRow.media_type).where(ImageRow.sha == sha)).first()
        if row is None:
            raise UnknownItem(f"The project has no image '{sha}'.")
        return row.data, row.media_type

    def images_of(self, ids: Sequence[int]) -> dict[int, bytes]:
        """The image files of words, by word id; ids that the project does not have are left out."""
        found: dict[int, bytes] = {}
        with self.read() as connection:
            for chunk in chunks(ids):
                query = select(WordRow.id, ImageRow.data).join(ImageRow, ImageRow.id == WordRow.image_id)
                found.update(connection.execute(query.where(WordRow.id.in_(chunk))).all())
        return found

    def reference(self, ids: Sequence[int]) -> dict[int, Reference]:
        """The true boxes of those words that came with some, by word id: for scoring only."""
        found: dict[int, Reference] = {}
        with self.read() as connection:
            for chunk in chunks(ids):
                query = select(ReferenceRow.word_id, ReferenceRow.boxes, ReferenceRow.approx)
                for id, boxes, approx in connection.execute(query.where(ReferenceRow.word_id.in_(chunk))):
                    found[id] = Reference(tuple(as_box(box) for box in boxes), tuple(approx))
        return found


def as_box(numbers: Sequence[float] | None) -> Box | None:
    """A box as it came out of JSON."""
    return None if numbers is None else (numbers[0], numbers[1], numbers[2], numbers[3])


def _as_text(value: object) -> str | None:
    """What an item carried, as text to filter by: text as it is, other values as JSON."""
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _prepare(source: SourceWord, width: int, height: int, media_type: str) -> _Prepared:
    text = check_source(source, width, height)
    clusters = characters(text)
    image = hashlib.sha256(source.image)
    sha = image.hexdigest()
    image.update(b"\0" + text.encode())
    key = image.hexdigest()
    reference = None
    if source.boxes is not None:
        boxes = [None if box is None else [float(edge) for edge in box] for box in source.boxes]
        reference = {"boxes": boxes, "approx": [int(index) for index in source.approx]}
    return _Prepared(
        key=key,
        sha=sha,
        image={"sha": sha, "media_type": media_type, "width": width, "height": height, "data": source.image},
        word={
            "key": key,
            "name": source.name,
            "page": _as_text(source.meta.get("page")),
            "source": _as_text(source.meta.get("source")),
            "characters": list(clusters),
            "length": len(clusters),
            "meta": dict(source.meta),
        },
        reference=reference,
    )


def _add(connection: Connection, batch: Sequence[_Prepared]) -> int:
    """Insert what is new of a batch, in its order; return how many words that were."""
    known = set(connection.execute(select(WordRow.key).where(WordRow.key.in_([item.key for item in batch]))).scalars())
    new = {item.key: item for item in reversed(batch) if item.key not in known}
    items = [item for item in batch if new.get(item.key) is item]
    if not items:
        return 0

    by_sha = {item.sha: item.image for item in items}
    find_images = select(ImageRow.sha, ImageRow.id).where(ImageRow.sha.in_(list(by_sha)))
    image_ids: dict[str, int] = dict(connection.execute(find_images).all())
    if missing := [image for sha, image in by_sha.items() if sha not in image_ids]:
        connection.execute(insert(ImageRow), missing)
        image_ids = dict(connection.execute(find_images).all())

    connection.execute(insert(WordRow), [item.word | {"image_id": image_ids[item.sha]} for item in items])
    find_words = select(WordRow.key, WordRow.id).where(WordRow.key.in_(list(new)))
    word_ids: dict[str, int] = dict(connection.execute(find_words).all())
    search = {item.key: folded(f"{''.join(item.word['characters'])}\n{item.word['name']}") for item in items}
    connection.execute(insert(StandingRow), [{"word_id": id, "search": search[key]} for key, id in word_ids.items()])
    now = datetime.now(UTC)
    tags = [
        {"word_id": word_ids[item.key], "name": name, "author": "", "created_at": now}
        for item in items
        for name in imported_tags(item.word["meta"].get("tags"))
    ]
    if tags:
        connection.execute(insert(TagRow), tags)
    references = [item.reference | {"word_id": word_ids[item.key]} for item in items if item.reference is not None]
    if references:
        connection.execute(insert(ReferenceRow), references)
    return len(items)
