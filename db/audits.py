"""Audits: random samples of words, drawn once, reviewed apart from everything that is learned from.

What people say of the words is kept as opinions (`Store.save_opinion`, purpose "audit").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, insert, select, update

from db.engine import Database
from db.records import StoreError, UnknownItem
from db.schema import AuditRow, AuditWordRow

_AUDIT = AuditRow.__table__


@dataclass(frozen=True, slots=True)
class Audit:
    """A random sample of words.

    Args:
        id: the project's number for it.
        seed: decides the order in which words are drawn.
        population: how many words the project had: the first so many by id are those that were drawn from.
        author: who began it; empty where nobody logs in.
        created_at, closed_at: aware, UTC; `closed_at` is None for the one that is going on.
        words: how many words were drawn.
    """

    id: int
    seed: int
    population: int
    author: str
    created_at: datetime
    closed_at: datetime | None
    words: int


class Audits(Database):
    """The part of the store that holds audits."""

    def begin_audit(self, seed: int, population: int, word_ids: Sequence[int], author: str = "") -> Audit:
        """Begin an audit of these words, to be shown in this order; one that was going on is closed.

        Args:
            seed: what they were drawn with.
            population: how many words they were drawn from.
            word_ids: the sample.
            author: who begins it.
        """
        now = datetime.now(UTC)
        values = {"seed": seed, "population": population, "note": "", "author": author, "created_at": now}
        with self.write() as connection:
            connection.execute(update(AuditRow).where(AuditRow.closed_at.is_(None)).values(closed_at=now))
            audit_id = connection.execute(insert(AuditRow).values(values).returning(AuditRow.id)).scalar_one()
            _append(connection, audit_id, 0, word_ids)
            return _get(connection, audit_id)

    def extend_audit(self, audit_id: int, after: int, word_ids: Sequence[int]) -> Audit:
        """Add words to an audit, after so many of those it has. Those that stand there already are not added again.

        Args:
            audit_id: the audit that is going on.
            after: how many words it had when these were drawn.
            word_ids: the next of the sample.

        Raises:
            StoreError: it is closed, has fewer words, or has others there.
        """
        with self.write() as connection:
            found = _get(connection, audit_id)
            if found.closed_at is not None:
                raise StoreError("This audit is closed. Begin a new one.")
            there = _words(connection, audit_id)[after:]
            if found.words < after or any(a != b for a, b in zip(there, word_ids, strict=False)):
                raise StoreError(f"Somebody has added other words to this audit meanwhile: it has {found.words} now.")
            _append(connection, audit_id, found.words, word_ids[len(there) :])
            return _get(connection, audit_id)

    def audits(self) -> list[Audit]:
        """Every audit there was, oldest first."""
        with self.read() as connection:
            return [_audit(row) for row in connection.execute(_query().order_by(AuditRow.id)).mappings()]

    def audit_words(self, audit_id: int) -> list[int]:
        """The words of an audit, in the order in which they were drawn."""
        with self.read() as connection:
            return _words(connection, audit_id)


def _append(connection: Connection, audit_id: int, after: int, word_ids: Sequence[int]) -> None:
    rows = [{"audit_id": audit_id, "position": after + k, "word_id": id} for k, id in enumerate(word_ids)]
    if rows:
        connection.execute(insert(AuditWordRow), rows)


def _words(connection: Connection, audit_id: int) -> list[int]:
    query = select(AuditWordRow.word_id).where(AuditWordRow.audit_id == audit_id).order_by(AuditWordRow.position)
    return list(connection.execute(query).scalars())


def _query() -> Select[Any]:
    drawn = select(func.count()).where(AuditWordRow.audit_id == AuditRow.id).scalar_subquery()
    return select(_AUDIT, drawn.label("words"))


def _get(connection: Connection, audit_id: int) -> Audit:
    row = connection.execute(_query().where(AuditRow.id == audit_id)).mappings().first()
    if row is None:
        raise UnknownItem(f"The project has no audit {audit_id}.")
    return _audit(row)


def _audit(row: RowMapping) -> Audit:
    return Audit(**{name: value for name, value in row.items() if name != "note"})
