"""How right the boxes are from transcripts only, on every development set: the start, then rounds of EM.

"line words": where an image holds several words, word50 counts it as one; this counts the words between spaces.
--write puts the table into docs/experiments.md; --pictures draws what is left wrong, outside of the repository.

python launch.py bench accuracy [--sets irish,fraktur] [--rounds 2] [--words 500] [--method segmental] [--init guess]
    [--write] [--pictures FOLDER]
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from charloc.em import RoundResult
from charloc.metrics import Scores
from charloc.types import CharlocError
from tests.bench._pictures import check_folder, draw
from tests.bench._rounds import DEFAULT_INIT, add_options, check, each_round
from tests.bench._sets import ROOT, WITH_TRUTH, Set, load
from tests.bench._stamp import stamp
from tests.bench._table import made_with, markdown

SHOWN = ("word50", "r50", "r75", "pck25", "pck10", "dx_med", "dy_med")
HEADS = ("set", "words", "step", *SHOWN, "line words", "words/s", "seconds", "moved", "asked")
ASKED: Mapping[str, Mapping[str, float]] = {
    "irish": {"word50": 0.990, "r50": 0.998},
    "fraktur": {"word50": 0.993, "r50": 0.998},
    "rendered_clean": {"word50": 0.970, "r50": 0.993, "pck10": 0.95},
    "rendered_hard": {"word50": 0.900, "r50": 0.975, "pck25": 0.985, "pck10": 0.87, "r75": 0.80},
    "rendered_line": {"word50": 0.70, "r50": 0.96},
}
"""What is aimed at, by set."""
PAGE = ROOT / "docs" / "experiments.md"


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench accuracy", description=__doc__)
    add_options(parser, WITH_TRUTH)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="put the table into docs/experiments.md")
    parser.add_argument("--pictures", type=Path, help="a folder, not in the repository, for sheets of what is wrong")
    parser.add_argument("--worst", type=int, default=40, help="words on a sheet (default: 40)")
    options = parser.parse_args(argv)
    check(options.method, options.init)
    if options.pictures:
        check_folder(options.pictures)
    if options.write and options.words:
        raise CharlocError("--write is for whole sets: leave --words out.")
    stamped, rows = stamp(), []
    print(markdown(HEADS, []), flush=True)
    for name in options.sets:
        data = load(name, options.words)
        for number, result in enumerate(each_round(data, options.method, options.init, options.rounds)):
            rows.append(row(data, number, result, options.init, options.rounds))
            print(_line(rows[-1]), flush=True)
        if options.pictures:
            sheet = options.pictures / f"left_{name}.png"
            count = draw(data, result.localizations, options.worst, sheet)
            print(f"{name}: {count} words on {sheet}" if count else f"{name}: nothing is wrong", file=sys.stderr)
    if options.write:
        command = f"launch.py bench accuracy --sets {','.join(options.sets)} --rounds {options.rounds}"
        command += f" --method {options.method} --init {options.init}"
        text = section(command, rows, stamped)
        PAGE.write_text(on_top(PAGE.read_text("utf-8"), text), "utf-8")
        print(f"{PAGE} is written.", file=sys.stderr)


def row(data: Set, number: int, result: RoundResult, init: str = DEFAULT_INIT, last: int = 0) -> list[str]:
    """The cells of one step; what is asked is compared with the last."""
    found = data.score(result.localizations)
    seconds = result.m_step_s + result.e_step_s
    speed = len(data.words) / max(result.e_step_s, 1e-9)
    parts, right = (sum(each) for each in zip(*data.parts(result.localizations), strict=True))
    return [
        data.name,
        str(len(data.words)),
        f"round {number}" if number else init,
        *(f"{getattr(found, name):.4f}" for name in SHOWN),
        f"{right / max(parts, 1):.4f}" if data.has_lines else "",
        f"{speed:.0f}",
        f"{seconds:.0f}",
        str(result.moved) if number else "",
        asked(data.name, found) if number == last else "",
    ]


def asked(name: str, found: Scores) -> str:
    """What is aimed at on a set, and by how much each is missed.

    >>> from charloc.metrics import scores
    >>> import numpy as np
    >>> asked("rendered_line", scores([np.array([[0, 0, 0.9], [0, 0, 0.1]]), np.array([[0, 0, 0.9], [0, 0, 0.9]])]))
    'word50 .700: -0.2000, r50 .960: -0.2100'
    """
    parts = []
    for score, aim in ASKED.get(name, {}).items():
        lacks = getattr(found, score) - aim
        parts.append(f"{score} {f'{aim:.3f}'.lstrip('0')}: {'met' if lacks >= 0 else f'{lacks:.4f}'}")
    return ", ".join(parts)


def section(command: str, rows: Sequence[Sequence[str]], stamped: Mapping[str, str]) -> str:
    """The table as a section of the log of experiments."""
    head = f"## {stamped['date']}: how right the boxes are"
    return f"{head}\n\n`{command}`\n\n{markdown(HEADS, rows)}\n\n{made_with([stamped])}\n"


def on_top(page: str, text: str) -> str:
    """The page with a section put before its first one: the newest stands first.

    Raises:
        CharlocError: the page has no section.
    """
    first = re.search(r"^## ", page, re.MULTILINE)
    if first is None:
        raise CharlocError(f"{PAGE.name} has no section, a line that begins with ##.")
    return f"{page[: first.start()]}{text}\n{page[first.start() :]}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
