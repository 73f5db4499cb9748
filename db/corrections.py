"""What people said: append-only, exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import ColumnElement, Connection, RowMapping, case, func, insert, select, update

from charloc.types import Box
from db.asked import folded
from db.checks import check_correction, chunks
from db.engine import Database
from db.leases import QUEUED, end_leases, overtaken
from db.proposals import check_round
from db.records import (
    CharacterMark,
    Conflict,
    Correction,
    Counts,
    MarkState,
    NewCorrection,
    RecordError,
    UnknownItem,
)
from db.schema import AWAITING, DECIDED, SKIPPED, CorrectionRow, StandingRow, WordRow

AMONG_LIKES = "accepted among its likes"
AMONG_LIKES_AFTER = "accepted among its likes, after the word"
"""The reasons of corrections that accept single characters without anybody having looked at the word as a whole: where
nobody has decided about it, and where somebody has."""
_CORRECTION = CorrectionRow.__table__
_PLACE = {"boxes": DECIDED, "flag": DECIDED, "skip": SKIPPED, "clear": AWAITING}


class Corrections(Database):
    """The part of the store that holds what people said."""

    def save_correction(self, new: NewCorrection, lease_id: int | None = None) -> Correction:
        """Keep a decision about a word, exactly once: the same one sent again gives back what was stored first.

        Args:
            new: the decision.
            lease_id: the lease under which the person was handed the word, if any.

        Raises:
            UnknownItem: there is no such word, or round.
            RecordError: it does not fit the word, or its uuid was used for something else.
            Conflict: another decision is in force than the one the person saw, or somebody took the word over and
                decided about it since; what is in force comes along.
        """
        new = _plain(new)
        with self.write() as connection:
            word = connection.execute(select(WordRow.name, WordRow.characters).where(WordRow.id == new.word_id)).first()
            if word is not None:
                new = _as_imported(new, word.characters)
            stored = _by_uuid(connection, new.uuid)
            if stored is not None:
                return _same(stored, new)
            if word is None:
                raise UnknownItem(f"The project has no word {new.word_id}.")
            check_correction(new, word.name, word.characters)
            if new.round_id is not None:
                check_round(connection, new.round_id)
            in_force = _in_force(connection, new.word_id)
            late = lease_id is not None and overtaken(connection, new.word_id, new.author, lease_id)
            if late or (in_force.id if in_force else None) != _seen(connection, new):
                raise Conflict(f"{word.name}: somebody else decided about this word meanwhile. Look again.", in_force)
            return append(connection, new)

    def corrections_in_force(
        self, word_ids: Sequence[int] | None = None, upto: int | None = None
    ) -> dict[int, Correction]:
        """The newest decision about each word, by word id; words about which nothing is said are left out.

        "skip" is in force, but says nothing about the word.

        Args:
            word_ids: only these words; None for all.
            upto: as it was when this was the highest correction id.
        """
        found: dict[int, Correction] = {}
        newest = select(func.max(CorrectionRow.id)).group_by(CorrectionRow.word_id)
        if upto is not None:
            newest = newest.where(CorrectionRow.id <= upto)
        with self.read() as connection:
            for chunk in [None] if word_ids is None else chunks(word_ids):
                chosen = newest if chunk is None else newest.where(CorrectionRow.word_id.in_(chunk))
                query = select(_CORRECTION).where(CorrectionRow.id.in_(chosen), CorrectionRow.kind != "clear")
                for row in connection.execute(query.order_by(CorrectionRow.id)).mappings():
                    found[row["word_id"]] = as_correction(row)
        return found

    def first_corrected(self, word_ids: Sequence[int]) -> dict[int, int]:
        """The id of the first correction of kind "boxes" that words ever got, by word id; others are left out."""
        found: dict[int, int] = {}
        query = select(CorrectionRow.word_id, func.min(CorrectionRow.id)).where(CorrectionRow.kind == "boxes")
        with self.read() as connection:
            for chunk in chunks(word_ids):
                mine = query.where(CorrectionRow.word_id.in_(chunk)).group_by(CorrectionRow.word_id)
                found.update(connection.execute(mine).all())
        return found

    def history(self, word_id: int) -> list[Correction]:
        """Everything that was ever said about a word, oldest first.

        Raises:
            UnknownItem: the project has no such word.
        """
        query = select(_CORRECTION).where(CorrectionRow.word_id == word_id).order_by(CorrectionRow.id)
        with self.read() as connection:
            if connection.execute(select(WordRow.id).where(WordRow.id == word_id)).first() is None:
                raise UnknownItem(f"The project has no word {word_id}.")
            return [as_correction(row) for row in connection.execute(query).mappings()]

    def counts(self) -> Counts:
        """How far the project is."""
        midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        is_boxes = (CorrectionRow.kind == "boxes") & (StandingRow.place == DECIDED)
        in_force = select(
            _count(is_boxes),
            func.coalesce(func.sum(StandingRow.accepted), 0),
            func.coalesce(func.sum(StandingRow.pinned), 0),
            _count(CorrectionRow.kind == "flag"),
            _count(CorrectionRow.kind == "skip"),
            _count(is_boxes & (CorrectionRow.created_at >= midnight)),
        ).join_from(StandingRow, CorrectionRow, StandingRow.correction_id == CorrectionRow.id)
        with self.read() as connection:
            words = connection.execute(select(func.count(StandingRow.word_id))).scalar_one()
            return Counts(words, *connection.execute(in_force).one())


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _by_uuid(connection: Connection, uuid: str) -> Correction | None:
    row = connection.execute(select(_CORRECTION).where(CorrectionRow.uuid == uuid)).mappings().first()
    return None if row is None else as_correction(row)


def _in_force(connection: Connection, word_id: int) -> Correction | None:
    query = select(_CORRECTION).join(StandingRow, StandingRow.correction_id == CorrectionRow.id)
    row = connection.execute(query.where(StandingRow.word_id == word_id)).mappings().first()
    return None if row is None else as_correction(row)


def _seen(connection: Connection, new: NewCorrection) -> int | None:
    """What the person saw in force: a "clear" they saw, or made, means nothing."""
    query = select(CorrectionRow.kind).where(CorrectionRow.id == new.base_id, CorrectionRow.word_id == new.word_id)
    return None if connection.execute(query).scalar() == "clear" else new.base_id


def _plain(new: NewCorrection) -> NewCorrection:
    """The correction as it will be read back: boxes are tuples of plain numbers, whatever a client sent."""
    return replace(new, characters=plain_marks((mark.state, mark.box) for mark in new.characters))


def plain_marks(marks: Iterable[tuple[MarkState, Sequence[float] | None]]) -> tuple[CharacterMark, ...]:
    """Marks out of (state, box) as they came from a client or out of JSON."""
    return tuple(
        CharacterMark(state, None if box is None else cast(Box, tuple(float(edge) for edge in box)))
        for state, box in marks
    )


def _as_imported(new: NewCorrection, imported: Sequence[str]) -> NewCorrection:
    """Without its text, if that is the imported one: the same is kept in one way only."""
    return replace(new, text=None) if new.text is not None and list(new.text) == list(imported) else new


def _same(stored: Correction, new: NewCorrection) -> Correction:
    for field in fields(NewCorrection):
        if getattr(stored, field.name) != getattr(new, field.name):
            raise RecordError(
                f"The correction {new.uuid} of word {stored.word_id} was stored before with another {field.name}. "
                "Give every new decision a uuid of its own."
            )
    return stored


def append(connection: Connection, new: NewCorrection) -> Correction:
    """Keep a decision that was checked, and let the word stand as it says."""
    values = {field.name: getattr(new, field.name) for field in fields(NewCorrection)} | {
        "characters": [[mark.state, mark.box] for mark in new.characters],
        "text": None if new.text is None else list(new.text),
        "created_at": datetime.now(UTC),
    }
    row = connection.execute(insert(CorrectionRow).values(values).returning(_CORRECTION)).mappings().one()
    states = Counter(mark.state for mark in new.characters)
    connection.execute(
        update(StandingRow)
        .where(StandingRow.word_id == new.word_id)
        .values(
            place=_PLACE[new.kind] if new.kind != "boxes" or decides(new) else AWAITING,
            text=values["text"],
            search=_search(connection, new),
            correction_id=None if new.kind == "clear" else row["id"],
            accepted=states["accepted"],
            pinned=states["pinned"],
        )
    )
    end_leases(connection, new.word_id, new.author, *QUEUED)
    return as_correction(row)


def decides(said: NewCorrection | Correction) -> bool:
    """Whether boxes or a flag decide about a word: not where only its transcript was corrected, or where single
    characters of it were accepted among their likes and nothing else is known."""
    rest = [mark.state == "untouched" for mark in said.characters]
    if said.kind == "boxes":
        return not all(rest) and not (any(rest) and said.reason == AMONG_LIKES)
    return said.kind == "flag"


def _search(connection: Connection, new: NewCorrection) -> str:
    query = select(WordRow.name, WordRow.characters).where(WordRow.id == new.word_id)
    name, imported = connection.execute(query).one()
    return folded(f"{''.join(new.text or imported)}\n{name}")


def as_correction(row: RowMapping) -> Correction:
    """A row of the table `correction`."""
    marks = plain_marks(row["characters"])
    text = None if row["text"] is None else tuple(row["text"])
    return Correction(**dict(row) | {"characters": marks, "text": text})
