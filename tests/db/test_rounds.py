"""Rounds: one at a time, whole or not at all, and taken over only from the dead."""

from __future__ import annotations

import math
import os
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Queue

import numpy as np
import pytest
from sqlalchemy import update

import db.rounds
from charloc.types import Localization
from db import (
    Prequential,
    RecordError,
    Round,
    RoundBusy,
    RoundLost,
    RoundStats,
    Store,
    StoreError,
    UnknownItem,
)
from db.liveness import STALE_AFTER, process_exists
from db.schema import RoundRow
from tests.db.make import STATS, add, begin, correct, finish, localization


@pytest.fixture
def dead_pid() -> int:
    """The number of a process that has ended and was waited for."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def set_row(store: Store, round_id: int, **values: object) -> None:
    with store.write() as connection:
        connection.execute(update(RoundRow).where(RoundRow.id == round_id).values(values))


def silence(store: Store, this: Round) -> None:
    """Let the round's last heartbeat be just too long ago."""
    set_row(store, this.id, heartbeat_at=datetime.now(UTC) - STALE_AFTER - timedelta(seconds=1))


def test_a_round_from_beginning_to_end(store: Store) -> None:
    one, two = add(store, "abc", "de")
    said = correct(store, one)
    assert store.seen_round() is store.unfinished_round() is None

    this = store.begin_round("guess", parent_id=None, settings={"width": 3}, pid=os.getpid())
    assert (this.number, this.state, this.attempt, this.corrections_upto) == (0, "running", 1, said.id)
    assert (this.settings, this.pid, this.host) == ({"width": 3}, os.getpid(), socket.gethostname())
    assert this.started_at.tzinfo is UTC and this.finished_at is None
    assert store.progress(this.id, "localize", 1, 2, "words") is None
    running = store.unfinished_round()
    assert running == store.round(this.id)
    assert running is not None
    assert (running.phase, running.done, running.total, running.message) == ("localize", 1, 2, "words")
    assert running.heartbeat_at >= this.heartbeat_at

    stats = RoundStats(2, 1.5, 20.0, -0.5, 4, {"loss": 0.25, "gone": math.nan}, Prequential(1, 2, 0.125, 1))
    store.finish_round(this.id, [(one, localization(3), 0.5), (two, localization(2), 0.75)], stats, "round_0")
    done = store.seen_round()
    assert done is not None
    assert store.rounds() == [done] and store.unfinished_round() is None
    assert (done.state, done.checkpoint, done.words, done.moved) == ("finished", "round_0", 2, 4)
    assert (done.seconds, done.words_per_s, done.log_likelihood) == (1.5, 20.0, -0.5)
    assert (done.learned, done.prequential) == ({"loss": 0.25}, Prequential(1, 2, 0.125, 1))
    assert done.finished_at is not None and done.finished_at >= done.started_at
    assert store.uncertainties(this.id, [one, two, 99]) == {one: 0.5, two: 0.75}


def test_numbers_count_finished_rounds_and_corrections_stay_frozen(store: Store) -> None:
    (id,) = add(store, "abc")
    first = finish(store, {id: 0.5})
    failed = begin(store)
    store.end_round(failed.id, "failed", "out of memory")
    before = correct(store, id)
    second = begin(store)
    correct(store, id)
    assert (first.number, failed.number, second.number) == (0, 1, 1)
    assert (second.parent_id, second.corrections_upto) == (first.id, before.id)
    store.finish_round(second.id, [], STATS, None)
    assert store.round(second.id).corrections_upto == before.id
    assert begin(store).number == 2
    assert [each.state for each in store.rounds()] == ["finished", "failed", "finished", "running"]


def test_newest_is_the_highest_finished_number(store: Store) -> None:
    (id,) = add(store, "abc")
    finish(store, {id: 0.5}, 1.0)
    second = finish(store, {id: 0.5}, 2.0)
    begin(store)
    assert store.seen_round() == second
    assert store.proposals(second.id, [id])[id].boxes[0, 0] == 2.0


def test_a_parent_has_to_be_finished(store: Store) -> None:
    failed = begin(store)
    store.end_round(failed.id, "failed", "")
    with pytest.raises(StoreError, match="Round 0 is failed"):
        store.begin_round("guess", parent_id=failed.id, settings={}, pid=os.getpid())
    with pytest.raises(UnknownItem, match="no round with id 99"):
        store.begin_round("guess", parent_id=99, settings={}, pid=os.getpid())


def test_one_round_runs_at_a_time(store: Store) -> None:
    running = begin(store)
    with pytest.raises(RoundBusy, match=f"Round 0 .guess. is being worked on by process {os.getpid()}") as caught:
        begin(store)
    assert caught.value.running == running
    with pytest.raises(RoundBusy):
        store.adopt_round(running.id, os.getpid())


def test_settings_have_to_be_json(store: Store) -> None:
    with pytest.raises(RecordError, match="settings of the round cannot be kept as JSON"):
        store.begin_round("guess", parent_id=None, settings={"x": object()}, pid=os.getpid())


# --- cancelling and ending --------------------------------------------------------------------------------------------


def test_a_cancel_reaches_the_worker(store: Store) -> None:
    this = begin(store)
    store.request_cancel(this.id)
    assert store.round(this.id).cancel_requested
    assert store.progress(this.id, "learn", 1, 2) == "cancel"
    store.end_round(this.id, "cancelled", "as asked")
    ended = store.round(this.id)
    assert (ended.state, ended.message, ended.cancel_requested) == ("cancelled", "as asked", False)
    store.request_cancel(this.id)  # too late: nothing happens
    assert store.round(this.id) == ended
    assert store.unfinished_round() is None


def test_what_has_ended_stays_ended(store: Store) -> None:
    (id,) = add(store, "abc")
    done = finish(store, {id: 0.5})
    with pytest.raises(StoreError, match="Round 0 is finished; it cannot become failed"):
        store.end_round(done.id, "failed", "")
    with pytest.raises(RoundLost, match="Round 0 is finished"):
        store.finish_round(done.id, [], STATS, None)
    with pytest.raises(RoundLost):
        store.progress(done.id, "learn", 1, 2)
    with pytest.raises(StoreError, match="only an interrupted round"):
        store.adopt_round(done.id, os.getpid())
    with pytest.raises(RecordError, match=r"interrupted \| cancelled \| failed, not 'finished'"):
        store.end_round(done.id, "finished", "")  # type: ignore[arg-type]

    this = begin(store)
    store.end_round(this.id, "interrupted", "Ctrl-C")
    store.end_round(this.id, "interrupted", "Ctrl-C again")
    assert store.round(this.id).message == "Ctrl-C"
    store.end_round(this.id, "cancelled", "given up")
    with pytest.raises(StoreError, match="Round 1 is cancelled"):
        store.end_round(this.id, "interrupted", "")
    for ask in (store.round, store.request_cancel):
        with pytest.raises(UnknownItem, match="no round with id 99"):
            ask(99)


# --- the dead and those who take over ---------------------------------------------------------------------------------


def test_a_round_of_a_dead_process_reads_as_interrupted(store: Store, dead_pid: int) -> None:
    this = begin(store, pid=dead_pid)
    assert this.state == store.round(this.id).state == "interrupted"
    assert "is gone" in this.message
    assert store.unfinished_round() == this


def test_a_silent_round_reads_as_interrupted_until_it_speaks(store: Store) -> None:
    this = begin(store)
    silence(store, this)
    assert store.round(this.id).state == "interrupted"
    store.progress(this.id, "learn", 1, 2)
    assert store.round(this.id).state == "running"


def test_on_another_machine_only_the_heartbeat_counts(store: Store, dead_pid: int) -> None:
    this = begin(store, pid=dead_pid)
    set_row(store, this.id, host="another")
    assert store.round(this.id).state == "running"
    silence(store, this)
    assert store.round(this.id).state == "interrupted"


def test_a_process_that_ended_but_was_not_waited_for_is_dead() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process_exists(process.pid)
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.stdout.read()  # to its end: the process is exiting
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # has exited, still in the table
        if sys.platform == "linux":
            assert not process_exists(process.pid)
    assert not process_exists(process.pid)
    assert process_exists(os.getpid()) and not process_exists(0) and not process_exists(-1)


def test_an_interrupted_round_is_gone_on_with(store: Store, dead_pid: int) -> None:
    (id,) = add(store, "abc")
    said = correct(store, id)
    killed = begin(store, pid=dead_pid)
    correct(store, id)
    store.request_cancel(killed.id)
    adopted = store.adopt_round(killed.id, os.getpid())
    assert (adopted.id, adopted.state, adopted.attempt, adopted.pid) == (killed.id, "running", 2, os.getpid())
    assert (adopted.corrections_upto, adopted.cancel_requested) == (said.id, False)
    assert store.progress(adopted.id, "learn", 1, 2) is None
    store.finish_round(adopted.id, [(id, localization(3), 0.5)], STATS, None)
    assert store.round(killed.id).state == "finished"


def test_one_that_ended_as_interrupted_is_gone_on_with(store: Store) -> None:
    this = begin(store)
    store.end_round(this.id, "interrupted", "Ctrl-C")
    unfinished = store.unfinished_round()
    assert unfinished is not None and unfinished.message == "Ctrl-C"
    adopted = store.adopt_round(this.id, os.getpid())
    assert (adopted.message, adopted.finished_at) == ("", None)


def test_who_was_taken_for_dead_and_replaced_is_shut_out(store: Store, tmp_path: Path) -> None:
    (id,) = add(store, "abc")
    this = begin(store)
    silence(store, this)
    with Store.open(tmp_path) as other:
        other.adopt_round(this.id, os.getpid())
        for late in (
            lambda: store.progress(this.id, "learn", 1, 2),
            lambda: store.finish_round(this.id, [(id, localization(3), 0.5)], STATS, None),
            lambda: store.end_round(this.id, "failed", "late"),
        ):
            with pytest.raises(RoundLost, match="taken over"):
                late()
        other.finish_round(this.id, [(id, localization(3, 7.0), 0.5)], STATS, None)
    assert store.proposals(this.id, [id])[id].boxes[0, 0] == 7.0


def test_a_new_round_gives_up_an_interrupted_one(store: Store, dead_pid: int) -> None:
    killed = begin(store, pid=dead_pid)
    fresh = begin(store)
    assert (store.round(killed.id).state, fresh.number) == ("cancelled", killed.number)
    assert store.unfinished_round() == fresh
    with pytest.raises(RoundLost):
        store.progress(killed.id, "learn", 1, 2)
    store.end_round(fresh.id, "failed", "")
    with pytest.raises(StoreError, match="is cancelled; only an interrupted"):
        store.adopt_round(killed.id, os.getpid())


# --- proposals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("boxes", "uncertainty", "says"),
    [(2, 0.5, "has 3 characters, but the proposal 2 boxes"), (3, math.nan, "must be a finite number")],
)
def test_a_proposal_has_to_fit_its_word(store: Store, boxes: int, uncertainty: float, says: str) -> None:
    one, two = add(store, "abc", "abc")
    this = begin(store)
    with pytest.raises(RecordError, match=f"[Ww]ord {two} .*{says}|{says}"):
        store.finish_round(this.id, [(one, localization(3), 0.5), (two, localization(boxes), uncertainty)], STATS, None)
    assert store.round(this.id).state == "running"
    assert store.proposals(this.id, [one, two]) == {}


def test_a_word_gets_one_proposal_and_exists(store: Store) -> None:
    (id,) = add(store, "abc")
    this = begin(store)
    with pytest.raises(RecordError, match="two proposals"):
        store.finish_round(this.id, [(id, localization(3), 0.5)] * 2, STATS, None)
    with pytest.raises(RecordError, match="word 99, which is not in the project"):
        store.finish_round(this.id, [(99, localization(3), 0.5)], STATS, None)
    with pytest.raises(UnknownItem, match="no round with id 99"):
        store.proposals(99, [id])
    with pytest.raises(UnknownItem, match="no round with id 99"):
        store.uncertainties(99, [id])


def test_disagreement_comes_back_where_it_is_known(store: Store) -> None:
    one, two, unseen = add(store, "abc", "abc", "abc")
    this = begin(store)
    known = np.array([0.25, np.nan, 1.0], np.float32)
    proposals = [(one, localization(3), 0.5), (two, localization(3), 0.5)]
    store.finish_round(this.id, proposals, STATS, None, {one: known})
    found = store.disagreements(this.id, [one, two, unseen])
    assert found.keys() == {one, two}
    np.testing.assert_array_equal(found[one], known)
    assert found[two] is None
    assert store.disagreements(this.id, []) == {}
    with pytest.raises(UnknownItem, match="no round with id 99"):
        store.disagreements(99, [one])


def test_disagreement_has_to_fit_its_word(store: Store) -> None:
    (id,) = add(store, "abc")
    this = begin(store)
    with pytest.raises(RecordError, match=rf"Word {id} has 3 characters, but the disagreement .* shape \(2,\)"):
        store.finish_round(this.id, [(id, localization(3), 0.5)], STATS, None, {id: np.zeros(2, np.float32)})
    assert store.round(this.id).state == "running"


def test_scores_that_are_no_number_come_back(store: Store) -> None:
    ids = add(store, "abc", "abc", "abc")
    this = begin(store)
    scores = [math.nan, -math.inf, -12.5]
    proposals = [
        (id, Localization(np.zeros((3, 4), np.float32), np.zeros(3, np.float32), score, "ctc"), 0.0)
        for id, score in zip(ids, scores, strict=True)
    ]
    store.finish_round(this.id, proposals, RoundStats(3, math.inf, math.nan, -math.inf, 0), None)
    found = store.proposals(this.id, ids)
    assert [found[id].score for id in ids] == pytest.approx(scores, nan_ok=True)
    assert {each.method for each in found.values()} == {"ctc"}
    done = store.round(this.id)
    assert (done.seconds, done.words_per_s, done.log_likelihood) == (None, None, None)


def test_a_round_that_fails_at_the_last_step_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    (id,) = add(store, "abc")
    before = finish(store, {id: 0.25}, 1.0)
    this = begin(store)

    def fail(*_: object) -> None:
        raise RuntimeError("at the last step")

    monkeypatch.setattr(db.rounds, "order_queue", fail)
    with pytest.raises(RuntimeError, match="at the last step"):
        store.finish_round(this.id, [(id, localization(3, 2.0), 0.5)], STATS, None)
    assert (store.seen_round(), store.round(this.id).state) == (before, "running")
    assert store.proposals(this.id, [id]) == {}
    monkeypatch.undo()
    store.finish_round(this.id, [(id, localization(3, 2.0), 0.5)], STATS, None)
    assert store.proposals(this.id, [id])[id].boxes[0, 0] == 2.0


def test_readers_never_see_half_a_round(store: Store, tmp_path: Path) -> None:
    ids = add(store, *["abc"] * 400)
    finish(store, dict.fromkeys(ids, 0.5), 0.0)
    stop, seen, errors = threading.Event(), Queue[int](), []

    def look() -> None:
        with Store.open(tmp_path) as reader:
            while not stop.is_set():
                newest = reader.seen_round()
                assert newest is not None
                proposals = reader.proposals(newest.id, ids)
                values = {float(each.boxes[0, 0]) for each in proposals.values()}
                if len(proposals) != len(ids) or values != {float(newest.number)}:
                    errors.append((newest.number, len(proposals), values))
                seen.put(newest.number)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for number in range(1, 6):
            finish(store, dict.fromkeys(ids, 0.5), float(number))
            while seen.get(timeout=60) < number:
                pass
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
