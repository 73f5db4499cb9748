"""Every method in one table: how right, how fast, and what corrections teach it.

Each method runs on each set without corrections, then once more after a simulated person has corrected 2 % of the
words: those the method itself is least sure of. Every run is a process of its own on one thread; what is finished is
kept in a file and not run again.

python launch.py bench methods                        run what is missing, print the tables
python launch.py bench methods --write                write docs/benchmarks.md from what has been run
python launch.py bench methods --sets irish --methods guess,segmental --words 200
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from charloc.methods import METHODS
from charloc.types import CharlocError
from tests.bench import _jobs as jobs
from tests.bench._jobs import Job, Record
from tests.bench._sets import ROOT, data_folder
from tests.bench._stamp import stamp
from tests.bench._table import between_markers, line, tables

KEPT = ROOT / ".bench"
PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "images" / "methods.svg"
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "NUMBA")}


def main(argv: Sequence[str]) -> None:
    options = _options(argv)
    asked = jobs.plan(
        options.sets,
        options.methods,
        options.words,
        options.rounds,
        options.init,
        options.control,
        options.corrections,
    )
    kept = KEPT / "kept"
    if not options.write:
        data_folder()  # says so at once where there is none
        todo = jobs.unfinished(asked, jobs.read(options.results), kept, options.again)
        print(f"{len(todo)} runs to do, {options.jobs} at a time.", file=sys.stderr)
        asyncio.run(_run_all(todo, options.jobs, options.results, kept))
    results = jobs.read(options.results)
    text = tables(asked, results)
    if options.write:
        write(text, asked, results)
    else:
        print(text)
    failed = [job.label + " on " + job.set for job in asked if "error" in results.get(job.key, {})]
    if failed:
        raise CharlocError(f"Failed: {'; '.join(failed)}. Why is in {options.results}; the same command tries again.")


def write(text: str, asked: Sequence[Job], results: Mapping[str, Record]) -> None:
    """Tables into the page, between its markers, and the picture beside it."""
    from tests.bench._plot import plot  # matplotlib takes a second

    missing = [job.label + " on " + job.set for job in asked if job.key not in results]
    if missing:
        print(f"Without results, left out: {'; '.join(missing)}.", file=sys.stderr)
    PAGE.write_text(between_markers(PAGE.read_text("utf-8"), text), "utf-8")
    plot(asked, results, PICTURE)
    print(f"{PAGE} and {PICTURE} are written.", file=sys.stderr)


def _options(argv: Sequence[str]) -> argparse.Namespace:
    def names(text: str) -> list[str]:
        return text.split(",")

    parser = argparse.ArgumentParser(
        prog="bench methods", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", type=names, default=list(jobs.SETS))
    compared = [name for name in METHODS if name != "pretrained"]  # it has seen other words
    parser.add_argument("--methods", type=names, default=compared)
    parser.add_argument("--init", type=names, default=list(jobs.INITS), help="guess, flat (default: both), pretrained")
    parser.add_argument("--words", type=int, help="at most so many words of each set, evenly spread")
    parser.add_argument("--rounds", type=int, help="of EM before corrections (default: by method)")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time (default: 2)")
    parser.add_argument("--again", action="store_true", help="run what is finished once more")
    parser.add_argument(
        "--control", action=argparse.BooleanOptionalAction, default=True,
        help="also run the last round without the corrections, to tell what they taught from what a round brings",
    )  # fmt: skip
    parser.add_argument(
        "--corrections", action=argparse.BooleanOptionalAction, default=True,
        help="also run a round after a simulated person's corrections",
    )  # fmt: skip
    parser.add_argument("--write", action="store_true", help="run nothing; write docs/benchmarks.md and its picture")
    parser.add_argument("--results", type=Path, default=KEPT / "methods.jsonl", help="where results are kept")
    return parser.parse_args(argv)


async def _run_all(todo: Sequence[Job], at_once: int, results: Path, kept: Path) -> None:
    """Run jobs, those that others start from before these; append every result as it comes."""
    room = asyncio.Semaphore(at_once)
    done = {job.key: asyncio.Event() for job in todo}

    async def one(job: Job) -> None:
        kin = job.kin
        if kin is not None and kin.key in done:
            await done[kin.key].wait()
        try:
            if kin is not None and not (kept / kin.key).is_dir():
                record: Record = {"error": f"{kin.label}, which it starts from, failed"}
            else:
                async with room:
                    record = await _run(job, kept)
            jobs.append(results, {"key": job.key, **asdict(job), "jobs": at_once, **record})
            print(f"{job.set} {job.label}: {line(record)}", file=sys.stderr, flush=True)
        finally:
            done[job.key].set()

    async with asyncio.TaskGroup() as tasks:
        for job in todo:
            tasks.create_task(one(job))


async def _run(job: Job, kept: Path) -> Record:
    """One job in a process of its own, which ends with us."""
    stamped, started = stamp(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.json"
        command = [sys.executable, "-m", "tests.bench._one_job", job.to_json(), str(out), str(kept)]
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env={**os.environ, **ONE_THREAD})
        try:
            status = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
        record = json.loads(out.read_bytes()) if out.exists() else {"error": f"its process ended with status {status}"}
    seconds = round(time.perf_counter() - started, 1)
    return {**stamped, "seconds": seconds, **record}
