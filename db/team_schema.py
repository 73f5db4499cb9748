"""The tables of people and their share of the work; see `db.schema` for the others.

person, session          who works here
lease                    which word is in whose hands
check_word               what their work is compared with
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.schema import Base, Json, Sha, UtcDateTime


class PersonRow(Base):
    """Someone who logs in. People are never removed: what they said keeps their name."""

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(16))  # owner, annotator, reader
    password: Mapped[str] = mapped_column(Text)  # a salted hash with its parameters
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SessionRow(Base):
    """Somebody's login; the cookie holds the token, this only its sha256."""

    __tablename__ = "session"

    token_sha: Mapped[Sha] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LeaseRow(Base):
    """A word in somebody's hands until it expires. `id` grows: it is the fencing token."""

    __tablename__ = "lease"
    __table_args__ = (Index("ix_lease_word_id_purpose", "word_id", "purpose"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    word_id: Mapped[int] = mapped_column(ForeignKey("word.id"))
    purpose: Mapped[str] = mapped_column(String(16))  # main, second, check, audit
    holder: Mapped[str] = mapped_column(Text, index=True)
    taken_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class CheckWordRow(Base):
    """A word whose boxes are known, given to people among the others to see how exact they are."""

    __tablename__ = "check_word"

    word_id: Mapped[int] = mapped_column(ForeignKey("word.id"), primary_key=True)
    boxes: Mapped[list[list[float] | None]] = mapped_column(Json)  # one per character
    author: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
