"""One job of `bench methods`, in a process of its own: a method on a set, without corrections and with some.

python -m tests.bench._one_job JOB_AS_JSON RESULT_FILE KEPT_FOLDER
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import compress
from pathlib import Path

import numpy as np

from charloc import checkpoint, em
from charloc.methods import METHODS, Checkpoint, make
from charloc.metrics import Scores, scores
from charloc.types import CharlocError, Localization, Pins
from tests.bench._jobs import FIRST, READ_ONLY, Job, Record
from tests.bench._person import correct, corrected
from tests.bench._sets import Set, load

WARM_WORDS = 8
EVERY_S = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Where a method put the characters, what it had learned, and seconds of the last E-step and all M-steps.

    Seconds are the processor's, of all threads: others may use the machine too.
    """

    localizations: list[Localization]
    learned: Checkpoint | None
    e_step_s: float
    train_s: float


def run(job: Job, data: Set, kept: Path, record: Record) -> None:
    """Fill `record`: "zero" without corrections, then "corrected"."""
    report = _Report(job)
    record |= {"torch": version("torch"), "words": len(data.words)}
    found = before_corrections(job, data, kept, report)
    if any(job.method in entry.kin for entry in METHODS.values()):
        keep(kept / job.key, job.method, found)
    record["zero"] = _row(data.score(found.localizations), found)
    report.say(f"r50 {record['zero']['r50']}")
    if not job.corrections:
        return

    pins = correct(data.words, data.truth, found.localizations)
    after = _rounds(job, data, 1, found, pins, report)
    was, now = data.errors(found.localizations), data.errors(corrected(after.localizations, pins))
    asked = [bool(each) for each in pins]
    others = [not each for each in asked]
    record["corrected"] = {
        **_row(scores(now), after),
        "asked": {"words": sum(asked), "characters": sum(map(len, pins)), **_short(scores(compress(was, asked)))},
        "others_before": _short(scores(compress(was, others))),
        "others_after": _short(scores(compress(now, others))),
    }
    report.say(f"r50 {record['corrected']['r50']} corrected")
    if job.control:
        # A method that does not learn finds the same again.
        learns = METHODS[job.method].learns
        again = _rounds(job, data, 1, found, [()] * len(pins), report) if learns else found
        control = _short(scores(compress(data.errors(again.localizations), others)))
        record["corrected"]["others_control"] = control


def before_corrections(job: Job, data: Set, kept: Path, report: _Report) -> Found:
    """The job's rounds from transcripts alone; for a method that only reads, what it reads off its kin's net."""
    kin = job.kin
    if kin is not None:
        start = kept_by(kept / kin.key, kin.method)
    else:
        nobody = [()] * len(data.words)
        start = Found(em.localize(make(FIRST[job.init]), data.words, nobody, report.progress), None, 0.0, 0.0)
    if job.method not in READ_ONLY:
        return _rounds(job, data, job.rounds, start, [()] * len(data.words), report)
    _warm(job.method, start.learned, data)
    started = time.process_time()
    found = em.localize(make(job.method, start.learned), data.words, [()] * len(data.words), report.progress)
    return Found(found, start.learned, time.process_time() - started, start.train_s)


def _rounds(job: Job, data: Set, count: int, start: Found, pins: Sequence[Pins], report: _Report) -> Found:
    """`count` rounds of EM from `start`. Loading compiled code is nobody's speed: it is left out."""
    weights = np.ones(len(data.words), dtype=np.float32)
    current, learned, train_s, e_step_s = start.localizations, start.learned, start.train_s, 0.0
    learns = METHODS[job.method].learns
    marks: list[float] = []

    def halfway(what: Checkpoint) -> None:
        marks.append(time.process_time())
        _warm(job.method, what, data)
        marks.append(time.process_time())

    for number in range(count):
        report.round = number + 1
        if not learns:
            _warm(job.method, None, data)
        marks[:] = [time.process_time()]
        result = em.run_round(
            job.method, data.words, current, pins, weights, parent=learned, first=FIRST[job.init],
            on_learned=halfway, progress=report.progress,
        )  # fmt: skip
        current, learned, e_step_s = result.localizations, result.checkpoint, time.process_time() - marks[-1]
        train_s += marks[1] - marks[0] if learns else 0.0
    return Found(current, learned, e_step_s, train_s)


def _warm(method: str, learned: Checkpoint | None, data: Set) -> None:
    """Localize a few words, so that code is compiled and loaded."""
    words = data.words[:WARM_WORDS]
    make(method, learned).e_step(words, [()] * len(words))


def _row(found: Scores, run: Found) -> Record:
    words = len(run.localizations)
    speed = round(words / run.e_step_s, 1) if run.e_step_s > 0 else None
    return {**found.rounded(), "words_per_s": speed, "train_s": round(run.train_s, 1)}


def _short(found: Scores) -> Record:
    rounded = found.rounded()
    return {name: rounded[name] for name in ("words", "chars", "r50", "word50")}


# --- kept for those that start from it --------------------------------------------------------------------------------


def keep(folder: Path, method: str, found: Found) -> None:
    """Write what was learned, and where the characters were put, whole or not at all."""
    assert found.learned is not None
    boxes = [each.boxes for each in found.localizations]
    tensors = {
        "boxes": np.concatenate([np.zeros((0, 4), np.float32), *boxes]),
        "confidence": np.concatenate([np.zeros(0, np.float32), *(each.confidence for each in found.localizations)]),
        "score": np.array([each.score for each in found.localizations], np.float64),
        "lengths": np.array([len(each) for each in boxes], np.int64),
    }
    # The checkpoint last: a folder of its name means that both are there.
    checkpoint.write(folder.with_name(f"{folder.name}.found"), method, Checkpoint(tensors, {}))
    checkpoint.write(folder, method, found.learned, {"train_s": found.train_s})


def kept_by(folder: Path, method: str) -> Found:
    """What `keep` wrote."""
    tensors = checkpoint.read(folder.with_name(f"{folder.name}.found"), method).tensors
    ends = np.cumsum(tensors["lengths"])[:-1]
    parts = zip(np.split(tensors["boxes"], ends), np.split(tensors["confidence"], ends), tensors["score"], strict=True)
    found = [Localization(boxes, confidence, float(score), method) for boxes, confidence, score in parts]
    train_s = float(str(checkpoint.made_from(folder)["train_s"]))
    return Found(found, checkpoint.read(folder, method), 0.0, train_s)


# --- the process ------------------------------------------------------------------------------------------------------


class _Report:
    """Lines on stderr that say how far a job is: at each new phase, and now and then within one."""

    def __init__(self, job: Job) -> None:
        self.name, self.round = f"{job.set} {job.label}", 0
        self._phase, self._next_s = ("", 0), 0.0

    def progress(self, phase: str, done: int, total: int) -> None:
        now, at = time.monotonic(), (phase, self.round)
        if at != self._phase or now >= self._next_s:
            self._phase, self._next_s = at, now + EVERY_S
            self.say(f"{phase} {done}/{total}" + (f" (round {self.round})" if self.round else ""))

    def say(self, text: str) -> None:
        print(f"{self.name}: {text}", file=sys.stderr, flush=True)


def main(argv: Sequence[str]) -> int:
    job, out, kept = Job(**json.loads(argv[0])), Path(argv[1]), Path(argv[2])
    record: Record = {}
    try:
        run(job, load(job.set, job.words), kept, record)
    except KeyboardInterrupt:  # the process that waits for us says so
        return 130
    except CharlocError as error:
        record["error"] = str(error)
    except Exception as error:  # whatever it is: the others go on
        traceback.print_exc()
        record["error"] = f"{type(error).__name__}: {error}"
    out.write_text(json.dumps(record, ensure_ascii=False), "utf-8")
    return int("error" in record)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
