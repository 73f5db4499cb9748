"""Is confidence honest? How often a box is right that a method is so sure of, and whether doubt finds the wrong words.

A character is right where its box meets the true one with IoU >= 0.5; one without a box is wrong. A word is wrong
where any of its characters is. Nobody is asked; true boxes only score. Beside the queue's AUC stand how many of
the wrong words have a reference that is itself at fault (faulty.json), and the AUC without those; what is aimed at
counts them.

python launch.py bench calibration                    run what is missing, print the table
python launch.py bench calibration --write            the same, and write docs/benchmarks.md and its picture
python launch.py bench calibration --sets irish --words 200 --rounds 1 --init guess
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from charloc.calibration import auc, expected_calibration_error, reliability
from charloc.text import is_space
from charloc.types import CharlocError, Localization, WordImage
from charloc.uncertainty import word_uncertainty
from tests.bench._jobs import Record, append, read
from tests.bench._rounds import add_options, check, each_round
from tests.bench._sets import ROOT, WITH_TRUTH, Set, faulty, judge, load
from tests.bench._stamp import stamp
from tests.bench._table import between_markers, made_with, markdown

BINS = 15
MOST_ERROR, LEAST_AUC = 0.05, 0.90
"""What is aimed at on every set."""
KEPT = ROOT / "docs" / "calibration.jsonl"
TRIED = ROOT / ".bench" / "calibration.jsonl"
PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "images" / "reliability.svg"
HEADS = ("set", "words", "characters", "right", "mean confidence", "ECE", "AUC, characters", "words wrong",
         "AUC, least confident character", "AUC, queue", "by faulty references", "AUC, queue, without these",
         "asked")  # fmt: skip


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="bench calibration", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser, WITH_TRUTH)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="run what is finished once more")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and its picture")
    parser.add_argument("--results", type=Path, help=f"where results are kept (default: docs/{KEPT.name})")
    options = parser.parse_args(argv)
    check(options.method, options.init)
    if options.write and options.words:
        raise CharlocError("--write is for whole sets: leave --words out.")
    path = options.results or (TRIED if options.words else KEPT)
    keys = {name: _key(name, options) for name in options.sets}
    kept = {} if options.again else read(path)
    print(markdown(HEADS, []), flush=True)
    for name, key in keys.items():
        if key not in kept:
            kept[key] = {"key": key, "set": name, **stamp(), **_run(load(name, options.words), options)}
            append(path, kept[key])
        print(f"| {' | '.join(row(kept[key]))} |", flush=True)
    if options.write:
        write([kept[key] for key in keys.values()])


def write(records: Sequence[Record]) -> None:
    """The table into the page, between its markers, and the picture beside it."""
    from tests.bench._plot import plot_reliability  # matplotlib takes a second

    text = f"{markdown(HEADS, [row(each) for each in records])}\n\n{made_with(records)}"
    PAGE.write_text(between_markers(PAGE.read_text("utf-8"), text, "calibration"), "utf-8")
    plot_reliability(records, PICTURE)
    print(f"{PAGE} and {PICTURE} are written.", file=sys.stderr)


def _key(name: str, options: argparse.Namespace) -> str:
    return "-".join(map(str, (name, options.method, options.init, options.words or "all", options.rounds)))


def _run(data: Set, options: argparse.Namespace) -> Record:
    *_, last = each_round(data, options.method, options.init, options.rounds)
    return measure(data, last.localizations)


def measure(data: Set, found: Sequence[Localization]) -> Record:
    """All of a table's row, and the curve of the picture: only figures, nothing of the words themselves."""
    judged = [judge(*each) for each in zip(data.words, data.truth, found, strict=True)]
    right = np.concatenate([each.right for each in judged])
    sure = np.concatenate([each.confidence for each in judged])
    counts = [i for i, each in enumerate(judged) if len(each.index)]
    wrong = np.array([not judged[i].right.all() for i in counts])
    least = np.array([1 - least_confidence(data.words[i], found[i]) for i in counts])
    queue = np.array([word_uncertainty(found[i]) for i in counts])
    faults = faulty(data.name)
    sound = np.array([data.truth[i].name not in faults for i in counts], bool)
    _, mean, share, held = reliability(sure, right, BINS)
    return {
        "words": len(counts),
        "chars": len(right),
        "right": _rounded(right.mean()),
        "confidence": _rounded(sure.mean()),
        "ece": _rounded(expected_calibration_error(sure, right, BINS)),
        "auc_chars": _rounded(auc(1 - sure, ~right)),
        "words_wrong": int(wrong.sum()),
        "auc_least": _rounded(auc(least, wrong)),
        "auc_queue": _rounded(auc(queue, wrong)),
        "faulty": int((~sound & wrong).sum()),
        "auc_sound": _rounded(auc(queue[sound], wrong[sound])),
        "curve": [[_rounded(each) for each in point] for point in zip(mean, share, held, strict=True)],
    }


def least_confidence(word: WordImage, found: Localization) -> float:
    """The confidence of the word's least certain character, spaces aside; 0 for a word without any."""
    letters: NDArray[np.bool_] = np.array([not is_space(each) for each in word.characters], bool)
    return float(found.confidence[letters].min()) if letters.any() else 0.0


def row(record: Mapping[str, object]) -> list[str]:
    """The cells of one set."""
    return [
        str(record["set"]),
        *(f"{record[name]:,}" for name in ("words", "chars")),
        *(_cell(record[name]) for name in ("right", "confidence", "ece", "auc_chars")),
        f"{record['words_wrong']:,}",
        *(_cell(record[name]) for name in ("auc_least", "auc_queue")),
        f"{record['faulty']:,}",
        _cell(record["auc_sound"]),
        "; ".join(_asked(record)),
    ]


def _asked(record: Mapping[str, object]) -> Iterator[str]:
    error, best = record["ece"], record["auc_queue"]
    if isinstance(error, float):
        yield f"ECE {'met' if error <= MOST_ERROR else f'+{error - MOST_ERROR:.3f}'}"
    if isinstance(best, float):
        yield f"AUC {'met' if best >= LEAST_AUC else f'{best - LEAST_AUC:.3f}'}"


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.4f}"


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
