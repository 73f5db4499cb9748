"""What people say of words beside what is in force, to be compared: second readings, check words, audits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, cast, get_args

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, exists, func, insert, select

from charloc.types import Box, Localization
from db.checks import check_correction, chunks
from db.corrections import as_correction, plain_marks
from db.engine import Database
from db.leases import end_leases
from db.proposals import LOCALIZED, check_round, localization
from db.records import Correction, NewCorrection, RecordError, UnknownItem
from db.schema import (
    DECIDED,
    AuditWordRow,
    CorrectionRow,
    OpinionRow,
    ProposalRow,
    ReferenceRow,
    RoundRow,
    StandingRow,
    WordRow,
)
from db.team_records import CheckWord, LeasePurpose, NewOpinion, Opinion, OpinionPurpose, Pair
from db.team_schema import CheckWordRow
from db.words import as_box

_OPINION = OpinionRow.__table__
_CORRECTION = CorrectionRow.__table__


class Opinions(Database):
    """The part of the store that holds what is compared and teaches nothing."""

    def save_opinion(self, new: NewOpinion) -> Opinion:
        """Keep an opinion, exactly once: the same one sent again gives back what was stored first.

        Raises:
            UnknownItem: there is no such word, or round, or the word is not in the audit.
            RecordError: it does not fit the word, or its uuid was used for something else.
        """
        if new.purpose not in get_args(OpinionPurpose):
            raise RecordError(f"An opinion is for {' | '.join(get_args(OpinionPurpose))}, not '{new.purpose}'.")
        marks = plain_marks((mark.state, mark.box) for mark in new.characters)
        with self.write() as connection:
            row = connection.execute(select(_OPINION).where(OpinionRow.uuid == new.uuid)).mappings().first()
            if row is not None:
                stored = _opinion(row)
                if (stored.word_id, stored.author, stored.characters) != (new.word_id, new.author, marks):
                    raise RecordError(f"The opinion {new.uuid} was stored before with other content.")
                return stored
            word = connection.execute(select(WordRow.name, WordRow.characters).where(WordRow.id == new.word_id)).first()
            if word is None:
                raise UnknownItem(f"The project has no word {new.word_id}.")
            check_correction(_as_correction(new), word.name, word.characters)
            if new.round_id is not None:
                check_round(connection, new.round_id)
            _check_audit(connection, new, word.name)
            values = {field.name: getattr(new, field.name) for field in fields(NewOpinion)} | {
                "characters": [[mark.state, mark.box] for mark in marks],
                "text": None if new.text is None else list(new.text),
                "created_at": datetime.now(UTC),
            }
            kept = connection.execute(insert(OpinionRow).values(values).returning(_OPINION)).mappings().one()
            end_leases(connection, new.word_id, new.author, new.purpose)
            return _opinion(kept)

    def purpose_of(self, uuid: str) -> LeasePurpose | None:
        """What for a decision is kept: "main" where it is a correction, else its opinion's; None if it is not kept."""
        with self.read() as connection:
            said = select(OpinionRow.purpose).where(OpinionRow.uuid == uuid)
            found = cast(LeasePurpose | None, connection.execute(said).scalar())
            decided = select(CorrectionRow.id).where(CorrectionRow.uuid == uuid)
            return "main" if found is None and connection.execute(decided).first() is not None else found

    def opinions(
        self, purpose: OpinionPurpose, *, author: str | None = None, audit_id: int | None = None
    ) -> list[Opinion]:
        """The newest opinion of every person about every word, for one purpose; those taken back are left out.

        Args:
            purpose: what for.
            author: of this person only.
            audit_id: of this audit only.
        """
        wanted: list[ColumnElement[bool]] = [OpinionRow.purpose == purpose]
        if author is not None:
            wanted.append(OpinionRow.author == author)
        if audit_id is not None:
            wanted.append(OpinionRow.audit_id == audit_id)
        newest = select(func.max(OpinionRow.id)).where(*wanted).group_by(OpinionRow.word_id, OpinionRow.author)
        query = select(_OPINION).where(OpinionRow.id.in_(newest), OpinionRow.kind != "clear").order_by(OpinionRow.id)
        with self.read() as connection:
            return [_opinion(row) for row in connection.execute(query).mappings()]

    def opinions_of(self, word_id: int) -> list[Opinion]:
        """Everything that was ever said of a word beside what is in force, oldest first."""
        query = select(_OPINION).where(OpinionRow.word_id == word_id).order_by(OpinionRow.id)
        with self.read() as connection:
            return [_opinion(row) for row in connection.execute(query).mappings()]

    def pairs(self) -> list[Pair]:
        """Every second reading with what was in force when it was made: what the first person had said."""
        seconds = self.opinions("second")
        found = []
        with self.read() as connection:
            for chunk in chunks(sorted({each.word_id for each in seconds})):
                query = select(_CORRECTION).where(CorrectionRow.word_id.in_(chunk)).order_by(CorrectionRow.id)
                histories: dict[int, list[Correction]] = {}
                for row in connection.execute(query).mappings():
                    histories.setdefault(row["word_id"], []).append(as_correction(row))
                for second in (each for each in seconds if each.word_id in histories):
                    before = [each for each in histories[second.word_id] if each.created_at <= second.created_at]
                    if before and before[-1].author != second.author and before[-1].kind in ("boxes", "flag"):
                        found.append(Pair(before[-1], second))
        return sorted(found, key=lambda pair: pair.second.id)

    def to_read_twice(self, author: str, share: float, limit: int, exclude: Collection[int] = ()) -> list[int]:
        """Words that wait for a second reading by this person: decided by another, and read twice by nobody.

        Args:
            author: who would be the second.
            share: of all words, chosen by their keys, so that a word is either in it or not.
            limit: how many at most.
            exclude: ids to leave out.
        """
        if share <= 0:
            return []
        decided = select(StandingRow.word_id).join(CorrectionRow, StandingRow.correction_id == CorrectionRow.id)
        twice = exists().where(OpinionRow.purpose == "second", OpinionRow.word_id == StandingRow.word_id)
        query = decided.where(
            StandingRow.place == DECIDED, CorrectionRow.author.not_in(["", author]), StandingRow.text.is_(None), ~twice
        )
        if share < 1:
            # The key is a sha256 in hexadecimal digits. Not its first ones: other choices by key take those.
            digits = func.substr(WordRow.key, 9, 8)
            query = query.join(WordRow, WordRow.id == StandingRow.word_id).where(digits < f"{int(share * 2**32):08x}")
        with self.read() as connection:
            ids = connection.execute(query.order_by(StandingRow.word_id).limit(limit + len(exclude))).scalars().all()
        left_out = set(exclude)
        return [id for id in ids if id not in left_out][:limit]

    def to_check(self, author: str, limit: int, exclude: Collection[int] = ()) -> list[int]:
        """Check words that this person has not been given yet, nor decided about."""
        answered = exists().where(
            OpinionRow.purpose == "check", OpinionRow.word_id == CheckWordRow.word_id, OpinionRow.author == author
        )
        decided = exists().where(CorrectionRow.word_id == CheckWordRow.word_id, CorrectionRow.author == author)
        query = select(CheckWordRow.word_id).where(CheckWordRow.author != author, ~answered, ~decided)
        with self.read() as connection:
            ids = connection.execute(query.order_by(CheckWordRow.word_id).limit(limit + len(exclude))).scalars().all()
        left_out = set(exclude)
        return [id for id in ids if id not in left_out][:limit]

    def blind_proposals(self, word_ids: Sequence[int]) -> dict[int, tuple[int, Localization]]:
        """What the newest round proposes that knew nothing of what people said of a word: (round id, proposal) by id.

        Words that no such round has seen are left out.
        """
        said = select(func.min(CorrectionRow.id)).where(
            CorrectionRow.word_id == ProposalRow.word_id, CorrectionRow.kind == "boxes"
        )
        query = (
            select(ProposalRow.word_id, ProposalRow.round_id, ProposalRow.boxes, *LOCALIZED)
            .join(RoundRow, RoundRow.id == ProposalRow.round_id)
            .where(
                RoundRow.state == "finished",
                ProposalRow.text.is_(None),
                RoundRow.corrections_upto < func.coalesce(said.scalar_subquery(), RoundRow.corrections_upto + 1),
            )
            .order_by(RoundRow.number)
        )
        found: dict[int, tuple[int, Localization]] = {}
        with self.read() as connection:
            for chunk in chunks(word_ids):
                for row in connection.execute(query.where(ProposalRow.word_id.in_(chunk))).mappings():
                    found[row["word_id"]] = (row["round_id"], localization(row))
        return found

    # --- words whose boxes are known ---

    def add_check_words(self, boxes: Mapping[int, Sequence[Box | None]], author: str) -> int:
        """Put words among those that people are checked with; returns how many of them were not there yet.

        Raises:
            UnknownItem: there is no such word.
            RecordError: there is not one box per character of its transcript as imported, or none at all.
        """
        with self.write() as connection:
            _check_boxes(connection, boxes)
            known = set(connection.execute(select(CheckWordRow.word_id)).scalars())
            rows = [
                {
                    "word_id": word_id,
                    "boxes": [None if box is None else [float(edge) for edge in box] for box in of_word],
                    "author": author,
                    "created_at": datetime.now(UTC),
                }
                for word_id, of_word in boxes.items()
                if word_id not in known
            ]
            if rows:
                connection.execute(insert(CheckWordRow), rows)
        return len(rows)

    def check_words(self) -> dict[int, CheckWord]:
        """Words whose boxes are known, by id."""
        query = select(CheckWordRow.__table__).order_by(CheckWordRow.word_id)
        with self.read() as connection:
            return {
                row["word_id"]: CheckWord(**dict(row) | {"boxes": tuple(as_box(box) for box in row["boxes"])})
                for row in connection.execute(query).mappings()
            }

    def remove_check_words(self, word_ids: Collection[int] | None = None) -> None:
        """Give no more people these words to check them; None: any. What was answered stays."""
        with self.write() as connection:
            for chunk in [None] if word_ids is None else chunks(list(word_ids)):
                some = delete(CheckWordRow)
                connection.execute(some if chunk is None else some.where(CheckWordRow.word_id.in_(chunk)))

    def with_reference(self) -> list[int]:
        """Words that came with true boxes, none of them approximate."""
        query = select(ReferenceRow.word_id, ReferenceRow.approx, ReferenceRow.boxes).order_by(ReferenceRow.word_id)
        with self.read() as connection:
            return [row.word_id for row in connection.execute(query) if not row.approx and any(row.boxes)]


def _check_audit(connection: Connection, new: NewOpinion, name: str) -> None:
    """Refuse what is said for an audit of a word that is not in it, and an audit with anything else."""
    if (new.purpose == "audit") != (new.audit_id is not None):
        raise RecordError(f"{name}: an opinion names its audit if it is for one, and no other does.")
    mine = AuditWordRow.audit_id == new.audit_id, AuditWordRow.word_id == new.word_id
    if new.audit_id is not None and connection.execute(select(AuditWordRow.word_id).where(*mine)).first() is None:
        raise UnknownItem(f"'{name}' is not in audit {new.audit_id}.")


def _check_boxes(connection: Connection, boxes: Mapping[int, Sequence[Box | None]]) -> None:
    lengths: dict[int, int] = {}
    for chunk in chunks(list(boxes)):
        lengths |= dict(connection.execute(select(WordRow.id, WordRow.length).where(WordRow.id.in_(chunk))).all())
    for word_id, of_word in boxes.items():
        if word_id not in lengths:
            raise UnknownItem(f"The project has no word {word_id}.")
        if len(of_word) != lengths[word_id] or not any(of_word):
            raise RecordError(f"Word {word_id} has {lengths[word_id]} characters, but {len(of_word)} boxes are known.")


def _as_correction(new: NewOpinion) -> NewCorrection:
    shared = {field.name for field in fields(NewCorrection)} & {field.name for field in fields(NewOpinion)}
    return NewCorrection(**{name: getattr(new, name) for name in shared})


def _opinion(row: RowMapping) -> Opinion:
    values: dict[str, Any] = dict(row)
    values["characters"] = plain_marks(values["characters"])
    values["text"] = None if values["text"] is None else tuple(values["text"])
    return Opinion(**values)
