"""How right the boxes are: the guess and rounds of EM from transcripts only, on every development set.

python launch.py bench accuracy [--sets irish,fraktur] [--rounds 2] [--words 500] [--method segmental]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from charloc import em
from charloc.metrics import Scores
from tests.bench._sets import WITH_TRUTH, load

SHOWN = ("word50", "r50", "r75", "pck25", "pck10", "dx_med", "dy_med")


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench accuracy", description=__doc__)
    parser.add_argument("--sets", default=",".join(WITH_TRUTH))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--words", type=int, help="at most so many words of each set")
    parser.add_argument("--method", default="segmental")
    options = parser.parse_args(argv)
    print("| set | words | step | " + " | ".join(SHOWN) + " | seconds | moved |")
    print("|---|---|---|" + "---|" * (len(SHOWN) + 2))
    for name in options.sets.split(","):
        _one_set(name, options.rounds, options.words, options.method)


def _one_set(name: str, rounds: int, most: int | None, method: str) -> None:
    data = load(name, most)
    nobody = [()] * len(data.words)
    weights = np.ones(len(data.words), dtype=np.float32)
    result = em.run_round("guess", data.words, em.first_guess(data.words, nobody), nobody, weights)
    _row(name, len(data.words), "guess", data.score(result.localizations), result.e_step_s, None)
    learned = None
    for number in range(1, rounds + 1):
        result = em.run_round(method, data.words, result.localizations, nobody, weights, parent=learned)
        learned = result.checkpoint
        seconds = result.m_step_s + result.e_step_s
        _row(name, len(data.words), f"round {number}", data.score(result.localizations), seconds, result.moved)


def _row(name: str, words: int, step: str, found: Scores, seconds: float, moved: int | None) -> None:
    numbers = " | ".join(f"{getattr(found, each):.4f}" for each in SHOWN)
    print(f"| {name} | {words} | {step} | {numbers} | {seconds:.0f} | {'' if moved is None else moved} |", flush=True)
