"""What the command line shows: progress bars, the state of a project, reports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from charloc import methods
from db import Round, Store

PHASES = {"guess": "guessing", "learn": "learning", "localize": "localizing", "save": "saving", "import": "importing"}


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


def round_line(each: Round) -> str:
    """A finished round in one line."""
    parts = [f"Round {each.number} ({each.method}): {each.words:,} words in {each.seconds or 0:.1f} s"]
    if each.words_per_s:
        parts.append(f"{each.words_per_s:,.0f} words/s")
    if each.parent_id is not None:
        parts.append(f"{each.moved or 0:,} characters moved")
    if each.prequential:
        seen = each.prequential
        parts.append(
            f"the round before was {seen.centre_h:.2f} h off on {seen.chars:,} newly corrected characters, "
            f"{seen.wrong:,} wrong"
        )
    return ", ".join(parts)


def show_status(store: Store, console: Console) -> None:
    """Print how far a project is: words, corrections, rounds."""
    counts = store.counts()
    console.print(f"{counts.words:,} words")
    console.print(
        f"{counts.corrected:,} corrected ({counts.corrected_today:,} today): {counts.accepted_characters:,} characters "
        f"accepted, {counts.pinned_characters:,} pinned; {counts.flagged:,} words flagged, {counts.skipped:,} skipped"
    )
    rounds = store.rounds()
    if not rounds:
        console.print("No round yet. Make the first guess: launch.py guess --project DIR")
        return
    table = Table("round", "method", "state", "started", "seconds", "log-lik.", "moved", "off (h)", "wrong", box=None)
    for each in rounds:
        seen = each.prequential
        table.add_row(
            str(each.number),
            each.method,
            _state(each),
            _local(each.started_at),
            _number(each.seconds, ".1f"),
            _number(each.log_likelihood, ".3f"),
            _number(each.moved, ","),
            _number(seen.centre_h if seen else None, ".2f"),
            f"{seen.wrong} of {seen.chars}" if seen else "",
        )
    console.print(table)


def _state(each: Round) -> str:
    if each.state == "running":
        return f"running: {PHASES.get(each.phase, each.phase)} {each.done:,} of {each.total:,}"
    return f"{each.state}: {each.message}" if each.message and each.state != "finished" else each.state


def _local(when: datetime) -> str:
    return when.astimezone().strftime("%Y-%m-%d %H:%M")


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
