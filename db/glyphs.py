"""Single characters across words: every place where one stands, how unusual it looks, what people said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, delete, exists, func, insert, select

from db.checks import chunks
from db.corrections import AMONG_LIKES, AMONG_LIKES_AFTER
from db.engine import Database
from db.records import CharacterMark, RecordError, UnknownItem
from db.schema import (
    CharacterTurnRow,
    CorrectionRow,
    ImageRow,
    OddityRow,
    ProposalRow,
    StandingRow,
    VerdictRow,
    WordRow,
)
from db.words import as_box

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Holder:
    """A word that holds a character, as a round and people have it.

    Args:
        word_id, key, image_sha: the word.
        characters: L, as of now.
        boxes, confidence: float32 (L, 4) and (L,), the round's.
        oddity: float32 (L,), NaN where there is no box; None where it was not worked out.
        correction_id: of the decision in force; None if there is none.
        marks: what that says of each character; empty if it says nothing about them.
        flagged: the characters that were flagged since.
    """

    word_id: int
    key: str
    image_sha: str
    characters: tuple[str, ...]
    boxes: Floats
    confidence: Floats
    oddity: Floats | None
    correction_id: int | None
    marks: tuple[CharacterMark, ...]
    flagged: frozenset[int]


class Glyphs(Database):
    """The part of the store that looks at one character in all words."""

    def put_oddities(self, round_id: int, values: Mapping[int, Floats]) -> None:
        """Keep how unusual each character of words looked after a round, by word id; in place of what there was."""
        rows = [
            {"round_id": round_id, "word_id": id, "values": np.ascontiguousarray(each, "<f4").tobytes()}
            for id, each in values.items()
        ]
        with self.write() as connection:
            connection.execute(delete(OddityRow).where(OddityRow.round_id == round_id))
            for chunk in chunks(rows):
                connection.execute(insert(OddityRow), chunk)

    def has_oddities(self, round_id: int) -> bool:
        """Whether that was worked out for a round."""
        with self.read() as connection:
            query = select(OddityRow.word_id).where(OddityRow.round_id == round_id).limit(1)
            return connection.execute(query).first() is not None

    def holders(self, round_id: int, character: str) -> list[Holder]:
        """The words that hold a character, and for whose present transcript a round has boxes; in order of import."""
        query = (
            select(
                WordRow.id, WordRow.key, ImageRow.sha, WordRow.characters, StandingRow.text, ProposalRow.text,
                ProposalRow.boxes, ProposalRow.confidence, OddityRow.values, CorrectionRow.id, CorrectionRow.characters,
            )
            .join_from(CharacterTurnRow, WordRow, WordRow.id == CharacterTurnRow.word_id)
            .join(ImageRow, ImageRow.id == WordRow.image_id)
            .join(StandingRow, StandingRow.word_id == WordRow.id)
            .join(ProposalRow, (ProposalRow.word_id == WordRow.id) & (ProposalRow.round_id == round_id))
            .outerjoin(OddityRow, (OddityRow.word_id == WordRow.id) & (OddityRow.round_id == round_id))
            .outerjoin(CorrectionRow, CorrectionRow.id == StandingRow.correction_id)
            .where(CharacterTurnRow.round_id == round_id, CharacterTurnRow.character == character)
            .order_by(WordRow.id)
        )  # fmt: skip
        found = []
        with self.read() as connection:
            flagged = _by_word(connection)
            for row in connection.execute(query):
                id, key, sha, imported, text, of_text, boxes, confidence, oddity, correction_id, marks = row
                if text != of_text:
                    continue  # the transcript has been changed since
                said = tuple(CharacterMark(state, as_box(box)) for state, box in marks or ())
                found.append(
                    Holder(
                        id, key, sha, tuple(imported if text is None else text), _floats(boxes).reshape(-1, 4),
                        _floats(confidence), None if oddity is None else _floats(oddity), correction_id, said,
                        frozenset(flagged.get(id, ())),
                    )
                )  # fmt: skip
        return found

    def judge_glyphs(self, glyphs: Sequence[tuple[int, int]], value: str, author: str = "") -> None:
        """Say of characters (word id, which) that their crop is wrong, or right after all.

        Raises:
            UnknownItem: there is no such word; nothing was kept.
            RecordError: the value is another.
        """
        if value not in ("wrong", "right"):
            raise RecordError(f"A crop is 'wrong' or 'right', not '{value}'.")
        now = datetime.now(UTC)
        with self.write() as connection:
            for chunk in chunks(sorted(set(glyphs))):
                ids = {id for id, _ in chunk}
                query = select(WordRow.id).where(WordRow.id.in_(ids))
                if missing := ids - set(connection.execute(query).scalars()):
                    raise UnknownItem(f"The project has no word {min(missing)}.")
                rows = [
                    {"word_id": id, "subject": "glyph", "position": index, "value": value, "author": author,
                     "created_at": now} for id, index in chunk
                ]  # fmt: skip
                connection.execute(insert(VerdictRow), rows)

    def flagged_glyphs(self) -> dict[int, set[int]]:
        """The characters that are flagged, by word id: those of words that nobody has corrected since."""
        with self.read() as connection:
            return _by_word(connection)

    def change_mark(self) -> tuple[int, int]:
        """Grows with whatever people say: the highest ids of corrections and of verdicts."""
        with self.read() as connection:
            said = connection.execute(select(func.max(CorrectionRow.id))).scalar()
            judged = connection.execute(select(func.max(VerdictRow.id))).scalar()
            return said or 0, judged or 0


def flagged_glyphs() -> Select[int, int | None]:
    """The characters (word id, which) that are flagged, and whose word nobody has corrected as a whole since."""
    newest = select(func.max(VerdictRow.id)).where(VerdictRow.subject == "glyph")
    newest = newest.group_by(VerdictRow.word_id, VerdictRow.position)
    whole = select(func.max(CorrectionRow.id)).where(CorrectionRow.word_id == VerdictRow.word_id)
    whole = whole.where(CorrectionRow.reason.not_in([AMONG_LIKES, AMONG_LIKES_AFTER])).correlate(VerdictRow)
    since = exists().where(
        CorrectionRow.id == whole.scalar_subquery(),
        CorrectionRow.kind == "boxes",
        CorrectionRow.created_at > VerdictRow.created_at,
    )
    query = select(VerdictRow.word_id, VerdictRow.position)
    return query.where(VerdictRow.id.in_(newest), VerdictRow.value == "wrong", ~since)


def _by_word(connection: Connection) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for id, position in connection.execute(flagged_glyphs()).all():
        if position is not None:
            found.setdefault(id, set()).add(position)
    return found


def _floats(data: bytes) -> Floats:
    return np.frombuffer(data, "<f4").astype(np.float32)
