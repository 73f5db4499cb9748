"""A process of its own that works on a project, for tests that run several or kill one.

    python tests/db/worker.py PROJECT TASK ARGUMENTS

It prints a line for every step that the store has acknowledged.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import db.rounds
from db import Conflict, RoundBusy, RoundLost, Store
from db.records import CorrectionKind
from tests.db.make import STATS, begin, item, localization, marks, new


def say(*what: object) -> None:
    print(*what, flush=True)


def create(project: Path) -> None:
    """Open a project that need not be there; add the same ten words as everybody else."""
    with Store.open(project, create=True) as store:
        report = store.add_words([item(f"word{number}", b"%d" % number) for number in range(10)])
        say(report.added)


def import_words(project: Path, name: str, runs: str) -> None:
    """Add words in many small transactions."""
    with Store.open(project) as store:
        for number in range(int(runs)):
            store.add_words([item("abc", f"{name} {number} {each}".encode()) for each in range(5)])
            say(name, number)


def decide(project: Path, name: str, turns: str) -> None:
    """Decide about the first three words, over and over, and look again after a conflict.

    Three whatever else is imported meanwhile: processes that do this together meet on the same words.
    """
    kinds: tuple[CorrectionKind, ...] = ("boxes", "flag", "skip", "clear")
    with Store.open(project) as store:
        words = store.word_ids()[:3]
        for turn in range(int(turns)):
            word_id = words[turn % len(words)]
            kind = kinds[turn // len(words) % len(kinds)]
            uuid = f"{name}-{turn}"
            while True:
                in_force = store.corrections_in_force([word_id]).get(word_id)
                characters = marks("pinned", "accepted", "untouched") if kind == "boxes" else ()
                decision = new(word_id, kind, characters, uuid=uuid, base_id=in_force.id if in_force else None)
                try:
                    first = store.save_correction(decision)
                except Conflict:
                    continue
                assert store.save_correction(decision) == first  # the answer was lost: sent again
                break
            say(uuid)


def take(project: Path, name: str) -> None:
    """Take words into one person's hands, three at a time, and give none back."""
    with Store.open(project) as store:
        words = store.word_ids()
        left = words
        while claimed := store.claim(name, left, 3, most=len(words)):
            for lease in claimed:
                say(lease.word_id)
            left = [word_id for word_id in left if word_id not in {each.word_id for each in claimed}]


def die_in_finish(project: Path) -> None:
    """Be killed inside the transaction that finishes a round, when all its rows are written."""
    db.rounds.order_queue = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    with Store.open(project) as store:
        this = begin(store)
        say(this.id)
        ids = store.word_ids()
        store.finish_round(this.id, [(id, localization(3, 9.0), 0.5) for id in ids], STATS, None)


def claim(project: Path) -> None:
    """Try to begin a round at the same moment as others; then do whatever comes in on stdin."""
    with Store.open(project) as store:
        say("ready")
        sys.stdin.readline()
        try:
            say("won", begin(store).id)
        except RoundBusy:
            say("busy")
        sys.stdin.readline()


def adopt(project: Path, round_id: str) -> None:
    """Try to take over a round at the same moment as others."""
    with Store.open(project) as store:
        say("ready")
        sys.stdin.readline()
        try:
            say("won", store.adopt_round(int(round_id), os.getpid()).attempt)
        except (RoundBusy, RoundLost):
            say("busy")
        sys.stdin.readline()


if __name__ == "__main__":
    tasks = {task.__name__: task for task in (create, import_words, decide, take, die_in_finish, claim, adopt)}
    tasks[sys.argv[2]](Path(sys.argv[1]), *sys.argv[3:])
