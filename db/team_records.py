"""What the store takes and gives about people and their share of the work; see `db.records` for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from charloc.types import Box
from db.records import CharacterMark, Correction, CorrectionKind

Role = Literal["reader", "annotator", "owner"]
"""Each may what the ones before it may: look; correct; train, review and manage."""

LeasePurpose = Literal["main", "second", "check", "audit"]
OpinionPurpose = Literal["second", "check", "audit"]


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who logs in.

    Args:
        id: the project's number for them.
        name: what they log in with, and what their corrections carry.
        role: what they may do.
        created_at: aware, UTC.
        disabled_at: since when they may no longer log in; None if they may.
    """

    id: int
    name: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """A word in somebody's hands.

    Args:
        id: grows with every lease of the project: the fencing token.
        word_id: the word.
        purpose: "main": to decide about it; "second": the same, beside what somebody decided; "check": its boxes are
            known, the holder's are compared with them; "audit": it is in a random sample.
        holder: name of the person.
        taken_at, expires_at: aware, UTC.
        ended_at: when it was decided about or given back; None while it is held (or has run out).
    """

    id: int
    word_id: int
    purpose: LeasePurpose
    holder: str
    taken_at: datetime
    expires_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewOpinion:
    """What a person says of a word beside what is in force: it is compared, and teaches nothing.

    Fields as in `db.records.NewCorrection`.

    Args:
        purpose: "second": a second person's reading; "check": of a word whose boxes are known; "audit": of a random
            sample.
        audit_id: the audit it is part of; for "audit" only.
    """

    word_id: int
    uuid: str
    purpose: OpinionPurpose
    kind: CorrectionKind
    characters: tuple[CharacterMark, ...] = ()
    reason: str = ""
    round_id: int | None = None
    author: str = ""
    text: tuple[str, ...] | None = None
    audit_id: int | None = None


@dataclass(frozen=True, slots=True)
class Opinion:
    """A `NewOpinion` as it is kept: never changed, never removed; the newest of a person about a word counts."""

    id: int
    word_id: int
    uuid: str
    purpose: OpinionPurpose
    kind: CorrectionKind
    characters: tuple[CharacterMark, ...]
    reason: str
    round_id: int | None
    author: str
    created_at: datetime
    text: tuple[str, ...] | None
    audit_id: int | None


@dataclass(frozen=True, slots=True)
class CheckWord:
    """A word whose boxes are known.

    Args:
        word_id: the word.
        boxes: one per character of its transcript; None where nothing is known or to be seen.
        author: who put it among the check words.
        created_at: aware, UTC.
    """

    word_id: int
    boxes: tuple[Box | None, ...]
    author: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Pair:
    """A word that two people decided about, neither knowing what the other said."""

    first: Correction
    second: Opinion


@dataclass(frozen=True, slots=True)
class Revert:
    """What taking back everything that one person decided would do.

    Args:
        author: the person.
        words: words whose decision in force is theirs, and would be replaced.
        boxes, flags: of these, how many have boxes, and how many are flagged.
        restored: how many would get back what somebody else had said before; the others would be open again.
        kept: words that they decided about, but somebody else after them: these stay as they are.
        upto: the highest correction id when this was counted.
    """

    author: str
    words: int
    boxes: int
    flags: int
    restored: int
    kept: int
    upto: int
