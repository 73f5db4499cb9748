"""Looking back at what people said: who did how much, and taking back all that one of them did."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import Connection, func, select

from db.checks import chunks
from db.corrections import append, as_correction
from db.engine import Database
from db.records import Conflict, Correction, NewCorrection, RecordError
from db.schema import CorrectionRow, OpinionRow, StandingRow
from db.team_records import Revert

_CORRECTION = CorrectionRow.__table__


class Reviews(Database):
    """The part of the store that looks at people's work as a whole."""

    def words_by_author(self) -> dict[str, int]:
        """How many words have boxes or a flag in force, by who said so; "" is where nobody logged in."""
        query = (
            select(CorrectionRow.author, func.count())
            .join(StandingRow, StandingRow.correction_id == CorrectionRow.id)
            .where(CorrectionRow.kind.in_(["boxes", "flag"]))
            .group_by(CorrectionRow.author)
        )
        with self.read() as connection:
            return dict(connection.execute(query).all())

    def times_by_author(self) -> dict[str, list[datetime]]:
        """When each person decided anything, opinions included."""
        found: dict[str, list[datetime]] = {}
        with self.read() as connection:
            for table in (CorrectionRow, OpinionRow):
                for author, time in connection.execute(select(table.author, table.created_at)):
                    found.setdefault(author, []).append(time)
        return found

    def revert_plan(self, author: str) -> Revert:
        """What `revert` would do, without doing it."""
        with self.read() as connection:
            return _plan(connection, author)[0]

    def revert(self, author: str, *, by: str, uuid: str, upto: int) -> Revert:
        """Take back everything that one person decided, wherever nobody has decided since.

        Nothing is deleted: each of those words gets one more decision, which says again what held before the person's,
        or that nothing did. All in one transaction; doing it again changes nothing more.

        Args:
            author: whose decisions.
            by: who takes them back.
            uuid: chosen by the client, once per click.
            upto: `Revert.upto` of the plan that was looked at.

        Returns:
            What was done.

        Raises:
            Conflict: the person decided something since the plan was made. Nothing was changed.
            RecordError: the uuid is none.
        """
        try:
            root = UUID(uuid)
        except ValueError as error:
            raise RecordError(f"'{uuid}' is no UUID.") from error
        with self.write() as connection:
            plan, changes = _plan(connection, author)
            newest = select(func.max(CorrectionRow.id)).where(CorrectionRow.author == author)
            if changes and (connection.execute(newest).scalar() or 0) > upto:
                raise Conflict(f"'{author}' has decided about more words since you looked. Look again.", None)
            for last, before in changes:
                append(connection, _again(before, last, by, str(uuid5(root, str(last.word_id)))))
            return plan


def _plan(connection: Connection, author: str) -> tuple[Revert, list[tuple[Correction, Correction | None]]]:
    """What would be done, and per word what the person said last with what held before (None: nothing)."""
    mine = select(CorrectionRow.word_id).where(CorrectionRow.author == author).distinct()
    word_ids = connection.execute(mine.order_by(CorrectionRow.word_id)).scalars().all()
    upto = connection.execute(select(func.max(CorrectionRow.id))).scalar() or 0
    changes: list[tuple[Correction, Correction | None]] = []
    kept = 0
    for chunk in chunks(word_ids):
        query = select(_CORRECTION).where(CorrectionRow.word_id.in_(chunk)).order_by(CorrectionRow.id)
        histories: dict[int, list[Correction]] = {}
        for row in connection.execute(query).mappings():
            histories.setdefault(row["word_id"], []).append(as_correction(row))
        for history in histories.values():
            if history[-1].author != author:
                kept += 1
                continue
            before = _before(history, author)
            if _says(history[-1]) != _says(before):
                changes.append((history[-1], before))
    kinds = [last.kind for last, _ in changes]
    plan = Revert(
        author=author,
        words=len(changes),
        boxes=kinds.count("boxes"),
        flags=kinds.count("flag"),
        restored=sum(_says(before) is not None for _, before in changes),
        kept=kept,
        upto=upto,
    )
    return plan, changes


def _before(history: Iterable[Correction], author: str) -> Correction | None:
    """What held before the person's last decisions in a row."""
    others = [each for each in history if each.author != author]
    return others[-1] if others else None


def _says(correction: Correction | None) -> tuple[object, ...] | None:
    """What it makes of its word; None for nothing."""
    if correction is None or correction.kind == "clear":
        return None
    return correction.kind, correction.characters, correction.text, correction.reason


def _again(before: Correction | None, last: Correction, by: str, uuid: str) -> NewCorrection:
    if before is None or before.kind == "clear":
        reason = f"takes back what {last.author} said"
        return NewCorrection(last.word_id, uuid, "clear", reason=reason, base_id=last.id, author=by)
    return NewCorrection(
        word_id=last.word_id,
        uuid=uuid,
        kind=before.kind,
        characters=before.characters,
        reason=before.reason,
        round_id=before.round_id,
        base_id=last.id,
        author=by,
        text=before.text,
    )
