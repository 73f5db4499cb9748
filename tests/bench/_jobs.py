"""What `bench methods` runs, and what it has run: one job a set, method and start; results as lines of JSON.

Nothing here imports torch or reads a word: the process that waits for the jobs stays small.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from charloc.methods import METHODS
from charloc.types import CharlocError

SETS = ("irish", "fraktur", "rendered_clean", "rendered_hard")
INITS = ("guess", "flat")
"""The starts that the tables compare. A warm start belongs only where it is asked for: it learned from other words."""
FIRST = {"guess": "guess", "flat": "even", "pretrained": "pretrained"}
"""The method that stands in for "nothing known yet", by start."""
FLAT = (("irish", "ctc"), ("irish", "xy"))
"""Sets and methods that are also run from a flat start, to see that learning does the work and not the guess."""
TWO_ROUNDS = ("proposals_bag",)
"""Methods whose first round still learns from boxes that came from knowing the order; for others a second round moves
next to nothing (docs/experiments.md)."""
READ_ONLY = ("gradient", "masking")
"""Methods that only read what their kin learned: without corrections they need no M-step of their own."""

Record = dict[str, Any]
"""A result: the job's fields, when and with what it was made, "zero" and "corrected" scores, "error" if it failed."""


@dataclass(frozen=True, slots=True)
class Job:
    """A method on a set, from a start, before and after corrections.

    Args:
        set, method: names.
        init: a key of `FIRST`.
        words: at most so many, evenly spread; None: all.
        rounds: of EM before any correction; for a method that only reads, its kin's.
        control: whether the round after the corrections is also run without them. Another round may help by itself.
        corrections: whether there are any; without them it takes less than half as long.
    """

    set: str
    method: str
    init: str = "guess"
    words: int | None = None
    rounds: int = 1
    control: bool = True
    corrections: bool = True

    @property
    def key(self) -> str:
        """What makes two runs the same one, whatever the revision; also the name of its files."""
        return "-".join(map(str, (self.set, self.method, self.init, self.words or "all", self.rounds)))

    @property
    def label(self) -> str:
        return self.method + {"flat": ", flat start", "pretrained": ", warm start"}.get(self.init, "")

    @property
    def kin(self) -> Job | None:
        """The job whose checkpoint and localizations this one starts from."""
        kin = METHODS[self.method].kin
        if not kin:
            return None
        usual = self.rounds == rounds_of(self.method)
        return replace(self, method=kin[0], rounds=rounds_of(kin[0]) if usual else self.rounds)

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def plan(
    sets: Sequence[str],
    methods: Sequence[str],
    words: int | None = None,
    rounds: int | None = None,
    inits: Collection[str] = INITS,
    control: bool = True,
    corrections: bool = True,
) -> list[Job]:
    """The jobs asked for, set by set in the registry's order.

    Raises:
        CharlocError: a name that does not exist.
    """
    _known("set", sets, SETS)
    _known("method", methods, METHODS)
    _known("start", inits, FIRST)
    return [
        Job(name, method, init, words, rounds or rounds_of(method), control, corrections)
        for name in sets
        for method in METHODS
        for init in FIRST
        if method in methods and init in inits and _makes_sense(name, method, init)
    ]


def _makes_sense(name: str, method: str, init: str) -> bool:
    if init == "flat":
        return (name, method) in FLAT
    return init == "guess" or METHODS[method].learns


def with_kin(jobs: Sequence[Job], kept: Path) -> list[Job]:
    """Jobs and those they start from, where what these learned is not kept any more; those others wait for first."""
    kin = {each: None for job in jobs if (each := job.kin) is not None}
    needed = [each for each in kin if each not in jobs and not (kept / each.key).is_dir()]
    return sorted([*needed, *jobs], key=lambda job: job not in kin)


def unfinished(jobs: Sequence[Job], results: Mapping[str, Record], kept: Path, again: bool = False) -> list[Job]:
    """The jobs that lack a result without an error, with those they start from; all of them if `again`."""

    def lacks(job: Job) -> bool:
        record = results.get(job.key, {"error": ""})
        return "error" in record or (job.corrections and "corrected" not in record)

    return with_kin([job for job in jobs if again or lacks(job)], kept)


def read(path: Path) -> dict[str, Record]:
    """The newest result of every job, by key; a line cut off by a crash does not count."""
    found: dict[str, Record] = {}
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        found[record["key"]] = record
    return found


def append(path: Path, record: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")


def rounds_of(method: str) -> int:
    """How many rounds a method gets; one that only reads counts those of its kin."""
    if method in READ_ONLY and METHODS[method].kin:
        return rounds_of(METHODS[method].kin[0])
    return 2 if method in TWO_ROUNDS else 1


def _known(what: str, asked: Collection[str], there: Collection[str]) -> None:
    for name in asked:
        if name not in there:
            raise CharlocError(f"There is no {what} '{name}'. Choose from: {', '.join(there)}.")
