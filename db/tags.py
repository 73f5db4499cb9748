"""Tags: how people sort words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, func, insert, select

from db.checks import chunks, storable_text
from db.engine import Database
from db.records import RecordError, UnknownItem
from db.schema import TagRow, WordRow

LONGEST = 60


class Tags(Database):
    """The part of the store that holds tags of words."""

    def tag(self, word_ids: Sequence[int], name: str, author: str = "") -> int:
        """Give words a tag; return how many did not have it.

        Raises:
            RecordError: the name cannot be a tag.
            UnknownItem: there is no such word; none was tagged.
        """
        name, ids, now = tag_name(name), list(dict.fromkeys(word_ids)), datetime.now(UTC)
        new = 0
        with self.write() as connection:
            for chunk in chunks(ids):
                known = set(connection.execute(select(WordRow.id).where(WordRow.id.in_(chunk))).scalars())
                if missing := set(chunk) - known:
                    raise UnknownItem(f"The project has no word {min(missing)}.")
                mine = select(TagRow.word_id).where(TagRow.word_id.in_(chunk), TagRow.name == name)
                rows = known - set(connection.execute(mine).scalars())
                new += len(rows)
                if rows:
                    values = [{"word_id": id, "name": name, "author": author, "created_at": now} for id in sorted(rows)]
                    connection.execute(insert(TagRow), values)
        return new

    def untag(self, word_ids: Sequence[int], name: str) -> int:
        """Take a tag off words; return how many had it."""
        with self.write() as connection:
            return sum(
                connection.execute(delete(TagRow).where(TagRow.word_id.in_(chunk), TagRow.name == name)).rowcount
                for chunk in chunks(word_ids)
            )

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
