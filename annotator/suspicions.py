"""Looking for suspicious transcripts in a project: by what the round that people see has learned, in this process.

What is found is stored with the round. How far it is stands in the store, so that every page can show it; whoever wants
it to stop leaves word there. `start_looking` has another, niced process do it.
"""

from __future__ import annotations

import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from annotator.background import LOG, start_beside
from annotator.lines import line_of, newest_of
from annotator.words import StoreWords
from charloc import checkpoint as on_disk
from charloc import pretrained
from charloc.methods import Checkpoint, Progress, silent
from charloc.supervision import supervise
from charloc.suspicion import Suspicion, find
from charloc.types import CharlocError
from db import Round, Store, StoredSuspicion
from db.liveness import HOST, is_live

READS = "segmental"
"""The method whose net reads words."""
JOB, STOP = "suspicious.job", "suspicious.stop"
"""Settings of the project: how far the work is, and which process is asked to stop."""
EVERY_S = 0.5
NO_ROUND = "No round yet: train one first, so that there is something to read the words with."


class Stopped(CharlocError):
    """Somebody asked for it."""


class Running(CharlocError):
    """Another process is at it already."""


def look(store: Store, project: Path, progress: Progress = silent) -> int:
    """Judge every word, and keep that with the round that people see.

    Returns:
        How many words were judged.

    Raises:
        CharlocError: there is no round yet, or its checkpoint is damaged.
        Running: another process is at it.
        Stopped: somebody asked for it; what was found before stays.
    """
    current = store.seen_round()
    if current is None:
        raise CharlocError(NO_ROUND)
    if job(store) is not None:
        raise Running("Transcripts are being looked at already. Wait until that has finished, or stop it.")
    report = _Report(store, progress)
    try:
        report("read", 0, store.word_count())
        ids = store.word_ids()
        corrections = store.corrections_in_force()
        words = StoreWords(store, ids, corrections)
        pins, _ = supervise(words, corrections)
        found = find(words, pins, reader_of(store, project, current, words), report)
        texts = [record.characters for record in words.records]
        store.save_suspicions(current.id, list(map(_stored, found, texts)))
    except BaseException as error:
        report.end(str(error) if isinstance(error, CharlocError) and not isinstance(error, Stopped) else "")
        raise
    report.end("")
    return len(found)


def reader_of(store: Store, project: Path, current: Round, words: StoreWords) -> Checkpoint | None:
    """What reads the words: learned on the way to the round people see, else what ships if it knows the letters."""
    newest = newest_of(line_of(store, current), READS)
    if newest is not None and newest.checkpoint:
        return on_disk.read(project / "checkpoints" / newest.checkpoint, READS)
    shipped = pretrained.shipped()
    known = shipped is not None and shipped.settings.get("method") == READS and pretrained.knows(shipped, words)
    return shipped if known else None


def start_looking(project: Path) -> subprocess.Popen[bytes]:
    """Have another process look, niced and of its own session; its output goes to the project's log."""
    command = ["review", "suspicious", "--project", str(project), "--again"]
    return start_beside(project, "suspicious transcripts", command)


def job(store: Store) -> dict[str, Any] | None:
    """How far the process is that looks: phase, done, total, stopping; None where none does."""
    kept = store.setting(JOB)
    if not kept or kept.get("ended"):
        return None
    if not is_live(kept["pid"], kept["host"], datetime.fromisoformat(kept["heartbeat_at"]), datetime.now(UTC)):
        return None
    return {**kept, "stopping": store.setting(STOP) == kept["id"]}


def last_trouble(store: Store) -> str:
    """Why the last process that looked did not come to an end; "" if it did, or was asked to stop."""
    kept = store.setting(JOB)
    if not kept or job(store) is not None:
        return ""
    if not kept.get("ended"):
        return f"The process that looked at transcripts is gone. See {LOG}; look again."
    return str(kept.get("message", ""))


def stop_looking(store: Store) -> bool:
    """Ask the process that looks to stop; return whether there is one."""
    running = job(store)
    if running is not None:
        store.set_setting(STOP, running["id"])
    return running is not None


class _Report:
    """Shows and stores how far the work is, and raises where it should stop."""

    def __init__(self, store: Store, show: Progress) -> None:
        self._store, self._show = store, show
        self._next_s = 0.0
        started = datetime.now(UTC).isoformat()
        self._job = {"id": f"{HOST} {os.getpid()} {started}", "pid": os.getpid(), "host": HOST, "started_at": started}

    def __call__(self, phase: str, done: int, total: int) -> None:
        self._show(phase, done, total)
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + EVERY_S
        self._keep(phase=phase, done=done, total=total)
        if self._store.setting(STOP) == self._job["id"]:
            raise Stopped("Stopped. What was found before stays.")

    def end(self, message: str) -> None:
        self._keep(ended=True, message=message)

    def _keep(self, **more: object) -> None:
        self._store.set_setting(JOB, self._job | {"heartbeat_at": datetime.now(UTC).isoformat()} | more)


def _stored(found: Suspicion, text: tuple[str, ...]) -> StoredSuspicion:
    weights = {reason.value: round(weight, 4) for reason, weight in found.weights.items() if weight >= 0.001}
    return StoredSuspicion(
        word_id=found.word_id,
        score=round(found.score, 6),
        reason=found.reason.value,
        text=text,
        weights=weights,
        suggestion=found.suggestion,
        gain=round(found.gain, 3),
        other=found.other,
    )
