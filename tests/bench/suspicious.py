"""Wrong transcripts, planted: are they found first? 5 % of a set's words are made wrong, one round learns from all.

One letter changed, dropped, added; two letters swapped; the texts of two words swapped: one word in a hundred each. The
round learns with the errors in, as a person's project would. What was planted is for scoring only.

python launch.py bench suspicious [--sets irish,fraktur,rendered_clean] [--seed 0] [--words 1000] [--share 0.05]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from charloc import em
from charloc.calibration import auc
from charloc.methods import DEFAULT
from charloc.methods.segmental import Segmental
from charloc.suspicion import Suspicion
from charloc.suspicion.finding import find
from tests.bench._planting import KINDS, Planted, plant
from tests.bench._sets import load
from tests.bench._stamp import stamp

SETS = "irish,fraktur,rendered_clean"
FIRST = 100
ASKED = {"irish": "AUC >= .95, precision of the first 100 >= .80"}


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench suspicious", description=__doc__)
    parser.add_argument("--sets", default=SETS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--words", type=int, help="at most so many words of each set")
    parser.add_argument("--share", type=float, default=0.05)
    options = parser.parse_args(argv)
    head = ["set", "words", "wrong", "AUC", f"first {FIRST}", "as many as are wrong", *KINDS, "right suggestions",
            "words/s", "asked for"]  # fmt: skip
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}", flush=True)
    for name in options.sets.split(","):
        truth = load(name, options.words).words
        planted = plant(truth, options.share, options.seed)
        nobody = [()] * len(truth)
        result = em.run(DEFAULT, planted.words, nobody, np.ones(len(truth), np.float32), rounds=1)
        started = time.perf_counter()
        found = find(planted.words, nobody, Segmental(result.checkpoint))
        speed = len(truth) / (time.perf_counter() - started)
        scores = np.array([each.score for each in found])
        named = [truth[i].characters for i in planted.kinds]
        suggested = [suggestion_of(found[i], planted.words[i].characters) for i in planted.kinds]
        right = np.mean([one == other for one, other in zip(named, suggested, strict=True)])
        first, as_many = (precision(scores, planted.wrong, n) for n in (FIRST, int(planted.wrong.sum())))
        row = [name, len(truth), planted.wrong.sum(), f"{auc(scores, planted.wrong):.4f}", f"{first:.2f}",
               f"{as_many:.3f}", *by_kind(scores, planted), f"{right:.2f}", f"{speed:.0f}",
               ASKED.get(name, "")]  # fmt: skip
        print(f"| {' | '.join(map(str, row))} |", flush=True)
    print("\nMeasured", ", ".join(stamp().values()))


def precision(scores: NDArray[np.float64], wrong: NDArray[np.bool_], first: int) -> float:
    """Share of the `first` most suspicious words that are wrong."""
    return float(wrong[np.argsort(-scores, kind="stable")[:first]].mean())


def by_kind(scores: NDArray[np.float64], planted: Planted) -> list[str]:
    """AUC of each kind of error against the words that are as they were."""
    rows = []
    for kind in KINDS:
        of_kind = np.array([planted.kinds.get(i) == kind for i in range(len(scores))])
        among = of_kind | ~planted.wrong
        rows.append(f"{auc(scores[among], of_kind[among]):.4f}")
    return rows


def suggestion_of(found: Suspicion, text: tuple[str, ...]) -> tuple[str, ...]:
    """What a person who follows every suggestion would have."""
    return text if found.suggestion is None else found.suggestion
