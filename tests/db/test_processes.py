"""Many threads and processes on one project, and processes that are killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from db import Conflict, Store
from tests.db.make import STATS, add, assert_whole, chain, correct, finish, item, localization, new

Start = Callable[..., subprocess.Popen[str]]
WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture
def start() -> Iterator[Start]:
    """Start workers; whatever is left of them in the end is ended."""
    with contextlib.ExitStack() as stack:

        def start(project: Path, *arguments: object) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, str(WORKER), str(project), *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


def output(process: subprocess.Popen[str]) -> list[str]:
    """The lines a worker printed, once it has ended well."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out.splitlines()


def read(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


# --- threads ----------------------------------------------------------------------------------------------------------


def test_threads_that_read_then_write_never_find_the_database_locked(store: Store) -> None:
    words = add(store, *["abc"] * 4)

    def decide(thread: int) -> int:
        conflicts = 0
        for turn in range(30):
            word_id = words[turn % len(words)]
            while True:
                in_force = store.corrections_in_force([word_id]).get(word_id)
                try:
                    store.save_correction(
                        new(word_id, uuid=f"{thread}-{turn}", base_id=in_force.id if in_force else None)
                    )
                    break
                except Conflict:
                    conflicts += 1
            store.queue(3)
            store.counts()
        return conflicts

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decide, range(8)))
    histories = [store.history(word_id) for word_id in words]
    assert sum(map(len, histories)) == 8 * 30
    assert all(map(chain, histories))


def test_threads_that_send_the_same_decision_get_the_same_answer(store: Store) -> None:
    (word,) = add(store, "abc")
    decision = new(word)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: store.save_correction(decision), range(16)))
    assert answers == [answers[0]] * 16
    assert store.history(word) == [answers[0]]


def test_of_threads_that_saw_the_same_only_one_decides(store: Store) -> None:
    (word,) = add(store, "abc")

    def decide(_: int) -> bool:
        try:
            store.save_correction(new(word))
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(decide, range(16))) == 1


def test_people_go_on_correcting_while_words_come_in_and_rounds_end(store: Store) -> None:
    words = add(store, *["abc"] * 50)

    def bring() -> None:
        for number in range(10):
            store.add_words([item("abc", f"{number} {each}".encode()) for each in range(20)])

    def rounds() -> None:
        for number in range(5):
            finish(store, dict.fromkeys(words, 0.5), float(number))

    def decide() -> None:
        for word_id in words:
            correct(store, word_id)

    with ThreadPoolExecutor(3) as pool:
        for each in [pool.submit(work) for work in (bring, rounds, decide)]:
            each.result()
    assert store.word_count() == 250
    assert store.counts().corrected == 50
    seen = store.seen_round()
    assert seen is not None and seen.number == 4


# --- processes --------------------------------------------------------------------------------------------------------


def test_processes_that_create_a_project_together(tmp_path: Path, start: Start) -> None:
    workers = [start(tmp_path / "new", "create") for _ in range(3)]
    assert sorted(int(output(worker)[0]) for worker in workers) == [0, 0, 10]
    with Store.open(tmp_path / "new") as store:
        assert_whole(store)
        assert store.word_count() == 10


def test_processes_that_write_together_lose_nothing(store: Store, tmp_path: Path, start: Start) -> None:
    words = add(store, *["abc"] * 3)
    workers = [start(tmp_path, "decide", name, 24) for name in "ab"]
    workers.append(start(tmp_path, "import_words", "c", 15))
    acknowledged = {line for worker in workers[:2] for line in output(worker)}
    output(workers[2])
    histories = [store.history(word_id) for word_id in words]
    assert {each.uuid for history in histories for each in history} == acknowledged
    assert sum(map(len, histories)) == len(acknowledged) == 48
    assert all(map(chain, histories))
    assert store.word_count() == 3 + 15 * 5


def test_processes_hand_a_word_to_one_person(store: Store, tmp_path: Path, start: Start) -> None:
    words = add(store, *["abc"] * 240)
    workers = [start(tmp_path, "take", name) for name in "abcd"]
    taken = [int(line) for worker in workers for line in output(worker)]
    assert sorted(taken) == words


def test_one_process_begins_the_round(store: Store, tmp_path: Path, start: Start) -> None:
    add(store, "abc")
    workers = [start(tmp_path, "claim") for _ in range(3)]
    assert [read(worker) for worker in workers] == ["ready"] * 3
    for worker in workers:
        tell(worker)
    said = sorted(read(worker).split()[0] for worker in workers)
    assert said == ["busy", "busy", "won"]
    unfinished = store.unfinished_round()
    assert unfinished is not None and unfinished.state == "running"
    for worker in workers:
        tell(worker)
        output(worker)
    unfinished = store.unfinished_round()
    assert unfinished is not None and unfinished.state == "interrupted"  # the winner has ended without a word

    workers = [start(tmp_path, "adopt", unfinished.id) for _ in range(2)]
    assert [read(worker) for worker in workers] == ["ready"] * 2
    for worker in workers:
        tell(worker)
    assert sorted(read(worker) for worker in workers) == ["busy", "won 2"]
    for worker in workers:
        tell(worker)
        output(worker)


# --- killed processes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 7, 23])
def test_a_killed_writer_loses_nothing_it_acknowledged(store: Store, tmp_path: Path, start: Start, steps: int) -> None:
    words = add(store, *["abc"] * 3)
    workers = [start(tmp_path, "decide", name, 100_000) for name in "ab"]
    acknowledged = {read(worker) for worker in workers for _ in range(steps)}
    for worker in workers:
        worker.kill()
        assert worker.stdout is not None
        acknowledged.update(worker.stdout.read().splitlines())
        assert worker.wait() == -signal.SIGKILL
    histories = [store.history(word_id) for word_id in words]
    kept = {each.uuid for history in histories for each in history}
    assert acknowledged <= kept and len(kept - acknowledged) <= 2  # at most one each was kept, but not yet said so
    assert all(map(chain, histories))
    correct(store, words[0])


def test_a_killed_import_is_gone_on_with(store: Store, tmp_path: Path, start: Start) -> None:
    worker = start(tmp_path, "import_words", "a", 100_000)
    for _ in range(3):
        read(worker)
    worker.kill()
    worker.wait()
    runs, half = divmod(store.word_count(), 5)
    assert runs >= 3 and half == 0
    again = [item("abc", f"a {number} {each}".encode()) for number in range(runs + 1) for each in range(5)]
    report = store.add_words(again)
    assert (report.added, report.already) == (5, 5 * runs)
    ids = store.word_ids()
    assert all(one < other for one, other in pairwise(ids))
    assert len(store.images_of(ids)) == len(again)


def test_a_round_killed_at_its_last_step_leaves_the_one_before(store: Store, tmp_path: Path, start: Start) -> None:
    ids = add(store, *["abc"] * 200)
    before = finish(store, dict.fromkeys(ids, 0.5), 1.0)
    worker = start(tmp_path, "die_in_finish")
    round_id = int(read(worker))
    assert worker.wait() == -signal.SIGKILL
    assert store.seen_round() == before
    assert store.proposals(round_id, ids) == {}
    killed = store.unfinished_round()
    assert killed is not None and (killed.id, killed.state) == (round_id, "interrupted")
    adopted = store.adopt_round(round_id, os.getpid())
    store.finish_round(adopted.id, [(id, localization(3, 2.0), 0.5) for id in ids], STATS, None)
    assert {float(each.boxes[0, 0]) for each in store.proposals(round_id, ids).values()} == {2.0}
