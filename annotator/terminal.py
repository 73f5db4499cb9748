"""What the command line shows: progress bars, the state of a project, reports."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from annotator.exporter import ExportReport
from annotator.importer import ImportReport
from charloc import methods
from charloc.types import CharlocError
from db import Round, Store

REJECTED = "rejected.tsv"
SHOWN = 10
PHASES = {
    "import": "importing",
    "guess": "guessing",
    "render": "rendering",
    "learn ink": "learning ink",
    "learn spans": "learning spans",
    "lay out": "laying out",
    "learn boxes": "learning boxes",
    "calibrate": "calibrating",
    "look": "looking at pictures",
    "prepare": "preparing",
    "learn": "learning",
    "measure": "measuring",
    "localize": "localizing",
    "save": "saving",
    "read": "reading",
    "compare": "comparing pictures",
}


@contextmanager
def bars(title: str, *, quiet: bool = False) -> Iterator[methods.Progress]:
    """A progress callback that draws one bar a phase on stderr; silent if `quiet` or stderr is not a terminal."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield methods.silent
        return
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        tasks: dict[str, int] = {}

        def show(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = progress.add_task(f"{title}: {PHASES.get(phase, phase)}", total=total or None)
            progress.update(tasks[phase], completed=done, total=total or None)  # type: ignore[arg-type]

        yield show


def show_import(report: ImportReport, project: Path, *, quiet: bool = False) -> None:
    """Say what went in; list what did not, all of it in `rejected.tsv` in the project.

    Raises:
        CharlocError: nothing of it could be used.
    """
    if not quiet:
        print(f"{report.added:,} words added, {report.already:,} were there already, {len(report.rejected):,} rejected")
    listed = project / REJECTED
    if not report.rejected:
        listed.unlink(missing_ok=True)  # of an earlier import, whose items are mended by now
        return
    report.write(listed)
    for each in report.rejected[:SHOWN]:
        print(f"  {each.name}: {each.reason}", file=sys.stderr)
    if len(report.rejected) > SHOWN:
        print(f"  and {len(report.rejected) - SHOWN:,} more", file=sys.stderr)
    print(f"Rejected items are listed in {listed}; mend them and import again.", file=sys.stderr)
    if not report.added and not report.already:
        raise CharlocError("Nothing of it could be imported.")


def show_export(report: ExportReport, out: Path) -> None:
    """Say what was written."""
    boxes = "corrections only" if report.round is None else f"boxes of round {report.round}"
    left_out = f"; {report.left_out:,} left out (flagged, or nothing located)" if report.left_out else ""
    print(f"{report.words:,} words written to {out}, {boxes}{left_out}")


def round_line(each: Round) -> str:
    """A round in one line: its numbers if it is finished, how far it came if not."""
    name = f"Round {each.number} ({each.method})"
    if each.state == "running":
        return f"{name} is running: {PHASES.get(each.phase, each.phase or 'starting')} {each.done:,} of {each.total:,}"
    if each.state != "finished":
        return f"{name} {each.state}{': ' if each.message else ''}{each.message}"
    parts = [f"{each.words:,} words in {each.seconds or 0:.1f} s"]
    if each.words_per_s:
        parts.append(f"{each.words_per_s:,.0f} words/s")
    if each.log_likelihood is not None:
        parts.append(f"log-likelihood {each.log_likelihood:.3f} a character")
    if each.parent_id is not None:
        parts.append(f"{each.moved or 0:,} characters moved")
    if each.prequential:
        seen = each.prequential
        parts.append(
            f"before it {seen.chars:,} newly corrected characters were {seen.centre_h:.2f} h off, {seen.wrong:,} wrong"
        )
    if each.heldback:
        seen = each.heldback
        parts.append(f"of {seen.chars:,} characters held back from it {seen.wrong:,} are wrong")
    return f"{name}: {', '.join(parts)}"


def show_status(store: Store) -> None:
    """Print how far a project is: words, corrections, rounds."""
    counts = store.counts()
    print(f"{counts.words:,} words, {counts.corrected:,} of them corrected ({counts.corrected_today:,} today)")
    print(f"{counts.accepted_characters:,} characters accepted, {counts.pinned_characters:,} pinned")
    print(f"{counts.flagged:,} words flagged, {counts.skipped:,} skipped")
    if store.has_people():
        words = store.words_by_author()
        for person in store.people():
            print(f"  {person.name} ({person.role}): {words.get(person.name, 0):,} words")
    rounds = store.rounds()
    for each in rounds:
        print(f"{each.started_at.astimezone():%Y-%m-%d %H:%M}  {round_line(each)}")
    seen = store.seen_round()
    if seen is not None and any(each.number > seen.number for each in rounds if each.state == "finished"):
        print(f"Round {seen.number} was gone back to: it is the one people see.")
    if not rounds:
        print("No round yet. Begin: launch.py train --project DIR")
