"""Rounds of EM: begun, heard of, finished whole or ended."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, RowMapping, case, delete, func, insert, select, update

from charloc.types import Localization
from db.checks import storable_json, storable_text
from db.engine import Database
from db.liveness import HOST, is_live
from db.proposals import order_queue, proposal_rows
from db.records import (
    EndState,
    Prequential,
    RecordError,
    Round,
    RoundBusy,
    RoundLost,
    RoundState,
    RoundStats,
    StoreError,
    UnknownItem,
    Wish,
)
from db.schema import CorrectionRow, ProposalRow, RoundRow, SettingRow

_ROUND = RoundRow.__table__
_GONE_BACK_TO = "gone_back_to"
"""The setting that holds the id of the round people see, where that is not the newest."""


class Rounds(Database):
    """The part of the store that holds what the machine did.

    At most one round runs at a time. A round that runs has one worker; whoever takes it over from a dead one shuts
    that one out: this store remembers which attempt is its own, and is refused when that is no longer the latest.
    """

    def __init__(self, path: Path, engine: Engine) -> None:
        super().__init__(path, engine)
        self._attempts: dict[int, int] = {}

    def begin_round(self, method: str, *, parent_id: int | None, settings: Mapping[str, object], pid: int) -> Round:
        """Begin the next round, on the corrections made so far.

        An attempt at it that was interrupted is cancelled: to go on with that one, `adopt_round`.

        Args:
            method: name of the method.
            parent_id: the finished round it starts from; None for the first.
            settings: for the method; plain JSON.
            pid: of the process, on this machine, that will work on it.

        Raises:
            RoundBusy: another round is being worked on.
            StoreError: there is no round `parent_id`, or it is not finished.
        """
        now = _now()
        values = {
            "method": storable_text(method, "The method's name"),
            "state": "running",
            "parent_id": parent_id,
            "settings": storable_json(settings, "The settings of the round"),
            "pid": pid,
            "host": HOST,
            "started_at": now,
            "heartbeat_at": now,
        }
        with self.write() as connection:
            if parent_id is not None and (parent := _get(connection, parent_id)).state != "finished":
                raise StoreError(f"Round {parent.number} is {parent.state}; only a finished one can be a parent.")
            _refuse_if_busy(connection)
            _give_up(connection, "given up for a new attempt")
            newest = connection.execute(select(func.max(RoundRow.number)).where(RoundRow.state == "finished")).scalar()
            upto = connection.execute(select(func.max(CorrectionRow.id))).scalar()
            values |= {"number": 0 if newest is None else newest + 1, "corrections_upto": upto or 0}
            round_id = connection.execute(insert(RoundRow).values(values).returning(RoundRow.id)).scalar_one()
            begun = _get(connection, round_id)
        self._attempts[round_id] = begun.attempt
        return begun

    def adopt_round(self, round_id: int, pid: int) -> Round:
        """Take over a round whose worker is gone, to go on with it; it keeps its frozen corrections.

        Args:
            round_id: an interrupted round of the number that is next.
            pid: of the process, on this machine, that will work on it.

        Raises:
            RoundBusy: its worker, or that of another round, is alive.
            StoreError: it has ended otherwise, or a later round has been finished.
        """
        with self.write() as connection:
            found = _get(connection, round_id)
            _refuse_if_busy(connection)
            if found.state != "interrupted":
                raise StoreError(
                    f"Round {found.number} is {found.state}; only an interrupted round can be gone on with."
                )
            newest = _newest(connection)
            if newest is not None and newest.number >= found.number:
                raise StoreError(f"Round {newest.number} has been finished meanwhile. Begin a new round.")
            # Another one that is stored as running has lost its worker, too: it gives up its place.
            connection.execute(update(RoundRow).where(RoundRow.state == "running").values(_ended("interrupted")))
            connection.execute(
                update(RoundRow)
                .where(RoundRow.id == round_id)
                .values(
                    state="running",
                    pid=pid,
                    host=HOST,
                    attempt=RoundRow.attempt + 1,
                    heartbeat_at=_now(),
                    finished_at=None,
                    cancel_requested=False,
                    pause_requested=False,
                    message="",
                )
            )
            adopted = _get(connection, round_id)
        self._attempts[round_id] = adopted.attempt
        return adopted

    def progress(self, round_id: int, phase: str, done: int, total: int, message: str = "") -> Wish | None:
        """Say how far a round is, and that its worker is alive. A commit each: call it some times a second at most.

        Returns:
            What somebody wants of the round.

        Raises:
            RoundLost: it has ended or was taken over; stop working on it.
        """
        values = {"phase": phase, "done": done, "total": total, "message": message, "heartbeat_at": _now()}
        with self.write() as connection:
            self._own(connection, round_id)
            change = update(RoundRow).where(RoundRow.id == round_id).values(values)
            wishes = change.returning(RoundRow.cancel_requested, RoundRow.pause_requested)
            cancel, pause = connection.execute(wishes).one()
        return "cancel" if cancel else "pause" if pause else None

    def request_cancel(self, round_id: int) -> None:
        """Ask the worker of a round to stop; it learns of it with its next `progress`. Nothing if it has ended."""
        self._request(round_id, cancel_requested=True)

    def request_pause(self, round_id: int) -> None:
        """The same, but to end it so that it can be gone on with."""
        self._request(round_id, pause_requested=True)

    def _request(self, round_id: int, **wish: bool) -> None:
        with self.write() as connection:
            _get(connection, round_id)
            running = RoundRow.state == "running"
            connection.execute(update(RoundRow).where(RoundRow.id == round_id, running).values(wish))

    def finish_round(
        self,
        round_id: int,
        proposals: Sequence[tuple[int, Localization, float]],
        stats: RoundStats,
        checkpoint: str | None,
        disagreements: Mapping[int, NDArray[np.float32]] = MappingProxyType({}),
        unaided: Mapping[int, NDArray[np.float32]] = MappingProxyType({}),
    ) -> None:
        """Keep what a round proposes and mark it finished, in one transaction: readers see all of it or nothing.

        Args:
            round_id: a running round.
            proposals: (word id, localization, uncertainty); each word at most once. The most uncertain word is
                asked about first.
            stats: its numbers.
            checkpoint: name of its checkpoint, already on disk; None if nothing was learned.
            disagreements: by word id, how far other methods disagree with the proposal, float32 (L,) in 0..1, NaN
                for a character without a box; words of which nothing is known are left out.
            unaided: by word id, the boxes (L, 4) it would propose if people had not said what they said of the word.

        Raises:
            RoundLost: it has ended or was taken over; nothing was kept.
            RecordError: a proposal does not fit its word; nothing was kept.
        """
        # All that takes long is done before the lock is taken: people go on correcting meanwhile.
        with self.read() as connection:
            rows = proposal_rows(connection, round_id, proposals, disagreements, unaided)
        values = _ended("finished") | _stats_values(stats) | {"checkpoint": checkpoint, "message": ""}
        with self.write() as connection:
            self._own(connection, round_id)
            if rows:
                connection.execute(insert(ProposalRow), rows)
            connection.execute(update(RoundRow).where(RoundRow.id == round_id).values(values))
            connection.execute(delete(SettingRow).where(SettingRow.key == _GONE_BACK_TO))
            order_queue(connection, round_id)

    def go_back_to(self, round_id: int) -> Round:
        """Let people see another finished round, which the next one then starts from; nothing is removed.

        It stays so until a round is finished. An interrupted round, which started from another one, is given up.

        Raises:
            RoundBusy: a round is running: it would be seen as soon as it has finished.
            StoreError: the round is not finished, or is not there.
        """
        with self.write() as connection:
            found = _get(connection, round_id)
            if found.state != "finished":
                raise StoreError(f"Round {found.number} is {found.state}; only a finished one can be gone back to.")
            _refuse_if_busy(connection)
            if found != _seen(connection):
                _give_up(connection, f"given up: round {found.number} was gone back to")
                connection.execute(delete(SettingRow).where(SettingRow.key == _GONE_BACK_TO))
                if found != _newest(connection):
                    connection.execute(insert(SettingRow).values(key=_GONE_BACK_TO, value=found.id))
                order_queue(connection, round_id)
        return found

    def end_round(self, round_id: int, state: EndState, message: str) -> None:
        """End a round without a result: interrupted (to be gone on with), cancelled or failed.

        An interrupted round can still be cancelled or failed. To end it the same way twice is no error.

        Raises:
            StoreError: it is finished, or ended for good.
            RoundLost: another process took it over.
        """
        if state not in get_args(EndState):
            raise RecordError(f"A round ends as {' | '.join(get_args(EndState))}, not '{state}'.")
        with self.write() as connection:
            found = _get(connection, round_id)
            if found.state == state and found.finished_at is not None:
                return
            if found.state not in ("running", "interrupted"):
                raise StoreError(f"Round {found.number} is {found.state}; it cannot become {state}.")
            self._check_attempt(found)
            values = _ended(state) | {"message": storable_text(message, "The message")}
            connection.execute(update(RoundRow).where(RoundRow.id == round_id).values(values))

    def rounds(self) -> list[Round]:
        """Every round there was, in the order they were begun."""
        with self.read() as connection:
            return [_round(row) for row in connection.execute(select(_ROUND).order_by(RoundRow.id)).mappings()]

    def round(self, round_id: int) -> Round:
        """The round with this id.

        Raises:
            UnknownItem: there is none.
        """
        with self.read() as connection:
            return _get(connection, round_id)

    def seen_round(self) -> Round | None:
        """The round whose proposals people see: the last that finished, or was gone back to since."""
        with self.read() as connection:
            return _seen(connection)

    def unfinished_round(self) -> Round | None:
        """The round that is running, or else the one that was interrupted and can be gone on with."""
        unfinished = RoundRow.state.in_(["running", "interrupted"])
        running_first = case((RoundRow.state == "running", 0), else_=1)
        query = select(_ROUND).where(unfinished).order_by(running_first, RoundRow.id.desc()).limit(1)
        with self.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else _round(row)

    def _own(self, connection: Connection, round_id: int) -> None:
        """Refuse a worker whose round is over or no longer its own."""
        row = _row(connection, round_id)
        # As stored: a worker that was taken for dead, but was only slow, and was not replaced, may go on.
        if row["state"] != "running":
            raise RoundLost(f"Round {row['number']} is {row['state']}: this process must stop working on it.")
        self._check_attempt(_round(row))

    def _check_attempt(self, found: Round) -> None:
        if self._attempts.get(found.id, found.attempt) != found.attempt:
            raise RoundLost(f"Round {found.number} was taken over by process {found.pid} on {found.host}.")


def _row(connection: Connection, round_id: int) -> RowMapping:
    row = connection.execute(select(_ROUND).where(RoundRow.id == round_id)).mappings().first()
    if row is None:
        raise UnknownItem(f"The project has no round with id {round_id}.")
    return row


def _get(connection: Connection, round_id: int) -> Round:
    return _round(_row(connection, round_id))


def _refuse_if_busy(connection: Connection) -> None:
    row = connection.execute(select(_ROUND).where(RoundRow.state == "running")).mappings().first()
    running = None if row is None else _round(row)
    if running is not None and running.state == "running":
        raise RoundBusy(
            f"Round {running.number} ({running.method}) is being worked on by process {running.pid} on "
            f"{running.host}. Wait until it is finished, or cancel it.",
            running,
        )


def _give_up(connection: Connection, message: str) -> None:
    """Cancel what was interrupted; what is stored as running has lost its worker, too."""
    connection.execute(
        update(RoundRow)
        .where(RoundRow.state.in_(["running", "interrupted"]))
        .values(
            state="cancelled",
            finished_at=func.coalesce(RoundRow.finished_at, RoundRow.heartbeat_at),
            message=message,
        )
    )


def _seen(connection: Connection) -> Round | None:
    """The round people see."""
    gone_back_to = connection.execute(select(SettingRow.value).where(SettingRow.key == _GONE_BACK_TO)).scalar()
    return _newest(connection) if gone_back_to is None else _get(connection, gone_back_to)


def _newest(connection: Connection) -> Round | None:
    """The finished round with the highest number."""
    query = select(_ROUND).where(RoundRow.state == "finished").order_by(RoundRow.number.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return None if row is None else _round(row)


def _round(row: RowMapping) -> Round:
    fields = dict(row)
    errors = {kind: [fields.pop(f"{kind}_{name}") for name in _PREQUENTIAL] for kind in _ERRORS}
    if row["state"] == "running" and not is_live(row["pid"], row["host"], row["heartbeat_at"], _now()):
        fields["state"] = "interrupted"
        fields["message"] = row["message"] or "the process that worked on it is gone"
    known: dict[str, Any] = {
        kind: None if numbers[0] is None else Prequential(*numbers) for kind, numbers in errors.items()
    }
    return Round(**fields, **known)


def _now() -> datetime:
    return datetime.now(UTC)


def _ended(state: RoundState) -> dict[str, Any]:
    return {"state": state, "finished_at": _now(), "cancel_requested": False, "pause_requested": False}


def _stats_values(stats: RoundStats) -> dict[str, Any]:
    values: dict[str, Any] = {
        "words": stats.words,
        "seconds": _finite(stats.seconds),
        "words_per_s": _finite(stats.words_per_s),
        "log_likelihood": _finite(stats.log_likelihood),
        "moved": stats.moved,
        # A loss that is no number must not cost the round that reports it.
        "heldback_share": stats.heldback_share,
        "learned": {name: float(value) for name, value in stats.learned.items() if math.isfinite(value)},
    }
    for kind in _ERRORS:
        error = getattr(stats, kind)
        values |= {f"{kind}_{name}": None if error is None else getattr(error, name) for name in _PREQUENTIAL}
    return values


_ERRORS = ("prequential", "heldback")
_PREQUENTIAL = ("words", "chars", "centre_h", "wrong")


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
