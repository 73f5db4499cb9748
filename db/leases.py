"""Words in people's hands: nobody is handed a word that another is working on.

A lease ends when its word is decided about or given back, and runs out by itself otherwise. It protects people's time,
not the data: what is said about a word is checked against what holds, whoever says it (`Corrections.save_correction`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, exists, func, insert, or_, select, update

from db.checks import chunks
from db.engine import Database
from db.schema import DECIDED, CorrectionRow, OpinionRow, StandingRow
from db.team_records import Lease, LeasePurpose
from db.team_schema import LeaseRow

MOST_HELD = 8
"""Words that one person holds at a time: what a page fetches ahead, and no more."""
LEASE_MINUTES = 10.0
BLIND: tuple[LeasePurpose, ...] = ("second", "check")
"""What a word is handed out for as if nobody had said anything of it."""
QUEUED: tuple[LeasePurpose, ...] = ("main", *BLIND)
"""What a queue hands words out for; an audit is apart from that."""
PURPOSES: tuple[LeasePurpose, ...] = (*QUEUED, "audit")
MOST_AUDITED = 16
"""Words of an audit that one person holds at a time, besides `MOST_HELD`: pages fetch eight, and the next before these
are done."""

_LEASE = LeaseRow.__table__


class Leases(Database):
    """The part of the store that knows which word is in whose hands."""

    def claim(
        self,
        holder: str,
        candidates: Sequence[int],
        limit: int,
        *,
        purpose: LeasePurpose = "main",
        undecided: bool = False,
        minutes: float = LEASE_MINUTES,
        most: int | None = None,
    ) -> list[Lease]:
        """Take words into a person's hands: the first of the candidates that are free.

        Those among the candidates that the person holds already come first, renewed: their page has lost them. Words
        for checks are everybody's at once. All in one transaction that holds the write lock from its start, so that
        no word is handed out twice.

        Args:
            holder: name of the person.
            candidates: word ids, the most wanted first.
            limit: how many at most.
            purpose: what for.
            undecided: leave out what has been decided about since the candidates were chosen.
            minutes: until when, from now.
            most: how many the person may hold in all; None for `MOST_HELD`, and `MOST_AUDITED` of an audit.

        Returns:
            The leases, the words they were handed before first, then in the order of the candidates.
        """
        if limit < 1 or not candidates:
            return []  # without waiting for the lock
        now = _now()
        until = now + timedelta(minutes=minutes)
        with self.write() as connection:
            live = _live(connection, now)
            mine = {each.word_id: each for each in live if each.holder == holder and each.purpose == purpose}
            again = [mine[word_id] for word_id in candidates if word_id in mine][: max(limit, 0)]
            _extend(connection, [each.id for each in again], until)
            alike, usual = (("audit",), MOST_AUDITED) if purpose == "audit" else (QUEUED, MOST_HELD)
            held = sum(each.holder == holder and each.purpose in alike for each in live)
            room = min(limit - len(again), (usual if most is None else most) - held)
            if undecided:
                candidates = _undecided(connection, candidates)
            taken = {each.word_id for each in live if each.purpose == purpose and purpose != "check"} | mine.keys()
            free = [word_id for word_id in dict.fromkeys(candidates) if word_id not in taken][: max(room, 0)]
            values = {"purpose": purpose, "holder": holder, "taken_at": now, "expires_at": until}
            if free:
                connection.execute(insert(LeaseRow), [values | {"word_id": word_id} for word_id in free])
            ids = [each.id for each in again]
            return [*_by_ids(connection, ids), *_newest_of(connection, holder, purpose, free)]

    def held_by_others(self, holder: str, purpose: LeasePurpose = "main") -> set[int]:
        """The words that are in other people's hands now."""
        with self.read() as connection:
            return {
                each.word_id for each in _live(connection, _now()) if each.holder != holder and each.purpose == purpose
            }

    def holding(self, holder: str) -> list[Lease]:
        """What a person holds now, oldest first."""
        with self.read() as connection:
            return [each for each in _live(connection, _now()) if each.holder == holder]

    def lease(self, lease_id: int) -> Lease | None:
        """One lease, live or not."""
        with self.read() as connection:
            return next(iter(_by_ids(connection, [lease_id])), None)

    def unsettled(self, holder: str, word_id: int) -> Lease | None:
        """The newest lease under which a person is to decide about a word, unless it was ended; it may have run out."""
        mine = LeaseRow.word_id == word_id, LeaseRow.holder == holder, LeaseRow.purpose == "main"
        with self.read() as connection:
            row = (
                connection.execute(select(_LEASE).where(*mine).order_by(LeaseRow.id.desc()).limit(1)).mappings().first()
            )
        return None if row is None or row["ended_at"] is not None else Lease(**row)

    def blind_to(self, holder: str) -> dict[int, Lease]:
        """The words that a person was handed to read as if nobody had said anything of them, and has not answered.

        That the lease has run out, or was given back, changes nothing: they may be handed the word again.

        Returns:
            By word id, the newest of these leases.
        """
        if not holder:
            return {}  # nobody logs in, and nothing is shared
        mine = LeaseRow.holder == holder, LeaseRow.purpose.in_(BLIND), ~_answered()
        with self.read() as connection:
            rows = connection.execute(select(_LEASE).where(*mine).order_by(LeaseRow.id)).mappings()
            return {row["word_id"]: Lease(**row) for row in rows}

    def renew(self, holder: str, word_ids: Collection[int], minutes: float = LEASE_MINUTES) -> list[int]:
        """Hold words longer; also those whose lease has run out, if nobody else has taken them since.

        Returns:
            The words that the person holds now, of those asked for.
        """
        now = _now()
        renewed: dict[int, int] = {}
        with self.write() as connection:
            for chunk in chunks(list(word_ids)):
                newest = select(func.max(LeaseRow.id)).where(LeaseRow.word_id.in_(chunk), LeaseRow.purpose != "check")
                last = select(_LEASE).where(LeaseRow.id.in_(newest.group_by(LeaseRow.word_id, LeaseRow.purpose)))
                checks = select(_LEASE).where(
                    LeaseRow.word_id.in_(chunk), LeaseRow.purpose == "check", LeaseRow.holder == holder
                )
                for row in [*connection.execute(last).mappings(), *connection.execute(checks).mappings()]:
                    if row["holder"] == holder and row["ended_at"] is None:
                        renewed[row["id"]] = row["word_id"]
            _extend(connection, list(renewed), now + timedelta(minutes=minutes))
        return sorted(set(renewed.values()))

    def release(
        self, holder: str, word_ids: Collection[int] | None = None, purposes: Sequence[LeasePurpose] = PURPOSES
    ) -> None:
        """Give words back, or all that the person holds for these purposes."""
        if word_ids is not None and not word_ids:
            return
        mine = [LeaseRow.holder == holder, LeaseRow.ended_at.is_(None), LeaseRow.purpose.in_(purposes)]
        with self.write() as connection:
            for chunk in [None] if word_ids is None else chunks(list(word_ids)):
                some = mine if chunk is None else [*mine, LeaseRow.word_id.in_(chunk)]
                connection.execute(update(LeaseRow).where(*some).values(ended_at=_now()))


def end_leases(connection: Connection, word_id: int, holder: str, *purposes: LeasePurpose) -> None:
    """A person has said what they were handed a word for: it leaves their hands."""
    mine = LeaseRow.word_id == word_id, LeaseRow.holder == holder, LeaseRow.purpose.in_(purposes)
    connection.execute(update(LeaseRow).where(*mine, LeaseRow.ended_at.is_(None)).values(ended_at=_now()))


def _answered() -> ColumnElement[bool]:
    """Whether the holder of a lease has said since what it is for, and has not taken that back."""
    mine = OpinionRow.word_id == LeaseRow.word_id, OpinionRow.author == LeaseRow.holder
    newest = select(func.max(OpinionRow.id)).where(*mine, OpinionRow.purpose == LeaseRow.purpose)
    newest = newest.where(OpinionRow.created_at >= LeaseRow.taken_at).correlate(LeaseRow)
    said = exists().where(OpinionRow.id == newest.scalar_subquery(), OpinionRow.kind != "clear")
    decided = exists().where(
        CorrectionRow.word_id == LeaseRow.word_id,
        CorrectionRow.author == LeaseRow.holder,
        CorrectionRow.created_at >= LeaseRow.taken_at,
    )
    return or_(said, decided)


def overtaken(connection: Connection, word_id: int, holder: str, lease_id: int) -> bool:
    """Whether somebody else took a word over after this lease, and said something about it."""
    said = exists().where(
        CorrectionRow.word_id == word_id,
        CorrectionRow.author == LeaseRow.holder,
        CorrectionRow.created_at >= LeaseRow.taken_at,
    )
    later = select(LeaseRow.id).where(
        LeaseRow.word_id == word_id, LeaseRow.purpose == "main", LeaseRow.id > lease_id, LeaseRow.holder != holder, said
    )
    return connection.execute(later.limit(1)).first() is not None


def _live(connection: Connection, now: datetime) -> list[Lease]:
    query = select(_LEASE).where(LeaseRow.ended_at.is_(None), LeaseRow.expires_at > now).order_by(LeaseRow.id)
    return [Lease(**row) for row in connection.execute(query).mappings()]


def _undecided(connection: Connection, word_ids: Sequence[int]) -> list[int]:
    decided: set[int] = set()
    for chunk in chunks(word_ids):
        query = select(StandingRow.word_id).where(StandingRow.word_id.in_(chunk), StandingRow.place == DECIDED)
        decided.update(connection.execute(query).scalars())
    return [word_id for word_id in word_ids if word_id not in decided]


def _by_ids(connection: Connection, ids: Sequence[int]) -> list[Lease]:
    found = {
        row["id"]: Lease(**row) for row in connection.execute(select(_LEASE).where(LeaseRow.id.in_(ids))).mappings()
    }
    return [found[id] for id in ids if id in found]


def _newest_of(connection: Connection, holder: str, purpose: str, word_ids: Sequence[int]) -> list[Lease]:
    mine = LeaseRow.holder == holder, LeaseRow.purpose == purpose, LeaseRow.word_id.in_(word_ids)
    query = select(_LEASE).where(*mine).order_by(LeaseRow.id)
    found = {row["word_id"]: Lease(**row) for row in connection.execute(query).mappings()}
    return [found[word_id] for word_id in word_ids]


def _extend(connection: Connection, ids: Sequence[int], until: datetime) -> None:
    if ids:
        connection.execute(update(LeaseRow).where(LeaseRow.id.in_(ids)).values(expires_at=until))


def _now() -> datetime:
    return datetime.now(UTC)
