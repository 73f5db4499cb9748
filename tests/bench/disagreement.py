"""Do other methods know where the default method is wrong? Nobody is asked; true boxes only score.

Every method runs on the set from transcripts alone. A character of the judged method is wrong where its box meets the
true one by less than half (IoU < 0.5). AUC: how probable it is that a wrong character scores higher than a right one.

python launch.py bench disagreement [--set rendered_hard] [--methods guess,ctc] [--judged segmental] [--words 300]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from charloc import em
from charloc.calibration import auc
from charloc.methods import DEFAULT, METHODS, Checkpoint
from charloc.metrics import word_errors
from charloc.text import code_points_per_character
from charloc.types import CharlocError, Localization
from charloc.uncertainty import disagreement
from tests.bench._sets import Set, load

WRONG_IOU = 0.5
Floats = NDArray[np.float64]
Found = Sequence[Localization]


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench disagreement", description=__doc__)
    parser.add_argument("--set", default="rendered_hard")
    parser.add_argument("--methods", help="those to compare with; otherwise all others")
    parser.add_argument("--judged", default=DEFAULT, help="the method whose boxes are judged")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--words", type=int, help="at most so many words of the set")
    options = parser.parse_args(argv)
    names = options.methods.split(",") if options.methods else list(METHODS)
    others = [name for name in names if name != options.judged]
    for name in (options.judged, *others):
        if name not in METHODS:
            raise CharlocError(f"There is no method '{name}'. Choose some of: {', '.join(METHODS)}.")
    data = load(options.set, options.words)
    found = _run(data, (options.judged, *others), options.rounds)
    judged = found.pop(options.judged)
    wrong, _ = signals(data, judged, [])
    print(f"{options.set}, {len(data.words)} words: {wrong.sum()} of {len(wrong)} characters of {options.judged} wrong")
    print("| signal | AUC | with 1 - confidence |")
    print("|---|---|---|")
    for name, alone, combined in table(data, judged, found):
        print(f"| {name} | {alone:.3f} | {combined:.3f} |", flush=True)


def table(data: Set, judged: Found, others: Mapping[str, Found]) -> list[tuple[str, float, float]]:
    """Rows of (signal, its AUC, AUC of the two combined): each other method's disagreement, all methods', and doubt."""
    rows: list[tuple[str, float, float]] = []
    asked = {f"disagreement with {name}": [found] for name, found in others.items()}
    if len(others) > 1:
        asked["disagreement with all of them"] = list(others.values())
    for name, with_whom in asked.items():
        wrong, (apart, doubt) = signals(data, judged, with_whom)
        rows.append((name, auc(apart, wrong), auc(combined(apart, doubt), wrong)))
    wrong, (_, doubt) = signals(data, judged, [])
    return [*rows, ("1 - confidence", auc(doubt, wrong), auc(doubt, wrong))]


def combined(apart: Floats, doubt: Floats) -> Floats:
    """How probable it is that a box is wrong, were confidence and agreement two independent witnesses for it."""
    return 1.0 - (1.0 - doubt) * (1.0 - apart)


def signals(data: Set, judged: Found, others: Sequence[Found]) -> tuple[NDArray[np.bool_], tuple[Floats, Floats]]:
    """Of all n characters (code points) of a set that have a true box, and were given one:

    Returns:
        wrong: bool (n,).
        apart, doubt: float64 (n,), the others' disagreement and 1 - confidence. (0 if there are no others.)
    """
    wrong, apart, doubt = [], [], []
    for i, (word, truth, found) in enumerate(zip(data.words, data.truth, judged, strict=True)):
        counts = code_points_per_character(word.characters)
        owner = np.repeat(np.arange(len(counts)), counts)
        true = truth.boxes or ()
        there = [
            k for k, box in enumerate(true) if box and k not in truth.approx and not np.isnan(found.boxes[owner[k], 0])
        ]
        errors = word_errors([true[k] for k in there], found.boxes[owner[there]])
        wrong.append(errors[:, 2] < WRONG_IOU)
        known = disagreement(found, [each[i] for each in others]) if others else np.zeros(len(counts))
        apart.append(known[owner[there]])
        doubt.append(1.0 - found.confidence[owner[there]])
    return np.concatenate(wrong), (np.concatenate(apart).astype(np.float64), np.concatenate(doubt).astype(np.float64))


def _run(data: Set, names: Sequence[str], rounds: int) -> dict[str, Found]:
    """Every method's localizations; one with kin starts from what that learned, if it is among them."""
    nobody = [()] * len(data.words)
    weights = np.ones(len(data.words), dtype=np.float32)
    found: dict[str, Found] = {}
    learned: dict[str, Checkpoint | None] = {}
    for name in sorted(names, key=lambda name: bool(METHODS[name].kin)):
        started = time.perf_counter()
        parent = next((learned[kin] for kin in METHODS[name].kin if kin in learned), None)
        number = rounds if METHODS[name].learns else 1
        result = em.run(name, data.words, nobody, weights, rounds=number, parent=parent)
        found[name], learned[name] = result.localizations, result.checkpoint
        seconds = time.perf_counter() - started
        print(f"{name}: r50 {data.score(result.localizations).r50:.4f}, {seconds:.0f} s", file=sys.stderr, flush=True)
    return found
