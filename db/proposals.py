"""What rounds propose, and the order in which people are asked about it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, RowMapping, Text, cast, false, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute

from charloc.types import Localization
from db.checks import check_proposal, chunks
from db.engine import Database
from db.records import RecordError, UnknownItem
from db.schema import CorrectionRow, ProposalRow, RoundRow, StandingRow, WordRow

Column = ColumnElement[Any] | InstrumentedAttribute[Any]
LOCALIZED = (ProposalRow.confidence, ProposalRow.score, ProposalRow.method)
"""What `localization` reads besides boxes."""


class Proposals(Database):
    """The part of the store that gives back what rounds proposed; `Rounds.finish_round` puts it in."""

    def proposals(self, round_id: int, word_ids: Sequence[int]) -> dict[int, Localization]:
        """What a finished round proposes for words, by word id.

        Words it did not see are left out, and those whose transcript has been changed since.
        """
        return self._localizations(round_id, word_ids, ProposalRow.boxes)

    def unaided(self, round_id: int, word_ids: Sequence[int]) -> dict[int, Localization]:
        """What a finished round says of words by itself: without what people had said of them; as `proposals` else.

        Left out as well are words of which that is not known: a round made before it was kept held fixed what people
        had said of them. How sure it would have been of words that people had said something of is not kept: NaN.
        """
        known = or_(ProposalRow.unaided.is_not(None), ~_aided())
        boxes = func.coalesce(ProposalRow.unaided, ProposalRow.boxes)
        return self._localizations(round_id, word_ids, boxes, known, said=ProposalRow.unaided.is_not(None))

    def _localizations(
        self, round_id: int, word_ids: Sequence[int], boxes: Column, *which: ColumnElement[bool],
        said: ColumnElement[bool] | None = None,
    ) -> dict[int, Localization]:  # fmt: skip
        said = false() if said is None else said
        columns = (ProposalRow.word_id, *LOCALIZED, boxes.label("boxes"), said.label("said"))
        query = select(*columns).where(*_of_present_text(round_id), *which)
        found: dict[int, Localization] = {}
        with self.read() as connection:
            check_round(connection, round_id)
            for chunk in chunks(word_ids):
                for row in connection.execute(query.where(_among(chunk))).mappings():
                    each = localization(row)
                    found[row["word_id"]] = replace(each, confidence=each.confidence * np.nan) if row["said"] else each
        return found

    def disagreements(self, round_id: int, word_ids: Sequence[int]) -> dict[int, NDArray[np.float32] | None]:
        """How far other methods disagree with what a finished round proposes, by word id.

        Returns:
            float32 (L,) in 0..1, NaN for a character without a box; None for a word that had no other method's
            proposal to compare with. Left out are the same words as by `proposals`.
        """
        found: dict[int, NDArray[np.float32] | None] = {}
        query = select(ProposalRow.word_id, ProposalRow.disagreement).where(*_of_present_text(round_id))
        with self.read() as connection:
            check_round(connection, round_id)
            for chunk in chunks(word_ids):
                for id, values in connection.execute(query.where(_among(chunk))):
                    found[id] = None if values is None else np.frombuffer(values, "<f4").astype(np.float32)
        return found

    def uncertainties(self, round_id: int, word_ids: Sequence[int]) -> dict[int, float]:
        """How uncertain a finished round is of words, by word id; words it did not see are left out."""
        found: dict[int, float] = {}
        query = select(ProposalRow.word_id, ProposalRow.uncertainty).where(ProposalRow.round_id == round_id)
        with self.read() as connection:
            check_round(connection, round_id)
            for chunk in chunks(word_ids):
                found.update(connection.execute(query.where(_among(chunk))).all())
        return found


def proposal_rows(
    connection: Connection,
    round_id: int,
    proposals: Sequence[tuple[int, Localization, float]],
    disagreements: Mapping[int, NDArray[np.float32]],
    unaided: Mapping[int, NDArray[np.float32]],
) -> list[dict[str, Any]]:
    """A round's (word id, localization, uncertainty) as rows, checked against the words they are for.

    Args:
        disagreements: by word id, where known.
        unaided: by word id, where people had said something.

    Raises:
        RecordError: one does not fit its word, or a word has two.
    """
    lengths = dict(connection.execute(select(WordRow.id, WordRow.length)).all())
    texts = _texts_of_round(connection, round_id)
    lengths |= {word_id: len(text) for word_id, text in texts.items()}
    if len({word_id for word_id, _, _ in proposals}) != len(proposals):
        raise RecordError("A word has two proposals in one round; it can have one.")
    rows = []
    for word_id, localization, uncertainty in proposals:
        apart, alone = disagreements.get(word_id), unaided.get(word_id)
        check_proposal(word_id, localization, uncertainty, lengths.get(word_id), apart, alone)
        row = {
            "round_id": round_id,
            "word_id": word_id,
            "method": localization.method,
            "score": None if math.isnan(localization.score) else float(localization.score),
            "uncertainty": float(uncertainty),
            "boxes": _bytes(localization.boxes),
            "confidence": _bytes(localization.confidence),
            "disagreement": None if apart is None else _bytes(apart),
            "unaided": None if alone is None else _bytes(alone),
            "text": texts.get(word_id),
        }
        rows.append(row)
    return rows


def order_queue(connection: Connection, round_id: int) -> None:
    """Put every word where the round's uncertainty says; those it did not see come last."""
    mine = (ProposalRow.round_id == round_id, ProposalRow.word_id == StandingRow.word_id)
    uncertainty = select(ProposalRow.uncertainty).where(*mine).scalar_subquery()
    connection.execute(update(StandingRow).values(turn=func.coalesce(-uncertainty, math.inf)))


def localization(row: RowMapping) -> Localization:
    """Out of a row with `boxes` and `LOCALIZED`."""
    return Localization(
        boxes=np.frombuffer(row["boxes"], "<f4").astype(np.float32).reshape(-1, 4),
        confidence=np.frombuffer(row["confidence"], "<f4").astype(np.float32),
        score=math.nan if row["score"] is None else row["score"],
        method=row["method"],
    )


def _aided() -> ColumnElement[bool]:
    """Whether a proposal is of a round from before `unaided` was kept, which knew what people had said of the word."""
    # The share that was held back is kept since the same revision of the tables.
    older = select(RoundRow.corrections_upto).where(
        RoundRow.id == ProposalRow.round_id, RoundRow.heldback_share.is_(None)
    )
    said = select(CorrectionRow.id).where(
        CorrectionRow.word_id == ProposalRow.word_id,
        CorrectionRow.kind == "boxes",
        CorrectionRow.id <= older.correlate(ProposalRow).scalar_subquery(),
    )
    return said.correlate(ProposalRow).exists()


def check_round(connection: Connection, round_id: int) -> None:
    """Refuse a round that is not there."""
    if connection.execute(select(RoundRow.id).where(RoundRow.id == round_id)).first() is None:
        raise UnknownItem(f"The project has no round with id {round_id}.")


def _texts_of_round(connection: Connection, round_id: int) -> dict[int, list[str]]:
    """The characters of words whose transcript was another than imported when the round began, by word id."""
    upto = select(RoundRow.corrections_upto).where(RoundRow.id == round_id).scalar_subquery()
    newest = select(func.max(CorrectionRow.id)).where(CorrectionRow.id <= upto).group_by(CorrectionRow.word_id)
    query = select(CorrectionRow.word_id, CorrectionRow.text).where(CorrectionRow.id.in_(newest))
    return {word_id: text for word_id, text in connection.execute(query) if text is not None}


def _of_present_text(round_id: int) -> tuple[ColumnElement[bool], ...]:
    """The round's proposals that are for the transcript which holds now."""
    present = select(StandingRow.word_id).where(
        StandingRow.word_id == ProposalRow.word_id, same_text(ProposalRow.text, StandingRow.text)
    )
    return ProposalRow.round_id == round_id, present.exists()


def same_text(one: Column, other: Column) -> ColumnElement[bool]:
    """Whether two columns hold the same transcript; NULL is the imported one."""
    # As text: the two are compared as they were written, and JSON has no equality on every database.
    return func.coalesce(cast(one, Text), "") == func.coalesce(cast(other, Text), "")


def _among(word_ids: Sequence[int]) -> ColumnElement[bool]:
    return ProposalRow.word_id.in_(word_ids)


def _bytes(values: NDArray[np.float32]) -> bytes:
    return np.ascontiguousarray(values, "<f4").tobytes()
