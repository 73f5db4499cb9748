"""How suspicious words' transcripts look after a round, and what people said to that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from sqlalchemy import Select, delete, func, insert, or_, select

from db.checks import CHUNK, storable_json, storable_text
from db.engine import Database
from db.proposals import check_round, same_text
from db.records import RecordError, UnknownItem
from db.schema import CorrectionRow, Json, StandingRow, SuspicionRow, VerdictRow, WordRow

TRANSCRIPT = "transcript"
"""`verdict.subject` of what is said here."""
TranscriptVerdict = Literal["right", "open"]
"""A person said that the transcript is right; or took that back."""


@dataclass(frozen=True, slots=True)
class StoredSuspicion:
    """A word's suspicion, as a round's reading found it.

    Args:
        word_id: which word.
        score: 0..1, most suspicious is 1.
        reason: what contributes most, by name.
        text: the transcript that was judged, characters in reading order.
        weights: every reason that was found, by name, with what it would score alone.
        suggestion: what the picture more likely says; None where nothing better is known.
        gain: nats by which the suggestion is better.
        other: id of another word that the reason speaks of.
    """

    word_id: int
    score: float
    reason: str
    text: tuple[str, ...]
    weights: Mapping[str, float]
    suggestion: tuple[str, ...] | None = None
    gain: float = 0.0
    other: int | None = None


class Suspicions(Database):
    """The part of the store that holds what looks wrong, and what people said to that."""

    def save_suspicions(self, round_id: int, found: Sequence[StoredSuspicion]) -> None:
        """Keep what was found after a round in place of what was found after it before, in one transaction.

        Raises:
            UnknownItem: there is no such round, or word.
            RecordError: a score is not in 0..1.
        """
        rows = [_row(round_id, each) for each in found]
        with self.write() as connection:
            check_round(connection, round_id)
            known = set(connection.execute(select(WordRow.id)).scalars())
            strange = [each.word_id for each in found if each.word_id not in known]
            if strange:
                raise UnknownItem(f"The project has no word {strange[0]}.")
            connection.execute(delete(SuspicionRow).where(SuspicionRow.round_id == round_id))
            for start in range(0, len(rows), CHUNK):
                connection.execute(insert(SuspicionRow), rows[start : start + CHUNK])

    def suspicious_round(self) -> int | None:
        """Id of the newest round after which words were judged; None if none were."""
        with self.read() as connection:
            return connection.execute(select(func.max(SuspicionRow.round_id))).scalar()

    def has_suspicions(self, round_id: int) -> bool:
        """Whether words were judged after this round."""
        query = select(SuspicionRow.word_id).where(SuspicionRow.round_id == round_id).limit(1)
        with self.read() as connection:
            return connection.execute(query).first() is not None

    def suspicions(self, round_id: int, least: float = 0.0) -> list[StoredSuspicion]:
        """What still looks wrong after a round, worst first.

        Left out: words whose transcript was said to be right or was changed since, and flagged words.

        Args:
            round_id: the round after which words were judged.
            least: only from this score on.
        """
        flagged = StandingRow.correction_id.in_(select(CorrectionRow.id).where(CorrectionRow.kind == "flag"))
        query = (
            select(
                SuspicionRow.word_id, SuspicionRow.score, SuspicionRow.reason, SuspicionRow.details,
                func.coalesce(StandingRow.text, WordRow.characters, type_=Json),
            )
            .join(WordRow, WordRow.id == SuspicionRow.word_id)
            .join(StandingRow, StandingRow.word_id == SuspicionRow.word_id)
            .where(SuspicionRow.round_id == round_id, SuspicionRow.score >= least)
            .where(or_(StandingRow.correction_id.is_(None), ~flagged), SuspicionRow.word_id.not_in(_said_right()))
            .order_by(SuspicionRow.score.desc(), SuspicionRow.word_id)
        )  # fmt: skip
        with self.read() as connection:
            rows = connection.execute(query).all()
        return [_stored(*each) for *each, text in rows if each[-1]["text"] == text]

    def judged_right(self, word_ids: Sequence[int] | None = None) -> set[int]:
        """The words whose transcript somebody said is right, and that have no other now."""
        with self.read() as connection:
            found = set(connection.execute(_said_right()).scalars())
        return found if word_ids is None else found & set(word_ids)

    def judge_transcript(self, word_id: int, value: TranscriptVerdict, author: str = "") -> None:
        """Keep that a person said a word's transcript is right, or took that back. Only ever added.

        To say what holds already adds nothing.

        Raises:
            UnknownItem: the project has no such word.
            RecordError: there is no such verdict.
        """
        if value not in get_args(TranscriptVerdict):
            raise RecordError(f"A transcript is said to be {' | '.join(get_args(TranscriptVerdict))}, not '{value}'.")
        with self.write() as connection:
            if connection.execute(select(WordRow.id).where(WordRow.id == word_id)).first() is None:
                raise UnknownItem(f"The project has no word {word_id}.")
            is_right = connection.execute(_said_right().where(VerdictRow.word_id == word_id)).first() is not None
            if is_right == (value == "right"):
                return
            values = {
                "word_id": word_id, "subject": TRANSCRIPT, "position": None, "value": value,
                "author": storable_text(author, "The author"), "created_at": datetime.now(UTC),
            }  # fmt: skip
            connection.execute(insert(VerdictRow).values(values))


def _said_right() -> Select[Any]:
    """The words whose newest verdict on the transcript is "right", and that have the transcript it was said of."""
    newest = select(func.max(VerdictRow.id)).where(VerdictRow.subject == TRANSCRIPT).group_by(VerdictRow.word_id)
    then = (
        select(CorrectionRow.text)
        .where(CorrectionRow.word_id == VerdictRow.word_id, CorrectionRow.created_at <= VerdictRow.created_at)
        .order_by(CorrectionRow.id.desc())
        .limit(1)
        .correlate(VerdictRow)
        .scalar_subquery()
    )
    query = select(VerdictRow.word_id).join(StandingRow, StandingRow.word_id == VerdictRow.word_id)
    return query.where(VerdictRow.id.in_(newest), VerdictRow.value == "right", same_text(then, StandingRow.text))


def _row(round_id: int, each: StoredSuspicion) -> dict[str, Any]:
    if not 0.0 <= each.score <= 1.0:
        raise RecordError(f"Word {each.word_id} has the suspicion {each.score}; it must be in 0..1.")
    suggestion = None if each.suggestion is None else list(each.suggestion)
    details = {
        "text": list(each.text),
        "weights": dict(each.weights),
        "suggestion": suggestion,
        "gain": each.gain,
        "other": each.other,
    }
    return {
        "round_id": round_id,
        "word_id": each.word_id,
        "score": float(each.score),
        "reason": storable_text(each.reason, "The reason"),
        "suggestion": None if suggestion is None else storable_text("".join(suggestion), "The suggestion"),
        "details": storable_json(details, f"The suspicion of word {each.word_id}"),
    }


def _stored(word_id: int, score: float, reason: str, details: Mapping[str, Any]) -> StoredSuspicion:
    suggestion = details["suggestion"]
    return StoredSuspicion(
        word_id=word_id,
        score=score,
        reason=reason,
        text=tuple(details["text"]),
        weights=details["weights"],
        suggestion=None if suggestion is None else tuple(suggestion),
        gain=details["gain"],
        other=details["other"],
    )
