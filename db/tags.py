"""Tags: how people sort words. What a word has now is one table, what people did is another, append-only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, func, insert, select

from db.checks import chunks, storable_text
from db.engine import Database
from db.records import RecordError, UnknownItem
from db.schema import TaggingRow, TagRow, WordRow

LONGEST = 60


@dataclass(frozen=True, slots=True)
class Tagging:
    """That a person gave a word a tag, or took it off.

    Args:
        id: grows with every one in the project.
        given: False where it was taken off.
        author: who; empty where nobody logs in.
        created_at: aware, UTC.
    """

    id: int
    word_id: int
    name: str
    given: bool
    author: str
    created_at: datetime


class Tags(Database):
    """The part of the store that holds tags of words."""

    def tag(self, word_ids: Sequence[int], name: str, author: str = "") -> int:
        """Give words a tag; return how many did not have it.

        Raises:
            RecordError: the name cannot be a tag.
            UnknownItem: there is no such word; none was tagged.
        """
        name, ids = tag_name(name), list(dict.fromkeys(word_ids))
        new = 0
        with self.write() as connection:
            for chunk in chunks(ids):
                known = set(connection.execute(select(WordRow.id).where(WordRow.id.in_(chunk))).scalars())
                if missing := set(chunk) - known:
                    raise UnknownItem(f"The project has no word {min(missing)}.")
                lack = sorted(known - _tagged(connection, chunk, name))
                new += len(lack)
                _keep(connection, lack, name, author, given=True)
        return new

    def untag(self, word_ids: Sequence[int], name: str, author: str = "") -> int:
        """Take a tag off words; return how many had it. That they had it, and who took it off, is kept."""
        taken = 0
        with self.write() as connection:
            for chunk in chunks(list(dict.fromkeys(word_ids))):
                have = sorted(_tagged(connection, chunk, name))
                taken += len(have)
                _keep(connection, have, name, author, given=False)
        return taken

    def taggings(self, word_id: int) -> list[Tagging]:
        """Every tag that people gave a word or took off it, oldest first; not those that came with it."""
        query = select(TaggingRow.__table__).where(TaggingRow.word_id == word_id).order_by(TaggingRow.id)
        with self.read() as connection:
            return [Tagging(**row) for row in connection.execute(query).mappings()]

    def tags(self) -> list[tuple[str, int]]:
        """Every tag with the number of words that have it, in order."""
        query = select(TagRow.name, func.count()).group_by(TagRow.name).order_by(TagRow.name)
        with self.read() as connection:
            return [(name, count) for name, count in connection.execute(query)]

    def tags_of(self, word_ids: Sequence[int]) -> dict[int, list[str]]:
        """The tags of words, by word id, in order; words that have none are left out."""
        found: dict[int, list[str]] = {}
        with self.read() as connection:
            for chunk in chunks(word_ids):
                query = select(TagRow.word_id, TagRow.name).where(TagRow.word_id.in_(chunk)).order_by(TagRow.name)
                for id, name in connection.execute(query):
                    found.setdefault(id, []).append(name)
        return found


def _tagged(connection: Connection, word_ids: Sequence[int], name: str) -> set[int]:
    query = select(TagRow.word_id).where(TagRow.word_id.in_(word_ids), TagRow.name == name)
    return set(connection.execute(query).scalars())


def _keep(connection: Connection, word_ids: Collection[int], name: str, author: str, *, given: bool) -> None:
    if not word_ids:
        return
    said = {"name": name, "author": author, "created_at": datetime.now(UTC)}
    connection.execute(insert(TaggingRow), [{"word_id": id, "given": given} | said for id in word_ids])
    if given:
        connection.execute(insert(TagRow), [{"word_id": id} | said for id in word_ids])
    else:
        connection.execute(delete(TagRow).where(TagRow.word_id.in_(word_ids), TagRow.name == name))


def tag_name(name: str) -> str:
    """`name` as a tag: without spaces around it.

    Raises:
        RecordError: it is empty, too long, or has a line break.
    """
    name = storable_text(" ".join(name.split()), "The tag")
    if not name or len(name) > LONGEST:
        raise RecordError(f"A tag has 1 to {LONGEST} characters; this one has {len(name)}.")
    return name


def imported_tags(meta: object) -> list[str]:
    """The tags that an item carried: its `tags`, a list or text with commas; what cannot be a tag is left out."""
    given = meta.split(",") if isinstance(meta, str) else meta if isinstance(meta, list) else []
    names = (" ".join(str(each).split()) for each in given if isinstance(each, str | int))
    return list(dict.fromkeys(name for name in names if 0 < len(name) <= LONGEST and _plain(name)))


def _plain(name: str) -> bool:
    """Whether every database can hold it: no NUL, no half of a surrogate pair."""
    return "\0" not in name and not any("\ud800" <= each <= "\udfff" for each in name)
