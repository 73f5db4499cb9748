"""The tables. `migrations/` makes them; a test holds the two together.

word, image, reference   what was imported
round, proposal          what the machine said, round by round
suspicion, oddity        what is unusual about its transcripts and its characters
correction               what people said, append-only
opinion, verdict         what they said beside that, append-only: it teaches nothing
standing, character_turn where each word stands now, worked out from the others so that a queue is one index scan
word_tag, setting        how people sort words, and what holds for the whole project; tagging: who did, append-only
audit, audit_word        random samples of words to judge the whole by

Who works here, and on what, stands in `db.team_schema`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf
from typing import Annotated, Any

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, Index, LargeBinary, MetaData, String, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.sql import text

HEAD = "0004"
"""The newest revision in `migrations/versions`: what a project's database has to be at."""

AWAITING, SKIPPED, DECIDED = 0, 1, 2
"""`standing.place`: words wait for a person, were put off, or have boxes or a flag in force."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in, aware UTC datetimes out, also where the database keeps no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a time zone: {value}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


# JSON null in a NULL column is a state nobody means.
Json = JSON(none_as_null=True)
Sha = Annotated[str, mapped_column(String(64))]
Text_ = Annotated[list[str] | None, mapped_column(Json)]


class Base(DeclarativeBase):
    """Constraints are named so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class ImageRow(Base):
    """An image file, once, however many words it carries."""

    __tablename__ = "image"

    id: Mapped[int] = mapped_column(primary_key=True)
    sha: Mapped[Sha] = mapped_column(unique=True)
    media_type: Mapped[str] = mapped_column(String(64))
    width: Mapped[int]
    height: Mapped[int]
    # Last: reading the columns before it does not touch the pages it fills.
    data: Mapped[bytes] = mapped_column(LargeBinary)


class WordRow(Base):
    __tablename__ = "word"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[Sha] = mapped_column(unique=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"))
    name: Mapped[str] = mapped_column(Text)
    # What the item carried under these names, to filter by.
    page: Mapped[str | None] = mapped_column(Text, index=True)
    source: Mapped[str | None] = mapped_column(Text, index=True)
    # Grapheme clusters, as counted at import: boxes and corrections belong to these, whatever Unicode says later.
    characters: Mapped[list[str]] = mapped_column(Json)
    length: Mapped[int]
    meta: Mapped[dict[str, Any]] = mapped_column(Json)


class ReferenceRow(Base):
    """True boxes, for scoring. A table of its own, so that nothing which learns reads it by accident."""

    __tablename__ = "reference"

    word_id: Mapped[int] = mapped_column(ForeignKey("word.id"), primary_key=True)
    boxes: Mapped[list[list[float] | None]] = mapped_column(Json)
    approx: Mapped[list[int]] = mapped_column(Json)


class RoundRow(Base):
    __tablename__ = "round"
    __table_args__ = (
        # One round runs at a time, and each number is finished once: the database holds to it, whoever writes.
        Index(
            "uq_round_running",
            "state",
            unique=True,
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
        Index(
            "uq_round_finished",
            "number",
            unique=True,
            sqlite_where=text("state = 'finished'"),
            postgresql_where=text("state = 'finished'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
    method: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("round.id"))
    settings: Mapped[dict[str, Any]] = mapped_column(Json)
    corrections_upto: Mapped[int]
    phase: Mapped[str] = mapped_column(String(64), default="")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    message: Mapped[str] = mapped_column(Text, default="")
    pid: Mapped[int]
    host: Mapped[str] = mapped_column(String(255))
    attempt: Mapped[int] = mapped_column(default=1)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[datetime] = mapped_column(UtcDateTime)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    pause_requested: Mapped[bool] = mapped_column(default=False)
    checkpoint: Mapped[str | None] = mapped_column(Text)
    words: Mapped[int] = mapped_column(default=0)
    seconds: Mapped[float | None]
    words_per_s: Mapped[float | None]
    log_likelihood: Mapped[float | None]
    moved: Mapped[int | None]
    learned: Mapped[dict[str, float]] = mapped_column(Json, default=dict)
    prequential_words: Mapped[int | None]
    prequential_chars: Mapped[int | None]
    prequential_centre_h: Mapped[float | None]
    prequential_wrong: Mapped[int | None]
    heldback_words: Mapped[int | None]
    heldback_chars: Mapped[int | None]
    heldback_centre_h: Mapped[float | None]
    heldback_wrong: Mapped[int | None]
    heldback_share: Mapped[float | None]


class ProposalRow(Base):
    """Where a round says the characters of a word are."""

    __tablename__ = "proposal"

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    word_id: Mapped[int] = mapped_column(ForeignKey("word.id"), primary_key=True)
    method: Mapped[str] = mapped_column(String(64))
    score: Mapped[float | None]  # NULL where it is not a number
    uncertainty: Mapped[float]
    boxes: Mapped[bytes] = mapped_column(LargeBinary)  # little-endian float32 (L, 4)
    confidence: Mapped[bytes] = mapped_column(LargeBinary)  # little-endian float32 (L,)
    # The same; NULL where there was no other method's proposal to compare with.
    disagreement: Mapped[bytes | None] = mapped_column(LargeBinary)
    # As boxes: what the round would have proposed without what people had said; NULL where they had said nothing.
    unaided: Mapped[bytes | None] = mapped_column(LargeBinary)
    # The characters it is for, where a person had changed the transcript by then; NULL: as imported.
    text: Mapped[Text_]


class CorrectionRow(Base):
    """What a person said. Triggers refuse to change or remove a row."""

    __tablename__ = "correction"
    __table_args__ = (
        Index("ix_correction_word_id_id", "word_id", "id"),
        Index("ix_correction_flag", "id", sqlite_where=text("kind = 'flag'"), postgresql_where=text("kind = 'flag'")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    word_id: Mapped[int] = mapped_column(ForeignKey("word.id"))
    uuid: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    characters: Mapped[list[list[Any]]] = mapped_column(Json)  # [state, box or null] per character
    # The transcript's characters as the person says they are; NULL: as imported.
    text: Mapped[Text_]
    reason: Mapped[str] = mapped_column(Text)
    round_id: Mapped[int | None] = mapped_column(ForeignKey("round.id"))
    base_id: Mapped[int | None] = mapped_column(ForeignKey("correction.id"))
    author: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class StandingRow(Base):
    """One row per word: the correction in force, and when it is its turn to be looked at."""

    __tablename__ = "standing"
    __table_args__ = (
        Index("ix_standing_queue", "place", "turn", "word_id"),
        *(Index(f"ix_standing_{each}", "place", each, "word_id") for each in ("apart", "both", "diverse")),
    )

    word_id: Mapped[int] = mapped_column(ForeignKey("word.id"), primary_key=True)
    place: Mapped[int] = mapped_column(default=AWAITING)
    # Ascending: minus the uncertainty of the round people see; infinity where that one proposed nothing.
    turn: Mapped[float] = mapped_column(default=inf)
    correction_id: Mapped[int | None] = mapped_column(ForeignKey("correction.id"))  # in force; never of kind "clear"
    accepted: Mapped[int] = mapped_column(default=0)
    pinned: Mapped[int] = mapped_column(default=0)
    # The characters of the transcript where the correction in force changes it; NULL: as imported.
    text: Mapped[Text_]
    # As `turn`, in queues whose order takes work; NULL in "apart" where no other method has seen the word.
    apart: Mapped[float | None]
    both: Mapped[float] = mapped_column(default=inf)
    diverse: Mapped[float] = mapped_column(default=inf)
    # The transcript in force and the word's name, folded, for finding words (`db.asked.folded`).
    search: Mapped[str] = mapped_column(Text, default="")


class CharacterTurnRow(Base):
    """When it is a word's turn in the queue of each of its characters; rows of the round people see."""

    __tablename__ = "character_turn"
    __table_args__ = ({"sqlite_with_rowid": False},)

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    character: Mapped[str] = mapped_column(Text, primary_key=True)
    turn: Mapped[float] = mapped_column(primary_key=True)  # ascending: the least confidence in it
    word_id: Mapped[int] = mapped_column(ForeignKey("word.id"), primary_key=True)


class SuspicionRow(Base):
    """How suspicious a word's transcript looked after a round."""

    __tablename__ = "suspicion"
    __table_args__ = (Index("ix_suspicion_round_id_score", "round_id", "score"),)

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    word_id: Mapped[int] = mapped_column(ForeignKey("word.id"), primary_key=True)
    score: Mapped[float]
    reason: Mapped[str] = mapped_column(String(32))
    suggestion: Mapped[str | None] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(Json)


class OddityRow(Base):
    """How unusual each character's crop looked among its likes after a round."""

    __tablename__ = "oddity"

    round_id: Mapped[int] = mapped_column(ForeignKey("round.id"), primary_key=True)
    word_id: Mapped[int] = mapped_column(ForeignKey("word.id"), primary_key=True)
    values: Mapped[bytes] = mapped_column(LargeBinary)  # little-endian float32 (L,)


class OpinionRow(Base):
    """What a person said of a word that somebody else decides about. Triggers refuse to change or remove a row."""

    __tablename__ = "opinion"
    __table_args__ = (Index("ix_opinion_purpose_word_id", "purpose", "word_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(String(64), unique=True)
    word_id: Mapped[int] = mapped_column(ForeignKey("word.id"))
    purpose: Mapped[str] = mapped_column(String(16))  # second, check, audit
    audit_id: Mapped[int | None] = mapped_column(ForeignKey("audit.id"))
    kind: Mapped[str] = mapped_column(String(16))
    characters: Mapped[list[list[Any]]] = mapped_column(Json)
    text: Mapped[Text_]
    reason: Mapped[str] = mapped_column(Text)
    round_id: Mapped[int | None] = mapped_column(ForeignKey("round.id"))
    author: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class VerdictRow(Base):
    """What a person said of a transcript or of one character's crop. Triggers refuse to change or remove a row."""

    __tablename__ = "verdict"
    __table_args__ = (Index("ix_verdict_subject_word_id", "subject", "word_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    word_id: Mapped[int] = mapped_column(ForeignKey("word.id"))
    subject: Mapped[str] = mapped_column(String(16))  # transcript, glyph
    position: Mapped[int | None]  # which character
    value: Mapped[str] = mapped_column(String(16))  # right, wrong
    author: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TagRow(Base):
    """A tag that a word has now."""

    __tablename__ = "word_tag"

    word_id: Mapped[int] = mapped_column(ForeignKey("word.id"), primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True, index=True)
    author: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TaggingRow(Base):
    """That a person gave a word a tag, or took it off. Triggers refuse to change or remove a row."""

    __tablename__ = "tagging"

    id: Mapped[int] = mapped_column(primary_key=True)
    word_id: Mapped[int] = mapped_column(ForeignKey("word.id"), index=True)
    name: Mapped[str] = mapped_column(Text)
    given: Mapped[bool]
    author: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SettingRow(Base):
    """What holds for the whole project, by name."""

    __tablename__ = "setting"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[Any] = mapped_column(Json)


class AuditRow(Base):
    """A uniform random sample of the words, drawn once."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    seed: Mapped[int]
    population: Mapped[int]  # how many words there were: the first so many, in the order of import
    note: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AuditWordRow(Base):
    __tablename__ = "audit_word"

    audit_id: Mapped[int] = mapped_column(ForeignKey("audit.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    word_id: Mapped[int] = mapped_column(ForeignKey("word.id"), index=True)
