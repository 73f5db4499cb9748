"""`launch.py review ...`: what is wrong in a project, on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from annotator.priority import come_last
from charloc.suspicion import IN_WORDS, Reason, difference
from charloc.text import visible

if TYPE_CHECKING:  # the store takes a moment to import, and every command line imports this
    from db import StoredSuspicion, Word

review = typer.Typer(no_args_is_help=True, help="Find what is wrong in a project.", rich_markup_mode=None)


@review.callback()
def commands() -> None:
    """Find what is wrong in a project."""


@review.command()
def suspicious(
    project: Annotated[Path, typer.Option("--project", "-p", help="The project's folder.")] = Path("project"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, worst first.")] = False,
    least: Annotated[
        float, typer.Option(min=0, max=1, help="Only words at least so suspicious; 0 for all of them.")
    ] = 0.2,
    most: Annotated[int | None, typer.Option(min=1, help="At most so many words.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Look anew, whatever was found before.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
    background: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """List transcripts that are probably wrong, and pictures that are: worst first.

    Words are read by what the round people see has learned. Those that somebody said are right, flagged or changed
    since are left out. Ctrl-C stops; what was found before stays.
    """
    from annotator.suspicions import look, reader_of
    from annotator.terminal import bars
    from annotator.words import StoreWords
    from db import Store

    if background:
        come_last()
    with Store.open(project) as store:
        current = store.seen_round()
        if again or current is None or not store.has_suspicions(current.id):
            with bars("suspicious", quiet=quiet) as progress:
                look(store, project, progress)
            current = store.seen_round()
        if background or current is None:
            return
        found = store.suspicions(current.id, least)[:most]
        words = {word.id: word for word in store.words([each.word_id for each in found])}
        if as_json:
            for each in found:
                print(json.dumps(as_row(each, words[each.word_id]), ensure_ascii=False))
            return
        if reader_of(store, project, current, StoreWords(store, store.word_ids())) is None:
            print("Nothing here can read these letters yet: only widths and pictures were looked at.")
            print("Train a round: launch.py train --project DIR")
        show(found, words)


def report(
    project: Annotated[Path, typer.Option("--project", "-p", help="The project's folder.")] = Path("project"),
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to write: HTML, or JSON if it ends in .json.")
    ] = None,
    as_json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Also, or only, as JSON.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing.")] = False,
) -> None:
    """Write a report of the data set: counts, errors with their interval, what looks wrong, rounds, pictures."""
    from annotator.report import write_report
    from charloc.types import CharlocError
    from db import Store

    if out is not None and out.suffix.lower() == ".json":
        out, as_json = None, as_json or out
    if out is None and as_json is None:
        raise CharlocError("Say where to write it: --out report.html, or --out report.json.")
    with Store.open(project) as store:
        write_report(store, project, out, as_json)
    if not quiet:
        print(" and ".join(f"{path}" for path in (out, as_json) if path is not None), "written")


def as_row(found: StoredSuspicion, word: Word) -> dict[str, object]:
    """A word's suspicion as `--json` prints it."""
    return {
        "image": word.name,
        "text": "".join(found.text),
        "reason": found.reason,
        "score": round(found.score, 4),
        "suggestion": None if found.suggestion is None else "".join(found.suggestion),
        "word": found.word_id,
        "gain": found.gain,
        "reasons": dict(found.weights),
        "other": found.other,
    }


def show(found: list[StoredSuspicion], words: dict[int, Word]) -> None:
    """Print a table; on a terminal what goes is struck through, and what comes is underlined."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not found:
        print("Nothing looks wrong.")
        return
    console = Console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("score", "image", "transcript", "more likely", "why"):
        table.add_column(title, justify="right" if title == "score" else "left", overflow="fold")
    for each in found:
        likely = Text()
        for kind, text in difference(each.text, each.suggestion) if each.suggestion else []:
            if kind == "gone" and not console.is_terminal:
                continue
            likely.append(visible(text), {"same": "", "gone": "strike red", "new": "underline bold green"}[kind])
        name, text = words[each.word_id].name, "".join(each.text)
        # As Text: what stands in brackets is not markup here.
        plain = (Text(visible(part)) for part in (f"{each.score:.2f}", name, text))
        table.add_row(*plain, likely, IN_WORDS[Reason(each.reason)])
    console.print(table)
    console.print(f"{len(found):,} words. The page Suspicious of launch.py annotate shows their pictures.")

