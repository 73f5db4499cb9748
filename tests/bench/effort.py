"""What a person's effort is worth: more words right among those nobody corrected, by how many were corrected.

A round from transcripts alone; then a simulated person pins every true box of the words offered first, and one more
round is run. The same round without corrections tells what they taught from what a round brings. Words are offered in
the application's order, by the least certain character alone, or by chance. Then, apart from that: what one pin does
to the other characters of its word, also after a round from the first guess, which leaves more of them wrong. What is
finished is kept in a file and not run again.

python launch.py bench effort                         run what is missing, print the tables
python launch.py bench effort --write                 the same, and write docs/benchmarks.md and its picture
python launch.py bench effort --sets rendered_line --shares 0,0.02 --orders queue,random --words 60
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from charloc.types import CharlocError
from tests.bench._effort import Case, run, say
from tests.bench._jobs import Record, append, read
from tests.bench._person import ORDERS
from tests.bench._rounds import add_options, check, names
from tests.bench._sets import ROOT, data_folder
from tests.bench._stamp import stamp
from tests.bench._table import between_markers, made_with, markdown

SETS = ("rendered_hard", "rendered_line")
SHARES = (0.0, 0.005, 0.01, 0.02, 0.05, 0.10)
KEPT = ROOT / "docs" / "effort.jsonl"
TRIED = ROOT / ".bench" / "effort.jsonl"
BASES = ROOT / ".bench" / "kept"
PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "images" / "effort.svg"
MORE_WRONG = "guess"
"""A start that leaves more for a pin to repair: single pins are tried after a round from it, too."""
HEADS = ("order", "corrected", "words", "of them wrong", "before", "a round without", "a round with",
         "errors removed", "of all words", "between spaces, of all")  # fmt: skip
PIN_HEADS = ("set", "start", "pins", "other wrong characters", "repaired", "right beside the pin: repaired",
             "right ones spoiled", "repaired a pin", "where others were wrong: some repaired", "all repaired",
             "words right now", "right words: spoiled by a pin")  # fmt: skip


def main(argv: Sequence[str]) -> None:
    options = _options(argv)
    check(options.method, options.init)
    if options.write and options.words:
        raise CharlocError("--write is for whole sets: leave --words out.")
    data_folder()  # says so at once where there is none
    path = options.results or (TRIED if options.words else KEPT)
    asked = {name: _cases(name, options) for name in options.sets}
    kept = {} if options.again else read(path)
    for cases in asked.values():
        todo = [case for case in cases if case.key not in kept]
        if todo:
            say(f"{todo[0].set}: {len(todo)} runs to do.")
            for record in run(todo, BASES, options.again):
                kept[record["key"]] = {**record, **stamp()}
                append(path, kept[record["key"]])
    results = {name: [kept[case.key] for case in cases] for name, cases in asked.items()}
    text = tables(results)
    print(text)
    if options.write:
        from tests.bench._plot import plot_effort  # matplotlib takes a second

        PAGE.write_text(between_markers(PAGE.read_text("utf-8"), text, "effort"), "utf-8")
        plot_effort({name: shares_of(records) for name, records in results.items()}, PICTURE)
        print(f"{PAGE} and {PICTURE} are written.", file=sys.stderr)


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench effort", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser, SETS)
    parser.add_argument("--shares", type=_shares, default=list(SHARES), help="of the words, such as 0,0.02")
    parser.add_argument("--orders", type=names, default=list(ORDERS), help=f"default: {','.join(ORDERS)}")
    parser.add_argument("--seed", type=int, default=0, help="of the order by chance")
    parser.add_argument("--again", action="store_true", help="run what is finished once more")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and its picture")
    parser.add_argument("--results", type=Path, help=f"where results are kept (default: docs/{KEPT.name})")
    options = parser.parse_args(argv)
    wrong = [name for name in options.orders if name not in ORDERS]
    if wrong:
        raise CharlocError(f"There is no order '{wrong[0]}'. Choose some of: {', '.join(ORDERS)}.")
    return options


def _shares(text: str) -> list[float]:
    shares = [float(part) for part in text.split(",")]
    if not all(0 <= share < 1 for share in shares):
        raise argparse.ArgumentTypeError(f"{text}: expected shares of the words, 0 <= share < 1, such as 0,0.02")
    return shares


def _cases(name: str, options: argparse.Namespace) -> list[Case]:
    """A case per share and order; nobody is asked in any order where the share is 0. Single pins come first, those of
    `MORE_WRONG` last."""
    steps = [("", 0.0)]
    steps += [("queue", share) for share in options.shares if share == 0]
    steps += [(order, share) for share in options.shares if share > 0 for order in options.orders]
    cases = [
        Case(name, options.method, options.init, order, share, options.words, options.seed if order == "random" else 0)
        for order, share in steps
    ]
    if options.init == MORE_WRONG:
        return cases
    return [*cases, Case(name, options.method, MORE_WRONG, "", 0.0, options.words, 0)]


def shares_of(records: Sequence[Record]) -> list[Record]:
    """The results that have a share, without those of single pins."""
    return [record for record in records if record["order"]]


def tables(results: Mapping[str, Sequence[Record]]) -> str:
    """Markdown of all sets: what corrections do, by order and share; then what single pins do."""
    parts = []
    for name, records in results.items():
        rows = [_row(record) for record in sorted(shares_of(records), key=lambda each: each["share"])]
        parts += [f"### {name}", markdown(HEADS, rows)]
    pins = [_pin_row(record) for records in results.values() for record in records if not record["order"]]
    parts += ["### One pin", markdown(PIN_HEADS, pins)]
    return "\n\n".join([*parts, made_with([record for records in results.values() for record in records])])


def removed(step: Mapping[str, Mapping[str, int]], what: str = "wrong") -> float | None:
    """The share of the errors after a round without corrections that are gone after one with them."""
    control, after = step["control"][what], step["after"][what]
    return 1 - after / control if control else None


def _row(record: Record) -> list[str]:
    others, every = record["others"], record["all"]
    steps = [f"{others[name]['word50']:.4f} ({others[name]['r50']:.4f})" for name in ("before", "control", "after")]
    asked = record["asked"]
    if not asked["words"]:
        return ["nobody asked", "0 %", "0", "", *steps, "", "", ""]
    gone = [removed(others), removed(every), removed(every, "parts_wrong")]
    return [
        record["order"],
        f"{100 * record['share']:g} %",
        str(asked["words"]),
        str(asked["wrong"]),
        *steps,
        *("" if each is None else f"{each:.1%}" for each in gone),
    ]


def _pin_row(record: Record) -> list[str]:
    def of(count: int, total: int) -> str:
        return f"{count} of {total}" + (f" ({count / total:.0%})" if total else "")

    pins, others, several = record["pins"], record["others_wrong"], record["with_others"]
    return [
        record["set"],
        record["init"],
        str(pins),
        str(others),
        of(record["repaired"], others),
        of(record["beside_repaired"], record["beside"]) if "beside" in record else "",
        str(record["spoiled"]),
        f"{record['repaired'] / pins:.2f}" if pins else "",
        of(record["some_repaired"], several),
        of(record["all_repaired"], several),
        of(record["words_right"], pins),
        of(record["sound_spoiled"], record["sound"]) if "sound" in record else "",
    ]
